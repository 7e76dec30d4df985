"""The schedule file: what is shipped, and that everything wrong in such a file is an error that says what to do."""

from __future__ import annotations

from datetime import date

import pytest

from capstone.domain.errors import BadSchedule
from capstone.domain.officials import CutoffRule
from capstone.domain.records import RecordClass
from capstone.domain.schedule import ItemStatus, Trigger, read_administrations, read_schedule
from tests.builders import TODAY, the_administrations, the_schedule

HEAD = """
id = "test"
title = "A schedule"
version = "1"
effective = 2023-01-11
source = "invented"
age_alarm_years = 30
"""
ITEM = """
[[items]]
item = "011"
title = "Others"
disposition = "temporary"
trigger = "message_date"
retain_years = 7
verified = ["retain_years"]
"""
AUTHORITY = """
[[items.authorities]]
number = "DAA-1"
from = 2015-09-01
until = 2023-01-10
verified = true
[[items.authorities]]
number = "DAA-2"
from = 2023-01-11
verified = false
"""
GOOD = HEAD + ITEM + AUTHORITY


def problem_of(text: str) -> str:
    with pytest.raises(BadSchedule) as caught:
        read_schedule(text, "test.toml")
    return caught.value.message


def test_item_010_is_permanent_and_its_dates_come_from_the_form() -> None:
    item = the_schedule().items["010"]
    assert item.disposition is RecordClass.PERMANENT
    assert item.trigger is Trigger.CUTOFF
    assert item.cutoff is None
    assert item.retain_years is None
    assert item.transfer_years == (15, 20, 25, 30)


@pytest.mark.parametrize(("number", "years"), [("011", 7), ("012", 3)])
def test_items_011_and_012_count_their_years_from_the_message(number: str, years: int) -> None:
    item = the_schedule().items[number]
    assert item.disposition is RecordClass.TEMPORARY
    assert item.trigger is Trigger.MESSAGE_DATE
    assert item.retain_years == years
    assert item.transfer_years == ()


def test_no_item_is_ever_unscheduled_and_there_are_three() -> None:
    assert set(the_schedule().items) == {"010", "011", "012"}


@pytest.mark.parametrize(
    ("day", "number"),
    [
        (date(2010, 1, 1), "DAA-GRS-2014-0001-0001"),
        (date(2023, 1, 10), "DAA-GRS-2014-0001-0001"),
        (date(2023, 1, 11), "DAA-GRS-2022-0006-0001"),
        (TODAY, "DAA-GRS-2022-0006-0001"),
    ],
)
def test_the_authority_is_the_one_in_force_on_the_day(day: date, number: str) -> None:
    assert the_schedule().items["010"].authority_on(day).number == number


def test_authority_numbers_from_memory_are_not_passed_off_as_verified() -> None:
    shipped = the_schedule()
    assert not any(one.is_verified for item in shipped.items.values() for one in item.authorities)
    assert not shipped.is_authority_verified("DAA-GRS-2022-0006-0001")
    assert "trigger" not in shipped.items["011"].verified
    assert read_schedule(GOOD, "test.toml").is_authority_verified("DAA-1")
    assert not shipped.is_authority_verified("DAA-0")


def test_a_bare_item_number_is_refused_and_told_to_be_quoted() -> None:
    message = problem_of(GOOD.replace('item = "011"', "item = 010"))
    assert 'item = "010"' in message
    assert "test.toml" in message


