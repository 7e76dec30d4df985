"""How fast a change of the register is previewed, beside a bare read of the same rows by the same driver.

    python -m benchmarks.previews FOLDER [ROWS] [sqlite | postgresql]

Makes a ledger of ROWS invented records (BENCH_LEDGER_ROWS, usually 100,000) in FOLDER, or on a PostgreSQL of its own, and takes
turns, BENCH_ROUNDS times: the bare read fetches all columns that a class depends on and makes nothing of them. SQLite works in
this process, so processor time is compared, which other work hardly disturbs; on PostgreSQL it is time by the clock.
"""

from __future__ import annotations

import os
import resource
import sqlite3
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from benchmarks.ledger_rows import fill, rows
from benchmarks.on_servers.cluster import fresh_folder
from capstone.domain.register_facts import RegisterState
from capstone.domain.roster import Roster
from capstone.domain.rules import Rules
from capstone.domain.schedule import read_schedule
from capstone.usecases.learning import LearningParts
from capstone.usecases.preview import PreviewParts, preview
from connectors.ledger.ledger import create_ledger
from connectors.record_store.directory import DirectoryRecordStore
from connectors.workers import InlineWorkers
from servers.errors import ProgramMissing
from servers.postgres import Postgres

ROOT = Path(__file__).resolve().parents[1]
FLOOR = 4.0
"""A preview takes at most so many times as long as the bare read."""

BARE = """
SELECT r.account, r.digest, r.version_id, r.captured_at,
       c.record_class, c.reason, c.rule_version, c.item, c.authority, c.designation_id, c.form, c.category, c.message_date,
       c.date_source, c.cutoff, c.eligible, c.flags,
       l.header_date, l.trace_date, l.from_marks, l.sender_marks,
       o.source, o.folder, o.item_id, o.flags, o.received_at, o.from_line_at, o.is_sent, o.envelope
FROM records r
JOIN classifications c ON c.record_no = r.record_no AND c.number = r.class_number
LEFT JOIN learned l ON l.record_no = r.record_no
JOIN occurrences o ON o.record_no = r.record_no
"""


def main() -> int:
    """Print the figures; 1 where the floor is missed."""
    folder = Path(sys.argv[1]).absolute()
    rows_wanted = int(sys.argv[2] if len(sys.argv) > 2 else os.environ.get("BENCH_LEDGER_ROWS", "100000"))
    if "postgresql" not in sys.argv[3:]:
        path = folder / f"ledger-{rows_wanted}.sqlite"
        return _measure(f"sqlite:///{path}", rows_wanted, lambda: _sqlite(path))
    try:
        with fresh_folder(folder) as scratch, Postgres.started(scratch / "postgres") as server:
            url = server.create_database("preview")
            return _measure(url, rows_wanted, lambda: _postgres(url))
    except ProgramMissing as missing:
        print(f"Not measured on PostgreSQL. {missing}")
        return 0


def _measure(url: str, wanted: int, read: Callable[[], Iterator[object]]) -> int:
    schedule = read_schedule((ROOT / "config" / "schedules" / "grs-6.1.toml").read_text(), "grs-6.1.toml")
    rules = Rules(Roster(rows("1")), schedule, (), ZoneInfo("America/New_York"), date(2026, 6, 1), date(1985, 1, 1))
    ledger = create_ledger(url)
    if ledger.is_empty():
        began = time.monotonic()
        fill(ledger, rules, wanted)
        print(f"made {wanted:,} records in {time.monotonic() - began:.0f} s", flush=True)
    store = DirectoryRecordStore(Path("no-store"))  # never asked: what the bytes say is noted
    parts = PreviewParts(
        LearningParts(store, ledger.records, ledger.replaying, InlineWorkers()), ledger.register.decisions(), rules, ""
    )
    try:
        return _compare(parts, read, int(os.environ.get("BENCH_ROUNDS", "3")), is_embedded=url.startswith("sqlite"))
    finally:
        ledger.close()


def _compare(parts: PreviewParts, read: Callable[[], Iterator[object]], rounds: int, *, is_embedded: bool) -> int:
    clock = time.process_time if is_embedded else time.monotonic
    until = RegisterState(tuple(rows("1", until=date(2018, 12, 31))))
    ratios = []
    for number in range(rounds):
        bare, found = _timed(clock, lambda: sum(1 for _ in read()))
        same, _ = _timed(clock, lambda: preview(replace(parts, rules=replace(parts.rules))))
        other, effect = _timed(clock, lambda: preview(parts, until))
        ratios.append(max(same, other) / bare)
        changed = effect.total("changed")
        print(
            f"round {number + 1}: bare read {bare:.2f} s ({found:,} rows), preview of no change {same:.2f} s, of a change "
            f"({changed:,} records) {other:.2f} s: {same / bare:.2f} and {other / bare:.2f} times as long",
            flush=True,
        )
    ratio = statistics.median(ratios)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    verdict = "met" if ratio <= FLOOR else "missed"
    print(f"median {ratio:.2f} times the bare read; floor {FLOOR:.0f}: {verdict}; peak memory {peak:,.0f} MiB")
    return 0 if ratio <= FLOOR else 1


def _timed(clock: Callable[[], float], work: Callable[[], Any]) -> tuple[float, Any]:
    began = clock()
    found = work()
    return clock() - began, found


def _sqlite(path: Path) -> Iterator[object]:
    connection = sqlite3.connect(path)
    try:
        yield from connection.execute(BARE)
    finally:
        connection.close()


def _postgres(url: str) -> Iterator[object]:
    import psycopg

    with (
        psycopg.connect(url.replace("postgresql+psycopg://", "postgresql://")) as connection,
        connection.cursor("bare") as cursor,
    ):
        cursor.itersize = 10_000
        yield from cursor.execute(BARE)


if __name__ == "__main__":
    sys.exit(main())
