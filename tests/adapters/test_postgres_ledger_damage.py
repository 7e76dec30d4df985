"""The ledger on PostgreSQL: connections that are lost, servers that stop, freeze or come to harm, and locks that others hold."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from sqlalchemy import Connection, event, text

from capstone.domain.errors import CapstoneError, LedgerDamaged, LedgerUnavailable
from capstone.domain.events import first_break
from capstone.ports import CaptureBatch, Quarantined
from connectors.ledger.engine import one_at_a_time, open_engine, reading, writing
from connectors.ledger.ledger import SqlLedger, open_ledger
from servers.postgres import Postgres
from servers.processes import wait_until
from servers.proxy import FaultProxy
from tests.adapters.ledger_on_postgres import Database, empty_ledger
from tests.contracts.ledger_answers import everything
from tests.contracts.ledger_values import ACCOUNT, NOON, RUN, SOURCE, TEMPORARY, after, batch_of, digest, fill, reclassified, run
from tests.services import needed_programs

pytestmark = pytest.mark.service


@pytest.fixture
def ledger(database: Database) -> Iterator[SqlLedger]:
    opened = open_ledger(database.url)
    yield opened
    opened.close()


@pytest.fixture
def own_server(server_folder: Path) -> Iterator[Postgres]:
    """A server that may be stopped, frozen and damaged."""
    server = Postgres(server_folder / "postgres")
    with needed_programs():
        server.start()
    try:
        yield server
    finally:
        server.stop()


# --- lost connections ------------------------------------------------------------------------------

KEPT = Quarantined(digest("q"), SOURCE, ACCOUNT, "q", "E1", "empty", 0)
FULL = batch_of("cd", 2, cursors={"Inbox": "2"}, quarantined=(KEPT,), reclassified=(reclassified("b", TEMPORARY),))
STATEMENTS = [
    "SELECT pg_advisory_xact_lock",
    "SELECT manifests.digest",
    "INSERT INTO manifests",
    "COPY items",
    "SELECT nextval('record_numbers')",
    "COPY records",
    "COPY classifications",
    "COPY outbox",
    "COPY occurrences",
    "INSERT INTO quarantine",
    "UPDATE records",
    "INSERT INTO outbox",
    "INSERT INTO cursors",
    "COMMIT",
]


@pytest.mark.parametrize("statement", STATEMENTS)
def test_a_connection_lost_in_mid_transaction_leaves_nothing_half_written(
    ledger: SqlLedger, database: Database, statement: str
) -> None:
    ledger.capture.start_run(run())
    ledger.capture.commit(batch_of("ab"))
    before = everything(ledger)
    with once_before(ledger, statement, lambda connection: end_session(database, connection)) as met:
        with pytest.raises(LedgerUnavailable) as caught:
            ledger.capture.commit(FULL)
        assert caught.value.retryable
        assert met == [statement]
        assert everything(ledger) == before
    ledger.capture.commit(FULL)
    assert ledger.records.runs()[0].counts["archived"] == 4
    assert ledger.outbox.pending() == 4
    assert ledger.capture.cursors(ACCOUNT, SOURCE) == {"Inbox": "2"}


@contextmanager
def once_before(ledger: SqlLedger, statement: str, act: Any) -> Iterator[list[str]]:
    """Do that once, just before the ledger sends a statement which begins so. Gives what was met."""
    met: list[str] = []

    def look(connection: Connection, _cursor: object, sql: str, *_: object) -> None:
        if sql.startswith(statement) and not met:
            met.append(statement)
            act(connection)

    def commit(connection: Connection) -> None:
        look(connection, None, "COMMIT")

    engine = ledger._engine
    event.listen(engine, "before_cursor_execute", look)
    event.listen(engine, "commit", commit)
    yield met
    event.remove(engine, "before_cursor_execute", look)
    event.remove(engine, "commit", commit)


def end_session(database: Database, connection: Connection) -> None:
    """Let the server end the session of this connection, and return when it is gone."""
    driver: Any = connection.connection.driver_connection
    assert database.asked("SELECT pg_terminate_backend(%s, 10000)", driver.info.backend_pid) == [(True,)]


@contextmanager
def behind_a_line(database: Database, wait_s: float = 30) -> Iterator[tuple[FaultProxy, SqlLedger]]:
    """The ledger at the other end of a line that can be cut."""
    there = urlsplit(database.url)
    with FaultProxy("127.0.0.1", there.port or 0) as line:
        opened = open_ledger(database.url.replace(f":{there.port}/", f":{line.port}/"), wait_s)
        yield line, opened
        opened.close()


def test_a_commit_whose_answer_was_lost_can_be_repeated(ledger: SqlLedger, database: Database) -> None:
    """The server has answered and the first byte has come: what was written is written, and nobody here knows."""
    with behind_a_line(database) as (line, far):
        far.capture.start_run(run())
        far.capture.commit(batch_of("ab"))
        with once_before(far, "COMMIT", lambda _: line.drop_after(1)), pytest.raises(LedgerUnavailable):
            far.capture.commit(FULL)
        done = everything(ledger)
        assert ledger.capture.last_manifest(ACCOUNT) == FULL.manifest
        far.capture.commit(FULL)
        assert everything(ledger) == everything(far) == done


def test_a_line_that_is_cut_and_restored_is_used_again(ledger: SqlLedger, database: Database) -> None:
    with behind_a_line(database) as (line, far):
        far.capture.commit(batch_of("a"))
        line.refuse()
        with pytest.raises(LedgerUnavailable, match="did not take the connection"):
            far.capture.commit(batch_of("b", 2))
        line.pass_through()
        far.capture.commit(batch_of("b", 2))
    assert ledger.outbox.pending() == 2


def test_a_line_that_hangs_ends_in_bounded_time(ledger: SqlLedger, database: Database) -> None:
    with behind_a_line(database, wait_s=0.5) as (line, far):
        far.capture.commit(batch_of("a"))
        line.hang()
        begun = time.monotonic()
        with pytest.raises(LedgerUnavailable):
            far.capture.commit(batch_of("b", 2))
        assert time.monotonic() - begun < 20
        line.cut_all()
        line.pass_through()
        far.capture.commit(batch_of("b", 2))
    assert ledger.outbox.pending() == 2


# --- servers that stop -----------------------------------------------------------------------------


@pytest.mark.slow
def test_a_frozen_server_ends_every_wait_and_is_used_again_when_it_goes_on(own_server: Postgres) -> None:
    with empty_ledger(own_server) as database:
        opened, fresh = open_ledger(database.url, wait_s=1), open_ledger(database.url, wait_s=1)
        fill(opened)
        before = everything(opened)
        own_server.freeze()
        begun = time.monotonic()
        for use in (lambda: opened.capture.commit(FULL), opened.records.totals, fresh.check):
            with pytest.raises(LedgerUnavailable):
                use()
        took = time.monotonic() - begun
        own_server.thaw()
        assert took < 30
        assert wait_until(lambda: sessions(database) == 0, 30)
        assert everything(opened) == before
        opened.capture.commit(FULL)
        assert opened.outbox.pending() == 4
        opened.close()
        fresh.close()


def sessions(database: Database) -> int:
    """How many sessions the server still has for the working role."""
    [(count,)] = database.asked("SELECT count(*) FROM pg_stat_activity WHERE usename = %s", database.roles.worker)
    return int(count)


@pytest.mark.slow
@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_server_that_stops_and_comes_back_while_two_capture_loses_nothing(own_server: Postgres, end: str) -> None:
    with empty_ledger(own_server) as database:
        opened = open_ledger(database.url)
        is_up, enough = threading.Event(), threading.Event()
        is_up.set()
        with ThreadPoolExecutor(2) as pool:
            writers = [pool.submit(write_on, opened, account, is_up, enough) for account in ("chief", "deputy")]
            for number in range(1, 4):
                assert wait_until(lambda most=40 * number: written(database) > most, 60)
                is_up.clear()
                getattr(own_server, end)()
                own_server.start()
                is_up.set()
            enough.set()
            told = [writer.result() for writer in writers]
        assert all(failures >= 1 for _, failures in told)
        totals = {one.account: one.messages for one in opened.records.totals()}
        assert totals == {"chief": 5 * told[0][0], "deputy": 5 * told[1][0]}
        assert opened.outbox.pending() == sum(totals.values())
        known = opened.capture.known("chief", [one.digest for one in opened.records.records("chief")])
        assert all(len(record.occurrences) == 1 for record in known.values())
        assert first_break(opened.audit.entries()) is None
        opened.close()


def write_on(ledger: SqlLedger, account: str, is_up: threading.Event, enough: threading.Event) -> tuple[int, int]:
    """Commit batches of five, each again until it is taken in. Gives how many batches, and how many errors were met."""
    number, failures, is_open = 0, 0, False
    while is_open or not enough.is_set():
        one = batch_of([f"{account}.{number}.{item}" for item in range(5)], number, account, run_id=account)
        is_open = True
        try:
            ledger.capture.commit(one)
            ledger.audit.append(after(number), account, "capture", {"batch": number})
        except LedgerUnavailable:
            failures += 1
            is_up.wait(60)
            continue
        number, is_open = number + 1, False
    return number, failures


def written(database: Database) -> int:
    [(count,)] = database.asked("SELECT count(*) FROM records")
    return int(count)


def test_pages_that_are_damaged_on_the_disk_are_named(own_server: Postgres) -> None:
    with empty_ledger(own_server) as database:
        opened = open_ledger(database.url)
        fill(opened)
        [(path,)] = database.asked("SELECT pg_relation_filepath('records')")
        opened.close()
        own_server.stop()
        file = own_server.data / path
        file.write_bytes(b"\xa5" * file.stat().st_size)
        own_server.start()
        with pytest.raises(LedgerDamaged, match="files are damaged") as caught:
            opened.records.totals()
        assert "rebuild" in caught.value.next_step
        assert opened.register.next_decision() == 3
        opened.close()


# --- locks -----------------------------------------------------------------------------------------


def test_captures_of_two_accounts_and_indexers_do_not_wait_for_one_another(ledger: SqlLedger, database: Database) -> None:
    """One capture stands still in the middle of its transaction; everybody else goes on."""
    ledger.capture.commit(batch_of("ab"))
    other = open_ledger(database.url, wait_s=5)

    def meanwhile(_connection: Connection) -> None:
        other.capture.take_lease("deputy", "other", NOON, 60)
        other.capture.commit(batch_of("xy", 7, "deputy", run_id="run-deputy"))
        claimed = other.outbox.claim("indexer", NOON, 10, 60)
        assert len(claimed) == 4
        other.outbox.done("indexer", claimed)
        other.audit.append(NOON, "robin", "search", {})
        assert [one.messages for one in other.records.totals()] == [2, 2]

    with once_before(ledger, "COMMIT", meanwhile) as met:
        ledger.capture.commit(batch_of("cd", 2))
        assert met
    assert [one.messages for one in other.records.totals()] == [4, 2]
    other.close()


def test_a_lock_that_another_holds_is_unavailable_after_a_while(ledger: SqlLedger, database: Database) -> None:
    impatient = open_ledger(database.url, wait_s=1)
    with writing(ledger._engine) as connection:
        one_at_a_time(connection, "account", ACCOUNT)
        with pytest.raises(LedgerUnavailable, match="stayed locked") as caught:
            impatient.capture.commit(batch_of("a"))
        assert caught.value.retryable
        impatient.capture.commit(batch_of("a", account="deputy"))
    impatient.capture.commit(batch_of("a"))
    impatient.close()


def test_two_that_stand_in_each_others_way_are_told_so(database: Database) -> None:
    """One of them; the other goes on."""
    engine, both = open_engine(database.url), threading.Barrier(2)

    def lock(first: str, second: str) -> str:
        try:
            with writing(engine) as connection:
                one_at_a_time(connection, first)
                both.wait(30)
                one_at_a_time(connection, second)
                return ""
        except CapstoneError as exc:
            return f"{type(exc).__name__}: {exc.message}"

    with ThreadPoolExecutor(2) as pool:
        told = sorted(one.result() for one in [pool.submit(lock, "a", "b"), pool.submit(lock, "b", "a")])
    assert told[0] == ""
    assert told[1].startswith("LedgerUnavailable: The ledger cannot be used: two transactions stood in each other's way")
    engine.dispose()


def test_a_statement_that_takes_too_long_is_ended_by_the_server(database: Database) -> None:
    engine = open_engine(database.url, wait_s=0.5)
    with pytest.raises(LedgerUnavailable, match="took too long"), reading(engine) as connection:
        connection.execute(text("SELECT pg_sleep(60)"))
    engine.dispose()


def test_a_writer_that_was_stopped_in_the_middle_does_not_keep_others_waiting_for_ever(
    ledger: SqlLedger, database: Database
) -> None:
    engine = open_engine(database.url, wait_s=0.5)

    def stop_in_the_middle() -> None:
        with writing(engine) as connection:
            one_at_a_time(connection, "account", ACCOUNT)
            ledger.capture.commit(batch_of("a"))
            connection.execute(text("SELECT 1"))

    with pytest.raises(LedgerUnavailable):
        stop_in_the_middle()
    assert ledger.outbox.pending() == 1
    engine.dispose()


def test_two_indexers_and_a_capture_that_change_the_same_rows_do_not_stand_in_each_others_way(
    ledger: SqlLedger, database: Database
) -> None:
    names = [str(number) for number in range(120)]
    ledger.capture.start_run(replace(run(), source="imap"))
    ledger.capture.commit(batch_of(names))

    def change(rounds: int) -> None:
        for number in range(rounds):
            order = names[::-1] if number % 2 else names
            ledger.capture.commit(changes(order, 2 + number))

    def index(holder: str) -> None:
        while ids := ledger.outbox.claim(holder, NOON, 30, 60)[::-1]:
            ledger.outbox.release(holder, ids[:1])
            ledger.outbox.done(holder, ids[1:] or ledger.outbox.claim(holder, NOON, 30, 60))

    with ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(change, 15), pool.submit(index, "first"), pool.submit(index, "second")]:
            done.result()
    index("last")
    assert ledger.outbox.pending() == 0


def changes(names: list[str], number: int) -> CaptureBatch:
    return batch_of([], number, run_id=RUN, reclassified=tuple(reclassified(name, TEMPORARY) for name in names))


def test_the_driver_is_asked_for_no_connection_before_the_first_use() -> None:
    open_ledger("postgresql://worker@127.0.0.1:1/ledger").close()


def test_the_servers_own_words_are_chained(database: Database) -> None:
    with pytest.raises(LedgerUnavailable) as caught:
        open_ledger(database.url.replace(database.url.rpartition(":")[2], "1/ledger"), wait_s=2).check()
    assert isinstance(getattr(caught.value.__cause__, "orig", None), psycopg.OperationalError)
