"""Cutoffs, due dates, locks and tags."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from capstone.domain.officials import CutoffRule, Form
from capstone.domain.records import Classification, Lock, RecordClass
from capstone.domain.retention import (
    LockStep,
    age_alarm_of,
    age_alarm_on,
    block_end,
    cutoff_of,
    destruction_obstacle,
    eligible_on,
    lock_change,
    lock_for,
    tags_for,
    years_after,
)
from tests.builders import ZONE, a_classification, a_designation, a_form, at, the_administrations, the_schedule

STORED = at("2026-05-01T12:00:00")
OFFICIAL = a_designation(starts="2010-01-01", ends="2018-06-30")


def cutoff(rule: CutoffRule | None, day: str, ends: str | None = "2018-06-30") -> str | None:
    tenure_end = None if ends is None else date.fromisoformat(ends)
    found = cutoff_of(rule, date.fromisoformat(day), tenure_end, the_administrations())
    return None if found is None else found.isoformat()


@pytest.mark.parametrize(
    ("day", "years", "expected"),
    [
        ("2016-02-29", 3, "2019-03-01"),
        ("2016-02-29", 4, "2020-02-29"),
        ("2012-02-29", 3, "2015-03-01"),
        ("1896-02-29", 4, "1900-03-01"),
        ("1996-02-29", 4, "2000-02-29"),
        ("2015-02-28", 1, "2016-02-28"),
        ("2015-12-31", 15, "2030-12-31"),
    ],
)
def test_the_anniversary_of_a_leap_day_is_never_early(day: str, years: int, expected: str) -> None:
    assert years_after(date.fromisoformat(day), years) == date.fromisoformat(expected)


def test_past_the_end_of_the_calendar_no_day_is_known() -> None:
    assert years_after(date(9999, 1, 1), 1) is None
    assert cutoff(CutoffRule.FISCAL, "9999-10-01") is None
    assert cutoff(CutoffRule.CALENDAR, "9999-10-01") == "9999-12-31"


@pytest.mark.parametrize(
    ("day", "expected"), [("2015-01-01", "2015-12-31"), ("2015-12-31", "2015-12-31"), ("2016-02-29", "2016-12-31")]
)
def test_a_calendar_year_is_cut_off_on_its_last_day(day: str, expected: str) -> None:
    assert cutoff(CutoffRule.CALENDAR, day) == expected


@pytest.mark.parametrize(
    ("day", "expected"), [("2015-09-30", "2015-09-30"), ("2015-10-01", "2016-09-30"), ("2016-01-01", "2016-09-30")]
)
def test_a_fiscal_year_runs_from_october_to_september(day: str, expected: str) -> None:
    assert cutoff(CutoffRule.FISCAL, day) == expected


def test_a_tenure_is_cut_off_at_its_end_and_open_while_in_office() -> None:
    assert cutoff(CutoffRule.TENURE, "2015-03-04") == "2018-06-30"
    assert cutoff(CutoffRule.TENURE, "2015-03-04", ends=None) is None
    assert cutoff(CutoffRule.TENURE, "2018-07-01") == "2018-07-01"


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2017-01-19", "2017-01-20"),
        ("2017-01-20", "2021-01-20"),
        ("2012-03-04", "2017-01-20"),
        ("2025-01-20", None),
        ("1900-01-01", "1961-01-20"),
    ],
)
def test_an_administration_is_cut_off_at_the_next_change_in_the_table(day: str, expected: str | None) -> None:
    assert cutoff(CutoffRule.ADMINISTRATION, day) == expected


def test_without_a_rule_there_is_no_cutoff() -> None:
    assert cutoff(None, "2015-03-04") is None


def test_a_permanent_record_is_due_the_chosen_and_allowed_years_after_cutoff() -> None:
    item = the_schedule().items["010"]
    assert eligible_on(item, date(2018, 6, 30), a_form()) == date(2033, 6, 30)
    assert eligible_on(item, date(2016, 2, 29), a_form()) == date(2031, 3, 1)
    assert [eligible_on(item, date(2018, 6, 30), a_form(transfer_years=years)) for years in (None, 0, 10)] == [None, None, None]
    assert eligible_on(item, None, a_form()) is None


def test_a_temporary_record_is_due_its_years_after_the_message_whatever_the_form_says_of_transfer() -> None:
    items = the_schedule().items
    assert eligible_on(items["011"], date(2016, 2, 29), a_form()) == date(2023, 3, 1)
    assert eligible_on(items["012"], date(2015, 3, 4), a_form(transfer_years=None)) == date(2018, 3, 4)
    assert eligible_on(items["012"], date(9998, 3, 4), a_form()) is None


def test_the_age_alarm_comes_from_the_schedule() -> None:
    assert age_alarm_on(date(1996, 2, 29), the_schedule()) == date(2026, 3, 1)


def test_only_a_permanent_record_of_a_known_date_has_an_age_alarm_counted_in_agency_days() -> None:
    sent = at("2015-03-05T03:00:00")
    permanent = a_classification(RecordClass.PERMANENT, message_date=sent, date_source="header")
    assert age_alarm_of(permanent, the_schedule(), ZONE) == date(2045, 3, 4)
    assert age_alarm_of(a_classification(RecordClass.PERMANENT), the_schedule(), ZONE) is None
    assert age_alarm_of(a_classification(RecordClass.TEMPORARY, message_date=sent), the_schedule(), ZONE) is None
    first = datetime(1, 1, 1, tzinfo=UTC)
    assert age_alarm_of(replace(permanent, message_date=first), the_schedule(), ZONE) is None


@pytest.mark.parametrize(
    ("cutoff_day", "years", "start", "rule", "end"),
    [
        ("2018-06-30", None, None, CutoffRule.TENURE, "2018-06-30"),
        ("2018-06-30", 5, None, CutoffRule.TENURE, "2019-12-31"),
        ("2015-12-31", 5, None, CutoffRule.CALENDAR, "2019-12-31"),
        ("2014-12-31", 5, None, CutoffRule.CALENDAR, "2014-12-31"),
        ("2015-12-31", 5, 2013, CutoffRule.CALENDAR, "2017-12-31"),
        ("2012-12-31", 5, 2013, CutoffRule.CALENDAR, "2012-12-31"),
        ("2015-09-30", 5, 2011, CutoffRule.FISCAL, "2015-09-30"),
        ("2016-09-30", 5, 2011, CutoffRule.FISCAL, "2020-09-30"),
        ("2018-06-30", 1, None, CutoffRule.TENURE, "2018-12-31"),
        ("9999-12-31", 7, None, CutoffRule.CALENDAR, None),
    ],
)
def test_a_block_ends_with_its_last_year_and_fiscal_ones_with_the_fiscal_year(
    cutoff_day: str, years: int | None, start: int | None, rule: CutoffRule, end: str | None
) -> None:
    found = block_end(date.fromisoformat(cutoff_day), years, start, rule)
    assert found == (None if end is None else date.fromisoformat(end))


def test_past_the_end_of_the_calendar_a_block_gives_no_day_of_transfer() -> None:
    item = the_schedule().items["010"]
    assert eligible_on(item, date(9999, 12, 31), a_form(block_years=7), CutoffRule.CALENDAR) is None


def test_a_declassification_review_leaves_the_day_of_transfer_unknown() -> None:
    item = the_schedule().items["010"]
    assert eligible_on(item, date(2018, 6, 30), a_form(after_declassification_review=True)) is None


def test_a_series_is_nobodys_tenure() -> None:
    assert cutoff_of(CutoffRule.TENURE, date(2015, 3, 4), None, ()) is None
    assert cutoff_of(CutoffRule.OTHER, date(2015, 3, 4), date(2018, 6, 30), ()) is None


# --- what stands against destruction --------------------------------------------------------------------

DUE = a_classification(RecordClass.TEMPORARY, item="011", form="F-1", eligible=date(2026, 6, 1))
TODAY = date(2026, 6, 1)


def test_a_temporary_record_that_is_due_under_a_form_in_force_may_be_destroyed() -> None:
    assert destruction_obstacle(DUE, a_form(), TODAY) is None
    later = a_form(superseded=date(2026, 6, 2), expires=date(2026, 6, 2), withdrawn=date(2026, 6, 2))
    assert destruction_obstacle(DUE, later, TODAY) is None


@pytest.mark.parametrize(
    ("classification", "form", "obstacle"),
    [
        (replace(DUE, record_class=RecordClass.PERMANENT), a_form(), "it is permanent"),
        (replace(DUE, record_class=RecordClass.UNSCHEDULED), a_form(), "it is unscheduled"),
        (replace(DUE, flags=("never_destroyed",)), a_form(), "it belongs to a series that is never destroyed"),
        (DUE, None, "the register no longer holds the form NA-1005 that it stands on"),
        (DUE, a_form(superseded=TODAY), "its form NA-1005 F-1 was superseded on 2026-06-01"),
        (DUE, a_form(expires=date(2025, 1, 1)), "its form NA-1005 F-1 expired on 2025-01-01"),
        (DUE, a_form(withdrawn=date(2025, 1, 1)), "its form NA-1005 F-1 was withdrawn on 2025-01-01"),
        (DUE, a_form(approved=None, withdrawn=date(2025, 1, 1)), "its form NA-1005 F-1 is not approved"),
        (replace(DUE, eligible=None), a_form(), "the day on which it is due is not known"),
        (replace(DUE, eligible=date(2026, 6, 2)), a_form(), "it is not due before 2026-06-02"),
    ],
)
def test_what_stands_against_destruction_is_named(classification: Classification, form: Form | None, obstacle: str) -> None:
    assert destruction_obstacle(classification, form, TODAY) == obstacle


def test_a_record_under_another_schedule_does_not_hang_on_the_form() -> None:
    assert destruction_obstacle(replace(DUE, form=None), None, TODAY) is None


# --- locks ------------------------------------------------------------------------------------------


def temporary(eligible: date | None) -> Classification:
    return a_classification(RecordClass.TEMPORARY, item="011", eligible=eligible)


@pytest.mark.parametrize("record_class", [RecordClass.PERMANENT, RecordClass.UNSCHEDULED])
@pytest.mark.parametrize("eligible", [None, date(2001, 1, 1)])
@pytest.mark.parametrize("is_held", [True, False])
def test_permanent_and_unscheduled_records_are_held_without_end(
    record_class: RecordClass, eligible: date | None, is_held: bool
) -> None:
    assert lock_for(a_classification(record_class, eligible=eligible), STORED, ZONE, 30, is_held) == Lock(None, hold=True)


@pytest.mark.parametrize(
    ("eligible", "until"),
    [
        (date(2030, 1, 14), "2030-01-15T05:00:00"),
        (date(2030, 7, 14), "2030-07-15T04:00:00"),
        (date(2030, 3, 9), "2030-03-10T05:00:00"),
        (date(2030, 3, 10), "2030-03-11T04:00:00"),
    ],
)
def test_a_temporary_record_is_locked_to_the_start_of_the_day_after_in_agency_time(eligible: date, until: str) -> None:
    found = lock_for(temporary(eligible), STORED, ZONE, 30)
    assert found == Lock(at(until), hold=False)
    assert found.retain_until is not None
    assert found.retain_until.tzinfo is UTC


def test_a_day_that_begins_after_midnight_begins_when_its_clocks_say() -> None:
    """In Cuba the clocks go from midnight to one on the second Sunday of March."""
    found = lock_for(temporary(date(2024, 3, 9)), at("2020-01-01T00:00:00"), ZoneInfo("America/Havana"), 30)
    assert found.retain_until == at("2024-03-10T05:00:00")


def test_a_record_that_is_due_already_is_still_locked_for_the_least_time() -> None:
    found = lock_for(temporary(date(2001, 1, 1)), STORED, ZONE, 30)
    assert found == Lock(STORED + timedelta(days=30), hold=False)


def test_a_hold_comes_on_top_of_the_retention() -> None:
    found = lock_for(temporary(date(2030, 1, 14)), STORED, ZONE, 30, is_held=True)
    assert found == Lock(at("2030-01-15T05:00:00"), hold=True)


@pytest.mark.parametrize("eligible", [None, date.max, date.max - timedelta(days=1)])
def test_what_cannot_be_dated_is_held(eligible: date | None) -> None:
    stored = datetime.max.replace(tzinfo=UTC) if eligible else STORED
    assert lock_for(temporary(eligible), stored, ZONE, 30) == Lock(None, hold=True)


# --- tags -------------------------------------------------------------------------------------------


def test_tags_hold_iso_dates_and_leave_out_what_has_no_value() -> None:
    full = a_classification(RecordClass.PERMANENT, item="010", category="8", cutoff=date(2018, 6, 30), eligible=date(2033, 6, 30))
    assert tags_for(full, "director") == {
        "record-class": "permanent",
        "schedule-item": "010",
        "cutoff": "2018-06-30",
        "eligible": "2033-06-30",
        "account": "director",
        "na1005-category": "8",
    }
    assert tags_for(a_classification(), "director") == {"record-class": "unscheduled", "account": "director"}


# --- from one lock to another -----------------------------------------------------------------------

SOON, LATE = at("2030-01-01T00:00:00"), at("2033-01-01T00:00:00")


@pytest.mark.parametrize(
    ("old", "new", "is_shorter", "steps"),
    [
        (Lock(SOON), Lock(None, hold=True), False, ("hold_on", "tags")),
        (Lock(LATE, hold=True), Lock(SOON, hold=True), True, ("retention", "tags")),
        (Lock(SOON), Lock(), True, ("retention", "tags")),
        (Lock(SOON), Lock(SOON, hold=True), False, ("hold_on", "tags")),
        (Lock(SOON), Lock(LATE), False, ("retention", "tags")),
        (Lock(LATE), Lock(SOON), True, ("retention", "tags")),
        (Lock(None, hold=True), Lock(SOON), True, ("retention", "tags", "hold_off")),
        (Lock(None, hold=True), Lock(None, hold=True), False, ("tags",)),
    ],
)
def test_the_hold_flag_goes_on_first_and_off_last(old: Lock, new: Lock, is_shorter: bool, steps: tuple[str, ...]) -> None:
    change = lock_change(old, new)
    assert change.is_shorter is is_shorter
    assert change.steps == tuple(LockStep(step) for step in steps)
