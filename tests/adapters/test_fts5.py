"""The embedded index: the contract of the port, then damage, locks and several processes at once."""

from __future__ import annotations

import multiprocessing
import random
import sqlite3
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from unicodedata import category

import pytest

from capstone.domain.errors import IndexDamaged, IndexUnavailable
from capstone.domain.query import Everything, IndexDocument, Scope, Words
from capstone.domain.tokens import folded, words_of
from indexing.fts5 import BUSY_TIMEOUT_S, Fts5Index
from indexing.fts5_schema import APPLICATION_ID, MAPPING_VERSION
from tests.contracts.agency_documents import agency_documents
from tests.contracts.search_index import SearchIndexContract

ALL = Scope(None)


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Fts5Index]:
    made = Fts5Index(tmp_path / "index" / "search.db", busy_timeout_s=0.2)
    made.reset()
    yield made
    made.close()


@pytest.fixture
def file(index: Fts5Index, tmp_path: Path) -> Path:
    """The file of a filled index, at rest."""
    index.add(agency_documents())
    index.close()
    return tmp_path / "index" / "search.db"


class TestFts5Index(SearchIndexContract):
    pass


# --- missing, foreign and damaged files ------------------------------------------------------------


def test_a_new_index_is_for_its_owner_alone_with_all_that_sqlite_lays_beside_it(index: Fts5Index, tmp_path: Path) -> None:
    index.add(agency_documents())
    files = {file.name: file.stat().st_mode & 0o777 for file in (tmp_path / "index").iterdir()}
    assert files == dict.fromkeys(("search.db", "search.db-shm", "search.db-wal"), 0o600)


def test_an_index_whose_folder_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"in the way")
    with pytest.raises(IndexUnavailable):
        Fts5Index(tmp_path / "file" / "search.db").reset()


def test_a_missing_index_is_unavailable_and_nothing_is_created(tmp_path: Path) -> None:
    index = Fts5Index(tmp_path / "none.db")
    assert not index.exists()
    uses = (index.check, lambda: index.search(Everything(), ALL, 1), lambda: index.add(agency_documents()[:1]))
    for call in (*uses, lambda: next(index.hits(Everything(), ALL))):
        with pytest.raises(IndexUnavailable):
            call()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"not a database, only text\n" * 400, bytes(8192)])
def test_a_file_that_is_no_index_is_damaged_and_a_reset_replaces_it(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "search.db"
    path.write_bytes(content)
    index = Fts5Index(path)
    assert index.exists()
    for call in (index.check, lambda: next(index.hits(Everything(), ALL))):
        with pytest.raises(IndexDamaged):
            call()
    index.reset()
    index.check()
    index.close()


def test_another_mapping_version_is_damage(file: Path, index: Fts5Index) -> None:
    with sqlite3.connect(file) as db:
        db.execute(f"PRAGMA user_version = {MAPPING_VERSION + 1}")
    db.close()
    with pytest.raises(IndexDamaged, match="mapping version"):
        index.check()
    index.reset()
    index.check()


def test_a_database_of_something_else_is_not_touched_by_adding(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE accounts (name TEXT)")
    db.close()
    before = path.read_bytes()
    with pytest.raises(IndexDamaged, match="not an index"):
        Fts5Index(path).add(agency_documents())
    assert path.read_bytes() == before


def test_missing_tables_are_damage(file: Path, index: Fts5Index) -> None:
    with sqlite3.connect(file) as db:
        db.execute("DROP TABLE coverage")
    db.close()
    with pytest.raises(IndexDamaged, match="tables"):
        index.check()


def test_a_file_cut_short_is_damage_and_can_be_reset(file: Path, index: Fts5Index) -> None:
    file.write_bytes(file.read_bytes()[: 4096 * 3])
    with pytest.raises(IndexDamaged):
        index.search(Words(("budget",)), ALL, 10)
    index.reset()
    index.add(agency_documents())
    assert index.search(Words(("budget",)), ALL, 10).total == 8


def test_pages_of_garbage_are_damage(file: Path, index: Fts5Index) -> None:
    content = file.read_bytes()
    file.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))
    for call in (index.check, lambda: index.search(Everything(), ALL, 1), lambda: index.add(agency_documents())):
        with pytest.raises(IndexDamaged):
            call()


