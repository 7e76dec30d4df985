"""Designations, their ids and JSON form, and the roster that answers for them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import pytest

from capstone.domain.officials import (
    CAPSTONE_CATEGORIES,
    CutoffRule,
    Roster,
    designation_as_dict,
    designation_from_dict,
    identified,
)
from tests.builders import a_designation, a_form

FIRST = a_designation(starts="2010-01-01", ends="2014-12-31", official="Ada Brook")
SECOND = a_designation(starts="2015-01-01", official="Ben Carver", addresses=("director@agency.example", "ben@agency.example"))
OTHER = a_designation("none", account="clerk", starts="2012-06-01", ends="2013-06-01")


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
    assert roster.addresses_of("stranger") == frozenset()


def test_the_roster_is_the_same_for_any_order_of_rows() -> None:
    one, other = Roster([FIRST, SECOND, OTHER]), Roster([OTHER, SECOND, FIRST, FIRST])
    assert one.accounts() == other.accounts() == ["clerk", "director"]
    assert one.of_account("director") == other.of_account("director") == (FIRST, SECOND)


def test_an_address_is_compared_in_its_normal_form_and_changes_hands() -> None:
    handed_over = a_designation(account="deputy", starts="2016-01-01", addresses=("old@agency.example",))
    before = a_designation(account="aide", starts="2010-01-01", ends="2015-12-31", addresses=("old@agency.example",))
    roster = Roster([handed_over, before])
    assert roster.holders_of_address(" OLD@Agency.Example", date(2012, 1, 1)) == [before]
    assert roster.holders_of_address("old@agency.example", date(2016, 1, 1)) == [handed_over]
    assert roster.holders_of_address("nobody@agency.example", date(2016, 1, 1)) == []


def test_an_account_keeps_all_addresses_it_ever_had() -> None:
    assert Roster([FIRST, SECOND]).addresses_of("director") == {"director@agency.example", "ben@agency.example"}


def test_a_row_is_found_by_its_id() -> None:
    roster = Roster([FIRST, SECOND])
    assert roster.designation(SECOND.designation_id) == SECOND
    assert roster.designation("0" * 12) is None


def test_the_id_follows_from_the_content_alone() -> None:
    assert identified(replace(FIRST, designation_id="anything")) == FIRST
    assert len(FIRST.designation_id) == 12
    changed = [
        replace(FIRST, ends=None),
        replace(FIRST, acting=True),
        replace(FIRST, addresses=()),
        replace(FIRST, form=a_form(approved=None)),
        replace(FIRST, form=a_form(covers_from=date(2001, 1, 1))),
    ]
    ids = {identified(row).designation_id for row in changed}
    assert len(ids | {FIRST.designation_id}) == 6


@pytest.mark.parametrize(
    "row",
    [
        FIRST,
        SECOND,
        a_designation("support", form=a_form("", None, cutoff=None, transfer_years=None, record_group=None)),
        a_designation(
            form=a_form(cutoff=CutoffRule.FISCAL, covers_from=date(2000, 2, 29), items=frozenset({"010"})), acting=True
        ),
    ],
)
def test_a_row_survives_the_way_through_json(row: object) -> None:
    assert designation_from_dict(json.loads(json.dumps(designation_as_dict(row)))) == row  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("key", "value"),
    [("official", None), ("addresses", "a@agency.example"), ("addresses", [1]), ("from", "soon"), ("form", []), ("until", 5)],
)
def test_what_is_not_a_row_is_refused(key: str, value: object) -> None:
    with pytest.raises(ValueError, match=r".+"):
        designation_from_dict(designation_as_dict(FIRST) | {key: value})


def test_a_row_without_a_key_or_with_years_as_text_is_refused() -> None:
    data = designation_as_dict(FIRST)
    with pytest.raises(ValueError, match="not a designation"):
        designation_from_dict({key: value for key, value in data.items() if key != "account"})
    assert isinstance(data["form"], dict)
    with pytest.raises(ValueError, match="not a designation"):
        designation_from_dict(data | {"form": data["form"] | {"transfer_years": "15"}})


def test_a_capstone_role_is_one_of_ten_categories_acting_or_not() -> None:
    assert {str(number) for number in range(1, 11)} == CAPSTONE_CATEGORIES
    assert a_designation("10", acting=True).is_capstone
    assert not a_designation("support").is_capstone
    assert not a_designation("none").is_capstone


def test_a_form_approved_tomorrow_is_not_approved_today() -> None:
    form = a_form(approved="2024-05-02")
    assert not form.is_approved(date(2024, 5, 1))
    assert form.is_approved(date(2024, 5, 2))
    assert not a_form(approved=None).is_approved(date(2024, 5, 2))
