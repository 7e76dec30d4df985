"""How fast a replay changes locks and tags on versitygw, beside bare calls of boto3 for the same objects: FOLDER [OBJECTS].

Both give as many objects new tags, a retention and the end of their hold, by sixteen threads, in turns; the bare calls know what
to do and note nothing, the replay classifies and writes manifest and ledger as well.
"""

from __future__ import annotations

import logging
import os
import statistics
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog

from benchmarks.ledger_rows import account, rows
from benchmarks.on_servers.bare_puts import client
from benchmarks.on_servers.cluster import fresh_folder
from capstone.domain.layout import record_key
from capstone.domain.message import Occurrence, OfferedItem, OfferedMessage, Place, SourceNote
from capstone.domain.register_facts import RegisterDecision
from capstone.domain.roster import Roster
from capstone.domain.rules import Rules
from capstone.domain.schedule import read_schedule
from capstone.usecases.capture import CaptureParts, capture_source
from capstone.usecases.decide import Guarding
from capstone.usecases.learning import LearningParts
from capstone.usecases.replay import ReplayParts, replay_account
from connectors.clock import SystemClock
from connectors.holders import ProcessHolders
from connectors.ledger.ledger import SqlLedger, create_ledger
from connectors.record_store.s3 import S3Place, S3RecordStore
from connectors.workers import InlineWorkers
from servers.errors import ProgramMissing
from servers.versitygw import S3Access, Versitygw

ROOT = Path(__file__).resolve().parents[2]
FLOOR, THREADS, ROUNDS = 0.7, 16, 4
BUCKET = "replays"


class Invented:
    """A source of short messages, each a day apart."""

    name, gives_same_bytes = "bench", True

    def __init__(self, owner: str, how_many: int) -> None:
        self._owner, self._how_many = owner, how_many

    def items(self, _cursors: Mapping[str, str]) -> Iterator[OfferedItem]:
        """See MailSource."""
        for number in range(self._how_many):
            at = datetime(2021, 1, 1, 15, tzinfo=UTC) + timedelta(days=number % 1500)
            fields = (
                f"From: {self._owner}@agency.example",
                f"Subject: {number}",
                f"Date: {at:%d %b %Y %H:%M:%S} +0000",
                "",
                "Text.",
            )
            yield OfferedMessage(Occurrence(Place(self.name, "INBOX", str(number))), "\r\n".join(fields).encode())

    def places(self) -> Iterator[Place]:
        """See MailSource."""
        return iter(())

    def notes(self) -> tuple[SourceNote, ...]:
        """See MailSource."""
        return ()


def main() -> int:
    """Print the figures; 0 also where the server is not to be had, as that is said."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    each = (int(sys.argv[2]) if len(sys.argv) > 2 else 3200) // (2 * ROUNDS)
    with fresh_folder(Path(sys.argv[1]).absolute()) as scratch:
        try:
            with Versitygw.started(scratch / "versitygw") as server:
                return _measure(server, scratch, each)
        except ProgramMissing as missing:
            print(f"Not measured on versitygw. {missing}")
            return 0


def _measure(server: S3Access, scratch: Path, each: int) -> int:
    os.environ.update(server.environment())
    store = S3RecordStore(S3Place(BUCKET, server.endpoint_url, server.region, server.ca_file, path_style=True))
    store.create()
    ledger = create_ledger(f"sqlite:///{scratch / 'ledger.sqlite'}")
    now = datetime.now(UTC)
    ledger.register.apply(RegisterDecision(1, now, "rosa", "bench", tuple(rows("1"))))
    for number in range(2 * ROUNDS):
        capture_source(_capturing(store, ledger), account(number), Invented(account(number), each))
    gone = {row.designation_id: "" for row in rows("1")}
    ledger.register.apply(RegisterDecision(2, now, "rosa", "bench", tuple(rows("none")), superseded=gone))
    ledger.register.apply(RegisterDecision(3, now, "sam", "seen", approves=2))
    ratios = []
    for number in range(ROUNDS):
        pair = [("replay", account(2 * number)), ("bare calls", account(2 * number + 1))]
        took = {}
        for name, owner in pair if number % 2 == 0 else pair[::-1]:
            took[name] = _replayed(store, ledger, owner, each) if name == "replay" else _bare(server, ledger, owner)
        ratios.append(took["bare calls"] / took["replay"])
        rates = ", ".join(f"{name} {each / seconds:.0f} objects/s" for name, seconds in took.items())
        print(f"round {number + 1}: {each} objects each: {rates}: {ratios[-1]:.2f}", flush=True)
    store.close()
    ledger.close()
    ratio = statistics.median(ratios)
    print(f"median {ratio:.2f} of the bare rate; floor {FLOOR}: {'met' if ratio >= FLOOR else 'missed'}")
    return 0 if ratio >= FLOOR else 1


def _rules(ledger: SqlLedger) -> Rules:
    schedule = read_schedule((ROOT / "config" / "schedules" / "grs-6.1.toml").read_text(), "grs-6.1.toml")
    state, zone = ledger.register.state(), ZoneInfo("America/New_York")
    return Rules(Roster(state.designations), schedule, (), zone, datetime.now(zone).date(), date(1985, 1, 1))


def _capturing(store: S3RecordStore, ledger: SqlLedger) -> CaptureParts:
    clock, rules, ids = SystemClock(), _rules(ledger), count()
    guarding = Guarding(rules.zone, 1, clock.now())
    return CaptureParts(
        store, ledger.capture, ledger.records, ledger.audit, clock, InlineWorkers(), rules, guarding, ProcessHolders(),
        lambda: f"{next(ids):04x}",
    )  # fmt: skip


def _replayed(store: S3RecordStore, ledger: SqlLedger, owner: str, each: int) -> float:
    clock, rules = SystemClock(), _rules(ledger)
    parts = ReplayParts(
        LearningParts(store, ledger.records, ledger.replaying, InlineWorkers()), ledger.capture, ledger.register, ledger.audit,
        clock, rules, ledger.register.next_decision(), "", Guarding(rules.zone, 1, clock.now()), ProcessHolders(), lambda: "beef",
    )  # fmt: skip
    began = time.monotonic()
    done = replay_account(parts, owner)
    took = time.monotonic() - began
    if done.shorter != each or not done.is_clean:
        raise SystemExit(f"the replay did not do its work: {done.as_counts()}")
    return took


def _bare(server: S3Access, ledger: SqlLedger, owner: str) -> float:
    held = [(record_key(owner, one.digest), one.version_id) for one in ledger.replaying.held(owner)]
    s3, until = client(server.endpoint_url, THREADS), datetime.now(UTC) + timedelta(days=400)
    tags = ["record-class=temporary", "schedule-item=011", "eligible=2031-01-01", f"account={owner}", "na1005-category=none"]
    tagging = {"TagSet": [dict(zip(("Key", "Value"), tag.split("="), strict=True)) for tag in tags]}

    def change(one: tuple[str, str]) -> None:
        named = {"Bucket": BUCKET, "Key": one[0], "VersionId": one[1]}
        s3.put_object_retention(
            **named, Retention={"Mode": "GOVERNANCE", "RetainUntilDate": until}, BypassGovernanceRetention=True
        )
        s3.put_object_tagging(**named, Tagging=tagging)
        s3.put_object_legal_hold(**named, LegalHold={"Status": "OFF"})

    with ThreadPoolExecutor(THREADS) as threads:
        began = time.monotonic()
        list(threads.map(change, held))
        return time.monotonic() - began


if __name__ == "__main__":
    sys.exit(main())
