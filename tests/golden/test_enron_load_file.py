"""The eDiscovery load file of an Enron mailbox: another program's reading of From, To, Cc, Subject, date and Message-ID."""

from __future__ import annotations

import csv
import re
from collections import Counter
from datetime import UTC
from pathlib import Path

import pytest

from capstone.domain.facts import read_facts
from capstone.domain.message import Address, MessageFacts

_BLANKS = re.compile(r"[\s\"<>,]+")


def _loose(text: str) -> str:
    """Without what the load file loses: quotes, commas, brackets and runs of blanks."""
    return _BLANKS.sub(" ", text).strip()


def _shown(addresses: tuple[Address, ...]) -> str:
    return _loose(" ".join(f"{mailbox.name} {mailbox.address}" for mailbox in addresses))


def _differing(row: dict[str, str], facts: MessageFacts) -> list[str]:
    pairs = {
        "message_id": (row["message_id"].strip("<> "), facts.message_id or ""),
        "subject": (_loose(row["Subject"]), _loose(facts.subject)),
        "from": (_loose(row["From"]), _shown(facts.from_)),
        "to": (_loose(row["To"]), _shown(facts.to)),
        "cc": (_loose(row["CC"]), _shown(facts.cc)),
    }
    if facts.date is not None:
        # Not its "Creation Date": there the hours behind noon in local time stand in twelve-hour form.
        pairs["date"] = (f"{row['Date Received']} {row['Time Received']}", facts.date.astimezone(UTC).strftime("%Y%m%d %H:%M"))
    return [name for name, (theirs, ours) in pairs.items() if theirs != ours]


@pytest.mark.corpus
def test_header_facts_are_those_of_the_load_file(corpus: Path) -> None:
    folder = corpus / "enron-edrm"
    usual = csv.field_size_limit(10_000_000)  # of the whole process: given back below, or other tests meet it
    with (folder / "load-no-text.csv").open(encoding="utf-8", errors="replace", newline="") as lines:
        rows = [
            row for row in csv.DictReader(lines, delimiter="|", quoting=csv.QUOTE_NONE) if row["native_link"].endswith(".eml")
        ]
    csv.field_size_limit(usual)
    compared, differing, codes = 0, Counter[str](), Counter[str]()
    for row in rows:
        path = folder / row["native_link"]
        if path.is_file():
            facts = read_facts(path.read_bytes())
            compared += 1
            differing.update(_differing(row, facts))
            codes.update(problem.code for problem in facts.problems)
    assert differing == Counter()
    assert compared == 2178
    # The years 0002 and 1979 of Drafts and Contacts: the load file repeats them, we use no such date.
    assert codes["date_implausible"] == 980
    assert codes["malformed_date"] == 0
