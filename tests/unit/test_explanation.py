"""The chain of reasons in plain sentences."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest

from capstone.domain.classification import FLAGS, REASONS, Rules, classify
from capstone.domain.explanation import Entered, Grounds, sentences
from capstone.domain.officials import CutoffRule
from capstone.domain.records import Classification, Lock, RecordClass
from capstone.domain.register_facts import SeriesAssignment
from capstone.domain.schedule import Trigger
from tests.builders import (
    TODAY,
    ZONE,
    a_classification,
    a_designation,
    a_form,
    a_record,
    at,
    evidence,
    rules_for,
    the_schedule,
    the_series,
)

DIRECTOR = a_designation("1", "2015-01-01", "2018-06-30")


def told(rules: Rules, **changes: Any) -> list[str]:
    decided = classify(evidence(**changes), rules)
    row = rules.roster.designation(decided.designation_id or "")
    return told_of(decided, designation=row, schedule=rules.schedule, series=rules.series)


def told_of(decided: Classification, account: str = "director", **changes: Any) -> list[str]:
    values: dict[str, Any] = {"schedule": the_schedule(), "zone": ZONE, "today": TODAY} | changes
    return sentences(Grounds(a_record(decided, account=account), **values))


def test_a_permanent_record_tells_its_whole_chain_of_reasons() -> None:
    assert told(rules_for(DIRECTOR)) == [
        "The message's date is 2015-03-04 10:00-05:00, taken from its Date header.",
        "It was captured from account director.",
        "Ada Brook held this account as Director, Office of the Director, from 2015-01-01 to 2018-06-30"
        f" (register row {DIRECTOR.designation_id}).",
        "The register does not say how the designation was decided.",
        "The role stands in the register as Capstone official, NA-1005 category 1.",
        "Its form NA-1005 is F-1 for record group 0999, approved 2019-04-01.",
        "The account's holder was a Capstone official on the message's date.",
        "It is permanent: it is kept until the National Archives takes it over.",
        "It falls under item 010 (Capstone officials) of GRS 6.1 Transmittal 33 (2023-01).",
        "The disposition authority is DAA-GRS-2022-0006-0001; this number was not verified against the published schedule.",
        "It is cut off on 2018-06-30, at the end of the official's tenure.",
        "Transfer may be proposed from 2033-06-30 on, unless a hold is open.",
        "Whatever its cutoff, it is overdue for transfer from 2045-03-04 on, when it is 30 years old (36 CFR 1235.12).",
        "The store must keep it under its hold flag, without an end.",
        "No legal hold is open on it: this release knows none.",
        "Decided by rules 2, GRS 6.1 Transmittal 33 (2023-01).",
    ]


def test_a_temporary_record_tells_its_period_and_how_long_it_is_locked() -> None:
    found = told(rules_for(a_designation("support", office="", acting=True, form=a_form(record_group=None))))
    assert "The role stands in the register as support position." in found
    assert "Its form NA-1005 is F-1, approved 2019-04-01." in found
    assert any("held this account as acting Director, from 2010-01-01 on, still in office" in text for text in found)
    assert "The item keeps it 3 years from the message's date." in found
    assert "Destruction may be proposed from 2018-03-04 on, unless a hold is open." in found
    assert "The store must keep it locked at least to the end of 2018-03-04." in found
    assert not any("cut off" in text for text in found)


def test_an_unscheduled_record_tells_that_it_is_kept_as_if_permanent() -> None:
    found = told(rules_for(a_designation("none", form=a_form("", None))))
    assert "The role stands in the register as no Capstone role." in found
    assert "The register names no form NA-1005 for it." in found
    assert "It is unscheduled: it is kept as if permanent, and neither destroyed nor transferred." in found
    assert not any("item" in text or "proposed" in text for text in found)
    pending = told(rules_for(a_designation(form=a_form(approved=None))))
    assert "Its form NA-1005 is F-1 for record group 0999, not approved." in pending


def test_a_record_without_role_or_date_says_so() -> None:
    found = told(rules_for(DIRECTOR), header="2099-01-01T00:00:00")
    assert found[0] == "No date of this message can be believed."
    assert found[1] == "It was captured from account director; no row of the register decided about it."
    assert "Note: its Date header cannot be believed." in found


@pytest.mark.parametrize(
    ("changes", "source"),
    [
        ({"received": (at("2015-03-04T15:00:00"),)}, "from the mail server's received time"),
        ({"trace_date": at("2015-03-04T15:00:00")}, "from its topmost Received header"),
        ({"from_lines": (at("2015-03-04T15:00:00"),)}, "from the separator line of its mailbox file"),
    ],
)
def test_every_source_of_a_date_is_named(changes: dict[str, Any], source: str) -> None:
    assert told(rules_for(DIRECTOR), header=None, **changes)[0].endswith(f"taken {source}.")


def test_mail_sent_for_an_official_names_the_official_and_the_account() -> None:
    assistant = a_designation("support", account="assistant")
    mail: dict[str, Any] = {"account": "assistant", "from_addresses": ("director@agency.example",), "is_sent": True}
    decided = classify(evidence(**mail), rules_for(assistant, DIRECTOR))
    found = told_of(decided, "assistant", designation=DIRECTOR)
    assert any(text.startswith("Ada Brook held account director as Director") for text in found)
    assert "The account sent it on behalf of a Capstone official then in office." in found


@pytest.mark.parametrize(
    ("cutoff", "expected"),
    [
        (CutoffRule.CALENDAR, "It is cut off on 2015-12-31, at the end of the calendar year."),
        (CutoffRule.FISCAL, "It is cut off on 2015-09-30, at the end of the fiscal year."),
        (CutoffRule.TENURE, "Its cutoff is not known yet, at the end of the official's tenure."),
        (CutoffRule.ADMINISTRATION, "It is cut off on 2017-01-20, at the end of the administration."),
        (CutoffRule.OTHER, "Its cutoff is not known yet, by an event that the form names in words."),
        (None, "Its cutoff is not known yet."),
    ],
)
def test_every_rule_of_cutoff_is_told(cutoff: CutoffRule | None, expected: str) -> None:
    found = told(rules_for(a_designation(form=a_form(cutoff=cutoff))))
    assert expected in found
    assert ("Transfer cannot be proposed: the day is not known." in found) is ("not known" in expected)


def test_a_cutoff_without_its_row_is_told_without_a_rule() -> None:
    decided = a_classification(RecordClass.PERMANENT, item="010", cutoff=date(2015, 12, 31), flags=("new_flag",))
    found = told_of(decided)
    assert "It is cut off on 2015-12-31." in found
    assert "Note: new_flag." in found


def test_an_item_or_reason_of_another_version_is_still_told() -> None:
    decided = a_classification(RecordClass.TEMPORARY, item="099", reason="old_reason", eligible=date(2030, 1, 1))
    found = told_of(decided)
    assert "It falls under item 099 of GRS 6.1 Transmittal 33 (2023-01)." in found
    assert "old_reason." in found


def test_a_period_that_nobody_verified_says_so_and_a_cutoff_period_its_start() -> None:
    shipped = the_schedule()
    changed = replace(shipped.items["011"], trigger=Trigger.CUTOFF, cutoff=CutoffRule.CALENDAR, verified=frozenset())
    schedule = replace(shipped, items={"011": changed})
    found = told(rules_for(a_designation("none"), schedule=schedule))
    assert "The item keeps it 7 years from cutoff." in found
    assert "The item's period was not verified against the published schedule." in found


def test_a_verified_authority_is_told_without_doubt() -> None:
    shipped = the_schedule()
    item = shipped.items["010"]
    verified = replace(item, authorities=tuple(replace(one, is_verified=True) for one in item.authorities))
    found = told(rules_for(DIRECTOR, schedule=replace(shipped, items={"010": verified})))
    assert "The disposition authority is DAA-GRS-2022-0006-0001." in found


@pytest.mark.parametrize(
    ("lock", "expected"),
    [
        (Lock(None, hold=True), ["The store keeps it under its hold flag, without an end."]),
        (Lock(at("2030-01-15T05:00:00")), ["The store keeps it locked until 2030-01-15 00:00-05:00."]),
        (Lock(), ["The store does not lock it."]),
    ],
)
def test_the_lock_is_told_as_the_store_has_it(lock: Lock, expected: list[str]) -> None:
    found = told_of(a_classification(), lock=lock)
    assert [text for text in found if text.startswith("The store")] == expected


def test_the_history_tells_every_class_the_record_ever_had() -> None:
    first = a_classification()
    second = a_classification(RecordClass.TEMPORARY, item="011", reason="no_capstone_role")
    history: list[tuple[datetime, Classification]] = [
        (at("2026-05-01T12:00:00"), first),
        (at("2026-05-02T12:00:00"), second),
    ]
    found = told_of(second, history=history)
    assert found[-2:] == [
        f"Classified 2026-05-01 08:00-04:00: unscheduled ({REASONS['no_role_known']}).",
        f"Class changed 2026-05-02 08:00-04:00: temporary, item 011 ({REASONS['no_capstone_role']}).",
    ]


def test_a_moment_that_the_zone_cannot_write_is_told_as_it_is() -> None:
    first = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1)))
    found = told_of(a_classification(message_date=first, date_source="header"))
    assert found[0] == "The message's date is 0001-01-01 00:00+01:00, taken from its Date header."


def test_every_flag_is_told_as_a_note() -> None:
    found = told_of(a_classification(flags=tuple(FLAGS)))
    assert [text for text in found if text.startswith("Note: ")] == [f"Note: {text}." for text in FLAGS.values()]


# --- how it was decided, by which form, and what follows today -----------------------------------------


def test_how_a_designation_was_decided_and_entered_is_told() -> None:
    row = a_designation(decided="Order 12", decided_by="the Secretary", evidence="file 7")
    entered = Entered(3, at("2026-01-02T15:00:00"), "rosa", "the order came late")
    found = told_of(a_classification(), designation=row, entered=entered)
    assert "The designation was decided by the Secretary (Order 12); evidence: file 7." in found
    assert "rosa entered it 2026-01-02 10:00-05:00 with decision 3 of the register: the order came late." in found


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"decided": "Order 12"}, "The designation was decided (Order 12)."),
        ({"decided_by": "the Secretary"}, "The designation was decided by the Secretary."),
        ({"evidence": "file 7"}, "The register does not say how the designation was decided; evidence: file 7."),
    ],
)
def test_what_is_not_known_of_a_designation_is_left_out(said: dict[str, str], expected: str) -> None:
    found = told_of(a_classification(), designation=a_designation(**said), entered=Entered(1, at("2026-01-02T15:00:00"), "rosa"))
    assert expected in found
    assert "rosa entered it 2026-01-02 10:00-05:00 with decision 1 of the register." in found


@pytest.mark.parametrize("event", ["superseded", "expires"])
def test_a_form_that_is_superseded_or_expired_keeps_the_class_and_blocks_destruction(event: str) -> None:
    ended: dict[str, Any] = {event: date(2026, 5, 1)}
    form = a_form(**ended)
    row = a_designation("none", form=form)
    decided = classify(evidence(), rules_for(row))
    assert (decided.record_class, decided.item) == (RecordClass.TEMPORARY, "011")
    found = told_of(decided, designation=row, form=form)
    word = "expired" if event == "expires" else event
    assert f"Its form NA-1005 is F-1 for record group 0999, approved 2019-04-01, {word} 2026-05-01." in found
    assert any("destruction of items 011 and 012 on the authority of this form is blocked" in text for text in found)
    verb = "expired" if event == "expires" else "was superseded"
    assert f"It may not be destroyed today: its form NA-1005 F-1 {verb} on 2026-05-01." in found


def test_a_form_that_was_withdrawn_is_told_so() -> None:
    form = a_form(withdrawn=date(2026, 5, 1))
    found = told_of(classify(evidence(), rules_for(a_designation(form=form))), designation=a_designation(form=form), form=form)
    assert "Its form NA-1005 is F-1 for record group 0999, approved 2019-04-01, withdrawn 2026-05-01." in found
    assert f"{REASONS['form_withdrawn']}." in found
    assert not any("is blocked" in text for text in found)


def test_a_temporary_record_that_is_due_may_be_destroyed_as_far_as_class_and_form_go() -> None:
    assert not any("may not be destroyed" in text for text in told(rules_for(a_designation("none"))))


def test_a_permanent_record_past_the_age_of_the_schedule_is_told_to_be_overdue() -> None:
    found = told(rules_for(a_designation("1", "1990-01-01")), header="1995-03-04T15:00:00")
    assert "It is overdue for transfer, whatever its cutoff: 30 years old since 2025-03-04 (36 CFR 1235.12)." in found


def test_blocks_of_years_and_a_declassification_review_are_told() -> None:
    form = a_form(cutoff=CutoffRule.CALENDAR, block_years=5, block_start=2011, after_declassification_review=True)
    found = told(rules_for(a_designation(form=form)))
    assert "It is transferred in blocks of 5 years; its block ends on 2015-12-31." in found
    assert "Transfer waits for the declassification review as well, whichever is later." in found
    assert "Transfer cannot be proposed: the day is not known." in found
    still_open = told(rules_for(a_designation(form=a_form(block_years=5))))
    assert not any("blocks" in text for text in still_open)


def test_a_series_is_told_with_its_own_title_and_authority() -> None:
    series = the_series()
    rules = rules_for(
        a_designation("none"), facts=[SeriesAssignment("opr-death-reviews", "director", date(2010, 1, 1))], series=series
    )
    found = told(rules, folders=("INBOX",))
    title = "Detainee death review files of the Office of Professional Responsibility"
    assert f"It falls under series opr-death-reviews ({title})." in found
    assert "The disposition authority is DAA-0567-2015-0013." in found
    assert "Its cutoff is not known yet." in found
    doubtful = replace(series.series["opr-death-reviews"], is_verified=False)
    table = replace(series, series={"opr-death-reviews": doubtful})
    again = told_of(classify(evidence(folders=("INBOX",)), rules), series=table)
    assert (
        "The disposition authority is DAA-0567-2015-0013; this number was not verified against the published schedule." in again
    )


def test_a_floor_is_told_as_a_note_and_as_what_stops_destruction() -> None:
    floor = SeriesAssignment("opr-management-inspections", "director", date(2010, 1, 1))
    found = told(rules_for(a_designation("none"), facts=[floor], series=the_series()), folders=("INBOX",))
    assert f"Note: {FLAGS['never_destroyed']}." in found
    assert "It may not be destroyed today: it belongs to a series that is never destroyed." in found
    assert any(text.startswith("It falls under item 011") for text in found)


def test_what_the_rules_of_today_come_to_is_told_where_it_is_another_class() -> None:
    now = a_classification(RecordClass.TEMPORARY, item="011", reason="no_capstone_role", eligible=date(2030, 1, 2))
    expected = "By the register and the rules of today it would be temporary, item 011, due 2030-01-02"
    assert (
        told_of(a_classification(), by_rules_of_today=now)[-1] == f"{expected} ({REASONS['no_capstone_role']}): a replay is due."
    )
    assert told_of(a_classification(), by_rules_of_today=a_classification(reason="new"))[-1].endswith(
        "it would be unscheduled (new): a replay is due."
    )
