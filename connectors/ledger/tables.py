"""The tables of the ledger. Ids, codes, counts and times only: no subject, body or address of a message.

The history tables (`HISTORY`) only ever grow. On SQLite triggers refuse to change or delete their rows; on PostgreSQL the
program's role has no right to. `migrations` creates what stands here; a test compares the two.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKeyConstraint, Index, Integer, MetaData, Table, Text, text
from sqlalchemy import UniqueConstraint as Unique

from connectors.ledger.column_types import DayText, ExactText, JsonText, Key, UtcText

SCHEMA_VERSION = "0001"
"""The migration that leads to these tables; a ledger of another version is not written."""
VERSION_TABLE = "capstone_schema"
APPLICATION_ID = 0x43415053
"""SQLite's mark of whose file it is ("CAPS")."""

REFUSED = text("state IN ('excluded', 'failed', 'quarantined')")
"""Written out, not bound: only so can a database see that the index on refused items answers the query."""
RUNNING = text("outcome = 'running'")

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _of_a_record() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["record_no"], ["records.record_no"])


def _from_a_manifest() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["manifest_no"], ["manifests.manifest_no"])


# --- capture ---------------------------------------------------------------------------------------

# No table refers to runs: a rebuild from the store takes in manifests of runs that nothing else remembers.
runs = Table(
    "runs",
    metadata,
    Column("run_id", Key, primary_key=True),
    Column("account", Key, nullable=False),
    Column("source", ExactText, nullable=False),
    Column("started_at", UtcText, nullable=False),
    Column("ended_at", UtcText),
    Column("outcome", Text, nullable=False),
    Column("error", Text),
    Column("counts", JsonText),
    Index("ix_runs_account", "account", "started_at", "run_id"),
    Index("ix_runs_started_at", "started_at", "run_id"),
    Index("ix_runs_running", "account", sqlite_where=RUNNING, postgresql_where=RUNNING),
)

