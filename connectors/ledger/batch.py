"""Writing one batch of capture: rows made ready first, then one short transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, Dialect, bindparam, func, select, update

from capstone.domain.errors import LedgerDamaged
from capstone.ports import CaptureBatch
from connectors.ledger import tables as t
from connectors.ledger.engine import one_at_a_time
from connectors.ledger.numbering import next_numbers
from connectors.ledger.outbox import NEWLY_DUE, enqueue
from connectors.ledger.rows import (
    class_values,
    cursor_row,
    item_values,
    learned_values,
    occurrence_values,
    quarantine_row,
    record_values,
)
from connectors.ledger.statements import Bulk, Row, Values, add_missing, add_rows, among, insert_into

_NOT_YET = 0
"""Stands for a number that is given within the transaction."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A batch as finished rows. Numbers of records, items and the manifest are filled in within the transaction."""

    items: list[list[Any]]
    records: list[list[Any]]
    classes: list[list[Any]]
    """One for each of `records`."""
    occurrences: list[list[Any]]
    seen_digests: list[str]
    """The record's digest for each of `occurrences`."""
    companions: list[Row]
    """With the record's digest as `of_digest`."""
    changed_classes: list[list[Any]]
    """One for each reclassification."""
    learned: Mapping[str, list[Any]]
    """By the record's digest."""
    quarantined: list[Row]


