"""What stands in a single field of a form: counts, days, boxes, numbers. None where it is not exactly that; never a guess."""

from __future__ import annotations

import re
from datetime import date

_COUNT = re.compile(r"(?:[0-9]{1,9}|[0-9]{1,3}(?:,[0-9]{3}){1,2})(?:\.0+)?")
_ISO = re.compile(r"([0-9]{4})-?([0-9]{2})-?([0-9]{2})(?:T[0-9:.Z+-]*)?")
_MONTH_FIRST = re.compile(r"([0-9]{1,2})([/.-])([0-9]{1,2})\2([0-9]{4})")
_NAMED_MONTH = re.compile(r"(?:([0-9]{1,2})\s+)?([A-Za-z]{3,9})\.?\s*(?:([0-9]{1,2})(?:st|nd|rd|th)?)?\s*,?\s*([0-9]{4})")
_MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
_NUMBER = re.compile(r"\W*(?:GRS)?[\s.-]*6[.\s]1\s*-\s*([0-9]{4})\s*-\s*([0-9]{4})\s*-\s*([0-9]{4})\W*", re.IGNORECASE)
_RECORD_GROUP = re.compile(r"(?:RG|record group)?\W*0*([0-9]{1,4})\W*", re.IGNORECASE)
_ON, _OFF = frozenset({"1", "on", "yes", "true", "x"}), frozenset({"0", "2", "off", "no", "false", ""})
_LINE_BREAKS = re.compile(r"[\r\n\v\f\x85\u2028\u2029]+")


def one_line(text: str | None) -> str:
    """The text as one line: breaks become blanks, the ends are trimmed, everything else stays as written."""
    lines = [line.strip() for line in _LINE_BREAKS.split(text or "")]
    return " ".join(line for line in lines if line)


def count_of(text: str | None) -> int | None:
    """A number of accounts: `12`, `12.00000000` (as the form stores it), `1,265`. Anything else is no count."""
    cell = (text or "").strip()
    if not _COUNT.fullmatch(cell):
        return None
    return int(cell.partition(".")[0].replace(",", ""))


def day_of(text: str | None) -> date | None:
    """A day as the forms write it, month first in figures: the form's only locale is that of the United States."""
    cell = one_line(text)
    if found := _ISO.fullmatch(cell):
        return _day(found[1], found[2], found[3])
    if found := _MONTH_FIRST.fullmatch(cell):
        return _day(found[4], found[1], found[3])
    if (found := _NAMED_MONTH.fullmatch(cell)) and bool(found[1]) != bool(found[3]):
        return _day(found[4], str(_month(found[2])), found[1] or found[3])
    return None


def box_of(text: str | None) -> bool | None:
    """Whether a box is ticked; None where the form has no such box or it holds something else."""
    if text is None:
        return None
    cell = text.strip().lower()
    return True if cell in _ON else False if cell in _OFF else None


def form_number_of(text: str | None) -> str | None:
    """The number as the National Archives write it, `GRS 6.1-0065-2018-0001`: forms drop the blank, the prefix, or add dots."""
    found = _NUMBER.fullmatch(text or "")
    return f"GRS 6.1-{found[1]}-{found[2]}-{found[3]}" if found else None


def record_group_of(text: str | None) -> str | None:
    """The record group in four digits, as form numbers have it."""
    found = _RECORD_GROUP.fullmatch((text or "").strip())
    return found[1].zfill(4) if found else None


def _month(name: str) -> int:
    lowered = name.lower()
    fitting = [number for number, month in enumerate(_MONTHS, start=1) if month.startswith(lowered)]
    if lowered == "sept":
        return 9
    return fitting[0] if len(fitting) == 1 else 0


def _day(year: str, month: str, day: str) -> date | None:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None
