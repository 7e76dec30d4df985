"""Which of a message's dates can be believed. Rule 3 of domain.md 6.1; a file's own time is never one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import NamedTuple

HEADER, RECEIVED, TRACE, FROM_LINE = "header", "received", "trace", "from_line"
"""Sources of a date, best first: the Date header, a server's received time, the topmost Received, the MBOX `From ` line."""


class MessageDate(NamedTuple):
    """A believable date, where it came from, and its day in agency time. A tuple, as capture makes millions of them."""

    source: str
    instant: datetime
    day: date


@dataclass(frozen=True, slots=True)
class Plausible:
    """What dates can be true: days in `zone` from `earliest` to one day after `today`; sent at most `tolerance` after receipt."""

    zone: tzinfo
    earliest: date
    today: date
    tolerance: timedelta
    latest: date = field(init=False)
    """The last day that can be believed."""
    middles: dict[date, tuple[datetime, datetime]] = field(init=False, repr=False, compare=False)
    """Of days met so far: from when to when it is surely that day (see `agreed_date`)."""

    def __post_init__(self) -> None:
        """Prepare what every message needs."""
        latest = date.fromordinal(min(self.today.toordinal() + 1, date.max.toordinal()))
        object.__setattr__(self, "latest", latest)
        object.__setattr__(self, "middles", {})


def day_of(instant: datetime, zone: tzinfo) -> date | None:
    """The day of an aware instant in that zone; None where the calendar has no such day (before year 1, after 9999)."""
    try:
        return instant.astimezone(zone).date()
    except OverflowError:
        return None


def agreed_date(
    header: datetime | None,
    received: Sequence[datetime],
    trace: datetime | None,
    from_lines: Sequence[datetime],
    plausible: Plausible,
) -> MessageDate | None:
    """The header's date where every other date surely is of its day, so that nothing else can be decided by them.

    None: ask `usable_dates`. This is a short way for the many messages that arrive at once; both come to the same.
    """
    if header is None or plausible.tolerance < _A_DAY:
        return None
    try:
        day = header.astimezone(plausible.zone).date()
    except OverflowError:
        return None
    if not plausible.earliest <= day <= plausible.latest:
        return None
    first, last = plausible.middles.get(day) or _new_middle(day, plausible)
    if trace is not None and not first <= trace <= last:
        return None
    for instant in received:
        if not first <= instant <= last:
            return None
    for instant in from_lines:
        if not first <= instant <= last:
            return None
    return MessageDate(HEADER, header, day)


_A_DAY, _HALF_A_MIDDLE = timedelta(days=1), timedelta(hours=11, minutes=30)
_MOST_DAYS = 40_000
_NEVER = (datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC))


def _new_middle(day: date, plausible: Plausible) -> tuple[datetime, datetime]:
    if len(plausible.middles) >= _MOST_DAYS:
        plausible.middles.clear()
    found = plausible.middles[day] = _middle_of(day, plausible.zone)
    return found


def _middle_of(day: date, zone: tzinfo) -> tuple[datetime, datetime]:
    """All but the first and the last half hour of a day whose clocks stand still; an empty interval for any other day.

    In UTC, as comparing is fastest there.
    """
    noon = datetime.combine(day, time(12), tzinfo=zone)
    try:
        ends = [(noon + step).astimezone(UTC) for step in (-_HALF_A_MIDDLE, _HALF_A_MIDDLE)]
    except OverflowError:
        return _NEVER
    return (ends[0], ends[1]) if ends[1] - ends[0] == 2 * _HALF_A_MIDDLE else _NEVER


def usable_dates(
    header: datetime | None,
    received: Sequence[datetime],
    trace: datetime | None,
    from_lines: Sequence[datetime],
    plausible: Plausible,
) -> list[MessageDate]:
    """The believable dates, best source first, earliest first within one source; empty when there is none.

    The first is *the* message date unless the classes of the days differ. Receipt is the earliest believable received time,
    else the trace, else the `From ` line; a header date later than that by more than the tolerance is not believed.
    """
    receipts = []
    for source, instants in ((RECEIVED, received), (TRACE, () if trace is None else (trace,)), (FROM_LINE, from_lines)):
        for instant in sorted(instants) if len(instants) > 1 else instants:
            found = _believed(source, instant, plausible)
            if found is not None:
                receipts.append(found)
    sent = None if header is None else _believed(HEADER, header, plausible)
    if sent is None or (receipts and sent.instant - receipts[0].instant > plausible.tolerance):
        return receipts
    return [sent, *receipts]


def _believed(source: str, instant: datetime, plausible: Plausible) -> MessageDate | None:
    try:
        day = instant.astimezone(plausible.zone).date()
    except OverflowError:
        return None
    return MessageDate(source, instant, day) if plausible.earliest <= day <= plausible.latest else None
