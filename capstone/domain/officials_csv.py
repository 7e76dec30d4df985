"""Read the register of officials from CSV (the header of design.md 7). A file is taken whole or not at all."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import TypeVar

from capstone.domain.addresses import normal_form, roster_problem
from capstone.domain.errors import BadOfficialsFile
from capstone.domain.officials import CAPSTONE_CATEGORIES, NO_ROLE, SUPPORT, CutoffRule, Designation, Form, identified
from capstone.domain.register import Notice, NumberedRow, contradictions, form_contradictions, refuse, remarks

REQUIRED = ("official", "office", "position", "category", "account", "addresses", "from", "until", "acting", "form", "approved")
OPTIONAL = ("record_group", "items", "cutoff", "transfer_years", "covers_from")

_MAX_BYTES = 16 * 1024 * 1024
_MAX_FIELD = 4000
_ACCOUNT = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_ITEM = re.compile(r"[0-9]{3}")
_YES, _NO = frozenset({"yes", "y", "true", "1", "x"}), frozenset({"no", "n", "false", "0", ""})

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
    header, records = _table(_text(data))
    rows, errors = _rows(header, records, internal_domains)
    whole = _with_whole_forms(rows)
    unique, duplicates = _without_duplicates([NumberedRow(row.number, identified(row.designation)) for row in whole])
    errors += [*form_contradictions(whole), *contradictions(unique)]
    refuse(sorted(errors, key=lambda notice: notice.rows))
    if not rows:
        raise BadOfficialsFile("The file holds a header and no rows. Nothing was imported.")
    warnings = (*_unknown_columns(header), *duplicates, *remarks(unique, today))
    return OfficialsFile(tuple(row.designation for row in unique), len(rows), warnings)


def _rows(
    header: list[str], records: list[tuple[int, list[str]]], internal_domains: frozenset[str]
) -> tuple[list[NumberedRow], list[Notice]]:
    """The rows without fault, and the faults of the others."""
    columns = _columns(header)
    rows, errors = [], []
    for number, cells in records:
        if len(cells) != len(header):
            errors.append(Notice((number,), f"{len(cells)} cells where the header has {len(header)}"))
            continue
        reader = _RowReader(number, {name: cells[index] for name, index in columns.items()}, internal_domains)
        row = reader.row()
        errors += reader.errors
        if not reader.errors:
            rows.append(row)
    return rows, errors


def _text(data: bytes) -> str:
    if len(data) > _MAX_BYTES:
        raise BadOfficialsFile(f"The file is larger than {_MAX_BYTES // 1024 // 1024} MiB. Nothing was imported.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        row = data.count(b"\n", 0, exc.start) + 1
        message = f"The file is not UTF-8 (line {row}). Nothing was imported."
        raise BadOfficialsFile(message, "Save it as 'CSV UTF-8' and import it again.") from exc


def _table(text: str) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The header, and every row that is not empty with its number in a spreadsheet."""
    number = 0
    records = []
    try:
        for number, cells in enumerate(csv.reader(io.StringIO(text, newline=""), strict=True), start=1):
            if any(cell.strip() for cell in cells):
                records.append((number, cells))
    except csv.Error as exc:
        raise BadOfficialsFile(f"row {number + 1}: not CSV ({exc}). Nothing was imported.") from exc
    if not records:
        raise BadOfficialsFile("The file is empty. Nothing was imported.")
    return [name.strip().lower() for name in records[0][1]], records[1:]


