"""Forms NA-1005 in the register: a form becomes a fact, and what its arrival, withdrawal or successor does to the facts there.

What one form does to another follows from all forms together, so that the order in which they are taken in does not matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum

from capstone.domain.errors import UnknownForm
from capstone.domain.forms.comparing import differences, position_change
from capstone.domain.forms.findings import finding, same_title
from capstone.domain.forms.rows import as_decided
from capstone.domain.forms.rules import Window
from capstone.domain.forms.states import FormHistory, FormState, due_window, expires_on, state_on
from capstone.domain.forms.values import Finding, Form
from capstone.domain.officials import Designation
from capstone.domain.register_facts import FormPosition, RegisteredForm, RegisterState, fact_id

HOLDING_BACK = frozenset({"revision_unknown", "category_sum", "form_sum", "positions_sum", "position_in_use"})
"""Findings that keep a form out of the register until a person accepts them. One without a number stays out whatever they say."""


class Outcome(StrEnum):
    """What an import did, or would do, to the register."""

    ADDED = "added"
    REPLACED = "replaced"
    """A form of that number was there; the new fact supersedes its fact."""
    UNCHANGED = "unchanged"
    OLDER = "older"
    """The register has a later state of that form: nothing is taken in."""
    HELD_BACK = "held_back"
    """A person must accept the findings first: nothing is taken in."""


@dataclass(frozen=True, slots=True)
class FormChange:
    """What taking in forms changes. Without new facts nothing does."""

    outcome: Outcome
    facts: tuple[RegisteredForm, ...] = ()
    """The new facts, those of other forms that this one changes included."""
    superseded: Mapping[str, str] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    differences: tuple[str, ...] = ()
    """What the fact of that number says otherwise than the one before it."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A form that a file brings. `fact` None: it has no number, and nothing can be registered of it."""

    fact: RegisteredForm | None
    findings: tuple[Finding, ...] = ()
    is_correction: bool = False
    """Stated by a person, see `taken_in`."""


def registered(form: Form, covers_from: date | None = None) -> RegisteredForm:
    """The form as a fact. Raises ValueError for one without a number. `covers_from`: what a person read in its legacy scope."""
    return RegisteredForm(
        form=replace(as_decided(form), covers_from=covers_from),
        agency=form.agency,
        positions=tuple(FormPosition(one.category, one.title, one.accounts) for one in form.positions()),
        total_accounts=form.total_accounts,
        source_digest=form.digest,
        cutoff_text=form.cutoff.text,
        transfer_text=form.transfer.text,
        submitted=form.received,
        previous=form.previous_number,
    )


def forms_of(state: RegisterState) -> dict[str, RegisteredForm]:
    """The forms in the register by their number, sorted."""
    found = {fact.form.number: fact for fact in state.facts if isinstance(fact, RegisteredForm)}
    return dict(sorted(found.items()))


def form_of(state: RegisterState, number: str) -> RegisteredForm:
    """The form of that number. Raises UnknownForm."""
    forms = forms_of(state)
    if number not in forms:
        raise UnknownForm(f"No form {number!r} is in the register.")
    return forms[number]


def history_of_fact(fact: RegisteredForm) -> FormHistory:
    """What happened to a form, as the register knows it."""
    form = fact.form
    is_denied = form.approved is None and form.withdrawn is not None
    denied = form.withdrawn if is_denied else None
    return FormHistory(form.approved, denied, is_denied, form.superseded, fact.resubmitted, form.withdrawn)


def state_of_fact(fact: RegisteredForm, day: date, windows: Iterable[Window]) -> FormState:
    """Its state on that day."""
    return state_on(history_of_fact(fact), day, windows)


def window_due(fact: RegisteredForm, day: date, windows: Iterable[Window]) -> Window | None:
    """The window in which it must be sent in anew: open that day, or the next; None once it is superseded or denied."""
    is_over = state_of_fact(fact, day, windows) in {FormState.SUPERSEDED, FormState.DENIED}
    return None if is_over else due_window(history_of_fact(fact), day, windows)


