"""Designations, their ids and JSON form, and what a form says."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import pytest

from capstone.domain.officials import (
    CAPSTONE_CATEGORIES,
    CutoffRule,
    designation_as_dict,
    designation_from_dict,
    identified,
)
from tests.builders import a_designation, a_form

FIRST = a_designation(starts="2010-01-01", ends="2014-12-31", official="Ada Brook")
SECOND = a_designation(starts="2015-01-01", official="Ben Carver", addresses=("director@agency.example", "ben@agency.example"))
OTHER = a_designation("none", account="clerk", starts="2012-06-01", ends="2013-06-01")


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