def test_other_broken_toml_is_refused_without_that_advice() -> None:
    assert "quotes" not in problem_of("id = ")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('item = "011"', "item = 11", "three digits in quotes"),
        ('item = "011"', 'item = "11"', "three digits in quotes"),
        ('title = "Others"', 'title = " "', "title must be text"),
        ('title = "Others"', "title = 5", "title must be text"),
        ('title = "Others"', "", "title is missing"),
        ('disposition = "temporary"', 'disposition = "unscheduled"', "one of permanent, temporary"),
        ('disposition = "temporary"', "disposition = 1", "one of permanent, temporary"),
        ('trigger = "message_date"', 'trigger = "creation"', "one of message_date, cutoff"),
        ("retain_years = 7", "", "retain_years is missing"),
        ("retain_years = 7", "retain_years = 0", "at least 1"),
        ("retain_years = 7", "retain_years = true", "at least 1"),
        ("retain_years = 7", 'retain_years = "7"', "at least 1"),
        ("retain_years = 7", "retain_years = 7\nretain_month = 1", "unknown key retain_month"),
        ("retain_years = 7", "retain_years = 7\ntransfer_years = [15]", "unknown key transfer_years"),
        ('verified = ["retain_years"]', 'verified = ["colour"]', "verified names what the item does not have: colour"),
        ('verified = ["retain_years"]', 'verified = "all"', "verified must be a list"),
        ("effective = 2023-01-11", 'effective = "2023-01-11"', "must be a date"),
        ("effective = 2023-01-11", "effective = 2023-01-11T00:00:00", "must be a date"),
        ("age_alarm_years = 30", "", "age_alarm_years is missing"),
        ('source = "invented"', 'source = "invented"\nowner = "me"', "unknown key owner"),
        ("verified = true", 'verified = "yes"', "verified must be true or false"),
        ("until = 2023-01-10", "until = 2014-01-10", "ends before it starts"),
        ("until = 2023-01-10", "until = 2023-01-11", "must follow one another"),
        ("until = 2023-01-10", "", "must follow one another"),
        (AUTHORITY, "", "an authority is missing"),
        (AUTHORITY, "authorities = [1]", "authorities must be tables"),
        ('trigger = "message_date"', 'trigger = "message_date"\ncutoff = "fiscal"', "has no cutoff"),
        ('trigger = "message_date"', 'trigger = "message_date"\nstatus = "lapsed"', "status must be one of"),
    ],
)
def test_whatever_is_wrong_in_an_item_is_an_error(old: str, new: str, told: str) -> None:
    assert old in GOOD
    assert told in problem_of(GOOD.replace(old, new, 1))


def test_an_item_cannot_stand_in_a_schedule_twice() -> None:
    assert "twice" in problem_of(GOOD + ITEM + AUTHORITY)


PERMANENT = GOOD.replace('disposition = "temporary"', 'disposition = "permanent"').replace(
    'verified = ["retain_years"]', "verified = []"
)


def test_a_permanent_item_needs_a_cutoff_and_lawful_periods() -> None:
    assert "transfer_years is missing" in problem_of(PERMANENT.replace("retain_years = 7", ""))
    assert "at least one period" in problem_of(PERMANENT.replace("retain_years = 7", "transfer_years = []"))
    assert 'needs trigger = "cutoff"' in problem_of(PERMANENT.replace("retain_years = 7", "transfer_years = [15]"))


def test_a_temporary_item_may_be_cut_off_by_year_and_may_be_withdrawn() -> None:
    text = GOOD.replace('trigger = "message_date"', 'trigger = "cutoff"\ncutoff = "calendar"\nstatus = "withdrawn"')
    item = read_schedule(text, "test.toml").items["011"]
    assert (item.trigger, item.cutoff, item.status) == (Trigger.CUTOFF, CutoffRule.CALENDAR, ItemStatus.WITHDRAWN)


def test_a_schedule_may_be_empty_and_then_schedules_nothing() -> None:
    assert read_schedule(HEAD, "test.toml").items == {}


def test_administrations_are_a_table_of_changes_re_elections_left_out() -> None:
    table = the_administrations()
    assert {date(1961, 1, 20), date(1974, 8, 9), date(2021, 1, 20), date(2025, 1, 20)} <= set(table)
    assert date(2013, 1, 20) not in table
    assert list(table) == sorted(table)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('source = "s"\nchanges = [2001-01-20, 2001-01-20]', "rising order"),
        ('source = "s"\nchanges = [2009-01-20, 2001-01-20]', "rising order"),
        ('source = "s"\nchanges = ["2001-01-20"]', "must be a date"),
        ('source = "s"', "changes is missing"),
        ("changes = []", "source is missing"),
        ('source = "s"\nchanges = []\nmore = 1', "unknown key more"),
        ("changes = [", "test.toml"),
    ],
)
def test_whatever_is_wrong_in_the_administrations_is_an_error(text: str, told: str) -> None:
    with pytest.raises(BadSchedule) as caught:
        read_administrations(text, "test.toml")
    assert told in caught.value.message
