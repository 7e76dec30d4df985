"""For mail that is no record: what rules propose, and what people say of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from connectors.ledger.migrations.guard import guard

revision = "0004"
down_revision = "0003"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """New tables only: what was kept stays as it is."""
    op.create_table(
        "culling_proposals",
        sa.Column("proposal_id", TEXT, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", TEXT, nullable=False),
        sa.Column("stands", sa.Boolean(), nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("record_id", TEXT, nullable=False),
        sa.Column("rule", TEXT, nullable=False),
        sa.Column("version", TEXT, nullable=False),
        sa.Column("confidence", sa.Integer(), nullable=False),
        sa.Column("signs", TEXT, nullable=False),
        sa.Column("keeps", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("proposal_id", "number", name="pk_culling_proposals"),
    )
    op.create_index("ix_culling_proposals_record_id", "culling_proposals", ["record_id"], unique=False)
    op.create_index("ix_culling_proposals_keeps", "culling_proposals", ["keeps"], unique=False)
    op.create_table(
        "culling_reviews",
        sa.Column("decision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("proposal_id", TEXT, nullable=False),
        sa.Column("verdict", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["decision"], ["decisions.number"], name="fk_culling_reviews_decisions"),
        sa.PrimaryKeyConstraint("decision", "proposal_id", name="pk_culling_reviews"),
    )
    op.create_index("ix_culling_reviews_proposal_id", "culling_reviews", ["proposal_id"], unique=False)
    for table in ("culling_proposals", "culling_reviews"):
        guard(table)
