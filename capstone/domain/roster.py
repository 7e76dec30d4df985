"""The register as a classifier asks it: who held which role with which account and address on a day, under which form."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from typing import NamedTuple

from capstone.domain.addresses import address_mark
from capstone.domain.officials import Designation
from capstone.domain.register_facts import (
    AccountFact,
    AddressFact,
    RegisteredForm,
    RegisterFact,
    SeriesAssignment,
    fact_id,
)

_NO_MARKS: frozenset[str] = frozenset()
_OPEN = date.max.toordinal() + 1


class Standing(NamedTuple):
    """What of a registered account decides which questions its mail puts."""

    marks: frozenset[str]
    """Of every address that it ever had."""
    has_series: bool


class Roster:
    """All designations and facts in force, prepared once so that capture can ask for every message. Order never matters.

    Where the register holds a form of a row's number, that form decides, not what the row was entered with.
    Addresses are known by their marks (`addresses.address_mark`), as the ledger knows those of messages.
    """

    __slots__ = (
        "_accounts",
        "_by_account",
        "_by_id",
        "_by_mark",
        "_facts",
        "_forms",
        "_marks",
        "_series",
        "_standing",
    )

    def __init__(self, designations: Iterable[Designation], facts: Iterable[RegisterFact] = ()) -> None:
        """Sort the rows by account, the facts by what they are about; what is given twice counts once."""
        unique = {fact_id(fact): fact for fact in facts}
        self._facts = tuple(unique[one] for one in sorted(unique))
        self._forms = {fact.form.number: fact for fact in self._facts if isinstance(fact, RegisteredForm) and fact.form.number}
        self._accounts = {fact.account: fact for fact in self._facts if isinstance(fact, AccountFact)}
        self._by_id = {row.designation_id: self._under_its_form(row) for row in designations}
        self._by_account: dict[str, list[Designation]] = {}
        self._by_mark: dict[str, list[tuple[Designation, AddressFact | None]]] = {}
        self._marks: dict[str, frozenset[str]] = {}
        self._series: dict[str, tuple[SeriesAssignment, ...]] = {}
        for row in sorted(self._by_id.values(), key=_by_account):
            self._by_account.setdefault(row.account, []).append(row)
            for address in dict.fromkeys(row.addresses):
                self._give(address_mark(address), row, None)
        self._take_in_facts()
        self._standing = {
            account: Standing(self.marks_of(account), account in self._series)
            for account in sorted({*self._by_account, *self._accounts})
        }

    def accounts(self) -> list[str]:
        """Every account that a row or an account fact names, sorted."""
        return list(self._standing)

    def is_registered(self, account: str) -> bool:
        """Whether any row, of whatever time, or a fact about the account itself names it."""
        return account in self._standing

    def standing(self, account: str) -> Standing | None:
        """Of a registered account; None for any other."""
        return self._standing.get(account)

    def designation(self, designation_id: str) -> Designation | None:
        """The row with that id, if it is in force."""
        return self._by_id.get(designation_id)

    def of_account(self, account: str) -> tuple[Designation, ...]:
        """All rows of the account, by start and id."""
        return tuple(self._by_account.get(account, ()))

    def covering(self, account: str, day: date) -> list[Designation]:
        """The account's rows whose interval holds the day, by start and id; several are lawful."""
        return [row for row in self._by_account.get(account, ()) if row.covers(day)]

    def marks_of(self, account: str) -> frozenset[str]:
        """The mark of every address that the account ever had."""
        return self._marks.get(account, _NO_MARKS)

    def holders_of(self, mark: str, day: date) -> list[Designation]:
        """The rows in force on the day whose account had the address on the day, by account, start and id."""
        held = [row for row, fact in self._by_mark.get(mark, ()) if row.covers(day) and (fact is None or holds(fact, day))]
        return sorted({row.designation_id: row for row in held}.values(), key=_by_account)

    def holdings_of(self, mark: str) -> Sequence[tuple[Designation, AddressFact | None]]:
        """Every row that ever had the address, with the fact that gave it where the row itself does not name it."""
        return self._by_mark.get(mark, ())

    def is_address_of_another(self, mark: str, account: str) -> bool:
        """Whether a row of another account ever had the address."""
        return any(row.account != account for row, _ in self._by_mark.get(mark, ()))

    def assigned_series(self, account: str) -> tuple[SeriesAssignment, ...]:
        """Every assignment of the account's mail to a series of another schedule, of whatever time."""
        return self._series.get(account, ())

    def account_fact(self, account: str) -> AccountFact | None:
        """What the register says of the account itself."""
        return self._accounts.get(account)

    def registered_form(self, number: str) -> RegisteredForm | None:
        """The form of that number, as the register holds it."""
        return self._forms.get(number)

    def concerning(self, account: str, marks: Iterable[str]) -> tuple[tuple[Designation, ...], tuple[RegisterFact, ...]]:
        """All that can weigh on a record of the account whose From and Sender addresses have these marks: rows and facts.

        A roster of these alone gives the same answers about such a record. Rights to send decide nothing; they are told beside.
        """
        wanted = set(marks)
        others = {row.account for mark in wanted for row, _ in self._by_mark.get(mark, ())}
        accounts = {account, *others}
        rows = [row for name in sorted(accounts) for row in self._by_account.get(name, ())]
        numbers = {row.form.number for row in rows}
        facts = (fact for fact in self._facts if _is_about(fact, account, wanted, numbers))
        return tuple(rows), tuple(facts)

    def acting_days(self, row: Designation, today: date) -> int:
        """How many days of the acting stint that the row is part of have begun by `today`.

        Rows of one official, position and account that follow one another without a gap are one stint.
        """
        first, last = _run(row, [one for one in self._by_account[row.account] if one.acting])
        return min(last, today.toordinal()) - first + 1

    def tenure_end(self, row: Designation) -> date | None:
        """The last day of the tenure that the row is part of; None while it lasts.

        Rows of one official, position and account that follow one another without a gap are one tenure, acting or not, under
        whatever form; a Capstone role and another are two.
        """
        rows = [one for one in self._by_account[row.account] if one.is_capstone == row.is_capstone]
        _, last = _run(row, rows)
        return None if last >= _OPEN else date.fromordinal(last)

    def _under_its_form(self, row: Designation) -> Designation:
        registered = self._forms.get(row.form.number)
        return row if registered is None else replace(row, form=registered.form)

    def _give(self, mark: str, row: Designation, fact: AddressFact | None) -> None:
        self._by_mark.setdefault(mark, []).append((row, fact))
        self._mark(row.account, mark)

    def _mark(self, account: str, mark: str) -> None:
        self._marks[account] = self._marks.get(account, _NO_MARKS) | {mark}

    def _take_in_facts(self) -> None:
        for fact in self._facts:
            if isinstance(fact, AddressFact):
                mark = address_mark(fact.address)
                self._mark(fact.account, mark)
                for row in self._by_account.get(fact.account, ()):
                    self._give(mark, row, fact)
            elif isinstance(fact, SeriesAssignment):
                self._series[fact.account] = (*self._series.get(fact.account, ()), fact)


def _run(row: Designation, rows: Iterable[Designation]) -> tuple[int, int]:
    """First and last day, as ordinals, of the rows of its official and position around the row that have no gap between them.

    `rows` are of its account, by start, and hold it.
    """
    runs: list[tuple[int, int]] = []
    for one in rows:
        if (one.official, one.position) == (row.official, row.position):
            first, last = one.starts.toordinal(), _OPEN if one.ends is None else one.ends.toordinal()
            if runs and first <= runs[-1][1] + 1:
                first, last = runs[-1][0], max(last, runs.pop()[1])
            runs.append((first, last))
    return next(run for run in runs if run[0] <= row.starts.toordinal() <= run[1])


def _by_account(row: Designation) -> tuple[str, date, str]:
    return row.account, row.starts, row.designation_id


def holds(fact: AddressFact | SeriesAssignment, day: date) -> bool:
    """Whether the fact is true of that day."""
    return fact.starts <= day and (fact.ends is None or day <= fact.ends)


def _is_about(fact: RegisterFact, account: str, marks: set[str], forms: set[str]) -> bool:
    if isinstance(fact, RegisteredForm):
        return fact.form.number in forms
    if isinstance(fact, AddressFact) and address_mark(fact.address) in marks:
        return True
    return fact.account == account
