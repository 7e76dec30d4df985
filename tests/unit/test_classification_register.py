"""The classifier over the whole register: acting officials, rights to send, addresses in time, forms in their states, series."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from capstone.domain.classification import Rules, class_changes
from capstone.domain.officials import CutoffRule, Designation
from capstone.domain.records import Classification, RecordClass
from capstone.domain.register_facts import (
    AccountFact,
    AccountKind,
    AddressFact,
    RegisteredForm,
    SendingRight,
    SeriesAssignment,
)
from capstone.domain.schedule import Authority, ScheduleItem, Trigger
from capstone.domain.series import Series, SeriesTable
from tests.builders import a_designation, a_form, at, decided, evidence, rules_for

PERMANENT, TEMPORARY, UNSCHEDULED = RecordClass.PERMANENT, RecordClass.TEMPORARY, RecordClass.UNSCHEDULED
DIRECTOR = a_designation("1", "2015-01-01", "2018-06-30")
ASSISTANT = a_designation("support", "2015-01-01", account="assistant", official="Cleo Dunn", position="Assistant")


def outcome(rules: Rules, **changes: Any) -> tuple[RecordClass, str | None, str]:
    result = decided(evidence(**changes), rules)
    return result.record_class, result.item, result.reason


# --- acting ------------------------------------------------------------------------------------------


def acting(ends: str | None, **changes: Any) -> Designation:
    return a_designation("1", "2015-03-01", ends, acting=True, **changes)


@pytest.mark.parametrize(
    ("ends", "days", "reason"),
    [
        ("2015-03-04", 0, "capstone_official"),
        ("2015-04-29", 60, "acting_not_counted"),
        ("2015-04-30", 60, "capstone_official"),
        (None, 60, "capstone_official"),
    ],
)
def test_acting_counts_from_day_one_or_as_a_whole_once_the_days_of_the_setting_are_passed(
    ends: str | None, days: int, reason: str
) -> None:
    rules = rules_for(acting(ends), acting_days=days)
    expected = (PERMANENT, "010", reason) if reason == "capstone_official" else (UNSCHEDULED, None, reason)
    for day in ("2015-03-01T12:00:00", "2015-03-04T12:00:00"):
        assert outcome(rules, header=day) == expected


def test_an_acting_stint_that_still_runs_counts_from_the_day_on_which_it_is_long_enough() -> None:
    rows = [a_designation("1", "2026-04-01", acting=True)]
    asked = {"header": "2026-04-02T12:00:00"}
    assert outcome(rules_for(*rows, acting_days=60, today=date(2026, 5, 30)), **asked)[2] == "acting_not_counted"
    assert outcome(rules_for(*rows, acting_days=60, today=date(2026, 5, 31)), **asked)[2] == "capstone_official"


def test_while_acting_does_not_count_another_role_of_the_account_decides_and_it_is_flagged() -> None:
    plain = a_designation("none", "2015-01-01", position="Adviser")
    result = decided(evidence(), rules_for(acting("2015-03-20"), plain, acting_days=60))
    assert (result.record_class, result.item, result.designation_id) == (TEMPORARY, "011", plain.designation_id)
    assert result.flags == ("acting_not_counted",)
    official = a_designation("2", "2015-01-01", position="Deputy")
    assert outcome(rules_for(acting("2015-03-20"), official, acting_days=60)) == (PERMANENT, "010", "capstone_official")


def test_a_form_that_is_missing_is_the_reason_before_acting_that_does_not_count() -> None:
    pending = acting("2015-03-20", form=a_form(approved=None))
    assert outcome(rules_for(pending, acting_days=60)) == (UNSCHEDULED, None, "form_not_approved")


def test_the_setting_is_about_acting_in_capstone_roles_only() -> None:
    clerk = a_designation("support", "2015-03-01", "2015-03-05", acting=True)
    assert outcome(rules_for(clerk, acting_days=60)) == (TEMPORARY, "012", "support_role")


def test_who_acts_too_shortly_makes_nobody_elses_mail_permanent() -> None:
    mail: dict[str, Any] = {"account": "assistant", "from_addresses": ("director@agency.example",), "is_sent": True}
    rows = [acting("2015-03-20"), ASSISTANT]
    assert outcome(rules_for(*rows, acting_days=60), **mail) == (TEMPORARY, "012", "support_role")
    assert outcome(rules_for(*rows), **mail) == (PERMANENT, "010", "sent_for_official")


# --- tenure of several rows ------------------------------------------------------------------------------


def test_who_acts_and_then_holds_the_position_has_one_tenure_and_one_cutoff() -> None:
    permanent = a_designation("1", "2015-04-01", "2018-06-30")
    found = decided(evidence(header="2015-03-10T12:00:00"), rules_for(acting("2015-03-31"), permanent))
    assert found.cutoff == date(2018, 6, 30)
    in_office = a_designation("1", "2015-04-01")
    found = decided(evidence(header="2015-03-10T12:00:00"), rules_for(acting("2015-03-31"), in_office))
    assert (found.cutoff, found.flags) == (None, ("cutoff_open",))
    after_a_gap = a_designation("1", "2015-04-02", "2018-06-30")
    found = decided(evidence(header="2015-03-10T12:00:00"), rules_for(acting("2015-03-31"), after_a_gap))
    assert found.cutoff == date(2015, 3, 31)


# --- on behalf of others -------------------------------------------------------------------------------

FROM_DIRECTOR: dict[str, Any] = {"account": "assistant", "from_addresses": ("director@agency.example",)}
RIGHT = SendingRight("assistant", "director", date(2015, 1, 1), date(2016, 12, 31))


def test_a_right_to_send_does_not_prove_that_received_mail_from_the_official_was_sent_by_the_account() -> None:
    rules = rules_for(DIRECTOR, ASSISTANT, facts=[RIGHT])
    assert outcome(rules, **FROM_DIRECTOR) == (TEMPORARY, "012", "support_role")
    assert outcome(rules, **FROM_DIRECTOR, sender_addresses=("director@agency.example",)) == (TEMPORARY, "012", "support_role")


def test_a_right_to_send_is_not_needed_where_sender_or_the_sent_folder_proves_it() -> None:
    deputy = a_designation("3", "2015-01-01", account="deputy", official="Dee Poe", position="Deputy")
    rules = rules_for(DIRECTOR, ASSISTANT, deputy, facts=[RIGHT])
    mail = {**FROM_DIRECTOR, "from_addresses": ("deputy@agency.example",)}
    assert outcome(rules, **mail) == (TEMPORARY, "012", "support_role")
    assert outcome(rules, **mail, is_sent=True) == (PERMANENT, "010", "sent_for_official")
    assert outcome(rules, **mail, sender_addresses=("assistant@agency.example",)) == (PERMANENT, "010", "sent_for_official")


def test_an_alias_counts_for_its_account_on_its_days() -> None:
    alias = AddressFact("press@agency.example", "director", date(2016, 1, 1), date(2016, 12, 31))
    rules = rules_for(DIRECTOR, ASSISTANT, facts=[alias])
    mail: dict[str, Any] = {"account": "assistant", "from_addresses": ("press@agency.example",), "is_sent": True}
    assert outcome(rules, header="2016-06-01T12:00:00", **mail) == (PERMANENT, "010", "sent_for_official")
    assert outcome(rules, header="2017-01-01T12:00:00", **mail) == (TEMPORARY, "012", "support_role")


def test_a_sender_address_that_is_an_alias_of_the_account_proves_that_the_account_sent_it() -> None:
    alias = AddressFact("desk@agency.example", "assistant", date(2015, 1, 1))
    mail = {**FROM_DIRECTOR, "sender_addresses": ("desk@agency.example",)}
    assert outcome(rules_for(DIRECTOR, ASSISTANT, facts=[alias]), **mail)[2] == "sent_for_official"
    assert outcome(rules_for(DIRECTOR, ASSISTANT), **mail)[2] == "support_role"


def test_an_official_known_by_two_addresses_of_one_message_is_one_role() -> None:
    alias = AddressFact("press@agency.example", "director", date(2015, 1, 1))
    both = {**FROM_DIRECTOR, "from_addresses": ("director@agency.example", "press@agency.example")}
    late = a_designation("support", "2018-01-01", account="assistant")
    result = decided(evidence(**both, is_sent=True), rules_for(DIRECTOR, late, facts=[alias]))
    assert (result.reason, result.flags) == ("sent_for_official", ())


# --- accounts ------------------------------------------------------------------------------------------


def test_an_account_that_only_a_fact_names_is_registered_without_a_role() -> None:
    team = AccountFact("team", AccountKind.SHARED)
    assert outcome(rules_for(DIRECTOR, facts=[team]), account="team") == (UNSCHEDULED, None, "no_role_known")
    assert outcome(rules_for(DIRECTOR, facts=[team]), account="team", header=None) == (UNSCHEDULED, None, "no_usable_date")


def test_of_the_holders_of_a_shared_account_the_one_who_keeps_longest_decides() -> None:
    clerk = a_designation("support", "2015-01-01", account="team", official="Cleo Dunn", position="Clerk")
    adviser = a_designation("none", "2015-01-01", account="team", official="Avi Moss", position="Adviser")
    chief = a_designation("5", "2015-06-01", account="team", official="Dee Poe", position="Chief")
    rules = rules_for(clerk, adviser, chief)
    assert outcome(rules, account="team") == (TEMPORARY, "011", "no_capstone_role")
    assert outcome(rules, account="team", header="2015-06-01T12:00:00") == (PERMANENT, "010", "capstone_official")


def test_successive_officials_of_one_account_each_have_their_own_cutoff() -> None:
    successor = a_designation("1", "2018-07-01", "2022-12-31", official="Ben Carver")
    rules = rules_for(DIRECTOR, successor)
    cutoffs = [decided(evidence(f"{day}T12:00:00"), rules).cutoff for day in ("2018-06-30", "2018-07-01")]
    assert cutoffs == [date(2018, 6, 30), date(2022, 12, 31)]


# --- forms -----------------------------------------------------------------------------------------------


def test_a_form_that_the_register_holds_decides_instead_of_the_one_of_the_row() -> None:
    held = RegisteredForm(a_form(cutoff=CutoffRule.CALENDAR, transfer_years=25))
    result = decided(evidence(), rules_for(DIRECTOR, facts=[held]))
    assert (result.cutoff, result.eligible) == (date(2015, 12, 31), date(2040, 12, 31))
    assert result.designation_id == DIRECTOR.designation_id


@pytest.mark.parametrize(
    ("withdrawn", "expected"),
    [("2026-06-01", (UNSCHEDULED, None, "form_withdrawn")), ("2026-06-02", (PERMANENT, "010", "capstone_official"))],
)
def test_from_the_day_of_its_withdrawal_a_form_decides_nothing(withdrawn: str, expected: object) -> None:
    row = a_designation(form=a_form(withdrawn=date.fromisoformat(withdrawn)))
    assert outcome(rules_for(row)) == expected


def test_a_withdrawn_form_is_the_reason_also_where_no_role_or_date_is_known() -> None:
    rules = rules_for(a_designation(ends="2011-01-01", form=a_form(withdrawn=date(2025, 1, 1))))
    assert outcome(rules) == (UNSCHEDULED, None, "form_withdrawn")
    assert outcome(rules, header=None) == (UNSCHEDULED, None, "form_withdrawn")


def test_a_form_that_was_denied_was_never_approved() -> None:
    rules = rules_for(a_designation(form=a_form(approved=None, withdrawn=date(2025, 1, 1))))
    assert outcome(rules) == (UNSCHEDULED, None, "form_not_approved")


def test_a_role_under_a_withdrawn_form_is_flagged_beside_one_that_counts() -> None:
    other = a_designation("2", "2015-01-01", position="Deputy", form=a_form("F-2", withdrawn=date(2025, 1, 1)))
    result = decided(evidence(), rules_for(DIRECTOR, other))
    assert (result.record_class, result.flags) == (PERMANENT, ("form_withdrawn", "roles_overlap"))


@pytest.mark.parametrize("event", ["superseded", "expires"])
def test_a_superseded_or_expired_form_goes_on_deciding_classes(event: str) -> None:
    ended: dict[str, Any] = {event: date(2020, 1, 1)}
    assert outcome(rules_for(a_designation(form=a_form(**ended)))) == (PERMANENT, "010", "capstone_official")


def test_a_cutoff_by_an_event_that_the_form_names_must_be_told_by_a_person() -> None:
    result = decided(evidence(), rules_for(a_designation(form=a_form(cutoff=CutoffRule.OTHER))))
    assert (result.cutoff, result.eligible, result.flags) == (None, None, ("cutoff_other",))


@pytest.mark.parametrize(
    ("form", "eligible"),
    [
        (a_form(cutoff=CutoffRule.CALENDAR, block_years=5), date(2034, 12, 31)),
        (a_form(cutoff=CutoffRule.CALENDAR, block_years=5, block_start=2011), date(2030, 12, 31)),
        (a_form(cutoff=CutoffRule.FISCAL, block_years=5, block_start=2011), date(2030, 9, 30)),
        (a_form(cutoff=CutoffRule.TENURE, block_years=5), date(2034, 12, 31)),
    ],
)
def test_transfer_in_blocks_counts_from_the_end_of_the_block(form: Any, eligible: date) -> None:
    row = a_designation("1", "2015-01-01", "2018-06-30", form=form)
    assert decided(evidence(), rules_for(row)).eligible == eligible


def test_a_declassification_review_that_is_due_leaves_the_day_of_transfer_open() -> None:
    row = a_designation(ends="2018-06-30", form=a_form(after_declassification_review=True))
    result = decided(evidence(), rules_for(row))
    assert (result.cutoff, result.eligible) == (date(2018, 6, 30), None)
    assert result.flags == ("awaits_declassification_review",)
    plain = a_designation("none", form=a_form(after_declassification_review=True))
    assert decided(evidence(), rules_for(plain)).eligible == date(2022, 3, 4)


# --- series of other schedules -----------------------------------------------------------------------------


def item(disposition: RecordClass, trigger: Trigger, **changes: Any) -> ScheduleItem:
    return ScheduleItem("s", "A series", disposition, trigger, (Authority("DAA-S", date.min, None, True),), **changes)


BY_YEAR: dict[str, Any] = {"cutoff": CutoffRule.CALENDAR, "transfer_years": (20,)}
SERIES = SeriesTable(
    "series 1",
    {
        "long": Series("long", "L", "DAA-L", True, item(TEMPORARY, Trigger.MESSAGE_DATE, retain_years=25)),
        "short": Series("short", "S", "DAA-S", True, item(TEMPORARY, Trigger.MESSAGE_DATE, retain_years=1)),
        "yearly": Series("yearly", "Y", "Y-1", True, item(TEMPORARY, Trigger.CUTOFF, retain_years=10, cutoff=CutoffRule.FISCAL)),
        "history": Series("history", "H", "DAA-H", True, item(PERMANENT, Trigger.CUTOFF, **BY_YEAR)),
        "undecided": Series("undecided", "U", "DAA-U", True, item(PERMANENT, Trigger.CUTOFF)),
        "floor": Series("floor", "F", "Policy", True, None),
    },
)
CLERK = a_designation("none", "2015-01-01", "2018-06-30")


def in_series(*names: str, row: Designation = CLERK, folder: str = "", found: str = "Inbox", **changes: Any) -> Classification:
    facts = [SeriesAssignment(name, "director", date(2015, 1, 1), date(2017, 12, 31), folder) for name in names]
    rules = rules_for(row, facts=facts, series=SERIES)
    return decided(evidence(folders=(found,), **changes), rules)


def test_a_series_that_is_kept_longer_takes_the_place_of_the_item() -> None:
    result = in_series("long")
    assert (result.record_class, result.item, result.reason) == (TEMPORARY, "long", "longer_series")
    assert (result.authority, result.eligible, result.cutoff) == ("DAA-L", date(2040, 3, 4), None)
    assert (result.designation_id, result.form, result.category) == (None, None, None)
    assert result.rule_version == "rules 2, GRS 6.1 Transmittal 33 (2023-01), series 1"


def test_a_series_that_is_kept_shorter_changes_nothing() -> None:
    result = in_series("short")
    assert (result.item, result.reason, result.eligible) == ("011", "no_capstone_role", date(2022, 3, 4))


def test_of_several_series_the_longest_wins_and_permanent_over_temporary() -> None:
    assert in_series("short", "long", "yearly").item == "long"
    result = in_series("long", "history")
    assert (result.record_class, result.item) == (PERMANENT, "history")
    assert (result.cutoff, result.eligible, result.flags) == (date(2015, 12, 31), date(2035, 12, 31), ())


def test_a_series_may_count_from_its_own_cutoff() -> None:
    result = in_series("yearly")
    assert (result.item, result.cutoff, result.eligible) == ("yearly", date(2015, 9, 30), date(2025, 9, 30))


def test_a_series_without_cutoff_or_period_has_no_date_and_says_so() -> None:
    result = in_series("undecided")
    assert (result.record_class, result.cutoff, result.eligible) == (PERMANENT, None, None)
    assert result.flags == ("cutoff_unknown", "transfer_unknown")


def test_a_series_never_takes_the_place_of_what_is_kept_longer() -> None:
    assert in_series("long", row=DIRECTOR).reason == "capstone_official"
    assert (
        in_series("long", header="2015-03-04T12:00:00", row=a_designation(form=a_form(approved=None))).reason
        == "form_not_approved"
    )
    assert in_series("history", row=a_designation(form=a_form(approved=None))).reason == "longer_series"


@pytest.mark.parametrize("day", ["2014-12-31T12:00:00", "2018-01-01T12:00:00"])
def test_an_assignment_holds_on_its_days_only(day: str) -> None:
    assert in_series("history", header=day).reason != "longer_series"


@pytest.mark.parametrize(
    ("folder", "found", "is_in"),
    [
        ("", "Inbox", True),
        ("Inspections", "Inspections", True),
        ("Inspections", "inspections/2015/May", True),
        ("Inspections/", "Inspections/2015", True),
        ("Inspections", "Inspections-old", False),
        ("Inspections", "Inbox/Inspections", False),
    ],
)
def test_an_assignment_holds_for_its_folder_and_all_below_it(folder: str, found: str, is_in: bool) -> None:
    assert (in_series("long", folder=folder, found=found).reason == "longer_series") is is_in


def test_a_series_that_nobody_knows_keeps_its_mail_unscheduled_but_lowers_no_permanent_one() -> None:
    assert (in_series("gone").record_class, in_series("gone").reason) == (UNSCHEDULED, "series_unknown")
    assert in_series("gone", row=DIRECTOR).reason == "capstone_official"


@pytest.mark.parametrize(("row", "item_number"), [(CLERK, "011"), (DIRECTOR, "010")])
def test_under_a_floor_a_record_keeps_its_item_and_is_never_due(row: Designation, item_number: str) -> None:
    result = in_series("floor", row=row)
    assert (result.item, result.designation_id, result.eligible) == (item_number, row.designation_id, None)
    assert result.flags == ("never_destroyed",)
    assert in_series("floor", "long").item == "long"


def test_a_floor_holds_where_only_one_of_the_dates_lies_under_it_and_where_there_is_none() -> None:
    dated = in_series("floor", header="2018-01-02T12:00:00", received=(at("2017-12-30T12:00:00"),))
    assert "never_destroyed" in dated.flags
    apart = in_series("floor", header="2016-06-01T12:00:00", received=(at("2018-02-01T12:00:00"),))
    assert (apart.eligible, apart.date_source) == (None, "header")
    undated = in_series("floor", header=None)
    assert (undated.record_class, undated.reason, undated.flags) == (UNSCHEDULED, "no_usable_date", ("never_destroyed",))
    assert in_series("long", header=None).flags == ()


def test_an_unscheduled_record_under_a_floor_stays_unscheduled_and_is_flagged() -> None:
    result = in_series("floor", row=a_designation(form=a_form(approved=None)))
    assert (result.record_class, result.flags) == (UNSCHEDULED, ("never_destroyed",))


# --- comparing ---------------------------------------------------------------------------------------------


def test_only_what_differs_from_the_present_class_is_a_change() -> None:
    rules = rules_for(DIRECTOR)
    present = decided(evidence(), rules)
    assert class_changes(evidence(), present, rules) is None
    assert class_changes(evidence(), replace(present, rule_version="rules 1"), rules) is None
    assert class_changes(evidence(), replace(present, eligible=None), rules) == present
    assert class_changes(evidence("2014-03-04T15:00:00"), present, rules) == decided(evidence("2014-03-04T15:00:00"), rules)
