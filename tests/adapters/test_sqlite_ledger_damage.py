"""The ledger on SQLite: several processes at once, and real damage."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, text
from sqlalchemy.exc import OperationalError

from capstone.domain.errors import CapstoneError, LedgerDamaged, LedgerUnavailable, NotInitialised
from capstone.domain.events import first_break
from connectors.ledger.engine import open_engine, writing
from connectors.ledger.ledger import SqlLedger, open_ledger
from connectors.ledger.schema import create
from tests.adapters.ledger_workers import SERVER, at_once, keep_slot, take_slots
from tests.contracts.ledger_answers import everything
from tests.contracts.ledger_values import (
    ACCOUNT,
    NOON,
    after,
    batch,
    batch_of,
    entry,
    fill,
    run,
)

SPAWN = multiprocessing.get_context("spawn")


def url_of(path: Path) -> str:
    return f"sqlite:///{path}"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty ledger, made once: making one takes longer than most of these tests."""
    path = tmp_path_factory.mktemp("template") / "ledger.db"
    create(url_of(path))
    return path


@pytest.fixture
def path(template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(template, tmp_path / "ledger.db"))


@pytest.fixture
def ledger(path: Path) -> Iterator[SqlLedger]:
    opened = open_ledger(url_of(path))
    yield opened
    opened.close()


# --- several processes -----------------------------------------------------------------------------


def write_much(url: str, number: int, batches: int) -> list[str]:
    """One of several writers: batches, audit entries and claims, one after another. Gives the record ids it indexed."""
    ledger = open_ledger(url)
    account, indexed = f"account-{number}", []
    for one in range(batches):
        ledger.capture.take_lease(account, f"writer-{number}", after(one), 60)
        ledger.capture.commit(batch_of([f"{number}.{one}.{item}" for item in range(10)], one, account, run_id=f"run-{number}"))
        ledger.audit.append(after(one), f"writer-{number}", "capture", {"batch": one})
        claimed = ledger.outbox.claim(f"writer-{number}", NOON, 7, 3600)
        ledger.outbox.done(f"writer-{number}", claimed)
        indexed += claimed
    ledger.close()
    return indexed


def test_four_writing_processes_lose_nothing_and_none_fails(ledger: SqlLedger, path: Path) -> None:
    with ProcessPoolExecutor(4, SPAWN) as pool:
        indexed = list(pool.map(write_much, [url_of(path)] * 4, range(4), [20] * 4))
    ids = [record_id for one in indexed for record_id in one]
    assert len(ids) == len(set(ids)), "two processes worked on the same record"
    assert [(one.account, one.messages) for one in ledger.records.totals()] == [(f"account-{n}", 200) for n in range(4)]
    assert ledger.outbox.pending() == 800 - len(ids)
    entries = list(ledger.audit.entries())
    assert len(entries) == 80
    assert first_break(entries) is None
    ledger.check(every_page=True)


def test_eight_processes_race_for_the_slots_of_a_server(ledger: SqlLedger, path: Path) -> None:
    seen = at_once(take_slots, [(url_of(path), f"holder-{number}", 3, 15) for number in range(8)])
    assert sum(taken for taken, _ in seen) > 15
    assert max(crowd for _, crowd in seen) <= 3
    assert ledger.slots.slot_holders(SERVER) == []
    assert sum(at_once(keep_slot, [(url_of(path), f"holder-{number}", 3) for number in range(8)])) == 3


def die_while_committing(url: str, statement: str) -> None:
    """Commits one batch whole, then is killed within the transaction of the next, just before that statement."""
    ledger = open_ledger(url)
    ledger.capture.start_run(run())
    ledger.capture.commit(batch_of("ab", 1))

    def kill(connection: Connection, cursor: object, sql: str, *_: object) -> None:
        if sql.startswith(statement):
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(ledger._engine, "before_cursor_execute", kill)
    event.listen(ledger._engine, "commit", lambda connection: kill(connection, None, "COMMIT"))
    ledger.capture.commit(batch_of("cd", 2, cursors={"Inbox": "2"}))


@pytest.mark.parametrize("statement", ["INSERT INTO items", "INSERT INTO outbox", "INSERT INTO cursors", "COMMIT"])
def test_a_process_killed_while_committing_leaves_all_or_nothing(ledger: SqlLedger, path: Path, statement: str) -> None:
    process = SPAWN.Process(target=die_while_committing, args=(url_of(path), statement))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    ledger.check(every_page=True)
    assert {one.digest for one in ledger.records.records()} == {entry("a").digest, entry("b").digest}
    assert ledger.capture.last_manifest(ACCOUNT) == batch(1).manifest
    assert ledger.capture.cursors(ACCOUNT, "export") == {}
    ledger.capture.commit(batch_of("cd", 2, cursors={"Inbox": "2"}))
    assert ledger.records.runs()[0].counts["archived"] == 4


