"""The date at the end of an MBOX `From ` line, in the forms that real archives have.

asctime (`Thu Jan  1 00:00:00 2015`), with a zone before or after the year, two-digit years, without seconds; the order of
RFC 5322 (`Mon, 1 Jan 2015 00:00:00 +0900`); ISO 8601 (`2020-03-03 07:50:45 +0000`). A UUCP `remote from HOST` may follow.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_HOURS_FROM_UTC = {"est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7}
"""The zone names that RFC 5322 4.3 gives a meaning; any other name says nothing and counts as UTC."""

_LONGEST_DATE = 100
_WEEKDAY = r"(?:mon|tue|wed|thu|fri|sat|sun),?"
_MONTH = rf"(?P<month>{'|'.join(_MONTHS)})"
_DAY = r"(?P<day>\d{1,2})"
_TIME = r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}))?"
_YEAR = r"(?P<year>\d{4}|\d{2})"
_ZONE = r"(?: (?:[a-z]{1,5}|[+-]\d{2}:?\d{2}|\([a-z ]{1,30}\))){0,2}"
_END = r"(?: remote from \S+)?$"
_FORMS = tuple(
    re.compile(rf" {form}{_END}")
    for form in (
        rf"{_WEEKDAY} {_MONTH} {_DAY} {_TIME}(?P<zone>{_ZONE}) {_YEAR}(?P<late_zone>{_ZONE})",
        rf"(?:{_WEEKDAY} )?{_DAY}[ -]{_MONTH}[ -]{_YEAR},? {_TIME}(?P<zone>{_ZONE})",
        rf"(?P<year>\d{{4}})-(?P<month>\d{{2}})-{_DAY}[ t]{_TIME}(?P<zone> ?(?:z|[+-]\d{{2}}:?\d{{2}}))?",
    )
)
_OFFSET = re.compile(r"([+-])(\d{2}):?(\d{2})")


def ends_in_date(line: bytes) -> bool:
    """Whether the line ends in something of the shape of a date with a time."""
    return _match(line) is not None


def date_of(line: bytes) -> datetime | None:
    """The date that the line ends in, in UTC; None where there is none or no calendar has it."""
    match = _match(line)
    if match is None:
        return None
    found = match.groupdict()
    month, year = found["month"], found["year"]
    try:
        local = datetime(
            _full_year(year),
            _MONTHS.index(month) + 1 if month in _MONTHS else int(month),
            int(found["day"]),
            int(found["hour"]),
            int(found["minute"]),
            min(int(found["second"] or 0), 59),
            tzinfo=UTC,
        )
        return local - _offset((found["zone"] or "") + (found.get("late_zone") or ""))
    except (ValueError, OverflowError):
        return None


@lru_cache(maxsize=4)
def _match(line: bytes) -> re.Match[str] | None:
    # Tail only: however long a line a stranger writes, looking for a date in it stays cheap.
    tail = line[-_LONGEST_DATE:]
    if b":" not in tail:
        return None
    text = " " + " ".join(tail.decode("latin-1").lower().split())
    return next((match for form in _FORMS if (match := form.search(text))), None)


def _full_year(year: str) -> int:
    """Two digits mean 1969 to 2068, as POSIX reads them."""
    if len(year) > 2:
        return int(year)
    return int(year) + (1900 if int(year) >= 69 else 2000)


def _offset(zone: str) -> timedelta:
    if not zone:
        return timedelta()
    if match := _OFFSET.search(zone):
        size = timedelta(hours=int(match[2]), minutes=int(match[3]))
        return -size if match[1] == "-" else size
    return timedelta(hours=next((_HOURS_FROM_UTC[name] for name in zone.split() if name in _HOURS_FROM_UTC), 0))
