"""An archive with one letter a year, a register that changes, and the classes that follow."""

from __future__ import annotations

from typing import Any

from capstone.domain.message import Occurrence, OfferedMessage, Place
from capstone.domain.register_facts import RegisterDecision
from tests.builders import a_designation
from tests.fakes.archive import MemoryArchive, a_message, enact
from tests.fakes.mail_source import FakeMailSource, Mail

OFFICIAL = a_designation("1", starts="2015-01-01")
ENDED = a_designation("1", starts="2015-01-01", ends="2018-12-31")
SUPPORT = a_designation("support", starts="2019-01-01")


def filled(*rows: Any, years: range = range(2017, 2026)) -> MemoryArchive:
    archive = MemoryArchive(*(rows or (OFFICIAL,)))
    mails = [Mail("Inbox", a_message(f"In {year}", f"03 Feb {year} 10:00:00 +0000")) for year in years]
    archive.capture(FakeMailSource("box", mails))
    return archive


def change(archive: MemoryArchive, *rows: Any, actor: str = "rosa") -> None:
    old = archive.ledger.register.designations()
    number = archive.ledger.register.next_decision()
    gone = {row.designation_id: "" for row in old if row not in rows}
    enact(archive.registering, RegisterDecision(number, archive.clock.now(), actor, "changed", rows, superseded=gone))


def classes(archive: MemoryArchive) -> list[str]:
    """By message date."""
    entries = sorted(archive.ledger.records.records(), key=lambda one: str(one.classification.message_date))
    return [entry.classification.record_class.value[0] for entry in entries]


def again(raw: bytes, **seen: Any) -> OfferedMessage:
    return OfferedMessage(Occurrence(Place("journal", "", "1"), **seen), raw)
