"""Who may do what on PostgreSQL: the owner makes the tables, the working role adds to them, the reading role only looks.

No role but the owner can change or delete what is history, and the owner is asked for at `capstone init` alone.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, Table, func, select

from capstone.domain.errors import BadSettings
from connectors.ledger import tables as t
from connectors.ledger.numbering import SEQUENCES

_PRESENT_VALUES = {
    t.records: ("class_number",),
    t.runs: ("ended_at", "outcome", "error", "counts"),
    t.run_notes: ("stands",),
    t.cursors: ("value",),
    t.quarantine: ("code", "reason", "tries"),
    t.learned: ("header_date", "trace_date", "from_marks", "sender_marks"),
}
"""Tables of which only these columns are ever changed, and no row is deleted."""
_WORK = (t.leases, t.slots, t.outbox)
"""Tables whose rows come and go."""


def grant_work(connection: Connection, role: str) -> None:
    """Give the role what capture, indexing and reading need, and take from it what is more. Raises BadSettings."""
    name = _known(connection, role)
    _begin_anew(connection, name)
    _run(connection, f"GRANT SELECT, INSERT ON {_names(t.metadata.sorted_tables)} TO {name}")
    for table, columns in _PRESENT_VALUES.items():
        _run(connection, f"GRANT UPDATE ({', '.join(columns)}) ON {table.name} TO {name}")
    _run(connection, f"GRANT UPDATE, DELETE ON {_names(_WORK)} TO {name}")
    _run(connection, f"GRANT USAGE ON SEQUENCE {', '.join(SEQUENCES)} TO {name}")


def grant_reading(connection: Connection, role: str) -> None:
    """Let the role read everything and write nothing: for auditors and reports. Raises BadSettings."""
    name = _known(connection, role)
    _begin_anew(connection, name)
    _run(connection, f"GRANT SELECT ON {_names(t.metadata.sorted_tables)} TO {name}")


def may_rewrite_history(connection: Connection) -> bool:
    """Whether the connected role could change or delete history: it owns the tables, or was given too much."""
    history = ", ".join(f"'{table.name}'::regclass" for table in t.HISTORY)
    may = " OR ".join(
        [
            "pg_has_role(relowner, 'MEMBER')",
            "has_any_column_privilege(oid, 'UPDATE')",
            "has_table_privilege(oid, 'DELETE')",
            "has_table_privilege(oid, 'TRUNCATE')",
        ]
    )
    found = connection.exec_driver_sql(f"SELECT bool_or({may}) FROM pg_class WHERE oid IN ({history})")  # noqa: S608 - fixed names
    return bool(found.scalar())


def _begin_anew(connection: Connection, name: str) -> None:
    """The role may find the tables and see their version, and nothing else."""
    schema = _quoted(connection, connection.scalar(select(func.current_schema())) or "public")
    _run(connection, f"REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC, {name}")
    _run(connection, f"GRANT USAGE ON SCHEMA {schema} TO {name}")
    _run(connection, f"REVOKE ALL ON {_names(t.metadata.sorted_tables)}, {t.VERSION_TABLE} FROM PUBLIC, {name}")
    _run(connection, f"REVOKE ALL ON SEQUENCE {', '.join(SEQUENCES)} FROM PUBLIC, {name}")
    _run(connection, f"GRANT SELECT ON {t.VERSION_TABLE} TO {name}")


def _known(connection: Connection, role: str) -> str:
    """The role's name as a statement takes it. Raises BadSettings where there is no such role, or it is the owner's own."""
    if role == connection.scalar(select(func.current_user())):
        raise BadSettings(
            f"The role {role} owns the ledger's tables: nothing can be kept from it.",
            "Name an owner of its own for 'capstone init', other than the role that works.",
        )
    if connection.exec_driver_sql("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).scalar() is None:
        raise BadSettings(f"The database server has no role {role}.", f"Let its administrator run: CREATE ROLE {role} LOGIN")
    return _quoted(connection, role)


def _quoted(connection: Connection, name: str) -> str:
    return connection.dialect.identifier_preparer.quote_identifier(name)


def _names(tables: Iterable[Table]) -> str:
    return ", ".join(table.name for table in tables)


def _run(connection: Connection, statement: str) -> None:
    """One statement that takes no values. A per cent sign in a name is no placeholder."""
    connection.exec_driver_sql(statement.replace("%", "%%"))
