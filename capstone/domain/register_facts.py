"""What the register says besides who held which role: forms, kinds of accounts, addresses in time, rights to send, other series.

A fact is never changed. A correction is a new fact of a later decision that supersedes the old one; ids are digests of content.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from capstone.domain.officials import Designation, Form, form_as_dict, form_from_dict

_ID_LENGTH = 12


class AccountKind(StrEnum):
    """What an account is to its holder. Capstone covers all of an official's accounts (domain.md 1.2)."""

    PRIMARY = "primary"
    SECONDARY = "secondary"
    SHARED = "shared"
    DELEGATE = "delegate"
    OTHER_NETWORK = "other_network"


@dataclass(frozen=True, slots=True)
class FormPosition:
    """A row of a category's table: the position and its number of accounts (None: not a number on the form)."""

    category: str
    position: str
    accounts: int | None


@dataclass(frozen=True, slots=True)
class RegisteredForm:
    """An NA-1005 as the register holds it. What it decides stands in `form`; what it lists in `positions`, in table order."""

    form: Form
    agency: str = ""
    positions: tuple[FormPosition, ...] = ()
    total_accounts: int | None = None
    source_digest: str = ""
    """SHA-256 of the file that it was read from; the file itself is kept in the store under that digest."""
    cutoff_text: str = ""
    """The form's own words, whether or not they were understood; so is the next."""
    transfer_text: str = ""
    submitted: date | None = None
    previous: str | None = None
    """Number of the form that it supersedes."""
    resubmitted: tuple[date, ...] = ()
    """Days on which the agency sent in a newer form: an answered window lets no form expire."""


@dataclass(frozen=True, slots=True)
class AccountFact:
    """What is known of an account itself."""

    account: str
    account_kind: AccountKind
    office: str = ""
    network: str = ""
    """The network it is on, where that is not the agency's own."""


@dataclass(frozen=True, slots=True)
class AddressFact:
    """An address (normal form) belonged to an account from a day until a day, both inclusive: aliases change hands."""

    address: str
    account: str
    starts: date
    ends: date | None = None


@dataclass(frozen=True, slots=True)
class SendingRight:
    """An account may send on behalf of another account's holder, from a day until a day.

    No class follows from it: it does not say who sent a message (domain.md 6.1 rule 5).
    """

    account: str
    on_behalf_of: str
    starts: date
    ends: date | None = None


@dataclass(frozen=True, slots=True)
class SeriesAssignment:
    """Mail of an account (below `folder`, where named) also belongs to a series of another schedule (domain.md 6.1 rule 8)."""

    series: str
    """Id of a series in `config/schedules/series.toml`."""
    account: str
    starts: date
    ends: date | None = None
    folder: str = ""


RegisterFact = RegisteredForm | AccountFact | AddressFact | SendingRight | SeriesAssignment

_KINDS: dict[str, type[RegisterFact]] = {
    "form": RegisteredForm,
    "account": AccountFact,
    "address": AddressFact,
    "sending_right": SendingRight,
    "series": SeriesAssignment,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}


def kind_of(fact: RegisterFact) -> str:
    """The name of its kind."""
    return _NAMES[type(fact)]


def fact_id(fact: RegisterFact) -> str:
    """Twelve hex digits that follow from kind and content: the same fact has the same id everywhere."""
    canonical = json.dumps(fact_as_dict(fact), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:_ID_LENGTH]


def subject_of(fact: RegisterFact) -> tuple[str, ...]:
    """What a fact is about: of two facts in force with one subject, the later one must supersede the earlier one."""
    if isinstance(fact, RegisteredForm):
        return ("form", fact.form.number)
    if isinstance(fact, AccountFact):
        return ("account", fact.account)
    if isinstance(fact, AddressFact):
        return ("address", fact.address, fact.account, fact.starts.isoformat())
    if isinstance(fact, SendingRight):
        return ("sending_right", fact.account, fact.on_behalf_of, fact.starts.isoformat())
    return ("series", fact.series, fact.account, fact.folder, fact.starts.isoformat())


def fact_as_dict(fact: RegisterFact) -> dict[str, object]:
    """The fact as JSON values with its kind; `fact_from_dict` gives back an equal one. What is empty is left out."""
    told: dict[str, object] = {"kind": kind_of(fact)}
    for name in type(fact).__dataclass_fields__:
        value = getattr(fact, name)
        if value is not None and value not in ("", ()):
            told[name] = _told(value)
    return told


def fact_from_dict(data: Mapping[str, object]) -> RegisterFact:
    """The fact that `fact_as_dict` wrote. Raises ValueError where that is not what it is given."""
    try:
        kind = _KINDS[str(data["kind"])]
        values: dict[str, Any] = {name: _READ.get(name, _text)(value) for name, value in data.items() if name != "kind"}
        return kind(**values)
    except (KeyError, TypeError, AttributeError) as exc:
        raise ValueError("not a fact of the register as this program writes it") from exc


@dataclass(frozen=True, slots=True)
class RegisterState:
    """All that is in force at one time: the designations by account, start and id; the facts by kind and subject."""

    designations: tuple[Designation, ...] = ()
    facts: tuple[RegisterFact, ...] = ()


@dataclass(frozen=True, slots=True)
class RegisterDecision:
    """One numbered change of the register: by whom, why, what it adds, what it ends. In the store before it is in the ledger."""

    number: int
    at: datetime
    actor: str
    reason: str = ""
    designations: tuple[Designation, ...] = ()
    facts: tuple[RegisterFact, ...] = ()
    superseded: Mapping[str, str] = field(default_factory=dict)
    """Old designation or fact id to the id of what replaces it; to "" where nothing does (it was entered by mistake)."""
    approves: int | None = None
    """An approval: a second person looked at the register as it stands after the decision of that number."""
    rules: str = ""
    """Of an approval: under which rules and schedules it was given. It does not hold under others."""


def _told(value: object) -> object:
    if isinstance(value, Form):
        return form_as_dict(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, FormPosition):
        return [value.category, value.position, value.accounts]
    if isinstance(value, tuple):
        return [_told(one) for one in value]
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("text expected")
    return value


def _day(value: object) -> date:
    return date.fromisoformat(_text(value))


def _number(value: object) -> int:
    if type(value) is not int:
        raise TypeError("number expected")
    return value


def _form(value: object) -> Form:
    if not isinstance(value, Mapping):
        raise TypeError("form expected")
    return form_from_dict(value)


def _positions(value: object) -> tuple[FormPosition, ...]:
    if not isinstance(value, list):
        raise TypeError("list expected")
    return tuple(
        FormPosition(_text(category), _text(position), None if accounts is None else _number(accounts))
        for category, position, accounts in value
    )


def _days(value: object) -> tuple[date, ...]:
    if not isinstance(value, list):
        raise TypeError("list expected")
    return tuple(_day(one) for one in value)


def _account_kind(value: object) -> AccountKind:
    return AccountKind(_text(value))


_READ: dict[str, Callable[[object], object]] = {
    "form": _form,
    "positions": _positions,
    "total_accounts": _number,
    "submitted": _day,
    "resubmitted": _days,
    "account_kind": _account_kind,
    "starts": _day,
    "ends": _day,
}
