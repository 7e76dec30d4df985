"""What every ledger promises of facts and decisions of the register, beside its designations."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from random import Random
from typing import Any

import pytest

from capstone.domain.errors import LedgerDamaged
from capstone.domain.officials import CutoffRule, Form
from capstone.domain.register_facts import (
    AccountFact,
    AccountKind,
    AddressFact,
    FormPosition,
    RegisteredForm,
    RegisterFact,
    RegisterState,
    SendingRight,
    SeriesAssignment,
    fact_id,
)
from tests.contracts.ledger_values import NOON, after, decision, designation

DAY = date(2030, 1, 1)
FORM = Form("NC-31-001", "0999", DAY, cutoff=CutoffRule.TENURE, transfer_years=15, block_years=5, withdrawn=date(2031, 2, 2))
ALIAS = AddressFact("chief@agency.example", "chief", DAY, date(2030, 6, 1))
FACTS: tuple[RegisterFact, ...] = (
    AccountFact("chief", AccountKind.OTHER_NETWORK, "Office of Examples", "closed network"),
    ALIAS,
    RegisteredForm(FORM, "Agency of Examples", (FormPosition("1", "Chief", 2), FormPosition("5", "CIO", None)), 2, "d" * 64),
    SendingRight("aide", "chief", DAY),
    SeriesAssignment("opr-cases", "chief", DAY, folder="Inbox/Cases\x00"),
)


class RegisterFactsContract:
    """RegisterLedger, for all that is no designation."""

    def test_facts_are_given_back_exactly_by_kind_and_subject(self, ledger: Any) -> None:
        ledger.register.apply(decision(1, [designation("a")], facts=FACTS[::-1]))
        assert ledger.register.state() == RegisterState((designation("a"),), _in_order(FACTS))

    def test_what_the_register_said_on_a_past_day_can_be_asked(self, ledger: Any) -> None:
        moved = replace(ALIAS, account="another")
        ledger.register.apply(decision(1, [designation("a")], facts=(ALIAS,)))
        ledger.register.apply(decision(2, [], {fact_id(ALIAS): fact_id(moved), "a": ""}, at=after(60), facts=(moved,)))
        assert ledger.register.state(after(-1)) == RegisterState()
        assert ledger.register.state(after(59)) == RegisterState((designation("a"),), (ALIAS,))
        assert ledger.register.state(after(60)) == ledger.register.state() == RegisterState((), (moved,))

    def test_what_was_entered_by_mistake_is_ended_by_nothing_and_stays_in_the_history(self, ledger: Any) -> None:
        ledger.register.apply(decision(1, [designation("a")]))
        ledger.register.apply(decision(2, [], {"a": ""}))
        assert ledger.register.designations() == []
        assert [row[3:] for row in ledger.register.designation_history()] == [(designation("a"), "")]

    def test_a_fact_may_come_back_after_it_was_superseded(self, ledger: Any) -> None:
        moved = replace(ALIAS, account="another")
        ledger.register.apply(decision(1, facts=(ALIAS,)))
        ledger.register.apply(decision(2, [], {fact_id(ALIAS): fact_id(moved)}, facts=(moved,)))
        ledger.register.apply(decision(3, [], {fact_id(moved): fact_id(ALIAS)}, facts=(ALIAS,)))
        assert ledger.register.state() == RegisterState((), (ALIAS,))

    def test_decisions_are_given_back_with_reason_approval_and_all_they_changed(self, ledger: Any) -> None:
        rows = [replace(designation("a"), decided="order 7", decided_by="the Secretary", evidence="box 3"), designation("b")]
        first = decision(1, rows, {"x": "a", "y": ""}, reason="as the order says", facts=FACTS)
        second = decision(2, at=after(1), actor="alex", reason="looked at", approves=1, rules="rules 2")
        ledger.register.apply(first)
        ledger.register.apply(second)
        by_id = tuple(sorted(FACTS, key=fact_id))
        assert ledger.register.decisions() == [replace(first, facts=by_id), second]

    @pytest.mark.parametrize(
        "change", [{"reason": "another"}, {"approves": 1}, {"rules": "rules 3"}, {"facts": FACTS[:1]}, {"superseded": {"a": ""}}]
    )
    def test_a_decision_with_anything_else_in_it_is_another_one(self, ledger: Any, change: dict[str, Any]) -> None:
        held = decision(1, [designation("a")], reason="one")
        ledger.register.apply(held)
        ledger.register.apply(held)
        with pytest.raises(LedgerDamaged, match="Decision 1"):
            ledger.register.apply(replace(held, **change))
        assert ledger.register.decisions() == [held]

    def test_a_fact_that_a_decision_names_twice_counts_once(self, ledger: Any) -> None:
        ledger.register.apply(decision(1, [designation("a")] * 2, facts=(ALIAS, ALIAS), at=NOON))
        assert ledger.register.state() == RegisterState((designation("a"),), (ALIAS,))

    @pytest.mark.parametrize("seed", range(3))
    def test_whatever_was_decided_the_register_of_every_past_moment_can_be_asked(self, ledger: Any, seed: int) -> None:
        choice = Random(seed)
        rows = {name: designation(name) for name in "abcd"}
        facts = {fact_id(fact): fact for fact in FACTS}
        in_force: set[str] = set()
        moments = []
        for number in range(1, 13):
            ended = {old: choice.choice(["", "x"]) for old in in_force if choice.random() < 0.4}
            added = {name for name in (*rows, *facts) if choice.random() < 0.3}
            told = tuple(facts[name] for name in sorted(added & facts.keys()))
            ledger.register.apply(
                decision(number, [rows[name] for name in sorted(added & rows.keys())], ended, at=after(number), facts=told)
            )
            in_force = (in_force - ended.keys()) | added
            moments.append((after(number), set(in_force)))
        for at, expected in moments:
            state = ledger.register.state(at)
            assert {*(row.designation_id for row in state.designations), *map(fact_id, state.facts)} == expected
            assert list(state.designations) == ledger.register.designations(at)
        assert ledger.register.state() == ledger.register.state(moments[-1][0])


def _in_order(facts: tuple[RegisterFact, ...]) -> tuple[RegisterFact, ...]:
    kinds = [AccountFact, AddressFact, RegisteredForm, SendingRight, SeriesAssignment]
    return tuple(sorted(facts, key=lambda fact: kinds.index(type(fact))))
