"""Write what a query finds to a folder: the exact bytes as EML, or MBOX, with a list of every file and its digest."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from capstone.domain.access import Person
from capstone.domain.errors import FixityMismatch
from capstone.domain.fixity import digest_of
from capstone.domain.layout import record_key
from capstone.domain.query import Hit
from capstone.domain.records import RecordEntry
from capstone.ports import ExportTarget
from capstone.usecases.query_language import parse_query
from capstone.usecases.search import ReadingParts

MANIFEST = "manifest.csv"
_COLUMNS = ("record_id", "file", "size_bytes", "sha256", "message_date", "record_class", "schedule_item", "from", "to", "subject")
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
    """Raises NotAllowed, BadQuery, FixityMismatch (nothing altered is ever handed out), OutputExists, StoreUnavailable."""
    parse_query(query)
    target.begin()
    rows, size = [], 0
    for hit, entry in _found(parts, viewer, query):
        raw = _checked(parts, entry)
        name = _write(target, file_format, entry, hit, raw)
        rows.append(_row(hit, entry, name))
        size += len(raw)
        progress(1, len(raw))
    target.append(MANIFEST, _table(rows))
    target.finish()
    parts.note(viewer, "export", {"query": query, "records": len(rows), "bytes": size, "format": file_format})
    return ExportReport(len(rows), size, MANIFEST)


def _found(parts: ReadingParts, viewer: Person, query: str) -> Iterator[tuple[Hit, RecordEntry]]:
    scope, clause, offset = parts.scope_of(viewer), parse_query(query), 0
    parts.index.check()
    while hits := parts.index.search(clause, scope, _PAGE, offset).hits:
        entries = {entry.record_id: entry for entry in parts.records.entries([hit.record_id for hit in hits])}
        yield from ((hit, entries[hit.record_id]) for hit in hits if hit.record_id in entries)
        offset += len(hits)


def _checked(parts: ReadingParts, entry: RecordEntry) -> bytes:
    raw = parts.store.get(record_key(entry.account, entry.digest), entry.version_id)
    if digest_of(raw) != entry.digest:
        raise FixityMismatch(f"The stored bytes of {entry.record_id} are not the captured bytes; the export stopped.")
    return raw


def _write(target: ExportTarget, file_format: str, entry: RecordEntry, hit: Hit, raw: bytes) -> str:
    if file_format == "eml":
        name = f"{entry.account}/{entry.digest}.eml"
        target.append(name, raw)
    else:
        name = f"{entry.account}.mbox"
        target.append(name, _as_mbox(raw, hit.message_date or entry.captured_at))
    return name


def _as_mbox(raw: bytes, at: datetime) -> bytes:
    """One message of an MBOX with reversible quoting: every line that begins `From ` after any `>` gets one `>` more."""
    separator = f"From MAILER-DAEMON {at.astimezone(UTC):%a %b %d %H:%M:%S %Y}\n".encode()
    quoted = _FROM_LINE.sub(rb">\1", raw)
    return separator + quoted + (b"\n" if quoted.endswith(b"\n") else b"\n\n")


def _row(hit: Hit, entry: RecordEntry, name: str) -> tuple[str, ...]:
    sent = hit.message_date.isoformat() if hit.message_date else ""
    of_class = (entry.classification.record_class.value, entry.classification.item or "")
    return (entry.record_id, name, str(entry.size_bytes), entry.digest, sent, *of_class, hit.from_, hit.to, hit.subject)


def _table(rows: list[tuple[str, ...]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(_COLUMNS)
    writer.writerows(rows)
    return text.getvalue().encode()
