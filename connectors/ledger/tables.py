"""The tables of the ledger. Ids, codes, counts and times only: no subject, body or address of a message.

The history tables (`HISTORY`) only ever grow: triggers refuse to change or delete their rows, and on PostgreSQL the program's
role has no right to either (`rights`). `migrations` creates what stands here; a test compares the two.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKeyConstraint, Index, Integer, MetaData, Table, text
from sqlalchemy import UniqueConstraint as Unique

from connectors.ledger.column_types import Code, DayText, ExactText, JsonText, UtcText

SCHEMA_VERSION = "0006"
"""The migration that leads to these tables; a ledger of another version is not written."""
VERSION_TABLE = "capstone_schema"
APPLICATION_ID = 0x43415053
"""SQLite's mark of whose file it is ("CAPS")."""

REFUSED = text("state IN ('excluded', 'failed', 'quarantined')")
"""Written out, not bound: only so can a database see that the index on refused items answers the query."""
RUNNING = text("outcome = 'running'")
IDENTIFIED = text("identity_key IS NOT NULL")
STANDING = text("stands")

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
    Column("run_id", Code, primary_key=True),
    Column("account", Code, nullable=False),
    Column("source", ExactText, nullable=False),
    Column("started_at", UtcText, nullable=False),
    Column("ended_at", UtcText),
    Column("outcome", Code, nullable=False),
    Column("error", Code),
    Column("counts", JsonText),
    Index("ix_runs_account", "account", "started_at", "run_id"),
    Index("ix_runs_started_at", "started_at", "run_id"),
    Index("ix_runs_running", "account", sqlite_where=RUNNING, postgresql_where=RUNNING),
)

