"""Forms NA-1005 in the register: taken in from a file, withdrawn, sent in anew, listed, exported for the next submission."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

import structlog

from capstone.domain.fixity import digest_of
from capstone.domain.forms.cells import form_number_of
from capstone.domain.forms.findings import finding
from capstone.domain.forms.listing import ListedPosition, listing, registered_as_dict
from capstone.domain.forms.registering import (
    HOLDING_BACK,
    Arrival,
    FormChange,
    all_taken_in,
    form_of,
    forms_of,
    line_of,
    registered,
    sent_in_anew,
    state_of_fact,
    window_due,
    withdrawn,
)
from capstone.domain.forms.rows import form_as_dict
from capstone.domain.forms.rules import FormRules, Window
from capstone.domain.forms.states import FormState
from capstone.domain.forms.values import Finding, Form
from capstone.domain.layout import form_key
from capstone.domain.positions_csv import read_positions, stated
from capstone.domain.records import Lock
from capstone.domain.register_facts import RegisteredForm, RegisterState, fact_id
from capstone.ports import PutRequest
from capstone.usecases.decisions import RegisterParts, decide

log = structlog.get_logger()

PDF, CSV = "pdf", "csv"


@dataclass(frozen=True, slots=True)
class FormParts:
    """What forms are registered with."""

    registering: RegisterParts
    rules: FormRules

    @property
    def today(self) -> date:
        """The agency's day."""
        return self.registering.clock.now().astimezone(self.registering.zone).date()

    @property
    def next_decision(self) -> int:
        """Its number: read before the state that a plan is made on."""
        return self.registering.register.next_decision()

    def state(self, known_on: date | None = None) -> RegisterState:
        """The register; with `known_on`, as it was at the end of that day in agency time."""
        if known_on is None or known_on == date.max:
            return self.registering.register.state()
        next_day = datetime.combine(known_on + timedelta(days=1), time.min, self.registering.zone)
        return self.registering.register.state(next_day - timedelta(microseconds=1))


@dataclass(frozen=True, slots=True)
class ReadForm:
    """One form of a file: what was read, what it does, what it is good for."""

    told: dict[str, object]
    change: FormChange
    findings: tuple[Finding, ...]
    """Those of reading and those beside the register."""
    state: FormState | None
    """Today; None where nothing of the form can be registered."""
    expires: date | None

    def as_dict(self) -> dict[str, object]:
        """As `--json` prints it."""
        told = {**self.told, "outcome": self.change.outcome, "state": self.state}
        told |= {"expires": None if self.expires is None else self.expires.isoformat()}
        findings = [_finding_as_dict(one) for one in self.findings]
        return {**told, "differences": list(self.change.differences), "findings": findings}


@dataclass(frozen=True, slots=True)
class FormPlan:
    """What a file of forms would change: everything or nothing."""

    forms: tuple[ReadForm, ...]
    change: FormChange
    data: bytes
    kind: str
    warnings: tuple[str, ...] = ()
    """About rows of a CSV."""
    decision: int | None = None
    """The number of the decision, once it is taken."""
    expected: int | None = None
    """The number of the next decision when the register was looked at."""

    @property
    def accepted(self) -> list[str]:
        """The codes of findings that would hold it back, had a person not accepted them."""
        codes = {found.code for one in self.forms for found in one.findings}
        return sorted(codes & HOLDING_BACK) if self.change.facts else []

    def as_dict(self) -> dict[str, object]:
        """As `--json` prints it: one form beside what became of it, several as a list."""
        forms = [one.as_dict() for one in self.forms]
        told = forms[0] if len(forms) == 1 else {"forms": forms}
        warnings = [*self.warnings, *(sentence(found) for one in self.forms for found in one.findings)]
        return {**told, "warnings": warnings, "decision": self.decision}


def plan_form(parts: FormParts, form: Form, data: bytes, covers_from: date | None = None, *, accepts: bool = False) -> FormPlan:
    """What taking in a form read from a PDF would change. Nothing is changed yet."""
    fact = None if form.number is None else registered(form, covers_from)
    return _plan(parts, [(form_as_dict(form), Arrival(fact, form.findings))], data, PDF, accepts=accepts)


def plan_positions(parts: FormParts, data: bytes, *, accepts: bool = False) -> FormPlan:
    """What taking in a CSV of positions would change. Nothing is changed yet. Raises BadOfficialsFile."""
    file = read_positions(data, digest_of(data))
    expected = parts.next_decision
    known = forms_of(parts.state())
    facts = [stated(one, known.get(one.form.number)) for one in file.forms]
    arrivals = [(registered_as_dict(fact), Arrival(fact, _sums(fact), is_correction=True)) for fact in facts]
    plan = _plan(parts, arrivals, data, CSV, accepts=accepts)
    return replace(plan, warnings=tuple(map(str, file.warnings)), expected=expected)


def take_in(parts: FormParts, plan: FormPlan, actor: str, reason: str) -> FormPlan:
    """Keep the file and take the decision. A plan that changes nothing or is held back leaves everything as it is.

    Raises DecidedMeanwhile where another decision was taken since the plan was made.
    """
    if not plan.change.facts:
        return plan
    store, digest = parts.registering.store, digest_of(plan.data)
    said = f"{reason} (accepted: {', '.join(plan.accepted)})" if plan.accepted else reason
    store.put_all([PutRequest(form_key(digest, plan.kind), plan.data, digest, Lock(hold=True), {})])
    return replace(plan, decision=apply_change(parts, plan.change, actor, said, plan.expected))


