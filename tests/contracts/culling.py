"""What every ledger promises of proposals to cull. A subclass gives the fixture `ledger`, as in `tests.contracts.ledger`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from capstone.domain.culling import Proposal
from capstone.domain.culling_reviews import CullingReview, Opinion, Reviewed, State, Verdict
from capstone.domain.errors import LedgerDamaged
from tests.contracts.ledger_values import ACCOUNT, NOON, after, archived, batch, decision, designation, digest, entry


def proposal(name: str = "a", rule: str = "list_mail", account: str = ACCOUNT, **more: Any) -> Proposal:
    signs = ("list_header", "not_addressed_to_account")
    return Proposal(f"{account}/{digest(name)}", rule, "culling 1", 80, signs, **more)


def review(
    number: int, *proposals: Proposal, verdict: Verdict = Verdict.ACCEPT, actor: str = "ann", reason: str = "seen"
) -> CullingReview:
    return CullingReview(number, after(number), actor, reason, verdict, proposals)


def ids(found: Any) -> list[str]:
    return [one.proposal.proposal_id for one in found]


class ProposalLedgerContract:
    """ProposalLedger."""

    def test_a_proposal_comes_back_as_it_was_noted(self, ledger: Any) -> None:
        one = proposal("a", "convenience_duplicate", keeps=f"{ACCOUNT}/{digest('b')}")
        ledger.culling.note(NOON, [one], [])
        [held] = ledger.culling.proposals()
        assert (held, held.state) == (Reviewed(one, NOON), State.PROPOSED)
        ledger.culling.note(NOON, [], [])

    def test_what_is_noted_again_stays_as_it_was_and_what_is_withdrawn_is_known_still(self, ledger: Any) -> None:
        one, other = proposal("a"), proposal("b")
        ledger.culling.note(NOON, [one, other], [])
        ledger.culling.note(after(1), [one], [other])
        ledger.culling.note(after(2), [one], [other])
        held = {found.proposal: (found.at, found.stands, found.state) for found in ledger.culling.proposals()}
        assert held == {one: (NOON, True, State.PROPOSED), other: (after(1), False, State.WITHDRAWN)}
        ledger.culling.note(after(3), [other], [proposal("never noted")])
        assert {found.proposal: found.stands for found in ledger.culling.proposals()} == {one: True, other: True}

    def test_proposals_come_by_id_in_pages_of_any_size_of_one_rule_or_account(self, ledger: Any) -> None:
        kinds = [(rule, account) for rule in ("spam", "list_mail") for account in (ACCOUNT, "other")]
        made = [proposal(name, rule, account) for name in "abc" for rule, account in kinds]
        ledger.culling.note(NOON, made, [])
        for size in (1, 5, 12, 100):
            assert ids(ledger.culling.proposals(page_size=size)) == sorted(one.proposal_id for one in made)
        of_rule = {one.proposal_id for one in made if one.rule == "spam"}
        of_account = {one.proposal_id for one in made if one.account == "other"}
        assert ids(ledger.culling.proposals("spam")) == sorted(of_rule)
        assert ids(ledger.culling.proposals(account="other", page_size=2)) == sorted(of_account)
        assert ids(ledger.culling.proposals("spam", "other")) == sorted(of_rule & of_account)
        assert ids(ledger.culling.proposals("agency_blast")) == []

    def test_proposals_are_found_by_id_record_and_what_they_keep(self, ledger: Any) -> None:
        kept = f"{ACCOUNT}/{digest('b')}"
        one, other, third = proposal("a", keeps=kept), proposal("b"), proposal("c")
        ledger.culling.note(NOON, [one, other, third], [])
        assert ids(ledger.culling.find([third.proposal_id, "unknown", third.proposal_id])) == [third.proposal_id]
        assert ids(ledger.culling.find(record_ids=[one.record_id])) == [one.proposal_id]
        both = sorted([one.proposal_id, other.proposal_id])
        assert ids(ledger.culling.find(record_ids=[kept], keeps=[kept])) == both
        assert ids(ledger.culling.find([one.proposal_id], [one.record_id, kept], [kept])) == both
        assert ledger.culling.find() == []

    def test_reviews_stand_with_their_proposals_in_the_order_of_decisions(self, ledger: Any) -> None:
        one, other = proposal("a"), proposal("b")
        ledger.culling.note(NOON, [one, other], [])
        ledger.culling.take_in(review(1, one, other, reason="fifty seen\x00"))
        ledger.culling.take_in(review(2, one, verdict=Verdict.ACCEPT, actor="ben"))
        ledger.culling.take_in(review(3, other, verdict=Verdict.REFUSE, actor="cem"))
        held = {found.proposal: found for found in ledger.culling.proposals()}
        assert (held[one].state, held[other].state) == (State.ACCEPTED, State.REFUSED)
        assert held[one].opinions == (
            Opinion(1, after(1), "ann", "fifty seen\x00", Verdict.ACCEPT),
            Opinion(2, after(2), "ben", "seen", Verdict.ACCEPT),
        )
        assert ledger.culling.find([other.proposal_id])[0].opinions[1].actor == "cem"

    def test_a_review_brings_proposals_that_are_not_there_and_they_stand_when_they_are_seen_again(self, ledger: Any) -> None:
        one, withdrawn = proposal("a"), proposal("b")
        ledger.culling.take_in(review(1, one, one, withdrawn))
        ledger.culling.take_in(review(2, one, withdrawn, actor="ben"))
        held = list(ledger.culling.proposals())
        assert {(found.at, found.stands, found.state, len(found.opinions)) for found in held} == {
            (after(1), False, State.WITHDRAWN, 2)
        }
        ledger.culling.note(after(5), [one], [])
        assert {found.proposal: found.state for found in ledger.culling.proposals()} == {
            one: State.ACCEPTED, withdrawn: State.WITHDRAWN,
        }  # fmt: skip

    def test_a_review_neither_withdraws_what_stands_nor_brings_back_what_was_withdrawn(self, ledger: Any) -> None:
        one, other = proposal("a"), proposal("b")
        ledger.culling.note(NOON, [one, other], [])
        ledger.culling.note(after(1), [], [other])
        ledger.culling.take_in(review(2, one, other))
        assert {found.proposal: (found.at, found.state) for found in ledger.culling.proposals()} == {
            one: (NOON, State.SECOND_NEEDED), other: (after(1), State.WITHDRAWN),
        }  # fmt: skip

    def test_reviews_and_decisions_on_the_register_share_their_numbers_and_nothing_else(self, ledger: Any) -> None:
        first = decision(1, [designation("a")])
        ledger.register.apply(first)
        assert ledger.register.next_decision() == 2
        ledger.culling.take_in(review(2, proposal("a")))
        assert ledger.register.next_decision() == 3
        assert ledger.register.decisions() == [first]
        assert len(ledger.register.state().designations) == len(ledger.register.designation_history()) == 1

    def test_the_same_review_again_changes_nothing_and_another_of_its_number_is_damage(self, ledger: Any) -> None:
        one = review(2, proposal("a"))
        ledger.register.apply(decision(1, [designation("a")]))
        for _ in range(2):
            ledger.culling.take_in(one)
        with pytest.raises(LedgerDamaged, match="Decision 2"):
            ledger.culling.take_in(review(2, proposal("b")))
        with pytest.raises(LedgerDamaged, match="Decision 1"):
            ledger.culling.take_in(review(1, proposal("b")))
        [held] = ledger.culling.proposals()
        assert len(held.opinions) == 1

    def test_twins_are_told_by_digest_with_the_earliest_of_them(self, ledger: Any) -> None:
        same = {"a": "key", "b": "key", "c": "key", "d": "", "e": "", "f": "alone"}
        for number, (name, key) in enumerate(same.items(), 1):
            held = replace(entry(name), captured_at=after(number), content_key=key)
            ledger.capture.commit(batch(number, [archived(name)], [held]))
        elsewhere = replace(entry("a", account="other"), content_key="key")
        ledger.capture.commit(batch(9, [archived("a")], [elsewhere], account="other"))
        wanted = sorted([(digest("b"), digest("a")), (digest("c"), digest("a"))])
        for size in (1, 2, 100):
            assert list(ledger.culling.twins(ACCOUNT, size)) == wanted
        assert list(ledger.culling.twins("other")) == list(ledger.culling.twins("nobody")) == []