def _columns(header: list[str]) -> dict[str, int]:
    known = {name: index for index, name in enumerate(header) if name in REQUIRED or name in OPTIONAL}
    missing = [name for name in REQUIRED if name not in known]
    if missing:
        hint = " The columns must be parted by commas, not by semicolons." if len(header) == 1 and ";" in header[0] else ""
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
    """Reads one row; collects all that is wrong with it."""

    def __init__(self, number: int, cells: Mapping[str, str], internal_domains: frozenset[str]) -> None:
        self._number, self._cells, self._internal = number, cells, internal_domains
        self.errors: list[Notice] = []

    def row(self) -> NumberedRow:
        """The row as far as it can be read; not to be used when there are errors. Its designation has no id yet."""
        starts = self._cell("from", _date, needed=True) or date.min
        ends = self._cell("until", _date)
        if ends is not None and ends < starts:
            self._wrong("until", f"{ends} is before from {starts}")
        designation = Designation(
            designation_id="",
            official=self._cell("official", _plain, needed=True) or "",
            office=self._cell("office", _plain) or "",
            position=self._cell("position", _plain, needed=True) or "",
            category=self._cell("category", _category, needed=True) or "",
            account=self._cell("account", _account, needed=True) or "",
            addresses=self._cell("addresses", self._addresses) or (),
            starts=starts,
            ends=ends,
            acting=self._cell("acting", _yes_or_no) or False,
            form=self._form(),
        )
        return NumberedRow(self._number, designation)

    def _form(self) -> Form:
        approved = self._cell("approved", _date)
        number = self._cell("form", _plain) or ""
        if approved is not None and not number:
            self._wrong("approved", "a date without the form's number")
        return Form(
            number=number,
            record_group=self._cell("record_group", _plain),
            approved=approved,
            items=self._cell("items", _items) or frozenset(),
            cutoff=self._cell("cutoff", _cutoff),
            transfer_years=self._cell("transfer_years", _years),
            covers_from=self._cell("covers_from", _date),
        )

    def _cell(self, name: str, read: Callable[[str], _Value], needed: bool = False) -> _Value | None:
        """What the cell says; None when it is empty, missing or wrong."""
        text = self._cells.get(name, "")
        if len(text) > _MAX_FIELD:
            self._wrong(name, f"longer than {_MAX_FIELD} characters")
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
        self.errors.append(Notice((self._number,), f"{name}: {why}"))


def _plain(text: str) -> str:
    if any(unicodedata.category(sign) in ("Cc", "Zl", "Zp") for sign in text):
        raise ValueError("holds a control character or a line break")
    return text


def _date(text: str) -> date:
    if not _ISO_DATE.fullmatch(text):
        raise ValueError(f"{text[:20]!r} is not a date such as 2024-01-31")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text} is not in the calendar") from None


def _category(text: str) -> str:
    category = text.lower()
    if category not in CAPSTONE_CATEGORIES and category not in (SUPPORT, NO_ROLE):
        raise ValueError(f"{text[:20]!r} is not one of 1 to 10, support, none")
    return category


def _account(text: str) -> str:
    if not _ACCOUNT.fullmatch(text):
        raise ValueError(f"{text[:80]!r} is not an id of lower-case letters, digits and hyphens, at most 63")
    return text


def _yes_or_no(text: str) -> bool:
    if text.lower() not in _YES | _NO:
        raise ValueError(f"{text[:20]!r} is neither yes nor no")
    return text.lower() in _YES


def _items(text: str) -> frozenset[str]:
    items = frozenset(re.split(r"[\s,;]+", text))
    for item in sorted(items):
        if not _ITEM.fullmatch(item):
            raise ValueError(f"{item[:20]!r} is not an item of three digits such as 010 (a spreadsheet may have cut the zero)")
    return items


def _cutoff(text: str) -> CutoffRule:
    try:
        return CutoffRule(text.lower())
    except ValueError:
        raise ValueError(f"{text[:20]!r} is not one of {', '.join(CutoffRule)}") from None


def _years(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]?", text):
        raise ValueError(f"{text[:20]!r} is not a number of years")
    return int(text)


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
    missing = {name: value for name, value in said.items() if not getattr(form, name)}
    if not form.items and "items" not in missing:
        missing["items"] = Form("").items
    whole: Form = replace(form, **missing)  # type: ignore[arg-type]
    return NumberedRow(row.number, replace(row.designation, form=whole))


def _without_duplicates(rows: list[NumberedRow]) -> tuple[list[NumberedRow], list[Notice]]:
    first: dict[str, NumberedRow] = {}
    notices = []
    for row in rows:
        earlier = first.setdefault(row.designation.designation_id, row)
        if earlier is not row:
            notices.append(Notice((earlier.number or 0, row.number or 0), "the same row twice; it counts once"))
    return list(first.values()), notices
