"""Records as the store and the ledger know them: identity, lock, stored version, entry."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from capstone.domain.layout import companion_key
from capstone.domain.message import CompanionKind, Occurrence


class RecordClass(StrEnum):
    """The three types of S1-fn2a. There is no fourth."""

    PERMANENT = "permanent"
    TEMPORARY = "temporary"
    UNSCHEDULED = "unscheduled"


@dataclass(frozen=True, slots=True)
class Classification:
    """A class with the whole chain of reasons behind it; `why` prints it, `replay` compares it."""

    record_class: RecordClass
    reason: str
    """A code of `classification.REASONS`."""
    rule_version: str
    """Version of the rules and of the schedule data that decided."""
    item: str | None = None
    authority: str | None = None
    designation_id: str | None = None
    form: str | None = None
    category: str | None = None
    message_date: datetime | None = None
    date_source: str | None = None
    """header, received, trace or from_line; None when no date was usable."""
    cutoff: date | None = None
    eligible: date | None = None
    """First day on which disposition may be proposed; None while it is not known."""
    flags: tuple[str, ...] = ()
    """Codes that a reader must see: `dates_disagree`, `cutoff_unknown`, `form_not_approved` ..."""


@dataclass(frozen=True, slots=True)
class Learned:
    """What a record's bytes say that a class can depend on. With the occurrences it is all that a replay needs to know."""

    header_date: datetime | None = None
    trace_date: datetime | None = None
    from_marks: tuple[str, ...] = ()
    """`addresses.address_mark` of each From address, sorted; the next are those of Sender."""
    sender_marks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lock:
    """What guards an object: a retain-until instant (aware), the hold flag, or both."""

    retain_until: datetime | None = None
    hold: bool = False

    def at_least(self, other: Lock) -> Lock:
        """The weakest lock that guards whatever either of the two guards."""
        ends = [end for end in (self.retain_until, other.retain_until) if end is not None]
        return Lock(max(ends, default=None), self.hold or other.hold)


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """One version of one object, as the store confirmed it."""

    key: str
    version_id: str
    digest: str
    is_new: bool


@dataclass(frozen=True, slots=True)
class KeptBeside:
    """An object kept beside a record (`message.Companion`) once it is stored."""

    kind: CompanionKind
    suffix: str
    digest: str
    size_bytes: int
    version_id: str = ""

    def key(self, account: str) -> str:
        """Where it lies; the account is the record's."""
        return companion_key(self.kind, account, self.digest, self.suffix)


@dataclass(frozen=True, slots=True)
class ObjectState:
    """What the store says of one object version."""

    key: str
    version_id: str
    size_bytes: int
    lock: Lock
    tags: dict[str, str]


@dataclass(frozen=True, slots=True)
class RecordEntry:
    """A record as the ledger knows it, with its present class."""

    account: str
    digest: str
    version_id: str
    size_bytes: int
    captured_at: datetime
    run_id: str
    content_key: str
    classification: Classification
    problems: tuple[str, ...] = ()
    occurrences: tuple[Occurrence, ...] = field(default=(), repr=False)

    @property
    def record_id(self) -> str:
        """`<account>/<sha256>`: what the record is, in every place that names it."""
        return f"{self.account}/{self.digest}"
