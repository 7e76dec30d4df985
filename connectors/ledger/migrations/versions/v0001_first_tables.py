"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from connectors.ledger.migrations.guard import guard_on_sqlite

revision = "0001"
down_revision = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
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
            guard_on_sqlite(table)


def _create_capture_tables() -> None:
    op.create_table(
        "runs",
        sa.Column("run_id", TEXT, nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("started_at", TEXT, nullable=False),
        sa.Column("ended_at", TEXT, nullable=True),
        sa.Column("outcome", TEXT, nullable=False),
        sa.Column("error", TEXT, nullable=True),
        sa.Column("counts", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("run_id", name="pk_runs"),
    )
    op.create_index("ix_runs_account", "runs", ["account", "started_at", "run_id"], unique=False)
    op.create_index("ix_runs_running", "runs", ["account"], unique=False, sqlite_where=RUNNING, postgresql_where=RUNNING)
    op.create_index("ix_runs_started_at", "runs", ["started_at", "run_id"], unique=False)
    op.create_table(
        "items",
        sa.Column("run_id", TEXT, nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("folder", TEXT, nullable=False),
        sa.Column("item_id", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("code", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("run_id", "seq", name="pk_items"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_items_refused", "items", ["run_id", "seq"], unique=False, sqlite_where=REFUSED, postgresql_where=REFUSED)
    op.create_table(
        "manifests",
        sa.Column("manifest_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("run_id", TEXT, nullable=False),
        sa.Column("taken_at", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("manifest_no", name="pk_manifests"),
        sa.UniqueConstraint("account", "manifest_no", name="uq_manifests_account_manifest_no"),
        sa.UniqueConstraint("key", name="uq_manifests_key"),
    )
    op.create_table(
        "cursors",
        sa.Column("account", TEXT, nullable=False),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("account", "source", "name", name="pk_cursors"),
    )
    op.create_table(
        "leases",
        sa.Column("account", TEXT, nullable=False),
        sa.Column("holder", TEXT, nullable=False),
        sa.Column("until", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("account", name="pk_leases"),
    )


def _create_record_tables() -> None:
    op.create_table(
        "records",
        sa.Column("record_no", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("version_id", TEXT, nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("captured_at", TEXT, nullable=False),
        sa.Column("run_id", TEXT, nullable=False),
        sa.Column("content_key", TEXT, nullable=False),
        sa.Column("problems", TEXT, nullable=False),
        sa.Column("class_number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("record_no", name="pk_records"),
        sa.UniqueConstraint("account", "digest", name="uq_records_account_digest"),
    )
    op.create_table(
        "occurrences",
        sa.Column("record_no", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("variant", TEXT, nullable=False),
        sa.Column("manifest_no", sa.Integer(), nullable=False),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("folder", TEXT, nullable=False),
        sa.Column("item_id", TEXT, nullable=False),
        sa.Column("flags", TEXT, nullable=False),
        sa.Column("received_at", TEXT, nullable=True),
        sa.Column("from_line_at", TEXT, nullable=True),
        sa.Column("is_sent", sa.Boolean(), nullable=False),
        sa.Column("envelope", TEXT, nullable=True),
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
        sa.Column("record_class", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("rule_version", TEXT, nullable=False),
        sa.Column("item", TEXT, nullable=True),
        sa.Column("authority", TEXT, nullable=True),
        sa.Column("designation_id", TEXT, nullable=True),
        sa.Column("form", TEXT, nullable=True),
        sa.Column("category", TEXT, nullable=True),
        sa.Column("message_date", TEXT, nullable=True),
        sa.Column("date_source", TEXT, nullable=True),
        sa.Column("cutoff", TEXT, nullable=True),
        sa.Column("eligible", TEXT, nullable=True),
        sa.Column("flags", TEXT, nullable=False),
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
        sa.Column("holder", TEXT, nullable=True),
        sa.Column("claimed", sa.Integer(), nullable=True),
        sa.Column("until", TEXT, nullable=True),
        sa.ForeignKeyConstraint(["record_no"], ["records.record_no"], name="fk_outbox_records"),
        sa.PrimaryKeyConstraint("record_no", name="pk_outbox"),
    )
    op.create_index("ix_outbox_tries", "outbox", ["tries", "record_no"], unique=False)
    op.create_table(
        "quarantine",
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("item_id", TEXT, nullable=False),
        sa.Column("code", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("digest", "source", "account", "item_id", name="pk_quarantine"),
    )


def _create_register_tables() -> None:
    op.create_table(
        "decisions",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", TEXT, nullable=False),
        sa.Column("actor", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_decisions"),
    )
    op.create_table(
        "designations",
        sa.Column("decision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("designation_id", TEXT, nullable=False),
        sa.Column("official", TEXT, nullable=False),
        sa.Column("office", TEXT, nullable=False),
        sa.Column("position", TEXT, nullable=False),
        sa.Column("category", TEXT, nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("addresses", TEXT, nullable=False),
        sa.Column("starts", TEXT, nullable=False),
        sa.Column("ends", TEXT, nullable=True),
        sa.Column("acting", sa.Boolean(), nullable=False),
        sa.Column("form", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["decision"], ["decisions.number"], name="fk_designations_decisions"),
        sa.PrimaryKeyConstraint("decision", "designation_id", name="pk_designations"),
    )
    op.create_table(
        "supersessions",
        sa.Column("decision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("old_id", TEXT, nullable=False),
        sa.Column("new_id", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["decision"], ["decisions.number"], name="fk_supersessions_decisions"),
        sa.PrimaryKeyConstraint("decision", "old_id", name="pk_supersessions"),
    )
    op.create_table(
        "audit",
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", TEXT, nullable=False),
        sa.Column("actor", TEXT, nullable=False),
        sa.Column("event", TEXT, nullable=False),
        sa.Column("details", TEXT, nullable=False),
        sa.Column("previous", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_audit"),
    )
