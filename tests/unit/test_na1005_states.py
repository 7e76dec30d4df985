"""What a form is good for on a day, and when it must be sent in anew."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capstone.domain.errors import BadSchedule
from capstone.domain.forms import FormHistory, FormState, due_window, expires_on, history_of, read_form_rules, state_on
from capstone.domain.forms.values import CutoffChoice
from tests.builders import SCHEDULES, the_schedule
from tests.na1005 import RULES, a_form

FIRST, SECOND = RULES.windows
ONE_DAY = timedelta(days=1)
DAYS = st.dates(date(2015, 1, 1), date(2032, 12, 31))


def state(history: FormHistory, day: str) -> FormState:
    return state_on(history, date.fromisoformat(day), RULES.windows)


def test_a_form_is_submitted_until_the_day_of_its_approval() -> None:
    history = history_of(a_form(decided_on="2018-04-01"))

    assert [state(history, day) for day in ("2018-03-31", "2018-04-01")] == [FormState.SUBMITTED, FormState.APPROVED]


def test_a_form_without_a_readable_approval_stays_submitted() -> None:
    for changes in ({"approved": "0", "decided_on": ""}, {"decided_on": "soon"}):
        assert state(history_of(a_form(**changes)), "2026-01-01") is FormState.SUBMITTED


def test_a_form_expires_after_a_window_that_it_was_not_sent_in_anew() -> None:
    history = history_of(a_form())

    assert expires_on(history, RULES.windows) == FIRST.closes + ONE_DAY
    assert [state(history, day) for day in ("2023-04-30", "2023-05-01")] == [FormState.APPROVED, FormState.EXPIRED]


def test_a_form_sent_in_anew_stays_approved_until_the_new_one_is() -> None:
    history = FormHistory(approved=date(2018, 4, 1), resubmitted=(date(2023, 2, 1),), superseded=date(2024, 1, 15))

    assert [state(history, day) for day in ("2023-12-31", "2024-01-15")] == [FormState.APPROVED, FormState.SUPERSEDED]
    assert expires_on(history, RULES.windows) is None


def test_a_form_sent_in_anew_and_never_decided_on_meets_the_next_window() -> None:
    history = FormHistory(approved=date(2018, 4, 1), resubmitted=(date(2023, 2, 1),))

    assert expires_on(history, RULES.windows) == SECOND.closes + ONE_DAY


def test_a_form_approved_in_a_window_answers_it() -> None:
    history = FormHistory(approved=FIRST.opens)

    assert expires_on(history, RULES.windows) == SECOND.closes + ONE_DAY
    assert due_window(history, date(2024, 1, 1), RULES.windows) == SECOND


def test_the_window_that_asks_next_is_told() -> None:
    history = FormHistory(approved=date(2018, 4, 1))

    assert due_window(history, date(2022, 1, 1), RULES.windows) == FIRST
    assert due_window(history, FIRST.closes, RULES.windows) == FIRST
    assert due_window(history, FIRST.closes + ONE_DAY, RULES.windows) == SECOND
    assert due_window(history, date(2030, 1, 1), RULES.windows) is None
    assert due_window(FormHistory(approved=date(2018, 4, 1), resubmitted=(FIRST.opens,)), FIRST.opens, RULES.windows) == SECOND
    assert due_window(FormHistory(), date(2022, 1, 1), RULES.windows) is None


def test_a_superseded_form_is_asked_for_no_more() -> None:
    history = FormHistory(approved=date(2018, 4, 1), superseded=date(2020, 1, 1))

    assert (expires_on(history, RULES.windows), state(history, "2026-01-01")) == (None, FormState.SUPERSEDED)


@pytest.mark.parametrize(
    ("decided_on", "before", "after"),
    [("2018-04-01", FormState.SUBMITTED, FormState.DENIED), ("", FormState.DENIED, FormState.DENIED)],
)
def test_a_denied_form_is_denied_from_its_day_or_if_none_is_known_always(
    decided_on: str, before: FormState, after: FormState
) -> None:
    history = history_of(a_form(approved="0", denied="1", decided_on=decided_on))

    assert (state(history, "2018-03-31"), state(history, "2018-04-01")) == (before, after)


def test_a_withdrawn_approval_is_as_good_as_a_denial() -> None:
    history = FormHistory(approved=date(2018, 4, 1), withdrawn=date(2019, 1, 1))

    assert [state(history, day) for day in ("2018-12-31", "2019-01-01")] == [FormState.APPROVED, FormState.DENIED]


@given(st.builds(FormHistory, approved=st.none() | DAYS, superseded=st.none() | DAYS, withdrawn=st.none() | DAYS), DAYS)
def test_destruction_needs_an_approval_in_force(history: FormHistory, day: date) -> None:
    found = state_on(history, day, RULES.windows)

    assert found.allows_destruction == (found is FormState.APPROVED)
    if found.allows_destruction:
        assert history.approved is not None
        assert history.approved <= day
        assert not any(event and event <= day for event in (history.superseded, history.withdrawn))


def test_the_rules_that_come_with_the_program() -> None:
    periods = the_schedule().items["010"].transfer_years

    rules = read_form_rules((SCHEDULES / "na-1005.toml").read_text(), periods)

    assert rules == RULES
    assert rules.annual is CutoffChoice.CALENDAR


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("annual = ", "not TOML"),
        ("annual = 'tenure'", "annual must be"),
        ("colour = 1", "unknown key colour"),
        ("revisions = [1]", "revisions must be"),
        ("revisions = '09-16'", "revisions must be a list"),
        ("resubmission = [1]", "must be tables"),
        ("[[resubmission]]\nopens = 2023-01-01\ncloses = 2023-02-01\nverified = 1", "verified true or false"),
        ("[[resubmission]]\nopens = 2023-03-01\ncloses = 2023-02-01\nverified = true", "closes before it opens"),
        ("[[resubmission]]\nopens = 2023-01-01\nuntil = 2023-02-01", "unknown key until"),
        ("[[resubmission]]\nopens = 2023-01-01\ncloses = 2023-02-01\nverified = true\n" * 2, "follow one another"),
    ],
)
def test_rules_that_are_not_right_are_refused(text: str, message: str) -> None:
    with pytest.raises(BadSchedule, match=message):
        read_form_rules(text, (15,))


def test_rules_may_leave_everything_out() -> None:
    rules = read_form_rules("", (15,))

    assert (rules.annual, rules.revisions, rules.windows) == (None, (), ())
    assert state_on(FormHistory(approved=date(2018, 4, 1)), date(2050, 1, 1), rules.windows) is FormState.APPROVED
