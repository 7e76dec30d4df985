"""SQLite looks up what a batch asks for by an index on just that: no question takes longer for what the account holds already.

The planner has no figures of the tables, and takes `account = ?` for the best start wherever an index offers it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from connectors.ledger.engine import file_url, open_engine
from connectors.ledger.ledger import SqlLedger, create_ledger
from tests.contracts.ledger_values import ACCOUNT, digest, fill

MANY = [digest(number) for number in range(500)]
IDS = [f"{ACCOUNT}/{one}" for one in MANY]
FOR_ALL_OF_AN_ACCOUNT = re.compile(r"SCAN (?!CONSTANT)|\(account=\?\)$")

QUESTIONS: dict[str, Callable[[SqlLedger], object]] = {
    "known": lambda ledger: ledger.capture.known(ACCOUNT, MANY),
    "held_items": lambda ledger: ledger.capture.held_items(ACCOUNT, MANY),
    "record": lambda ledger: ledger.records.record(IDS[0]),
    "entries": lambda ledger: ledger.records.entries(IDS),
    "beside": lambda ledger: ledger.records.beside(IDS),
    "records_beside": lambda ledger: ledger.records.records_beside(ACCOUNT, MANY),
    "class_history": lambda ledger: ledger.records.class_history(IDS[0]),
}


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    url = file_url(tmp_path / "ledger.sqlite")
    create_ledger(url)
    made = open_engine(url)
    yield made
    made.dispose()


@pytest.mark.parametrize("ask", QUESTIONS.values(), ids=QUESTIONS)
def test_no_question_of_a_batch_reads_through_an_account(engine: Engine, ask: Callable[[SqlLedger], object]) -> None:
    ledger = SqlLedger(engine)
    fill(ledger)
    asked: list[tuple[str, Any]] = []
    event.listen(engine, "before_cursor_execute", lambda _c, _k, sql, values, *_more: asked.append((sql, values)))
    ask(ledger)
    selects = [(sql, values) for sql, values in asked if sql.startswith("SELECT")]
    assert selects
    with engine.connect() as connection:
        for sql, values in selects:
            steps = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)]
            assert not [step for step in steps if FOR_ALL_OF_AN_ACCOUNT.search(step)], sql
