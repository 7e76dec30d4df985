"""Slots of mail servers on a SQL database: how many captures may read from one server at a time."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, and_, func, select

from capstone.domain.errors import ServerBusy
from connectors.ledger import tables as t
from connectors.ledger.engine import one_at_a_time, reading, writing
from connectors.ledger.statements import insert_into


class SqlServerSlots:
    """ServerSlots on a SQL database. Who comes is counted while nobody else of that server comes or goes."""

    def __init__(self, engine: Engine) -> None:
        """Uses the engine of `open_engine`."""
        self._engine = engine

    def take_slot(self, server: str, holder: str, most: int, now: datetime, ttl_s: int) -> None:
        """Take, or keep, one of `most` slots until `now` + `ttl_s`. Raises ServerBusy while others have all.

        A slot that has not run out is kept even where `most` was lowered since: who works finishes, nobody new begins.
        """
        s = t.slots.c
        theirs = and_(s.server == server, s.holder != holder)
        with writing(self._engine) as connection:
            one_at_a_time(connection, "server", server)
            others = connection.scalar(select(func.count()).where(theirs, s.until > now)) or 0
            if others >= most and not _holds(connection, server, holder, now):
                raise ServerBusy(f"{others} of {most} captures that may read from this mail server at a time are under way.")
            connection.execute(t.slots.delete().where(theirs, s.until <= now))
            slot = {"server": server, "holder": holder, "until": now + timedelta(seconds=ttl_s)}
            taken = insert_into(connection.dialect, t.slots).values(slot)
            renewed = {"until": taken.excluded.until}
            connection.execute(taken.on_conflict_do_update(index_elements=["server", "holder"], set_=renewed))

    def give_back_slot(self, server: str, holder: str) -> None:
        """End the slot if `holder` has one."""
        with writing(self._engine) as connection:
            connection.execute(t.slots.delete().where(t.slots.c.server == server, t.slots.c.holder == holder))

    def slot_holders(self, server: str) -> list[str]:
        """Everyone who has a slot of the server, sorted; one that ran out is there until somebody takes its place."""
        named = select(t.slots.c.holder).where(t.slots.c.server == server).order_by(t.slots.c.holder)
        with reading(self._engine) as connection:
            return list(connection.scalars(named))


def _holds(connection: Connection, server: str, holder: str, now: datetime) -> bool:
    mine = and_(t.slots.c.server == server, t.slots.c.holder == holder, t.slots.c.until > now)
    return connection.scalar(select(func.count()).where(mine)) == 1