def write_until_killed(url: str, pipe: Any) -> None:
    ledger = open_ledger(url)
    for number in range(1, 10_000):
        ledger.capture.commit(batch_of([f"{number}.{item}" for item in range(20)], number))
        pipe.send(number)


def test_what_was_committed_survives_a_kill_at_any_moment(ledger: SqlLedger, path: Path) -> None:
    receiver, sender = SPAWN.Pipe(duplex=False)
    process = SPAWN.Process(target=write_until_killed, args=(url_of(path), sender))
    process.start()
    while receiver.recv() < 15:
        pass
    process.kill()
    process.join(60)
    said = 15
    while receiver.poll():  # `sender` is still open here, so an empty pipe is empty and not at its end
        said = receiver.recv()
    ledger.check(every_page=True)
    messages = ledger.records.totals()[0].messages
    assert messages in (20 * said, 20 * (said + 1)), "a batch was torn or lost"
    assert ledger.outbox.pending() == messages
    assert all(
        len(one.occurrences) == 1 for one in ledger.capture.known(ACCOUNT, [r.digest for r in ledger.records.records()]).values()
    )


def test_the_wait_for_others_is_set_by_whoever_opens(ledger: SqlLedger, path: Path) -> None:
    impatient = open_ledger(url_of(path), wait_s=0.1)
    with writing(open_engine(url_of(path))), pytest.raises(LedgerUnavailable, match="another process holds it"):
        impatient.capture.commit(batch_of("a"))


def test_a_reader_is_not_kept_waiting_by_a_writer(ledger: SqlLedger, path: Path) -> None:
    fill(ledger)
    with writing(open_engine(url_of(path))) as connection:
        connection.execute(text("DELETE FROM leases"))
        assert ledger.records.totals()[0].messages == 2


# --- damage ----------------------------------------------------------------------------------------


