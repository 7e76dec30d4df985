"""What the register of officials lacks, and what of it is about to run out: each with the ids that it is about and a next step.

A designation always names an account, so that an official without one shows as an account that nothing was captured of.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from capstone.domain.forms.findings import same_title
from capstone.domain.forms.listing import listing
from capstone.domain.forms.registering import forms_of, line_of, settled, state_of_fact, window_due
from capstone.domain.forms.rules import Window
from capstone.domain.forms.states import FormState
from capstone.domain.officials import Designation
from capstone.domain.register_facts import RegisteredForm, RegisterState

_ONE_DAY = timedelta(days=1)

CODES: dict[str, str] = {
    "position_without_official": "Designate who holds it: capstone officials designate, or import a CSV of officials.",
    "position_not_on_form": "Correct the position, or send in a new form that has it: capstone officials export.",
    "category_count": "Compare the accounts of the category with the form; a form that is wrong is sent in anew.",
    "form_not_registered": "Register the form: capstone officials import FORM.pdf.",
    "form_not_approved": "Nothing is decided by it before its approval: import the approved form once it is there.",
    "form_withdrawn": "All mail under it is unscheduled: designate under a form that is approved.",
    "form_superseded": "Designate under the newer form; until then nothing is destroyed on the authority of the old one.",
    "form_expired": "Send the form in anew: capstone officials export; nothing is destroyed on its authority until then.",
    "form_days_outdated": "Windows were announced, or a form was removed: import any form again, and the days are written anew.",
    "form_due": "Send the form in anew within the window: capstone officials export, then capstone officials resubmitted.",
    "account_never_captured": "Name its source in the settings and run capstone capture, or capstone import PATH --account ID.",
    "capture_stopped": "Check its source: capstone status shows the runs, capstone capture --account ID runs it now.",
    "account_without_designation": "Say who holds it: capstone officials designate; until then its mail is unscheduled.",
    "account_without_holder": "Designate who holds it now, or take its source out of the settings.",
    "vacancy": "If somebody held it, also acting, say so: capstone officials designate; mail of these days is unscheduled.",
    "unscheduled_mail": "capstone why RECORD_ID tells the reason; capstone search finds them by their class.",
    "designation_ending": "Prepare the successor's designation and the last capture of the account.",
}
"""Every code with its next step."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that the register lacks."""

    code: str
    what: str
    ids: tuple[str, ...]
    """Form numbers, accounts or designation ids."""

    @property
    def next_step(self) -> str:
        """What to do about it."""
        return CODES[self.code]

    def as_dict(self) -> dict[str, object]:
        """As `--json` prints it."""
        return {"code": self.code, "what": self.what, "ids": list(self.ids), "next": self.next_step}


@dataclass(frozen=True, slots=True)
class Captured:
    """What the archive holds of an account."""

    account: str
    messages: int
    unscheduled: int
    last_capture: date | None


@dataclass(frozen=True, slots=True)
class GapRules:
    """What counts as soon, and as long ago."""

    today: date
    windows: tuple[Window, ...]
    ending_days: int
    capture_days: int
    due_days: int


def gaps(state: RegisterState, captured: Iterable[Captured], rules: GapRules) -> list[Gap]:
    """All gaps: forms and positions first, then accounts, then designations; each kind in the order of its ids."""
    forms, held = forms_of(state), {one.account: one for one in captured}
    found = [*_of_forms(state, forms, rules), *_of_positions(state, forms, rules)]
    by_account: dict[str, list[Designation]] = defaultdict(list)
    for row in state.designations:
        by_account[row.account].append(row)
    for account in sorted({*by_account, *held}):
        rows = sorted(by_account.get(account, []), key=lambda row: (row.starts, row.ends or date.max, row.designation_id))
        found += _of_account(account, rows, held.get(account, Captured(account, 0, 0, None)), rules)
    return [*found, *_endings(state, rules)]


def _of_forms(state: RegisterState, forms: Mapping[str, RegisteredForm], rules: GapRules) -> Iterator[Gap]:
    """Forms that are due, and forms that today's designations rest on and cannot, or not wholly."""
    today, settled_forms = rules.today, settled(forms, rules.windows)
    users: dict[str, list[str]] = defaultdict(list)
    for row in state.designations:
        if row.covers(today) and row.form.number:
            users[row.form.number].append(row.designation_id)
    for number in sorted({*forms, *users}):
        ids = (number, *sorted(users.get(number, [])))
        if number not in forms:
            yield Gap("form_not_registered", f"{_resting(ids)} on form {number}, which is not registered.", ids)
        else:
            yield from _of_form(forms[number], ids, rules)
            if settled_forms[number] != forms[number]:
                told = f"The days on which form {number} is superseded or expires are no longer those in the register."
                yield Gap("form_days_outdated", told, (number,))


def _resting(ids: tuple[str, ...], when: str = "") -> str:
    """How many designations rest on the form that stands first."""
    how_many = len(ids) - 1
    return f"1 designation{when} rests" if how_many == 1 else f"{how_many} designations{when} rest"


