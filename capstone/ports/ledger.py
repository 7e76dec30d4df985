"""The ledger as everyone reads it, the register of officials, the outbox of the index, the audit chain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from capstone.domain.events import AuditEntry
from capstone.domain.message import Place, SourceNote
from capstone.domain.officials import Designation
from capstone.domain.records import Classification, KeptBeside, RecordEntry
from capstone.domain.register_facts import RegisterDecision, RegisterState
from capstone.ports.capturing import ItemOutcome, Quarantined, Run


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


@dataclass(frozen=True, slots=True)
class SourceGap:
    """What a source could not reach, as its newest runs know."""

    account: str
    source: str
    run_id: str
    note: SourceNote


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

    def beside(self, record_ids: Sequence[str]) -> dict[str, tuple[KeptBeside, ...]]:
        """What is kept beside each of these records, by record id, in the order in which it came; those without are left out."""
        ...

    def records_beside(self, account: str, digests: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """By the digest of what is kept beside records of the account, the digests of these, sorted; others are left out."""
        ...

    def class_history(self, record_id: str) -> list[tuple[datetime, Classification]]:
        """Every class it ever had, oldest first."""
        ...

    def totals(self) -> list[AccountTotals]:
        """Per account, in order of account; registered accounts without mail included by the use case."""
        ...

    def twins(self) -> dict[str, int]:
        """By account, how many records share their content key with another record of the account; 0 is left out."""
        ...

    def twins_of(self, record_id: str, limit: int = 100) -> list[RecordEntry]:
        """The other records of the account with the same content key, by digest, without occurrences."""
        ...

    def runs(self, account: str | None = None, limit: int = 100) -> list[Run]:
        """The newest runs first."""
        ...

    def gaps(self) -> list[SourceGap]:
        """Those that stand, by account, source, run and the order in which they were told. Costs the same whatever the number
        of runs."""
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

    def designations(self, known_on: datetime | None = None) -> list[Designation]:
        """The rows in force (as known at that instant), by account, start and id."""
        ...

    def designation_history(self) -> list[tuple[int, datetime, str, Designation, str | None]]:
        """(decision, at, actor, designation, superseded by) of every row ever taken in; "" where nothing replaced it."""
        ...

    def apply(self, decision: RegisterDecision) -> None:
        """Take in a decision, in one transaction; the same one again changes nothing.

        Raises LedgerDamaged where another decision of that number is there.
        """
        ...

    def state(self, known_on: datetime | None = None) -> RegisterState:
        """All that is in force, as the register knew it at that instant; None: now."""
        ...

    def decisions(self) -> list[RegisterDecision]:
        """Every decision ever taken in, by number; its designations and facts each once, by id."""
        ...


class Outbox(Protocol):
    """Record ids whose index documents are due. Each entry stays until it is done."""

    def claim(self, holder: str, now: datetime, limit: int, ttl_s: int) -> list[str]:
        """Up to `limit` record ids that nobody else works on, claimed for `ttl_s`."""
        ...

    def keep(self, holder: str, now: datetime, ttl_s: int) -> None:
        """Make all claims of the holder last for `ttl_s` from now on."""
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
