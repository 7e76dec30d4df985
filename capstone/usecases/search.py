"""Search, show and explain for a viewer. Who asks is part of every question, and every answer is in the audit chain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from capstone.domain.access import Person, may_see, viewing_scope
from capstone.domain.classification import class_changes, evidence_of
from capstone.domain.coverage import what_is_lacking
from capstone.domain.envelopes import Envelope
from capstone.domain.errors import UnknownRecord
from capstone.domain.explanation import Entered
from capstone.domain.facts import capture_facts, read_facts
from capstone.domain.message import MessageFacts
from capstone.domain.message_dates import day_of
from capstone.domain.officials import Designation, Form
from capstone.domain.query import Scope, SearchPage
from capstone.domain.recheck import case_of, recheck
from capstone.domain.records import Classification, KeptBeside, RecordEntry
from capstone.domain.roster import Roster
from capstone.domain.rules import Rules
from capstone.ports import AuditLog, Clock, Outbox, RecordLedger, RecordStore, RegisterLedger, SearchIndex
from capstone.usecases.query_language import parse_query
from capstone.usecases.stored import checked_bytes, checked_companion, envelopes_of, whole_envelope


@dataclass(frozen=True, slots=True)
class ReadingParts:
    """What reading works with."""

    store: RecordStore
    records: RecordLedger
    register: RegisterLedger
    outbox: Outbox
    audit: AuditLog
    index: SearchIndex
    clock: Clock

    def scope_of(self, viewer: Person) -> Scope:
        """What the viewer may see. Raises NotAllowed."""
        return viewing_scope(viewer, self.register.designations())

    def note(self, viewer: Person, event: str, details: Mapping[str, object]) -> None:
        """Add a link to the audit chain."""
        self.audit.append(self.clock.now(), viewer.name, event, details)


@dataclass(frozen=True, slots=True)
class GapTold:
    """What a source could not reach, for whoever may see its account: never a folder or a file."""

    account: str
    source: str
    code: str
    where: str
    """In words."""
    places: int
    """How many there are of the kind."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Hits, and how complete they are."""

    page: SearchPage
    pending: int
    """Records within the viewer's scope that are captured and not yet in the index."""
    gaps: tuple[GapTold, ...] = ()
    """What never came into the archive, within the viewer's scope."""

    def coverage(self) -> dict[str, object]:
        """What the answer could and could not see."""
        told: dict[str, object] = {"indexed": self.page.indexed, "not_yet_indexed": self.pending}
        told["not_fully_searchable"] = self.page.unsearchable
        return {**told, "gaps": [asdict(gap) for gap in self.gaps]}


def search(parts: ReadingParts, viewer: Person, text: str, limit: int, offset: int = 0) -> Answer:
    """Raises NotAllowed, BadQuery, IndexUnavailable, IndexDamaged. Noted before the answer is given."""
    scope = parts.scope_of(viewer)
    clause = parse_query(text)
    parts.index.check()
    page = parts.index.search(clause, scope, limit, offset)
    parts.note(viewer, "search", {"query": text, "total": page.total, "shown": len(page.hits)})
    return Answer(page, _not_indexed(parts, scope, page), _gaps(parts, scope))


def _gaps(parts: ReadingParts, scope: Scope) -> tuple[GapTold, ...]:
    """By account, source and code."""
    seen = (gap for gap in parts.records.gaps() if may_see(scope, gap.account))
    counted = sorted(Counter((gap.account, gap.source, gap.note.code) for gap in seen).items())
    return tuple(GapTold(account, source, code, what_is_lacking(code), number) for (account, source, code), number in counted)


def _not_indexed(parts: ReadingParts, scope: Scope, page: SearchPage) -> int:
    """Within the scope only: a count over all accounts would tell of records that the viewer may not know of."""
    if scope.accounts is None:
        return parts.outbox.pending()
    held = sum(one.messages for one in parts.records.totals() if may_see(scope, one.account))
    return max(0, held - page.indexed)


@dataclass(frozen=True, slots=True)
class Shown:
    """A record with what is learned from its stored bytes."""

    entry: RecordEntry
    facts: MessageFacts
    raw: bytes
    beside: tuple[KeptBeside, ...] = ()
    """What is kept beside it: native items, envelopes."""
    envelope: Envelope | None = None
    """What its envelopes and those of its twins say together."""
    envelopes_unread: int = 0
    """How many of them are missing, damaged or could not be read now."""
    twins: tuple[str, ...] = ()
    """Ids of the account's records with the same content in other bytes, such as a fork of the message on its way."""


