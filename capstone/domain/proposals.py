"""What a person proposes to say in the register, in the words of a command; beside the register it becomes a change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from typing import TypeVar

from capstone.domain import cells
from capstone.domain.addresses import normal_form, roster_problem
from capstone.domain.errors import BadRegisterEntry
from capstone.domain.officials import Designation, Form
from capstone.domain.officials_csv import designation_of
from capstone.domain.register_change import Change, corrected, ended, named_in, removed
from capstone.domain.register_facts import (
    AccountFact,
    AccountKind,
    AddressFact,
    RegisteredForm,
    RegisterFact,
    RegisterState,
    SendingRight,
    SeriesAssignment,
)

Proposal = Callable[[RegisterState], Change]
"""Raises BadRegisterEntry, UnknownFact or RegisterContradiction."""

_Value = TypeVar("_Value")

_OF_A_FACT = {"from": "starts", "until": "ends"}
"""The options that correct an address, a right or a series."""


def designation(told: Mapping[str, str], internal_domains: frozenset[str]) -> Proposal:
    """A new designation, by the column names of an officials file. It stands under the form as the register knows it."""

    def proposal(state: RegisterState) -> Change:
        return Change(designations=(_read_row(told, internal_domains, form_in(state, told.get("form", ""))),))

    return proposal


def correction(named: str, told: Mapping[str, str], internal_domains: frozenset[str]) -> Proposal:
    """What `told` names becomes otherwise in a designation, by column names; in another fact its days alone can be corrected."""

    def proposal(state: RegisterState) -> Change:
        old = named_in(state, named)
        if not isinstance(old, Designation):
            return corrected(state, named, _with_days(old, told))
        form = form_in(state, told["form"]) if told.get("form", old.form.number) != old.form.number else old.form
        return corrected(state, named, _read_row(_columns_of(old) | dict(told), internal_domains, form))

    return proposal


def end(named: str, last_day: str) -> Proposal:
    """A designation, an address, a right or a series ends on that day, inclusive."""
    day = _read("on", last_day, cells.day)
    return lambda state: ended(state, named, day)


def removal(named: str) -> Proposal:
    """A designation or fact was entered by mistake."""
    return lambda state: removed(state, named)


def account(named: str, kind: str, office: str = "", network: str = "") -> Proposal:
    """What is known of an account itself."""
    kinds = ", ".join(AccountKind)
    if kind not in set(AccountKind):
        raise BadRegisterEntry(f"Nothing was changed. kind: {kind[:20]!r} is not one of {kinds}")
    fact = AccountFact(
        _read("account", named, cells.account), AccountKind(kind), _text("office", office), _text("network", network)
    )
    return _stated(fact)


def address(text: str, held_by: str, starts: str, ends: str, internal_domains: frozenset[str]) -> Proposal:
    """An address belongs to an account from a day until a day."""
    normal = normal_form(text)
    problem = roster_problem(normal, internal_domains)
    if problem is not None:
        raise BadRegisterEntry(f"Nothing was changed. address: {normal[:80]!r}: {problem}")
    return _stated(AddressFact(normal, _read("account", held_by, cells.account), _starts(starts), _ends(ends)))


def right(sender: str, on_behalf_of: str, starts: str, ends: str) -> Proposal:
    """An account may send on behalf of another's holder."""
    accounts = _read("account", sender, cells.account), _read("on-behalf-of", on_behalf_of, cells.account)
    return _stated(SendingRight(*accounts, _starts(starts), _ends(ends)))


def series(named: str, held_by: str, starts: str, ends: str, folder: str = "") -> Proposal:
    """Mail of an account, or of a folder of it, belongs to a series of another schedule as well."""
    whole = _text("series", named), _read("account", held_by, cells.account)
    return _stated(SeriesAssignment(*whole, _starts(starts), _ends(ends), _text("folder", folder)))


def form_in(state: RegisterState, number: str) -> Form:
    """The form of that number: as it is registered, or as another designation has it, or as one of which nothing is known."""
    for fact in state.facts:
        if isinstance(fact, RegisteredForm) and fact.form.number == number:
            return fact.form
    return next((row.form for row in state.designations if row.form.number == number), Form(number))


def _stated(fact: RegisterFact) -> Proposal:
    return lambda _state: Change(facts=(fact,))


def _read_row(told: Mapping[str, str], internal_domains: frozenset[str], form: Form) -> Designation:
    row, errors = designation_of({name: text for name, text in told.items() if name != "form"}, internal_domains)
    if errors:
        raise BadRegisterEntry("Nothing was changed. " + "; ".join(map(str, errors)))
    _text("form", form.number)
    return replace(row, form=form)


def _columns_of(row: Designation) -> dict[str, str]:
    return {
        "official": row.official,
        "office": row.office,
        "position": row.position,
        "category": row.category,
        "account": row.account,
        "addresses": " ".join(row.addresses),
        "from": row.starts.isoformat(),
        "until": "" if row.ends is None else row.ends.isoformat(),
        "acting": "yes" if row.acting else "no",
        "decided": row.decided,
        "decided_by": row.decided_by,
        "evidence": row.evidence,
    }


def _with_days(fact: RegisterFact, told: Mapping[str, str]) -> RegisterFact:
    if not isinstance(fact, AddressFact | SendingRight | SeriesAssignment) or told.keys() - _OF_A_FACT.keys():
        raise BadRegisterEntry("Nothing was changed. Of an address, a right or a series only the days can be corrected.")
    starts = _starts(told["from"]) if "from" in told else fact.starts
    return replace(fact, starts=starts, ends=_ends(told["until"]) if "until" in told else fact.ends)


def _starts(text: str) -> date:
    return _read("from", text, cells.day)


def _ends(text: str) -> date | None:
    return _read("until", text, cells.day) if text else None


def _text(name: str, text: str) -> str:
    return _read(name, text, cells.plain)


def _read(name: str, text: str, reader: Callable[[str], _Value]) -> _Value:
    try:
        return reader(text.strip())
    except ValueError as exc:
        raise BadRegisterEntry(f"Nothing was changed. {name}: {exc}") from exc
