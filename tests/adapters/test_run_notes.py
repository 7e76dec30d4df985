"""What sources could not reach, kept by the ledgers on SQLite and PostgreSQL: the contract, an older ledger, the cost."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from psycopg import errors
from sqlalchemy import select
from sqlalchemy.dialects import sqlite

from capstone.domain.message import SourceNote
from connectors.ledger import migrations, tables
from connectors.ledger.engine import file_url, open_new_engine, writing
from connectors.ledger.ledger import SqlLedger, create_ledger, open_ledger
from tests.adapters.ledger_on_postgres import Database, new_database
from tests.contracts.ledger_values import ACCOUNT, after
from tests.contracts.run_notes import ARCHIVE, FOLDER, RunNotesContract, ended

FIRST_VERSION = Path(__file__).parents[1] / "fixtures" / "ledger" / "version_0001.sql"


class TestOnSqlite(RunNotesContract):
    @pytest.fixture
    def ledger(self, tmp_path: Path) -> Iterator[SqlLedger]:
        made = create_ledger(file_url(tmp_path / "ledger.db"))
        yield made
        made.close()


@pytest.mark.service
class TestOnPostgres(RunNotesContract):
    @pytest.fixture
    def ledger(self, database: Database) -> Iterator[SqlLedger]:
        opened = open_ledger(database.url)
        yield opened
        opened.close()

    def test_the_working_role_closes_gaps_and_changes_nothing_else_of_a_note(self, ledger: SqlLedger, database: Database) -> None:
        ended(ledger, "run-1", ARCHIVE)
        ended(ledger, "run-2")
        assert database.asked("SELECT count(*), bool_or(stands) FROM run_notes", url=database.url) == [(1, False)]
        for statement in ("UPDATE run_notes SET reason = ''", "DELETE FROM run_notes"):
            with pytest.raises(errors.InsufficientPrivilege):
                database.asked(statement, url=database.url)


def test_a_ledger_of_the_first_version_keeps_notes_from_now_on(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    with sqlite3.connect(path) as connection:
        connection.executescript(FIRST_VERSION.read_text())
    old = create_ledger(file_url(path))
    assert (old.records.gaps(), {one.notes for one in old.records.runs()}) == ([], {()})
    ended(old, "run-new", FOLDER)
    assert [gap.note for gap in old.records.gaps()] == [FOLDER]
    old.close()


def brought_to_the_fifth_version(url: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    with writing(open_new_engine(url)) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0005")


def noted(run_id: str, *notes: dict[str, object], source: str = "files") -> dict[str, object]:
    """What an earlier release wrote into the audit chain of a run."""
    return {"archived": 1, "run": run_id, "account": ACCOUNT, "source": source, "outcome": "complete", "notes": list(notes)}


def container(where: str, unrecovered: int) -> dict[str, object]:
    return {"code": "container", "where": where, "expected": 3, "emitted": 3 - unrecovered, "unrecovered": unrecovered}


BEFORE = (
    noted("run-1", container("/mnt/odd\udcff.pst", 1), container("/mnt/mended.pst", 2), container("/mnt/whole.pst", 0)),
    noted("run-2", {"code": "archive_mailbox_not_offered", "where": "In-Place Archive"}, source="box-365"),
    noted("run-3", container("/mnt/mended.pst", 0), container("/mnt/x.pst", 3)),
    {"archived": 2, "run": "run-4"},
    {"run": "run-5", "notes": [{"where": "altered"}]},
)
LACKING = [
    (
        ACCOUNT,
        "files",
        "run-1",
        SourceNote("container", "/mnt/odd\udcff.pst", "", {"expected": 3, "emitted": 2, "unrecovered": 1}),
    ),
    (ACCOUNT, "files", "run-3", SourceNote("container", "/mnt/x.pst", "", {"expected": 3, "emitted": 0, "unrecovered": 3})),
]


def lacking_after(url: str, owner_url: str | None = None) -> list[tuple[str, str, str, SourceNote]]:
    brought_to_the_fifth_version(owner_url or url)
    before = open_ledger(owner_url or url)
    for number, details in enumerate(BEFORE):
        before.audit.append(after(number), "capture", "capture", details)
    before.audit.append(after(9), "rosa", "search", noted("run-9", container("/mnt/searched.pst", 1)))
    before.close()
    ledger = create_ledger(url, owner_url=owner_url)
    found = [(gap.account, gap.source, gap.run_id, gap.note) for gap in ledger.records.gaps()]
    ended(ledger, "run-6", SourceNote("container", "/mnt/x.pst", "", {"unrecovered": 0}), source="files")
    assert [gap.run_id for gap in ledger.records.gaps()] == ["run-1"]
    ledger.close()
    return found


def test_what_containers_lack_that_were_read_before_is_taken_from_the_audit_chain(tmp_path: Path) -> None:
    assert lacking_after(file_url(tmp_path / "ledger.db")) == LACKING


@pytest.mark.service
def test_on_postgresql_it_is_taken_from_the_audit_chain_too(postgres: Any, template: Database) -> None:
    with new_database(postgres, template.roles) as database:
        assert lacking_after(database.url, database.owner_url) == LACKING


def test_gaps_are_found_by_the_index_of_those_that_stand(tmp_path: Path) -> None:
    create_ledger(file_url(tmp_path / "ledger.db")).close()
    asked = str(select(tables.run_notes).where(tables.STANDING).compile(dialect=sqlite.dialect()))
    with sqlite3.connect(tmp_path / "ledger.db") as connection:
        [step] = connection.execute(f"EXPLAIN QUERY PLAN {asked}").fetchall()
    assert "ix_run_notes_standing" in step[3]
