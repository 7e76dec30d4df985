"""The embedded search index: one SQLite file with a full-text table. Several processes may read it while one writes."""

from __future__ import annotations

import os
import sqlite3
import threading
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from capstone.domain.errors import BadQuery, CapstoneError, IndexDamaged, IndexUnavailable
from capstone.domain.query import MAX_DEPTH, Clause, Hit, IndexDocument, Scope, SearchPage, depth_of
from indexing.fts5_query import Condition, both, condition_of, plain, within
from indexing.fts5_rows import HIT_COLUMNS, DocumentRow, hit_of, row_of
from indexing.fts5_schema import create_tables, what_is_wrong

BUSY_TIMEOUT_S = 10.0
_CACHE_KIB = 32 * 1024
_MAPPED_BYTES = 32 * 1024 * 1024
_CHECKPOINT_PAGES = 4000
_IDS_PER_PAGE = 1000
_IDS_PER_STATEMENT = 500
_ALL_CODES = ""
"""The code under which the coverage table counts all documents of an account."""

_UNAVAILABLE = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_PROTOCOL,
    }
)
# A statement of ours that suddenly makes no sense means that the tables are not those we made.
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT})

_SELECT_COUNT = "SELECT count(*) FROM documents d WHERE"
_SELECT_PAGE = "SELECT d.id FROM documents d WHERE"
_NEWEST_FIRST = "ORDER BY d.sent DESC, d.record_id"
_ONE_PAGE = "LIMIT ? OFFSET ?"
_SELECT_HIT = " ".join(("SELECT", HIT_COLUMNS, "FROM documents d JOIN texts t ON t.id = d.id WHERE d.id = ?"))
_SELECT_HIT_WITHOUT_TEXT = _SELECT_HIT.replace("t.shown_text", "''")
_SELECT_COVERAGE = "SELECT d.code, sum(d.records) FROM coverage d WHERE"
_INSERT_DOCUMENT = "INSERT INTO documents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_INSERT_TEXTS = "INSERT INTO texts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_INSERT_WORDS = """INSERT INTO words (rowid, subject, body, from_, to_, cc, bcc, attachment, keys)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_INSERT_COVERAGE = """INSERT INTO coverage (account, code, records) VALUES (?, ?, ?)
    ON CONFLICT DO UPDATE SET records = records + excluded.records"""


class _Opened(NamedTuple):
    """A connection, and what it was made for: it serves no other process and no file that took the place of this one."""

    process: int
    file: tuple[int, int]
    db: sqlite3.Connection


_inherited: list[sqlite3.Connection] = []
"""Connections of a parent process. Closing them here would disturb the parent, so they are only put aside."""


class Fts5Index:
    """`SearchIndex` in one SQLite file. Safe to share between threads; processes each make their own."""

    def __init__(self, path: Path, busy_timeout_s: float = BUSY_TIMEOUT_S) -> None:
        """Name the file; nothing is opened yet. Another writer is waited for no longer than `busy_timeout_s`."""
        self._path = path.absolute()
        self._busy_timeout_s = busy_timeout_s
        self._guard = threading.Lock()
        self._opened: _Opened | None = None

    def exists(self) -> bool:
        """Whether anything stands in its place, sound or not."""
        return self._path.exists()

    def check(self) -> None:
        """Raise IndexUnavailable or IndexDamaged unless the index can be used. Quick: does not read the whole file."""
        with self._reading() as db:
            db.execute("SELECT count(*) FROM words WHERE words MATCH ?", ('"a"',)).fetchone()
            db.execute("SELECT count(*) FROM (SELECT id FROM documents JOIN texts USING (id) LIMIT 1)").fetchone()

    def add(self, documents: Sequence[IndexDocument]) -> dict[str, str]:
        """Add or replace by record id, all in one transaction. Gives {record id: reason} of those that were not taken."""
        rows: list[DocumentRow] = []
        refused: dict[str, str] = {}
        for document in {document.record_id: document for document in documents}.values():
            try:
                rows.append(row_of(document))
            except UnicodeEncodeError:
                refused[document.record_id] = "not_text"
        with self._writing() as db:
            _take_out(db, [str(row.columns[0]) for row in rows])
            _put_in(db, rows)
        return refused

    def remove(self, record_ids: Sequence[str]) -> None:
        """Drop documents; unknown ids are no error. `compact` wipes the last traces of their words from the file."""
        with self._writing() as db:
            _take_out(db, record_ids)

    def search(self, clause: Clause, scope: Scope, limit: int, offset: int = 0) -> SearchPage:
        """Newest first, undated last, then by record id. Raises BadQuery when the clause is nested too deeply."""
        _refuse_if_too_deep(clause)
        asked = both(condition_of(clause), within(scope))
        with self._reading() as db:
            page = " ".join((_SELECT_PAGE, asked.sql, _NEWEST_FIRST, _ONE_PAGE))
            found = db.execute(page, (*asked.parameters, limit, offset)).fetchall()
            total = offset + len(found)
            if len(found) == limit or (offset and not found):  # there may be more than this page shows
                total = db.execute(" ".join((_SELECT_COUNT, asked.sql)), asked.parameters).fetchone()[0]
            hits = tuple(_hit(db, number, clause) for (number,) in found)
            counts = _coverage(db, within(scope))
        indexed = counts.pop(_ALL_CODES, 0)
        return SearchPage(total=total, hits=hits, unsearchable=counts, indexed=indexed)

    def hits(self, clause: Clause, scope: Scope) -> Iterator[Hit]:
        """Everything found, in the order of `search` and without snippets, as it stood when the first was asked for.

        A connection of its own keeps the view. Others write meanwhile; what they write cannot be folded in until the end.
        """
        _refuse_if_too_deep(clause)
        asked = both(condition_of(clause), within(scope))
        with self._guard, _named_errors():
            self._connection()  # so that what is no index of ours is refused as ever
        with _named_errors(), closing(self._connect("ro")) as db:
            db.execute("BEGIN")
            found = array(
                "q", (number for (number,) in db.execute(" ".join((_SELECT_PAGE, asked.sql, _NEWEST_FIRST)), asked.parameters))
            )
            for number in found:
                yield _hit(db, number, clause, _SELECT_HIT_WITHOUT_TEXT)

    def ids(self) -> Iterator[str]:
        """Every record id, sorted, a page at a time."""
        last = ""
        while True:
            with self._reading() as db:
                page = db.execute(
                    "SELECT record_id FROM documents WHERE record_id > ? ORDER BY record_id LIMIT ?", (last, _IDS_PER_PAGE)
                ).fetchall()
            if not page:
                return
            if not all(isinstance(record_id, str) for (record_id,) in page):
                raise IndexDamaged("the index holds rows that cannot be read")
            yield from (record_id for (record_id,) in page)
            last = page[-1][0]

    def reset(self) -> None:
        """Make it empty and of the present mapping version, even when damaged or missing.

        A sound file is emptied in place, so that other processes see it. A damaged one is replaced; nobody can use it.
        """
        with self._guard, _named_errors():
            self._put_aside()
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as exc:
                raise IndexUnavailable(f"the folder of the index cannot be made: {exc.strerror}") from exc
            try:
                self._empty_in_place()
            except sqlite3.DatabaseError as exc:
                if not isinstance(_named(exc), IndexDamaged):
                    raise
                for ending in ("-wal", "-shm", ""):
                    self._path.with_name(self._path.name + ending).unlink(missing_ok=True)
                self._empty_in_place()

    def compact(self) -> None:
        """Write the full-text table anew, without traces of removed documents. Takes its time on a large index."""
        with self._writing() as db:
            db.execute("INSERT INTO words (words) VALUES ('optimize')")
        with self._guard, _named_errors():
            self._connection().execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Give back the file. The next call opens it again."""
        with self._guard:
            self._put_aside()

    # --- the connection --------------------------------------------------------------------------------

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """One view of the index for several statements, whatever another process writes meanwhile."""
        with self._guard, _named_errors():
            db = self._connection()
            db.execute("BEGIN")
            try:
                yield db
            finally:
                db.execute("ROLLBACK")

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """All or nothing, durable at the end; other writers wait."""
        with self._guard, _named_errors():
            db = self._connection()
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            finally:
                if db.in_transaction:
                    db.execute("ROLLBACK")

    def _connection(self) -> sqlite3.Connection:
        try:
            status = self._path.stat()
        except OSError as exc:
            raise IndexUnavailable("the index is not there or may not be read") from exc
        file = (status.st_dev, status.st_ino)
        if self._opened is not None and (self._opened.process, self._opened.file) == (os.getpid(), file):
            return self._opened.db
        self._put_aside()
        db = self._connect("rw")
        try:
            _refuse_if_unfit(db)
        except BaseException:
            db.close()
            raise
        self._opened = _Opened(os.getpid(), file, db)
        return db

    def _connect(self, mode: str) -> sqlite3.Connection:
        db = sqlite3.connect(
            f"{self._path.as_uri()}?mode={mode}",
            uri=True,
            timeout=self._busy_timeout_s,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            for setting in (
                "synchronous = FULL",
                "secure_delete = ON",
                f"cache_size = -{_CACHE_KIB}",
                f"mmap_size = {_MAPPED_BYTES}",
                f"wal_autocheckpoint = {_CHECKPOINT_PAGES}",
                "trusted_schema = OFF",
            ):
                db.execute(f"PRAGMA {setting}")
        except BaseException:
            db.close()
            raise
        return db

    def _put_aside(self) -> None:
        if self._opened is not None and self._opened.process == os.getpid():
            self._opened.db.close()
        elif self._opened is not None:
            _inherited.append(self._opened.db)
        self._opened = None

    def _empty_in_place(self) -> None:
        """Copy an empty index over the file, in one transaction of SQLite's own. A new file is for its owner alone."""
        with suppress(OSError):  # it is there, or SQLite will say what is wrong
            os.close(os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        empty, db = sqlite3.connect(":memory:", isolation_level=None), self._connect("rwc")
        try:
            create_tables(empty)
            db.execute("PRAGMA journal_mode = WAL")
            empty.backup(db, progress=_wait_once)
        finally:
            empty.close()
            db.close()


def _wait_once(status: int, _remaining: int, _total: int) -> None:
    """`backup` would try again for ever; the busy timeout has passed once already."""
    if status in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        raise IndexUnavailable("another process is writing to the index")


# --- rows ------------------------------------------------------------------------------------------


def _take_out(db: sqlite3.Connection, record_ids: Sequence[str]) -> None:
    """Remove those of the documents that are there: the words first, as they are read from the texts once more."""
    wanted = sorted({plain(record_id) for record_id in record_ids})
    present: list[tuple[int]] = []
    for start in range(0, len(wanted), _IDS_PER_STATEMENT):
        chunk = wanted[start : start + _IDS_PER_STATEMENT]
        named = " ".join(("SELECT id FROM documents WHERE record_id IN (", ", ".join("?" * len(chunk)), ")"))
        present.extend(db.execute(named, chunk))
    present.sort()
    for number in present:
        _count(db, db.execute("SELECT account, unsearchable FROM documents WHERE id = ?", number), -1)
    # In the order of their numbers, as the full-text table writes out what it gathered at every step back.
    db.executemany("DELETE FROM words WHERE rowid = ?", present)
    db.executemany("DELETE FROM texts WHERE id = ?", present)
    db.executemany("DELETE FROM documents WHERE id = ?", present)


def _put_in(db: sqlite3.Connection, rows: Sequence[DocumentRow]) -> None:
    first = db.execute("SELECT coalesce(max(id), 0) + 1 FROM documents").fetchone()[0]
    numbered = list(enumerate(rows, first))
    db.executemany(_INSERT_DOCUMENT, ((number, *row.columns) for number, row in numbered))
    db.executemany(_INSERT_TEXTS, ((number, *row.shown, *row.words) for number, row in numbered))
    db.executemany(_INSERT_WORDS, ((number, *row.words) for number, row in numbered))
    _count(db, [(str(row.columns[1]), str(row.columns[-1])) for row in rows], 1)


def _count(db: sqlite3.Connection, documents: Iterable[tuple[str, str]], step: int) -> None:
    """Keep the sums by account and code that every answer gives, so that no answer has to count."""
    counts = Counter((account, code) for account, codes in documents for code in (_ALL_CODES, *codes.split()))
    db.executemany(_INSERT_COVERAGE, [(account, code, step * count) for (account, code), count in counts.items()])


def _coverage(db: sqlite3.Connection, scope: Condition) -> dict[str, int]:
    counted = " ".join((_SELECT_COVERAGE, scope.sql, "GROUP BY d.code"))
    return {code: count for code, count in db.execute(counted, scope.parameters) if count}


def _refuse_if_too_deep(clause: Clause) -> None:
    if depth_of(clause) > MAX_DEPTH:
        raise BadQuery(f"the query is nested more than {MAX_DEPTH} levels deep")


def _hit(db: sqlite3.Connection, number: int, clause: Clause, select: str = _SELECT_HIT) -> Hit:
    row = db.execute(select, (number,)).fetchone()
    try:
        return hit_of(row, clause)
    except (TypeError, ValueError, AttributeError, OverflowError):
        # Not chained: these errors may quote what was stored.
        raise IndexDamaged("the index holds rows that cannot be read") from None


def _refuse_if_unfit(db: sqlite3.Connection) -> None:
    if problem := what_is_wrong(db):
        raise IndexDamaged(problem)


# --- errors ----------------------------------------------------------------------------------------


@contextmanager
def _named_errors() -> Iterator[None]:
    """SQLite's errors under our names. Never chained where their text may hold what was stored."""
    try:
        yield
    except sqlite3.DatabaseError as exc:
        named = _named(exc)
        if named is None:
            raise
        raise named from None
    except UnicodeDecodeError:  # from SQLite's own message about a damaged table
        raise IndexDamaged("the index holds text that cannot be read") from None


def _named(exc: sqlite3.DatabaseError) -> CapstoneError | None:
    code = getattr(exc, "sqlite_errorcode", None)
    if code is None:
        return IndexDamaged("the index holds text that cannot be read")
    if code & 0xFF in _UNAVAILABLE:
        return IndexUnavailable(f"the index cannot be used now ({exc.sqlite_errorname})")
    if code & 0xFF in _DAMAGED:
        return IndexDamaged(f"the index is damaged ({exc.sqlite_errorname})")
    return None
