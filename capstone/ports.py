"""What the core needs from the outside, and what it may rely on. One contract suite per port, in tests/contracts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol, TypeVar

from capstone.domain.events import AuditEntry
from capstone.domain.fixity import Buffer
from capstone.domain.message import ItemState, Occurrence, OfferedItem, Place
from capstone.domain.officials import Designation
from capstone.domain.query import Clause, IndexDocument, Scope, SearchPage
from capstone.domain.records import Classification, Lock, ObjectState, RecordEntry, StoredVersion

T = TypeVar("T")
R = TypeVar("R")


class Clock(Protocol):
    """Where the time comes from."""

    def now(self) -> datetime:
        """The present instant, aware, UTC."""
        ...


# --- mail ------------------------------------------------------------------------------------------


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


class Holders(Protocol):
    """Names for those who hold leases and claims."""

    def name(self) -> str:
        """A new name for a piece of work of this process."""
        ...

    def is_gone(self, holder: str) -> bool:
        """Whether the holder is known to work no more. False where that cannot be known."""
        ...


class Workers(Protocol):
    """Pure work on many things, in this process or several."""

    def map(self, function: Callable[[T], R], things: Sequence[T], instead: Callable[[T], R]) -> Iterator[R]:
        """`function` of each, in order; the work has begun when this returns. Where a thing ends or hangs the process
        that works on it (hostile mail), `instead` of it answers for it, here; errors of `function` itself go up."""
        ...


# --- store -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PutRequest:
    """An object to store once. `digest` is the SHA-256 of `raw`, checked by the store."""

    key: str
    raw: Buffer = field(repr=False)
    digest: str
    lock: Lock
    tags: Mapping[str, str]


class RecordStore(Protocol):
    """Object storage that can refuse a deletion. Keys are design.md 3's layout; a version id names exact bytes."""

    is_worm: bool
    """Whether the storage itself, not only this program, refuses to delete what is locked."""

    def check(self) -> None:
        """Raise StoreUnfit or StoreUnavailable unless the store can be used as it stands."""
        ...

    def put_all(self, requests: Sequence[PutRequest]) -> list[StoredVersion]:
        """Store each object under its lock; durable when this returns. Never overwrites: where the key holds these bytes
        already, the version that holds them is given and is not new. Raises FixityMismatch where it holds other bytes."""
        ...

    def get(self, key: str, version_id: str | None = None) -> bytes:
        """The stored bytes of that version (None: the only or first one). Raises ObjectMissing."""
        ...

    def state(self, key: str, version_id: str | None = None) -> ObjectState:
        """Size, lock and tags of that version. Raises ObjectMissing."""
        ...

    def relabel(self, key: str, version_id: str, tags: Mapping[str, str]) -> None:
        """Replace the tags. Raises ObjectMissing."""
        ...

    def relock(self, key: str, version_id: str, lock: Lock, *, allow_shorter: bool = False) -> None:
        """Set the lock. Raises ObjectLocked where that would free or shorten and `allow_shorter` is not set."""
        ...

    def list_keys(self, prefix: str) -> Iterator[str]:
        """Keys below the prefix, sorted."""
        ...

    def delete(self, key: str, version_id: str, now: datetime) -> None:
        """End one version. Raises ObjectLocked while a hold or retain-until guards it; ObjectMissing."""
        ...


# --- ledger ----------------------------------------------------------------------------------------


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


@dataclass(frozen=True, slots=True)
class AccountTotals:
    """What the ledger holds of one account."""

    account: str
    messages: int
    bytes: int
    permanent: int
    temporary: int
    unscheduled: int
    quarantined: int
    last_capture: datetime | None


class CaptureLedger(Protocol):
    """Runs, offered items and records: written by capture, one writer an account at a time."""

    def take_lease(self, account: str, holder: str, now: datetime, ttl_s: int) -> None:
        """Become, or stay, the account's one writer until `now` + `ttl_s`. Raises AccountBusy."""
        ...

    def give_back_lease(self, account: str, holder: str) -> None:
        """End the lease if `holder` has it."""
        ...

    def start_run(self, run: Run) -> None:
        """Note a run as begun; earlier runs of this account and source still `running` become `abandoned`."""
        ...

    def finish_run(self, run_id: str, ended_at: datetime, outcome: str, error: str | None) -> Run:
        """Close a run. Its counts are the sums of its items."""
        ...

    def known(self, account: str, digests: Iterable[str]) -> dict[str, RecordEntry]:
        """Those of the digests that are records of the account, with all their occurrences."""
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


