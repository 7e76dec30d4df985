"""What is remembered of days changes no answer: every day of every span is as if it were worked out by itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from capstone.domain.classification import Rules
from capstone.domain.message_dates import MessageDate, Plausible, agreed_date, usable_dates
from capstone.domain.officials import CutoffRule
from capstone.domain.outcomes import Asked, outcome_on
from capstone.domain.register_facts import AddressFact, SeriesAssignment
from capstone.domain.schedule import Schedule, Trigger
from capstone.domain.spans import MOST_REMEMBERED, Spans, spans_for
from tests.builders import ZONE, a_designation, a_form, at, evidence, rules_for, the_schedule, the_series

CLERK = a_designation("none", "2014-05-06", "2016-02-29", position="Clerk")
SUPPORT = a_designation("support", "2016-02-28", position="Support")


def cut_off_by_tenure(number: str) -> Schedule:
    """An item that is kept from a cutoff beside others that count from the message's own day."""
    shipped = the_schedule()
    changed = replace(shipped.items[number], trigger=Trigger.CUTOFF, cutoff=CutoffRule.TENURE, retain_years=3)
    return replace(shipped, items={**shipped.items, number: changed})


def all_days() -> Iterator[date]:
    first = date(2013, 12, 30)
    return (first + timedelta(days=number) for number in range(4 * 366))


def cases() -> Iterator[tuple[str, Rules, Asked]]:
    own = Asked("director")
    yield "tenure", rules_for(CLERK, SUPPORT, a_designation("1", "2015-01-01", "2015-12-30")), own
    for rule in (CutoffRule.CALENDAR, CutoffRule.FISCAL, CutoffRule.ADMINISTRATION, None):
        form = a_form(cutoff=rule, covers_from=date(2015, 3, 3), block_years=5)
        yield f"cutoff {rule}", rules_for(CLERK, a_designation("2", "2014-09-30", form=form)), own
    both = [a_designation(one, "2010-01-01", "2020-01-01", position=one) for one in ("none", "support")]
    yield "one overtakes the other", rules_for(*both, schedule=cut_off_by_tenure("012")), own
    facts = [SeriesAssignment(name, "director", date(2015, 1, 5), date(2016, 7, 7)) for name in the_series().series]
    yield "series", rules_for(CLERK, facts=facts, series=the_series()), Asked("director", folders=("Inbox",))
    rules = rules_for(
        CLERK,
        a_designation("1", "2015-06-01", "2017-06-01", account="chief", addresses=()),
        facts=[AddressFact("chief@agency.example", "chief", date(2015, 8, 1), date(2016, 8, 1))],
    )
    marks = evidence(from_addresses=("chief@agency.example",)).from_marks
    yield "sent for", rules, Asked("director", senders=marks)
    acting = a_designation("1", "2015-01-01", "2015-02-28", acting=True)
    rows = acting, a_designation("1", "2015-03-01", "2015-12-31"), a_designation("1", "2016-01-02", form=a_form("F-2"))
    yield "tenure of several rows", rules_for(CLERK, *rows), own


@pytest.mark.parametrize(("rules", "asked"), [pytest.param(rules, asked, id=name) for name, rules, asked in cases()])
def test_every_day_of_a_span_is_as_if_it_were_worked_out_by_itself(rules: Rules, asked: Asked) -> None:
    spans = Spans(asked, rules)
    found = {day: spans.on(day) for day in all_days()}
    assert found == {day: outcome_on(day, asked, rules) for day in found}
    assert len(set(found.values())) > 1


def test_spans_end_where_the_rules_hold_no_day_plausible() -> None:
    for row in (a_designation("none", "0001-01-01"), CLERK):
        rules = rules_for(row, plausible_start=date.min, today=date.max)
        spans = Spans(Asked("director"), rules)
        for day in (date.min, date(1960, 1, 1), date.max):
            assert spans.on(day) == outcome_on(day, Asked("director"), rules)
    by_year = rules_for(a_designation("1", "0001-01-01", form=a_form(cutoff=CutoffRule.FISCAL)), administrations=())
    other = Spans(Asked("director"), by_year)
    for day in (date.min, date.max):
        assert other.on(day) == outcome_on(day, Asked("director"), by_year)