def taken_in(
    state: RegisterState, new: RegisteredForm, windows: Sequence[Window], today: date, *, is_correction: bool = False
) -> FormChange:
    """What the register becomes with a form read from a file. Two files may bear one number: the later approval counts.

    `is_correction`: a person states it; then an approval that came before the one in the register is taken in as well.
    """
    forms = forms_of(state)
    old = forms.get(new.form.number)
    if old is not None and old.source_digest == new.source_digest and new.form.covers_from in (None, old.form.covers_from):
        return FormChange(Outcome.UNCHANGED)
    if old is not None and not is_correction and _is_older(new, old):
        told = f"It is approved {new.form.approved or 'not at all'}, the one there {old.form.approved}."
        return FormChange(Outcome.OLDER, findings=(finding("older_than_register", new.form.number, told),))
    fact = new if old is None else _with_what_happened(new, old)
    facts, superseded = _changed(forms, {**forms, new.form.number: fact}, windows)
    told_otherwise = tuple(differences(old, next(one for one in facts if one.form.number == new.form.number))) if old else ()
    outcome = Outcome.ADDED if old is None else Outcome.REPLACED
    findings = (*_beside_others(fact, forms, windows, today), *_positions_in_use(state, fact, today))
    return FormChange(outcome, facts, superseded, findings, told_otherwise)


def all_taken_in(
    state: RegisterState, arrivals: Sequence[Arrival], windows: Sequence[Window], today: date, *, accepts: bool = False
) -> tuple[list[FormChange], FormChange]:
    """What each of the forms of one file does, one after the other, and what all do together: everything or nothing.

    `accepts`: a person has seen the findings that hold a form back and takes it in all the same.
    """
    before, now, told = forms_of(state), state, []
    for one in arrivals:
        change = _held_back_or_in(now, one, windows, today, accepts=accepts)
        told.append(change)
        now = _with_facts(now, change.facts)
    if any(change.outcome is Outcome.HELD_BACK for change in told):
        held = [replace(one, outcome=Outcome.HELD_BACK, facts=(), superseded={}) if one.facts else one for one in told]
        return held, FormChange(Outcome.HELD_BACK)
    facts, superseded = _changed(before, forms_of(now), windows)
    outcome = Outcome.UNCHANGED if not facts else Outcome.REPLACED if superseded else Outcome.ADDED
    return told, FormChange(outcome, facts, superseded)


def _held_back_or_in(state: RegisterState, one: Arrival, windows: Sequence[Window], today: date, *, accepts: bool) -> FormChange:
    if one.fact is None:
        return FormChange(Outcome.HELD_BACK)
    change = taken_in(state, one.fact, windows, today, is_correction=one.is_correction)
    holding = HOLDING_BACK & {found.code for found in (*one.findings, *change.findings)}
    if one.fact.form.approved is None:
        holding -= {"position_in_use"}  # it takes nothing out of use before it is approved
    if change.facts and holding and not accepts:
        return FormChange(Outcome.HELD_BACK, findings=change.findings, differences=change.differences)
    return change


def _with_facts(state: RegisterState, facts: Iterable[RegisteredForm]) -> RegisterState:
    by_number = forms_of(state) | {fact.form.number: fact for fact in facts}
    others = (fact for fact in state.facts if not isinstance(fact, RegisteredForm))
    return replace(state, facts=(*others, *by_number.values()))


def withdrawn(state: RegisterState, number: str, day: date | None, windows: Sequence[Window]) -> FormChange:
    """What the register becomes when the National Archives take the approval back from that day; None: they never did.

    Raises UnknownForm.
    """
    fact = form_of(state, number)
    return _edited(state, fact, replace(fact, form=replace(fact.form, withdrawn=day)), windows)


def sent_in_anew(
    state: RegisterState, number: str, day: date, windows: Sequence[Window], *, is_undone: bool = False
) -> FormChange:
    """What the register becomes when the agency has sent the form in anew on that day, or (`is_undone`) never has.

    Raises UnknownForm.
    """
    fact = form_of(state, number)
    days = {*fact.resubmitted} - {day} if is_undone else {*fact.resubmitted, day}
    change = _edited(state, fact, replace(fact, resubmitted=tuple(sorted(days))), windows)
    if is_undone or any(window.opens <= day <= window.closes for window in windows):
        return change
    return replace(change, findings=(finding("answers_no_window", number, stated=day.isoformat()),))


def settled(forms: Mapping[str, RegisteredForm], windows: Sequence[Window]) -> dict[str, RegisteredForm]:
    """Every form with what the others do to it and when it expires.

    A form is superseded from the first day on which one that names it was approved, and was sent in anew when such a one was.
    """
    heirs: dict[str, list[RegisteredForm]] = {}
    for fact in forms.values():
        if fact.previous is not None and fact.previous != fact.form.number:
            heirs.setdefault(fact.previous, []).append(fact)
    return {number: _settled(fact, heirs.get(number, []), windows) for number, fact in forms.items()}


