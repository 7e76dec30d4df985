"""Connections to PostgreSQL whose every wait has an end.

The server bounds locks and statements; a server that is frozen or cut off bounds nothing, so the client counts as well.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any

import psycopg
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL

from capstone.domain.errors import BadSettings

DRIVER = "postgresql+psycopg"
NAMES = ("postgresql", "postgres", DRIVER)
"""How a URL may begin: as libpq writes it, or as SQLAlchemy does."""

_ANSWER = 4
"""A statement may take this many times as long as a wait for a lock."""
_LONGEST_ANSWER_S = 3600
"""For making and upgrading tables, which may read all that is kept."""
_GRACE_S = 3
"""The client gives up so much later than the server should have."""
_SHORTEST_CONNECT_S = 2
"""libpq takes nothing shorter."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long is waited: for a connection or a lock, and for the answer to one statement."""

    wait_s: float
    answer_s: float

    @classmethod
    def to_work(cls, wait_s: float) -> Patience:
        """For capture, indexing and reading."""
        return cls(wait_s, wait_s * _ANSWER)

    @classmethod
    def to_migrate(cls, wait_s: float) -> Patience:
        """For making the tables or bringing them to the present version."""
        return cls(wait_s, _LONGEST_ANSWER_S)


def open_postgres(url: URL, patience: Patience) -> Engine:
    """An engine on a PostgreSQL database; nothing is connected yet. What the URL says itself (`?sslmode=...`) stands."""
    if not url.database:
        raise BadSettings("The ledger's URL names no database.", "Write postgresql://user@host/database in [ledger] url.")
    asked = url.set(drivername=DRIVER, query={**_defaults(patience), **url.query})
    if "options" in url.query:
        asked = asked.update_query_dict({"options": f"{_limits(patience)} {url.query['options']}"})
    engine = create_engine(
        asked, isolation_level="READ COMMITTED", pool_pre_ping=True, pool_timeout=patience.wait_s, hide_parameters=True
    )

    @event.listens_for(engine, "do_connect")
    def connect(_dialect: object, _record: object, _args: object, options: dict[str, Any]) -> _BoundedConnection:
        connection = _BoundedConnection.connect(**options)
        connection.answer_s = patience.answer_s + _GRACE_S
        return connection

    event.listen(engine, "do_executemany", _copy)
    event.listen(engine, "do_execute", lambda cursor, statement, row, context: _copy(cursor, statement, [row], context))
    return engine


def _copy(cursor: psycopg.Cursor[Any], statement: str, rows: Sequence[Sequence[object]], _context: object) -> bool:
    """Hand many rows to a COPY, which takes them several times faster than any INSERT. Says whether it was one."""
    if not statement.startswith("COPY "):
        return False
    with cursor.copy(statement.encode()) as taken:
        for row in rows:
            taken.write_row(row)
    return True


def _defaults(patience: Patience) -> dict[str, str]:
    return {
        "connect_timeout": str(max(round(patience.wait_s), _SHORTEST_CONNECT_S)),
        "keepalives_idle": "30",
        "keepalives_interval": "10",
        "keepalives_count": "3",
        "tcp_user_timeout": str(_milliseconds(patience.wait_s)),
        "fallback_application_name": "capstone",
        "client_encoding": "utf8",
        "options": _limits(patience),
    }


def _limits(patience: Patience) -> str:
    """What the server ends by itself: also a transaction whose client was stopped in the middle and keeps others waiting."""
    limits = {
        "lock_timeout": patience.wait_s,
        "statement_timeout": patience.answer_s,
        "idle_in_transaction_session_timeout": patience.answer_s,
    }
    return " ".join(f"-c {name}={_milliseconds(seconds)}" for name, seconds in limits.items())


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))


class _BoundedConnection(psycopg.Connection[Any]):
    """A connection that is closed where the server does not answer at all."""

    answer_s: float = _LONGEST_ANSWER_S

    def __del__(self, *_: object) -> None:
        """Nothing: who drops a pool drops its connections, and that is no fault to warn of."""

    def wait(self, gen: Generator[Any, Any, Any], *args: Any, **options: Any) -> Any:
        """As psycopg waits, but not for ever. Raises ConnectionTimeout."""
        return super().wait(self._in_time(gen), *args, **options)

    def _in_time(self, gen: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
        """The steps of `gen`; psycopg looks in every tenth of a second, whether the server has answered or not."""
        until = monotonic() + self.answer_s
        try:
            asked = next(gen)
            while True:
                ready = yield asked
                if not ready and monotonic() > until:
                    self.pgconn.finish()
                    raise psycopg.errors.ConnectionTimeout("the server did not answer in time")
                asked = gen.send(ready)
        except StopIteration as done:
            return done.value
