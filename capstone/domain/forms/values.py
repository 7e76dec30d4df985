"""The values of a form NA-1005: what it says, word for word, and beside it what of that could be understood."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class CutoffChoice(StrEnum):
    """When the mail of Capstone officials is cut off. OTHER: an event that the form names and that is none of the four."""

    CALENDAR = "calendar"
    FISCAL = "fiscal"
    TENURE = "tenure"
    ADMINISTRATION = "administration"
    OTHER = "other"


class Place(StrEnum):
    """Where on the form an instruction was found: revisions before 09-16 have no field for it, and ask for it in the comments."""

    FIELD = "field"
    COMMENTS = "scope_comments"


class CountedFrom(StrEnum):
    """What a transfer period counts from, as the form words it."""

    CUTOFF = "cutoff"
    AGE = "age"


class Accounts(StrEnum):
    """Which accounts a transfer period is for, where the form tells two kinds apart."""

    CLASSIFIED = "classified"
    UNCLASSIFIED = "unclassified"


class Scope(StrEnum):
    """How far the implementation goes."""

    AGENCY_WIDE = "agency_wide"
    COMPONENT = "component"


@dataclass(frozen=True, slots=True)
class Cutoff:
    """The cutoff instructions. `rule` None: not there or not understood; `text` is what the form says, whichever."""

    rule: CutoffChoice | None = None
    text: str = ""
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class TransferPeriod:
    """One number of years that the instructions name, with the sentence it stands in."""

    years: int
    counted_from: CountedFrom | None
    accounts: Accounts | None
    text: str


@dataclass(frozen=True, slots=True)
class Transfer:
    """The transfer instructions. `years` only where one period holds for all mail; otherwise `periods` says what was found."""

    years: int | None = None
    periods: tuple[TransferPeriod, ...] = ()
    block_years: int | None = None
    """Transferred in blocks of so many years; None: the form chooses no blocks."""
    after_declassification_review: bool = False
    text: str = ""
    place: Place | None = None

    def years_for(self, accounts: Accounts) -> int | None:
        """The period of one kind of accounts: its own where the form names it, else the one named for no kind in particular."""
        if self.years is not None:
            return self.years
        own = {period.years for period in self.periods if period.accounts is accounts}
        general = {period.years for period in self.periods if period.accounts is None}
        chosen = own or (general if any(period.accounts for period in self.periods) else set())
        return chosen.pop() if len(chosen) == 1 else None


@dataclass(frozen=True, slots=True)
class LegacyScope:
    """What the form says of mail from before Capstone. The text decides; the rest is what could be understood of it."""

    text: str = ""
    exists: bool | None = None
    since_year: int | None = None
    is_approximate: bool = False


@dataclass(frozen=True, slots=True)
class Approval:
    """A line of the approvals: who (as written), whether the box is ticked, and when."""

    role: str
    name: str = ""
    approved: bool | None = None
    denied: bool | None = None
    day: date | None = None
    day_text: str = ""


@dataclass(frozen=True, slots=True)
class Position:
    """A row of a category's table. `accounts` None: not a number; `accounts_text` is what stands there."""

    category: str
    row: int
    """Its place among the rows of the table, from 1, blank rows counted."""
    title: str
    accounts: int | None
    accounts_text: str


@dataclass(frozen=True, slots=True)
class Category:
    """One of the ten tables. `reason`: why it is empty, where the form says so in place of a position."""

    number: str
    positions: tuple[Position, ...] = ()
    reason: str = ""
    stated_total: int | None = None
    stated_text: str = ""

    @property
    def counted_total(self) -> int:
        """The accounts of its positions added up; a count that is no number adds nothing."""
        return sum(position.accounts or 0 for position in self.positions)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about a form that a person must see: never mended, only reported. Codes: see `findings.CODES`."""

    code: str
    where: str
    message: str
    stated: str | None = None
    """What the form says, where the finding is about a figure or a text."""
    counted: int | None = None
    """What adding up gives, where the finding is about a sum."""


@dataclass(frozen=True, slots=True)
class Form:
    """An NA-1005 as filed. Every parsed value has the form's own words beside it or in `findings`."""

    number: str | None
    number_text: str
    revision: str | None
    agency: str
    record_group: str | None
    received: date | None
    received_text: str
    total_accounts: int | None
    supersedes: bool | None
    previous_number: str | None
    previous_text: str
    items: tuple[str, ...]
    scope: Scope | None
    scope_comments: str
    cutoff: Cutoff
    transfer: Transfer
    legacy: LegacyScope
    has_classified_accounts: bool | None
    categories: tuple[Category, ...]
    agency_approvals: tuple[Approval, ...]
    decision: Approval
    """The National Archives' own line: approved, denied, or neither yet."""
    denial_reason: str
    findings: tuple[Finding, ...]
    digest: str

    @property
    def approved(self) -> date | None:
        """The day of approval: only where the box says approved, does not say denied too, and a date can be read."""
        return self.decision.day if self.decision.approved and not self.decision.denied else None

    @property
    def denied(self) -> date | None:
        """The day of a denial that is dated; `is_denied` says whether there is one at all."""
        return self.decision.day if self.is_denied else None

    @property
    def is_denied(self) -> bool:
        """Whether the National Archives ticked denied, and did not tick approved too."""
        return bool(self.decision.denied and not self.decision.approved)

    def positions(self) -> Iterator[Position]:
        """Every position in the order of the form's tables."""
        for category in self.categories:
            yield from category.positions
