"""Where mail comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from capstone.domain.message import OfferedItem, Place


class MailSource(Protocol):
    """One source of one account's mail. It is only ever read."""

    name: str
    gives_same_bytes: bool
    """False where the server regenerates MIME at each fetch (EWS, Graph)."""

    def items(self, cursors: Mapping[str, str]) -> Iterator[OfferedItem]:
        """Every item from the cursors on, each once, streamed. Raises SourceMissing, SourceUnavailable, NoMailFound."""
        ...

    def places(self) -> Iterator[Place]:
        """Every place that holds a message now, for reconciliation."""
        ...
