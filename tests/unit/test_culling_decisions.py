"""Reviews of proposals are decisions: locked, noted before they count, the same after a crash and a rebuild."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from capstone.domain.errors import CannotReview, FixityMismatch
from capstone.usecases.culling import propose
from capstone.usecases.culling_reviews import Wanted, review
from capstone.usecases.decisions import adopt_decisions, read_any_decision
from capstone.usecases.rebuild import RebuildParts, rebuild_ledger
from tests.fakes.archive import OFFICER, Cut, PowerCut, a_message
from tests.fakes.ledger import FakeLedger
from tests.fakes.mail_source import FakeMailSource, Mail
from tests.unit.cullings import ACCEPT, LEE, LISTS, SAM, archive_with, listing, parts, states, three_lists


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
