"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
REFUSED = sa.text("state IN ('excluded', 'failed', 'quarantined')")
RUNNING = sa.text("outcome = 'running'")
APPLICATION_ID = 0x43415053
HISTORY = ("audit", "classifications", "decisions", "designations", "items", "manifests", "occurrences", "supersessions")


def upgrade() -> None:
    """All tables, and on SQLite the triggers that keep history from being changed."""
    _create_capture_tables()
    _create_record_tables()
    _create_work_tables()
    _create_register_tables()
    if op.get_bind().dialect.name == "sqlite":
        op.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        for table in HISTORY:
            _refuse_changes(table)


def _refuse_changes(table: str) -> None:
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is history: rows are only ever added'); END"
        )


def _create_capture_tables() -> None:
    op.create_table(
        "runs",
        sa.Column("run_id", KEY, nullable=False),
        sa.Column("account", KEY, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("started_at", sa.Text(), nullable=False),
        sa.Column("ended_at", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("counts", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("run_id", name="pk_runs"),
    )
    op.create_index("ix_runs_account", "runs", ["account", "started_at", "run_id"], unique=False)
    op.create_index("ix_runs_running", "runs", ["account"], unique=False, sqlite_where=RUNNING, postgresql_where=RUNNING)
    op.create_index("ix_runs_started_at", "runs", ["started_at", "run_id"], unique=False)
    op.create_table(
        "items",
        sa.Column("run_id", KEY, nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("item_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("run_id", "seq", name="pk_items"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_items_refused", "items", ["run_id", "seq"], unique=False, sqlite_where=REFUSED, postgresql_where=REFUSED)
    op.create_table(
        "manifests",
        sa.Column("manifest_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("account", KEY, nullable=False),
        sa.Column("key", KEY, nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("taken_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("manifest_no", name="pk_manifests"),
        sa.UniqueConstraint("account", "manifest_no", name="uq_manifests_account_manifest_no"),
        sa.UniqueConstraint("key", name="uq_manifests_key"),
    )
    op.create_table(
        "cursors",
        sa.Column("account", KEY, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("account", "source", "name", name="pk_cursors"),
    )
    op.create_table(
        "leases",
        sa.Column("account", KEY, nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("until", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("account", name="pk_leases"),
    )


def _create_record_tables() -> None:
    op.create_table(
        "records",
        sa.Column("record_no", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("account", KEY, nullable=False),
        sa.Column("digest", KEY, nullable=False),
        sa.Column("version_id", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("captured_at", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("content_key", sa.Text(), nullable=False),
        sa.Column("problems", sa.Text(), nullable=False),
        sa.Column("class_number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("record_no", name="pk_records"),
        sa.UniqueConstraint("account", "digest", name="uq_records_account_digest"),
    )
    op.create_table(
        "occurrences",
        sa.Column("record_no", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("variant", KEY, nullable=False),
        sa.Column("manifest_no", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("item_id", sa.Text(), nullable=False),
        sa.Column("flags", sa.Text(), nullable=False),
        sa.Column("received_at", sa.Text(), nullable=True),
        sa.Column("from_line_at", sa.Text(), nullable=True),
        sa.Column("is_sent", sa.Boolean(), nullable=False),
        sa.Column("envelope", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["manifest_no"], ["manifests.manifest_no"], name="fk_occurrences_manifests"),
        sa.ForeignKeyConstraint(["record_no"], ["records.record_no"], name="fk_occurrences_records"),
        sa.PrimaryKeyConstraint("record_no", "variant", name="pk_occurrences"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "classifications",
        sa.Column("record_no", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("manifest_no", sa.Integer(), nullable=False),
        sa.Column("record_class", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("rule_version", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), nullable=True),
        sa.Column("authority", sa.Text(), nullable=True),
        sa.Column("designation_id", sa.Text(), nullable=True),
        sa.Column("form", sa.Text(), nullable=True),
        sa.Column("category", sa.Text(), nullable=True),
        sa.Column("message_date", sa.Text(), nullable=True),
        sa.Column("date_source", sa.Text(), nullable=True),
        sa.Column("cutoff", sa.Text(), nullable=True),
        sa.Column("eligible", sa.Text(), nullable=True),
        sa.Column("flags", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["manifest_no"], ["manifests.manifest_no"], name="fk_classifications_manifests"),
        sa.ForeignKeyConstraint(["record_no"], ["records.record_no"], name="fk_classifications_records"),
        sa.PrimaryKeyConstraint("record_no", "number", name="pk_classifications"),
        sqlite_with_rowid=False,
    )


def _create_work_tables() -> None:
    op.create_table(
        "outbox",
        sa.Column("record_no", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("enqueued", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=True),
        sa.Column("claimed", sa.Integer(), nullable=True),
        sa.Column("until", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["record_no"], ["records.record_no"], name="fk_outbox_records"),
        sa.PrimaryKeyConstraint("record_no", name="pk_outbox"),
    )
    op.create_index("ix_outbox_tries", "outbox", ["tries", "record_no"], unique=False)
    op.create_table(
        "quarantine",
        sa.Column("digest", KEY, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("account", KEY, nullable=False),
        sa.Column("item_id", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("digest", "source", "account", "item_id", name="pk_quarantine"),
    )


def _create_register_tables() -> None:
    op.create_table(
        "decisions",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_decisions"),
    )
    op.create_table(
        "designations",
        sa.Column("decision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("designation_id", KEY, nullable=False),
        sa.Column("official", sa.Text(), nullable=False),
        sa.Column("office", sa.Text(), nullable=False),
        sa.Column("position", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("account", KEY, nullable=False),
        sa.Column("addresses", sa.Text(), nullable=False),
        sa.Column("starts", sa.Text(), nullable=False),
        sa.Column("ends", sa.Text(), nullable=True),
        sa.Column("acting", sa.Boolean(), nullable=False),
        sa.Column("form", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["decision"], ["decisions.number"], name="fk_designations_decisions"),
        sa.PrimaryKeyConstraint("decision", "designation_id", name="pk_designations"),
    )
    op.create_table(
        "supersessions",
        sa.Column("decision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("old_id", KEY, nullable=False),
        sa.Column("new_id", KEY, nullable=False),
        sa.ForeignKeyConstraint(["decision"], ["decisions.number"], name="fk_supersessions_decisions"),
        sa.PrimaryKeyConstraint("decision", "old_id", name="pk_supersessions"),
    )
    op.create_table(
        "audit",
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("previous", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_audit"),
    )
