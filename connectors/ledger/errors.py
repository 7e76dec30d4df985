"""What a database says, in the words of the archive. The one place that knows the vendors' codes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from capstone.domain.errors import BadSettings, CapstoneError, LedgerDamaged, LedgerUnavailable, NotInitialised

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
_POSTGRES_UNAVAILABLE = {
    "08": "the connection was lost",
    "25006": "the server only reads, as one does that follows another",
    "25P03": "a transaction was left idle",
    "40": "two transactions stood in each other's way",
    "53": "the server has no memory, disk space or connection left",
    "55": "it stayed locked",
    "57": "the server stops, starts, or took too long",
    "58": "the disk of the server gave an error",
}
"""Classes of SQLSTATE, or whole ones, that may pass by themselves."""
_POSTGRES_DAMAGED = ("XX001", "XX002")
_POSTGRES_NO_TABLE = "42P01"
_POSTGRES_NO_DATABASE = "3D000"
_POSTGRES_REFUSED = ("28", "42501")

# A connection that does not come about has no SQLSTATE, only words; what is not among these may pass by itself.
_NO_DATABASE = re.compile('database "[^"]*" does not exist')
_REFUSED = re.compile(
    "authentication failed|no password supplied|no pg_hba.conf entry|pg_hba.conf rejects"
    '|permission denied|not permitted to log in|role "[^"]*" does not exist'
)
_FULL = ("too many", "connection slots are reserved")
_UNTRUSTED = ("certificate ", "alert unknown ca", "does not support ssl", "private key file")
_BAD_OPTION = ("bad value for", "invalid connection option", "invalid sslmode", "invalid integer value", "invalid port number")

_WAIT = "Check the database server, then run again; nothing is captured twice."
_CHECK_SECRET = "Correct the user and its secret in [ledger], or let the server's pg_hba.conf admit it."  # noqa: S105
_CHECK_TLS = "Name the right authority with ?sslmode=verify-full&sslrootcert=FILE in the ledger's URL."
_ASK_OWNER = "Run 'capstone init' as the owner of the tables: it gives the working role the rights it needs."
_MAKE_DATABASE = "Make the database (createdb --encoding=UTF8), then run 'capstone init'."
_RESTORE = "Restore the database, or make a new one and run 'capstone rebuild --ledger'; the store holds all that is needed."


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
    return _from_words(exc, str(exc.orig).lower())


def _from_words(exc: DBAPIError, said: str) -> CapstoneError | None:
    """What a driver means that gives no code."""
    if "could not decode" in said:  # raised by Python's sqlite3 itself
        return LedgerDamaged("The ledger holds text that cannot be read.")
    if any(words in said for words in _BAD_OPTION):
        return BadSettings("The database driver refuses an option of the ledger's URL.")
    if exc.connection_invalidated:
        return LedgerUnavailable("The connection to the ledger was lost.", _WAIT)
    return _from_connecting(said) if isinstance(exc, OperationalError) else None


def _from_connecting(said: str) -> CapstoneError:
    if _NO_DATABASE.search(said):
        return NotInitialised("The database of the ledger does not exist.", _MAKE_DATABASE)
    if _REFUSED.search(said):
        return BadSettings("The database server does not let the ledger's user in.", _CHECK_SECRET)
    if any(words in said for words in _UNTRUSTED):
        return BadSettings(
            "The database server is not trusted: its certificate or the files named for it do not fit.", _CHECK_TLS
        )
    if any(words in said for words in _FULL):
        return LedgerUnavailable("The database server has no connection left.", _WAIT)
    return LedgerUnavailable("The database server did not take the connection.", _WAIT)


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
    if state == _POSTGRES_NO_DATABASE:
        return NotInitialised("The database of the ledger does not exist.", _MAKE_DATABASE)
    if state in _POSTGRES_DAMAGED:
        return LedgerDamaged("The database says that its files are damaged.", _RESTORE)
    if state.startswith(_POSTGRES_REFUSED):
        return BadSettings(f"The database refuses this to the ledger's user (SQLSTATE {state}).", _ASK_OWNER)
    for known, meaning in _POSTGRES_UNAVAILABLE.items():
        if state.startswith(known):
            return LedgerUnavailable(f"The ledger cannot be used: {meaning} (SQLSTATE {state}).", _WAIT)
    return None
