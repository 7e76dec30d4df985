"""The ledger on PostgreSQL: several processes at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from capstone.domain.events import first_break
from connectors.ledger.ledger import SqlLedger, create_ledger, open_ledger
from tests.adapters.ledger_on_postgres import Database, new_database
from tests.adapters.ledger_workers import (
    SERVER,
    append_audit,
    at_once,
    capture_much,
    index_until,
    keep_slot,
    take_slots,
    write_same_account,
)
from tests.contracts.ledger_values import ACCOUNT, digest

pytestmark = pytest.mark.service


@pytest.fixture
def ledger(database: Database) -> Iterator[SqlLedger]:
    opened = open_ledger(database.url)
    yield opened
    opened.close()


def work(kind: str, *arguments: Any) -> Any:
    return {"capture": capture_much, "index": index_until}[kind](*arguments)


@pytest.mark.slow
def test_two_captures_and_four_indexers_at_once_lose_nothing_and_do_nothing_twice(ledger: SqlLedger, database: Database) -> None:
    accounts, batches, size = ("chief", "deputy"), 25, 40
    captures = [("capture", database.url, account, batches, size) for account in accounts]
    indexers = [("index", database.url, f"indexer-{number}", 2 * batches * size) for number in range(4)]
    *_, first, second, third, fourth = at_once(work, [*captures, *indexers])
    finished = [*first, *second, *third, *fourth]
    records = {one.record_id for one in ledger.records.records()}
    assert len(records) == 2 * batches * size
    assert set(finished) == records
    # A record comes a second time where its class changed after it was finished, and never more often than that.
    again = sorted(one for one in set(finished) if finished.count(one) > 1)
    assert len(finished) <= len(records) + 2 * (batches - 1)
    assert all(len(ledger.records.class_history(one)) == 2 for one in again)
    assert [(one.outcome, one.counts["archived"]) for one in ledger.records.runs()] == [("complete", batches * size)] * 2
    assert ledger.capture.cursors("chief", "imap") == ledger.capture.cursors("deputy", "imap") == {"Inbox": str(batches - 1)}
    assert first_break(ledger.audit.entries()) is None


def test_eight_processes_add_to_one_audit_chain(ledger: SqlLedger, database: Database) -> None:
    numbers = at_once(append_audit, [(database.url, f"person-{number}", 25) for number in range(8)])
    entries = list(ledger.audit.entries())
    assert sorted(one for some in numbers for one in some) == [entry.seq for entry in entries] == list(range(1, 201))
    assert first_break(entries) is None


@pytest.mark.slow
def test_eight_processes_race_for_the_slots_of_a_server(ledger: SqlLedger, database: Database) -> None:
    seen = at_once(take_slots, [(database.url, f"holder-{number}", 3, 15) for number in range(8)])
    assert sum(taken for taken, _ in seen) > 15
    assert max(crowd for _, crowd in seen) <= 3
    assert ledger.slots.slot_holders(SERVER) == []
    assert sum(at_once(keep_slot, [(database.url, f"holder-{number}", 3) for number in range(8)])) == 3
    assert len(ledger.slots.slot_holders(SERVER)) == 3


def test_two_writers_of_one_account_take_turns(ledger: SqlLedger, database: Database) -> None:
    at_once(write_same_account, [(database.url, str(number)) for number in range(4)])
    held = ledger.capture.known(ACCOUNT, [digest("shared"), *(digest(number) for number in range(4))])
    assert len(held) == 5
    assert len(ledger.records.class_history(f"{ACCOUNT}/{digest('shared')}")) == 1


def create(owner_url: str, url: str, begin: Any) -> None:
    begin.wait()
    create_ledger(url, owner_url=owner_url).close()


def test_several_processes_may_create_at_once(postgres: Any, template: Database) -> None:
    with new_database(postgres, template.roles) as database:
        at_once(create, [(database.owner_url, database.url)] * 4)
        opened = open_ledger(database.url)
        opened.check()
        opened.close()
