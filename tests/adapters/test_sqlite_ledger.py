"""The ledger on SQLite: the contract, its schema, and what its errors mean."""

from __future__ import annotations

import errno
import multiprocessing
import shutil
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, ProgrammingError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.schema import CreateIndex, CreateTable

from capstone.domain.errors import BadSettings, CapstoneError, LedgerDamaged, LedgerUnavailable, NotInitialised
from capstone.domain.message import Occurrence
from capstone.domain.records import Learned
from capstone.domain.register_facts import RegisterState
from capstone.ports import Quarantined
from connectors.ledger import migrations, tables
from connectors.ledger.batch import BatchWriter
from connectors.ledger.column_types import as_utc
from connectors.ledger.engine import file_url, open_engine, writing
from connectors.ledger.errors import to_ledger_error, vendor_errors
from connectors.ledger.ledger import SqlLedger, create_ledger, open_ledger
from connectors.ledger.schema import create
from tests.contracts.culling import ProposalLedgerContract
from tests.contracts.ledger import CaptureLedgerContract, RecordLedgerContract
from tests.contracts.ledger_answers import everything
from tests.contracts.ledger_values import (
    ACCOUNT,
    NOON,
    SOURCE,
    TEMPORARY,
    batch,
    batch_of,
    decision,
    designation,
    digest,
    fill,
    place,
    reclassified,
    seen_again,
)
from tests.contracts.register_facts import RegisterFactsContract
from tests.contracts.register_outbox_audit import AuditLogContract, OutboxContract, RegisterLedgerContract
from tests.contracts.replaying import ReplayLedgerContract
from tests.contracts.server_slots import EmptinessContract, ServerSlotsContract

FIRST_VERSION = Path(__file__).parents[1] / "fixtures" / "ledger" / "version_0001.sql"
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


def test_a_new_ledger_is_for_its_owner_alone(template: Path) -> None:
    assert template.stat().st_mode & 0o777 == 0o600


class TestCaptureLedger(CaptureLedgerContract):
    pass


class TestRecordLedger(RecordLedgerContract):
    pass


class TestRegisterLedger(RegisterLedgerContract):
    pass


class TestRegisterFacts(RegisterFactsContract):
    pass


class TestReplayLedger(ReplayLedgerContract):
    pass


class TestProposalLedger(ProposalLedgerContract):
    pass


class TestOutbox(OutboxContract):
    pass


class TestAuditLog(AuditLogContract):
    pass


class TestServerSlots(ServerSlotsContract):
    pass


class TestEmptiness(EmptinessContract):
    pass


# --- schema ----------------------------------------------------------------------------------------


def test_the_migrations_lead_to_the_tables_as_they_are_declared(path: Path) -> None:
    with create_engine(url_of(path)).connect() as connection:
        options = {"version_table": tables.VERSION_TABLE, "compare_server_default": True}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), tables.metadata) == []
        assert set(inspect(connection).get_table_names()) == {*tables.metadata.tables, tables.VERSION_TABLE}


def test_the_declared_version_is_the_newest_migration_and_none_leads_back() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    script = ScriptDirectory.from_config(config)
    assert script.get_heads() == [tables.SCHEMA_VERSION]
    assert not any(hasattr(revision.module, "downgrade") for revision in script.walk_revisions())


def test_every_declared_table_is_created_alike_on_postgresql() -> None:
    dialect = postgresql.dialect()
    ddl = "".join(str(CreateTable(table).compile(dialect=dialect)) for table in tables.metadata.sorted_tables)
    indexes = [
        str(CreateIndex(index).compile(dialect=dialect)) for table in tables.metadata.sorted_tables for index in table.indexes
    ]
    assert ddl.count("CREATE TABLE") == len(tables.metadata.tables)
    assert 'digest TEXT COLLATE "C" NOT NULL' in ddl
    assert any("WHERE state IN ('excluded', 'failed', 'quarantined')" in one for one in indexes)
    BatchWriter(dialect).prepare(batch_of("ab"))


@pytest.mark.parametrize("table", tables.HISTORY, ids=lambda table: table.name)
@pytest.mark.parametrize("change", ["DELETE FROM {}", "UPDATE {} SET {} = NULL"])
def test_history_is_never_changed(ledger: SqlLedger, path: Path, table: Any, change: str) -> None:
    fill(ledger)
    with sqlite3.connect(path) as connection, pytest.raises(sqlite3.IntegrityError, match="history: rows are only ever added"):
        connection.execute(change.format(table.name, list(table.columns.keys())[-1]))


def test_creating_again_keeps_what_is_there(ledger: SqlLedger, path: Path) -> None:
    fill(ledger)
    before = everything(ledger)
    create(url_of(path))
    assert everything(ledger) == before
    ledger.check(every_page=True)


