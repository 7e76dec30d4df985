"""Decisions on the register: in the store before they are in the ledger, so that the store alone gives the register back."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from capstone.domain import proposals
from capstone.domain.errors import DecidedMeanwhile, FixityMismatch, RegisterContradiction
from capstone.domain.layout import decision_key, decision_number
from capstone.domain.officials import designation_as_dict
from capstone.domain.records import Lock
from capstone.domain.register_change import Change
from capstone.domain.register_facts import AccountFact, AccountKind, AddressFact, RegisterDecision, RegisterState, fact_id
from capstone.ports import ObjectRef
from capstone.usecases.decisions import adopt_decisions, as_told, decide, keep, read_decision
from capstone.usecases.register import change_register, check_register, history, import_officials, plan_change
from capstone.usecases.stored import state_of
from tests.builders import a_designation
from tests.fakes.archive import Cut, MemoryArchive, PowerCut
from tests.fakes.ledger import FakeLedger

DAY = date(2012, 1, 1)
ADA = a_designation()
CLERK = replace(a_designation("support", account="clerk"), decided="order 7", evidence="box 3")
FACTS = (AccountFact("clerk", AccountKind.DELEGATE), AddressFact("press@agency.example", "clerk", DAY))
NONE: frozenset[str] = frozenset()
HEADER = "official,office,position,category,account,addresses,from,until,acting,form,approved"


@pytest.fixture
def archive() -> MemoryArchive:
    return MemoryArchive()


def in_new_ledger(archive: MemoryArchive) -> RegisterState:
    """What the store alone says."""
    archive.ledger = FakeLedger()
    adopt_decisions(archive.registering)
    state: RegisterState = archive.ledger.register.state()
    return state


def test_a_decision_is_locked_in_the_store_and_audited_with_its_reason(archive: MemoryArchive) -> None:
    made = decide(archive.registering, "robin", "as the order says", [CLERK], FACTS, {"x": "y"})
    assert made == RegisterDecision(2, archive.clock.now(), "robin", "as the order says", (CLERK,), FACTS, {"x": "y"})
    key = decision_key(2, made.at)
    assert state_of(archive.store, ObjectRef(key)).lock == Lock(hold=True)
    assert read_decision(archive.store.get(key), key) == made
    *_, entry = archive.ledger.audit.entries()
    assert (entry.actor, entry.event) == ("robin", "register_change")
    told = {"decision": 2, "reason": "as the order says", "designations": 1, "facts": 2, "superseded": 1, "approves": None}
    assert entry.details == told


def test_the_store_alone_gives_back_the_same_register_of_decisions_of_every_format(archive: MemoryArchive) -> None:
    first = {"format": 1, "kind": "register_import", "number": 2, "at": archive.clock.now().isoformat(), "actor": "rosa"}
    told = {**first, "added": [designation_as_dict(CLERK)], "superseded": {}}
    archive.store.raw[decision_key(2, archive.clock.now())] = json.dumps(told).encode()
    decide(archive.registering, "robin", "one", (), FACTS)
    decide(archive.registering, "robin", "two", (), (), {fact_id(FACTS[1]): "", ADA.designation_id: ""})
    decide(archive.registering, "alex", "looked at", approves=4)
    before, decisions = archive.ledger.register.state(), archive.ledger.register.decisions()
    assert before == RegisterState((CLERK,), FACTS[:1])
    assert in_new_ledger(archive) == before
    assert archive.ledger.register.decisions() == decisions
    assert [one.approves for one in decisions] == [None, None, None, None, 4]


@pytest.mark.parametrize(("part", "method"), [("store", "put_all"), ("audit", "append"), ("register", "apply")])
@pytest.mark.parametrize("after", [False, True])
def test_a_power_cut_at_any_step_of_a_decision_is_made_good_by_the_next_and_no_decision_is_without_a_note(
    archive: MemoryArchive, part: str, method: str, after: bool
) -> None:
    owner = archive if part == "store" else archive.ledger
    whole = getattr(owner, part)
    setattr(owner, part, Cut(whole, method, after=after))
    with pytest.raises(PowerCut):
        decide(archive.registering, "robin", "one", [CLERK])
    setattr(owner, part, whole)
    last = decide(archive.registering, "alex", "two", (), FACTS).number
    noted = {(one.actor, one.details["decision"]) for one in archive.ledger.audit.entries()}
    made = {(one.actor, one.number) for one in archive.ledger.register.decisions() if one.number > 1}
    assert noted == made
    assert last == (2 if (part, after) == ("store", False) else 3)
    assert archive.ledger.register.state() == in_new_ledger(archive)


JANUARY, FEBRUARY = datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)


@pytest.mark.parametrize("moments", [(JANUARY, FEBRUARY), (FEBRUARY, JANUARY)])
@pytest.mark.parametrize("is_damaged", [False, True])
def test_of_two_who_decide_at_one_moment_over_the_end_of_a_month_one_is_told(
    archive: MemoryArchive, moments: tuple[datetime, datetime], is_damaged: bool
) -> None:
    (first,) = archive.store.list_keys("decisions/")
    if is_damaged:
        archive.store.raw[first] = b"{"
    one, other = (RegisterDecision(2, at, actor, "why", (), FACTS) for at, actor in zip(moments, ("ann", "bob"), strict=True))
    keep(archive.store, one, as_told(one))
    with pytest.raises(DecidedMeanwhile):
        keep(archive.store, other, as_told(other))
    assert [decision_number(key) for key in archive.store.list_keys("decisions/")] == [1, 2]


def test_two_decisions_of_one_number_are_named_and_neither_is_taken_for_the_one_that_was_carried_out(
    archive: MemoryArchive,
) -> None:
    """As earlier versions could leave them."""
    for at in (JANUARY, FEBRUARY):
        told = as_told(RegisterDecision(2, at, "ann", "why", (), FACTS))
        archive.store.raw[decision_key(2, at)] = json.dumps(told).encode()
    archive.ledger = FakeLedger()
    with pytest.raises(FixityMismatch, match="Two decisions bear the number 2"):
        adopt_decisions(archive.registering)
    assert archive.ledger.register.next_decision() == 1
    archive.ledger.register.taken |= {1, 2}
    assert archive.verify().damaged == ["decision 2"]


GOOD = as_told(RegisterDecision(2, MemoryArchive().clock.now(), "robin", "why", (CLERK,), FACTS, {"a": "b"}, 1))


@pytest.mark.parametrize(
    "change",
    [
        {"number": "2"}, {"number": 3}, {"at": "noon"}, {"designations": {}}, {"designations": [1]}, {"facts": None},
        {"facts": [{"kind": "rumour"}]}, {"superseded": []}, {"superseded": {"a": 1}}, {"approves": "1"}, {"format": 3},
        {"kind": "hold"}, {"format": 1},
    ],
)  # fmt: skip
def test_a_decision_that_is_damaged_or_unknown_is_named(change: dict[str, object]) -> None:
    key = decision_key(2, MemoryArchive().clock.now())
    assert read_decision(json.dumps(GOOD).encode(), key).number == 2
    with pytest.raises(FixityMismatch, match=key):
        read_decision(json.dumps(GOOD | change).encode(), key)


# --- changes ---------------------------------------------------------------------------------------


def test_a_change_is_decided_once_and_the_same_again_is_none(archive: MemoryArchive) -> None:
    wanted = proposals.account("director", "primary")
    report = change_register(archive.registering, "robin", "inventory", wanted)
    fact = AccountFact("director", AccountKind.PRIMARY)
    assert report.as_dict() == {
        "decision": 2,
        "designations": [],
        "facts": [{"fact_id": fact_id(fact), "kind": "account", "account": "director", "account_kind": "primary"}],
        "superseded": {},
        "warnings": [],
    }
    again = change_register(archive.registering, "robin", "inventory", wanted)
    assert (again.decision, archive.ledger.register.next_decision()) == (None, 3)


def test_a_plan_changes_nothing_and_says_what_is_worth_a_look(archive: MemoryArchive) -> None:
    plan = plan_change(archive.registering, proposals.right("aide", "director", "2012-01-01", ""))
    assert "names account aide, which is not in the register" in str(plan.warnings[0])
    assert archive.ledger.register.next_decision() == 2


def test_of_two_changes_planned_on_one_state_only_the_first_is_made(archive: MemoryArchive) -> None:
    alias = proposals.address("press@agency.example", "director", "2012-01-01", "", NONE)

    def overtaken(state: RegisterState) -> Change:
        change = alias(state)
        other = proposals.address("press@agency.example", "aide", "2012-01-01", "", NONE)
        change_register(archive.registering, "alex", "for the aide", other)
        return change

    with pytest.raises(DecidedMeanwhile, match="nothing was changed"):
        change_register(archive.registering, "robin", "for the director", overtaken)
    assert [one.actor for one in archive.ledger.register.decisions()][1:] == ["alex"]
    assert archive.ledger.register.state() == in_new_ledger(archive)
    with pytest.raises(RegisterContradiction, match="two accounts at once"):
        change_register(archive.registering, "robin", "for the director", alias)


def test_an_import_that_another_decision_overtook_changes_nothing(archive: MemoryArchive) -> None:
    register = archive.ledger.register
    whole = register.state

    def overtaken() -> RegisterState:
        seen: RegisterState = whole()
        register.state = whole
        decide(archive.registering, "alex", "meanwhile", (), FACTS)
        return seen

    register.state = overtaken
    row = "Cara Poe,Press,Press officer,none,press,press@agency.example,2013-01-01,,no,F-1,2019-04-01"
    with pytest.raises(DecidedMeanwhile):
        import_officials(archive.registering, f"{HEADER}\n{row}\n".encode(), "robin", NONE)
    assert [one.actor for one in register.decisions()][1:] == ["alex"]


class QuickerOther:
    """A store in which somebody else's decision is there just before ours."""

    def __init__(self, inner: Any, other: Callable[[], object]) -> None:
        self._inner, self._other = inner, other

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def put_all(self, requests: Any) -> Any:
        self._other()
        return self._inner.put_all(requests)