def show(parts: ReadingParts, viewer: Person, record_id: str, event: str = "view") -> Shown:
    """Raises NotAllowed; UnknownRecord also where the viewer may not know of it; ObjectMissing, FixityMismatch."""
    entry = _entry(parts, viewer, record_id)
    raw = checked_bytes(parts.store, entry)
    parts.note(viewer, event, {"record_id": record_id})
    beside = parts.records.beside([record_id]).get(record_id, ())
    twins = parts.records.twins_of(record_id)
    envelopes = envelopes_of(parts.store, parts.records, [entry, *twins])
    ids = tuple(one.record_id for one in twins)
    whole = whole_envelope([told for one in (record_id, *ids) for told in envelopes.read.get(one, [])])
    return Shown(entry, read_facts(raw), raw, beside, whole, sum(map(len, envelopes.unread.values())), ids)


def show_beside(parts: ReadingParts, viewer: Person, record_id: str, digest: str) -> bytes:
    """The exact bytes of what is kept beside a record. Raises NotAllowed, UnknownRecord, ObjectMissing, FixityMismatch."""
    entry = _entry(parts, viewer, record_id)
    named = (one for one in parts.records.beside([record_id]).get(record_id, ()) if one.digest == digest)
    if (kept := next(named, None)) is None:
        raise UnknownRecord(f"Nothing beside {record_id} has the digest {digest}.", "See 'capstone show' for what there is.")
    parts.note(viewer, "view", {"record_id": record_id, "beside": digest})
    return checked_companion(parts.store, entry.account, kept)


@dataclass(frozen=True, slots=True)
class Explained:
    """A record's class with all that stands behind it."""

    entry: RecordEntry
    history: list[tuple[datetime, Classification]]
    designation: Designation | None
    form: Form | None
    """The form of the designation, as the register holds it now."""
    entered: Entered | None
    """The decision that brought the designation into the register."""
    case: dict[str, object]
    """Everything that the class follows from, as the register knew it when the class was given (see `domain.recheck`)."""
    rechecked: Classification
    """What follows from it by this version of the program."""
    now: Classification | None
    """What the register and the rules of today come to; None where that is the present class."""


def explain(parts: ReadingParts, viewer: Person, record_id: str, rules: Rules) -> Explained:
    """The grounds of a record's class, learned anew from its stored bytes. `rules`: those of today.

    Raises NotAllowed, UnknownRecord, ObjectMissing, FixityMismatch.
    """
    entry = _entry(parts, viewer, record_id)
    facts = capture_facts(checked_bytes(parts.store, entry))
    evidence = evidence_of(entry.account, facts, entry.occurrences)
    history = parts.records.class_history(record_id)
    case = case_of(evidence, _rules_at(parts, history[-1][0], rules))
    row, entered = _origin(parts, entry.classification.designation_id)
    registered = None if row is None else rules.roster.registered_form(row.form.number)
    parts.note(viewer, "explain", {"record_id": record_id})
    return Explained(
        entry,
        history,
        row,
        form=registered.form if registered is not None else row.form if row is not None else None,
        entered=entered,
        case=case,
        rechecked=recheck(case),
        now=class_changes(evidence, entry.classification, rules),
    )


def _rules_at(parts: ReadingParts, instant: datetime, rules: Rules) -> Rules:
    """The rules with the register as it was known then, on that day."""
    state = parts.register.state(instant)
    return replace(rules, roster=Roster(state.designations, state.facts), today=day_of(instant, rules.zone) or rules.today)


def _origin(parts: ReadingParts, designation_id: str | None) -> tuple[Designation | None, Entered | None]:
    """The row of that id, in force or not, and the first decision that brought it."""
    origins = (
        (row, Entered(one.number, one.at, one.actor, one.reason))
        for one in parts.register.decisions()
        for row in one.designations
        if row.designation_id == designation_id
    )
    return next(origins, (None, None))


def _entry(parts: ReadingParts, viewer: Person, record_id: str) -> RecordEntry:
    scope = parts.scope_of(viewer)
    account, _, _ = record_id.partition("/")
    entry = parts.records.record(record_id) if may_see(scope, account) else None
    if entry is None:
        parts.note(viewer, "refused_view", {"record_id": record_id})
        raise UnknownRecord(f"There is no record {record_id}.")
    return entry