@pytest.fixture
def first_version(tmp_path: Path) -> Path:
    """A ledger as the first release made and filled it."""
    path = tmp_path / "old.db"
    with sqlite3.connect(path) as connection:
        connection.executescript(FIRST_VERSION.read_text())
        connection.execute("PRAGMA journal_mode = WAL")
    return path


def test_a_ledger_of_the_first_version_says_what_to_do(first_version: Path) -> None:
    before = first_version.read_bytes()
    for use in (SqlLedger.check, SqlLedger.is_empty):
        with pytest.raises(NotInitialised, match="version 0001") as caught:
            use(open_ledger(url_of(first_version)))
        assert "capstone init" in caught.value.next_step
    assert first_version.read_bytes() == before


def test_a_ledger_of_the_first_version_is_brought_to_the_present_one(first_version: Path, ledger: SqlLedger) -> None:
    old = create_ledger(url_of(first_version))
    old.check(every_page=True)
    odd = "In\x00box/\udcff"
    kept = tuple(Quarantined(digest("q"), SOURCE, ACCOUNT, name, "E1", "empty \x00", 7, 2) for name in ("q", odd))
    more = batch(2, cursors={odd: "7", "Sent": "3"}, quarantined=kept, reclassified=(reclassified("b", TEMPORARY),))
    fill(ledger)
    ledger.capture.commit(more)
    assert everything(old) == everything(ledger)
    assert list(old.audit.entries()) == list(ledger.audit.entries())
    assert old.register.designation_history() == ledger.register.designation_history()
    for one in (old, ledger):
        one.capture.commit(batch(3, cursors={odd: "8"}, quarantined=kept))
        one.slots.take_slot("mail.agency.example", "me", 1, NOON, 60)
    assert everything(old) == everything(ledger)
    assert {one.tries for one in old.records.quarantine()} == {4}
    with sqlite3.connect(first_version) as connection, pytest.raises(sqlite3.IntegrityError, match="history"):
        connection.execute("DELETE FROM items")


def test_a_decision_of_the_first_version_is_the_same_decision_still(first_version: Path) -> None:
    old = create_ledger(url_of(first_version))
    first = decision(1, [designation("a")], {"x": "a"})
    assert old.register.decisions() == [first]
    old.register.apply(first)
    with pytest.raises(LedgerDamaged, match="Decision 1"):
        old.register.apply(replace(first, reason="another"))
    old.register.apply(decision(2, [], {"a": ""}, reason="by mistake"))
    assert old.register.state() == RegisterState()


def test_what_the_bytes_of_records_of_the_first_version_say_is_noted_later(first_version: Path) -> None:
    old = create_ledger(url_of(first_version))
    unread = old.replaying.unlearned(ACCOUNT, 10)
    assert unread == [held.digest for held in old.replaying.held(ACCOUNT) if held.learned is None] != []
    old.replaying.learn(ACCOUNT, dict.fromkeys(unread, Learned()))
    assert old.replaying.unlearned(ACCOUNT, 10) == []


def test_an_upgrade_that_fails_changes_nothing(first_version: Path) -> None:
    with sqlite3.connect(first_version) as connection:
        connection.execute("CREATE TABLE slots (x)")
    before = dump(first_version)
    with pytest.raises(OperationalError):
        create_ledger(url_of(first_version))
    assert dump(first_version) == before


def dump(path: Path) -> list[str]:
    with sqlite3.connect(path) as connection:
        return list(connection.iterdump())


def test_a_file_has_no_roles(tmp_path: Path) -> None:
    url = url_of(tmp_path / "ledger.db")
    with pytest.raises(BadSettings, match="has no roles"):
        create_ledger(url, reading_role="auditor")
    with pytest.raises(BadSettings, match="names no user"):
        create_ledger(url, owner_url=url)


def test_several_processes_may_create_at_once(tmp_path: Path) -> None:
    with ProcessPoolExecutor(4, SPAWN) as pool:
        list(pool.map(create, [url_of(tmp_path / "ledger.db")] * 4))
    opened = open_ledger(url_of(tmp_path / "ledger.db"))
    opened.check(every_page=True)
    with sqlite3.connect(tmp_path / "ledger.db") as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_creating_is_begun_again_after_a_crash(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.touch()
    with pytest.raises(NotInitialised):
        open_ledger(url_of(path)).check()
    create_ledger(url_of(path)).check()


def test_a_folder_name_with_strange_characters_is_no_obstacle(tmp_path: Path) -> None:
    folder = tmp_path / "what? 100%41 #1 & mehr é"
    folder.mkdir()
    create_ledger(file_url(folder / "ledger.db")).check()
    assert (folder / "ledger.db").is_file()


def test_every_connection_is_durable_and_checks_references(path: Path) -> None:
    with open_engine(url_of(path)).connect() as connection:
        asked = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("synchronous", "foreign_keys", "journal_mode")
        }
    assert asked == {"synchronous": 2, "foreign_keys": 1, "journal_mode": "wal"}


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite:///file:x?mode=memory&uri=true"])
def test_a_ledger_that_would_forget_everything_is_refused(url: str) -> None:
    with pytest.raises(BadSettings):
        open_engine(url)