def test_of_two_decisions_at_once_one_stands_and_the_other_is_told_to_look_again(archive: MemoryArchive) -> None:
    parts = archive.registering
    store = QuickerOther(parts.store, lambda: decide(parts, "alex", "one", [CLERK]))
    with pytest.raises(DecidedMeanwhile, match="nothing was changed"):
        decide(replace(parts, store=store), "robin", "two", (), FACTS)
    assert [one.reason for one in archive.ledger.register.decisions()][1:] == ["one"]
    assert archive.ledger.register.state() == in_new_ledger(archive)


@pytest.mark.parametrize("raw", [b"{", None])
def test_a_number_that_no_decision_has_is_damage_and_no_decision_made_meanwhile(
    archive: MemoryArchive, raw: bytes | None
) -> None:
    class Altering(QuickerOther):
        def put_all(self, requests: Any) -> Any:
            self._inner.raw[requests[0].key] = requests[0].raw if raw is None else raw
            raise FixityMismatch("other bytes")

    parts = archive.registering
    with pytest.raises(FixityMismatch):
        decide(replace(parts, store=Altering(parts.store, lambda: None)), "robin", "two", (), FACTS)


def test_a_decision_that_a_crash_left_in_the_store_counts_as_one_made_meanwhile(archive: MemoryArchive) -> None:
    expected, register = archive.ledger.register.next_decision(), archive.ledger.register
    archive.ledger.register = Cut(register, "apply")
    with pytest.raises(PowerCut):
        decide(archive.registering, "robin", "one", [CLERK])
    archive.ledger.register = register
    with pytest.raises(DecidedMeanwhile):
        decide(archive.registering, "alex", "two", (), FACTS, expected=expected)
    assert [one.reason for one in register.decisions()][1:] == ["one"]
    assert decide(archive.registering, "alex", "two", (), FACTS, expected=expected + 1).number == expected + 1


