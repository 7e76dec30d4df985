"""Changes of the register before they are decided: a correction is a new row or fact that supersedes an old one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from capstone.domain.effects import state_after
from capstone.domain.errors import RegisterContradiction, UnknownFact
from capstone.domain.officials import Designation, identified
from capstone.domain.register import Notice, shown
from capstone.domain.register_checks import errors_in, warnings_in
from capstone.domain.register_facts import AccountFact, RegisteredForm, RegisterFact, RegisterState, fact_id, subject_of


@dataclass(frozen=True, slots=True)
class Change:
    """What a decision would add to the register and end in it."""

    designations: tuple[Designation, ...] = ()
    facts: tuple[RegisterFact, ...] = ()
    superseded: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether it changes anything."""
        return bool(self.designations or self.facts or self.superseded)


@dataclass(frozen=True, slots=True)
class Planned:
    """A change that may be decided, and what is worth a look about it."""

    change: Change
    warnings: tuple[Notice, ...] = ()


def planned(state: RegisterState, change: Change, today: date | None = None) -> Planned:
    """The change beside the register as it stands: without what is there already, and with the end of what it replaces.

    A fact ends the one that is in force about the same subject. Raises RegisterContradiction where the register would hold what
    cannot be true; what was wrong before is no reason to refuse another change.
    """
    whole = _without_known(state, _with_ends(state, _identified(change)))
    after = state_after(state, whole.designations, whole.facts, whole.superseded)
    _refuse(_new(errors_in(state), errors_in(after)))
    return Planned(whole, tuple(_new(warnings_in(state, today), warnings_in(after, today))))


def _identified(change: Change) -> Change:
    return replace(change, designations=tuple(map(identified, change.designations)))


def ended(state: RegisterState, named: str, last_day: date) -> Change:
    """A designation or a fact ends on that day, inclusive. Raises UnknownFact, RegisterContradiction."""
    found = named_in(state, named)
    if isinstance(found, AccountFact | RegisteredForm):
        raise RegisterContradiction(f"{named} is no designation, address or right: it has no days to end.")
    return corrected(state, named, replace(found, ends=last_day))


def corrected(state: RegisterState, named: str, new: Designation | RegisterFact) -> Change:
    """The row or fact of that id gives way to another. Raises UnknownFact where nothing in force has the id."""
    named_in(state, named)
    if isinstance(new, Designation):
        row = identified(new)
        return Change(designations=(row,), superseded={named: row.designation_id})
    return Change(facts=(new,), superseded={named: fact_id(new)})


def removed(state: RegisterState, named: str) -> Change:
    """The row or fact of that id was entered by mistake and ends without another. Raises UnknownFact."""
    named_in(state, named)
    return Change(superseded={named: ""})


def named_in(state: RegisterState, named: str) -> Designation | RegisterFact:
    """The row or fact in force that has the id. Raises UnknownFact."""
    for row in state.designations:
        if row.designation_id == named:
            return row
    for fact in state.facts:
        if fact_id(fact) == named:
            return fact
    raise UnknownFact(f"Nothing that is in force has the id {named!r}.")


def _with_ends(state: RegisterState, change: Change) -> Change:
    known = {subject_of(fact): fact_id(fact) for fact in state.facts}
    replaced = {known[subject_of(fact)]: fact_id(fact) for fact in change.facts if subject_of(fact) in known}
    return replace(change, superseded={**replaced, **change.superseded})


def _without_known(state: RegisterState, change: Change) -> Change:
    """Without what would take the place of itself, and without what is in force and stays so."""
    superseded = {old: new for old, new in change.superseded.items() if old != new}
    rows = {row.designation_id for row in state.designations} - superseded.keys()
    facts = {fact_id(fact) for fact in state.facts} - superseded.keys()
    return Change(
        tuple(row for row in change.designations if row.designation_id not in rows),
        tuple(fact for fact in change.facts if fact_id(fact) not in facts),
        superseded,
    )


def _new(before: Iterable[Notice], after: Iterable[Notice]) -> list[Notice]:
    known = set(before)
    return [notice for notice in after if notice not in known]


def _refuse(errors: list[Notice]) -> None:
    if errors:
        raise RegisterContradiction(f"Nothing was changed. {shown(errors)}")
