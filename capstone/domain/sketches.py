"""Compare millions of classes with what the rules say now, without making values of what the ledger holds as text.

The answers are those of `classification.classify`: it is asked once for every combination of what can decide. Instants decide by
their days in agency time and by whether two of them lie further apart than delivery takes; addresses where the register knows
them; folders where the account's mail is assigned to a series.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import lru_cache
from itertools import combinations
from typing import Any, NamedTuple

from capstone.domain.classification import classify
from capstone.domain.effects import Keeping, Shift, is_changed, keeping_change, shift_of
from capstone.domain.evidence import evidence_of
from capstone.domain.message import Occurrence, Place
from capstone.domain.message_dates import FROM_LINE, HEADER, RECEIVED, TRACE, day_of
from capstone.domain.outcomes import Asked, Outcome
from capstone.domain.records import Classification, Learned, RecordClass
from capstone.domain.rules import Rules
from capstone.domain.spans import Spans

Decided = tuple[str, str, str | None, str | None, str | None, str | None, str | None, str | None, str | None, str | None, str]
"""Class, reason, item, authority, designation, form, category, source of the date, cutoff, eligible (ISO) and the flags,
parted by blanks: a class but for the message's instant and the version of the rules."""

Dates = tuple[str | None, str | None, str | None, str | None]
"""Header date, topmost Received, the server's received time, `From ` line: instants as `2031-05-06T07:08:09.000000Z`."""

_SOURCES = {HEADER: 0, TRACE: 1, RECEIVED: 2, FROM_LINE: 3}
_MOST_REMEMBERED = 100_000
_DATE = 10
"""Length of an instant's text up to its date."""
_AFTER_ALL = "~"
"""Sorts after whatever follows the date."""
_Turn = tuple[date, str, date]
_ONE_DAY = timedelta(days=1)


class Sketch(NamedTuple):
    """A record with its present class and what decides on it, as text. `is_learned` False: its bytes must be read first."""

    account: str
    decided: Decided
    message_date: str | None
    is_learned: bool
    dates: Dates
    from_marks: str
    """Parted by blanks, like the next."""
    sender_marks: str
    is_sent: bool
    folder: str
    others: tuple[Occurrence, ...] = ()
    """All occurrences, where it was seen in more than one place; dates and folder are then those of one of them."""


class Change(NamedTuple):
    """What becomes of a record whose class is another now."""

    shift: Shift
    keeping: Keeping