def test_an_import_beside_facts_that_exclude_it_is_refused(archive: MemoryArchive) -> None:
    change_register(
        archive.registering, "robin", "alias", proposals.address("press@agency.example", "director", "2012-01-01", "", NONE)
    )
    row = "Cara Poe,Press,Press officer,none,press,press@agency.example,2013-01-01,,no,F-1,2019-04-01"
    with pytest.raises(RegisterContradiction, match="two accounts at once"):
        import_officials(archive.registering, f"{HEADER}\n{row}\n".encode(), "robin", NONE)
    assert archive.ledger.register.next_decision() == 3
    moved = row.replace("press@", "office@")
    assert import_officials(archive.registering, f"{HEADER}\n{moved}\n".encode(), "robin", NONE, "list").added == 1
    assert archive.ledger.register.decisions()[-1].reason == "list"


def test_the_history_tells_everything_ever_said_by_whom_and_why(archive: MemoryArchive) -> None:
    noon = archive.clock.now()
    archive.clock.move(minutes=1)
    change_register(archive.registering, "robin", "kind", proposals.account("director", "primary"))
    change_register(archive.registering, "robin", "mistake", proposals.removal(ADA.designation_id))
    decide(archive.registering, "alex", "seen", approves=3)
    told = history(archive.registering)
    assert [(one["decision"], one["actor"], one["reason"]) for one in told] == [
        (1, "rosa", ""), (2, "robin", "kind"), (3, "robin", "mistake"), (4, "alex", "seen"),
    ]  # fmt: skip
    assert (told[0]["designation"], told[0]["superseded_by"]) == (designation_as_dict(ADA), "")
    assert (told[1]["fact"], told[1]["superseded_by"]) == (
        {"kind": "account", "account": "director", "account_kind": "primary"},
        None,
    )
    assert (told[2]["removed"], told[3]["approves"]) == (ADA.designation_id, 3)
    (first,) = history(archive.registering, noon)
    assert first["superseded_by"] is None
    assert history(archive.registering, noon - timedelta(seconds=1)) == []


def test_the_whole_register_can_be_judged_at_any_time(archive: MemoryArchive) -> None:
    assert check_register(archive.registering).as_dict() == {"errors": [], "warnings": []}
    broken = replace(CLERK, addresses=("director@agency.example",))
    decide(archive.registering, "robin", "as an older release took it in", [broken])
    found = check_register(archive.registering).as_dict()["errors"]
    told = "address director@agency.example belongs to two accounts at once: clerk and director"
    assert found == [{"message": told, "ids": [broken.designation_id, ADA.designation_id]}]
