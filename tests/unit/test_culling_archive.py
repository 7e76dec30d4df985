"""Proposing and reviewing over a whole archive in memory: nothing is proposed twice, accepted by one, or moved."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from capstone.domain.access import Person
from capstone.domain.culling_policy import read_policy
from capstone.domain.culling_reviews import Hindrance, Reviewed, State, Verdict
from capstone.domain.errors import (
    CannotReview,
    CutoffReached,
    FixityMismatch,
    NotAllowed,
    SecondPersonNeeded,
    UnknownAccount,
    UnknownProposal,
)
from capstone.domain.layout import record_key
from capstone.domain.register_facts import RegisterDecision
from capstone.usecases import culling, culling_reviews
from capstone.usecases.culling import CullingParts, accounts_to_review, propose
from capstone.usecases.culling_reviews import Wanted, count, culling_status, listed, review, status_as_dict
from capstone.usecases.decisions import adopt_decisions, read_any_decision
from capstone.usecases.rebuild import RebuildParts, rebuild_ledger
from connectors.workers import InlineWorkers
from tests.builders import a_designation
from tests.fakes.archive import OFFICER, Cut, MemoryArchive, PowerCut, a_message, enact
from tests.fakes.ledger import FakeLedger
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


def test_who_reviews_one_office_is_told_of_no_account_of_another() -> None:
    archive = three_lists()
    assert accounts_to_review(parts(archive), SAM) == accounts_to_review(parts(archive), LEE) == ["director"]
    assert accounts_to_review(parts(archive), KIM) == []
    with pytest.raises(NotAllowed):
        accounts_to_review(parts(archive), Person("cy", frozenset({"records_staff"})))


def states(archive: MemoryArchive) -> list[str]:
    return sorted(one.state.value for one in archive.ledger.culling.proposals())


def open_ones(archive: MemoryArchive) -> list[Reviewed]:
    return [one for one in archive.ledger.culling.proposals() if one.state is State.PROPOSED]


def guards(archive: MemoryArchive) -> dict[str, Any]:
    return {key: guard for key, guard in archive.store.guard.items() if key.startswith("records/")}


# --- proposing -------------------------------------------------------------------------------------


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


# --- reviewing -------------------------------------------------------------------------------------


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


# --- decisions and rebuild -------------------------------------------------------------------------


def test_a_rebuilt_ledger_has_every_review_and_looking_again_changes_none() -> None:
    archive = three_lists()
    review(parts(archive), OFFICER, LISTS, ACCEPT, "seen")
    one = next(archive.ledger.culling.proposals()).proposal.proposal_id
    review(parts(archive), SAM, Wanted((one,)), ACCEPT, "seen too")
    before = {found.proposal: (found.state, found.opinions) for found in archive.ledger.culling.proposals()}
    assert sorted(state for state, _ in before.values()) == ["accepted", "second_needed", "second_needed"]
    decisions = archive.ledger.register.decisions()
    archive.ledger = FakeLedger()
    ledger = archive.ledger
    report = rebuild_ledger(RebuildParts(archive.store, ledger.capture, archive.registering, ledger.audit, archive.clock), "rosa")
    assert (report.decisions, ledger.register.decisions()) == (3, decisions)
    assert states(archive) == ["withdrawn"] * 3
    with pytest.raises(CannotReview, match="not looked since a rebuild"):
        review(parts(archive), LEE, LISTS, ACCEPT, "seen")
    for wanted in ((3, 0), (0, 0)):
        again = propose(parts(archive), OFFICER, "director")
        assert (again.proposed, again.withdrawn) == wanted
        assert {found.proposal: (found.state, found.opinions) for found in ledger.culling.proposals()} == before
    assert archive.verify().missing == archive.verify().damaged == []


def test_what_was_withdrawn_before_a_rebuild_is_accepted_by_nobody_after_it() -> None:
    archive = archive_with(listing(1, Message_ID="<a@x>"))
    propose(parts(archive), OFFICER, "director")
    for person in (OFFICER, SAM):
        review(parts(archive), person, LISTS, ACCEPT, "seen")
    archive.capture(FakeMailSource("box2", [Mail("Sent", a_message("Re", To="dev@project.example", In_Reply_To="<a@x>"))]))
    propose(parts(archive), OFFICER, "director")
    archive.ledger = FakeLedger()
    ledger = archive.ledger
    rebuild_ledger(RebuildParts(archive.store, ledger.capture, archive.registering, ledger.audit, archive.clock), "rosa")
    assert states(archive) == ["withdrawn"]
    assert propose(parts(archive), OFFICER, "director").proposed == 0
    assert states(archive) == ["withdrawn"]


def test_a_review_is_in_the_audit_chain_before_it_counts() -> None:
    archive = three_lists()
    cut = replace(parts(archive), register=replace(archive.registering, audit=Cut(archive.ledger.audit, "append")))
    with pytest.raises(PowerCut):
        review(cut, OFFICER, LISTS, ACCEPT, "seen")
    assert states(archive) == ["proposed"] * 3
    cut = replace(parts(archive), register=replace(archive.registering, culling=Cut(archive.ledger.culling, "take_in", 2)))
    with pytest.raises(PowerCut):
        review(cut, SAM, LISTS, ACCEPT, "seen")
    noted = [(one.actor, one.event, one.details["decision"]) for one in list(archive.ledger.audit.entries())[-2:]]
    assert noted == [("rosa", "decision_adopted", 2), ("sam", "culling_review", 3)]
    assert states(archive) == ["second_needed"] * 3
    adopt_decisions(archive.registering)
    assert states(archive) == ["accepted"] * 3


def test_a_review_that_a_crash_left_in_the_store_is_taken_in_before_the_next() -> None:
    archive = three_lists()
    cut = replace(parts(archive), register=replace(archive.registering, culling=Cut(archive.ledger.culling, "take_in")))
    with pytest.raises(PowerCut):
        review(cut, OFFICER, LISTS, ACCEPT, "seen")
    assert states(archive) == ["proposed"] * 3
    report = review(parts(archive), SAM, LISTS, ACCEPT, "seen too")
    assert (report.decisions, states(archive)) == ((3,), ["accepted"] * 3)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"number": 7}, "another number"),
        ({"number": "2"}, "damaged"),
        ({"verdict": "perhaps"}, "damaged"),
        ({"format": 9}, "does not know"),
        ({"kind": "register"}, "does not know"),
        ({"proposals": {}}, "damaged"),
        ({"proposals": [1]}, "damaged"),
        ({"kind": "party"}, "does not know"),
    ],
)
def test_a_review_that_is_damaged_is_named_and_not_taken_in(change: dict[str, object], said: str) -> None:
    archive = three_lists()
    review(parts(archive), OFFICER, LISTS, ACCEPT, "seen")
    key = max(key for key in archive.store.raw if key.startswith("decisions/"))
    told = json.loads(archive.store.raw[key]) | change
    archive.store.raw[key] = json.dumps(told).encode()
    with pytest.raises(FixityMismatch, match=said):
        read_any_decision(archive.store.raw[key], key)
    archive.ledger = FakeLedger()
    with pytest.raises(FixityMismatch):
        adopt_decisions(archive.registering)


@pytest.mark.parametrize("change", [{"signs": "junk"}, {"confidence": "80"}, {"keeps": 1}, {"rule": "spam"}, {"signs": ["one"]}])
def test_a_proposal_in_a_review_that_was_changed_is_named(change: dict[str, object]) -> None:
    archive = three_lists()
    review(parts(archive), OFFICER, LISTS, ACCEPT, "seen")
    key = max(key for key in archive.store.raw if key.startswith("decisions/"))
    told = json.loads(archive.store.raw[key])
    told["proposals"][0] |= change
    with pytest.raises(FixityMismatch, match="damaged"):
        read_any_decision(json.dumps(told).encode(), key)


def test_a_decision_that_is_no_json_object_is_named() -> None:
    for raw in (b"", b"[]", b"{}"):
        with pytest.raises(FixityMismatch, match="damaged"):
            read_any_decision(raw, "decisions/2026/01/000000001.json")
