"""The ledger as a preview reads it: every record once, in the order in which the tables lie on the disk, as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import groupby
from json import loads
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Integer, and_, bindparam, func, select, type_coerce

from capstone.domain.message import Occurrence, Place
from capstone.domain.sketches import Sketch
from connectors.ledger import tables as t
from connectors.ledger.column_types import ExactText, UtcText
from connectors.ledger.engine import reading
from connectors.ledger.rows import rows_read
from connectors.ledger.statements import plain


def sketches(engine: Engine, page_size: int) -> Iterator[Sketch]:
    """See ReplayLedger. Each page is a view of its own."""
    last: int | None = 0
    while True:
        with reading(engine) as connection, rows_read():
            top = connection.scalar(_TOP, {"last": last, "size": page_size})
            if top is None:
                return
            page = _page(_rows(connection, {"last": last, "top": top}))
        yield from page
        last = top


def _rows(connection: Connection, values: Mapping[str, int | None]) -> Sequence[Any]:
    """Rows as the driver gives them: there is nothing that a type of ours would make of them."""
    with connection.execute(_PAGE, values) as found:
        return [] if found.cursor is None else list(found.cursor.fetchall())


def _page(rows: Sequence[Any]) -> list[Sketch]:
    """A row is an occurrence; nearly every record has one."""
    if len({row[0] for row in rows}) == len(rows):
        return [_sketch(row) for row in rows]
    grouped = (list(group) for _, group in groupby(rows, key=itemgetter(0)))
    return [_sketch(group[0], group) for group in grouped]


def _sketch(row: Any, group: Sequence[Any] = ()) -> Sketch:
    (
        _, account, record_class, reason, item, authority, designation_id, form, category, source, cutoff, eligible, flags,
        message_date, learned, header, trace, from_marks, sender_marks, received, from_line, is_sent, folder,
    ) = row  # fmt: skip
    if form is not None and _ESCAPE in form:
        form = ExactText.to_value(form)
    return _SKETCH(Sketch, (
        account,
        (
            record_class, reason, item, authority, designation_id, form, category, source, cutoff, eligible,
            "" if flags == _NO_FLAGS else _words(flags),
        ),
        message_date,
        learned is not None,
        (header, trace, received, from_line),
        from_marks or "",
        sender_marks or "",
        is_sent == 1,
        _exact(folder),
        tuple(map(_occurrence, group)) if len(group) > 1 or folder is None else (),
    ))  # fmt: skip


def _occurrence(row: Any) -> Occurrence:
    received, from_line, is_sent, folder = row[-4:]
    return Occurrence(Place("", _exact(folder), ""), (), UtcText.to_value(received), UtcText.to_value(from_line), is_sent == 1)


def _exact(text: str | None) -> str:
    return "" if text is None else text if _ESCAPE not in text else str(ExactText.to_value(text))


@lru_cache(maxsize=4096)
def _words(text: str) -> str:
    return " ".join(loads(text))


_SKETCH = tuple.__new__
"""Without the call in between: this runs for every record of the archive."""
_ESCAPE, _NO_FLAGS = "\x1a", "[]"
_r, _c, _l, _o = t.records.c, t.classifications.c, t.learned.c, t.occurrences.c
_LAST: ColumnElement[int] = bindparam("last")
_TO: ColumnElement[int] = bindparam("top")
_numbers = select(_r.record_no).where(_r.record_no > _LAST).order_by(_r.record_no).limit(bindparam("size")).subquery()
_TOP = select(func.max(_numbers.c.record_no))


def _within(table: Any) -> ColumnElement[bool]:
    """Said of each table: a database does not see by itself that a range of one is a range of all."""
    return and_(table.c.record_no > _LAST, table.c.record_no <= _TO)


_PAGE = (
    select(
        _r.record_no,
        *map(plain, (_r.account, _c.record_class, _c.reason, _c.item, _c.authority, _c.designation_id, _c.form, _c.category)),
        *map(plain, (_c.date_source, _c.cutoff, _c.eligible, _c.flags, _c.message_date)),
        *map(plain, (_l.record_no, _l.header_date, _l.trace_date, _l.from_marks, _l.sender_marks)),
        *map(plain, (_o.received_at, _o.from_line_at)),
        type_coerce(_o.is_sent, Integer()),
        plain(_o.folder),
    )
    .select_from(t.records)
    .join(t.classifications, and_(_c.record_no == _r.record_no, _c.number == _r.class_number, _within(t.classifications)))
    .outerjoin(t.learned, and_(_l.record_no == _r.record_no, _within(t.learned)))
    .outerjoin(t.occurrences, and_(_o.record_no == _r.record_no, _within(t.occurrences)))
    .where(_within(t.records))
    .order_by(_r.record_no)
)
