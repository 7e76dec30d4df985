"""Which of a message's dates can be believed. Rule 3 of domain.md 6.1; a file's own time is never one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
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


def day_of(instant: datetime, zone: tzinfo) -> date | None:
    """The day of an aware instant in that zone; None where the calendar has no such day (before year 1, after 9999)."""
    try:
        return instant.astimezone(zone).date()
    except OverflowError:
        return None


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
    receipts = _believable(RECEIVED, received, plausible)
    if trace is not None:
        receipts += _believable(TRACE, (trace,), plausible)
    if from_lines:
        receipts += _believable(FROM_LINE, from_lines, plausible)
    if header is None:
        return receipts
    sent = _believable(HEADER, (header,), plausible)
    if sent and receipts and header - receipts[0].instant > plausible.tolerance:
        return receipts
    return sent + receipts


def _believable(source: str, instants: Sequence[datetime], plausible: Plausible) -> list[MessageDate]:
    found = []
    latest = plausible.today.toordinal() + 1
    for instant in sorted(instants):
        day = day_of(instant, plausible.zone)
        if day is not None and plausible.earliest <= day and day.toordinal() <= latest:
            found.append(MessageDate(source, instant, day))
    return found
