"""What a database says, in the words of the archive. The one place that knows the vendors' codes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from capstone.domain.errors import CapstoneError, LedgerDamaged, LedgerUnavailable, NotInitialised

_SQLITE_UNAVAILABLE = {
    "SQLITE_BUSY": "another process holds it",
    "SQLITE_LOCKED": "another process holds it",
    "SQLITE_PROTOCOL": "another process holds it",
    "SQLITE_FULL": "the disk is full",
    "SQLITE_READONLY": "it may not be written",
    "SQLITE_PERM": "it may not be opened",
    "SQLITE_AUTH": "it may not be opened",
    "SQLITE_CANTOPEN": "it cannot be opened",
    "SQLITE_IOERR": "the disk gave an error",
    "SQLITE_NOLFS": "the disk gave an error",
    "SQLITE_NOMEM": "memory ran out",
}
_SQLITE_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB")
# Classes of SQLSTATE: connection, authorisation, no such database, rollback, resources, wrong state, shutdown, system.
_POSTGRES_UNAVAILABLE = ("08", "28", "3D", "40", "53", "55", "57", "58")
_POSTGRES_DAMAGED = ("XX001", "XX002")
_POSTGRES_NO_TABLE = "42P01"


@contextmanager
def vendor_errors() -> Iterator[None]:
    """Raise what the database says as a named error, the vendor's error chained. All other errors pass through."""
    try:
        yield
    except PoolTimeout as exc:
        raise LedgerUnavailable("The ledger did not answer: all connections are in use.") from exc
    except UnicodeDecodeError as exc:  # from SQLite's own message about a damaged schema
        raise LedgerDamaged("The ledger holds text that cannot be read.") from exc
    except DBAPIError as exc:
        named = to_ledger_error(exc)
        if named is None:
            raise
        raise named from exc


def to_ledger_error(exc: DBAPIError) -> CapstoneError | None:
    """The named error that the vendor's error means; None where the program itself is wrong."""
    sqlite_name = getattr(exc.orig, "sqlite_errorname", None)
    if sqlite_name is not None:
        return _from_sqlite(sqlite_name, str(exc.orig))
    state = getattr(exc.orig, "sqlstate", None)
    if state is not None:
        return _from_postgres(state)
    if "could not decode" in str(exc.orig).lower():  # raised by Python's sqlite3 itself, without a code
        return LedgerDamaged("The ledger holds text that cannot be read.")
    if exc.connection_invalidated:
        return LedgerUnavailable("The connection to the ledger was lost.")
    return None


def _from_sqlite(name: str, said: str) -> CapstoneError | None:
    if name.startswith(_SQLITE_DAMAGED):
        return LedgerDamaged("The ledger file is damaged or is not a ledger.")
    for code, meaning in _SQLITE_UNAVAILABLE.items():
        if name.startswith(code):
            return LedgerUnavailable(f"The ledger cannot be used: {meaning}.")
    if said.startswith("no such table"):
        return NotInitialised("The ledger has no tables yet.")
    if said.startswith("malformed database schema"):
        return LedgerDamaged("The schema of the ledger file is damaged.")
    return None


def _from_postgres(state: str) -> CapstoneError | None:
    if state == _POSTGRES_NO_TABLE:
        return NotInitialised("The ledger has no tables yet.")
    if state in _POSTGRES_DAMAGED:
        return LedgerDamaged("The database says that its files are damaged.")
    if state.startswith(_POSTGRES_UNAVAILABLE):
        return LedgerUnavailable(f"The ledger cannot be used (SQLSTATE {state}).")
    return None
