"""Making a ledger and telling whether what is there is one."""

from __future__ import annotations

from pathlib import Path

import structlog
from sqlalchemy import Connection, Engine, column, func, inspect, literal, select, table

from capstone.domain.errors import BadSettings, LedgerDamaged, NotInitialised
from connectors.ledger import rights
from connectors.ledger import tables as t
from connectors.ledger.engine import WAIT_S, one_at_a_time, open_new_engine, reading, use_write_ahead_log, writing

log = structlog.get_logger()

_KNOWN_VERSIONS = ("0001", "0002", "0003", "0004", "0005", "0006")
"""Every version that `create` can bring to the present one."""
_PASSING = {t.leases, t.slots}
"""Tables whose rows say who works now, and nothing that would be lost."""


def create(url: str, *, working_role: str | None = None, reading_role: str | None = None, wait_s: float = WAIT_S) -> None:
    """Make the ledger, or bring an older one to the present version; safe to repeat and from several processes at once.

    On PostgreSQL the user of the URL becomes the owner, and other roles get their rights. Raises BadSettings for a database
    that cannot be used so; LedgerDamaged for one that is not a ledger, or is of a newer version; LedgerUnavailable.
    """
    engine = open_new_engine(url, wait_s)
    try:
        with writing(engine) as connection:
            one_at_a_time(connection, "schema")
            _refuse_strangers(connection)
            if _version(connection) != t.SCHEMA_VERSION:
                _migrate(connection)
            _grant(connection, working_role, reading_role)
        use_write_ahead_log(engine)
    finally:
        engine.dispose()


def check(engine: Engine, *, every_page: bool = False) -> None:
    """Raise NotInitialised, LedgerDamaged, LedgerUnavailable or BadSettings unless the ledger can be used as it stands.

    With `every_page`, a SQLite file is read whole: that takes seconds for each hundred megabytes. Logs a warning where the
    role that works on PostgreSQL could rewrite history.
    """
    with reading(engine) as connection:
        _refuse_strangers(connection)
        _refuse_other_versions(connection)
        missing = t.metadata.tables.keys() - set(inspect(connection).get_table_names())
        if missing:
            raise LedgerDamaged(f"The ledger lacks the tables {', '.join(sorted(missing))}.")
        if connection.dialect.name == "postgresql" and rights.may_rewrite_history(connection):
            log.warning("ledger_role_may_rewrite_history", role=connection.scalar(select(func.current_user())))
        if every_page and connection.dialect.name == "sqlite":
            _check_pages(connection)


def is_empty(engine: Engine) -> bool:
    """Whether nothing is kept: no tables yet, or none with a row that says more than who works now. Raises as `check`."""
    with reading(engine) as connection:
        _refuse_strangers(connection)
        if _version(connection) is None:
            return True
        _refuse_other_versions(connection)
        lasting = [one for one in t.metadata.sorted_tables if one not in _PASSING]
        return not any(connection.scalar(select(select(literal(1)).select_from(one).exists())) for one in lasting)


def _refuse_other_versions(connection: Connection) -> None:
    version = _version(connection)
    if version is None:
        raise NotInitialised("The ledger has no tables yet.")
    if version != t.SCHEMA_VERSION:
        raise NotInitialised(
            f"The ledger has version {version}, this release needs {t.SCHEMA_VERSION}.",
            "Run 'capstone init': it brings the ledger to the present version and keeps all that is there.",
        )


def _grant(connection: Connection, working_role: str | None, reading_role: str | None) -> None:
    for role, grant in ((working_role, rights.grant_work), (reading_role, rights.grant_reading)):
        if role is None:
            continue
        if connection.dialect.name != "postgresql":
            raise BadSettings("A ledger in a file has no roles: whoever may write the file may write the ledger.")
        grant(connection, role)


def _refuse_strangers(connection: Connection) -> None:
    """Raise LedgerDamaged where the database holds what is not ours, or a version that this program does not know."""
    if connection.dialect.name == "postgresql":
        encoding = connection.exec_driver_sql("SHOW server_encoding").scalar()
        if encoding != "UTF8":
            raise BadSettings(f"The database of the ledger has the encoding {encoding}.", "Make it with --encoding=UTF8.")
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