class BatchWriter:
    """Knows the statements of a batch, compiled once for a dialect."""

    def __init__(self, dialect: Dialect) -> None:
        """Compiles the statements."""
        self._items = Bulk(dialect, t.items)
        self._records = Bulk(dialect, t.records)
        self._classes = Bulk(dialect, t.classifications)
        self._occurrences = Bulk(dialect, t.occurrences)
        self._outbox = Bulk(dialect, t.outbox)
        self._learned = Bulk(dialect, t.learned)

    def prepare(self, batch: CaptureBatch) -> Prepared:
        """All rows, before the transaction. Raises ValueError where the batch is of several accounts."""
        accounts = {entry.account for entry in batch.records} | {change.account for change in batch.reclassified}
        if accounts - {batch.manifest.account}:
            raise ValueError("a batch is of one account")
        seen = [(outcome.digest, outcome.occurrence) for outcome in batch.outcomes if outcome.occurrence and outcome.digest]
        return Prepared(
            items=self._items.finished([item_values(batch.run_id, _NOT_YET, outcome) for outcome in batch.outcomes]),
            records=self._records.finished([record_values(_NOT_YET, entry) for entry in batch.records]),
            classes=self._classes.finished(
                [class_values(_NOT_YET, 1, _NOT_YET, entry.classification) for entry in batch.records]
            ),
            occurrences=self._occurrences.finished([occurrence_values(_NOT_YET, _NOT_YET, occurrence) for _, occurrence in seen]),
            seen_digests=[digest for digest, _ in seen],
            companions=_companions_of(batch),
            changed_classes=self._classes.finished(
                [class_values(_NOT_YET, _NOT_YET, _NOT_YET, change.classification) for change in batch.reclassified]
            ),
            learned=dict(zip(batch.learned, self._learned.finished(_learned_of(batch)), strict=True)),
            quarantined=sorted(map(quarantine_row, batch.quarantined), key=_in_one_order),
        )

    def write(self, connection: Connection, batch: CaptureBatch, prepared: Prepared) -> None:
        """Take the batch in, unless its manifest is known. Raises LedgerDamaged, LookupError."""
        one_at_a_time(connection, "account", batch.manifest.account)
        if _is_known(connection, batch):
            return
        manifest_no = _add_manifest(connection, batch)
        self._add_items(connection, batch, prepared)
        numbers = _record_numbers(connection, batch)
        self._add_records(connection, manifest_no, numbers, prepared)
        self._add_occurrences(connection, manifest_no, numbers, prepared)
        _add_companions(connection, manifest_no, numbers, prepared.companions)
        _keep_quarantined(connection, prepared.quarantined)
        self._reclassify(connection, manifest_no, numbers, batch, prepared)
        _move_cursors(connection, batch)

    def _add_items(self, connection: Connection, batch: CaptureBatch, prepared: Prepared) -> None:
        of_run = t.items.c.run_id == batch.run_id
        last = connection.scalar(select(func.max(t.items.c.seq)).where(of_run)) or 0
        for seq, row in enumerate(prepared.items, last + 1):
            row[_ITEM_SEQ] = seq
        self._items.add(connection, prepared.items)

    def _add_records(self, connection: Connection, manifest_no: int, numbers: dict[str, int], prepared: Prepared) -> None:
        """Add the records that have no number yet, with their first class, and give them one."""
        new, classes, due, learned = [], [], [], []
        unnumbered = {row[_RECORD_DIGEST] for row in prepared.records} - numbers.keys()
        given = iter(next_numbers(connection, t.records.c.record_no, len(unnumbered)))
        for row, first_class in zip(prepared.records, prepared.classes, strict=True):
            if row[_RECORD_DIGEST] in numbers:
                continue
            record_no = next(given)
            numbers[row[_RECORD_DIGEST]] = row[_RECORD_NO] = first_class[_RECORD_NO] = record_no
            first_class[_CLASS_MANIFEST] = manifest_no
            new.append(row)
            classes.append(first_class)
            due.append([record_no, *NEWLY_DUE])
            if row[_RECORD_DIGEST] in prepared.learned:
                learned.append([record_no, *prepared.learned[row[_RECORD_DIGEST]][1:]])
        self._records.add(connection, new)
        self._classes.add(connection, classes)
        self._learned.add(connection, learned)
        self._outbox.add(connection, due)

    def _add_occurrences(self, connection: Connection, manifest_no: int, numbers: Mapping[str, int], prepared: Prepared) -> None:
        """Add the occurrences that the ledger does not have yet."""
        held = _held_variants(connection, sorted({numbers[digest] for digest in prepared.seen_digests}))
        new = []
        for digest, row in zip(prepared.seen_digests, prepared.occurrences, strict=True):
            row[_RECORD_NO], row[_SEEN_MANIFEST] = numbers[digest], manifest_no
            variant = (row[_RECORD_NO], row[_VARIANT])
            if variant not in held:
                held.add(variant)
                new.append(row)
        self._occurrences.add(connection, new)

    def _reclassify(
        self, connection: Connection, manifest_no: int, numbers: Mapping[str, int], batch: CaptureBatch, prepared: Prepared
    ) -> None:
        record_nos = [numbers[change.digest] for change in batch.reclassified]
        class_numbers = _class_numbers(connection, record_nos)
        for record_no, row in zip(record_nos, prepared.changed_classes, strict=True):
            class_numbers[record_no] += 1
            row[_RECORD_NO], row[_CLASS_NUMBER], row[_CLASS_MANIFEST] = record_no, class_numbers[record_no], manifest_no
        self._classes.add(connection, prepared.changed_classes)
        present = [{"of_record": record_no, "class_number": number} for record_no, number in sorted(class_numbers.items())]
        if present:
            connection.execute(update(t.records).where(t.records.c.record_no == bindparam("of_record")), present)
        enqueue(connection, sorted(class_numbers))


def _companions_of(batch: CaptureBatch) -> list[Row]:
    return [
        {"of_digest": outcome.digest, **asdict(kept), "kind": kept.kind.value}
        for outcome in batch.outcomes
        if outcome.digest is not None
        for kept in outcome.beside
    ]


def _add_companions(connection: Connection, manifest_no: int, numbers: Mapping[str, int], rows: Sequence[Row]) -> None:
    """Add what is not noted as kept beside its record yet. It may name people, so the record's document is due."""
    new = [{**row, "record_no": numbers[str(row["of_digest"])], "manifest_no": manifest_no} for row in rows]
    add_missing(connection, t.companions, [{column.name: row[column.name] for column in t.companions.columns} for row in new])
    enqueue(connection, sorted({numbers[str(row["of_digest"])] for row in rows}))


def _learned_of(batch: CaptureBatch) -> list[Values]:
    return [learned_values(_NOT_YET, learned) for learned in batch.learned.values()]


