"""Archives with mail of lists to cull, who may review it, and what stands proposed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from capstone.domain.access import Person
from capstone.domain.culling_policy import read_policy
from capstone.domain.culling_reviews import Reviewed, State, Verdict
from capstone.usecases.culling import CullingParts, propose
from capstone.usecases.culling_reviews import Wanted
from connectors.workers import InlineWorkers
from tests.builders import a_designation
from tests.fakes.archive import OFFICER, MemoryArchive, a_message
from tests.fakes.mail_source import FakeMailSource, Mail

POLICY = read_policy((Path(__file__).parents[2] / "config" / "culling.toml").read_text("utf-8"), "culling.toml")
SAM = Person("sam", frozenset({"records_officer"}))
LEE = Person("lee", offices=frozenset({("records_liaison_officer", "Office of the Director")}))
KIM = Person("kim", offices=frozenset({("records_liaison_officer", "Law")}))
LISTS, SPAM = Wanted(rule="list_mail"), Wanted(rule="spam")
ACCEPT, REFUSE, BACK = Verdict.ACCEPT, Verdict.REFUSE, Verdict.TAKE_BACK


def parts(archive: MemoryArchive) -> CullingParts:
    ledger = archive.ledger
    return CullingParts(archive.registering, ledger.records, ledger.replaying, InlineWorkers(), POLICY)


def listing(number: int, **headers: str) -> Mail:
    told = {"From_": "pat@project.example", "To": "dev@project.example", "List_Id": "<dev.project.example>", **headers}
    return Mail("Inbox", a_message(f"List {number}", **told))


def archive_with(*mails: Mail, **role: Any) -> MemoryArchive:
    archive = MemoryArchive(a_designation("1", starts="2015-01-01", **role))
    archive.capture(FakeMailSource("box", mails))
    return archive


def three_lists(**role: Any) -> MemoryArchive:
    archive = archive_with(
        *(listing(number) for number in range(3)), Mail("Inbox", a_message("Real", From="x@else.example")), **role
    )
    propose(parts(archive), OFFICER, "director")
    return archive


def states(archive: MemoryArchive) -> list[str]:
    return sorted(one.state.value for one in archive.ledger.culling.proposals())


def open_ones(archive: MemoryArchive) -> list[Reviewed]:
    return [one for one in archive.ledger.culling.proposals() if one.state is State.PROPOSED]