# --- errors ----------------------------------------------------------------------------------------


class Said(Exception):
    """What a driver raises, with the code that it gives."""

    def __init__(self, message: str = "", **codes: str) -> None:
        super().__init__(message)
        self.__dict__.update(codes)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (Said(sqlite_errorname="SQLITE_BUSY_SNAPSHOT"), LedgerUnavailable),
        (Said(sqlite_errorname="SQLITE_IOERR_FSYNC"), LedgerUnavailable),
        (Said(sqlite_errorname="SQLITE_CORRUPT_INDEX"), LedgerDamaged),
        (Said("malformed database schema (x)", sqlite_errorname="SQLITE_ERROR"), LedgerDamaged),
        (Said("Could not decode to UTF-8 column 'x'"), LedgerDamaged),
        (Said("no such column: x", sqlite_errorname="SQLITE_ERROR"), None),
        (Said(sqlite_errorname="SQLITE_CONSTRAINT_UNIQUE"), None),
        (Said(sqlstate="08006"), LedgerUnavailable),
        (Said(sqlstate="53100"), LedgerUnavailable),
        (Said(sqlstate="53300"), LedgerUnavailable),
        (Said(sqlstate="40001"), LedgerUnavailable),
        (Said(sqlstate="55P03"), LedgerUnavailable),
        (Said(sqlstate="57P03"), LedgerUnavailable),
        (Said(sqlstate="58030"), LedgerUnavailable),
        (Said(sqlstate="28P01"), BadSettings),
        (Said(sqlstate="42501"), BadSettings),
        (Said(sqlstate="3D000"), NotInitialised),
        (Said(sqlstate="23505"), None),
        (Said(sqlstate="42P01"), NotInitialised),
        (Said(sqlstate="XX001"), LedgerDamaged),
        (Said(sqlstate="42601"), None),
        (Said("who knows"), None),
    ],
    ids=lambda value: str(vars(value) if isinstance(value, Said) else getattr(value, "code", value)),
)
def test_vendor_codes_are_told_by_what_they_mean(said: Said, meant: type[CapstoneError] | None) -> None:
    named = to_ledger_error(DBAPIError("SELECT", {}, said))
    assert (None if named is None else type(named)) is meant


def test_a_lost_connection_and_a_drained_pool_are_unavailable() -> None:
    assert isinstance(to_ledger_error(DBAPIError("SELECT", {}, Said(), connection_invalidated=True)), LedgerUnavailable)
    with pytest.raises(LedgerUnavailable), vendor_errors():
        raise PoolTimeout


@pytest.mark.parametrize("wrong", [ProgrammingError("x", {}, Said()), ValueError("x"), OSError(errno.EIO, "x")], ids=repr)
def test_errors_of_the_program_pass_through(wrong: Exception) -> None:
    with pytest.raises(type(wrong)) as caught, vendor_errors():
        raise wrong
    assert caught.value is wrong


def test_a_broken_reference_is_an_error_of_the_program(ledger: SqlLedger, path: Path) -> None:
    with pytest.raises(IntegrityError), writing(open_engine(url_of(path))) as connection:
        connection.execute(tables.outbox.insert(), {"record_no": 404, "enqueued": 1, "tries": 0})


def test_an_instant_without_a_zone_is_an_error_of_the_program(ledger: SqlLedger) -> None:
    naive = NOON.replace(tzinfo=None)
    with pytest.raises(StatementError, match="aware instants only"):
        ledger.capture.take_lease(ACCOUNT, "me", naive, 60)
    with pytest.raises(ValueError, match="aware instants only"):
        ledger.capture.commit(batch(1, [seen_again("a", Occurrence(place("a"), received_at=naive))]))


def test_instants_beyond_the_calendar_become_the_nearest_inside_it() -> None:
    first = datetime.min.replace(tzinfo=timezone(timedelta(hours=14)))
    last = datetime.max.replace(tzinfo=timezone(timedelta(hours=-12)))
    assert as_utc(first) == datetime.min.replace(tzinfo=UTC)
    assert as_utc(last) == datetime.max.replace(tzinfo=UTC)
