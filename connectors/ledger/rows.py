"""Values to rows and back. Rows are plain mappings from column to value; the column types do the writing down."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date
from typing import Any

from sqlalchemy import Row as SqlRow

from capstone.domain.errors import LedgerDamaged
from capstone.domain.message import CompanionKind, ItemState, Occurrence, Place, SourceNote
from capstone.domain.officials import Designation, form_as_dict, form_from_dict
from capstone.domain.records import Classification, KeptBeside, Learned, RecordClass, RecordEntry
from capstone.domain.register_facts import RegisterDecision, RegisterFact, fact_as_dict, fact_id, kind_of, subject_of
from capstone.ports import ItemOutcome, Quarantined, Run
from connectors.ledger.column_types import as_utc
from connectors.ledger.statements import Row, Values

AnyRow = SqlRow[Any]


@contextmanager
def rows_read() -> Iterator[None]:
    """Around turning rows into values: a row that makes no value is damage, not a fault of the program."""
    try:
        yield
    except (ValueError, KeyError, TypeError) as exc:
        raise LedgerDamaged("The ledger holds a row that cannot be read.") from exc


def by_account(record_ids: Iterable[str]) -> dict[str, list[str]]:
    """The digests of record ids, by account."""
    found: dict[str, list[str]] = {}
    for record_id in record_ids:
        account, _, digest = record_id.partition("/")
        found.setdefault(account, []).append(digest)
    return found


# --- records ---------------------------------------------------------------------------------------


def class_values(record_no: int, number: int, manifest_no: int, classification: Classification) -> Values:
    """A row of `classifications`."""
    return (
        record_no,
        number,
        manifest_no,
        classification.record_class.value,
        classification.reason,
        classification.rule_version,
        classification.item,
        classification.authority,
        classification.designation_id,
        classification.form,
        classification.category,
        classification.message_date,
        classification.date_source,
        classification.cutoff,
        classification.eligible,
        classification.flags,
    )


def to_classification(values: Sequence[Any]) -> Classification:
    """The value of the columns of `classifications` from `record_class` on: they have the order of the fields."""
    return Classification(RecordClass(values[0]), *values[1:])


def record_values(record_no: int, entry: RecordEntry) -> Values:
    """A row of `records`: a new one, in its first class."""
    return (
        record_no,
        entry.account,
        entry.digest,
        entry.version_id,
        entry.size_bytes,
        entry.captured_at,
        entry.run_id,
        entry.content_key,
        entry.problems,
        1,
    )


def to_record(row: Sequence[Any], occurrences: tuple[Occurrence, ...] = ()) -> RecordEntry:
    """The record of a row of `capture.WITH_CLASS`: the columns have the order of the fields."""
    _record_no, account, digest, version_id, size, captured_at, run_id, content_key, problems, *present = row
    return RecordEntry(
        account, digest, version_id, size, captured_at, run_id, content_key, to_classification(present), problems, occurrences
    )


# --- occurrences and items -------------------------------------------------------------------------


def learned_values(record_no: int, learned: Learned) -> Values:
    """A row of `learned`: marks are hexadecimal, so a blank parts them."""
    marks = (" ".join(learned.from_marks), " ".join(learned.sender_marks))
    return record_no, learned.header_date, learned.trace_date, *marks


def occurrence_values(record_no: int, manifest_no: int, seen: Occurrence) -> Values:
    """A row of `occurrences`: one distinct value, first seen in that manifest."""
    place = seen.place
    return (
        record_no,
        variant_of(seen),
        manifest_no,
        place.source,
        place.folder,
        place.item_id,
        seen.flags,
        seen.received_at,
        seen.from_line_at,
        seen.is_sent,
        seen.envelope,
        seen.identity,
        None if seen.identity is None else row_key(seen.identity),
        seen.differs,
    )


def companion_values(record_no: int, manifest_no: int, kept: KeptBeside) -> Values:
    """A row of `companions`."""
    return record_no, kept.kind.value, kept.digest, manifest_no, kept.suffix, kept.size_bytes, kept.version_id


def to_kept_beside(row: AnyRow) -> KeptBeside:
    """The value of a row of `companions`."""
    return KeptBeside(CompanionKind(row.kind), row.suffix, row.digest, row.size_bytes, row.version_id)


def variant_of(seen: Occurrence) -> str:
    """32 hex digits that are equal for equal occurrences and, for all that matters, for no others."""
    place = seen.place
    received = None if seen.received_at is None else as_utc(seen.received_at).isoformat()
    from_line = None if seen.from_line_at is None else as_utc(seen.from_line_at).isoformat()
    said = (place.source, place.folder, place.item_id, seen.flags, received, from_line, seen.is_sent, seen.envelope)
    if seen.identity is None and seen.differs is None:
        return row_key(*said)  # as before there were such: the same occurrence is no new row
    return row_key(*said, seen.identity, seen.differs)


def row_key(*facts: object) -> str:
    """32 hex digits that stand for facts of any length in an index."""
    return hashlib.blake2b(json.dumps(facts).encode(), digest_size=16).hexdigest()


def to_occurrence(values: Sequence[Any]) -> Occurrence:
    """The value of the columns of `occurrences` from `source` on."""
    source, folder, item_id, flags, received_at, from_line_at, is_sent, envelope, identity, _identity_key, differs = values
    place = Place(source, folder, item_id)
    return Occurrence(place, flags, received_at, from_line_at, is_sent, envelope, identity, differs)


def item_values(run_id: str, seq: int, outcome: ItemOutcome) -> Values:
    """A row of `items`."""
    place, state = outcome.place, outcome.state.value
    return run_id, seq, place.source, place.folder, place.item_id, state, outcome.code, outcome.reason, outcome.digest


def to_outcome(row: AnyRow) -> ItemOutcome:
    """The outcome of a row of `items`, without its occurrence."""
    return ItemOutcome(Place(row.source, row.folder, row.item_id), ItemState(row.state), row.code, row.reason, row.digest)


def quarantine_row(kept: Quarantined) -> dict[str, object]:
    """Bytes in quarantine; the other columns have the names of the fields."""
    return {"row_key": row_key(kept.digest, kept.source, kept.account, kept.item_id), **asdict(kept)}


def cursor_row(account: str, source: str, name: str, value: str) -> dict[str, object]:
    """A cursor of one source of an account."""
    return {"row_key": row_key(account, source, name), "account": account, "source": source, "name": name, "value": value}


def to_quarantined(row: AnyRow) -> Quarantined:
    """The value of a row of `quarantine`."""
    return Quarantined(row.digest, row.source, row.account, row.item_id, row.code, row.reason, row.size_bytes, row.tries)


# --- runs ------------------------------------------------------------------------------------------


def to_run(row: AnyRow, counts: dict[str, int], notes: tuple[SourceNote, ...] = ()) -> Run:
    """The run of a row of `runs`."""
    return Run(row.run_id, row.account, row.source, row.started_at, row.ended_at, row.outcome, row.error, counts, notes)


# --- register --------------------------------------------------------------------------------------


def designation_row(decision: int, designation: Designation) -> dict[str, object]:
    """A designation as one decision took it in."""
    said = {name: getattr(designation, name) for name in _MORE if getattr(designation, name)}
    return {
        "decision": decision,
        "designation_id": designation.designation_id,
        "official": designation.official,
        "office": designation.office,
        "position": designation.position,
        "category": designation.category,
        "account": designation.account,
        "addresses": designation.addresses,
        "starts": designation.starts,
        "ends": designation.ends,
        "acting": designation.acting,
        "form": form_as_dict(designation.form),
        "more": said or None,
    }


_MORE = ("decided", "decided_by", "evidence")


def to_designation(row: AnyRow) -> Designation:
    """The designation of a row of `designations`."""
    return Designation(
        row.designation_id,
        row.official,
        row.office,
        row.position,
        row.category,
        row.account,
        row.addresses,
        row.starts,
        row.ends,
        bool(row.acting),
        form_from_dict(row.form),
        **(row.more or {}),
    )


def fact_row(decision: int, fact: RegisterFact) -> dict[str, object]:
    """A fact as one decision took it in."""
    told = {"kind": kind_of(fact), "subject": subject_of(fact), "body": fact_as_dict(fact)}
    return {"decision": decision, "fact_id": fact_id(fact), **told}


def decision_digest(decision: RegisterDecision) -> str:
    """What a decision changes, as a SHA-256: taking in the same number with another content is refused.

    A decision that adds designations only has the digest that it had before there was anything else to add.
    """
    rows = [_without_nothing(designation_row(0, designation)) for designation in decision.designations]
    body: list[object] = [rows, sorted(decision.superseded.items())]
    if decision.facts or decision.reason or decision.approves is not None:
        body += [[fact_as_dict(fact) for fact in decision.facts], decision.reason, decision.approves]
    if decision.rules:
        body.append(decision.rules)
    return hashlib.sha256(json.dumps(body, sort_keys=True, default=date.isoformat).encode()).hexdigest()


def _without_nothing(row: dict[str, object]) -> Row:
    return row if row["more"] else {name: value for name, value in row.items() if name != "more"}
