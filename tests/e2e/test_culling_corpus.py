"""Rules that propose culling over real mail: lists are proposed as lists, and what people sent is not proposed at all."""

from __future__ import annotations

from email.parser import BytesHeaderParser
from pathlib import Path

import pytest

from capstone.bootstrap.sources import open_files
from capstone.domain.layout import record_key
from capstone.usecases.culling import propose
from tests.builders import a_designation
from tests.fakes.archive import OFFICER, MemoryArchive
from tests.fakes.mail_source import FakeMailSource, Mail
from tests.unit.cullings import parts

pytestmark = pytest.mark.corpus

LISTED = ("List-Id", "Mailing-List", "X-Mailing-List")


def is_from_a_list(raw: bytes) -> bool:
    """As the standard library reads the header: a list sent it, and it says who wrote it."""
    header = BytesHeaderParser().parsebytes(raw[raw.find(b"\n") + 1 :] if raw.startswith(b"From ") else raw)
    precedence = str(header.get("Precedence", "")).strip().lower()
    is_list = any(header.get(name) for name in LISTED) or precedence.startswith(("list", "bulk"))
    return is_list and bool(header.get("From"))


def test_messages_of_mailing_lists_are_proposed_as_list_mail_and_nothing_else_is(corpus: Path) -> None:
    archive = MemoryArchive(a_designation(starts="1990-01-01", addresses=("chief@agency.example",)))
    archive.capture(open_files("lists", [corpus / "apache-lists" / "corpus"]))
    report = propose(parts(archive), OFFICER, "director")
    named = {one.proposal.record_id for one in archive.ledger.culling.proposals("list_mail")}
    raws = {one: archive.store.raw[record_key(*one.split("/"))] for one in archive.record_ids()}
    lists = {one for one, raw in raws.items() if is_from_a_list(raw)}
    assert report.checked == len(raws) > 100
    assert len(lists) > len(raws) * 0.9
    assert named == lists
    assert set(report.by_rule) <= {"list_mail", "convenience_duplicate"}


def test_none_of_the_mail_that_an_official_sent_is_proposed(corpus: Path) -> None:
    mails = []
    for file in sorted((corpus / "enron-edrm" / "native").glob("*.eml")):
        raw = file.read_bytes()
        folder = str(BytesHeaderParser().parsebytes(raw).get("X-Folder", "")).strip("\\ ")
        if folder and folder not in ("All documents", "Calendar", "Drafts"):
            mails.append(Mail(folder, raw))
    archive = MemoryArchive(a_designation(starts="1990-01-01", addresses=("susan.bailey@enron.com",)))
    archive.capture(FakeMailSource("enron", mails))
    report = propose(parts(archive), OFFICER, "director")
    sent = {one.record_id for one in archive.ledger.replaying.held("director") if any(place.is_sent for place in one.occurrences)}
    assert len(sent) > 20
    assert report.checked > len(sent)
    assert sent.isdisjoint(one.proposal.record_id for one in archive.ledger.culling.proposals())
