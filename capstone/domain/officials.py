"""Who holds which Capstone role with which account from when to when: forms and designations. `roster` answers for them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum


class CutoffRule(StrEnum):
    """When records of item 010 are cut off, as chosen on the NA-1005."""

    CALENDAR = "calendar"
    FISCAL = "fiscal"
    TENURE = "tenure"
    ADMINISTRATION = "administration"
    OTHER = "other"
    """An event that the form names in words: no date follows from it, a person must say when it has come."""


CAPSTONE_CATEGORIES = frozenset(str(number) for number in range(1, 11))
SUPPORT, NO_ROLE = "support", "none"

_ID_LENGTH = 12


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
    block_years: int | None = None
    """Transferred in blocks of so many years, counted from `block_start`; None: year by year."""
    block_start: int | None = None
    """The first year of any one block; None: blocks begin in years that `block_years` divides."""
    after_declassification_review: bool = False
    """Transfer waits for the review as well, whichever is later."""
    withdrawn: date | None = None
    """The day from which the approval no longer stands (denied, or taken back by the National Archives)."""
    superseded: date | None = None
    """The day on which a newer form for the same scope was approved."""
    expires: date | None = None
    """The day after the resubmission window that was missed; None: no known window asks for it."""

    def is_approved(self, today: date) -> bool:
        """Whether the form may be used today (domain.md 0.2); an approval that lies ahead is none yet.

        One that is superseded or expired goes on deciding classes: what it named stays what it was.
        """
        return self.approved is not None and self.approved <= today and not _has_come(self.withdrawn, today)

    def allows_destruction(self, today: date) -> bool:
        """Whether temporary records may be destroyed on its authority today: not once it is superseded or expired (REG-30)."""
        return self.is_approved(today) and not _has_come(self.superseded, today) and not _has_come(self.expires, today)


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
    decided: str = ""
    """How the designation was decided: an order, a memorandum, an election ..."""
    decided_by: str = ""
    evidence: str = ""
    """Where the paper that says so can be found."""

    @property
    def is_capstone(self) -> bool:
        """Whether the role stands in one of the ten NA-1005 categories, acting or not."""
        return self.category in CAPSTONE_CATEGORIES

    def covers(self, day: date) -> bool:
        """Whether the role was held on that day."""
        return self.starts <= day and (self.ends is None or day <= self.ends)


def identified(content: Designation) -> Designation:
    """The same row with the id that follows from its content; an id that it has already is not looked at."""
    data = designation_as_dict(content)
    del data["designation_id"]
    canonical = json.dumps(data, sort_keys=True, separators=(",", ":"))
    return replace(content, designation_id=hashlib.sha256(canonical.encode()).hexdigest()[:_ID_LENGTH])


def designation_as_dict(row: Designation) -> dict[str, object]:
    """The row as JSON values, for decision objects; `designation_from_dict` gives back an equal row."""
    said = {"decided": row.decided, "decided_by": row.decided_by, "evidence": row.evidence}
    return {
        "designation_id": row.designation_id,
        "official": row.official,
        "office": row.office,
        "position": row.position,
        "category": row.category,
        "account": row.account,
        "addresses": list(row.addresses),
        "from": row.starts.isoformat(),
        "until": _iso(row.ends),
        "acting": row.acting,
        "form": form_as_dict(row.form),
        **{name: text for name, text in said.items() if text},
    }


def form_as_dict(form: Form) -> dict[str, object]:
    """The form as JSON values. What came with later versions stands there only where it is said, so that ids stay the same."""
    told: dict[str, object] = {
        "number": form.number,
        "record_group": form.record_group,
        "approved": _iso(form.approved),
        "items": sorted(form.items),
        "cutoff": None if form.cutoff is None else form.cutoff.value,
        "transfer_years": form.transfer_years,
        "covers_from": _iso(form.covers_from),
    }
    later: dict[str, object] = {
        "block_years": form.block_years,
        "block_start": form.block_start,
        "after_declassification_review": form.after_declassification_review or None,
        "withdrawn": _iso(form.withdrawn),
        "superseded": _iso(form.superseded),
        "expires": _iso(form.expires),
    }
    return told | {name: value for name, value in later.items() if value is not None}


def form_from_dict(form: Mapping[str, object]) -> Form:
    """The form that `form_as_dict` wrote. Raises KeyError, TypeError, ValueError where that is not what it is given."""
    return Form(
        number=_text(form["number"]),
        record_group=_text_or_none(form["record_group"]),
        approved=_date_or_none(form["approved"]),
        items=frozenset(_texts(form["items"])),
        cutoff=None if form["cutoff"] is None else CutoffRule(_text(form["cutoff"])),
        transfer_years=_number_or_none(form["transfer_years"]),
        covers_from=_date_or_none(form["covers_from"]),
        block_years=_number_or_none(form.get("block_years")),
        block_start=_number_or_none(form.get("block_start")),
        after_declassification_review=form.get("after_declassification_review") is True,
        withdrawn=_date_or_none(form.get("withdrawn")),
        superseded=_date_or_none(form.get("superseded")),
        expires=_date_or_none(form.get("expires")),
    )


def designation_from_dict(data: Mapping[str, object]) -> Designation:
    """The row that `designation_as_dict` wrote. Raises ValueError where that is not what it is given."""
    try:
        return _row_of(data)
    except (KeyError, TypeError, AttributeError) as exc:
        raise ValueError("not a designation as this program writes it") from exc


def _row_of(data: Mapping[str, object]) -> Designation:
    form = data["form"]
    if not isinstance(form, Mapping):
        raise TypeError("form")
    return Designation(
        designation_id=_text(data["designation_id"]),
        official=_text(data["official"]),
        office=_text(data["office"]),
        position=_text(data["position"]),
        category=_text(data["category"]),
        account=_text(data["account"]),
        addresses=_texts(data["addresses"]),
        starts=date.fromisoformat(_text(data["from"])),
        ends=_date_or_none(data["until"]),
        acting=data["acting"] is True,
        form=form_from_dict(form),
        decided=_text(data.get("decided", "")),
        decided_by=_text(data.get("decided_by", "")),
        evidence=_text(data.get("evidence", "")),
    )


def _has_come(event: date | None, today: date) -> bool:
    return event is not None and event <= today


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("text expected")
    return value


def _text_or_none(value: object) -> str | None:
    return None if value is None else _text(value)


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError("list expected")
    return tuple(_text(part) for part in value)


def _number_or_none(value: object) -> int | None:
    if value is not None and type(value) is not int:
        raise TypeError("number expected")
    return value


def _date_or_none(value: object) -> date | None:
    return None if value is None else date.fromisoformat(_text(value))
