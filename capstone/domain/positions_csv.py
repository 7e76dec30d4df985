"""The positions of a form as CSV, for agencies that have no PDF of it and for the next submission. Taken whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from capstone.domain.cells import cutoff, day, items, years
from capstone.domain.errors import BadOfficialsFile
from capstone.domain.forms.cells import count_of, form_number_of, one_line, record_group_of
from capstone.domain.officials import CAPSTONE_CATEGORIES, Form
from capstone.domain.register import Notice, refuse
from capstone.domain.register_facts import FormPosition, RegisteredForm
from capstone.domain.spreadsheets import Table, as_meant, is_formula, table_of

REQUIRED = ("form", "record_group", "category", "position", "accounts")
OPTIONAL = (
    "agency", "approved", "submitted", "supersedes", "items", "cutoff", "transfer_years", "block_years", "covers_from",
    "total_accounts",
)  # fmt: skip
NOT_READ = ("note", "accounts_in_register")
"""Columns that this program writes beside the others for people to read."""

_OF_A_FORM = ("record_group", *OPTIONAL)
_MAX_FIELD = 4000
_HEAD_OF_A_PDF = 1024
"""Readers of PDF look for its mark in so many first bytes."""


@dataclass(frozen=True, slots=True)
class PositionsFile:
    """A readable file: the form or forms that it lists, how many rows it has, and what is worth a look."""

    forms: tuple[RegisteredForm, ...]
    """With what their columns say and nothing else: `stated` fills in what the register knows beside it."""
    rows: int
    warnings: tuple[Notice, ...]


def is_pdf(data: bytes, name: str = "") -> bool:
    """Whether a file is, by its content, a PDF; one that only its name calls so is judged as a PDF too, and then refused."""
    return b"%PDF-" in data[:_HEAD_OF_A_PDF] or name.lower().endswith(".pdf")


def is_positions_table(data: bytes) -> bool:
    """Whether a file is a CSV that lists positions of a form; what cannot be read at all is left to the reader of officials."""
    try:
        columns = table_of(data).columns
    except BadOfficialsFile:
        return False
    return "official" not in columns and "position" in columns and "accounts" in columns


def read_positions(data: bytes, digest: str) -> PositionsFile:
    """Read a whole file. Raises BadOfficialsFile naming every row at fault; then nothing of it may be imported.

    `digest`: that of the file. What a form's columns say on one row holds for all its rows; two different values are an error.
    """
    table = table_of(data)
    _check_columns(table)
    reading = _Reading()
    for number, cells in table.rows:
        if len(cells) != len(table.columns):
            reading.errors.append(Notice((number,), f"{len(cells)} cells where the header has {len(table.columns)}"))
        else:
            reading.take(number, dict(zip(table.columns, cells, strict=True)))
    refuse(sorted(reading.errors, key=lambda notice: notice.rows))
    if not table.rows:
        raise BadOfficialsFile("The file holds a header and no rows. Nothing was imported.")
    forms = tuple(_form(number, listed, digest) for number, listed in reading.forms.items())
    return PositionsFile(forms, len(table.rows), (*_unknown(table), *reading.warnings))


def stated(new: RegisteredForm, old: RegisteredForm | None) -> RegisteredForm:
    """What a list says beside what the register knows: everything that its columns do not say stays as it is there.

    A form that the register does not know uses all items where the list says nothing of them.
    """
    if old is None:
        return replace(new, form=replace(new.form, items=new.form.items or Form("").items))
    form = {name: value for name in _SAID_OF_FORM if (value := getattr(new.form, name))}
    own = {name: value for name in _SAID_BESIDE if (value := getattr(new, name))}
    whole = replace(old, form=replace(old.form, **form), positions=new.positions, **own)
    return whole if whole == old else replace(whole, source_digest=new.source_digest)


_SAID_OF_FORM = ("record_group", "approved", "items", "cutoff", "transfer_years", "covers_from", "block_years")
_SAID_BESIDE = ("agency", "submitted", "previous", "total_accounts")


@dataclass(slots=True)
class _Listed:
    """One form of the file: its positions, and what its columns say with the row that said it first."""

    positions: list[FormPosition] = field(default_factory=list)
    said: dict[str, tuple[int, Any]] = field(default_factory=dict)


@dataclass(slots=True)
class _Reading:
    """A file half read."""

    forms: dict[str, _Listed] = field(default_factory=dict)
    errors: list[Notice] = field(default_factory=list)
    warnings: list[Notice] = field(default_factory=list)

    def take(self, number: int, cells: Mapping[str, str]) -> None:
        """One row, all its faults at once."""
        known = len(self.errors)
        form = self._cell(number, cells, "form", _number_of, needed=True)
        category = self._cell(number, cells, "category", _category, needed=True)
        position = self._cell(number, cells, "position", one_line) or ""
        accounts = self._cell(number, cells, "accounts", _count)
        said = {name: self._cell(number, cells, name, _READ[name]) for name in _OF_A_FORM}
        if not position and accounts:
            self._wrong(number, "position", "is empty, and its row counts accounts")
        if len(self.errors) > known:
            return
        listed = self.forms.setdefault(form, _Listed())
        self._say(number, listed, said)
        if position:
            listed.positions.append(FormPosition(category, position, accounts))
            self._remark(number, cells, accounts)

    def _say(self, number: int, listed: _Listed, said: Mapping[str, Any]) -> None:
        for name, value in said.items():
            first, known = listed.said.setdefault(name, (number, value)) if value is not None else (number, None)
            if known != value:
                self.errors.append(Notice((first, number), f"the form is described in two ways ({name})"))

    def _remark(self, number: int, cells: Mapping[str, str], accounts: int | None) -> None:
        if accounts is None:
            self.warnings.append(Notice((number,), "no number of accounts"))
        if is_formula(cells["position"].strip()):
            self.warnings.append(Notice((number,), "the position begins like a formula; it was taken as text"))

    def _cell(self, number: int, cells: Mapping[str, str], name: str, read: Callable[[str], Any], needed: bool = False) -> Any:
        """What the cell says; None when it is empty, missing or wrong."""
        text = as_meant(cells.get(name, "").strip())
        if not text or len(text) > _MAX_FIELD:
            if text or needed:
                self._wrong(number, name, f"longer than {_MAX_FIELD} characters" if text else "is empty")
            return None
        try:
            return read(text)
        except ValueError as exc:
            self._wrong(number, name, str(exc))
            return None

    def _wrong(self, number: int, name: str, why: str) -> None:
        self.errors.append(Notice((number,), f"{name}: {why}"))


def _form(number: str, listed: _Listed, digest: str) -> RegisteredForm:
    said = {name: value for name, (_, value) in listed.said.items()}
    counted = sum(one.accounts or 0 for one in listed.positions)
    return RegisteredForm(
        form=Form(
            number=number,
            record_group=said.get("record_group"),
            approved=said.get("approved"),
            items=said.get("items", frozenset()),
            cutoff=said.get("cutoff"),
            transfer_years=said.get("transfer_years"),
            covers_from=said.get("covers_from"),
            block_years=said.get("block_years"),
        ),
        agency=said.get("agency", ""),
        positions=tuple(listed.positions),
        total_accounts=said.get("total_accounts", counted),
        source_digest=digest,
        submitted=said.get("submitted"),
        previous=said.get("supersedes"),
    )


def _check_columns(table: Table) -> None:
    missing = [name for name in REQUIRED if name not in table.columns]
    if missing:
        raise BadOfficialsFile(f"Columns are missing: {', '.join(missing)}. Nothing was imported.")
    twice = sorted({name for name in (*REQUIRED, *OPTIONAL) if table.columns.count(name) > 1})
    if twice:
        raise BadOfficialsFile(f"Columns stand in the file twice: {', '.join(twice)}. Nothing was imported.")


def _unknown(table: Table) -> Iterator[Notice]:
    unknown = [name or "(no name)" for name in table.columns if name not in (*REQUIRED, *OPTIONAL, *NOT_READ)]
    if unknown:
        yield Notice((1,), f"columns not known and not read: {', '.join(unknown)}")


def _number_of(text: str) -> str:
    """A number as the National Archives write it is brought into its usual form; any other is taken as it stands."""
    return form_number_of(text) or one_line(text)


def _category(text: str) -> str:
    if text not in CAPSTONE_CATEGORIES:
        raise ValueError(f"{text[:20]!r} is not one of 1 to 10")
    return text


def _count(text: str) -> int:
    count = count_of(text)
    if count is None:
        raise ValueError(f"{text[:20]!r} is not a number of accounts")
    return count


def _record_group(text: str) -> str:
    group = record_group_of(text)
    if group is None:
        raise ValueError(f"{text[:20]!r} is not a record group such as 0563")
    return group


_READ: dict[str, Callable[[str], Any]] = {
    "record_group": _record_group,
    "agency": one_line,
    "approved": day,
    "submitted": day,
    "supersedes": _number_of,
    "items": items,
    "cutoff": cutoff,
    "transfer_years": years,
    "block_years": years,
    "covers_from": day,
    "total_accounts": _count,
}
