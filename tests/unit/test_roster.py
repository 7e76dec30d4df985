"""The register as a classifier asks it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from capstone.domain.addresses import address_mark
from capstone.domain.officials import CutoffRule, Designation
from capstone.domain.register_facts import (
    AccountFact,
    AccountKind,
    AddressFact,
    RegisteredForm,
    RegisterFact,
    SendingRight,
    SeriesAssignment,
)
from capstone.domain.roster import Roster
from tests.builders import a_designation, a_form

FIRST = a_designation(starts="2010-01-01", ends="2014-12-31", official="Ada Brook")
SECOND = a_designation(starts="2015-01-01", official="Ben Carver", addresses=("director@agency.example", "ben@agency.example"))
OTHER = a_designation("none", account="clerk", starts="2012-06-01", ends="2013-06-01")
TODAY = date(2026, 6, 1)


def mark(address: str) -> str:
    return address_mark(address)


@pytest.mark.parametrize(
    ("day", "holders"),
    [
        ("2009-12-31", []),
        ("2010-01-01", [FIRST]),
        ("2014-12-31", [FIRST]),
        ("2015-01-01", [SECOND]),
        ("9999-12-31", [SECOND]),
    ],
)
def test_the_first_and_the_last_day_of_an_interval_are_covered(day: str, holders: list[object]) -> None:
    assert Roster([SECOND, OTHER, FIRST]).covering("director", date.fromisoformat(day)) == holders


def test_an_account_nobody_registered_has_no_rows() -> None:
    roster = Roster([FIRST])
    assert not roster.is_registered("stranger")
    assert roster.of_account("stranger") == ()
    assert roster.covering("stranger", date(2012, 1, 1)) == []
    assert roster.marks_of("stranger") == frozenset()
    assert roster.assigned_series("stranger") == ()
    assert roster.account_fact("stranger") is None
    assert roster.registered_form("F-1") is None


def test_the_roster_is_the_same_for_any_order_of_rows() -> None:
    one, other = Roster([FIRST, SECOND, OTHER]), Roster([OTHER, SECOND, FIRST, FIRST])
    assert one.accounts() == other.accounts() == ["clerk", "director"]
    assert one.of_account("director") == other.of_account("director") == (FIRST, SECOND)


def test_an_address_of_a_row_changes_hands_with_the_role() -> None:
    handed_over = a_designation(account="deputy", starts="2016-01-01", addresses=("old@agency.example",))
    before = a_designation(account="aide", starts="2010-01-01", ends="2015-12-31", addresses=("old@agency.example",))
    roster = Roster([handed_over, before])
    assert roster.holders_of(mark("old@agency.example"), date(2012, 1, 1)) == [before]
    assert roster.holders_of(mark("old@agency.example"), date(2016, 1, 1)) == [handed_over]
    assert roster.holders_of(mark("nobody@agency.example"), date(2016, 1, 1)) == []


def test_an_address_fact_gives_the_address_to_all_who_hold_the_account_on_its_days() -> None:
    alias = AddressFact("alias@agency.example", "director", date(2012, 1, 1), date(2015, 6, 30))
    roster = Roster([FIRST, SECOND], [alias])
    asked = {day: roster.holders_of(mark("alias@agency.example"), date.fromisoformat(day)) for day in
             ("2011-12-31", "2012-01-01", "2015-06-30", "2015-07-01")}  # fmt: skip
    assert asked == {"2011-12-31": [], "2012-01-01": [FIRST], "2015-06-30": [SECOND], "2015-07-01": []}


def test_a_holder_by_row_and_by_fact_is_named_once() -> None:
    again = AddressFact("ben@agency.example", "director", date(2012, 1, 1))
    roster = Roster([FIRST, SECOND], [again])
    assert roster.holders_of(mark("ben@agency.example"), date(2016, 1, 1)) == [SECOND]
    assert roster.holders_of(mark("ben@agency.example"), date(2013, 1, 1)) == [FIRST]


def test_an_account_keeps_all_addresses_it_ever_had_also_one_of_a_fact_before_any_row() -> None:
    fact = AddressFact("alias@agency.example", "empty", date(2012, 1, 1))
    roster = Roster([FIRST, SECOND], [fact])
    assert roster.marks_of("director") == {mark("director@agency.example"), mark("ben@agency.example")}
    assert roster.marks_of("empty") == {mark("alias@agency.example")}


def test_an_account_fact_alone_registers_the_account() -> None:
    fact = AccountFact("team", AccountKind.SHARED, office="Office of the Director")
    roster = Roster([FIRST], [fact])
    assert roster.is_registered("team")
    assert roster.accounts() == ["director", "team"]
    assert roster.account_fact("team") == fact


def test_series_are_known_by_account() -> None:
    series = SeriesAssignment("opr", "clerk", date(2012, 1, 1), folder="Inspections")
    roster = Roster([FIRST, OTHER], [series])
    assert roster.assigned_series("clerk") == (series,)


def test_the_form_that_the_register_holds_decides_not_the_one_a_row_was_entered_with() -> None:
    held = RegisteredForm(a_form("F-1", "2019-04-01", cutoff=CutoffRule.CALENDAR, withdrawn=date(2025, 1, 1)))
    elsewhere = a_designation(account="aide", form=a_form("F-2"))
    roster = Roster([FIRST, elsewhere], [held])
    assert roster.registered_form("F-1") == held
    assert roster.of_account("director") == (replace(FIRST, form=held.form),)
    assert roster.of_account("director")[0].designation_id == FIRST.designation_id
    assert roster.of_account("aide") == (elsewhere,)


def test_a_form_without_a_number_decides_for_no_row() -> None:
    row = a_designation(form=a_form("", None))
    assert Roster([row], [RegisteredForm(a_form(""))]).of_account("director") == (row,)


def test_a_row_is_found_by_its_id() -> None:
    roster = Roster([FIRST, SECOND])
    assert roster.designation(SECOND.designation_id) == SECOND
    assert roster.designation("0" * 12) is None


# --- acting ------------------------------------------------------------------------------------------


def acting(starts: str, ends: str | None, **changes: Any) -> Designation:
    return a_designation("1", starts, ends, acting=True, **changes)


@pytest.mark.parametrize(
    ("today", "days"), [("2020-01-01", 1), ("2020-01-10", 10), ("2020-01-31", 31), ("2020-02-15", 31), ("2019-12-31", 0)]
)
def test_the_days_of_an_acting_stint_are_counted_up_to_today(today: str, days: int) -> None:
    row = acting("2020-01-01", "2020-01-31")
    assert Roster([row]).acting_days(row, date.fromisoformat(today)) == days


def test_acting_rows_that_follow_without_a_gap_are_one_stint_of_one_official_in_one_position() -> None:
    rows = [acting("2020-01-01", "2020-01-10"), acting("2020-01-11", "2020-01-20"), acting("2020-01-15", "2020-01-18"),
            acting("2020-01-22", None), acting("2020-01-21", "2020-03-01", official="Cleo Dunn"),
            acting("2020-01-21", "2020-03-01", position="Deputy"), a_designation("1", "2020-01-21", "2020-01-21")]  # fmt: skip
    roster = Roster(rows)
    assert [roster.acting_days(row, TODAY) for row in rows[:3]] == [20, 20, 20]
    assert roster.acting_days(rows[3], date(2020, 1, 31)) == 10
    assert roster.acting_days(rows[4], TODAY) == 41


def test_a_stint_without_an_end_goes_on() -> None:
    row = acting("2020-01-01", None)
    assert Roster([row]).acting_days(row, date.max) == (date.max - date(2020, 1, 1)).days + 1


# --- tenure ------------------------------------------------------------------------------------------


def test_rows_of_one_official_in_one_position_that_follow_without_a_gap_are_one_tenure() -> None:
    rows = [acting("2020-01-01", "2020-01-10"), a_designation("1", "2020-01-11", "2020-06-30"),
            a_designation("2", "2020-07-01", "2021-06-30", form=a_form("F-2")), a_designation("1", "2021-07-02", "2021-12-31"),
            a_designation("1", "2021-07-01", "2021-08-01", official="Cleo Dunn"),
            a_designation("1", "2021-07-01", "2021-08-02", position="Deputy"),
            a_designation("none", "2021-07-01", "2021-08-03")]  # fmt: skip
    roster = Roster(rows)
    whole = date(2021, 6, 30)
    assert [roster.tenure_end(row) for row in rows] == [whole, whole, whole, *(row.ends for row in rows[3:])]


def test_a_tenure_lasts_while_its_last_row_is_open() -> None:
    rows = [acting("2020-01-01", "2020-01-10"), a_designation("1", "2020-01-11"), a_designation("1", "2020-03-01", "2020-04-01")]
    assert [Roster(rows).tenure_end(row) for row in rows] == [None, None, None]
    last = replace(rows[1], ends=date.max)
    assert Roster([rows[0], last]).tenure_end(rows[0]) == date.max


# --- what weighs on one record -----------------------------------------------------------------------


def test_what_concerns_a_record_is_all_of_its_account_and_of_those_in_whose_name_it_may_be_sent() -> None:
    stranger = a_designation(account="stranger", form=a_form("F-9"))
    deputy = a_designation(account="deputy", starts="2016-01-01")
    about: list[RegisterFact] = [
        AccountFact("clerk", AccountKind.DELEGATE),
        AddressFact("clerk-alias@agency.example", "clerk", date(2012, 1, 1)),
        AddressFact("alias@agency.example", "deputy", date(2012, 1, 1)),
        SendingRight("clerk", "director", date(2012, 1, 1)),
        SeriesAssignment("opr", "clerk", date(2012, 1, 1)),
        RegisteredForm(a_form("F-1")),
    ]
    others: list[RegisterFact] = [
        AccountFact("stranger", AccountKind.PRIMARY),
        AddressFact("other@agency.example", "deputy", date(2012, 1, 1)),
        SendingRight("stranger", "director", date(2012, 1, 1)),
        RegisteredForm(a_form("F-9")),
    ]
    roster = Roster([FIRST, SECOND, OTHER, stranger, deputy], [*about, *others])
    rows, facts = roster.concerning("clerk", [mark("alias@agency.example"), mark("director@agency.example")])
    assert rows == (OTHER, deputy, FIRST, SECOND)
    assert set(facts) == set(about)