def _is_known(connection: Connection, batch: CaptureBatch) -> bool:
    manifest = batch.manifest
    held = connection.scalar(select(t.manifests.c.digest).where(t.manifests.c.key == manifest.key))
    if held is not None and held != manifest.digest:
        raise LedgerDamaged(
            f"The manifest {manifest.key} is in the ledger with another digest.",
            "Treat as an incident: run 'capstone verify' and tell the Records Officer; nothing was changed.",
        )
    return held is not None


def _add_manifest(connection: Connection, batch: CaptureBatch) -> int:
    [manifest_no] = next_numbers(connection, t.manifests.c.manifest_no, 1)
    manifest = {"account": batch.manifest.account, "key": batch.manifest.key, "digest": batch.manifest.digest}
    add_rows(connection, t.manifests, [{"manifest_no": manifest_no, **manifest, "run_id": batch.run_id, "taken_at": batch.at}])
    return manifest_no


def _record_numbers(connection: Connection, batch: CaptureBatch) -> dict[str, int]:
    """The numbers of those records of the batch that the ledger has already, by digest."""
    digests = {entry.digest for entry in batch.records} | {change.digest for change in batch.reclassified}
    digests |= {outcome.digest for outcome in batch.outcomes if outcome.digest and (outcome.occurrence or outcome.beside)}
    r = t.records.c
    numbers: dict[str, int] = {}
    for of_them in among(connection, r.digest, sorted(digests)):
        held = select(r.digest, r.record_no).where(r.account == batch.manifest.account, of_them)
        numbers.update(tuple(row) for row in connection.execute(held))
    return numbers


def _keep_quarantined(connection: Connection, rows: Sequence[Row]) -> None:
    if not rows:
        return
    again = insert_into(connection.dialect, t.quarantine)
    newest = {"code": again.excluded.code, "reason": again.excluded.reason, "tries": t.quarantine.c.tries + again.excluded.tries}
    connection.execute(again.on_conflict_do_update(index_elements=list(t.quarantine.primary_key), set_=newest), rows)


def _held_variants(connection: Connection, record_nos: Sequence[int]) -> set[tuple[int, str]]:
    o = t.occurrences.c
    held: set[tuple[int, str]] = set()
    for of_them in among(connection, o.record_no, record_nos):
        held.update(tuple(row) for row in connection.execute(select(o.record_no, o.variant).where(of_them)))
    return held


def _class_numbers(connection: Connection, record_nos: Sequence[int]) -> dict[int, int]:
    r = t.records.c
    numbers: dict[int, int] = {}
    for of_them in among(connection, r.record_no, record_nos):
        present = select(r.record_no, r.class_number).where(of_them)
        numbers.update(tuple(row) for row in connection.execute(present))
    return numbers


def _move_cursors(connection: Connection, batch: CaptureBatch) -> None:
    if not batch.cursors:
        return
    source = connection.scalar(select(t.runs.c.source).where(t.runs.c.run_id == batch.run_id))
    if source is None:
        raise LookupError(f"no run {batch.run_id}")
    account = batch.manifest.account
    rows = sorted((cursor_row(account, source, name, value) for name, value in batch.cursors.items()), key=_in_one_order)
    moved = insert_into(connection.dialect, t.cursors)
    connection.execute(
        moved.on_conflict_do_update(index_elements=list(t.cursors.primary_key), set_={"value": moved.excluded.value}), rows
    )


def _in_one_order(row: Row) -> str:
    """Rows that others may write as well are written in the order of their keys: nobody then waits in a circle."""
    return str(row["row_key"])


def _place_of(table: Any, column: str) -> int:
    return int(list(table.columns.keys()).index(column))


_RECORD_NO = 0
_RECORD_DIGEST = _place_of(t.records, "digest")
_ITEM_SEQ = _place_of(t.items, "seq")
_CLASS_NUMBER = _place_of(t.classifications, "number")
_CLASS_MANIFEST = _place_of(t.classifications, "manifest_no")
_VARIANT = _place_of(t.occurrences, "variant")
_SEEN_MANIFEST = _place_of(t.occurrences, "manifest_no")
