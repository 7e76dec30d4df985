"""A ledger of invented records, as large as is asked for, and a register that gives half of them another class."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from capstone.domain.addresses import address_mark
from capstone.domain.classification import Rules, classify, evidence_of
from capstone.domain.message import ItemState, Occurrence, Place
from capstone.domain.officials import CutoffRule, Designation, Form, identified
from capstone.domain.records import Learned, RecordEntry
from capstone.domain.register_facts import RegisterDecision
from capstone.ports import CaptureBatch, ItemOutcome, ManifestRef, Run
from connectors.ledger.ledger import SqlLedger

ACCOUNTS = 8
_BATCH = 5000
_FIRST_DAY = datetime(2014, 1, 1, tzinfo=UTC)
_TEN_YEARS_S = 10 * 365 * 24 * 3600
_AT = datetime(2026, 1, 5, 12, tzinfo=UTC)


def account(number: int) -> str:
    """The id of one of the invented accounts."""
    return f"official-{number}"


def rows(category: str, until: date | None = None) -> list[Designation]:
    """A designation of each account over all ten years, of one category."""
    form = Form("GRS 6.1-0900-2019-0001", "0900", date(2019, 4, 1), cutoff=CutoffRule.CALENDAR, transfer_years=15)
    return [
        identified(
            Designation(
                "", f"Official {number}", "Front Office", "Director", category, account(number),
                (f"{account(number)}@agency.example",), date(2013, 1, 1), until, acting=False, form=form,
            )
        )
        for number in range(ACCOUNTS)
    ]  # fmt: skip


def fill(ledger: SqlLedger, rules: Rules, count: int) -> None:
    """Take in `count` records, each seen in one place, with the classes that the rules give."""
    ledger.register.apply(RegisterDecision(1, _AT, "bench", "first", tuple(rows("1"))))
    chance = random.Random(1)  # noqa: S311  (the same figures every time)
    for number in range(ACCOUNTS):
        run_id = f"20260105T120000000000Z-{number:04x}"
        ledger.capture.start_run(Run(run_id, account(number), "bench", _AT))
        for part, batch in enumerate(_batches(account(number), count // ACCOUNTS, rules, chance, run_id)):
            manifest = ManifestRef(
                account(number), f"manifests/{account(number)}/{part:06d}", hashlib.sha256(b"%d" % part).hexdigest()
            )
            entries, seen, learned = batch
            outcomes = tuple(
                ItemOutcome(one.place, ItemState.ARCHIVED, digest=entry.digest, occurrence=one)
                for entry, one in zip(entries, seen, strict=True)
            )
            ledger.capture.commit(CaptureBatch(run_id, _AT, manifest, outcomes, tuple(entries), learned=learned))
        ledger.capture.finish_run(run_id, _AT, "complete", None)


def _batches(
    owner: str, count: int, rules: Rules, chance: random.Random, run_id: str
) -> Iterator[tuple[list[RecordEntry], list[Occurrence], dict[str, Learned]]]:
    marks = [address_mark(f"person-{number}@agency.example") for number in range(500)]
    for start in range(0, count, _BATCH):
        entries, places, learned = [], [], {}
        for number in range(start, min(start + _BATCH, count)):
            sent_at = _FIRST_DAY + timedelta(seconds=chance.randrange(_TEN_YEARS_S))
            said = Learned(sent_at, sent_at + timedelta(seconds=chance.randrange(60)), (chance.choice(marks),))
            seen = Occurrence(
                Place("bench", chance.choice(("INBOX", "Sent", "Projects")), str(number)),
                received_at=sent_at + timedelta(seconds=chance.randrange(120)),
                is_sent=chance.random() < 0.3,
            )
            digest = hashlib.sha256(f"{owner}/{number}".encode()).hexdigest()
            classification = classify(evidence_of(owner, said, [seen]), rules)
            entries.append(RecordEntry(owner, digest, "1", 8000, _AT, run_id, digest, classification))
            places.append(seen)
            learned[digest] = said
        yield entries, places, learned
