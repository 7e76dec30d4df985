"""Small builders of domain values for tests: every argument has a lawful default, so that a test names only what it is about."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from capstone.domain.addresses import address_mark
from capstone.domain.classification import Evidence, Rules, classify
from capstone.domain.message import CaptureFacts, Occurrence, Place
from capstone.domain.officials import CutoffRule, Designation, Form, identified
from capstone.domain.recheck import case_of, recheck
from capstone.domain.records import Classification, RecordClass, RecordEntry
from capstone.domain.register_facts import RegisterFact
from capstone.domain.roster import Roster
from capstone.domain.schedule import Schedule, read_administrations, read_schedule
from capstone.domain.series import SeriesTable, read_series

ZONE = ZoneInfo("America/New_York")
TODAY = date(2026, 6, 1)
SCHEDULES = Path(__file__).parent.parent / "config" / "schedules"


def at(text: str) -> datetime:
    """An aware instant from ISO text; UTC unless the text names an offset."""
    instant = datetime.fromisoformat(text)
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def a_form(number: str = "F-1", approved: str | None = "2019-04-01", **changes: Any) -> Form:
    """An approved form of a tenure cutoff and fifteen years."""
    values: dict[str, Any] = {"cutoff": CutoffRule.TENURE, "transfer_years": 15, "record_group": "0999"} | changes
    return Form(number, approved=None if approved is None else date.fromisoformat(approved), **values)


def a_designation(
    category: str = "1", starts: str = "2010-01-01", ends: str | None = None, account: str = "director", **changes: Any
) -> Designation:
    """A designation with its proper id; in office unless `ends` is given."""
    values: dict[str, Any] = {
        "official": "Ada Brook",
        "office": "Office of the Director",
        "position": "Director",
        "addresses": (f"{account}@agency.example",),
        "acting": False,
        "form": a_form(),
    } | changes
    return identified(
        Designation(
            designation_id="",
            category=category,
            account=account,
            starts=date.fromisoformat(starts),
            ends=None if ends is None else date.fromisoformat(ends),
            **values,
        )
    )


@cache
def the_schedule() -> Schedule:
    """The schedule as it is shipped."""
    return read_schedule((SCHEDULES / "grs-6.1.toml").read_text("utf-8"), "grs-6.1.toml")


@cache
def the_administrations() -> tuple[date, ...]:
    """The table of administrations as it is shipped."""
    return read_administrations((SCHEDULES / "administrations.toml").read_text("utf-8"))


@cache
def the_series() -> SeriesTable:
    """The series of other schedules as they are shipped."""
    return read_series((SCHEDULES / "series.toml").read_text("utf-8"))


def rules_for(*designations: Designation, facts: Iterable[RegisterFact] = (), **changes: Any) -> Rules:
    """Rules over these designations and facts, the shipped schedule without other series, New York time, a fixed day."""
    values: dict[str, Any] = {
        "roster": Roster(designations, facts),
        "schedule": the_schedule(),
        "administrations": the_administrations(),
        "zone": ZONE,
        "today": TODAY,
        "plausible_start": date(1985, 1, 1),
    } | changes
    return Rules(**values)


def evidence(header: str | None = "2015-03-04T15:00:00", **changes: Any) -> Evidence:
    """Evidence of one message in the director's account, dated by its header; `from_addresses`, `sender_addresses` as marks."""
    values: dict[str, Any] = {"account": "director", "header_date": None if header is None else at(header)} | changes
    for name in ("from", "sender"):
        values[f"{name}_marks"] = tuple(sorted(map(address_mark, values.pop(f"{name}_addresses", ()))))
    return Evidence(**values)


def decided(found: Evidence, rules: Rules) -> Classification:
    """The class, after a check that what it is told to follow from gives the same class again."""
    given = classify(found, rules)
    assert recheck(json.loads(json.dumps(case_of(found, rules)))) == given
    return given


def some_facts(**changes: Any) -> CaptureFacts:
    """Capture facts of a small healthy message."""
    values: dict[str, Any] = {
        "size_bytes": 1234,
        "header_date": at("2015-03-04T15:00:00"),
        "trace_date": None,
        "from_addresses": ("somebody@else.example",),
        "sender_addresses": (),
        "message_id": "m1@else.example",
        "content_key": "key",
        "problems": (),
    } | changes
    return CaptureFacts(**values)


def an_occurrence(folder: str = "INBOX", item_id: str = "1", **changes: Any) -> Occurrence:
    """A message seen in a folder."""
    return Occurrence(Place("test", folder, item_id), **changes)


def a_classification(record_class: RecordClass = RecordClass.UNSCHEDULED, **changes: Any) -> Classification:
    """A class; unscheduled for want of a known role unless said otherwise."""
    values: dict[str, Any] = {"reason": "no_role_known", "rule_version": "rules 0, test"} | changes
    return Classification(record_class, **values)


def a_record(classification: Classification | None = None, account: str = "director", digest: str = "ab" * 32) -> RecordEntry:
    """A record entry with this class."""
    return RecordEntry(
        account=account,
        digest=digest,
        version_id="v1",
        size_bytes=1234,
        captured_at=at("2026-05-01T12:00:00"),
        run_id="run-1",
        content_key="key",
        classification=classification or a_classification(),
    )
