"""The tables of the embedded index, and how a file is known to be one of ours."""

from __future__ import annotations

import sqlite3

MAPPING_VERSION = 1
"""Raised with every change of the tables, the tokeniser or the meaning of a column; the index is then rebuilt."""
APPLICATION_ID = 0x43505831

# The words table reads the texts it needs, to take a document out again, from `texts` (external content); its column
# `keys` holds one made-up word for each whole address. What is shown stands first in a row, as it is read most. Nothing
# is compressed: measured, that halved the speed of adding and saved a third of the space.
# The "ascii" tokeniser parts words at ASCII signs only and takes all else as letters, whatever its version of Unicode:
# exactly what folded words joined by blanks need. No prefix index: it costs half the speed and a third more space.
_TABLES = (
    """CREATE TABLE documents (
        id INTEGER PRIMARY KEY, record_id TEXT NOT NULL UNIQUE, account TEXT NOT NULL, sent INTEGER, day TEXT,
        record_class TEXT NOT NULL, schedule_item TEXT, has_attachment INTEGER NOT NULL, unsearchable TEXT NOT NULL)""",
    "CREATE INDEX documents_by_date ON documents (sent)",
    """CREATE TABLE texts (
        id INTEGER PRIMARY KEY, shown_from TEXT, shown_to TEXT, shown_subject TEXT, shown_text TEXT,
        subject TEXT, body TEXT, from_ TEXT, to_ TEXT, cc TEXT, bcc TEXT, attachment TEXT, keys TEXT)""",
    """CREATE TABLE coverage (
        account TEXT NOT NULL, code TEXT NOT NULL, records INTEGER NOT NULL, PRIMARY KEY (account, code)) WITHOUT ROWID""",
    """CREATE VIRTUAL TABLE words USING fts5 (
        subject, body, from_, to_, cc, bcc, attachment, keys,
        content='texts', content_rowid='id', columnsize=0, tokenize='ascii')""",
)
_HASH_BYTES = 32 * 1024 * 1024
_ALL_TABLES = frozenset({"documents", "texts", "coverage", "words", "words_data", "words_idx", "words_config"})


def create_tables(db: sqlite3.Connection) -> None:
    """Make an empty index of the present mapping version in an empty database."""
    db.execute("BEGIN IMMEDIATE")
    for statement in _TABLES:
        db.execute(statement)
    # A whole batch is sorted in memory before it is written, instead of a piece for every megabyte.
    db.execute("INSERT INTO words (words, rank) VALUES ('hashsize', ?)", (_HASH_BYTES,))
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    db.execute(f"PRAGMA user_version = {MAPPING_VERSION}")
    db.execute("COMMIT")


def what_is_wrong(db: sqlite3.Connection) -> str | None:
    """Why this database cannot be used as our index; None when it can. Raises sqlite3.Error when it cannot be read."""
    if db.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        return "the file is not an index of this archive"
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version != MAPPING_VERSION:
        return f"the index has mapping version {version}, this program needs {MAPPING_VERSION}"
    found = {name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    return None if found >= _ALL_TABLES else "tables of the index are missing"
