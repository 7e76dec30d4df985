"""Making a ledger and telling whether what is there is one."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Engine, column, inspect, select, table

from capstone.domain.errors import LedgerDamaged, NotInitialised
from connectors.ledger import tables as t
from connectors.ledger.engine import open_new_engine, reading, use_write_ahead_log, writing

_KNOWN_VERSIONS = ("0001",)
"""Every version that `create` can bring to the present one."""


def create(url: str) -> None:
    """Make the ledger, or bring an older one to the present version; safe to repeat and from several processes at once.

    Raises LedgerDamaged for a database that is not a ledger, or one of a newer version; LedgerUnavailable.
    """
    engine = open_new_engine(url)
    try:
        with writing(engine) as connection:
            _refuse_strangers(connection)
            if _version(connection) != t.SCHEMA_VERSION:
                _migrate(connection)
        use_write_ahead_log(engine)
    finally:
        engine.dispose()


def check(engine: Engine, *, every_page: bool = False) -> None:
    """Raise NotInitialised, LedgerDamaged or LedgerUnavailable unless the ledger can be used as it stands.

    `every_page` also reads the whole file of a SQLite ledger (some seconds for each 100,000 records).
    """
    with reading(engine) as connection:
        _refuse_strangers(connection)
        if _version(connection) != t.SCHEMA_VERSION:
            raise NotInitialised("The ledger has no tables yet, or those of an older release.")
        missing = t.metadata.tables.keys() - set(inspect(connection).get_table_names())
        if missing:
            raise LedgerDamaged(f"The ledger lacks the tables {', '.join(sorted(missing))}.")
        if every_page and connection.dialect.name == "sqlite":
            _check_pages(connection)


def _refuse_strangers(connection: Connection) -> None:
    """Raise LedgerDamaged where the database holds what is not ours, or a version that this program does not know."""
    names = set(inspect(connection).get_table_names())
    if names and t.VERSION_TABLE not in names:
        raise LedgerDamaged(
            "The database belongs to another program: it has tables, but not those of a ledger.", "Name another file or database."
        )
    version = _version(connection)
    if version not in (None, *_KNOWN_VERSIONS):
        raise LedgerDamaged(
            f"The ledger has version {version}; this program knows {t.SCHEMA_VERSION}.",
            "Use the release that made it, or a newer one.",
        )


def _version(connection: Connection) -> str | None:
    """The version that the database says it has; None before its first migration."""
    if not inspect(connection).has_table(t.VERSION_TABLE):
        return None
    version: str | None = connection.scalar(select(column("version_num")).select_from(table(t.VERSION_TABLE)))
    return version


def _migrate(connection: Connection) -> None:
    """All migrations up to the present one, within the transaction of `connection`."""
    from alembic import command  # slow to import, and needed only here
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    command.upgrade(config, "head")


def _check_pages(connection: Connection) -> None:
    answer = connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar()
    if answer != "ok":
        raise LedgerDamaged("The ledger file is damaged.")
