"""Dates of mail headers as aware datetimes. Malformed, missing and implausible are told apart. Never raises."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_tz
from functools import lru_cache

FIRST_YEAR, LAST_YEAR = 1982, 2100
"""RFC 822, which gave mail this field, is of 1982: earlier years are clocks that were never set (1970, 1980), later ones too."""
_MAX_LENGTH = 256
_MONTHS = {
    "jan": 1,
    "feb": 2,
    "mar": 3,
    "apr": 4,
    "may": 5,
    "jun": 6,
    "jul": 7,
    "aug": 8,
    "sep": 9,
    "oct": 10,
    "nov": 11,
    "dec": 12,
}
_NAMED = {"GMT": "+0000", "UTC": "+0000", "UT": "+0000", "EST": "-0500", "EDT": "-0400", "CST": "-0600", "CDT": "-0500"}
_NAMED |= {"MST": "-0700", "MDT": "-0600", "PST": "-0800", "PDT": "-0700"}
_USUAL = re.compile(
    r"(?:[A-Za-z]{3}, {1,2})?(\d{1,2}) ([A-Za-z]{3}) (\d{4}) (\d\d):(\d\d):(\d\d) "
    r"([+-]\d\d[0-5]\d|[A-Z]{2,3})(?: \([A-Za-z0-9 :+-]*\))?"
)
_COMMENT = re.compile(r"\([^()]*+\)")
_HALF_DAY = re.compile(r"\b(\d{1,2})([:.]\d\d(?:[:.]\d\d)?)\s*([AP])\.?M\b\.?", re.IGNORECASE)
_OFFSET = re.compile(r"(?:\s|(?<=:\d\d))(?:GMT|UTC?|Z)?\s?([+-])(\d{1,2})(?::?([0-5]\d))?$", re.IGNORECASE)
"""A numeric zone in any form: "+01:00", "GMT+2", "-05"."""
_ISO = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")


def read_date(value: str) -> tuple[datetime | None, str | None]:
    """(the instant, problem code): `malformed_date` or `date_implausible` come with None."""
    usual = _USUAL.fullmatch(value)
    moment = _of_usual(usual) if usual else _of_any(value[:_MAX_LENGTH])
    if moment is None:
        return None, "malformed_date"
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        return None, "date_implausible"
    return moment, None


def read_trace_date(received: str) -> datetime | None:
    """The date of a Received field, which follows its last semicolon; None where it has none that can be read."""
    _, semicolon, stamp = received.rpartition(";")
    return read_date(stamp.strip())[0] if semicolon else None


def _of_usual(usual: re.Match[str]) -> datetime | None:
    day, month, year, hour, minute, second, offset = usual.groups()
    number = _MONTHS.get(month.lower())
    if number is None:
        return None
    try:
        return datetime(int(year), number, int(day), int(hour), int(minute), min(int(second), 59), tzinfo=_zone(offset))
    except ValueError:
        return None


@lru_cache(maxsize=256)
def _zone(offset: str) -> timezone:
    """The zone of "+0130" or "EST"; UTC for names that RFC 5322 does not know. Raises ValueError for a day or more."""
    offset = _NAMED.get(offset, "+0000") if offset.isalpha() else offset
    minutes = int(offset[1:3]) * 60 + int(offset[3:])
    return _zone_of_seconds(-60 * minutes if offset[0] == "-" else 60 * minutes)


@lru_cache(maxsize=256)
def _zone_of_seconds(seconds: int) -> timezone:
    return timezone(timedelta(seconds=seconds)) if seconds else UTC


def _of_any(value: str) -> datetime | None:
    """What the standard library makes of obsolete and odd forms, said in its own way before. No zone named: UTC."""
    value = _OFFSET.sub(_plain_offset, _HALF_DAY.sub(_whole_day, _COMMENT.sub(" ", value).strip()))
    try:
        if _ISO.match(value):
            moment = datetime.fromisoformat(value.replace(" +", "+").replace(" -", "-"))
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        fields = parsedate_tz(value)
        if fields is None:
            return None
        zone = _zone_of_seconds(fields[9] or 0)
        year = fields[0] + 1900 if 100 <= fields[0] < 1000 else fields[0]  # programs that counted on past 99 (RFC 5322 4.3)
        return datetime(year, *fields[1:5], min(fields[5], 59), tzinfo=zone)
    # It was written for well-meant input: what it raises on the rest is not documented.
    except (ValueError, TypeError, IndexError, OverflowError, AttributeError):
        return None


def _whole_day(half: re.Match[str]) -> str:
    hour, rest, mark = half.groups()
    if not 1 <= int(hour) <= 12:
        return f"{hour}{rest} "  # it counts all 24 already
    return f"{int(hour) % 12 + (12 if mark in 'pP' else 0):02}{rest} "


def _plain_offset(offset: re.Match[str]) -> str:
    sign, hours, minutes = offset.groups()
    return f" {sign}{int(hours):02}{minutes or '00'}"
