"""The outbox on a SQL database: which records the index has yet to take in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Engine, and_, bindparam, func, literal, or_, select, update

from connectors.ledger import tables as t
from connectors.ledger.engine import reading, writing
from connectors.ledger.rows import by_account, rows_read
from connectors.ledger.statements import among, insert_into

_UNCLAIMED = {"holder": None, "claimed": None, "until": None}
_AGAIN = {"enqueued": t.outbox.c.enqueued + 1, "tries": 0}
_AT_ONCE = 50_000
NEWLY_DUE = (1, 0, None, None, None)
"""The columns of `outbox` after the record's number, for a record that is new."""


class SqlOutbox:
    """An Outbox on a SQL database. Entries that failed less often come first, so one bad record never blocks the rest."""

    def __init__(self, engine: Engine) -> None:
        """Uses the engine of `open_engine`."""
        self._engine = engine

    def claim(self, holder: str, now: datetime, limit: int, ttl_s: int) -> list[str]:
        """Up to `limit` record ids that nobody else works on, claimed for `ttl_s`; one statement, safe between processes."""
        o = t.outbox.c
        is_free = or_(o.until.is_(None), o.until <= now)
        due = select(o.record_no).where(is_free).order_by(o.tries, o.record_no).limit(limit).with_for_update(skip_locked=True)
        chosen = due.cte("due")  # of its own: PostgreSQL may run a subquery twice, and would then lock other rows as well
        claim = {"holder": holder, "claimed": o.enqueued, "until": now + timedelta(seconds=ttl_s)}
        mine = o.record_no.in_(select(chosen.c.record_no))
        claimed = update(t.outbox).where(mine).values(claim).returning(o.tries, o.record_no)
        with writing(self._engine) as connection, rows_read():
            rows = sorted((row.tries, row.record_no) for row in connection.execute(claimed).all())
            ids = _record_ids(connection, [record_no for _, record_no in rows])
        return [ids[record_no] for _, record_no in rows]

    def keep(self, holder: str, now: datetime, ttl_s: int) -> None:
        """Make all claims of the holder last for `ttl_s` from now on."""
        theirs = t.outbox.c.holder == holder
        with writing(self._engine) as connection:
            _lock(connection, theirs)
            connection.execute(update(t.outbox).where(theirs).values(until=now + timedelta(seconds=ttl_s)))

    def done(self, holder: str, record_ids: Sequence[str]) -> None:
        """Remove what was claimed, unless the record changed since: that is due again at once."""
        o = t.outbox.c
        with writing(self._engine) as connection:
            for mine in _claimed(connection, holder, record_ids):
                _lock(connection, mine)
                connection.execute(t.outbox.delete().where(mine, o.enqueued == o.claimed))
                connection.execute(update(t.outbox).where(mine).values(_UNCLAIMED))

    def release(self, holder: str, record_ids: Sequence[str]) -> None:
        """Give back what could not be indexed; it counts a try."""
        with writing(self._engine) as connection:
            for mine in _claimed(connection, holder, record_ids):
                _lock(connection, mine)
                connection.execute(update(t.outbox).where(mine).values(tries=t.outbox.c.tries + 1, **_UNCLAIMED))

    def holders(self) -> list[str]:
        """Everyone who holds a claim, sorted."""
        with reading(self._engine) as connection:
            named = select(t.outbox.c.holder).where(t.outbox.c.holder.is_not(None)).distinct()
            return sorted(str(holder) for holder in connection.scalars(named))

    def free(self, holder: str) -> None:
        """End all claims of one who is gone; it counts no try."""
        theirs = t.outbox.c.holder == holder
        with writing(self._engine) as connection:
            _lock(connection, theirs)
            connection.execute(update(t.outbox).where(theirs).values(_UNCLAIMED))

    def pending(self) -> int:
        """How many are due, those that somebody works on included."""
        with reading(self._engine) as connection:
            return connection.scalar(select(func.count()).select_from(t.outbox)) or 0

    def enqueue(self, record_ids: Sequence[str]) -> None:
        """Make these records due where they are not yet."""
        r = t.records.c
        wanted = select(r.record_no, literal(1), literal(0)).where(
            r.account == bindparam("of_account"), r.digest == bindparam("of_digest")
        )
        rows = [{"of_account": one.partition("/")[0], "of_digest": one.partition("/")[2]} for one in sorted(record_ids)]
        if rows:
            with writing(self._engine) as connection:
                due = insert_into(connection.dialect, t.outbox).from_select(["record_no", "enqueued", "tries"], wanted)
                connection.execute(due.on_conflict_do_nothing(), rows)

    def enqueue_all(self) -> int:
        """Make every record due; says how many."""
        r, last, how_many = t.records.c, 0, 0
        with writing(self._engine) as connection:
            again = insert_into(connection.dialect, t.outbox)
            while some_more := _next_records(connection, last):
                many, end = some_more
                some = select(r.record_no, literal(1), literal(0)).where(r.record_no > last, r.record_no <= end)
                added = again.from_select(["record_no", "enqueued", "tries"], some.order_by(r.record_no))
                connection.execute(added.on_conflict_do_update(index_elements=["record_no"], set_=_AGAIN))
                how_many, last = how_many + many, end
        return how_many


def _next_records(connection: Connection, last: int) -> tuple[int, int] | None:
    """How many records come next, and the number of the last of them: as many as one statement takes in a short time."""
    r = t.records.c
    some = select(r.record_no).where(r.record_no > last).order_by(r.record_no).limit(_AT_ONCE).subquery()
    many, end = connection.execute(select(func.count(), func.max(some.c.record_no))).one()
    return (many, end) if many else None


def _lock(connection: Connection, which: ColumnElement[bool]) -> None:
    """Lock these rows in the order of their numbers, as all do who write several: nobody then waits in a circle."""
    if connection.dialect.name == "postgresql":
        ordered = select(t.outbox.c.record_no).where(which).order_by(t.outbox.c.record_no).with_for_update()
        connection.execute(ordered)


def enqueue(connection: Connection, record_nos: Iterable[int]) -> None:
    """Make records due, within the transaction that changed them."""
    rows = [{"record_no": record_no, "enqueued": 1, "tries": 0} for record_no in record_nos]
    if rows:
        again = insert_into(connection.dialect, t.outbox)
        connection.execute(again.on_conflict_do_update(index_elements=["record_no"], set_=_AGAIN), rows)


def _record_ids(connection: Connection, record_nos: Sequence[int]) -> dict[int, str]:
    r = t.records.c
    ids: dict[int, str] = {}
    for of_them in among(connection, r.record_no, record_nos):
        named = select(r.record_no, r.account, r.digest).where(of_them)
        ids.update((row.record_no, f"{row.account}/{row.digest}") for row in connection.execute(named).all())
    return ids


def _claimed(connection: Connection, holder: str, record_ids: Sequence[str]) -> Iterator[ColumnElement[bool]]:
    """Conditions that together name those of the records whose claim the holder has, in the order of their numbers."""
    r, numbers = t.records.c, list[int]()
    for account, digests in by_account(record_ids).items():
        for of_them in among(connection, r.digest, digests):
            numbers += connection.scalars(select(r.record_no).where(r.account == account, of_them))
    for of_them in among(connection, t.outbox.c.record_no, sorted(numbers)):
        yield and_(of_them, t.outbox.c.holder == holder)
