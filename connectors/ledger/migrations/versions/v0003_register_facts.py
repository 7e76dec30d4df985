"""For a register of more than designations, and for replays: facts, reasons and approvals; what the bytes of records say."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from connectors.ledger.migrations.guard import guard

revision = "0003"
down_revision = "0002"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """What was kept stays as it is: new columns are empty for it, and what its records' bytes say is read when it is needed."""
    op.add_column("decisions", sa.Column("reason", TEXT, nullable=True))
    op.add_column("decisions", sa.Column("approves", sa.Integer(), nullable=True))
    op.add_column("decisions", sa.Column("rules", TEXT, nullable=True))
    op.add_column("designations", sa.Column("more", TEXT, nullable=True))
    op.create_table(
        "register_facts",
        sa.Column("decision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("fact_id", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("body", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["decision"], ["decisions.number"], name="fk_register_facts_decisions"),
        sa.PrimaryKeyConstraint("decision", "fact_id", name="pk_register_facts"),
    )
    op.create_table(
        "learned",
        sa.Column("record_no", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("header_date", TEXT, nullable=True),
        sa.Column("trace_date", TEXT, nullable=True),
        sa.Column("from_marks", TEXT, nullable=False),
        sa.Column("sender_marks", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["record_no"], ["records.record_no"], name="fk_learned_records"),
        sa.PrimaryKeyConstraint("record_no", name="pk_learned"),
        sqlite_with_rowid=False,
    )
    guard("register_facts")
