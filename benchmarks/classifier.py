"""How many messages a second one core classifies from facts in memory, and how many a preview compares with their present class.

    python -m benchmarks.classifier [MESSAGES] [--times N]

The register is invented: officials, their assistants and others, in office one after the other for ten years, with rights to
send on behalf of others, aliases and a series. The messages are drawn with a fixed seed: days over twelve years, a tenth found in
Sent folders, a tenth with a second place, some without a date. Told is processor time, the best of the rounds and their middle.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from capstone.domain.addresses import address_mark
from capstone.domain.classification import Rules, class_changes, classify, evidence_of
from capstone.domain.message import Occurrence, Place
from capstone.domain.officials import CutoffRule, Designation, Form, identified
from capstone.domain.records import Classification, Learned
from capstone.domain.register_facts import AddressFact, RegisterFact, SendingRight, SeriesAssignment
from capstone.domain.roster import Roster
from capstone.domain.schedule import read_administrations, read_schedule
from capstone.domain.series import read_series

SCHEDULES = Path(__file__).resolve().parents[1] / "config" / "schedules"
_ACCOUNTS, _HOLDERS, _FIRST, _DAYS = 200, 4, date(2014, 1, 1), 4380
_HELD_DAYS = 900

Known = tuple[str, Learned, list[Occurrence]]


def address_of(number: int) -> str:
    """The address of the account of that number."""
    return f"official-{number}@agency.example"


def register() -> tuple[list[Designation], list[RegisterFact]]:
    """Accounts in turn of officials, of others and of support staff, each held by several people with gaps between them."""
    form = Form("GRS 6.1-0999-2019-0001", "0999", date(2019, 4, 1), cutoff=CutoffRule.TENURE, transfer_years=15, block_years=5)
    rows, facts = [], list[RegisterFact]()
    for number in range(_ACCOUNTS):
        category = ("none", "support", str(number % 10 + 1))[number % 3]
        account = f"account-{number}"
        for turn in range(_HOLDERS):
            starts = _FIRST + timedelta(days=turn * (_HELD_DAYS + 30))
            ends = starts + timedelta(days=_HELD_DAYS) if turn < _HOLDERS - 1 else None
            names = (f"Holder {number}-{turn}", "Office of Examples", f"Position {number}")
            row = Designation("", *names, category, account, (address_of(number),), starts, ends, turn == 1, form)
            rows.append(identified(row))
        facts.append(AddressFact(f"alias-{number}@agency.example", account, _FIRST, None))
        if category == "support":
            facts.append(SendingRight(account, f"account-{number + 1}", _FIRST, None))
        if number % 20 == 0:
            facts.append(SeriesAssignment("opr-management-inspections", account, _FIRST, None, "Inspections"))
    return rows, facts


def rules() -> Rules:
    """The rules over the invented register and the schedules as they are shipped."""
    rows, facts = register()
    return Rules(
        roster=Roster(rows, facts),
        schedule=read_schedule((SCHEDULES / "grs-6.1.toml").read_text(), "grs-6.1.toml"),
        administrations=read_administrations((SCHEDULES / "administrations.toml").read_text()),
        zone=ZoneInfo("America/New_York"),
        today=date(2026, 6, 1),
        plausible_start=date(1990, 1, 1),
        series=read_series((SCHEDULES / "series.toml").read_text()),
    )


def messages(count: int) -> list[Known]:
    """Account, what its bytes say, and where it was found, of so many messages, account by account as a preview meets them."""
    chance = random.Random(6)  # noqa: S311  (no secret hangs on it)
    marks = [address_mark(address_of(number)) for number in range(_ACCOUNTS)]
    strangers = [address_mark(f"stranger-{number}@else.example") for number in range(5_000)]
    start, made = datetime(2014, 1, 1, tzinfo=UTC), list[Known]()
    for number in sorted(chance.randrange(_ACCOUNTS) for _ in range(count)):
        sent = start + timedelta(seconds=chance.randrange(_DAYS * 86_400))
        received = sent + timedelta(seconds=chance.randrange(90))
        is_sent = chance.random() < 0.1
        sender = marks[chance.choice((number, (number + 1) % _ACCOUNTS))] if is_sent else chance.choice(strangers)
        place = Place("mailbox", "Sent" if is_sent else "Inbox", str(len(made)))
        seen = [Occurrence(place, received_at=received, is_sent=is_sent)]
        if chance.random() < 0.1:
            seen.append(Occurrence(Place("export", "Archive", str(len(made))), received_at=received))
        learned = Learned(sent if chance.random() < 0.98 else None, received, (sender,), (sender,) if is_sent else ())
        made.append((f"account-{number}", learned, seen))
    return made


def classified(known: list[Known], by: Rules) -> list[Classification]:
    """Every message, from facts in memory."""
    return [classify(evidence_of(account, learned, seen), by) for account, learned, seen in known]


def compared(known: list[Known], present: list[Classification], by: Rules) -> int:
    """How many change, as a preview asks."""
    pairs = zip(known, present, strict=True)
    return sum(class_changes(evidence_of(*one), was, by) is not None for one, was in pairs)


def rates(work: Callable[[], object], count: int, times: int) -> str:
    """Messages a second of processor time: best and middle of the rounds."""
    found = []
    for _ in range(times):
        began = time.process_time()
        work()
        found.append(count / (time.process_time() - began))
    return f"best {max(found):9,.0f} messages/s   middle {statistics.median(found):9,.0f} messages/s"


def main() -> None:
    """Print both figures, each round with rules that remember nothing yet."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("messages", type=int, nargs="?", default=100_000)
    options.add_argument("--times", type=int, default=5)
    given = options.parse_args()
    known = messages(given.messages)
    by = rules()
    present = classified(known, by)
    print(f"{given.messages:,} messages of {_ACCOUNTS} accounts, {len({one.reason for one in present})} reasons, one core")
    print(f"classified           {rates(lambda: classified(known, replace(by)), given.messages, given.times)}")
    print(f"compared (preview)   {rates(lambda: compared(known, present, replace(by)), given.messages, given.times)}")


if __name__ == "__main__":
    main()
