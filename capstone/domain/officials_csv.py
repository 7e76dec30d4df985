"""Read the register of officials from CSV (the header of design.md 7). A file is taken whole or not at all."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Any, TypeVar

from capstone.domain import cells
from capstone.domain.addresses import normal_form, roster_problem
from capstone.domain.errors import BadOfficialsFile
from capstone.domain.officials import Designation, Form, identified
from capstone.domain.register import Notice, NumberedRow, contradictions, form_contradictions, refuse, remarks
from capstone.domain.spreadsheets import table_of

REQUIRED = ("official", "office", "position", "category", "account", "addresses", "from", "until", "acting", "form", "approved")
OPTIONAL = ("record_group", "items", "cutoff", "transfer_years", "covers_from", "decided", "decided_by", "evidence")

_MAX_FIELD = 4000

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class OfficialsFile:
    """A readable file: its designations (each once), how many rows it has, and what is worth a look."""

    designations: tuple[Designation, ...]
    rows: int
    warnings: tuple[Notice, ...]


def read_officials(data: bytes, internal_domains: frozenset[str] = frozenset(), today: date | None = None) -> OfficialsFile:
    """Read a whole file. Raises BadOfficialsFile naming every row at fault; then nothing of it may be imported.

    `internal_domains` are checked for form only (see `addresses.roster_problem`). With `today`, dates ahead are pointed out.
    """
    table = table_of(data)
    header = list(table.columns)
    rows, errors = _rows(header, table.rows, internal_domains)
    whole = _with_whole_forms(rows)
    unique, duplicates = _without_duplicates([NumberedRow(row.number, identified(row.designation)) for row in whole])
    errors += [*form_contradictions(whole), *contradictions(unique)]
    refuse(sorted(errors, key=lambda notice: notice.rows))
    if not rows:
        raise BadOfficialsFile("The file holds a header and no rows. Nothing was imported.")
    warnings = (*_unknown_columns(header), *duplicates, *remarks(unique, today))
    return OfficialsFile(tuple(row.designation for row in unique), len(rows), warnings)


def designation_of(told: Mapping[str, str], internal_domains: frozenset[str]) -> tuple[Designation, list[Notice]]:
    """One row by the names of its columns, without an id yet, and all that is wrong with it; then the row is not to be used."""
    reader = _RowReader(None, told, internal_domains)
    return reader.row().designation, reader.errors


def _rows(
    header: list[str], records: Sequence[tuple[int, Sequence[str]]], internal_domains: frozenset[str]
) -> tuple[list[NumberedRow], list[Notice]]:
    """The rows without fault, and the faults of the others."""
    columns = _columns(header)
    rows, errors = [], []
    for number, told in records:
        if len(told) != len(header):
            errors.append(Notice((number,), f"{len(told)} cells where the header has {len(header)}"))
            continue
        reader = _RowReader(number, {name: told[index] for name, index in columns.items()}, internal_domains)
        row = reader.row()
        errors += reader.errors
        if not reader.errors:
            rows.append(row)
    return rows, errors


_OTHER_SIGNS = {";": "semicolons", "\t": "tabs"}


def _columns(header: list[str]) -> dict[str, int]:
    known = {name: index for index, name in enumerate(header) if name in REQUIRED or name in OPTIONAL}
    missing = [name for name in REQUIRED if name not in known]
    if missing:
        sign = next((name for mark, name in _OTHER_SIGNS.items() if len(header) == 1 and mark in header[0]), None)
        hint = f" The columns must be parted by commas, not by {sign}." if sign else ""
        raise BadOfficialsFile(f"Columns are missing: {', '.join(missing)}.{hint} Nothing was imported.")
    twice = sorted({name for name in known if header.count(name) > 1})
    if twice:
        raise BadOfficialsFile(f"Columns stand in the file twice: {', '.join(twice)}. Nothing was imported.")
    return known


def _unknown_columns(header: list[str]) -> Iterator[Notice]:
    unknown = [name or "(no name)" for name in header if name not in REQUIRED and name not in OPTIONAL]
    if unknown:
        yield Notice((1,), f"columns not known and not read: {', '.join(unknown)}")


class _RowReader:
    """Reads one row; collects all that is wrong with it. Without a number it stands in no file."""

    def __init__(self, number: int | None, told: Mapping[str, str], internal_domains: frozenset[str]) -> None:
        self._number, self._told, self._internal = number, told, internal_domains
        self.errors: list[Notice] = []

    def row(self) -> NumberedRow:
        """The row as far as it can be read; not to be used when there are errors. Its designation has no id yet."""
        starts = self._cell("from", cells.day, needed=True) or date.min
        ends = self._cell("until", cells.day)
        if ends is not None and ends < starts:
            self._wrong("until", f"{ends} is before from {starts}")
        designation = Designation(
            designation_id="",
            official=self._cell("official", cells.plain, needed=True) or "",
            office=self._cell("office", cells.plain) or "",
            position=self._cell("position", cells.plain, needed=True) or "",
            category=self._cell("category", cells.category, needed=True) or "",
            account=self._cell("account", cells.account, needed=True) or "",
            addresses=self._cell("addresses", self._addresses) or (),
            starts=starts,
            ends=ends,
            acting=self._cell("acting", cells.yes_or_no) or False,
            form=self._form(),
            decided=self._cell("decided", cells.plain) or "",
            decided_by=self._cell("decided_by", cells.plain) or "",
            evidence=self._cell("evidence", cells.plain) or "",
        )
        return NumberedRow(self._number, designation)

    def _form(self) -> Form:
        approved = self._cell("approved", cells.day)
        number = self._cell("form", cells.plain) or ""
        if approved is not None and not number:
            self._wrong("approved", "a date without the form's number")
        return Form(
            number=number,
            record_group=self._cell("record_group", cells.plain),
            approved=approved,
            items=self._cell("items", cells.items) or frozenset(),
            cutoff=self._cell("cutoff", cells.cutoff),
            transfer_years=self._cell("transfer_years", cells.years),
            covers_from=self._cell("covers_from", cells.day),
        )

    def _cell(self, name: str, read: Callable[[str], _Value], needed: bool = False) -> _Value | None:
        """What the cell says; None when it is empty, missing or wrong."""
        text = self._told.get(name, "")
        if len(text) > _MAX_FIELD:
            self._wrong(name, f"longer than {_MAX_FIELD} characters")
            return None
        try:
            cells.no_formula(text)
        except ValueError as exc:
            self._wrong(name, str(exc))
            return None
        text = unicodedata.normalize("NFC", text).strip()
        if not text:
            if needed:
                self._wrong(name, "is empty")
            return None
        try:
            return read(text)
        except ValueError as exc:
            self._wrong(name, str(exc))
            return None

    def _addresses(self, text: str) -> tuple[str, ...]:
        found = dict.fromkeys(normal_form(address) for address in text.split())
        for address in found:
            problem = roster_problem(address, self._internal)
            if problem is not None:
                raise ValueError(f"{address[:80]!r}: {problem}")
        return tuple(found)

    def _wrong(self, name: str, why: str) -> None:
        self.errors.append(Notice(() if self._number is None else (self._number,), f"{name}: {why}"))


def _with_whole_forms(rows: list[NumberedRow]) -> list[NumberedRow]:
    """Rows of one form share what it says: a cell left empty is filled from the other rows.

    Only `approved` is never filled, as an empty cell there says "not approved".
    """
    said: dict[str, dict[str, object]] = {}
    for row in rows:
        form = row.designation.form
        known = said.setdefault(form.number, {})
        for name in _SHARED:
            if form.number and getattr(form, name):
                known.setdefault(name, getattr(form, name))
    return [_with_form(row, said[row.designation.form.number]) for row in rows]


_SHARED = tuple(one.name for one in fields(Form) if one.name not in ("number", "approved"))


def _with_form(row: NumberedRow, said: Mapping[str, object]) -> NumberedRow:
    form = row.designation.form
    missing: dict[str, Any] = {name: value for name, value in said.items() if not getattr(form, name)}
    if not form.items and "items" not in missing:
        missing["items"] = Form("").items
    return NumberedRow(row.number, replace(row.designation, form=replace(form, **missing)))


def _without_duplicates(rows: list[NumberedRow]) -> tuple[list[NumberedRow], list[Notice]]:
    first: dict[str, NumberedRow] = {}
    notices = []
    for row in rows:
        earlier = first.setdefault(row.designation.designation_id, row)
        if earlier is not row:
            notices.append(Notice((earlier.number or 0, row.number or 0), "the same row twice; it counts once"))
    return list(first.values()), notices