class Comparison:
    """Answers for one set of rules. What was asked before is answered from memory, which is bounded."""

    __slots__ = ("_changes", "_is_a_day_near", "_memory", "_rules", "_spans", "_subjects", "_turns")

    def __init__(self, rules: Rules) -> None:
        """Nothing is known yet."""
        self._rules = rules
        self._is_a_day_near = rules.tolerance >= _ONE_DAY
        self._memory: dict[object, tuple[Decided, int | None]] = {}
        self._changes: dict[object, Change] = {}
        self._turns: dict[str, _Turn | None] = {}
        self._spans: dict[str, Spans] = {}
        self._subjects: dict[tuple[str, str], tuple[str, ...] | None] = {}

    def change(self, sketch: Sketch) -> Change | None:
        """The change of the record's class; None where it stays."""
        if sketch.others:
            return self._plainly(sketch)
        decided, source = self._answer(sketch)
        message_date = None if source is None else sketch.dates[source]
        if decided == sketch.decided and message_date == sketch.message_date:
            return None
        asked = (sketch.account, sketch.decided, decided)
        found = self._changes.get(asked)
        if found is None:
            _make_room(self._changes)
            old, new = _classification(sketch.decided), _classification(decided)
            found = self._changes[asked] = _change_of(sketch.account, old, new)
        return found

    def _plainly(self, sketch: Sketch) -> Change | None:
        """By values: for the rare record that was found in several places."""
        old = _classification(sketch.decided, sketch.message_date)
        new = classify(evidence_of(sketch.account, _learned(sketch), sketch.others), self._rules)
        return _change_of(sketch.account, old, new) if is_changed(old, new) else None

    def _answer(self, sketch: Sketch) -> tuple[Decided, int | None]:
        """The class by the rules, and which of the dates is the message's."""
        subject, when = self._subject(sketch), self._when(sketch.dates)
        found = self._memory.get((subject, when))
        if found is None:
            _make_room(self._memory)
            found = self._of_day(sketch.account, when) if subject is sketch.account and isinstance(when, date) else None
            found = self._memory[subject, when] = found or self._of_values(sketch)
        return found

    def _of_day(self, account: str, day: date) -> tuple[Decided, int] | None:
        """Where nothing decides but account and day; None where the account is not registered or no such day is believed."""
        plausible = self._rules.plausible
        if self._rules.roster.standing(account) is None or not plausible.earliest <= day <= plausible.latest:
            return None
        spans = self._spans.get(account)
        if spans is None:
            spans = self._spans[account] = Spans(Asked(account), self._rules)
        return _decided_by(spans.on(day)), _SOURCES[HEADER]

    def _of_values(self, sketch: Sketch) -> tuple[Decided, int | None]:
        """As the classifier says."""
        _, _, received, from_line = sketch.dates
        seen = Occurrence(Place("", sketch.folder, ""), (), _instant(received), _instant(from_line), sketch.is_sent)
        new = classify(evidence_of(sketch.account, _learned(sketch), (seen,)), self._rules)
        return decided_of(new), None if new.date_source is None else _SOURCES[new.date_source]

    def _subject(self, sketch: Sketch) -> object:
        """What but the dates decides: nearly always the account alone."""
        asked = (sketch.account, sketch.from_marks)
        try:
            others = self._subjects[asked]
        except KeyError:
            _make_room(self._subjects)
            others = self._subjects[asked] = self._others(*asked)
        return sketch.account if others is None else (sketch.account, others, sketch.is_sent, sketch.sender_marks, sketch.folder)

    def _others(self, account: str, from_marks: str) -> tuple[str, ...] | None:
        """The senders that are other people of the register; None where there is none, and the folder does not matter either."""
        roster = self._rules.roster
        found = tuple(mark for mark in from_marks.split() if roster.is_address_of_another(mark, account))
        return found if found or roster.assigned_series(account) else None

    def _when(self, dates: Dates) -> object:
        """What of the dates decides: nearly always the one day that they all are of."""
        header, trace, received, from_line = dates
        if header is not None and self._is_a_day_near:
            on = header[:_DATE]
            turn = self._turns[on] if on in self._turns else self._turn_of(on)
            if turn is not None:
                before, midnight, after = turn
                low, high, day = (on, midnight, before) if header < midnight else (midnight, on + _AFTER_ALL, after)
                if (
                    (received is None or low <= received < high)
                    and (trace is None or low <= trace < high)
                    and (from_line is None or low <= from_line < high)
                ):
                    return day
        return (*(None if text is None else self._day(text) for text in dates), self._order(dates))

    def _turn_of(self, on: str) -> _Turn | None:
        """The day in agency time before and after the midnight that lies in that day of UTC, and the midnight.

        None where the clocks change on the way, or where the calendar ends.
        """
        _make_room(self._turns)
        self._turns[on] = None
        try:
            start = datetime.fromisoformat(f"{on}T00:00:00Z")
            local, end = start.astimezone(self._rules.zone), (start + _ONE_DAY).astimezone(self._rules.zone)
            after = local.date() + _ONE_DAY
            midnight = start + (datetime.combine(after, time.min) - local.replace(tzinfo=None))
        except OverflowError:
            return None
        if local.utcoffset() == end.utcoffset():
            told = midnight.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
            self._turns[on] = (local.date(), told, after)
        return self._turns[on]

    def _day(self, text: str) -> date | bool:
        """The day in agency time; False where the calendar has none."""
        return day_of(datetime.fromisoformat(text), self._rules.zone) or False

    def _order(self, dates: Dates) -> object:
        """Which of the dates lie further apart than the tolerance, and in which order."""
        instants = [_instant(text) for text in dates]
        tolerance = self._rules.tolerance
        far = tuple(
            (one - other > tolerance) - (other - one > tolerance) if one is not None and other is not None else 0
            for one, other in combinations(instants, 2)
        )
        return far if any(far) else None


def decided_of(classification: Classification) -> Decided:
    """The text of a class."""
    return (
        classification.record_class.value,
        classification.reason,
        classification.item,
        classification.authority,
        classification.designation_id,
        classification.form,
        classification.category,
        classification.date_source,
        None if classification.cutoff is None else classification.cutoff.isoformat(),
        None if classification.eligible is None else classification.eligible.isoformat(),
        " ".join(classification.flags),
    )


def _decided_by(outcome: Outcome) -> Decided:
    """The text of the class of a record whose dates all agree."""
    row = outcome.designation
    return (
        outcome.record_class.value,
        outcome.reason,
        outcome.item,
        outcome.authority,
        None if row is None else row.designation_id,
        None if row is None else row.form.number or None,
        None if row is None else row.category,
        HEADER,
        None if outcome.cutoff is None else outcome.cutoff.isoformat(),
        None if outcome.eligible is None else outcome.eligible.isoformat(),
        " ".join(outcome.flags),
    )


def _classification(decided: Decided, message_date: str | None = None) -> Classification:
    record_class, reason, item, authority, designation_id, form, category, source, cutoff, eligible, flags = decided
    return Classification(
        RecordClass(record_class), reason, "", item, authority, designation_id, form, category, _instant(message_date), source,
        _date(cutoff), _date(eligible), tuple(flags.split()),
    )  # fmt: skip


def _change_of(account: str, old: Classification, new: Classification) -> Change:
    return Change(shift_of(account, old, new), keeping_change(old, new))


def _learned(sketch: Sketch) -> Learned:
    header, trace = map(_instant, sketch.dates[:2])
    return Learned(header, trace, tuple(sketch.from_marks.split()), tuple(sketch.sender_marks.split()))


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


@lru_cache(maxsize=8192)
def _date(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def _make_room(memory: dict[Any, Any]) -> None:
    if len(memory) >= _MOST_REMEMBERED:
        memory.clear()
