"""Proposing over a whole archive in memory: nothing is proposed twice, and what no longer holds is withdrawn."""

from __future__ import annotations

import pytest

from capstone.domain.access import Person
from capstone.domain.errors import CannotReview, NotAllowed, UnknownAccount
from capstone.domain.layout import record_key
from capstone.domain.register_facts import RegisterDecision
from capstone.usecases import culling
from capstone.usecases.culling import accounts_to_review, propose
from capstone.usecases.culling_reviews import Wanted, count, review
from tests.builders import a_designation
from tests.fakes.archive import OFFICER, MemoryArchive, a_message, enact
from tests.fakes.mail_source import FakeMailSource, Mail
from tests.unit.cullings import (
    ACCEPT,
    KIM,
    LEE,
    LISTS,
    POLICY,
    REFUSE,
    SAM,
    archive_with,
    listing,
    open_ones,
    parts,
    states,
    three_lists,
)


def test_an_account_is_looked_through_and_the_same_again_changes_nothing() -> None:
    archive = three_lists()
    again = propose(parts(archive), OFFICER, "director")
    assert again.as_dict() == {
        "account": "director", "checked": 4, "proposed": 0, "withdrawn": 0, "unreadable": 0, "by_rule": {"list_mail": 3},
    }  # fmt: skip
    assert states(archive) == ["proposed"] * 3
    entries = [one for one in archive.ledger.audit.entries() if one.event == culling.EVENT]
    assert [(one.actor, one.details["proposed"], one.details["version"]) for one in entries] == [
        ("rosa", 3, POLICY.version), ("rosa", 0, POLICY.version),
    ]  # fmt: skip


def test_what_the_account_answered_is_not_proposed_and_one_answered_later_is_withdrawn() -> None:
    archive = archive_with(listing(1, Message_ID="<a@x>"), listing(2, Message_ID="<b@x>"))
    assert propose(parts(archive), OFFICER, "director").proposed == 2
    answer = a_message("Re: List 1", To="dev@project.example", In_Reply_To="<a@x>")
    archive.capture(FakeMailSource("box2", [Mail("Sent", answer)]))
    report = propose(parts(archive), OFFICER, "director")
    assert (report.checked, report.proposed, report.withdrawn, report.by_rule) == (3, 0, 1, {"list_mail": 1})
    assert states(archive) == ["proposed", "withdrawn"]


def test_sent_mail_is_found_by_its_writer_after_a_rebuild_too() -> None:
    answer = Mail("Inbox", a_message("Re: List 1", To="dev@project.example", In_Reply_To="<a@x>"))
    archive = archive_with(listing(1, Message_ID="<a@x>"), listing(2, References="<a@x>"), listing(3), answer)
    archive.ledger.replaying._state.learned.clear()
    assert propose(parts(archive), OFFICER, "director").by_rule == {"list_mail": 1}


def test_of_records_of_one_content_the_earliest_stays_and_is_named() -> None:
    head = {"From": "x@else.example", "Message_ID": "<m@else.example>"}
    copies = [
        Mail("Inbox", a_message("Plan", Received=f"from a by b{number}; Mon, 03 Feb 2020 15:00:00 +0000", **head))
        for number in (1, 2)
    ]
    archive = archive_with(copies[0], *(listing(number) for number in range(5)))
    archive.capture(FakeMailSource("box2", [copies[1]]))
    report = propose(parts(archive), OFFICER, "director")
    assert report.by_rule == {"convenience_duplicate": 1, "list_mail": 5}
    (one,) = archive.ledger.culling.proposals("convenience_duplicate")
    entries = {entry.record_id: entry for entry in archive.ledger.records.records()}
    assert entries[one.proposal.keeps].captured_at < entries[one.proposal.record_id].captured_at
    assert entries[one.proposal.keeps].content_key == entries[one.proposal.record_id].content_key


def test_a_record_that_cannot_be_read_keeps_what_was_proposed_about_it() -> None:
    archive = three_lists()
    first = next(archive.ledger.culling.proposals()).proposal
    archive.store.raw[record_key("director", first.record_id.partition("/")[2])] = b"damaged"
    report = propose(parts(archive), OFFICER, "director")
    assert (report.checked, report.unreadable, report.withdrawn, report.by_rule) == (4, 1, 0, {"list_mail": 2})


def test_where_sent_mail_cannot_be_read_an_unanswered_thread_is_no_sign() -> None:
    junk = Mail("Junk", a_message("Win", From="x@else.example"))
    archive = archive_with(junk, Mail("Sent", a_message("Mine", To="y@else.example")))
    assert propose(parts(archive), OFFICER, "director").by_rule == {"spam": 1}
    (sent,) = [one for one in archive.ledger.replaying.held("director") if one.occurrences[0].is_sent]
    archive.store.raw[record_key("director", sent.digest)] = b"damaged"
    report = propose(parts(archive), OFFICER, "director")
    assert (report.withdrawn, report.unreadable, report.by_rule) == (1, 1, {})


def test_where_a_record_has_another_class_now_what_was_said_of_it_no_longer_counts() -> None:
    other, official = a_designation("none", starts="2015-01-01"), a_designation("1", starts="2015-01-01")
    archive = MemoryArchive(other)
    archive.capture(FakeMailSource("box", [listing(number) for number in range(3)]))
    assert propose(parts(archive), OFFICER, "director").by_rule == {"list_mail": 3}
    first = next(archive.ledger.culling.proposals()).proposal
    for person in (OFFICER, SAM):
        review(parts(archive), person, Wanted((first.proposal_id,)), ACCEPT, "seen")
    enact(
        archive.registering,
        RegisterDecision(4, archive.clock.now(), "rosa", "an official", (official,), superseded={other.designation_id: ""}),
    )
    assert archive.replay().changed == 3
    assert count(parts(archive), OFFICER, LISTS, REFUSE).given == 2
    with pytest.raises(CannotReview, match="no longer propose"):
        count(parts(archive), LEE, Wanted(tuple(one.proposal.proposal_id for one in open_ones(archive))), ACCEPT)
    archive.store.raw[record_key("director", first.record_id.partition("/")[2])] = b"damaged"
    report = propose(parts(archive), OFFICER, "director")
    assert (report.proposed, report.withdrawn, report.unreadable) == (2, 3, 1)
    assert states(archive) == ["proposed", "proposed", "withdrawn", "withdrawn", "withdrawn"]
    assert {one.proposal.signs[-1] for one in open_ones(archive)} == {"permanent_010"}


def test_of_unscheduled_mail_nothing_is_proposed() -> None:
    archive = archive_with(listing(1, Date="Mon, 03 Feb 2014 10:00:00 +0000"))
    assert propose(parts(archive), OFFICER, "director").by_rule == {}


def test_only_who_may_review_an_account_lets_it_be_looked_through() -> None:
    archive = archive_with(listing(1))
    assert propose(parts(archive), LEE, "director").proposed == 1
    for person, account in ((KIM, "director"), (OFFICER, "nobody")):
        with pytest.raises(UnknownAccount):
            propose(parts(archive), person, account)
    with pytest.raises(NotAllowed):
        propose(parts(archive), Person("cy", frozenset({"records_staff"})), "director")


def test_who_reviews_one_office_is_told_of_no_account_of_another() -> None:
    archive = three_lists()
    assert accounts_to_review(parts(archive), SAM) == accounts_to_review(parts(archive), LEE) == ["director"]
    assert accounts_to_review(parts(archive), KIM) == []
    with pytest.raises(NotAllowed):
        accounts_to_review(parts(archive), Person("cy", frozenset({"records_staff"})))