items = Table(
    "items",
    metadata,
    Column("run_id", Key, primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("source", ExactText, nullable=False),
    Column("folder", ExactText, nullable=False),
    Column("item_id", ExactText, nullable=False),
    Column("state", Text, nullable=False),
    Column("code", ExactText, nullable=False),
    Column("reason", ExactText, nullable=False),
    Column("digest", Text),
    Index("ix_items_refused", "run_id", "seq", sqlite_where=REFUSED, postgresql_where=REFUSED),
    sqlite_with_rowid=False,
)

manifests = Table(
    "manifests",
    metadata,
    Column("manifest_no", Integer, primary_key=True, autoincrement=False),
    Column("account", Key, nullable=False),
    Column("key", Key, nullable=False, unique=True),
    Column("digest", Text, nullable=False),
    Column("run_id", Text, nullable=False),
    Column("taken_at", UtcText, nullable=False),
    Unique("account", "manifest_no"),
)

# Other tables name a record by its number: digests are random, and each table that is sorted by them costs a page a row.
records = Table(
    "records",
    metadata,
    Column("record_no", BigInteger, primary_key=True, autoincrement=False),
    Column("account", Key, nullable=False),
    Column("digest", Key, nullable=False),
    Column("version_id", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("captured_at", UtcText, nullable=False),
    Column("run_id", Text, nullable=False),
    Column("content_key", Text, nullable=False),
    Column("problems", JsonText, nullable=False),
    Column("class_number", Integer, nullable=False),
    Unique("account", "digest"),
)

# Every class a record ever had; `records.class_number` says which is the present one.
classifications = Table(
    "classifications",
    metadata,
    Column("record_no", BigInteger, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("manifest_no", Integer, nullable=False),
    Column("record_class", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("rule_version", Text, nullable=False),
    Column("item", Text),
    Column("authority", Text),
    Column("designation_id", Text),
    Column("form", ExactText),
    Column("category", Text),
    Column("message_date", UtcText),
    Column("date_source", Text),
    Column("cutoff", DayText),
    Column("eligible", DayText),
    Column("flags", JsonText, nullable=False),
    _of_a_record(),
    _from_a_manifest(),
    sqlite_with_rowid=False,
)

# One row for each distinct value: the same place with other flags or times is another row, so that nothing a source ever said
# is lost. `variant` is the digest of that value.
occurrences = Table(
    "occurrences",
    metadata,
    Column("record_no", BigInteger, primary_key=True, autoincrement=False),
    Column("variant", Key, primary_key=True),
    Column("manifest_no", Integer, nullable=False),
    Column("source", ExactText, nullable=False),
    Column("folder", ExactText, nullable=False),
    Column("item_id", ExactText, nullable=False),
    Column("flags", JsonText, nullable=False),
    Column("received_at", UtcText),
    Column("from_line_at", UtcText),
    Column("is_sent", Boolean, nullable=False),
    Column("envelope", Text),
    _of_a_record(),
    _from_a_manifest(),
    sqlite_with_rowid=False,
)

cursors = Table(
    "cursors",
    metadata,
    Column("account", Key, primary_key=True),
    Column("source", ExactText, primary_key=True),
    Column("name", ExactText, primary_key=True),
    Column("value", ExactText, nullable=False),
)

leases = Table(
    "leases",
    metadata,
    Column("account", Key, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("until", UtcText, nullable=False),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("digest", Key, primary_key=True),
    Column("source", ExactText, primary_key=True),
    Column("account", Key, primary_key=True),
    Column("item_id", ExactText, primary_key=True),
    Column("code", ExactText, nullable=False),
    Column("reason", ExactText, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("tries", Integer, nullable=False),
)

# `enqueued` counts how often the record became due, `claimed` is that count when somebody took it: `done` removes the row only
# where the two agree, so that a change made meanwhile is not lost.
outbox = Table(
    "outbox",
    metadata,
    Column("record_no", BigInteger, primary_key=True, autoincrement=False),
    Column("enqueued", Integer, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("holder", Text),
    Column("claimed", Integer),
    Column("until", UtcText),
    Index("ix_outbox_tries", "tries", "record_no"),
    _of_a_record(),
)

# --- register --------------------------------------------------------------------------------------

decisions = Table(
    "decisions",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", UtcText, nullable=False),
    Column("actor", ExactText, nullable=False),
    Column("kind", Text, nullable=False),
    Column("digest", Text, nullable=False),
)

designations = Table(
    "designations",
    metadata,
    Column("decision", Integer, primary_key=True, autoincrement=False),
    Column("designation_id", Key, primary_key=True),
    Column("official", ExactText, nullable=False),
    Column("office", ExactText, nullable=False),
    Column("position", ExactText, nullable=False),
    Column("category", Text, nullable=False),
    Column("account", Key, nullable=False),
    Column("addresses", JsonText, nullable=False),
    Column("starts", DayText, nullable=False),
    Column("ends", DayText),
    Column("acting", Boolean, nullable=False),
    Column("form", JsonText, nullable=False),
    ForeignKeyConstraint(["decision"], ["decisions.number"]),
)

# A row of its own for the end of a row, so that the register itself is never changed.
supersessions = Table(
    "supersessions",
    metadata,
    Column("decision", Integer, primary_key=True, autoincrement=False),
    Column("old_id", Key, primary_key=True),
    Column("new_id", Key, nullable=False),
    ForeignKeyConstraint(["decision"], ["decisions.number"]),
)

# --- audit -----------------------------------------------------------------------------------------

audit = Table(
    "audit",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", UtcText, nullable=False),
    Column("actor", ExactText, nullable=False),
    Column("event", ExactText, nullable=False),
    Column("details", Text, nullable=False),
    Column("previous", Text, nullable=False),
    Column("digest", Text, nullable=False),
)

HISTORY = (audit, classifications, decisions, designations, items, manifests, occurrences, supersessions)
"""Tables whose rows are never changed and never deleted."""
