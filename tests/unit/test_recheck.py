"""What a class follows from, told as JSON. The round trip itself is part of every test of the classifier (`builders.decided`)."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from capstone.domain.classification import classify
from capstone.domain.recheck import case_of, read_case, recheck
from capstone.domain.register_facts import AddressFact, RegisterFact, SeriesAssignment
from capstone.domain.schedule import ItemStatus
from tests.builders import a_designation, a_form, at, evidence, rules_for, the_schedule, the_series

ROW = a_designation("none", "2015-01-01", form=a_form(block_years=5, covers_from=date(2010, 1, 1)))
FACTS: list[RegisterFact] = [
    AddressFact("alias@agency.example", "director", date(2015, 1, 1)),
    SeriesAssignment("opr-death-reviews", "director", date(2015, 1, 1)),
]
SEEN: dict[str, Any] = {
    "trace_date": at("2015-03-04T15:00:01"),
    "received": (at("2015-03-04T15:00:02"),),
    "from_lines": (at("2015-03-04T15:00:03"),),
    "from_addresses": ("alias@agency.example",),
    "sender_addresses": ("somebody@else.example",),
    "is_sent": True,
    "folders": ("Inbox", "Inspections"),
}


def told() -> dict[str, Any]:
    rules = rules_for(ROW, facts=FACTS, series=the_series(), acting_days=60, tolerance=timedelta(hours=30))
    found: dict[str, Any] = json.loads(json.dumps(case_of(evidence(**SEEN), rules)))
    return found


def test_everything_that_was_told_is_read_again() -> None:
    found, rules = read_case(told())
    assert found == evidence(**SEEN)
    assert rules == replace(
        rules_for(ROW, facts=FACTS, series=the_series(), acting_days=60, tolerance=timedelta(hours=30)), roster=rules.roster
    )
    assert rules.roster.of_account("director") == (ROW,)
    assert rules.roster.assigned_series("director") == (FACTS[1],)
    assert case_of(found, rules) == told()


def test_a_changed_case_gives_another_class() -> None:
    case = told()
    before = recheck(case)
    case["evidence"]["folders"] = []
    assert recheck(case) != before


def test_the_zone_may_be_utc_and_a_date_may_be_missing() -> None:
    rules = rules_for(ROW, zone=UTC)
    found = evidence(None)
    assert recheck(case_of(found, rules)) == classify(found, rules)


def test_a_withdrawn_item_and_a_cutoff_of_the_item_survive() -> None:
    shipped = the_schedule()
    withdrawn = replace(shipped.items["011"], status=ItemStatus.WITHDRAWN)
    rules = rules_for(ROW, schedule=replace(shipped, items={**shipped.items, "011": withdrawn}))
    assert read_case(case_of(evidence(), rules))[1].schedule == rules.schedule


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("format", 2),
        ("evidence", []),
        ("evidence", {"account": "director"}),
        ("today", 5),
        ("today", "soon"),
        ("time_zone", "Mars/Olympus"),
        ("designations", [{}]),
        ("facts", [{"kind": "rumour"}]),
        ("schedule", {"items": [None]}),
        ("series", {}),
        ("tolerance_s", "long"),
    ],
)
def test_what_is_no_case_is_refused(key: str, value: object) -> None:
    with pytest.raises(ValueError, match=r".+"):
        recheck({**told(), key: value})


def test_what_is_told_names_the_version_of_the_rules_and_the_day() -> None:
    case = told()
    assert (case["format"], case["rules"], case["today"], case["time_zone"]) == (1, "2", "2026-06-01", "America/New_York")
    assert datetime.fromisoformat(case["evidence"]["header_date"]) == at("2015-03-04T15:00:00")
