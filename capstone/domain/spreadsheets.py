"""CSV as spreadsheets write and read it: text that is no formula, a table with its header, rows numbered as on the screen."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from capstone.domain.errors import BadOfficialsFile

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""The last four are the signs in full width, which spreadsheets of East Asia take for the same."""
_MAX_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Table:
    """A CSV file: its column names in lower case, and every row that is not empty with its number (the header is row 1)."""

    columns: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]


def is_formula(cell: str) -> bool:
    """Whether a spreadsheet would take the cell for a formula and not for text."""
    return cell.startswith(_FORMULA_STARTS)


def harmless(cell: str) -> str:
    """The cell with an apostrophe before it where a spreadsheet would take it for a formula; `as_meant` takes it away again."""
    return f"'{cell}" if is_formula(cell.lstrip("'")) else cell


def as_meant(cell: str) -> str:
    """The cell as it was before `harmless`."""
    return cell[1:] if cell.startswith("'") and is_formula(cell.lstrip("'")) else cell


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A CSV file with its header, every cell made harmless, lines as RFC 4180 has them."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([harmless(cell) for cell in row] for row in rows)
    return text.getvalue()


def table_of(data: bytes) -> Table:
    """The table in the file; a byte order mark is no part of it. Raises BadOfficialsFile where it is no CSV in UTF-8."""
    if len(data) > _MAX_BYTES:
        raise BadOfficialsFile(f"The file is larger than {_MAX_BYTES // 1024 // 1024} MiB. Nothing was imported.")
    records = _records(text_of(data))
    if not records:
        raise BadOfficialsFile("The file is empty. Nothing was imported.")
    return Table(tuple(name.strip().lower() for name in records[0][1]), tuple(records[1:]))


def text_of(data: bytes) -> str:
    """The text of a file in UTF-8, or in UTF-16 where a byte order mark says so. No other encoding is guessed: in the wrong one
    a name reads as another name, and nobody notices. Raises BadOfficialsFile."""
    is_wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = data.decode("utf-16" if is_wide else "utf-8-sig")
    except UnicodeDecodeError as exc:
        row = data.count(b"\n", 0, exc.start) + 1
        message = f"The file is not {'UTF-16' if is_wide else 'UTF-8'} (line {row}). Nothing was imported."
        raise BadOfficialsFile(message, _HOW_TO_SAVE) from exc
    if "\x00" in text:
        row = text.count("\n", 0, text.index("\x00")) + 1
        raise BadOfficialsFile(f"The file is not UTF-8 (line {row} holds a NUL). Nothing was imported.", _HOW_TO_SAVE)
    return text


_HOW_TO_SAVE = "Save it as 'CSV UTF-8' and import it again."


def _records(text: str) -> list[tuple[int, tuple[str, ...]]]:
    number, records = 0, []
    try:
        for number, cells in enumerate(csv.reader(io.StringIO(text, newline=""), strict=True), start=1):
            if any(cell.strip() for cell in cells):
                records.append((number, tuple(cells)))
    except csv.Error as exc:
        raise BadOfficialsFile(f"row {number + 1}: not CSV ({exc}). Nothing was imported.") from exc
    return records
