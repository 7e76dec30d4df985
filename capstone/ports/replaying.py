"""What a preview and a replay read of the ledger: everything that a class depends on, without touching the store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from capstone.domain.message import Occurrence
from capstone.domain.records import Classification, Learned
from capstone.domain.sketches import Sketch

REPLAY = "replay"
"""The source that runs of a replay name: they bring no mail, so they are no capture."""


@dataclass(frozen=True, slots=True)
class HeldRecord:
    """A record with its present class and what decides on it. `learned` None: its bytes must be read first (after a rebuild)."""

    account: str
    digest: str
    version_id: str
    captured_at: datetime
    classification: Classification
    learned: Learned | None
    occurrences: tuple[Occurrence, ...]
    seen_at: datetime
    """When its newest occurrence was taken in: before that, nobody could know of it."""

    @property
    def record_id(self) -> str:
        """As everywhere."""
        return f"{self.account}/{self.digest}"


class ReplayLedger(Protocol):
    """The ledger as a replay of classes sees it."""

    def held(self, account: str, after: str = "", page_size: int = 1000) -> Iterator[HeldRecord]:
        """Every record of the account whose digest comes after `after`, by digest, paged, each page a view of its own."""
        ...

    def sketches(self, page_size: int = 10_000) -> Iterator[Sketch]:
        """Every record of every account as text, in no order that means anything, paged, each page a view of its own."""
        ...

    def unlearned(self, account: str, limit: int, after: str = "") -> list[str]:
        """Up to `limit` digests after `after`, in order, of records of which it is not noted what their bytes say."""
        ...

    def learn(self, account: str, learned: Mapping[str, Learned]) -> None:
        """Note, by digest, what the bytes say. Noting it again changes nothing."""
        ...

    def accounts_held(self) -> Iterable[str]:
        """Every account that has records, sorted."""
        ...
