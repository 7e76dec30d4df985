"""The list of positions for the next submission: the form's tables in their order, beside what the register says today."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date

from capstone.domain.forms.findings import same_title
from capstone.domain.forms.registering import line_of, registered
from capstone.domain.forms.rows import POSITION_COLUMNS, position_rows
from capstone.domain.forms.values import Form
from capstone.domain.officials import CAPSTONE_CATEGORIES, Designation
from capstone.domain.register_facts import RegisteredForm
from capstone.domain.spreadsheets import csv_text

FORM_COLUMNS = (
    "form", "record_group", "agency", "approved", "submitted", "supersedes", "items", "cutoff", "transfer_years",
    "block_years", "covers_from",
)  # fmt: skip
COLUMNS = (*POSITION_COLUMNS, *FORM_COLUMNS)
LISTING_COLUMNS = ("category", "position", "accounts", "accounts_in_register", "note", *FORM_COLUMNS)

_ORDERED_CATEGORIES = sorted(CAPSTONE_CATEGORIES, key=int)


@dataclass(frozen=True, slots=True)
class ListedPosition:
    """A position as the form and the register have it."""

    category: str
    position: str
    on_form: int | None
    """Its accounts on the form; None: no number there, or the form lacks it."""
    in_register: int
    """The different accounts of all who are designated in it today."""
    is_on_form: bool = True

    @property
    def accounts(self) -> int | None:
        """What the next submission would say where nobody changes it: the form's number, else the register's."""
        return self.on_form if self.is_on_form else self.in_register

    @property
    def note(self) -> str:
        """What a person should look at before sending the list in."""
        if not self.is_on_form:
            return "not on the form"
        if self.on_form is None:
            return "no number on the form"
        if self.in_register == self.on_form:
            return ""
        return "no official today" if not self.in_register else f"{self.in_register} in the register"


def listing(
    fact: RegisteredForm, forms: Mapping[str, RegisteredForm], designations: Iterable[Designation], today: date
) -> list[ListedPosition]:
    """The form's positions by category in the form's order, behind each category those that only the register has, by title.

    Designations count where they name the form or one that it superseded. Rows of one title each show all its accounts.
    """
    numbers = line_of(fact, forms)
    held: dict[tuple[str, str], set[str]] = {}
    titles: dict[tuple[str, str], str] = {}
    for row in designations:
        if row.is_capstone and row.covers(today) and row.form.number in numbers:
            key = (row.category, same_title(row.position))
            held.setdefault(key, set()).add(row.account)
            titles.setdefault(key, row.position)
    named = {(one.category, same_title(one.position)) for one in fact.positions}
    listed = []
    for category in _ORDERED_CATEGORIES:
        for one in fact.positions:
            if one.category == category:
                accounts = held.get((category, same_title(one.position)), set())
                listed.append(ListedPosition(category, one.position, one.accounts, len(accounts)))
        new = sorted((titles[key], len(held[key])) for key in held if key[0] == category and key not in named)
        listed += [ListedPosition(category, title, None, count, is_on_form=False) for title, count in new]
    return listed


def listing_csv(lists: Iterable[tuple[RegisteredForm, Iterable[ListedPosition]]]) -> str:
    """The lists as one CSV, which `positions_csv.read_positions` reads back. An empty category has a row that says so."""
    rows = []
    for fact, listed in lists:
        every, cells = list(listed), form_cells(fact)
        for category in _ORDERED_CATEGORIES:
            own = [one for one in every if one.category == category]
            rows += [[category, one.position, _text(one.accounts), str(one.in_register), one.note, *cells] for one in own]
            if not own:
                rows.append([category, "", "0", "0", "no position; the form asks for the reason", *cells])
    return csv_text(LISTING_COLUMNS, rows)


def positions_csv(form: Form) -> str:
    """The rows of a form as read, with the form's own values in every row, as CSV under `COLUMNS`."""
    cells = form_cells(registered(replace(form, number=form.number or form.number_text)))
    return csv_text(COLUMNS, ([*row, *cells] for row in position_rows(form.categories)))


def form_cells(fact: RegisteredForm) -> list[str]:
    """What stands under `FORM_COLUMNS`."""
    form = fact.form
    values = (
        form.number, form.record_group, fact.agency, form.approved, fact.submitted, fact.previous, " ".join(sorted(form.items)),
        form.cutoff, form.transfer_years, form.block_years, form.covers_from,
    )  # fmt: skip
    return [_text(value) for value in values]


def _text(value: object) -> str:
    return "" if value is None else str(value)


def registered_as_dict(fact: RegisteredForm) -> dict[str, object]:
    """A form of the register under the names that a form read from a file has."""
    form = fact.form
    return {
        "form": form.number,
        "agency": fact.agency,
        "record_group": form.record_group,
        "approved": _iso(form.approved),
        "submitted": _iso(fact.submitted),
        "total_accounts": fact.total_accounts,
        "previous_form": fact.previous,
        "items": sorted(form.items),
        "cutoff": form.cutoff,
        "cutoff_text": fact.cutoff_text,
        "transfer_years": form.transfer_years,
        "transfer_text": fact.transfer_text,
        "transfer_block_years": form.block_years,
        "after_declassification_review": form.after_declassification_review,
        "covers_from": _iso(form.covers_from),
        "withdrawn": _iso(form.withdrawn),
        "superseded": _iso(form.superseded),
        "expires": _iso(form.expires),
        "resubmitted": [day.isoformat() for day in fact.resubmitted],
        "categories": {
            category: [{"position": one.position, "accounts": one.accounts} for one in fact.positions if one.category == category]
            for category in _ORDERED_CATEGORIES
        },
        "digest": fact.source_digest,
    }


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
