"""Write what a query finds to a folder: the exact bytes as EML, or MBOX, with a list of every file and its digest."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

from capstone.domain.access import Person
from capstone.domain.errors import IndexUnavailable
from capstone.domain.query import Hit
from capstone.domain.records import RecordEntry
from capstone.domain.spreadsheets import csv_text
from capstone.ports import ExportTarget
from capstone.usecases.query_language import parse_query
from capstone.usecases.search import ReadingParts
from capstone.usecases.stored import checked_bytes, checked_companion

MANIFEST = "manifest.csv"
_COLUMNS = (
    "record_id",
    "file",
    "size_bytes",
    "sha256",
    "message_date",
    "record_class",
    "schedule_item",
    "from",
    "to",
    "subject",
    "beside",
)
_PAGE = 500
_FROM_LINE = re.compile(rb"^(>*From )", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ExportReport:
    """How many records and bytes were written, and the name of the list of files."""

    exported: int
    bytes: int
    manifest: str

    def as_dict(self) -> dict[str, object]:
        """As `--json` prints it."""
        return {"exported": self.exported, "bytes": self.bytes, "manifest": self.manifest}


def export(
    parts: ReadingParts,
    viewer: Person,
    query: str,
    target: ExportTarget,
    file_format: str,
    progress: Callable[[int, int], None] = lambda _records, _bytes: None,
) -> ExportReport:
    """Every record found, once. Noted before anything is written, and again when all is.

    The index is read in one view of it, so that what is added or removed meanwhile makes no record double or left out.
    Raises NotAllowed, BadQuery, FixityMismatch (nothing altered is ever handed out), OutputExists, StoreUnavailable;
    IndexUnavailable where the index went away before its end.
    """
    scope, clause = parts.scope_of(viewer), parse_query(query)
    parts.index.check()
    found = parts.index.search(clause, scope, limit=0).total
    parts.note(viewer, "export_begun", {"query": query, "records": found, "format": file_format})
    target.begin()
    rows, size = [], 0
    for hit, entry in _with_entries(parts, parts.index.hits(clause, scope)):
        raw = checked_bytes(parts.store, entry)
        name = _write(target, file_format, entry, hit, raw)
        beside = _write_beside(parts, target, entry)
        rows.append((*_row(hit, entry, name), " ".join(beside)))
        size += len(raw) + sum(beside.values())
        progress(1, len(raw))
    target.finish()  # first: a list of files that are not all on the disk would make a broken export look complete
    target.create(MANIFEST, csv_text(_COLUMNS, rows).encode())
    target.finish()
    parts.note(viewer, "export", {"query": query, "records": len(rows), "bytes": size, "format": file_format})
    return ExportReport(len(rows), size, MANIFEST)


def _with_entries(parts: ReadingParts, hits: Iterator[Hit]) -> Iterator[tuple[Hit, RecordEntry]]:
    """Raises IndexUnavailable for a hit that the ledger does not know: nothing is left out in silence."""
    while batch := list(islice(hits, _PAGE)):
        entries = {entry.record_id: entry for entry in parts.records.entries([hit.record_id for hit in batch])}
        for hit in batch:
            if hit.record_id not in entries:
                raise IndexUnavailable(f"The index found {hit.record_id}, which the ledger does not know; the export stopped.")
            yield hit, entries[hit.record_id]


def _write(target: ExportTarget, file_format: str, entry: RecordEntry, hit: Hit, raw: bytes) -> str:
    if file_format == "eml":
        name = f"{entry.account}/{entry.digest}.eml"
        target.create(name, raw)
    else:
        name = f"{entry.account}.mbox"
        target.append(name, _as_mbox(raw, hit.message_date or entry.captured_at))
    return name


def _write_beside(parts: ReadingParts, target: ExportTarget, entry: RecordEntry) -> dict[str, int]:
    """What is kept beside the record, each in a file of its own; their names and sizes."""
    written = {}
    for kept in parts.records.beside([entry.record_id]).get(entry.record_id, ()):
        name = f"{entry.account}/{entry.digest}.{kept.kind.value}/{kept.digest}.{kept.suffix}"
        target.create(name, checked_companion(parts.store, entry.account, kept))
        written[name] = kept.size_bytes
    return written


def _as_mbox(raw: bytes, at: datetime) -> bytes:
    """One message of an MBOX with reversible quoting: every line that begins `From ` after any `>` gets one `>` more."""
    separator = f"From MAILER-DAEMON {at.astimezone(UTC):%a %b %d %H:%M:%S %Y}\n".encode()
    quoted = _FROM_LINE.sub(rb">\1", raw)
    return separator + quoted + (b"\n" if quoted.endswith(b"\n") else b"\n\n")


def _row(hit: Hit, entry: RecordEntry, name: str) -> tuple[str, ...]:
    sent = hit.message_date.isoformat() if hit.message_date else ""
    of_class = (entry.classification.record_class.value, entry.classification.item or "")
    return (entry.record_id, name, str(entry.size_bytes), entry.digest, sent, *of_class, hit.from_, hit.to, hit.subject)
