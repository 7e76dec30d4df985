"""Opening the database, and the two ways to use it: a transaction that reads, a transaction that writes.

SQLite: write-ahead log, full synchronisation, and every writing transaction begins IMMEDIATE. With deferred transactions
most of several writers fail as "locked" whatever the timeout; so none may begin by reading and then write.

PostgreSQL: who reads sees one snapshot; who writes sees what others have committed, and takes turns by advisory locks where
that is needed, which ask for no right to the tables.
"""

from __future__ import annotations

import os
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event, func, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from capstone.domain.errors import BadSettings, LedgerUnavailable, NotInitialised
from connectors.ledger.errors import vendor_errors
from connectors.ledger.postgres import NAMES, Patience, open_postgres
from connectors.ledger.tables import APPLICATION_ID

WAIT_S = 30
"""How long a transaction waits for another process before LedgerUnavailable."""

_CACHE_KIB = 32 * 1024


_HOW_TO_WRITE = "Write sqlite:///path/to/ledger.sqlite or postgresql://user@host/database in [ledger] url."


def open_engine(url: str, wait_s: float = WAIT_S) -> Engine:
    """An engine on an existing ledger. Never creates a file: using one that is missing raises NotInitialised."""
    return _engine(url, wait_s, is_new=False)


def open_new_engine(url: str, wait_s: float = WAIT_S) -> Engine:
    """As `open_engine`, but a missing SQLite file is made for its owner alone, and statements may take long: for `create`."""
    return _engine(url, wait_s, is_new=True)


def file_url(path: Path) -> str:
    """The URL of a SQLite file, whatever characters its name holds."""
    return "sqlite:///" + quote(str(path))


def ledger_file(url: str) -> Path | None:
    """The file of a SQLite ledger; None for a ledger on a server. Raises BadSettings for what names neither."""
    parsed = _parsed(url)
    return sqlite_path(parsed) if parsed.get_backend_name() == "sqlite" else None


def shown_url(url: str) -> str:
    """The URL without its password and options: fit to be printed and logged. Raises BadSettings."""
    parsed = _parsed(url)
    return URL.create(parsed.drivername, parsed.username, None, parsed.host, parsed.port, parsed.database).render_as_string()


def role_of(url: str) -> str:
    """The user that a URL names. Raises BadSettings where it names none."""
    user = _parsed(url).username
    if not user:
        raise BadSettings("The ledger's URL names no user that rights could be given to.", _HOW_TO_WRITE)
    return user


def sqlite_path(url: URL) -> Path:
    """The file that a SQLite URL names. Raises BadSettings for a database in memory: it would forget everything."""
    if not url.database or url.database == ":memory:" or url.query:
        raise BadSettings("The ledger's URL must name a file: sqlite:///path/to/ledger.db")
    return Path(url.database).absolute()


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One consistent view of the ledger. Raises NotInitialised, LedgerDamaged, LedgerUnavailable, BadSettings."""
    with vendor_errors(), engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection.execution_options(isolation_level="REPEATABLE READ")
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One transaction, committed at the end, undone on any error. Prepare all rows before: others wait meanwhile.

    Raises NotInitialised, LedgerDamaged, LedgerUnavailable, BadSettings.
    """
    with vendor_errors(), engine.connect().execution_options(capstone_begin="BEGIN IMMEDIATE") as connection, connection.begin():
        yield connection


def use_write_ahead_log(engine: Engine) -> None:
    """Let readers and a writer of a SQLite file work at the same time. The mode stays with the file."""
    if engine.dialect.name == "sqlite":
        with vendor_errors(), engine.connect().execution_options(capstone_begin=None) as connection:
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")


def one_at_a_time(connection: Connection, *what: str) -> None:
    """Let no other transaction that names the same thing go on until this one ends. On SQLite BEGIN IMMEDIATE has seen to it.

    On PostgreSQL two names may share a lock by chance: they wait for one another, and nothing else comes of it.
    """
    if connection.dialect.name == "postgresql":
        number = zlib.crc32(repr(what).encode("utf-8", "backslashreplace")) - 2**31
        connection.execute(select(func.pg_advisory_xact_lock(APPLICATION_ID, number)))


def _engine(url: str, wait_s: float, *, is_new: bool) -> Engine:
    parsed = _parsed(url)
    if parsed.get_backend_name() == "sqlite":
        return _sqlite_engine(sqlite_path(parsed), wait_s, "rwc" if is_new else "rw")
    return open_postgres(parsed, Patience.to_migrate(wait_s) if is_new else Patience.to_work(wait_s))


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise BadSettings("The ledger's URL cannot be read.", _HOW_TO_WRITE) from None  # its text may hold a password
    if parsed.drivername not in ("sqlite", *NAMES):
        raise BadSettings("A ledger is kept in SQLite or in PostgreSQL.", _HOW_TO_WRITE)
    return parsed


def _sqlite_engine(path: Path, wait_s: float, mode: str) -> Engine:
    def connect() -> sqlite3.Connection:
        if mode == "rw" and not _exists(path):
            raise NotInitialised(f"There is no ledger at {path}.")
        if mode == "rwc":
            with suppress(OSError):  # it is there, or SQLite will say what is wrong
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        return sqlite3.connect(
            f"{path.as_uri()}?mode={mode}", uri=True, timeout=wait_s, isolation_level=None, check_same_thread=False
        )

    engine = create_engine(URL.create("sqlite", database=str(path)), creator=connect, hide_parameters=True)
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
