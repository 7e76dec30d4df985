"""The classifier, rule by rule (domain.md 6.1)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from capstone.domain.addresses import address_mark
from capstone.domain.classification import FLAGS, REASONS, Rules, evidence_of, learned_of
from capstone.domain.officials import CutoffRule, Designation
from capstone.domain.records import RecordClass
from capstone.domain.schedule import ItemStatus, Schedule, Trigger
from capstone.domain.spans import MOST_REMEMBERED
from tests.builders import (
    a_designation,
    a_form,
    an_occurrence,
    at,
    decided,
    evidence,
    rules_for,
    some_facts,
    the_schedule,
)

PERMANENT, TEMPORARY, UNSCHEDULED = RecordClass.PERMANENT, RecordClass.TEMPORARY, RecordClass.UNSCHEDULED

DIRECTOR = a_designation("1", "2015-01-01", "2018-06-30")
BEFORE = a_designation("none", "2010-01-01", "2014-12-31", position="Adviser")


def outcome(rules: Rules, **changes: Any) -> tuple[RecordClass, str | None, str]:
    result = decided(evidence(**changes), rules)
    return result.record_class, result.item, result.reason


# --- the role in time --------------------------------------------------------------------------------


def test_mail_of_a_tenure_is_permanent_and_carries_the_whole_chain_of_reasons() -> None:
    result = decided(evidence("2015-03-04T15:00:00"), rules_for(DIRECTOR, BEFORE))
    assert (result.record_class, result.item, result.reason) == (PERMANENT, "010", "capstone_official")
    assert result.authority == "DAA-GRS-2022-0006-0001"
    assert result.designation_id == DIRECTOR.designation_id
    assert (result.form, result.category) == ("F-1", "1")
    assert (result.message_date, result.date_source) == (at("2015-03-04T15:00:00"), "header")
    assert (result.cutoff, result.eligible) == (date(2018, 6, 30), date(2033, 6, 30))
    assert result.rule_version == "rules 2, GRS 6.1 Transmittal 33 (2023-01)"
    assert result.flags == ()


def test_mail_from_before_the_designation_is_011_once_a_row_says_there_was_no_role() -> None:
    result = decided(evidence("2014-03-04T15:00:00"), rules_for(DIRECTOR, BEFORE))
    assert (result.record_class, result.item, result.reason) == (TEMPORARY, "011", "no_capstone_role")
    assert (result.cutoff, result.eligible) == (None, date(2021, 3, 4))
    assert outcome(rules_for(DIRECTOR), header="2014-03-04T15:00:00") == (UNSCHEDULED, None, "no_role_known")


def test_support_is_012() -> None:
    result = decided(evidence("2024-02-29T15:00:00"), rules_for(a_designation("support")))
    assert (result.record_class, result.item, result.reason) == (TEMPORARY, "012", "support_role")
    assert result.eligible == date(2027, 3, 1)


@pytest.mark.parametrize("category", [str(number) for number in range(1, 11)])
def test_every_category_of_the_form_is_permanent_from_the_first_day_of_acting(category: str) -> None:
    acting = a_designation(category, "2020-05-05", "2020-05-06", acting=True)
    assert outcome(rules_for(acting), header="2020-05-05T12:00:00") == (PERMANENT, "010", "capstone_official")


def test_a_vacancy_between_two_holders_is_unscheduled() -> None:
    successor = a_designation("1", "2018-08-01")
    assert outcome(rules_for(DIRECTOR, successor), header="2018-07-15T12:00:00") == (UNSCHEDULED, None, "no_role_known")


def test_an_account_that_is_not_registered_is_unscheduled_and_its_date_still_known() -> None:
    result = decided(evidence(account="stranger"), rules_for(DIRECTOR))
    assert (result.record_class, result.reason) == (UNSCHEDULED, "account_not_registered")
    assert (result.message_date, result.designation_id, result.authority) == (at("2015-03-04T15:00:00"), None, None)
    undated = decided(evidence(None, account="stranger"), rules_for(DIRECTOR))
    assert (undated.reason, undated.message_date) == ("account_not_registered", None)


def test_a_day_is_a_day_of_the_agency_not_of_utc() -> None:
    rules = rules_for(DIRECTOR)
    assert outcome(rules, header="2018-07-01T03:59:59") == (PERMANENT, "010", "capstone_official")
    assert outcome(rules, header="2018-07-01T04:00:00") == (UNSCHEDULED, None, "no_role_known")


# --- overlaps ---------------------------------------------------------------------------------------


def test_an_overlap_of_roles_is_kept_permanently() -> None:
    plain = a_designation("none", "2015-01-01", position="Adviser")
    support = a_designation("support", "2015-01-01", position="Clerk")
    result = decided(evidence(), rules_for(plain, DIRECTOR, support))
    assert (result.record_class, result.designation_id) == (PERMANENT, DIRECTOR.designation_id)
    assert result.flags == ("roles_overlap",)
    assert outcome(rules_for(plain, support)) == (TEMPORARY, "011", "no_capstone_role")


DEPUTY = a_designation("2", "2015-01-01", "2019-01-01", position="Deputy")


@pytest.mark.parametrize("later", [DEPUTY, replace(DEPUTY, ends=None)])
def test_of_several_capstone_roles_the_latest_cutoff_wins_and_an_open_one_is_the_latest(later: Designation) -> None:
    result = decided(evidence(), rules_for(later, DIRECTOR))
    assert (result.designation_id, result.cutoff) == (later.designation_id, later.ends)


def test_a_role_under_an_unapproved_form_never_shortens_and_is_flagged() -> None:
    pending = a_designation("2", "2015-01-01", position="Deputy", form=a_form("F-2", None))
    result = decided(evidence(), rules_for(pending, DIRECTOR))
    assert (result.record_class, result.designation_id) == (PERMANENT, DIRECTOR.designation_id)
    assert result.flags == ("form_not_approved", "roles_overlap")
    plain = a_designation("none", "2015-01-01", position="Adviser")
    kept = decided(evidence(), rules_for(pending, plain))
    assert (kept.record_class, kept.reason) == (UNSCHEDULED, "form_not_approved")
    assert kept.flags == ("roles_overlap",)


# --- forms and schedule -----------------------------------------------------------------------------


@pytest.mark.parametrize("category", ["1", "support", "none"])
@pytest.mark.parametrize("form", [a_form(approved=None), a_form(approved="2026-06-02"), a_form("", None)])
def test_without_a_form_approved_today_all_is_unscheduled(category: str, form: Any) -> None:
    row = a_designation(category, form=form)
    result = decided(evidence(), rules_for(row))
    assert (result.record_class, result.reason) == (UNSCHEDULED, "form_not_approved")
    assert (result.designation_id, result.item, result.authority) == (row.designation_id, None, None)
    assert (result.cutoff, result.eligible) == (None, None)


def test_a_missing_form_is_the_reason_before_a_missing_date_or_role() -> None:
    rules = rules_for(a_designation(ends="2011-01-01", form=a_form(approved=None)))
    assert outcome(rules, header=None) == (UNSCHEDULED, None, "form_not_approved")
    assert outcome(rules, header="2015-01-01T12:00:00") == (UNSCHEDULED, None, "form_not_approved")


def test_approval_is_judged_today_and_not_on_the_message_date() -> None:
    row = a_designation(form=a_form(approved="2026-06-01"))
    assert outcome(rules_for(row)) == (PERMANENT, "010", "capstone_official")


def test_mail_older_than_the_scope_of_the_form_is_unscheduled() -> None:
    row = a_designation(form=a_form(covers_from=date(2015, 3, 4)))
    assert outcome(rules_for(row), header="2015-03-03T15:00:00") == (UNSCHEDULED, None, "before_form_scope")
    assert outcome(rules_for(row), header="2015-03-04T15:00:00") == (PERMANENT, "010", "capstone_official")


@pytest.mark.parametrize(("category", "item"), [("1", "010"), ("none", "011"), ("support", "012")])
def test_an_item_that_the_form_does_not_use_leaves_its_mail_unscheduled(category: str, item: str) -> None:
    row = a_designation(category, form=a_form(items=frozenset({"010", "011", "012"}) - {item}))
    assert outcome(rules_for(row)) == (UNSCHEDULED, None, "item_not_used")


def _schedule_with(number: str, **changes: Any) -> Schedule:
    shipped = the_schedule()
    return replace(shipped, items={**shipped.items, number: replace(shipped.items[number], **changes)})


@pytest.mark.parametrize(
    ("status", "reason"), [(ItemStatus.WITHDRAWN, "item_withdrawn"), (ItemStatus.NOT_APPROVED, "item_not_in_force")]
)
def test_an_item_that_is_withdrawn_or_not_approved_is_not_used(status: ItemStatus, reason: str) -> None:
    rules = rules_for(a_designation("none"), schedule=_schedule_with("011", status=status))
    assert outcome(rules) == (UNSCHEDULED, None, reason)


def test_an_item_that_the_schedule_does_not_know_is_not_used() -> None:
    rules = rules_for(a_designation("none"), schedule=replace(the_schedule(), items={}))
    assert outcome(rules) == (UNSCHEDULED, None, "item_not_in_force")


def test_a_temporary_item_may_count_from_a_cutoff() -> None:
    schedule = _schedule_with("011", trigger=Trigger.CUTOFF, cutoff=CutoffRule.CALENDAR)
    result = decided(evidence(), rules_for(a_designation("none"), schedule=schedule))
    assert (result.cutoff, result.eligible) == (date(2015, 12, 31), date(2022, 12, 31))


def test_a_cutoff_that_is_not_known_leaves_the_dates_empty_and_is_said() -> None:
    result = decided(evidence(), rules_for(a_designation(form=a_form(cutoff=None))))
    assert (result.record_class, result.cutoff, result.eligible) == (PERMANENT, None, None)
    assert result.flags == ("cutoff_unknown",)


def test_the_cutoff_of_an_official_in_office_is_open() -> None:
    result = decided(evidence(), rules_for(a_designation()))
    assert (result.cutoff, result.eligible, result.flags) == (None, None, ("cutoff_open",))


@pytest.mark.parametrize("years", [None, 10])
def test_a_transfer_period_that_the_schedule_does_not_allow_gives_no_date(years: int | None) -> None:
    result = decided(evidence(), rules_for(a_designation(ends="2018-06-30", form=a_form(transfer_years=years))))
    assert (result.cutoff, result.eligible, result.flags) == (date(2018, 6, 30), None, ("transfer_unknown",))


# --- mail sent for an official ----------------------------------------------------------------------

ASSISTANT = a_designation("support", "2015-01-01", account="assistant", official="Cleo Dunn", position="Assistant")
SENT_FOR: dict[str, Any] = {"account": "assistant", "from_addresses": ("director@agency.example",)}


def test_what_an_assistant_sends_for_an_official_in_office_is_permanent() -> None:
    rules = rules_for(ASSISTANT, DIRECTOR)
    result = decided(evidence(**SENT_FOR, sender_addresses=("assistant@agency.example",)), rules)
    assert (result.record_class, result.item, result.reason) == (PERMANENT, "010", "sent_for_official")
    assert result.designation_id == DIRECTOR.designation_id
    assert outcome(rules, **SENT_FOR, is_sent=True) == (PERMANENT, "010", "sent_for_official")


def test_from_alone_in_received_mail_proves_nothing() -> None:
    rules = rules_for(ASSISTANT, DIRECTOR)
    assert outcome(rules, **SENT_FOR) == (TEMPORARY, "012", "support_role")
    assert outcome(rules, **SENT_FOR, sender_addresses=("somebody@else.example",)) == (TEMPORARY, "012", "support_role")


def test_an_official_who_has_left_or_is_no_capstone_official_makes_nothing_permanent() -> None:
    rules = rules_for(ASSISTANT, DIRECTOR)
    assert outcome(rules, header="2019-01-01T12:00:00", **SENT_FOR, is_sent=True) == (TEMPORARY, "012", "support_role")
    clerk = a_designation("none", "2015-01-01")
    assert outcome(rules_for(ASSISTANT, clerk), **SENT_FOR, is_sent=True) == (TEMPORARY, "012", "support_role")


def test_sent_for_an_official_comes_before_a_role_that_is_not_known() -> None:
    late = a_designation("support", "2017-01-01", account="assistant")
    assert outcome(rules_for(late, DIRECTOR), **SENT_FOR, is_sent=True) == (PERMANENT, "010", "sent_for_official")


def test_sent_for_an_official_whose_form_is_not_approved_is_kept_unscheduled() -> None:
    pending = a_designation("1", "2015-01-01", form=a_form("F-2", None))
    assert outcome(rules_for(ASSISTANT, pending), **SENT_FOR, is_sent=True) == (UNSCHEDULED, None, "form_not_approved")


def test_an_official_who_sends_in_the_own_name_is_judged_by_the_own_role() -> None:
    result = decided(evidence(from_addresses=("director@agency.example",), is_sent=True), rules_for(DIRECTOR))
    assert (result.reason, result.flags) == ("capstone_official", ())
    pending = a_designation("1", "2015-01-01", form=a_form("F-2", None))
    own = decided(evidence(from_addresses=("director@agency.example",), is_sent=True), rules_for(pending))
    assert (own.reason, own.flags) == ("form_not_approved", ())


# --- dates ------------------------------------------------------------------------------------------

DATED = rules_for(BEFORE, DIRECTOR)


@pytest.mark.parametrize(
    ("dates", "source"),
    [
        ({"received": (at("2015-03-04T16:00:00"),), "trace_date": at("2015-03-04T15:30:00")}, "header"),
        ({"header": None, "received": (at("2015-03-05T01:00:00"), at("2015-03-04T16:00:00"))}, "received"),
        ({"header": None, "trace_date": at("2015-03-04T16:00:00"), "from_lines": (at("2015-03-04T17:00:00"),)}, "trace"),
        ({"header": None, "from_lines": (at("2015-03-04T16:00:00"),)}, "from_line"),
    ],
)
def test_the_message_date_is_the_first_of_header_received_trace_from_line(dates: dict[str, Any], source: str) -> None:
    result = decided(evidence(**dates), DATED)
    assert result.date_source == source
    assert result.message_date in (at("2015-03-04T15:00:00"), at("2015-03-04T16:00:00"))
    assert result.record_class is PERMANENT


@pytest.mark.parametrize(
    "header", [None, "1970-01-01T00:00:00", "2099-01-01T00:00:00", "0001-01-01T00:00:00", "9999-12-31T23:59:59"]
)
def test_without_a_usable_date_the_message_is_unscheduled(header: str | None) -> None:
    result = decided(evidence(header), DATED)
    assert (result.record_class, result.reason) == (UNSCHEDULED, "no_usable_date")
    assert (result.message_date, result.date_source) == (None, None)
    assert result.flags == (() if header is None else ("header_date_not_usable",))


@pytest.mark.parametrize(
    "header",
    [datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))), datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-23)))],
)
def test_a_day_that_the_calendar_does_not_have_is_no_date(header: datetime) -> None:
    assert decided(evidence(None)._replace(header_date=header), DATED).reason == "no_usable_date"


def test_a_message_may_claim_to_come_from_tomorrow_but_not_from_the_day_after() -> None:
    rules = rules_for(a_designation("none"))
    assert outcome(rules, header="2026-06-02T23:00:00-04:00") == (TEMPORARY, "011", "no_capstone_role")
    assert outcome(rules, header="2026-06-03T00:00:00-04:00") == (UNSCHEDULED, None, "no_usable_date")
    last_day = rules_for(a_designation("none"), today=date.max)
    assert decided(evidence("9999-12-31T12:00:00"), last_day).eligible is None


@pytest.mark.parametrize(("header", "source"), [("2014-03-05T12:00:00", "header"), ("2014-03-05T12:00:01", "received")])
def test_a_header_date_more_than_a_day_after_receipt_is_not_believed(header: str, source: str) -> None:
    result = decided(evidence(header, received=(at("2014-03-06T00:00:00"), at("2014-03-04T12:00:00"))), DATED)
    assert result.date_source == source
    assert ("header_date_not_usable" in result.flags) is (source == "received")


@pytest.mark.parametrize("kind", ["received", "trace_date", "from_lines"])
def test_receipt_is_known_from_any_other_date(kind: str) -> None:
    seen = at("2014-03-04T12:00:00")
    result = decided(evidence("2014-05-01T12:00:00", **{kind: seen if kind == "trace_date" else (seen,)}), DATED)
    assert result.message_date == seen


def test_a_receipt_that_cannot_be_true_does_not_unmake_a_good_header_date() -> None:
    result = decided(evidence("2014-03-04T12:00:00", received=(at("1970-01-01T00:00:00"),)), DATED)
    assert (result.date_source, result.flags) == ("header", ())


def test_where_dates_lead_to_different_classes_the_longest_keeping_wins_flagged() -> None:
    result = decided(evidence("2014-12-30T12:00:00", received=(at("2015-01-02T12:00:00"),)), DATED)
    assert (result.record_class, result.date_source) == (PERMANENT, "received")
    assert result.flags == ("dates_apart", "dates_disagree")
    forged = decided(evidence("2009-06-01T12:00:00", received=(at("2014-06-01T12:00:00"),)), DATED)
    assert (forged.record_class, forged.reason) == (UNSCHEDULED, "no_role_known")


def test_of_two_temporary_items_the_later_due_date_wins() -> None:
    clerk = a_designation("support", "2015-01-01", position="Clerk")
    rules = rules_for(BEFORE, clerk)
    near = decided(evidence("2014-12-31T12:00:00", received=(at("2015-01-02T12:00:00"),)), rules)
    assert (near.item, near.eligible) == ("011", date(2021, 12, 31))
    far = decided(evidence("2014-12-31T12:00:00", received=(at("2020-01-02T12:00:00"),)), rules)
    assert (far.item, far.eligible) == ("012", date(2023, 1, 2))


def test_dates_apart_that_agree_on_the_class_count_by_the_longest_keeping() -> None:
    result = decided(evidence("2013-03-04T12:00:00", received=(at("2013-05-04T12:00:00"),)), DATED)
    assert (result.date_source, result.eligible, result.flags) == ("received", date(2020, 5, 4), ("dates_apart",))


# --- evidence ---------------------------------------------------------------------------------------


def test_evidence_is_the_same_for_any_order_and_repetition_of_occurrences() -> None:
    new_york = timezone(timedelta(hours=-5))
    seen = [
        an_occurrence("INBOX", "1", received_at=at("2015-03-04T16:00:00")),
        an_occurrence("Sent", "2", is_sent=True, from_line_at=at("2015-03-04T15:00:00")),
        an_occurrence("Archive", "3", received_at=datetime(2015, 3, 4, 11, tzinfo=new_york)),
        an_occurrence("Archive", "4", received_at=datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1)))),
    ]
    facts = some_facts(from_addresses=("b@agency.example", "a@agency.example", "b@agency.example"))
    found = evidence_of("director", facts, seen)
    assert found == evidence_of("director", facts, [*reversed(seen), seen[0]])
    assert found.received == (at("2015-03-04T16:00:00"),)
    assert found.received[0].tzinfo is UTC
    assert found.from_lines == (at("2015-03-04T15:00:00"),)
    assert found.from_marks == tuple(sorted(map(address_mark, ("a@agency.example", "b@agency.example"))))
    assert found.folders == ("Archive", "INBOX", "Sent")
    assert found == evidence_of("director", learned_of(facts), seen)
    assert found.is_sent
    assert not evidence_of("director", facts, seen[:1]).is_sent


def test_every_reason_and_flag_has_a_sentence() -> None:
    assert all(text and not text.endswith(".") for text in (*REASONS.values(), *FLAGS.values()))


OF_ANOTHER: dict[str, Any] = {"from_addresses": ("aide@agency.example",)}


def test_what_is_remembered_is_bounded_and_changes_no_answer() -> None:
    rules = rules_for(DIRECTOR, BEFORE, a_designation("support", account="aide"))
    first = decided(evidence("2015-03-04T15:00:00"), rules)
    rules.memory.update({number: None for number in range(MOST_REMEMBERED)})
    assert decided(evidence("2015-03-05T15:00:00", is_sent=True, **OF_ANOTHER), rules).item == "010"
    assert len(rules.memory) == 1
    assert decided(evidence("2015-03-04T15:00:00"), rules) == first


def test_of_two_dates_years_apart_the_one_that_keeps_longest_counts_also_within_one_class() -> None:
    rules = rules_for(a_designation("none", "2005-01-01"))
    result = decided(evidence("2012-03-04T15:00:00", received=(at("2019-05-06T15:00:00"),)), rules)
    assert (result.item, result.eligible, result.date_source) == ("011", date(2026, 5, 6), "received")
    assert result.flags == ("dates_apart",)
    near = decided(evidence("2019-05-06T14:00:00", received=(at("2019-05-06T15:00:00"),)), rules)
    assert (near.date_source, near.flags) == ("header", ())
