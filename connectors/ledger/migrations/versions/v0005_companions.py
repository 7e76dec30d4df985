"""For sources that give an item other bytes another time, and for what is kept beside a record."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from connectors.ledger.migrations.guard import guard

revision = "0005"
down_revision = "0004"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
IDENTIFIED = sa.text("identity_key IS NOT NULL")


def upgrade() -> None:
    """What was kept stays as it is: no source of an earlier version named its items so."""
    for name in ("identity", "identity_key", "differs"):
        op.add_column("occurrences", sa.Column(name, TEXT, nullable=True))
    op.create_index(
        "ix_occurrences_identity",
        "occurrences",
        ["identity_key"],
        unique=False,
        sqlite_where=IDENTIFIED,
        postgresql_where=IDENTIFIED,
    )
    op.create_table(
        "companions",
        sa.Column("record_no", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("manifest_no", sa.Integer(), nullable=False),
        sa.Column("suffix", TEXT, nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("version_id", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["record_no"], ["records.record_no"], name="fk_companions_records"),
        sa.ForeignKeyConstraint(["manifest_no"], ["manifests.manifest_no"], name="fk_companions_manifests"),
        sa.PrimaryKeyConstraint("record_no", "kind", "digest", name="pk_companions"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_companions_digest", "companions", ["digest"], unique=False)
    guard("companions")
