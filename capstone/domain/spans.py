"""Outcomes remembered by spans of days in which only a message's own day tells them apart: a preview asks millions of times."""

from __future__ import annotations

from bisect import bisect_right
from datetime import date, timedelta

from capstone.domain.evidence import Evidence
from capstone.domain.officials import CutoffRule
from capstone.domain.outcomes import Asked, Outcome, asked_of, cutoffs, outcome_on, turns
from capstone.domain.retention import FISCAL_YEAR_END, years_after
from capstone.domain.roster import Standing
from capstone.domain.rules import Rules

MOST_REMEMBERED = 5_000

_OF_A_YEAR = frozenset({CutoffRule.CALENDAR, CutoffRule.FISCAL})
_Span = tuple[int, int, bool]
"""Between which turns; and, where years matter, in which year, and whether after the end of its fiscal year."""


class Spans:
    """The answers to one question, by spans. Each is worked out on the first and the last day of its span.

    Within a span everything is the same but what counts from the message's own day. That can overtake what counts from a cutoff,
    once: where first and last day agree it does not, and where they differ every day of the span is worked out by itself.
    """

    __slots__ = ("_asked", "_found", "_is_by_year", "_rules", "_turns")

    def __init__(self, asked: Asked, rules: Rules) -> None:
        """Nothing is worked out before it is asked for."""
        self._asked, self._rules, self._turns = asked, rules, turns(asked, rules)
        self._is_by_year = not _OF_A_YEAR.isdisjoint(cutoffs(asked, rules))
        self._found: dict[_Span, Outcome | None] = {}

    def on(self, day: date) -> Outcome:
        """The outcome of that day, which is one that the rules hold plausible."""
        number = bisect_right(self._turns, day.toordinal())
        span = (number, day.year, (day.month, day.day) > FISCAL_YEAR_END) if self._is_by_year else (number, 0, False)
        try:
            found = self._found[span]
        except KeyError:
            found = self._found[span] = self._steady(span)
        if found is None:
            return outcome_on(day, self._asked, self._rules)
        return found if found.years is None else found.due(years_after(day, found.years))

    def _steady(self, span: _Span) -> Outcome | None:
        """What all days of the span come to but for the day itself; None where they do not agree."""
        first, last = (day.toordinal() for day in self._ends(span))
        if span[0] > 0:
            first = max(first, self._turns[span[0] - 1])
        if span[0] < len(self._turns):
            last = min(last, self._turns[span[0]] - 1)
        one, other = (outcome_on(date.fromordinal(day), self._asked, self._rules) for day in (first, last))
        if one == other or (one.years is not None and one.due(None) == other.due(None)):
            return one
        return None

    def _ends(self, span: _Span) -> tuple[date, date]:
        """The first and the last day, as far as the calendar sets them."""
        _, year, is_late = span
        if not self._is_by_year:
            return self._rules.plausible.earliest, self._rules.plausible.latest
        autumn = date(year, *FISCAL_YEAR_END)
        return (autumn + timedelta(days=1), date(year, 12, 31)) if is_late else (date(year, 1, 1), autumn)


def spans_for(evidence: Evidence, standing: Standing, rules: Rules) -> Spans:
    """The answers to the question that the evidence puts, as far as they are known by now. What is remembered is bounded."""
    is_plain = not (evidence.is_sent or standing.has_series)
    if is_plain and standing.marks.isdisjoint(evidence.sender_marks):
        found: Spans | None = rules.memory.get(evidence.account)  # the short way for the most of all messages
        return found or _remembered(evidence.account, Asked(evidence.account), rules)
    asked = asked_of(evidence, standing, rules.roster)
    return rules.memory.get(asked) or _remembered(asked, asked, rules)


def _remembered(name: object, asked: Asked, rules: Rules) -> Spans:
    if len(rules.memory) >= MOST_REMEMBERED:
        rules.memory.clear()
    found = rules.memory[name] = Spans(asked, rules)
    return found