def test_a_missing_file_is_said_and_not_made(tmp_path: Path) -> None:
    opened = open_ledger(url_of(tmp_path / "ledger.db"))
    for use in USES:
        with pytest.raises(NotInitialised):
            use(opened)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_named_damaged(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.write_bytes(b"this is not a database, it is a text that is long enough to have a header" * 20)
    for use in (*USES, lambda _: create(url_of(path))):
        with pytest.raises(LedgerDamaged):
            use(open_ledger(url_of(path)))
    assert path.read_bytes().startswith(b"this is not")


def test_a_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE contacts (name)")
    before = path.read_bytes()
    with pytest.raises(LedgerDamaged, match="another program"):
        create(url_of(path))
    with pytest.raises(LedgerDamaged, match="another program"):
        open_ledger(url_of(path)).check()
    assert path.read_bytes() == before


def test_a_ledger_of_a_newer_release_is_not_touched(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE capstone_schema SET version_num = '9999'")
    with pytest.raises(LedgerDamaged, match="version 9999"):
        open_ledger(url_of(path)).check()
    with pytest.raises(LedgerDamaged, match="version 9999"):
        create(url_of(path))


def test_a_ledger_that_lacks_a_table_is_damaged(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE outbox")
    with pytest.raises(LedgerDamaged, match="lacks the tables outbox"):
        open_ledger(url_of(path)).check()


def test_a_table_that_is_not_there_means_not_initialised(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE outbox")
    with pytest.raises(NotInitialised):
        open_ledger(url_of(path)).outbox.pending()


@pytest.mark.parametrize("size", [0.25, 0.5, 0.9])
def test_a_file_that_was_cut_is_named_damaged(ledger: SqlLedger, path: Path, size: float) -> None:
    fill(ledger)
    ledger.close()
    os.truncate(path, int(path.stat().st_size * size))
    with pytest.raises(LedgerDamaged):
        open_ledger(url_of(path)).check(every_page=True)


def test_overwritten_pages_give_an_answer_or_a_named_error(ledger: SqlLedger, path: Path) -> None:
    fill(ledger)
    ledger.close()
    whole = path.read_bytes()
    named = 0
    for offset in range(0, len(whole), 3 * 4096):
        path.write_bytes(whole[:offset] + b"\xa5" * 512 + whole[offset + 512 :])
        named += sum(isinstance(outcome_of(use, path), LedgerDamaged) for use in USES)
    assert named > 5


def test_flipped_bits_in_values_give_an_answer_or_a_named_error(ledger: SqlLedger, path: Path) -> None:
    fill(ledger)
    ledger.close()
    whole = path.read_bytes()
    found = {needle: whole.index(needle) for needle in (b"permanent", b"2031-05-05T11", b'["dates', b"archived", b"2056-12-31")}
    for offset in found.values():
        for byte in (0x00, 0xFF, 0x78):
            path.write_bytes(whole[:offset] + bytes([byte]) + whole[offset + 1 :])
            for use in USES:
                outcome_of(use, path)
    path.write_bytes(whole.replace(b"permanent", b"permanenx"))
    assert isinstance(outcome_of(USES[1], path), LedgerDamaged)


def test_a_ledger_held_by_another_process_is_unavailable_after_a_while(ledger: SqlLedger, path: Path) -> None:
    fill(ledger)
    impatient = SqlLedger(open_engine(url_of(path), wait_s=0.2))
    with writing(open_engine(url_of(path))):
        with pytest.raises(LedgerUnavailable, match="another process holds it") as caught:
            impatient.capture.commit(batch_of("z", 9))
        assert caught.value.retryable
        assert isinstance(caught.value.__cause__, OperationalError)
    impatient.capture.commit(batch_of("z", 9))


def test_a_full_disk_is_named_and_undoes_the_batch(ledger: SqlLedger, path: Path) -> None:
    fill(ledger)
    before = everything(ledger)
    engine = open_engine(url_of(path))
    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA max_page_count = 1"))
    with pytest.raises(LedgerUnavailable, match="disk is full"):
        SqlLedger(engine).capture.commit(batch_of(range(2000), 9))
    assert everything(ledger) == before
    ledger.check(every_page=True)


def as_nobody(work: Callable[[str], None], url: str, pipe: Any) -> None:
    """Do the work without the rights of root; send the code of the named error it met."""
    if os.geteuid() == 0:
        os.setgid(65534)
        os.setuid(65534)
    try:
        work(url)
        pipe.send("no error")
    except CapstoneError as exc:
        pipe.send(exc.code)


@pytest.fixture
def open_folder(template: Path) -> Iterator[Path]:
    """A folder that every user may enter, with a ledger in it."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    shutil.copy(template, folder / "ledger.db")
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


def commit_one(url: str) -> None:
    open_ledger(url).capture.commit(batch_of("a"))


@pytest.mark.parametrize(("folder_mode", "file_mode"), [(0o755, 0o444), (0o555, 0o444), (0o755, 0o000), (0o000, 0o644)])
@pytest.mark.parametrize("work", [commit_one, create])
def test_missing_rights_are_named(open_folder: Path, folder_mode: int, file_mode: int, work: Callable[[str], None]) -> None:
    (open_folder / "ledger.db").chmod(file_mode)
    open_folder.chmod(folder_mode)
    fork = multiprocessing.get_context("fork")  # the modules are loaded already: the other user may not be able to read them
    receiver, sender = fork.Pipe(duplex=False)
    process = fork.Process(target=as_nobody, args=(work, url_of(open_folder / "ledger.db"), sender))
    process.start()
    assert receiver.recv() == LedgerUnavailable.code
    process.join(60)


USES: tuple[Callable[[SqlLedger], object], ...] = (
    lambda ledger: ledger.check(every_page=True),
    lambda ledger: list(ledger.records.records()),
    lambda ledger: ledger.capture.known(ACCOUNT, [entry(name).digest for name in "abc"]),
    lambda ledger: ledger.records.totals(),
    lambda ledger: ledger.records.runs(),
    lambda ledger: ledger.records.breakdown(),
    lambda ledger: ledger.records.class_history(entry("a").record_id),
    lambda ledger: ledger.register.designation_history(),
    lambda ledger: ledger.outbox.claim("me", NOON, 10, 60),
    lambda ledger: list(ledger.audit.entries()),
    lambda ledger: ledger.audit.append(NOON, "robin", "view", {}),
    lambda ledger: ledger.capture.commit(batch_of("yz", 7)),
)


def outcome_of(use: Callable[[SqlLedger], object], path: Path) -> object:
    """What comes of it: an answer or a named error. Any other error fails the test."""
    opened = open_ledger(url_of(path))
    try:
        return use(opened)
    except CapstoneError as exc:
        return exc
    finally:
        opened.close()
