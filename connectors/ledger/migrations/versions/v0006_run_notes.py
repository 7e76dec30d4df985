"""For what the sources of runs could not reach. What damaged containers lack is taken over from the audit chain."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

from connectors.ledger.column_types import ExactText

revision = "0006"
down_revision = "0005"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
STANDING = sa.text("stands")


def upgrade() -> None:
    """The next run tells anew what lacks of a mailbox; a container that was imported once may never be read again."""
    made = op.create_table(
        "run_notes",
        sa.Column("run_id", TEXT, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("code", TEXT, nullable=False),
        sa.Column("place", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("counts", TEXT, nullable=False),
        sa.Column("stands", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "number", name="pk_run_notes"),
    )
    op.create_index(
        "ix_run_notes_standing",
        "run_notes",
        ["account", "run_id", "number"],
        unique=False,
        sqlite_where=STANDING,
        postgresql_where=STANDING,
    )
    if rows := _containers():
        op.bulk_insert(made, rows)


def _containers() -> list[dict[str, object]]:
    """Those that lacked items when they were last read, from the entries of captures."""
    audit = sa.table("audit", sa.column("seq"), sa.column("event"), sa.column("details"))
    noted = sa.select(audit.c.details).where(audit.c.event == "capture", audit.c.details.contains('"notes"', autoescape=True))
    last: dict[tuple[str, str, str], dict[str, object]] = {}
    for details in op.get_bind().scalars(noted.order_by(audit.c.seq)):
        for row in _rows(details):
            last[str(row["account"]), str(row["source"]), str(row["place"])] = row
    return [row for row in last.values() if row["stands"]]


def _rows(details: str) -> list[dict[str, object]]:
    try:
        told: dict[str, Any] = json.loads(details)
        return [_row(told, number, dict(note)) for number, note in enumerate(told["notes"]) if note["code"] == "container"]
    except (ValueError, KeyError, TypeError):
        return []  # an entry that somebody altered: `capstone verify` names it


def _row(told: dict[str, Any], number: int, note: dict[str, Any]) -> dict[str, object]:
    code, place = note.pop("code"), note.pop("where")
    return {
        "run_id": told["run"],
        "number": number,
        "account": told["account"],
        "source": ExactText.to_text(told["source"]),
        "code": code,
        "place": ExactText.to_text(place),
        "reason": "",
        "counts": json.dumps(note, sort_keys=True, separators=(",", ":")),
        "stands": note.get("unrecovered", 0) > 0,
    }
