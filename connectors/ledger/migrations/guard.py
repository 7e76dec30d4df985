"""History: the database itself refuses to change or delete rows of a table, for migrations that make one.

What stands here has made tables already: it never changes.
"""

from __future__ import annotations

from alembic import op


def guard(table: str) -> None:
    """Let the database refuse it to everybody; on PostgreSQL the owner of the table included."""
    if op.get_bind().dialect.name == "postgresql":
        guard_on_postgres(table)
    else:
        guard_on_sqlite(table)


def guard_on_postgres(table: str) -> None:
    """By the function that version 0002 makes."""
    op.execute(
        f"CREATE TRIGGER {table}_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_history()"
    )
    op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_only_grows")


def guard_on_sqlite(table: str) -> None:
    """One trigger for each kind of change."""
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is history: rows are only ever added'); END"
        )