# What the source of a run had to say. `stands` is true of a gap until a later run closes it, so that the gaps of now are found
# without looking at the runs.
run_notes = Table(
    "run_notes",
    metadata,
    Column("run_id", Code, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("account", Code, nullable=False),
    Column("source", ExactText, nullable=False),
    Column("code", Code, nullable=False),
    Column("place", ExactText, nullable=False),
    Column("reason", ExactText, nullable=False),
    Column("counts", JsonText, nullable=False),
    Column("stands", Boolean, nullable=False),
    Index("ix_run_notes_standing", "account", "run_id", "number", sqlite_where=STANDING, postgresql_where=STANDING),
)

items = Table(
    "items",
    metadata,
    Column("run_id", Code, primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("source", ExactText, nullable=False),
    Column("folder", ExactText, nullable=False),
    Column("item_id", ExactText, nullable=False),
    Column("state", Code, nullable=False),
    Column("code", ExactText, nullable=False),
    Column("reason", ExactText, nullable=False),
    Column("digest", Code),
    Index("ix_items_refused", "run_id", "seq", sqlite_where=REFUSED, postgresql_where=REFUSED),
    sqlite_with_rowid=False,
)

manifests = Table(
    "manifests",
    metadata,
    Column("manifest_no", Integer, primary_key=True, autoincrement=False),
    Column("account", Code, nullable=False),
    Column("key", Code, nullable=False, unique=True),
    Column("digest", Code, nullable=False),
    Column("run_id", Code, nullable=False),
    Column("taken_at", UtcText, nullable=False),
    Unique("account", "manifest_no"),
)

# Other tables name a record by its number: digests are random, and each table that is sorted by them costs a page a row.
records = Table(
    "records",
    metadata,
    Column("record_no", BigInteger, primary_key=True, autoincrement=False),
    Column("account", ExactText, nullable=False),
    Column("digest", ExactText, nullable=False),
    Column("version_id", Code, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("captured_at", UtcText, nullable=False),
    Column("run_id", Code, nullable=False),
    Column("content_key", Code, nullable=False),
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
    Column("record_class", Code, nullable=False),
    Column("reason", Code, nullable=False),
    Column("rule_version", Code, nullable=False),
    Column("item", Code),
    Column("authority", Code),
    Column("designation_id", Code),
    Column("form", ExactText),
    Column("category", Code),
    Column("message_date", UtcText),
    Column("date_source", Code),
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
    Column("variant", Code, primary_key=True),
    Column("manifest_no", Integer, nullable=False),
    Column("source", ExactText, nullable=False),
    Column("folder", ExactText, nullable=False),
    Column("item_id", ExactText, nullable=False),
    Column("flags", JsonText, nullable=False),
    Column("received_at", UtcText),
    Column("from_line_at", UtcText),
    Column("is_sent", Boolean, nullable=False),
    Column("envelope", Code),
    Column("identity", ExactText),
    Column("identity_key", Code),
    Column("differs", Code),
    _of_a_record(),
    _from_a_manifest(),
    Index("ix_occurrences_identity", "identity_key", sqlite_where=IDENTIFIED, postgresql_where=IDENTIFIED),
    sqlite_with_rowid=False,
)

# What is kept beside a record in the store, under its lock: the native item, envelopes.
companions = Table(
    "companions",
    metadata,
    Column("record_no", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", Code, primary_key=True),
    Column("digest", Code, primary_key=True),
    Column("manifest_no", Integer, nullable=False),
    Column("suffix", Code, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("version_id", Code, nullable=False),
    Index("ix_companions_digest", "digest"),
    _of_a_record(),
    _from_a_manifest(),
    sqlite_with_rowid=False,
)

# What the bytes of a record say that its class depends on: read again from the store where it is missing, gone with the record.
# Marks stand as words of one text, as a replay reads them by the million.
learned = Table(
    "learned",
    metadata,
    Column("record_no", BigInteger, primary_key=True, autoincrement=False),
    Column("header_date", UtcText),
    Column("trace_date", UtcText),
    Column("from_marks", Code, nullable=False),
    Column("sender_marks", Code, nullable=False),
    _of_a_record(),
    sqlite_with_rowid=False,
)

# A name or an item id may be longer than an index of PostgreSQL takes: `row_key` (rows.row_key) stands for it.
cursors = Table(
    "cursors",
    metadata,
    Column("row_key", Code, primary_key=True),
    Column("account", Code, nullable=False),
    Column("source", ExactText, nullable=False),
    Column("name", ExactText, nullable=False),
    Column("value", ExactText, nullable=False),
    Index("ix_cursors_account", "account"),
)

leases = Table(
    "leases",
    metadata,
    Column("account", Code, primary_key=True),
    Column("holder", Code, nullable=False),
    Column("until", UtcText, nullable=False),
)

slots = Table(
    "slots",
    metadata,
    Column("server", ExactText, primary_key=True),
    Column("holder", Code, primary_key=True),
    Column("until", UtcText, nullable=False),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("row_key", Code, primary_key=True),
    Column("digest", Code, nullable=False),
    Column("source", ExactText, nullable=False),
    Column("account", Code, nullable=False),
    Column("item_id", ExactText, nullable=False),
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
    Column("holder", Code),
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
    Column("kind", Code, nullable=False),
    Column("digest", Code, nullable=False),
    Column("reason", ExactText),
    Column("approves", Integer),
    Column("rules", Code),
)

designations = Table(
    "designations",
    metadata,
    Column("decision", Integer, primary_key=True, autoincrement=False),
    Column("designation_id", Code, primary_key=True),
    Column("official", ExactText, nullable=False),
    Column("office", ExactText, nullable=False),
    Column("position", ExactText, nullable=False),
    Column("category", Code, nullable=False),
    Column("account", Code, nullable=False),
    Column("addresses", JsonText, nullable=False),
    Column("starts", DayText, nullable=False),
    Column("ends", DayText),
    Column("acting", Boolean, nullable=False),
    Column("form", JsonText, nullable=False),
    Column("more", JsonText),
    ForeignKeyConstraint(["decision"], ["decisions.number"]),
)

# What the register says besides designations, each kind in the form of `register_facts.fact_as_dict`.
register_facts = Table(
    "register_facts",
    metadata,
    Column("decision", Integer, primary_key=True, autoincrement=False),
    Column("fact_id", Code, primary_key=True),
    Column("kind", Code, nullable=False),
    Column("subject", JsonText, nullable=False),
    Column("body", JsonText, nullable=False),
    ForeignKeyConstraint(["decision"], ["decisions.number"]),
)

# A row of its own for the end of a row, so that the register itself is never changed. `new_id` is "" where nothing replaces it.
supersessions = Table(
    "supersessions",
    metadata,
    Column("decision", Integer, primary_key=True, autoincrement=False),
    Column("old_id", Code, primary_key=True),
    Column("new_id", Code, nullable=False),
    ForeignKeyConstraint(["decision"], ["decisions.number"]),
)

# --- culling ---------------------------------------------------------------------------------------

# A row each time that the rules began (or ceased) to propose it: the newest number counts. Records by their ids, as reviews are
# taken in again before the records are when a ledger is made anew.
culling_proposals = Table(
    "culling_proposals",
    metadata,
    Column("proposal_id", Code, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", UtcText, nullable=False),
    Column("stands", Boolean, nullable=False),
    Column("account", Code, nullable=False),
    Column("record_id", Code, nullable=False),
    Column("rule", Code, nullable=False),
    Column("version", Code, nullable=False),
    Column("confidence", Integer, nullable=False),
    Column("signs", JsonText, nullable=False),
    Column("keeps", Code),
    Index("ix_culling_proposals_record_id", "record_id"),
    Index("ix_culling_proposals_keeps", "keeps"),
)

culling_reviews = Table(
    "culling_reviews",
    metadata,
    Column("decision", Integer, primary_key=True, autoincrement=False),
    Column("proposal_id", Code, primary_key=True),
    Column("verdict", Code, nullable=False),
    ForeignKeyConstraint(["decision"], ["decisions.number"]),
    Index("ix_culling_reviews_proposal_id", "proposal_id"),
)

# --- audit -----------------------------------------------------------------------------------------

audit = Table(
    "audit",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", UtcText, nullable=False),
    Column("actor", ExactText, nullable=False),
    Column("event", ExactText, nullable=False),
    Column("details", Code, nullable=False),
    Column("previous", Code, nullable=False),
    Column("digest", Code, nullable=False),
)

HISTORY = (
    audit, classifications, companions, culling_proposals, culling_reviews, decisions, designations, items, manifests,
    occurrences, register_facts, supersessions,
)  # fmt: skip
"""Tables whose rows are never changed and never deleted."""
