"""From class to class: what counts as a change, what as shorter, and who may approve it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from capstone.domain.effects import (
    Keeping,
    awaiting_approval,
    guarded,
    is_changed,
    keeping_change,
    lock_now,
    shift_of,
    standing,
    state_after,
)
from capstone.domain.records import Classification, Lock, RecordClass
from capstone.domain.register_facts import AccountFact, AccountKind, RegisterDecision, RegisterState, fact_id
from tests.builders import ZONE, a_classification, a_designation, at

PERMANENT, TEMPORARY, UNSCHEDULED = RecordClass.PERMANENT, RecordClass.TEMPORARY, RecordClass.UNSCHEDULED
NOW = at("2026-03-02T15:00:00")
SOON, LATE = Lock(NOW + timedelta(days=10)), Lock(NOW + timedelta(days=20))
HELD = Lock(hold=True)


def temporary(eligible: str | None) -> Classification:
    return a_classification(TEMPORARY, item="011", eligible=None if eligible is None else date.fromisoformat(eligible))


PERMANENTLY = a_classification(PERMANENT, item="010", eligible=date(2040, 1, 1))


@pytest.mark.parametrize(
    ("old", "new", "keeping"),
    [
        (PERMANENTLY, a_classification(), Keeping.SAME),
        (PERMANENTLY, replace(PERMANENTLY, eligible=date(2030, 1, 1)), Keeping.SAME),
        (PERMANENTLY, temporary("2099-01-01"), Keeping.SHORTER),
        (a_classification(), temporary("2099-01-01"), Keeping.SHORTER),
        (temporary("2030-01-01"), temporary("2029-12-31"), Keeping.SHORTER),
        (temporary("2030-01-01"), temporary("2030-01-01"), Keeping.SAME),
        (temporary("2030-01-01"), temporary("2030-01-02"), Keeping.LONGER),
        (temporary("2030-01-01"), temporary(None), Keeping.LONGER),
        (temporary(None), temporary("2030-01-01"), Keeping.SHORTER),
        (temporary("2030-01-01"), PERMANENTLY, Keeping.LONGER),
        (temporary("2030-01-01"), a_classification(), Keeping.LONGER),
    ],
)
def test_a_keeping_is_shorter_only_where_its_end_comes_earlier(
    old: Classification, new: Classification, keeping: Keeping
) -> None:
    assert keeping_change(old, new) is keeping


def test_another_version_of_the_rules_alone_is_no_change() -> None:
    assert not is_changed(PERMANENTLY, replace(PERMANENTLY, rule_version="rules 9"))
    assert is_changed(PERMANENTLY, replace(PERMANENTLY, rule_version="rules 9", form="F-2"))


def test_a_change_of_dates_or_reasons_is_told_from_a_change_of_class() -> None:
    assert not shift_of("a", PERMANENTLY, replace(PERMANENTLY, cutoff=date(2020, 1, 1))).is_of_class
    assert shift_of("a", PERMANENTLY, replace(PERMANENTLY, item="012")).is_of_class
    assert shift_of("a", PERMANENTLY, a_classification()).is_of_class


def test_a_lock_that_is_over_is_made_anew_until_the_record_is_disposed_of() -> None:
    captured = at("2020-01-01T12:00:00")
    assert lock_now(temporary("2021-01-01"), captured, NOW, ZONE, 3) == Lock(NOW + timedelta(days=3))
    assert lock_now(temporary("2031-01-01"), captured, NOW, ZONE, 3) == Lock(at("2031-01-02T05:00:00"))
    assert lock_now(PERMANENTLY, captured, NOW, ZONE, 3) == HELD


@pytest.mark.parametrize(
    ("actual", "before", "wanted", "allow_shorter", "after"),
    [
        (SOON, SOON, LATE, False, LATE),
        (LATE, SOON, SOON, False, LATE),
        (LATE, SOON, HELD, False, Lock(LATE.retain_until, hold=True)),
        (HELD, HELD, SOON, True, SOON),
        (Lock(LATE.retain_until, hold=True), HELD, SOON, True, SOON),
        (Lock(LATE.retain_until, hold=True), LATE, SOON, True, Lock(SOON.retain_until, hold=True)),
        (HELD, SOON, LATE, False, Lock(LATE.retain_until, hold=True)),
        (LATE, LATE, Lock(), True, Lock()),
    ],
)
def test_a_hold_that_nobody_knew_of_stays_and_nothing_is_lost_unasked(
    actual: Lock, before: Lock, wanted: Lock, allow_shorter: bool, after: Lock
) -> None:
    assert guarded(actual, before, wanted, allow_shorter=allow_shorter) == after


def test_a_proposed_register_has_what_is_added_and_not_what_is_superseded() -> None:
    old, kept, new = (a_designation(account=name) for name in ("old", "kept", "new"))
    fact, other = AccountFact("old", AccountKind.PRIMARY), AccountFact("new", AccountKind.SHARED)
    state = RegisterState((old, kept), (fact,))
    gone = {old.designation_id: new.designation_id, fact_id(fact): ""}
    assert state_after(state, [new], [other], gone) == RegisterState((kept, new), (other,))
    assert state_after(state, [old], [fact], gone) == RegisterState((kept, old), (fact,))
    assert state_after(state) == state


def decision(number: int, actor: str, approves: int | None = None) -> RegisterDecision:
    return RegisterDecision(number, NOW, actor, approves=approves)


@pytest.mark.parametrize(
    ("decisions", "waiting"),
    [
        ([], []),
        ([("rosa", None)], [1]),
        ([("rosa", None), ("sam", 1)], []),
        ([("rosa", None), ("rosa", 1)], [1]),
        ([("rosa", None), ("sam", None), ("sam", 2)], [1, 2]),
        ([("rosa", None), ("sam", None), ("sam", 2), ("kim", 2)], []),
        ([("rosa", None), ("rosa", None), ("sam", 1)], [1, 2]),
        ([("rosa", None), ("sam", 1), ("sam", None)], [3]),
        ([("rosa", None), ("sam", 1), ("sam", None), ("rosa", 3)], []),
        ([("rosa", None), ("sam", 1), ("kim", 1)], []),
    ],
)
def test_only_somebody_who_changed_nothing_since_can_approve_and_only_the_newest_change(
    decisions: list[tuple[str, int | None]], waiting: list[int]
) -> None:
    made: list[Any] = [decision(number, *told) for number, told in enumerate(decisions, start=1)]
    assert [one.number for one in awaiting_approval(made[::-1], "")] == waiting


@pytest.mark.parametrize(
    ("last", "waiting"),
    [(("kim", 3, "B"), []), (("sam", 3, "B"), [1, 3]), (("rosa", 3, "B"), [1, 3]), (("kim", 1, "B"), [1, 3]), (None, [1, 3])],
)
def test_under_other_rules_every_change_is_approved_again_by_who_made_none_of_them(last: Any, waiting: list[int]) -> None:
    told = [("rosa", None, ""), ("sam", 1, "A"), ("sam", None, ""), ("rosa", 3, "A"), *([last] if last else [])]
    made = [RegisterDecision(number, NOW, who, approves=of, rules=under) for number, (who, of, under) in enumerate(told, start=1)]
    assert [one.number for one in awaiting_approval(made, "B")] == waiting
    assert standing(made[:4], "A").waiting == ()


def test_a_change_after_the_rules_changed_waits_with_all_before_it() -> None:
    told = [("rosa", None), ("sam", 1), ("kim", None)]
    made = [RegisterDecision(number, NOW, who, approves=of, rules="A") for number, (who, of) in enumerate(told, start=1)]
    assert [one.number for one in standing(made, "A").waiting] == [3]
    assert [one.number for one in standing(made, "B").waiting] == [1, 3]


def test_an_approval_is_renewed_by_who_made_none_of_the_changes_approved_last() -> None:
    first, approved = decision(1, "rosa"), decision(2, "sam", 1)
    for actor, since in (("rosa", NOW), ("sam", NOW + timedelta(days=1)), ("kim", NOW + timedelta(days=1))):
        renewed = RegisterDecision(3, NOW + timedelta(days=1), actor, approves=1)
        found = standing([first, approved, renewed], "")
        assert (found.waiting, found.judged, found.approved_at, found.newest) == ((), (first,), since, 1)
    assert standing([first], "").approved_at is None
    assert standing([], "").newest is None
