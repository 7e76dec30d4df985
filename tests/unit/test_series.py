"""The table of series of other schedules: what is shipped, and that everything wrong in such a file is an error."""

from __future__ import annotations

import pytest

from capstone.domain.errors import BadSchedule
from capstone.domain.officials import CutoffRule
from capstone.domain.records import RecordClass
from capstone.domain.schedule import Trigger
from capstone.domain.series import read_series
from tests.builders import TODAY, the_series

HEAD = 'version = "series 1"\nsource = "invented"\n'
ONE = """
[[series]]
id = "inspections"
title = "Inspections"
disposition = "temporary"
authority = "DAA-1"
trigger = "message_date"
retain_years = 25
verified = false
"""
FLOOR = ONE.replace('"temporary"', '"never_destroyed"').replace('trigger = "message_date"\nretain_years = 25\n', "")
PERMANENT = ONE.replace('"temporary"', '"permanent"').replace("message_date", "cutoff").replace("retain_years = 25", "")


def test_management_inspection_reports_are_shipped_as_a_floor_and_not_as_permanent() -> None:
    found = the_series().series["opr-management-inspections"]
    assert found.item is None
    assert found.is_verified


def test_what_the_shipped_schedule_of_the_agency_makes_permanent_or_keeps_long_has_its_authority() -> None:
    series = the_series().series
    death, abuse = series["opr-death-reviews"].item, series["sexual-abuse-files"].item
    assert death is not None
    assert abuse is not None
    assert (death.disposition, death.transfer_years) == (RecordClass.PERMANENT, ())
    assert (abuse.disposition, abuse.retain_years) == (RecordClass.TEMPORARY, 25)
    assert death.authority_on(TODAY).number == abuse.authority_on(TODAY).number == "DAA-0567-2015-0013"


def test_a_series_is_read_with_all_that_it_says() -> None:
    found = read_series(HEAD + ONE).series["inspections"]
    assert (found.title, found.authority, found.is_verified) == ("Inspections", "DAA-1", False)
    assert found.item is not None
    assert (found.item.item, found.item.trigger, found.item.retain_years) == ("inspections", Trigger.MESSAGE_DATE, 25)
    assert found.item.verified == frozenset()
    yearly = read_series(HEAD + PERMANENT + 'cutoff = "fiscal"\ntransfer_years = 20\n').series["inspections"].item
    assert yearly is not None
    assert (yearly.cutoff, yearly.transfer_years, yearly.retain_years) == (CutoffRule.FISCAL, (20,), None)


def test_a_table_may_be_empty() -> None:
    assert read_series(HEAD).series == {}
    assert read_series(HEAD).version == "series 1"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("not toml", "series.toml"),
        ('version = "1"\n' + ONE, "source is missing"),
        (HEAD + ONE + ONE, "twice"),
        (HEAD + ONE.replace("inspections", "OPR 1"), "small letters"),
        (HEAD + ONE.replace('"inspections"', '"010"'), "small letters"),
        (HEAD + ONE.replace("temporary", "kept"), "disposition must be one of permanent, temporary, never_destroyed"),
        (HEAD + ONE.replace("retain_years = 25\n", ""), "retain_years is missing"),
        (HEAD + ONE.replace("verified = false\n", ""), "verified is missing"),
        (HEAD + ONE + 'cutoff = "fiscal"\n', 'needs trigger = "cutoff"'),
        (HEAD + PERMANENT.replace('"cutoff"', '"message_date"'), 'needs trigger = "cutoff"'),
        (HEAD + PERMANENT + 'cutoff = "tenure"\n', "cutoff must be one of calendar, fiscal, other"),
        (HEAD + PERMANENT + "retain_years = 5\n", "unknown key retain_years"),
        (HEAD + FLOOR + "retain_years = 5\n", "unknown key retain_years"),
    ],
)
def test_what_is_wrong_in_the_file_is_named(text: str, said: str) -> None:
    with pytest.raises(BadSchedule) as caught:
        read_series(text)
    assert said in caught.value.message