def test_flipped_bytes_give_named_errors_or_answers_and_a_reset_always_mends(file: Path, index: Fts5Index) -> None:
    sound, chance, damaged = file.read_bytes(), random.Random(20), 0
    for _ in range(60):
        broken = bytearray(sound)
        for _ in range(chance.choice([1, 20, 400])):
            broken[chance.randrange(len(broken))] ^= 1 << chance.randrange(8)
        file.write_bytes(broken)
        damaged += uses_that_fail(index)
        index.close()
    assert damaged > 60
    index.reset()
    index.add(agency_documents())
    assert index.search(Words(("budget",)), ALL, 10).total == 8


def uses_that_fail(index: Fts5Index) -> int:
    """How many of some uses end in a named error. Any other error goes through."""
    failed = 0
    uses = (
        index.check,
        lambda: index.search(Words(("budget",)), ALL, 50),
        lambda: index.search(Everything(), ALL, 50),
        lambda: list(index.hits(Everything(), ALL)),
        lambda: list(index.ids()),
        lambda: index.add(agency_documents()[:20]),
        lambda: index.remove([agency_documents()[30].record_id]),
    )
    for use in uses:
        try:
            use()
        except (IndexUnavailable, IndexDamaged):
            failed += 1
    return failed


def test_a_file_that_took_the_place_of_the_open_one_is_noticed(file: Path, index: Fts5Index) -> None:
    index.check()
    other = Fts5Index(file.with_name("other.db"))
    other.reset()
    other.close()
    file.with_name("other.db").replace(file)
    assert index.search(Everything(), ALL, 1).indexed == 0


def test_an_error_that_is_not_about_the_file_goes_through(file: Path, index: Fts5Index) -> None:
    with pytest.raises(OverflowError):
        index.search(Everything(), ALL, 2**70)


# --- traces ----------------------------------------------------------------------------------------


def test_a_compacted_index_holds_no_trace_of_a_removed_document(index: Fts5Index, tmp_path: Path) -> None:
    secret = replace(agency_documents()[0], body="zanzibarsecret " * 50, shown_text="zanzibarsecret " * 50)
    index.add([secret, *agency_documents()[1:]])
    index.remove([secret.record_id])
    index.compact()
    index.close()
    assert b"anzibarsecre" not in b"".join(path.read_bytes() for path in (tmp_path / "index").iterdir())


def test_the_full_text_table_agrees_with_its_texts_after_many_changes(index: Fts5Index, tmp_path: Path) -> None:
    documents, chance = agency_documents(), random.Random(4)
    for step in range(30):
        some = chance.sample(documents, 7)
        index.add([replace(document, body=f"{document.body} step{step}") for document in some])
        index.remove([document.record_id for document in chance.sample(documents, 3)])
    with sqlite3.connect(tmp_path / "index" / "search.db") as db:
        db.execute("INSERT INTO words (words, rank) VALUES ('integrity-check', 1)")
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        counted = db.execute("SELECT sum(records) FROM coverage WHERE code = ''").fetchone()[0]
        assert counted == db.execute("SELECT count(*) FROM documents").fetchone()[0] == len(list(index.ids()))
    db.close()


# --- the tokeniser in the real engine --------------------------------------------------------------


def test_sqlite_parts_folded_text_at_blanks_only_for_every_character_of_unicode() -> None:
    texts = [folded(f"q{char}z {char}") for char in map(chr, range(0x110000)) if category(char) not in {"Cn", "Co"}]
    db = sqlite3.connect(":memory:")
    db.execute("CREATE VIRTUAL TABLE words USING fts5 (body, content='', tokenize='ascii')")
    db.execute("CREATE VIRTUAL TABLE terms USING fts5vocab (words, 'row')")
    db.executemany("INSERT INTO words (body) VALUES (?)", ((text,) for text in texts))
    found = {term for (term,) in db.execute("SELECT term FROM terms")}
    db.close()
    assert found == {word for text in texts for word in text.split(" ") if word}
    assert all(words_of(word) == [word] for word in found)


