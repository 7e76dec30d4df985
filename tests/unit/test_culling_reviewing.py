"""Reviewing proposals to cull: two people, their own offices, before the cutoff, and nothing is moved."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from capstone.domain.access import Person
from capstone.domain.culling_reviews import Hindrance, State
from capstone.domain.errors import CannotReview, CutoffReached, NotAllowed, SecondPersonNeeded, UnknownProposal
from capstone.usecases import culling_reviews
from capstone.usecases.culling import propose
from capstone.usecases.culling_reviews import Wanted, count, culling_status, listed, review, status_as_dict
from tests.fakes.archive import OFFICER, MemoryArchive, a_message
from tests.fakes.mail_source import FakeMailSource, Mail
from tests.unit.cullings import (
    ACCEPT,
    BACK,
    KIM,
    LEE,
    LISTS,
    REFUSE,
    SAM,
    SPAM,
    archive_with,
    listing,
    parts,
    states,
    three_lists,
)


def guards(archive: MemoryArchive) -> dict[str, Any]:
    return {key: guard for key, guard in archive.store.guard.items() if key.startswith("records/")}


def test_two_people_accept_in_bulk_and_no_record_lock_or_class_changes() -> None:
    archive = three_lists()
    before = guards(archive), [archive.ledger.records.class_history(one) for one in archive.record_ids()]
    first = review(parts(archive), OFFICER, LISTS, ACCEPT, "fifty seen")
    assert first.as_dict() == {
        "verdict": "accept", "given": 3, "states": {"second_needed": 3}, "hindered": {}, "decisions": [2],
    }  # fmt: skip
    assert states(archive) == ["second_needed"] * 3
    second = review(parts(archive), LEE, replace(LISTS, account="director"), ACCEPT, "seen too")
    assert (second.given, second.states, second.decisions) == (3, {"accepted": 3}, (3,))
    assert (guards(archive), [archive.ledger.records.class_history(one) for one in archive.record_ids()]) == before
    said = [
        (one.actor, one.details["verdict"], one.details["proposals"])
        for one in archive.ledger.audit.entries()
        if one.event == "culling_review"
    ]
    assert said == [("rosa", "accept", 3), ("lee", "accept", 3)]
    status = culling_status(archive.ledger.culling, next(archive.ledger.culling.proposals()).proposal.record_id)
    told = status_as_dict(status[0])
    assert (told["state"], [one["actor"] for one in told["opinions"]]) == ("accepted", ["rosa", "lee"])  # type: ignore[attr-defined]
    assert "List" not in json.dumps(told)
    with pytest.raises(CannotReview, match="accepted or refused already"):
        review(parts(archive), SAM, LISTS, ACCEPT, "again")


def test_one_person_never_accepts_twice_by_whatever_selection() -> None:
    archive = three_lists()
    review(parts(archive), OFFICER, LISTS, ACCEPT, "seen")
    for wanted in (LISTS, Wanted(tuple(one.proposal.proposal_id for one in archive.ledger.culling.proposals()))):
        with pytest.raises(SecondPersonNeeded, match="3: you accepted it already") as caught:
            review(parts(archive), OFFICER, wanted, ACCEPT, "seen")
        assert "--as" in caught.value.next_step
    assert states(archive) == ["second_needed"] * 3
    assert archive.ledger.register.next_decision() == 3


def test_what_can_be_given_is_given_and_the_rest_is_counted_with_its_reason() -> None:
    archive = three_lists()
    one, other, _ = (found.proposal.proposal_id for found in archive.ledger.culling.proposals())
    review(parts(archive), OFFICER, Wanted((one,)), ACCEPT, "seen")
    review(parts(archive), SAM, Wanted((other,)), REFUSE, "a contract")
    told = count(parts(archive), OFFICER, LISTS, ACCEPT)
    assert (told.given, told.decisions, told.states) == (1, (), {"second_needed": 1})
    assert told.hindered == {Hindrance.SAME_PERSON: 1, Hindrance.NOT_OPEN: 1}
    assert archive.ledger.register.next_decision() == 4
    assert review(parts(archive), OFFICER, LISTS, ACCEPT, "seen").given == 1
    with pytest.raises(CannotReview, match=r"1: it was accepted or refused already.*2: you accepted"):
        count(parts(archive), OFFICER, LISTS, ACCEPT)


def test_one_person_refuses_and_one_takes_back_and_then_two_are_needed_anew() -> None:
    archive = three_lists()
    for person in (OFFICER, SAM):
        review(parts(archive), person, LISTS, ACCEPT, "seen")
    back = review(parts(archive), SAM, LISTS, BACK, "the list was ours")
    assert (back.given, back.states) == (3, {"proposed": 3})
    with pytest.raises(CannotReview, match="nobody has reviewed"):
        review(parts(archive), SAM, LISTS, BACK, "again")
    assert review(parts(archive), SAM, LISTS, ACCEPT, "after all").states == {"second_needed": 3}
    assert review(parts(archive), OFFICER, LISTS, REFUSE, "no").states == {"refused": 3}
    assert states(archive) == ["refused"] * 3
    assert (
        len(culling_status(archive.ledger.culling, next(archive.ledger.culling.proposals()).proposal.record_id)[0].opinions) == 5
    )


def test_once_the_cutoff_is_reached_nothing_is_accepted_and_nothing_accepted_taken_back() -> None:
    archive = three_lists(ends="2026-03-31")
    assert {entry.classification.cutoff.isoformat() for entry in archive.ledger.records.records()} == {"2026-03-31"}
    one, other, _ = (Wanted((found.proposal.proposal_id,)) for found in archive.ledger.culling.proposals())
    for person in (OFFICER, SAM):
        review(parts(archive), person, one, ACCEPT, "seen")
    review(parts(archive), OFFICER, other, ACCEPT, "seen")
    archive.clock.move(days=60)
    for verdict in (ACCEPT, BACK):
        with pytest.raises(CutoffReached, match="1: the cutoff of the record is reached") as caught:
            review(parts(archive), SAM, one, verdict, "late")
        assert caught.value.code == "E018"
    with pytest.raises(CutoffReached, match="3: the cutoff"):
        review(parts(archive), LEE, LISTS, ACCEPT, "late")
    assert states(archive) == ["accepted", "proposed", "second_needed"]
    assert review(parts(archive), SAM, other, BACK, "nobody can accept it now").states == {"proposed": 1}


def test_of_a_record_and_its_duplicate_one_always_stays() -> None:
    head = {"Message_ID": "<m@project.example>"}
    copies = [listing(1, Received=f"from a by b{number}; Mon, 03 Feb 2020 15:00:00 +0000", **head) for number in (1, 2)]
    archive = archive_with(copies[0])
    archive.capture(FakeMailSource("box2", [copies[1]]))
    assert propose(parts(archive), OFFICER, "director").by_rule == {"convenience_duplicate": 1, "list_mail": 2}
    (duplicate,) = archive.ledger.culling.proposals("convenience_duplicate")
    kept = Wanted(tuple(one.proposal.proposal_id for one in archive.ledger.culling.find(record_ids=[duplicate.proposal.keeps])))
    both = Wanted((duplicate.proposal.proposal_id, *kept.ids))
    assert count(parts(archive), OFFICER, both, ACCEPT).hindered == {Hindrance.KEPT_FOR_ANOTHER: 1}
    review(parts(archive), OFFICER, Wanted((duplicate.proposal.proposal_id,)), ACCEPT, "seen")
    with pytest.raises(CannotReview, match="one must stay"):
        review(parts(archive), SAM, kept, ACCEPT, "seen")
    review(parts(archive), SAM, Wanted((duplicate.proposal.proposal_id,)), BACK, "no")
    review(parts(archive), SAM, kept, ACCEPT, "seen")
    with pytest.raises(CannotReview, match="one must stay"):
        review(parts(archive), OFFICER, Wanted((duplicate.proposal.proposal_id,)), ACCEPT, "seen")


def test_what_the_rules_withdrew_is_no_longer_accepted() -> None:
    archive = archive_with(listing(1, Message_ID="<a@x>"))
    propose(parts(archive), OFFICER, "director")
    review(parts(archive), OFFICER, LISTS, ACCEPT, "seen")
    archive.capture(FakeMailSource("box2", [Mail("Sent", a_message("Re", To="dev@project.example", In_Reply_To="<a@x>"))]))
    propose(parts(archive), OFFICER, "director")
    with pytest.raises(CannotReview, match="no longer propose"):
        review(parts(archive), SAM, LISTS, ACCEPT, "seen")
    assert states(archive) == ["withdrawn"]


def test_nobody_reviews_mail_of_another_office_and_nothing_is_told_of_it() -> None:
    archive = three_lists()
    one = next(archive.ledger.culling.proposals()).proposal.proposal_id
    for wanted in (LISTS, Wanted((one,)), Wanted(("unknown",)), SPAM):
        with pytest.raises(UnknownProposal):
            review(parts(archive), KIM, wanted, ACCEPT, "seen")
    assert list(listed(parts(archive), KIM, LISTS)) == []
    with pytest.raises(NotAllowed):
        review(parts(archive), Person("cy", offices=frozenset({("records_assistant", "Law")})), LISTS, ACCEPT, "seen")
    with pytest.raises(UnknownProposal, match="Not every"):
        review(parts(archive), OFFICER, Wanted((one, "unknown")), ACCEPT, "seen")
    assert states(archive) == ["proposed"] * 3


def test_a_list_is_by_state_and_each_look_is_in_the_audit_chain() -> None:
    archive = three_lists()
    one = next(archive.ledger.culling.proposals()).proposal.proposal_id
    review(parts(archive), OFFICER, Wanted((one,)), ACCEPT, "seen")
    assert len(list(listed(parts(archive), LEE, Wanted(), State.PROPOSED))) == 2
    assert [found.proposal.proposal_id for found in listed(parts(archive), LEE, Wanted((one,)))] == [one]
    looks = [entry for entry in archive.ledger.audit.entries() if entry.event == "culling_view"]
    assert [entry.actor for entry in looks] == ["lee", "lee"]


def test_a_bulk_review_is_written_in_decisions_of_bounded_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(culling_reviews, "MOST_IN_A_DECISION", 2)
    archive = three_lists()
    assert review(parts(archive), OFFICER, LISTS, ACCEPT, "seen").decisions == (2, 3)
    assert states(archive) == ["second_needed"] * 3