def apply_change(parts: FormParts, change: FormChange, actor: str, reason: str, expected: int | None = None) -> int | None:
    """Take the decision on forms; None where it would change nothing. Raises DecidedMeanwhile, see `decide`."""
    if not change.facts:
        return None
    made = decide(parts.registering, actor, reason, facts=change.facts, superseded=change.superseded, expected=expected)
    log.info("forms_changed", decision=made.number, forms=len(change.facts))
    return made.number


def plan_withdrawal(parts: FormParts, number: str, day: date | None) -> FormChange:
    """What it changes that the National Archives take a form's approval back from that day (None: never). Raises UnknownForm."""
    return withdrawn(parts.state(), number_in(number), day, parts.rules.windows)


def plan_resubmission(parts: FormParts, number: str, day: date, *, is_undone: bool = False) -> FormChange:
    """What it changes that the agency sent a form in anew on that day, or (`is_undone`) did not. Raises UnknownForm."""
    return sent_in_anew(parts.state(), number_in(number), day, parts.rules.windows, is_undone=is_undone)


@dataclass(frozen=True, slots=True)
class FormLine:
    """A form of the register as it stands on a day."""

    fact: RegisteredForm
    state: FormState
    window: Window | None
    """The window in which it must be sent in anew, open or next."""
    in_register: int
    """The different accounts of all Capstone designations of the day that name it or one that it superseded."""

    def as_dict(self) -> dict[str, object]:
        """As `--json` prints it."""
        told = {name: value for name, value in registered_as_dict(self.fact).items() if name != "categories"}
        told["fact_id"] = fact_id(self.fact)
        window = None if self.window is None else {"opens": str(self.window.opens), "closes": str(self.window.closes)}
        counted = sum(one.accounts or 0 for one in self.fact.positions)
        counts = {"positions": len(self.fact.positions), "accounts": counted, "accounts_in_register": self.in_register}
        return {**told, "state": self.state, "window_due": window, **counts}


def list_forms(parts: FormParts, known_on: date | None = None) -> list[FormLine]:
    """Every form in the register by its number, as it stands today or as the register had it on a past day."""
    state, day, windows = parts.state(known_on), known_on or parts.today, parts.rules.windows
    forms = forms_of(state)
    lines = []
    for fact in forms.values():
        numbers = line_of(fact, forms)
        held = {row.account for row in state.designations if row.is_capstone and row.covers(day) and row.form.number in numbers}
        lines.append(FormLine(fact, state_of_fact(fact, day, windows), window_due(fact, day, windows), len(held)))
    return lines


def export_positions(parts: FormParts, number: str | None) -> list[tuple[RegisteredForm, list[ListedPosition]]]:
    """The lists of positions for the next submission: of one form, or of every form that is neither superseded nor denied.

    Raises UnknownForm, also where the register holds no form at all.
    """
    state = parts.state()
    forms = forms_of(state)
    if number is not None or not forms:
        chosen: Sequence[RegisteredForm] = [form_of(state, number_in(number or ""))]
    else:
        over = {FormState.SUPERSEDED, FormState.DENIED}
        chosen = [one for one in forms.values() if state_of_fact(one, parts.today, parts.rules.windows) not in over]
    return [(fact, listing(fact, forms, state.designations, parts.today)) for fact in chosen]


def number_in(text: str) -> str:
    """A form number as the register has it: the usual ways to write one are understood."""
    return form_number_of(text) or text.strip()


def sentence(found: Finding) -> str:
    """A finding as people read it."""
    said = f" The form says {found.stated!r}." if found.stated else ""
    counted = "" if found.counted is None else f" Counted: {found.counted}."
    return f"{found.where}: {found.message}{said}{counted} ({found.code})"


def _plan(
    parts: FormParts, read: Sequence[tuple[dict[str, object], Arrival]], data: bytes, kind: str, *, accepts: bool
) -> FormPlan:
    expected = parts.next_decision
    state, windows, today = parts.state(), parts.rules.windows, parts.today
    changes, whole = all_taken_in(state, [one for _, one in read], windows, today, accepts=accepts)
    known = forms_of(state) | {fact.form.number: fact for fact in whole.facts}
    forms = []
    for (told, one), change in zip(read, changes, strict=True):
        fact = None if one.fact is None else known.get(one.fact.form.number, one.fact)
        today_state = None if fact is None else state_of_fact(fact, today, windows)
        expires = None if fact is None else fact.form.expires
        forms.append(ReadForm(told, change, (*one.findings, *change.findings), today_state, expires))
    return FormPlan(tuple(forms), whole, data, kind, expected=expected)


def _sums(fact: RegisteredForm) -> tuple[Finding, ...]:
    """Whether a stated total is the sum of the positions."""
    counted = sum(one.accounts or 0 for one in fact.positions)
    if fact.total_accounts in (None, counted):
        return ()
    return (finding("positions_sum", fact.form.number, stated=str(fact.total_accounts), counted=counted),)


def _finding_as_dict(found: Finding) -> dict[str, object]:
    named = {"code": found.code, "where": found.where, "message": found.message}
    return {**named, "stated": found.stated, "counted": found.counted}