def test_mail_that_puts_the_same_question_is_answered_from_the_same_memory_which_is_bounded() -> None:
    rules = rules_for(CLERK, a_designation("1", account="chief"))
    standing = rules.roster.standing("director")
    assert standing is not None
    plain, again = evidence(), evidence("2015-07-07T12:00:00", from_addresses=("any@else.example",))
    sent = evidence(from_addresses=("chief@agency.example",), is_sent=True)
    assert spans_for(plain, standing, rules) is spans_for(again, standing, rules)
    assert spans_for(sent, standing, rules) is spans_for(sent, standing, rules)
    assert spans_for(sent, standing, rules) is not spans_for(plain, standing, rules)
    rules.memory.update({number: None for number in range(MOST_REMEMBERED)})
    other = evidence(from_addresses=("chief@agency.example",), sender_addresses=("director@agency.example",), folders=("A",))
    assert spans_for(other, standing, replace(rules)).on(date(2015, 1, 1)).item == "010"
    spans_for(evidence(account="chief"), standing, rules)
    assert len(rules.memory) == 1


# --- the short way to a date -------------------------------------------------------------------------------

PLAUSIBLE = Plausible(ZONE, date(1990, 1, 1), date(2026, 6, 1), timedelta(days=1))
HEADER = at("2015-03-04T15:00:00")


@pytest.mark.parametrize("other", ["2015-03-04T05:30:00", "2015-03-05T04:30:00", "2015-03-04T15:00:05"])
@pytest.mark.parametrize("kind", ["received", "trace", "from_lines"])
def test_dates_of_one_day_agree_on_the_header(kind: str, other: str) -> None:
    dates: dict[str, Any] = {"received": (), "trace": None, "from_lines": ()}
    dates[kind] = at(other) if kind == "trace" else (at(other),)
    assert agreed_date(HEADER, **dates, plausible=PLAUSIBLE) == MessageDate("header", HEADER, date(2015, 3, 4))


@pytest.mark.parametrize("other", ["2015-03-04T05:29:59", "2015-03-05T04:30:01", "2014-03-04T15:00:00"])
@pytest.mark.parametrize("kind", ["received", "trace", "from_lines"])
def test_a_date_of_another_day_or_near_its_ends_is_looked_at(kind: str, other: str) -> None:
    dates: dict[str, Any] = {"received": (HEADER,), "trace": HEADER, "from_lines": (HEADER,)}
    dates[kind] = at(other) if kind == "trace" else (HEADER, at(other))
    assert agreed_date(HEADER, **dates, plausible=PLAUSIBLE) is None


@pytest.mark.parametrize("header", [None, at("1970-01-01T00:00:00"), datetime.min.replace(tzinfo=UTC)])
def test_without_a_header_date_that_can_be_believed_all_dates_are_looked_at(header: datetime | None) -> None:
    assert agreed_date(header, (HEADER,), None, (), PLAUSIBLE) is None


def test_where_a_message_may_arrive_only_hours_after_it_was_sent_all_dates_are_looked_at() -> None:
    narrow = replace(PLAUSIBLE, tolerance=timedelta(hours=2))
    assert agreed_date(HEADER, (), None, (), narrow) is None


@pytest.mark.parametrize("day", [date(2015, 3, 8), date(2015, 11, 1), date.min, date.max])
def test_a_day_whose_clocks_are_set_or_that_utc_has_no_end_for_has_no_middle(day: date) -> None:
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=ZONE)
    whole = replace(PLAUSIBLE, earliest=date.min, today=date.max, zone=ZoneInfo("Asia/Tokyo") if day == date.min else ZONE)
    noon = noon.replace(tzinfo=whole.zone)
    assert agreed_date(noon, (), None, (), whole) is not None
    assert agreed_date(noon, (noon + timedelta(seconds=1),), None, (), whole) is None


def test_the_days_that_are_remembered_are_bounded() -> None:
    crowded = replace(PLAUSIBLE)
    crowded.middles.update({date.fromordinal(number): (HEADER, HEADER) for number in range(1, 40_001)})
    assert agreed_date(HEADER, (HEADER,), None, (), crowded) is not None
    assert len(crowded.middles) == 1


def test_the_short_way_comes_to_the_first_usable_date() -> None:
    found = agreed_date(HEADER, (HEADER,), HEADER, (), PLAUSIBLE)
    assert found == usable_dates(HEADER, (HEADER,), HEADER, (), PLAUSIBLE)[0]
