"""The chain of reasons in plain sentences."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest

from capstone.domain.classification import FLAGS, REASONS, Rules, classify
from capstone.domain.explanation import sentences
from capstone.domain.officials import CutoffRule
from capstone.domain.records import Classification, Lock, RecordClass
from capstone.domain.schedule import Trigger
from tests.builders import ZONE, a_classification, a_designation, a_form, a_record, at, evidence, rules_for, the_schedule

DIRECTOR = a_designation("1", "2015-01-01", "2018-06-30")


def told(rules: Rules, **changes: Any) -> list[str]:
    decided = classify(evidence(**changes), rules)
    row = rules.roster.designation(decided.designation_id or "")
    return sentences(a_record(decided), [], row, rules.schedule, ZONE)


def test_a_permanent_record_tells_its_whole_chain_of_reasons() -> None:
    assert told(rules_for(DIRECTOR)) == [
        "The message's date is 2015-03-04 10:00-05:00, taken from its Date header.",
        "It was captured from account director.",
        "Ada Brook held this account as Director, Office of the Director, from 2015-01-01 to 2018-06-30"
        f" (register row {DIRECTOR.designation_id}).",
        "The role stands in the register as Capstone official, NA-1005 category 1.",
        "Its form NA-1005 is F-1 for record group 0999, approved 2019-04-01.",
        "The account's holder was a Capstone official on the message's date.",
        "It is permanent: it is kept until the National Archives takes it over.",
        "It falls under item 010 (Capstone officials) of GRS 6.1 Transmittal 33 (2023-01).",
        "The disposition authority is DAA-GRS-2022-0006-0001; this number was not verified against the published schedule.",
        "It is cut off on 2018-06-30, at the end of the official's tenure.",
        "Transfer may be proposed from 2033-06-30 on, unless a hold is open.",
        "The store must keep it under its hold flag, without an end.",
        "Decided by rules 1, GRS 6.1 Transmittal 33 (2023-01).",
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
    found = sentences(a_record(decided, account="assistant"), [], DIRECTOR, the_schedule(), ZONE)
    assert any(text.startswith("Ada Brook held account director as Director") for text in found)
    assert "The account sent it on behalf of a Capstone official then in office." in found


@pytest.mark.parametrize(
    ("cutoff", "expected"),
    [
        (CutoffRule.CALENDAR, "It is cut off on 2015-12-31, at the end of the calendar year."),
        (CutoffRule.FISCAL, "It is cut off on 2015-09-30, at the end of the fiscal year."),
        (CutoffRule.TENURE, "Its cutoff is not known yet, at the end of the official's tenure."),
        (CutoffRule.ADMINISTRATION, "It is cut off on 2017-01-20, at the end of the administration."),
        (None, "Its cutoff is not known yet."),
    ],
)
def test_every_rule_of_cutoff_is_told(cutoff: CutoffRule | None, expected: str) -> None:
    found = told(rules_for(a_designation(form=a_form(cutoff=cutoff))))
    assert expected in found
    assert ("Transfer cannot be proposed: the day is not known." in found) is ("not known" in expected)


def test_a_cutoff_without_its_row_is_told_without_a_rule() -> None:
    decided = a_classification(RecordClass.PERMANENT, item="010", cutoff=date(2015, 12, 31), flags=("new_flag",))
    found = sentences(a_record(decided), [], None, the_schedule())
    assert "It is cut off on 2015-12-31." in found
    assert "Note: new_flag." in found


def test_an_item_or_reason_of_another_version_is_still_told() -> None:
    decided = a_classification(RecordClass.TEMPORARY, item="099", reason="old_reason", eligible=date(2030, 1, 1))
    found = sentences(a_record(decided), [], None, the_schedule())
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
    found = sentences(a_record(), [], None, the_schedule(), ZONE, lock)
    assert [text for text in found if text.startswith("The store")] == expected


def test_the_history_tells_every_class_the_record_ever_had() -> None:
    first = a_classification()
    second = a_classification(RecordClass.TEMPORARY, item="011", reason="no_capstone_role")
    history: list[tuple[datetime, Classification]] = [
        (at("2026-05-01T12:00:00"), first),
        (at("2026-05-02T12:00:00"), second),
    ]
    found = sentences(a_record(second), history, None, the_schedule(), ZONE)
    assert found[-2:] == [
        f"Classified 2026-05-01 08:00-04:00: unscheduled ({REASONS['no_role_known']}).",
        f"Class changed 2026-05-02 08:00-04:00: temporary, item 011 ({REASONS['no_capstone_role']}).",
    ]


def test_a_moment_that_the_zone_cannot_write_is_told_as_it_is() -> None:
    first = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1)))
    found = sentences(a_record(a_classification(message_date=first, date_source="header")), [], None, the_schedule(), ZONE)
    assert found[0] == "The message's date is 0001-01-01 00:00+01:00, taken from its Date header."


def test_every_flag_is_told_as_a_note() -> None:
    found = sentences(a_record(a_classification(flags=tuple(FLAGS))), [], None, the_schedule())
    assert [text for text in found if text.startswith("Note: ")] == [f"Note: {text}." for text in FLAGS.values()]
