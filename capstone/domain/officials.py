"""Who held which Capstone role with which account on a day: forms, designations and the roster of all of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class CutoffRule(StrEnum):
    """When records of item 010 are cut off, as chosen on the NA-1005."""

    CALENDAR = "calendar"
    FISCAL = "fiscal"
    TENURE = "tenure"
    ADMINISTRATION = "administration"


CAPSTONE_CATEGORIES = frozenset(str(number) for number in range(1, 11))
SUPPORT, NO_ROLE = "support", "none"


@dataclass(frozen=True, slots=True)
class Form:
    """What an NA-1005 says, as far as decisions need it. `approved` is judged on the day of deciding."""

    number: str
    record_group: str | None = None
    approved: date | None = None
    items: frozenset[str] = frozenset({"010", "011", "012"})
    cutoff: CutoffRule | None = None
    transfer_years: int | None = None
    covers_from: date | None = None
    """Mail before this day is not covered (legacy scope); None: all mail is."""


@dataclass(frozen=True, slots=True)
class Designation:
    """An official in a position with an account, from a day until a day (both inclusive; open while in office)."""

    designation_id: str
    """Digest of the row's content, twelve hex digits: the same row has the same id everywhere."""
    official: str
    office: str
    position: str
    category: str
    """"1" to "10", "support" (item 012) or "none" (item 011)."""
    account: str
    addresses: tuple[str, ...]
    """Normal forms, see `addresses.normal_form`."""
    starts: date
    ends: date | None
    acting: bool
    form: Form