def _settled(fact: RegisteredForm, heirs: Iterable[RegisteredForm], windows: Sequence[Window]) -> RegisteredForm:
    approvals = [heir.form.approved for heir in heirs if heir.form.approved is not None]
    sent = {heir.submitted for heir in heirs if heir.submitted is not None}
    form = replace(fact.form, superseded=min(approvals, default=None))
    whole = replace(fact, form=form, resubmitted=tuple(sorted({*fact.resubmitted, *sent})))
    return replace(whole, form=replace(form, expires=expires_on(history_of_fact(whole), windows)))


def _edited(state: RegisterState, old: RegisteredForm, new: RegisteredForm, windows: Sequence[Window]) -> FormChange:
    forms = forms_of(state)
    if new == old:
        return FormChange(Outcome.UNCHANGED)
    facts, superseded = _changed(forms, {**forms, new.form.number: new}, windows)
    changed = next(one for one in facts if one.form.number == new.form.number)
    return FormChange(Outcome.REPLACED, facts, superseded, (), tuple(differences(old, changed)))


def _changed(
    before: Mapping[str, RegisteredForm], after: Mapping[str, RegisteredForm], windows: Sequence[Window]
) -> tuple[tuple[RegisteredForm, ...], dict[str, str]]:
    """The facts that are new, and which old one each supersedes."""
    facts = {number: fact for number, fact in settled(after, windows).items() if before.get(number) != fact}
    superseded = {fact_id(before[number]): fact_id(fact) for number, fact in facts.items() if number in before}
    return tuple(facts.values()), superseded


def _is_older(new: RegisteredForm, old: RegisteredForm) -> bool:
    """Whether the National Archives decided on the old one later; a file that they did not decide on is older than any."""
    decided, approved = new.form.approved or new.form.withdrawn, old.form.approved
    return approved is not None and (decided is None or decided < approved)


def _with_what_happened(new: RegisteredForm, old: RegisteredForm) -> RegisteredForm:
    """What the register learned of a number holds for its next file too, but for a withdrawal before a new approval."""
    withdrawn = new.form.withdrawn or old.form.withdrawn
    if withdrawn is not None and new.form.approved is not None and withdrawn < new.form.approved:
        withdrawn = None
    form = replace(new.form, withdrawn=withdrawn, covers_from=new.form.covers_from or old.form.covers_from)
    return replace(new, form=form, resubmitted=tuple(sorted({*new.resubmitted, *old.resubmitted})))


def _beside_others(
    fact: RegisteredForm, forms: Mapping[str, RegisteredForm], windows: Sequence[Window], today: date
) -> Iterable[Finding]:
    """What is worth a look beside the other forms of the register."""
    if fact.previous is not None and fact.previous not in forms:
        yield finding("previous_not_registered", "supersedes", stated=fact.previous)
    group = fact.form.record_group
    for number, other in forms.items():
        is_rival = group is not None and group == other.form.record_group and number != fact.form.number
        names_none = fact.previous != number and other.previous != fact.form.number
        if is_rival and names_none and state_of_fact(other, today, windows) is FormState.APPROVED:
            yield finding("another_in_force", "record group", stated=number)


def _positions_in_use(state: RegisterState, new: RegisteredForm, today: date) -> Iterable[Finding]:
    """Positions that the form it takes the place of has and it has not, while somebody is designated in them."""
    forms = forms_of(state)
    for number in dict.fromkeys((new.form.number, new.previous or "")):
        if number not in forms:
            continue
        for row in position_change(forms[number].positions, new.positions).dropped:
            holders = [one for one in state.designations if is_in(one, {number}, row) and not _is_past(one, today)]
            if holders:
                who = ", ".join(f"{one.official} (account {one.account}, {one.designation_id})" for one in holders)
                where = f"category {row.category}, {row.position}"
                yield finding("position_in_use", where, f"Designated: {who}.", counted=len(holders))


def is_in(row: Designation, numbers: Iterable[str], position: FormPosition) -> bool:
    """Whether a designation under one of these forms is in that position: by category and title, whatever its case and signs."""
    is_there = row.form.number in numbers and row.category == position.category
    return is_there and same_title(row.position) == same_title(position.position)


def line_of(fact: RegisteredForm, forms: Mapping[str, RegisteredForm]) -> frozenset[str]:
    """The number of a form and of all that it superseded, one after the other: designations may still name an earlier one."""
    numbers = [fact.form.number]
    previous = fact.previous
    while previous is not None and previous not in numbers:
        numbers.append(previous)
        previous = forms[previous].previous if previous in forms else None
    return frozenset(numbers)


def _is_past(row: Designation, today: date) -> bool:
    return row.ends is not None and row.ends < today
