"""The ledger as a replay of classes reads it: a million records, each with all that its class depends on.

Values are made of the databases' own text here, not by the column types: that would call four functions a value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from json import loads
from typing import Any

from sqlalchemy import Connection, Engine, Integer, and_, func, select, type_coerce

from capstone.domain.message import Occurrence, Place
from capstone.domain.records import Classification, Learned, RecordClass
from capstone.domain.sketches import Sketch
from capstone.ports import HeldRecord
from connectors.ledger import tables as t
from connectors.ledger.capture import CLASS_COLUMNS
from connectors.ledger.column_types import ExactText
from connectors.ledger.engine import reading, writing
from connectors.ledger.rows import learned_values, rows_read
from connectors.ledger.sketches import sketches
from connectors.ledger.statements import among, chunked, insert_into, plain

_LEARNED_AT_ONCE = 1000


class SqlReplayLedger:
    """A ReplayLedger on a SQL database."""

    def __init__(self, engine: Engine) -> None:
        """Uses the engine of `open_engine`."""
        self._engine = engine

    def held(self, account: str, after: str = "", page_size: int = 1000) -> Iterator[HeldRecord]:
        """Every record of the account whose digest comes after `after`, by digest; each page a view of its own.

        Raises LedgerDamaged for a row that cannot be read.
        """
        while True:
            with reading(self._engine) as connection, rows_read():
                page = _page(connection, account, after, page_size)
            yield from page
            if len(page) < page_size:
                return
            after = page[-1].digest

    def sketches(self, page_size: int = 10_000) -> Iterator[Sketch]:
        """See ReplayLedger."""
        return sketches(self._engine, page_size)

    def unlearned(self, account: str, limit: int, after: str = "") -> list[str]:
        """Up to `limit` digests after `after`, in order, of records of which it is not noted what their bytes say."""
        r = t.records.c
        wanted = select(r.digest).outerjoin(t.learned, t.learned.c.record_no == r.record_no)
        wanted = wanted.where(r.account == account, r.digest > after, t.learned.c.record_no.is_(None))
        with reading(self._engine) as connection:
            return list(connection.scalars(wanted.order_by(r.digest).limit(limit)))

    def learn(self, account: str, learned: Mapping[str, Learned]) -> None:
        """Note, by digest, what the bytes say; what was noted before gives way. A digest that is no record is passed over."""
        r = t.records.c
        with writing(self._engine) as connection:
            numbers: dict[str, int] = {}
            for of_them in among(connection, r.digest, sorted(learned)):
                held = select(r.digest, r.record_no).where(r.account == account, of_them)
                numbers.update(tuple(row) for row in connection.execute(held))
            rows = [learned_values(numbers[digest], said) for digest, said in learned.items() if digest in numbers]
            _note(connection, sorted(rows, key=lambda row: row[0]))

    def accounts_held(self) -> Iterable[str]:
        """Every account that has records, sorted."""
        accounts: list[str] = []
        last: str | None = ""
        with reading(self._engine) as connection:
            while last is not None:
                last = connection.scalar(select(func.min(t.records.c.account)).where(t.records.c.account > last))
                accounts += [] if last is None else [last]
        return accounts


def _note(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    names = [column.name for column in t.learned.columns]
    noted = insert_into(connection.dialect, t.learned)
    newer = noted.on_conflict_do_update(
        index_elements=["record_no"], set_={name: noted.excluded[name] for name in names if name != "record_no"}
    )
    for some in chunked(rows, _LEARNED_AT_ONCE):
        connection.execute(newer, [dict(zip(names, row, strict=True)) for row in some])


_r, _l, _o = t.records.c, t.learned.c, t.occurrences.c
_HELD = (
    select(
        *map(plain, (_r.record_no, _r.digest, _r.version_id, _r.captured_at)),
        *map(plain, (_l.record_no, _l.header_date, _l.trace_date, _l.from_marks, _l.sender_marks)),
        *map(plain, CLASS_COLUMNS),
    )
    .join(
        t.classifications,
        and_(t.classifications.c.record_no == _r.record_no, t.classifications.c.number == _r.class_number),
    )
    .outerjoin(t.learned, _l.record_no == _r.record_no)
)
_SEEN = (
    select(
        *map(plain, (_o.record_no, _o.source, _o.folder, _o.item_id, _o.flags, _o.received_at, _o.from_line_at)),
        type_coerce(_o.is_sent, Integer()),
        *map(plain, (_o.envelope, _o.identity, _o.differs)),
        plain(t.manifests.c.taken_at),
    )
    .join_from(t.records, t.occurrences)
    .join(t.manifests, t.manifests.c.manifest_no == _o.manifest_no)
    .order_by(_r.digest, _o.manifest_no, _o.variant)
)


def _page(connection: Connection, account: str, after: str, size: int) -> list[HeldRecord]:
    rows = connection.execute(_HELD.where(_r.account == account, _r.digest > after).order_by(_r.digest).limit(size)).all()
    seen = _occurrences(connection, account, after, rows[-1].records_digest) if rows else {}
    return [_to_held(account, row, seen.get(row[0], [])) for row in rows]


def _occurrences(connection: Connection, account: str, after: str, last: str) -> dict[int, list[tuple[Occurrence, str]]]:
    """By number of the record, each with when it was taken in, in the order in which they were first seen. Most have one."""
    of_page = _SEEN.where(_r.account == account, _r.digest > after, _r.digest <= last)
    seen: dict[int, list[tuple[Occurrence, str]]] = {}
    rows: Sequence[Sequence[Any]] = connection.execute(of_page).all()
    for number, source, folder, item_id, flags, received_at, from_line_at, is_sent, envelope, identity, differs, taken_at in rows:
        place = Place(_exact(source), _exact(folder), _exact(item_id))
        said = (_words(flags), _at(received_at), _at(from_line_at), bool(is_sent), envelope)
        occurrence = Occurrence(place, *said, None if identity is None else _exact(identity), differs)
        seen.setdefault(number, []).append((occurrence, taken_at))
    return seen


def _to_held(account: str, row: Sequence[Any], seen: Sequence[tuple[Occurrence, str]]) -> HeldRecord:
    (
        _number, digest, version_id, captured_at, is_learned, header_date, trace_date, from_marks, sender_marks,
        record_class, reason, rule_version, item, authority, designation_id, form, category, message_date, date_source,
        cutoff, eligible, flags,
    ) = row  # fmt: skip
    classification = Classification(
        _CLASSES[record_class], reason, rule_version, item, authority, designation_id,
        None if form is None else _exact(form), category, _at(message_date), date_source, _day(cutoff), _day(eligible),
        _words(flags),
    )  # fmt: skip
    learned = None
    if is_learned is not None:
        marks = tuple(from_marks.split()), tuple(sender_marks.split())
        learned = Learned(_at(header_date), _at(trace_date), *marks)
    seen_at = max([captured_at, *(taken_at for _, taken_at in seen)])  # text of one length: it sorts as the instants do
    return HeldRecord(
        account, digest, version_id, datetime.fromisoformat(captured_at), classification, learned,
        tuple(occurrence for occurrence, _ in seen), datetime.fromisoformat(seen_at),
    )  # fmt: skip


_CLASSES = {one.value: one for one in RecordClass}


def _at(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


@lru_cache(maxsize=4096)
def _words(text: str) -> tuple[str, ...]:
    """The flags of a list; few lists differ."""
    return tuple(loads(text))


def _exact(text: str) -> str:
    return text if "\x1a" not in text else str(ExactText.to_value(text))
