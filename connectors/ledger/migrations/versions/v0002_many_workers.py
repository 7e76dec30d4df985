"""For several machines: slots of mail servers, keys of one length, and on PostgreSQL numbers and guarded history."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op

from connectors.ledger.column_types import ExactText
from connectors.ledger.migrations.guard import guard_on_postgres

revision = "0002"
down_revision = "0001"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
HISTORY = ("audit", "classifications", "decisions", "designations", "items", "manifests", "occurrences", "supersessions")


def upgrade() -> None:
    """What was kept stays; triggers on SQLite stand since the first version."""
    op.create_table(
        "slots",
        sa.Column("server", TEXT, nullable=False),
        sa.Column("holder", TEXT, nullable=False),
        sa.Column("until", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("server", "holder", name="pk_slots"),
    )
    _give_short_keys("cursors", ("account", "source", "name"), ("value",), {})
    op.create_index("ix_cursors_account", "cursors", ["account"], unique=False)
    _give_short_keys(
        "quarantine",
        ("digest", "source", "account", "item_id"),
        ("code", "reason"),
        {"size_bytes": sa.BigInteger(), "tries": sa.Integer()},
    )
    if op.get_bind().dialect.name == "postgresql":
        _number("record_numbers", "bigint", "records", "record_no")
        _number("manifest_numbers", "integer", "manifests", "manifest_no")
        _guard_history()
        op.execute("ALTER TABLE outbox SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02)")  # rows come and go


def _give_short_keys(name: str, identity: tuple[str, ...], texts: tuple[str, ...], numbers: Mapping[str, Any]) -> None:
    """Make the table anew with `row_key`, which stands for the columns that told its rows apart."""
    columns: list[sa.Column[Any]] = [sa.Column(one, TEXT, nullable=False) for one in (*identity, *texts)]
    columns += [sa.Column(one, kind, nullable=False) for one, kind in numbers.items()]
    kept = sa.table(name, *(sa.column(column.name) for column in columns))
    rows = [dict(row) for row in op.get_bind().execute(sa.select(kept)).mappings()]
    op.drop_table(name)
    made = op.create_table(
        name, sa.Column("row_key", TEXT, nullable=False), *columns, sa.PrimaryKeyConstraint("row_key", name=f"pk_{name}")
    )
    if rows:
        op.bulk_insert(made, [{"row_key": _row_key([row[one] for one in identity]), **row} for row in rows])


def _row_key(kept: list[str]) -> str:
    facts = [ExactText.to_value(one) for one in kept]
    return hashlib.blake2b(json.dumps(facts).encode(), digest_size=16).hexdigest()


def _number(sequence: str, kind: str, table: str, column: str) -> None:
    """Numbers that writers take without waiting for one another."""
    op.execute(f"CREATE SEQUENCE {sequence} AS {kind} OWNED BY {table}.{column}")
    op.execute(f"SELECT setval('{sequence}', coalesce(max({column}), 0) + 1, false) FROM {table}")  # noqa: S608 - fixed names


def _guard_history() -> None:
    """Let the server refuse to rewrite history to everybody, the owner of the tables included."""
    op.execute(
        "CREATE FUNCTION refuse_change_of_history() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION '% is history: rows are only ever added', TG_TABLE_NAME "
        "USING ERRCODE = 'integrity_constraint_violation'; END $$"
    )
    for table in HISTORY:
        guard_on_postgres(table)
