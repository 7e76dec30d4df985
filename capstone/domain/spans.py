"""Outcomes remembered by spans of days in which only a message's own day tells them apart: a preview asks millions of times."""

from __future__ import annotations

from bisect import bisect_right
from datetime import date

from capstone.domain.evidence import Evidence
from capstone.domain.outcomes import Asked, Outcome, asked_of, outcome_on, turns
from capstone.domain.retention import FISCAL_YEAR_END, years_after
from capstone.domain.roster import Standing
from capstone.domain.rules import Rules

MOST_REMEMBERED = 5_000

_Span = tuple[int, int, bool]
"""Between which turns, in which year, and whether after the end of its fiscal year."""


class Spans:
    """The answers to one question, by spans. Each is worked out on the first and the last day of its span.

    Within a span everything is the same but what counts from the message's own day. That can overtake what counts from a cutoff,
    once: where first and last day agree it does not, and where they differ every day of the span is worked out by itself.
    """

    __slots__ = ("_asked", "_found", "_rules", "_turns")

    def __init__(self, asked: Asked, rules: Rules) -> None:
        """Nothing is worked out before it is asked for."""
        self._asked, self._rules, self._turns = asked, rules, turns(asked, rules)
        self._found: dict[_Span, Outcome | None] = {}

    def on(self, day: date) -> Outcome:
        """The outcome of that day."""
        span = (bisect_right(self._turns, day.toordinal()), day.year, (day.month, day.day) > FISCAL_YEAR_END)
        if span not in self._found:
            self._found[span] = self._steady(span)
        found = self._found[span]
        if found is None:
            return outcome_on(day, self._asked, self._rules)
        return found if found.years is None else found._replace(eligible=years_after(day, found.years))

    def _steady(self, span: _Span) -> Outcome | None:
        """What all days of the span come to but for the day itself; None where they do not agree."""
        number, year, is_late = span
        autumn = date(year, *FISCAL_YEAR_END).toordinal() + 1
        first = autumn if is_late else date(year, 1, 1).toordinal()
        last = date(year, 12, 31).toordinal() if is_late else autumn - 1
        if number > 0:
            first = max(first, self._turns[number - 1])
        if number < len(self._turns):
            last = min(last, self._turns[number] - 1)
        one, other = (outcome_on(date.fromordinal(day), self._asked, self._rules) for day in (first, last))
        if one == other or (one.years is not None and one._replace(eligible=None) == other._replace(eligible=None)):
            return one
        return None


def spans_for(evidence: Evidence, standing: Standing, rules: Rules) -> Spans:
    """The answers to the question that the evidence puts, as far as they are known by now. What is remembered is bounded."""
    asked = asked_of(evidence, standing, rules.roster)
    found: Spans | None = rules.memory.get(asked)
    if found is None:
        if len(rules.memory) >= MOST_REMEMBERED:
            rules.memory.clear()
        found = rules.memory[asked] = Spans(asked, rules)
    return found