def _of_form(fact: RegisteredForm, ids: tuple[str, ...], rules: GapRules) -> Iterator[Gap]:
    form, used = fact.form, f"{_resting(ids, ' of today')} on it."
    state = state_of_fact(fact, rules.today, rules.windows)
    if state is FormState.EXPIRED:
        yield Gap("form_expired", f"Form {form.number} was not sent in anew and is expired since {form.expires}. {used}", ids)
    elif state is FormState.SUBMITTED:
        yield Gap("form_not_approved", f"Form {form.number} is not approved. {used}", ids)
    elif state is FormState.SUPERSEDED and len(ids) > 1:
        yield Gap("form_superseded", f"Form {form.number} is superseded since {form.superseded}. {used}", ids)
    elif state is FormState.DENIED and len(ids) > 1:
        yield Gap("form_withdrawn", f"Form {form.number} is denied or withdrawn since {form.withdrawn}. {used}", ids)
    window = window_due(fact, rules.today, rules.windows)
    if window is not None and window.opens <= rules.today + timedelta(days=rules.due_days):
        announced = "" if window.is_verified else "; the days are not announced yet"
        told = f"Form {form.number} must be sent in anew between {window.opens} and {window.closes}{announced}."
        yield Gap("form_due", told, ids[:1])


def _of_positions(state: RegisterState, forms: Mapping[str, RegisteredForm], rules: GapRules) -> Iterator[Gap]:
    """Positions and categories of the forms that decide today: form and register side by side."""
    for number, fact in forms.items():
        if state_of_fact(fact, rules.today, rules.windows) not in {FormState.APPROVED, FormState.EXPIRED}:
            continue
        for one in listing(fact, forms, state.designations, rules.today):
            where = f"Category {one.category}, {one.position} (form {number})"
            if not one.is_on_form:
                rows = _in_position(state, line_of(fact, forms), one.category, one.position, rules.today)
                yield Gap("position_not_on_form", f"{where}: somebody is designated, and the form lacks it.", rows)
            elif not one.in_register and one.on_form != 0:
                yield Gap("position_without_official", f"{where}: nobody is designated today.", (number,))
        yield from _category_counts(state, fact, forms, rules.today)


def _in_position(state: RegisterState, numbers: frozenset[str], category: str, title: str, today: date) -> tuple[str, ...]:
    rows = (row for row in state.designations if row.form.number in numbers and row.category == category and row.covers(today))
    return tuple(sorted(row.designation_id for row in rows if same_title(row.position) == same_title(title)))


def _category_counts(
    state: RegisterState, fact: RegisteredForm, forms: Mapping[str, RegisteredForm], today: date
) -> Iterator[Gap]:
    numbers, on_form = line_of(fact, forms), Counter[str]()
    for one in fact.positions:
        on_form[one.category] += one.accounts or 0
    accounts: dict[str, set[str]] = defaultdict(set)
    for row in state.designations:
        if row.is_capstone and row.covers(today) and row.form.number in numbers:
            accounts[row.category].add(row.account)
    for category in sorted({*on_form, *accounts}, key=int):
        in_register = len(accounts[category])
        if in_register != on_form[category]:
            told = (
                f"Category {category} of form {fact.form.number}: {on_form[category]} accounts on the form, {in_register} today."
            )
            yield Gap("category_count", told, (fact.form.number, *sorted(accounts[category])))


def _of_account(account: str, rows: list[Designation], captured: Captured, rules: GapRules) -> Iterator[Gap]:
    today, last = rules.today, captured.last_capture
    if not rows:
        yield Gap(
            "account_without_designation", f"Account {account} holds {captured.messages} messages and is nobody's.", (account,)
        )
    elif last is None and not captured.messages:
        since = f"in the register since {rows[0].starts}"
        yield Gap("account_never_captured", f"Nothing was ever captured of account {account}, {since}.", (account, *_ids(rows)))
    elif last is not None:
        yield from _of_captures(account, rows, last, rules)
    yield from _vacancies(account, [row for row in rows if row.starts <= today])
    if captured.unscheduled:
        told = f"Account {account} holds {captured.unscheduled} messages that no schedule covers."
        yield Gap("unscheduled_mail", told, (account,))


def _of_captures(account: str, rows: list[Designation], last: date, rules: GapRules) -> Iterator[Gap]:
    holders = [row for row in rows if row.covers(rules.today)]
    ended = max((row.ends or date.max for row in rows), default=date.max)
    if holders and last < rules.today - timedelta(days=rules.capture_days):
        yield Gap("capture_stopped", f"Nothing was captured of account {account} since {last}.", (account, *_ids(holders)))
    if not holders and ended < last:
        told = f"Account {account} was captured on {last}; its last designation ended on {ended}."
        yield Gap("account_without_holder", told, (account, *_ids(row for row in rows if row.ends == ended)))


def _vacancies(account: str, rows: list[Designation]) -> Iterator[Gap]:
    """Days between two rows of the account that neither covers."""
    for before, row in zip(_furthest(rows), rows[1:], strict=False):
        if before.ends is not None and row.starts - before.ends > _ONE_DAY:
            days = f"from {before.ends + _ONE_DAY} to {row.starts - _ONE_DAY}"
            told = f"Account {account} has no holder {days}, between {before.official} and {row.official}."
            yield Gap("vacancy", told, (account, before.designation_id, row.designation_id))


def _furthest(rows: Iterable[Designation]) -> Iterator[Designation]:
    """For each row the one, of it and those before it, that lasts longest."""
    longest: Designation | None = None
    for row in rows:
        longest = row if longest is None else max(longest, row, key=lambda one: one.ends or date.max)
        yield longest


def _endings(state: RegisterState, rules: GapRules) -> Iterator[Gap]:
    until = rules.today + timedelta(days=rules.ending_days)
    ending = [row for row in state.designations if row.ends is not None and rules.today <= row.ends <= until]
    for row in sorted(ending, key=lambda row: (row.ends, row.designation_id)):
        told = f"{row.official} leaves {row.position} (account {row.account}) on {row.ends}."
        yield Gap("designation_ending", told, (row.designation_id, row.account))


def _ids(rows: Iterable[Designation]) -> tuple[str, ...]:
    return tuple(row.designation_id for row in rows)