# --- several processes -----------------------------------------------------------------------------


def test_a_writer_waits_for_another_no_longer_than_it_was_told(file: Path, index: Fts5Index) -> None:
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    for call in (lambda: index.add(agency_documents()[:1]), index.reset):
        began = time.monotonic()
        with pytest.raises(IndexUnavailable):
            call()
        assert time.monotonic() - began < BUSY_TIMEOUT_S
    assert index.search(Words(("budget",)), ALL, 10).total == 8
    other.execute("ROLLBACK")
    other.close()
    index.add(agency_documents()[:1])


def numbered(writer: int, number: int) -> IndexDocument:
    digest = f"{writer}{number:063d}"
    return replace(agency_documents()[0], record_id=f"director/{digest}", digest=digest, body=f"common writer{writer} n{number}")


def write_many(path: Path, writer: int) -> None:
    index = Fts5Index(path, busy_timeout_s=30)
    for first in range(0, 100, 10):
        index.add([numbered(writer, number) for number in range(first, first + 10)])
    index.close()


def test_processes_write_at_once_while_another_reads_whole_batches(file: Path, index: Fts5Index) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=write_many, args=(file, writer)) for writer in (1, 2)]
    for process in writers:
        process.start()
    seen = set()
    while any(process.is_alive() for process in writers):
        page = index.search(Words(("common",)), ALL, 1)
        assert page.indexed - 42 == page.total
        seen.add(page.total)
    for process in writers:
        process.join()
    assert [process.exitcode for process in writers] == [0, 0]
    assert index.search(Words(("common",)), ALL, 1).total == 200
    assert {total % 10 for total in seen} == {0}


def test_what_add_returned_for_survives_the_death_of_its_process(file: Path, index: Fts5Index) -> None:
    script = """
        import os, sys
        from pathlib import Path
        from indexing.fts5 import Fts5Index
        from tests.adapters.test_fts5 import numbered
        index = Fts5Index(Path(sys.argv[1]))
        index.add([numbered(7, 1)])
        db = index._connection()
        db.execute("BEGIN IMMEDIATE")
        db.execute("DELETE FROM documents")
        os._exit(9)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script), str(file)], check=False, timeout=60)
    assert done.returncode == 9
    page = index.search(Words(("writer7",)), ALL, 1)
    assert (page.total, page.indexed) == (1, 43)


def test_a_forked_process_opens_the_file_for_itself(file: Path, index: Fts5Index) -> None:
    index.check()
    context = multiprocessing.get_context("fork")
    child = context.Process(target=lambda: index.add([numbered(3, 1)]))
    child.start()
    child.join()
    assert child.exitcode == 0
    assert index.search(Words(("writer3",)), ALL, 1).total == 1


def test_a_stream_of_hits_holds_up_no_other_use_and_ends_with_its_own_view(file: Path, index: Fts5Index) -> None:
    streamed = index.hits(Everything(), ALL)
    first = next(streamed)
    other = Fts5Index(file)
    other.add([replace(document, body="changed") for document in agency_documents()])
    other.remove([document.record_id for document in agency_documents()[:10]])
    index.add([numbered(5, 1)])
    assert index.search(Words(("changed",)), ALL, 1).total == 32
    assert len([first, *streamed]) == 42
    other.compact()
    other.close()


def test_an_index_reset_by_one_process_is_empty_for_another(file: Path, index: Fts5Index) -> None:
    assert index.search(Everything(), ALL, 1).indexed == 42
    Fts5Index(file).reset()
    assert index.search(Everything(), ALL, 1).indexed == 0
    index.add([replace(agency_documents()[0], message_date=datetime(2020, 1, 1, tzinfo=UTC))])
    assert index.search(Everything(), ALL, 1).indexed == 1


def test_the_file_says_what_it_is(file: Path) -> None:
    with sqlite3.connect(file) as db:
        assert db.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    db.close()
