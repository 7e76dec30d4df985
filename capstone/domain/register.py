"""What must be true of the register of officials as a whole: contradictions, things to point out, and what a file changes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeVar

from capstone.domain.errors import BadOfficialsFile
from capstone.domain.officials import Designation, Form

SAID_OF_A_FORM = ("record_group", "approved", "items", "cutoff", "transfer_years", "covers_from")
"""What the rows of an officials file may say of their form."""

_MOST_SHOWN = 20
_ONE_DAY = timedelta(days=1)

_Key = TypeVar("_Key")


@dataclass(frozen=True, slots=True)
class Notice:
    """Something about rows of an officials file, numbered as in a spreadsheet (the header is row 1)."""

    rows: tuple[int, ...]
    message: str
    ids: tuple[str, ...] = ()
    """Of what stands in the register already: designation ids and fact ids."""

    def __str__(self) -> str:
        """The notice as people read it."""
        told = f"{self.message} (in the register: {', '.join(self.ids)})" if self.ids else self.message
        if not self.rows:
            return told
        return f"row{'s' if len(self.rows) > 1 else ''} {', '.join(map(str, self.rows))}: {told}"


@dataclass(frozen=True, slots=True)
class NumberedRow:
    """A designation and the row of the file that it stands in; None: it stands in the register already."""

    number: int | None
    designation: Designation


@dataclass(frozen=True, slots=True)
class Holding:
    """That an address belongs to an account from a day until a day; by which row or fact."""

    address: str
    account: str
    starts: date
    ends: date | None
    number: int | None
    named: str
    """Id of the row or fact."""

    @property
    def last_day(self) -> date:
        """The last day, however far ahead."""
        return self.ends or date.max


@dataclass(frozen=True, slots=True)
class RegisterChange:
    """What taking in a file would change. Rows that the file does not name stay as they are: an import never removes."""

    added: tuple[Designation, ...]
    """Rows with a new key."""
    replacing: tuple[Designation, ...]
    """Rows whose key is known, with new content."""
    unchanged: tuple[Designation, ...]
    superseded: Mapping[str, str]
    """Old designation id to the id of the row that replaces it."""
    warnings: tuple[Notice, ...]

    @property
    def new_rows(self) -> tuple[Designation, ...]:
        """All rows the ledger must take in: the added and the replacing ones."""
        return (*self.added, *self.replacing)


def natural_key(row: Designation) -> tuple[str, str, str, date]:
    """What makes two versions of a row the same row: official, position, account and first day."""
    return row.official, row.position, row.account, row.starts


def refuse(notices: Sequence[Notice]) -> None:
    """Raise BadOfficialsFile naming the notices, the first ones in full; do nothing when there are none."""
    if notices:
        raise BadOfficialsFile(f"Nothing was imported. {shown(notices)}")


def shown(notices: Sequence[Notice]) -> str:
    """The first ones in full, the others counted."""
    more = [f"and {len(notices) - _MOST_SHOWN} more"] if len(notices) > _MOST_SHOWN else []
    return "; ".join([*map(str, notices[:_MOST_SHOWN]), *more])


def contradictions(rows: Sequence[NumberedRow]) -> list[Notice]:
    """What cannot be true together: one row told twice, two open intervals of one role, an address in two accounts at once."""
    return [*one_row_contradictions(rows), *in_two_hands(holdings_of(rows))]


def one_row_contradictions(rows: Sequence[NumberedRow]) -> list[Notice]:
    """Those of `contradictions` that have nothing to do with addresses."""
    return [*_told_twice(rows), *_two_open_intervals(rows)]


def form_contradictions(rows: Sequence[NumberedRow]) -> list[Notice]:
    """Rows that say different things of one form."""
    found = []
    for number, same in _grouped(rows, lambda row: row.form.number).items():
        kinds: dict[Form, NumberedRow] = {}
        for row in same:
            kinds.setdefault(row.designation.form, row)
        if number and len(kinds) > 1:
            first, second = list(kinds.values())[:2]
            differing = ", ".join(_differences(first.designation.form, second.designation.form))
            found.append(_notice((first, second), f"form {number} is described in two ways ({differing})"))
    return found


def remarks(rows: Sequence[NumberedRow], today: date | None = None, addressed: frozenset[str] = frozenset()) -> list[Notice]:
    """What is lawful but worth a look: overlaps, gaps, forms not approved, unknown cutoffs, dates ahead of `today`.

    `addressed`: accounts of which the register knows addresses that stand in no row.
    """
    found: list[Notice] = []
    for account, same in sorted(_grouped(rows, lambda row: row.account).items()):
        found += _overlaps_and_gaps(account, same)
    for row in rows:
        found += [_notice((row,), message) for message in _remarks_on(row.designation, today, addressed)]
    return found


def diff_register(existing: Sequence[Designation], incoming: Sequence[Designation]) -> RegisterChange:
    """What the incoming rows change in the register. Raises BadOfficialsFile where both cannot be true together."""
    known = {natural_key(row): row for row in existing}
    added, replacing, unchanged, superseded = [], [], [], {}
    for row in incoming:
        old = known.get(natural_key(row))
        if old is None:
            added.append(row)
        elif old.designation_id == row.designation_id:
            unchanged.append(row)
        else:
            replacing.append(row)
            superseded[old.designation_id] = row.designation_id
    kept = [row for row in existing if row.designation_id not in superseded]
    together = {row.designation_id: NumberedRow(None, row) for row in (*kept, *incoming)}
    refuse(contradictions(list(together.values())))
    warnings = form_contradictions(list(together.values()))
    return RegisterChange(tuple(added), tuple(replacing), tuple(unchanged), superseded, tuple(warnings))


def _told_twice(rows: Sequence[NumberedRow]) -> Iterator[Notice]:
    for same in _grouped(rows, natural_key).values():
        if len({row.designation.designation_id for row in same}) > 1:
            yield _notice(same, f"{_role(same[0])} from {same[0].designation.starts} is told in two different ways")


def _two_open_intervals(rows: Sequence[NumberedRow]) -> Iterator[Notice]:
    in_office = [row for row in rows if row.designation.ends is None]
    for same in _grouped(in_office, lambda row: natural_key(row)[:3]).values():
        if len({row.designation.starts for row in same}) > 1:
            starts = " and ".join(str(row.designation.starts) for row in same)
            yield _notice(same, f"{_role(same[0])} has two intervals without an end, from {starts}; give one of them an end")


def holdings_of(rows: Iterable[NumberedRow]) -> Iterator[Holding]:
    """Every address of every row."""
    for row in rows:
        one = row.designation
        for address in one.addresses:
            yield Holding(address, one.account, one.starts, one.ends, row.number, one.designation_id)


def in_two_hands(holdings: Iterable[Holding]) -> Iterator[Notice]:
    """Addresses that belong to two accounts on one day."""
    by_address: dict[str, list[Holding]] = defaultdict(list)
    for holding in holdings:
        by_address[holding.address].append(holding)
    for address, holders in sorted(by_address.items()):
        for earlier, later in _rivals(holders):
            message = f"address {address} belongs to two accounts at once: {earlier.account} and {later.account}"
            yield _named([(earlier.number, earlier.named), (later.number, later.named)], message)


def _rivals(holders: Iterable[Holding]) -> Iterator[tuple[Holding, Holding]]:
    """Pairs of different accounts that overlap in time, each holding at most once as the later one; in n log n steps."""
    longest: dict[str, Holding] = {}  # the two accounts whose intervals reach furthest; no third can matter
    for holding in sorted(holders, key=lambda one: (one.starts, one.last_day, one.named)):
        others = (other for name, other in longest.items() if name != holding.account)
        rival = next((other for other in others if holding.starts <= other.last_day), None)
        if rival is not None:
            yield rival, holding
        longest[holding.account] = max(longest.get(holding.account, holding), holding, key=lambda one: one.last_day)
        if len(longest) > 2:
            del longest[min(longest, key=lambda name: longest[name].last_day)]


def _overlaps_and_gaps(account: str, rows: Iterable[NumberedRow]) -> Iterator[Notice]:
    first, *others = sorted(rows, key=_by_time)
    for row in others:
        starts, covered_to = row.designation.starts, _last_day(first)
        if starts <= covered_to:
            yield _notice((first, row), f"account {account} has two roles at once from {starts}; the longer keeping wins")
        elif starts - covered_to > _ONE_DAY:
            days = f"from {covered_to + _ONE_DAY} to {starts - _ONE_DAY}"
            yield _notice((first, row), f"account {account} has no role {days}; its mail of these days is unscheduled")
        first = max(first, row, key=_last_day)


def _remarks_on(row: Designation, today: date | None, addressed: frozenset[str]) -> Iterator[str]:
    if row.form.approved is None:
        yield f"form {row.form.number or '(none)'} is not approved; mail under it is unscheduled and kept"
    elif today is not None and row.form.approved > today:
        yield f"form {row.form.number} is approved only from {row.form.approved}, which lies ahead"
    if row.is_capstone and row.form.cutoff is None:
        yield f"no cutoff is known for category {row.category}; transfer dates stay empty"
    if not row.addresses and row.account not in addressed:
        yield f"account {row.account} has no address here; mail it sent for an official is known by its Sent folder only"
    if today is not None and row.starts > today:
        yield f"from {row.starts} lies ahead"
    if today is not None and row.ends is not None and row.ends > today:
        yield f"until {row.ends} lies ahead"


def _differences(one: Form, other: Form) -> Iterator[str]:
    for name in SAID_OF_A_FORM:
        if getattr(one, name) != getattr(other, name):
            yield name


def _grouped(rows: Iterable[NumberedRow], key: Callable[[Designation], _Key]) -> dict[_Key, list[NumberedRow]]:
    groups: dict[_Key, list[NumberedRow]] = defaultdict(list)
    for row in rows:
        groups[key(row.designation)].append(row)
    return groups


def _notice(rows: Iterable[NumberedRow], message: str) -> Notice:
    return _named([(row.number, row.designation.designation_id) for row in rows], message)


def _named(named: Iterable[tuple[int | None, str]], message: str) -> Notice:
    """With the numbers of those rows that a file has; the others stand in the register and are named by their ids."""
    every = list(named)
    numbers = tuple(sorted(number for number, _ in every if number is not None))
    return Notice(numbers, message, tuple(dict.fromkeys(one for number, one in every if number is None)))


def _role(row: NumberedRow) -> str:
    designation = row.designation
    return f"{designation.official} as {designation.position} in account {designation.account}"


def _last_day(row: NumberedRow) -> date:
    return row.designation.ends or date.max


def _by_time(row: NumberedRow) -> tuple[date, date, str]:
    return row.designation.starts, _last_day(row), row.designation.designation_id
