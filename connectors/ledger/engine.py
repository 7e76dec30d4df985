"""Opening the database, and the two ways to use it: a transaction that reads, a transaction that writes.

SQLite: write-ahead log, full synchronisation, and every writing transaction begins IMMEDIATE. With deferred transactions
most of several writers fail as "locked" whatever the timeout; so none may begin by reading and then write.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, Engine, Table, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from capstone.domain.errors import BadSettings, LedgerUnavailable, NotInitialised
from connectors.ledger.errors import vendor_errors

WAIT_S = 30
"""How long a transaction waits for another process before LedgerUnavailable."""

_CACHE_KIB = 32 * 1024


def open_engine(url: str, wait_s: float = WAIT_S) -> Engine:
    """An engine on an existing ledger. Never creates a file: using one that is missing raises NotInitialised."""
    return _engine(url, wait_s, "rw")


def open_new_engine(url: str, wait_s: float = WAIT_S) -> Engine:
    """As `open_engine`, but a missing SQLite file is made: only for `create`."""
    return _engine(url, wait_s, "rwc")


def file_url(path: Path) -> str:
    """The URL of a SQLite file, whatever characters its name holds."""
    return "sqlite:///" + quote(str(path))


def ledger_file(url: str) -> Path:
    """The file of a SQLite ledger. Raises BadSettings for what is no URL, or names a database of another kind."""
    try:
        parsed = make_url(url)
    except ArgumentError as exc:
        raise BadSettings("The ledger's URL cannot be read; write sqlite:///path/to/ledger.sqlite.") from exc
    if parsed.get_backend_name() != "sqlite":
        raise BadSettings("This release keeps its ledger in SQLite.", "Write sqlite:///path/to/ledger.sqlite in [ledger] url.")
    return sqlite_path(parsed)


def sqlite_path(url: URL) -> Path:
    """The file that a SQLite URL names. Raises BadSettings for a database in memory: it would forget everything."""
    if not url.database or url.database == ":memory:" or url.query:
        raise BadSettings("The ledger's URL must name a file: sqlite:///path/to/ledger.db")
    return Path(url.database).absolute()


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One consistent view of the ledger. Raises NotInitialised, LedgerDamaged, LedgerUnavailable."""
    with vendor_errors(), engine.connect() as connection:
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One transaction, committed at the end, undone on any error. Prepare all rows before: others wait meanwhile.

    Raises NotInitialised, LedgerDamaged, LedgerUnavailable.
    """
    with vendor_errors(), engine.connect().execution_options(capstone_begin="BEGIN IMMEDIATE") as connection, connection.begin():
        yield connection


def use_write_ahead_log(engine: Engine) -> None:
    """Let readers and a writer of a SQLite file work at the same time. The mode stays with the file."""
    if engine.dialect.name == "sqlite":
        with vendor_errors(), engine.connect().execution_options(capstone_begin=None) as connection:
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")


def one_at_a_time(connection: Connection, table: Table) -> None:
    """Let no other transaction write the table until this one ends. On SQLite BEGIN IMMEDIATE has seen to it."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"LOCK TABLE {table.name} IN SHARE ROW EXCLUSIVE MODE"))


def _engine(url: str, wait_s: float, mode: str) -> Engine:
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return _sqlite_engine(sqlite_path(parsed), wait_s, mode)
    return create_engine(parsed, pool_pre_ping=True)


def _sqlite_engine(path: Path, wait_s: float, mode: str) -> Engine:
    def connect() -> sqlite3.Connection:
        if mode == "rw" and not _exists(path):
            raise NotInitialised(f"There is no ledger at {path}.")
        return sqlite3.connect(
            f"{path.as_uri()}?mode={mode}", uri=True, timeout=wait_s, isolation_level=None, check_same_thread=False
        )

    engine = create_engine(URL.create("sqlite", database=str(path)), creator=connect)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as exc:
        raise LedgerUnavailable(f"The folder of the ledger {path} cannot be read.") from exc


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")


def _begin(connection: Connection) -> None:
    begin = connection.get_execution_options().get("capstone_begin", "BEGIN")
    if begin is not None:
        connection.exec_driver_sql(begin)
