"""What the sources of runs had to say, and which of their gaps stand."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, and_, bindparam, select, update

from capstone.domain.coverage import still_stands
from capstone.domain.message import SourceNote
from capstone.ports import Noted, SourceGap
from connectors.ledger import tables as t
from connectors.ledger.rows import AnyRow
from connectors.ledger.statements import add_missing, among


def keep_notes(connection: Connection, run: AnyRow, noted: Noted) -> None:
    """Add the notes of a run that ends, and close the gaps that do not stand after it. The same run again changes nothing."""
    n = t.run_notes.c
    told = {(note.code, note.where) for note in noted.notes}
    standing = select(n.run_id, n.number, n.code, n.place).where(t.STANDING, n.account == run.account, n.source == run.source)
    closed = [
        {"of_run": row.run_id, "of_number": row.number}
        for row in connection.execute(standing)
        if row.run_id != run.run_id and not still_stands(row.code, row.place, told, is_whole=noted.is_whole)
    ]
    if closed:
        one = and_(n.run_id == bindparam("of_run"), n.number == bindparam("of_number"))
        connection.execute(update(t.run_notes).where(one).values(stands=False), closed)
    rows = [
        {
            "run_id": run.run_id,
            "number": number,
            "account": run.account,
            "source": run.source,
            "code": note.code,
            "place": note.where,
            "reason": note.reason,
            "counts": dict(note.counts),
            "stands": note.is_gap,
        }
        for number, note in enumerate(noted.notes)
    ]
    add_missing(connection, t.run_notes, rows)


def notes_of(connection: Connection, run_ids: Sequence[str]) -> dict[str, tuple[SourceNote, ...]]:
    """The notes of each run, as they were told; runs without any are left out."""
    n = t.run_notes.c
    found: dict[str, list[SourceNote]] = {}
    for of_them in among(connection, n.run_id, run_ids):
        for row in connection.execute(select(t.run_notes).where(of_them).order_by(n.run_id, n.number)):
            found.setdefault(row.run_id, []).append(_to_note(row))
    return {run_id: tuple(notes) for run_id, notes in found.items()}


def standing_gaps(connection: Connection) -> list[SourceGap]:
    """By account, source, run and the order in which they were told."""
    n = t.run_notes.c
    standing = select(t.run_notes).where(t.STANDING).order_by(n.account, n.source, n.run_id, n.number)
    return [SourceGap(row.account, row.source, row.run_id, _to_note(row)) for row in connection.execute(standing)]


def _to_note(row: AnyRow) -> SourceNote:
    return SourceNote(row.code, row.place, row.reason, row.counts)