class RecordLedger(Protocol):
    """What the ledger knows of records, runs and quarantine: read by everyone."""

    def record(self, record_id: str) -> RecordEntry | None:
        """One record with its present class and all occurrences."""
        ...

    def records(self, account: str | None = None, page_size: int = 1000) -> Iterator[RecordEntry]:
        """All records, in the order of their ids, paged, without occurrences."""
        ...

    def entries(self, record_ids: Sequence[str]) -> list[RecordEntry]:
        """Those of the ids that exist, without occurrences."""
        ...

    def class_history(self, record_id: str) -> list[tuple[datetime, Classification]]:
        """Every class it ever had, oldest first."""
        ...

    def totals(self) -> list[AccountTotals]:
        """Per account, in order of account; registered accounts without mail included by the use case."""
        ...

    def runs(self, account: str | None = None, limit: int = 100) -> list[Run]:
        """The newest runs first."""
        ...

    def refused(self, run_ids: Sequence[str]) -> list[tuple[str, ItemOutcome]]:
        """(run id, item) of those runs' items that are excluded, quarantined or failed."""
        ...

    def places(self, account: str, source: str) -> set[Place]:
        """Where the source showed what the account holds, for reconciliation."""
        ...

    def quarantine(self) -> list[Quarantined]:
        """All that lies in quarantine."""
        ...

    def breakdown(self) -> list[tuple[str, str, str | None, date | None, date | None, int]]:
        """(account, class, item, cutoff, eligible, number of records), for reports."""
        ...


class RegisterLedger(Protocol):
    """The register of officials: effective-dated, append-only."""

    def next_decision(self) -> int:
        """The number the next decision object takes."""
        ...

    def apply_designations(
        self, decision: int, at: datetime, actor: str, added: Sequence[Designation], superseded: Mapping[str, str]
    ) -> None:
        """Take in new rows; `superseded` maps an old designation id to the new one. One transaction, safe to repeat."""
        ...

    def designations(self, known_on: datetime | None = None) -> list[Designation]:
        """The rows in force (as known at that instant), by account, start and id."""
        ...

    def designation_history(self) -> list[tuple[int, datetime, str, Designation, str | None]]:
        """(decision, at, actor, designation, superseded by) of every row ever taken in."""
        ...


class Outbox(Protocol):
    """Record ids whose index documents are due. Each entry stays until it is done."""

    def claim(self, holder: str, now: datetime, limit: int, ttl_s: int) -> list[str]:
        """Up to `limit` record ids that nobody else works on, claimed for `ttl_s`."""
        ...

    def done(self, holder: str, record_ids: Sequence[str]) -> None:
        """Remove what was claimed, unless the record changed since."""
        ...

    def release(self, holder: str, record_ids: Sequence[str]) -> None:
        """Give back what could not be indexed; it counts a try."""
        ...

    def holders(self) -> list[str]:
        """Everyone who holds a claim."""
        ...

    def free(self, holder: str) -> None:
        """End all claims of one who is gone; it counts no try."""
        ...

    def pending(self) -> int:
        """How many are due."""
        ...

    def enqueue(self, record_ids: Sequence[str]) -> None:
        """Make these records due where they are not yet."""
        ...

    def enqueue_all(self) -> int:
        """Make every record due; for a rebuild of the index. Says how many."""
        ...


class AuditLog(Protocol):
    """The audit chain."""

    def append(self, at: datetime, actor: str, event: str, details: Mapping[str, object]) -> AuditEntry:
        """Add a link; safe with several processes."""
        ...

    def entries(self, from_seq: int = 1) -> Iterator[AuditEntry]:
        """The chain in order, streamed."""
        ...


# --- index -----------------------------------------------------------------------------------------


class SearchIndex(Protocol):
    """A copy for retrieval that can always be rebuilt. No decision reads it."""

    def check(self) -> None:
        """Raise IndexUnavailable or IndexDamaged unless the index can be used."""
        ...

    def add(self, documents: Sequence[IndexDocument]) -> dict[str, str]:
        """Add or replace by record id. Gives {record id: reason} of those that were not taken. Durable on return."""
        ...

    def remove(self, record_ids: Sequence[str]) -> None:
        """Drop documents; unknown ids are no error."""
        ...

    def search(self, clause: Clause, scope: Scope, limit: int, offset: int = 0) -> SearchPage:
        """Newest first (undated last, then by record id). Totals, and everything else, within the scope only."""
        ...

    def ids(self) -> Iterator[str]:
        """Every record id, sorted, for reconciliation."""
        ...

    def reset(self) -> None:
        """Make it empty and of the present mapping version, even when damaged."""
        ...


# --- export ----------------------------------------------------------------------------------------


class ExportTarget(Protocol):
    """A new folder that an export is written to."""

    def begin(self) -> None:
        """Make the folder. Raises OutputExists where it holds anything."""
        ...

    def create(self, name: str, raw: bytes) -> None:
        """Write a file of this name ("account/digest.eml"), once. Raises OutputExists, changing nothing, where it is there."""
        ...

    def append(self, name: str, raw: bytes) -> None:
        """Add bytes to the file of this name ("account.mbox"), which grows message by message."""
        ...

    def finish(self) -> None:
        """Return when everything is on the disk."""
        ...
