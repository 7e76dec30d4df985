"""The ledger on PostgreSQL: the contract as the working role, the schema, rights, and what its errors mean."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from psycopg import errors, sql
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from structlog.testing import capture_logs

from capstone.domain.errors import BadSettings, CapstoneError, LedgerDamaged, LedgerUnavailable, NotInitialised
from connectors.ledger import migrations, tables
from connectors.ledger.engine import ledger_file, open_engine, open_new_engine, reading, shown_url, writing
from connectors.ledger.ledger import SqlLedger, create_ledger, open_ledger
from servers.processes import free_port
from tests.adapters.ledger_on_postgres import Database, new_database, on_server
from tests.contracts.culling import ProposalLedgerContract
from tests.contracts.ledger import CaptureLedgerContract, RecordLedgerContract
from tests.contracts.ledger_answers import everything
from tests.contracts.ledger_values import ACCOUNT, NOON, SOURCE, batch, batch_of, fill
from tests.contracts.register_facts import RegisterFactsContract
from tests.contracts.register_outbox_audit import AuditLogContract, OutboxContract, RegisterLedgerContract
from tests.contracts.replaying import ReplayLedgerContract
from tests.contracts.server_slots import EmptinessContract, ServerSlotsContract

pytestmark = pytest.mark.service


@pytest.fixture
def ledger(database: Database) -> Iterator[SqlLedger]:
    opened = open_ledger(database.url)
    yield opened
    opened.close()


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


def test_the_migrations_lead_to_the_tables_as_they_are_declared(database: Database) -> None:
    with reading(open_engine(database.owner_url)) as connection:
        options = {"version_table": tables.VERSION_TABLE, "compare_server_default": True}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), tables.metadata) == []


def test_no_text_is_sorted_by_the_rules_of_a_language(database: Database) -> None:
    columns = (
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' AND data_type = 'text'"
    )
    assert len(database.asked(columns)) > 80
    assert database.asked(columns + " AND collation_name IS DISTINCT FROM 'C'") == []


def test_creating_again_keeps_what_is_there(ledger: SqlLedger, database: Database) -> None:
    fill(ledger)
    before = everything(ledger)
    create_ledger(database.url, owner_url=database.owner_url).close()
    assert everything(ledger) == before


def test_numbers_go_on_where_the_first_version_had_rows(postgres: Any, template: Database) -> None:
    with new_database(postgres, template.roles) as database:
        config = Config()
        config.set_main_option("script_location", str(Path(migrations.__file__).parent))
        with writing(open_new_engine(database.owner_url)) as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "0001")
        database.asked("INSERT INTO manifests VALUES (41, 'a', 'k', 'd', 'r', '2031-05-06T12:00:00.000000Z')")
        database.asked("INSERT INTO cursors VALUES (%s, %s, 'Inbox', '7')", ACCOUNT, SOURCE)
        behind = open_ledger(database.owner_url)
        with pytest.raises(NotInitialised, match="version 0001") as caught:
            behind.check()
        assert "capstone init" in caught.value.next_step
        opened = create_ledger(database.url, owner_url=database.owner_url)
        opened.capture.commit(batch_of("a"))
        assert opened.capture.cursors(ACCOUNT, SOURCE) == {"Inbox": "7"}
        assert database.asked("SELECT manifest_no FROM manifests ORDER BY 1") == [(41,), (42,)]


def test_a_transaction_that_is_undone_leaves_a_gap_that_means_nothing(ledger: SqlLedger, database: Database) -> None:
    ledger.capture.commit(batch_of("a"))
    with pytest.raises(LookupError):
        ledger.capture.commit(batch_of("b", 2, cursors={"Inbox": "1"}, run_id="never began"))
    ledger.capture.commit(batch_of("b", 3))
    assert database.asked("SELECT record_no FROM records ORDER BY 1") == [(1,), (3,)]
    assert ledger.capture.last_manifest(ACCOUNT) == batch(3).manifest


def test_who_reads_sees_one_moment_and_who_writes_sees_the_newest(ledger: SqlLedger, database: Database) -> None:
    with reading(open_engine(database.url)) as connection:
        connection.scalar(select(func.count()).select_from(tables.records))
        ledger.capture.commit(batch_of("a"))
        assert connection.scalar(select(func.count()).select_from(tables.records)) == 0
    database.asked(f"ALTER DATABASE {database.name} SET default_transaction_isolation = 'serializable'")
    with writing(open_engine(database.url)) as connection:
        assert connection.exec_driver_sql("SHOW transaction_isolation").scalar() == "read committed"


def test_a_database_that_cannot_hold_every_letter_is_refused(postgres: Any, template: Database) -> None:
    name = f"latin_{uuid4().hex[:8]}"
    made = sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'")
    on_server(postgres, made.format(sql.Identifier(name)))
    for use in (create_ledger, lambda url: open_ledger(url).check()):
        with pytest.raises(BadSettings, match="encoding LATIN1"):
            use(postgres.url(name))
    postgres.drop_database(name)


# --- rights ----------------------------------------------------------------------------------------

CHANGES = ("UPDATE {0} SET {1} = {1}", "DELETE FROM {0}", "TRUNCATE {0} CASCADE")


@pytest.mark.parametrize("table", tables.HISTORY, ids=lambda table: table.name)
def test_the_server_refuses_to_rewrite_history(ledger: SqlLedger, database: Database, table: Any) -> None:
    fill(ledger)
    column = list(table.columns.keys())[-1]
    for change in CHANGES:
        statement = change.format(table.name, column)
        with pytest.raises(errors.InsufficientPrivilege):
            database.asked(statement, url=database.url)
        with pytest.raises(errors.IntegrityConstraintViolation, match="history: rows are only ever added"):
            database.asked(statement, url=database.owner_url)
        with pytest.raises(errors.IntegrityConstraintViolation):
            database.asked(f"SET session_replication_role = replica; {statement}")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE records SET version_id = 'other'",
        "UPDATE records SET digest = 'other'",
        "DELETE FROM records",
        "DELETE FROM runs",
        "UPDATE runs SET run_id = 'other'",
        "DELETE FROM quarantine",
        "UPDATE capstone_schema SET version_num = '0001'",
        "SELECT setval('record_numbers', 1)",
        "ALTER TABLE audit DISABLE TRIGGER ALL",
        "DROP TABLE audit",
        "CREATE TABLE more (x int)",
        "CREATE OR REPLACE FUNCTION refuse_change_of_history() RETURNS trigger LANGUAGE sql AS ''",
        "SET session_replication_role = replica",
    ],
)
def test_the_working_role_has_no_right_that_it_does_not_need(ledger: SqlLedger, database: Database, statement: str) -> None:
    fill(ledger)
    with pytest.raises((errors.InsufficientPrivilege, errors.InvalidFunctionDefinition)):
        database.asked(statement, url=database.url)


def test_the_reading_role_reads_everything_and_writes_nothing(ledger: SqlLedger, database: Database) -> None:
    fill(ledger)
    reader = open_ledger(database.reader_url)
    reader.check()
    assert everything(reader) == everything(ledger)
    assert list(reader.audit.entries()) == list(ledger.audit.entries())
    for use in (
        lambda: reader.outbox.claim("me", NOON, 1, 60),
        lambda: reader.capture.commit(batch_of("z", 9)),
        lambda: reader.audit.append(NOON, "robin", "view", {}),
    ):
        with pytest.raises(BadSettings, match="42501") as caught:
            use()
        assert "capstone init" in caught.value.next_step
    reader.close()


def test_rights_that_were_given_beyond_need_are_taken_back(database: Database) -> None:
    worker = sql.Identifier(database.roles.worker).as_string(None)
    database.asked(f"GRANT UPDATE, DELETE, TRUNCATE ON audit TO {worker}; GRANT UPDATE (reason) ON items TO {worker}")
    assert warnings_of(database.url) == [database.roles.worker]
    create_ledger(database.url, owner_url=database.owner_url).close()
    assert warnings_of(database.url) == []


def test_a_role_that_could_rewrite_history_is_warned_of(database: Database) -> None:
    assert warnings_of(database.url) == warnings_of(database.reader_url) == []
    assert warnings_of(database.owner_url) == [database.roles.owner]
    assert len(warnings_of(database.superuser_url)) == 1


def warnings_of(url: str) -> list[str]:
    """The roles that a check of the ledger warns of."""
    opened = open_ledger(url)
    with capture_logs() as logs:
        opened.check()
    opened.close()
    return [one["role"] for one in logs if one["event"] == "ledger_role_may_rewrite_history"]


def test_a_ledger_is_made_by_one_role_alone_where_no_owner_is_named(postgres: Any, template: Database) -> None:
    with new_database(postgres, template.roles) as database:
        opened = create_ledger(database.owner_url)
        fill(opened)
        assert not opened.is_empty()
        opened.close()


def test_roles_that_cannot_be_given_rights_are_named(database: Database, postgres: Any) -> None:
    with pytest.raises(BadSettings, match="owns the ledger's tables"):
        create_ledger(database.owner_url, owner_url=database.owner_url)
    with pytest.raises(BadSettings, match="no role nobody-there") as caught:
        create_ledger(postgres.url(database.name, "nobody-there", "x"), owner_url=database.owner_url)
    assert "CREATE ROLE" in caught.value.next_step
    with pytest.raises(BadSettings, match="SQLSTATE 42501"):
        create_ledger(database.reader_url, owner_url=database.url)


def test_two_urls_that_name_two_databases_are_found_out_at_once(postgres: Any, template: Database, database: Database) -> None:
    with new_database(postgres, template.roles) as other, pytest.raises(NotInitialised):
        create_ledger(other.url, owner_url=database.owner_url)


# --- errors ----------------------------------------------------------------------------------------


def test_a_database_without_tables_or_without_itself_is_not_initialised(postgres: Any, template: Database) -> None:
    with new_database(postgres, template.roles) as database:
        opened = open_ledger(database.owner_url)
        assert opened.is_empty()
        for use in (opened.check, opened.outbox.pending, lambda: opened.capture.commit(batch_of("a")), opened.records.totals):
            with pytest.raises(NotInitialised, match="no tables"):
                use()
        opened.close()
    with pytest.raises(NotInitialised, match="does not exist") as caught:
        opened.check()
    assert "createdb" in caught.value.next_step


def test_a_database_of_another_program_is_left_alone(postgres: Any, template: Database) -> None:
    with new_database(postgres, template.roles) as database:
        database.asked("CREATE TABLE contacts (name text)", url=database.owner_url)
        for use in (create_ledger, lambda url: open_ledger(url).check(), lambda url: open_ledger(url).is_empty()):
            with pytest.raises(LedgerDamaged, match="another program"):
                use(database.owner_url)
        assert database.asked("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(1,)]


def test_a_ledger_of_a_newer_release_is_not_touched(database: Database) -> None:
    database.asked("UPDATE capstone_schema SET version_num = '9999'")
    for use in (lambda: open_ledger(database.url).check(), lambda: create_ledger(database.owner_url)):
        with pytest.raises(LedgerDamaged, match="version 9999"):
            use()


def test_a_wrong_password_is_named_and_never_shown(postgres: Any, database: Database) -> None:
    for secret in ("the wrong one", ""):
        with pytest.raises(BadSettings, match="does not let the ledger's user in") as caught:
            open_ledger(postgres.url(database.name, database.roles.worker, secret)).check()
        told = "".join(traceback.format_exception(caught.value)) + caught.value.next_step
        assert not secret or secret not in told


def test_no_connection_left_is_unavailable(database: Database) -> None:
    database.asked(f"ALTER ROLE {sql.Identifier(database.roles.worker).as_string(None)} CONNECTION LIMIT 0")
    opened = open_ledger(database.url)
    with pytest.raises(LedgerUnavailable, match="no connection left"):
        opened.check()
    database.asked(f"ALTER ROLE {sql.Identifier(database.roles.worker).as_string(None)} CONNECTION LIMIT -1")
    opened.check()
    opened.close()


def test_a_server_that_only_reads_is_unavailable_to_a_writer(database: Database) -> None:
    database.asked(f"ALTER DATABASE {database.name} SET default_transaction_read_only = on")
    opened = open_ledger(database.url)
    opened.check()
    with pytest.raises(LedgerUnavailable, match="only reads"):
        opened.capture.commit(batch_of("a"))
    opened.close()


@pytest.mark.parametrize(
    ("url", "meant"),
    [
        ("postgresql://worker@127.0.0.1:{closed}/ledger", LedgerUnavailable),
        ("postgres://worker@127.0.0.1:{closed}/ledger", LedgerUnavailable),
        ("postgresql+psycopg://worker@127.0.0.1:{closed}/ledger", LedgerUnavailable),
        ("postgresql://worker@db.invalid/ledger", LedgerUnavailable),
        ("postgresql://worker:s3cret@127.0.0.1:{open}/ledger?sslmode=require", BadSettings),
        ("postgresql://worker:s3cret@127.0.0.1:{open}/ledger?sslmode=verify-full&sslrootcert=/nowhere", BadSettings),
        ("postgresql://worker:s3cret@127.0.0.1:{open}/ledger?sslmode=s3cret", BadSettings),
        ("postgresql://worker:s3cret@127.0.0.1:{open}/ledger?unknown=s3cret", BadSettings),
        ("postgresql://worker:s3cret@127.0.0.1:{open}/ledger?connect_timeout=s3cret", BadSettings),
        ("postgresql://worker:s3cret@127.0.0.1:{open}/", BadSettings),
        ("postgresql://worker:s3cret@127.0.0.1:port/ledger", BadSettings),
        ("postgresql+psycopg2://worker:s3cret@127.0.0.1/ledger", BadSettings),
        ("mysql://worker:s3cret@127.0.0.1/ledger", BadSettings),
        ("s3cret", BadSettings),
    ],
)
def test_what_a_url_names_is_opened_or_refused_by_name(postgres: Any, url: str, meant: type[CapstoneError]) -> None:
    there = urlsplit(postgres.url("x"))
    with pytest.raises(meant) as caught:
        open_ledger(url.format(open=there.port, closed=free_port()), wait_s=2).check()
    assert "s3cret" not in caught.value.message + caught.value.next_step


def test_a_url_is_shown_without_its_secrets() -> None:
    assert shown_url("postgresql://worker:s3cret@db.agency.example:5433/ledger?sslpassword=s3cret") == (
        "postgresql://worker@db.agency.example:5433/ledger"
    )
    assert ledger_file("postgresql://worker@db.agency.example/ledger") is None


def test_every_wait_is_bounded_and_what_the_url_says_stands(database: Database) -> None:
    asked = "lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout", "application_name", "work_mem"
    url = f"{database.url}?application_name=index&options=-c%20work_mem%3D32MB%20-c%20lock_timeout%3D1234"
    with reading(open_engine(url, wait_s=5)) as connection:
        told = [connection.exec_driver_sql(f"SHOW {name}").scalar() for name in asked]
    assert told == ["1234ms", "20s", "20s", "index", "32MB"]
    with reading(open_engine(database.url)) as connection:
        told = [connection.exec_driver_sql(f"SHOW {name}").scalar() for name in asked[:4]]
    assert told == ["30s", "2min", "2min", "capstone"]


def test_values_are_never_shown_in_an_error(ledger: SqlLedger, database: Database) -> None:
    """A broken reference is an error of the program and passes through; what it names stays out of logs."""
    with pytest.raises(IntegrityError) as caught, writing(open_engine(database.url)) as connection:
        connection.execute(tables.outbox.insert(), {"record_no": 404404, "enqueued": 1, "tries": 0, "holder": "a subject"})
    assert "a subject" not in str(caught.value)
