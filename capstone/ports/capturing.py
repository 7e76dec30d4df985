"""The side of the ledger that capture writes: runs, offered items, records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from capstone.domain.message import ItemState, Occurrence, Place, SourceNote
from capstone.domain.records import Classification, KeptBeside, Learned, RecordEntry


@dataclass(frozen=True, slots=True)
class ManifestRef:
    """A manifest that the ledger has taken in."""

    account: str
    key: str
    digest: str


@dataclass(frozen=True, slots=True)
class ItemOutcome:
    """What became of one offered item. `digest` is set when its bytes are in the store."""

    place: Place
    state: ItemState
    code: str = ""
    reason: str = ""
    digest: str | None = None
    occurrence: Occurrence | None = None
    beside: tuple[KeptBeside, ...] = ()
    """What the item brought to be kept beside the record of `digest`."""


@dataclass(frozen=True, slots=True)
class Reclassification:
    """A known record whose class changed, for instance by a new occurrence."""

    account: str
    digest: str
    classification: Classification


@dataclass(frozen=True, slots=True)
class Quarantined:
    """Bytes kept without being a record."""

    digest: str
    source: str
    account: str
    item_id: str
    code: str
    reason: str
    size_bytes: int
    tries: int = 1


@dataclass(frozen=True, slots=True)
class CaptureBatch:
    """All that one batch changes in the ledger; committed in one transaction, after its manifest is in the store."""

    run_id: str
    at: datetime
    manifest: ManifestRef
    outcomes: tuple[ItemOutcome, ...]
    records: tuple[RecordEntry, ...]
    """The new ones; their occurrences stand in `outcomes`."""
    reclassified: tuple[Reclassification, ...] = ()
    quarantined: tuple[Quarantined, ...] = ()
    cursors: Mapping[str, str] = field(default_factory=dict)
    learned: Mapping[str, Learned] = field(default_factory=dict)
    """By digest, of the new records. Never in a manifest: what is missing after a rebuild is read from the bytes again."""


@dataclass(frozen=True, slots=True)
class Run:
    """One capture of one source into one account."""

    run_id: str
    account: str
    source: str
    started_at: datetime
    ended_at: datetime | None = None
    outcome: str = "running"
    """running, complete, failed, or abandoned (its process died; found by the next run)."""
    error: str | None = None
    """The code of the named error that ended it."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """By ItemState value; `offered` is their sum."""
    notes: tuple[SourceNote, ...] = ()
    """What its source had to say beside its items."""


@dataclass(frozen=True, slots=True)
class Noted:
    """What the source of a run had to say, and how far that goes."""

    notes: tuple[SourceNote, ...] = ()
    is_whole: bool = False
    """Whether the run read the whole source, so that gaps of earlier runs which these notes do not name are closed."""


NOTHING_NOTED = Noted()
"""Of a run without a source that says anything: no gap is added, none is closed."""


class CaptureLedger(Protocol):
    """Runs, offered items and records: written by capture, one writer an account at a time."""

    def take_lease(self, account: str, holder: str, now: datetime, ttl_s: int) -> bool:
        """Become, or stay, the account's one writer until `now` + `ttl_s`; says whether whoever had it before gave it back.
        Raises AccountBusy."""
        ...

    def give_back_lease(self, account: str, holder: str) -> None:
        """End the lease if `holder` has it."""
        ...

    def start_run(self, run: Run) -> None:
        """Note a run as begun; earlier runs of this account and source still `running` become `abandoned`."""
        ...

    def finish_run(self, run_id: str, ended_at: datetime, outcome: str, error: str | None, noted: Noted = NOTHING_NOTED) -> Run:
        """Close a run and keep its notes, in one transaction. Its counts are the sums of its items. `coverage.still_stands` says
        which earlier gaps of its account and source stand."""
        ...

    def known(self, account: str, digests: Iterable[str]) -> dict[str, RecordEntry]:
        """Those of the digests that are records of the account, with all their occurrences."""
        ...

    def held_items(self, account: str, identities: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Those of the identities (`Occurrence.identity`) that records of the account were captured under, with the digests
        of these records, first captured first."""
        ...

    def cursors(self, account: str, source: str) -> dict[str, str]:
        """The cursors as of the last committed batch."""
        ...

    def last_manifest(self, account: str) -> ManifestRef | None:
        """The account's newest manifest that the ledger has taken in."""
        ...

    def commit(self, batch: CaptureBatch) -> None:
        """All of the batch or nothing, in one transaction; committing the same manifest again changes nothing.
        New records and changed classes go to the outbox in the same transaction."""
        ...


class ServerSlots(Protocol):
    """How many captures read from one mail server at a time: a lease, as an Airflow pool cannot be given per mapped task."""

    def take_slot(self, server: str, holder: str, most: int, now: datetime, ttl_s: int) -> None:
        """Take, or keep, one of `most` slots of the server until `now` + `ttl_s`. Raises ServerBusy while others have all."""
        ...

    def give_back_slot(self, server: str, holder: str) -> None:
        """End the slot if `holder` has one."""
        ...

    def slot_holders(self, server: str) -> list[str]:
        """Everyone who has a slot of the server, run out or not."""
        ...
