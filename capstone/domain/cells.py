"""What a cell of a register file, or an option of a command, may say. A reader raises ValueError with what is wrong."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, timedelta

from capstone.domain.layout import is_account
from capstone.domain.officials import CAPSTONE_CATEGORIES, NO_ROLE, SUPPORT, CutoffRule
from capstone.domain.spreadsheets import is_formula

_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_ITEM = re.compile(r"[0-9]{3}")
_YES, _NO = frozenset({"yes", "y", "true", "1", "x"}), frozenset({"no", "n", "false", "0", ""})

_SERIAL = re.compile(r"([1-9][0-9]{4})(?:\.[0-9]+)?")
_DAY_ZERO = date(1899, 12, 30)
"""From which spreadsheets count days; right for all days after February 1900."""
_WITH_SLASHES = re.compile(r"([0-9]{1,2})[/.-]([0-9]{1,2})[/.-]([0-9]{4})")
_YEAR_FIRST = re.compile(r"([0-9]{4})[/.-]([0-9]{1,2})[/.-]([0-9]{1,2})")
_TIME_OF_DAY = re.compile(r"[ T][0-9:.]+( ?[AaPp][Mm])?$")


def plain(text: str) -> str:
    """Text on one line, no formula."""
    no_formula(text)
    if any(unicodedata.category(sign) in ("Cc", "Zl", "Zp") for sign in text):
        raise ValueError("holds a control character or a line break")
    return text


def no_formula(text: str) -> None:
    """Raise ValueError where a spreadsheet would run the text: the register is shown in spreadsheets later."""
    if is_formula(text.lstrip(" ")):
        raise ValueError(f"begins with {text.lstrip(' ')[0]!r}, as a formula does; write it as plain text")


def day(text: str) -> date:
    """A day as 2024-01-31. Any other way to write one is refused, with the day that it probably means; nothing is guessed."""
    if not _ISO_DATE.fullmatch(text):
        raise ValueError(f"{text[:20]!r} is not a date such as 2024-01-31{_meaning(text)}")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text} is not in the calendar") from None


def category(text: str) -> str:
    """A category of the form, or what is none."""
    named = text.lower()
    if named not in CAPSTONE_CATEGORIES and named not in (SUPPORT, NO_ROLE):
        raise ValueError(f"{text[:20]!r} is not one of 1 to 10, support, none")
    return named


def account(text: str) -> str:
    """The stable id of an account."""
    if not is_account(text):
        raise ValueError(f"{text[:80]!r} is not an id of lower-case letters, digits and hyphens, at most 63")
    return text


def yes_or_no(text: str) -> bool:
    """A claim."""
    if text.lower() not in _YES | _NO:
        raise ValueError(f"{text[:20]!r} is neither yes nor no")
    return text.lower() in _YES


def items(text: str) -> frozenset[str]:
    """Items of the schedule, parted by blanks, commas or semicolons."""
    found = frozenset(re.split(r"[\s,;]+", text))
    for item in sorted(found):
        if not _ITEM.fullmatch(item):
            raise ValueError(f"{item[:20]!r} is not an item of three digits such as 010 (a spreadsheet may have cut the zero)")
    return found


def cutoff(text: str) -> CutoffRule:
    """A rule of cutoff."""
    try:
        return CutoffRule(text.lower())
    except ValueError:
        raise ValueError(f"{text[:20]!r} is not one of {', '.join(CutoffRule)}") from None


def years(text: str) -> int:
    """A number of years from 1 to 99."""
    if not re.fullmatch(r"[1-9][0-9]?", text):
        raise ValueError(f"{text[:20]!r} is not a number of years")
    return int(text)


def _meaning(text: str) -> str:
    """Which day the writer, or a spreadsheet, probably meant."""
    serial = _SERIAL.fullmatch(text)
    if serial:
        return f"; it is a spreadsheet's number of a day and probably means {_DAY_ZERO + timedelta(days=int(serial[1]))}"
    meant = sorted(_days_written(_TIME_OF_DAY.sub("", text)))
    if not meant:
        return ""
    return f"; it probably means {meant[0]}" if len(meant) == 1 else f"; it may mean {meant[0]} or {meant[1]}"


def _days_written(text: str) -> set[str]:
    year_first, year_last = _YEAR_FIRST.fullmatch(text), _WITH_SLASHES.fullmatch(text)
    if year_first:
        year, month, of_month = (int(part) for part in year_first.groups())
        orders = [(year, month, of_month)]
    elif year_last:
        one, other, year = (int(part) for part in year_last.groups())
        orders = [(year, one, other), (year, other, one)]
    else:
        return set()
    return {found for order in orders if (found := _iso(*order))}


def _iso(year: int, month: int, of_month: int) -> str:
    try:
        return date(year, month, of_month).isoformat()
    except ValueError:
        return ""
