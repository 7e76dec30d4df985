"""What is wrong with a whole register, and what is worth a look: designations and facts judged together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields
from datetime import date

from capstone.domain.officials import Designation, Form
from capstone.domain.register import (
    SAID_OF_A_FORM,
    Holding,
    Notice,
    NumberedRow,
    holdings_of,
    in_two_hands,
    one_row_contradictions,
    remarks,
)
from capstone.domain.register_facts import (
    AccountFact,
    AddressFact,
    RegisteredForm,
    RegisterFact,
    RegisterState,
    SendingRight,
    SeriesAssignment,
    fact_id,
    kind_of,
    subject_of,
)


def errors_in(state: RegisterState) -> list[Notice]:
    """What cannot be true: reversed dates, one thing told in two ways, two open intervals, an address in two hands at once."""
    rows = [NumberedRow(None, row) for row in state.designations]
    holdings = [*holdings_of(rows), *map(_holding, (fact for fact in state.facts if isinstance(fact, AddressFact)))]
    return [*_reversed(state), *one_row_contradictions(rows), *_told_in_two_ways(state.facts), *in_two_hands(holdings)]


def warnings_in(state: RegisterState, today: date | None = None) -> list[Notice]:
    """What is lawful and worth a look: overlaps, gaps, what names an account or a form that the register does not know."""
    rows = [NumberedRow(None, row) for row in state.designations]
    addressed = frozenset(fact.account for fact in state.facts if isinstance(fact, AddressFact))
    return [*remarks(rows, today, addressed), *_forms(state), *_accounts(state)]


def _holding(fact: AddressFact) -> Holding:
    return Holding(fact.address, fact.account, fact.starts, fact.ends, None, fact_id(fact))


def _reversed(state: RegisterState) -> Iterator[Notice]:
    for row in state.designations:
        if row.ends is not None and row.ends < row.starts:
            told = (
                f"{row.official} as {row.position} in account {row.account} until {row.ends}, which is before from {row.starts}"
            )
            yield Notice((), told, (row.designation_id,))
    for fact in state.facts:
        if isinstance(fact, AddressFact | SendingRight | SeriesAssignment) and fact.ends is not None and fact.ends < fact.starts:
            told = f"{_name(fact)} ends on {fact.ends}, which is before from {fact.starts}"
            yield Notice((), told, (fact_id(fact),))


def _told_in_two_ways(facts: Iterable[RegisterFact]) -> Iterator[Notice]:
    known: dict[tuple[str, ...], RegisterFact] = {}
    for fact in facts:
        other = known.setdefault(subject_of(fact), fact)
        if other != fact:
            yield Notice((), f"{_name(fact)} is told in two different ways", (fact_id(other), fact_id(fact)))


def _forms(state: RegisterState) -> Iterator[Notice]:
    forms = {fact.form.number: fact for fact in state.facts if isinstance(fact, RegisteredForm)}
    for number, rows in sorted(_by_form(state.designations).items()):
        ids = tuple(row.designation_id for row in rows)
        if forms and number not in forms:
            yield Notice((), f"form {number} is not in the register; what the rows say of it decides", ids)
        elif number in forms:
            others = [row for row in rows if _differing(row.form, forms[number].form)]
            named = {name for row in others for name in _differing(row.form, forms[number].form)}
            if others:
                told = (
                    f"form {number} is described otherwise in rows ({', '.join(sorted(named))}); the form in the register decides"
                )
                yield Notice((), told, tuple(row.designation_id for row in others))


def _by_form(rows: Iterable[Designation]) -> dict[str, list[Designation]]:
    found: dict[str, list[Designation]] = {}
    for row in rows:
        if row.form.number:
            found.setdefault(row.form.number, []).append(row)
    return found


def _differing(row: Form, registered: Form) -> list[str]:
    """What a row says of its form otherwise than the register; what it does not say is no difference."""
    said = {one.name for one in fields(Form) if getattr(row, one.name) not in (None, Form("").items)}
    return [name for name in SAID_OF_A_FORM if name in said and getattr(row, name) != getattr(registered, name)]


def _accounts(state: RegisterState) -> Iterator[Notice]:
    described = {fact.account for fact in state.facts if isinstance(fact, AccountFact)}
    held = {row.account for row in state.designations}
    for account in sorted(held - described) if described else ():
        ids = tuple(row.designation_id for row in state.designations if row.account == account)
        yield Notice((), f"account {account} is not described, other accounts are", ids)
    for fact in state.facts:
        for account in _named_accounts(fact):
            if account not in held | described:
                yield Notice((), f"{_name(fact)} names account {account}, which is not in the register", (fact_id(fact),))


def _named_accounts(fact: RegisterFact) -> tuple[str, ...]:
    if isinstance(fact, SendingRight):
        return fact.account, fact.on_behalf_of
    return (fact.account,) if isinstance(fact, AddressFact | SeriesAssignment) else ()


def _name(fact: RegisterFact) -> str:
    return f"{kind_of(fact).replace('_', ' ')} {' '.join(part for part in subject_of(fact)[1:] if part)}"
