"""An index document as rows of the embedded index, and back as what a person sees of a hit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from capstone.domain.query import Clause, Hit, IndexDocument
from capstone.domain.snippets import safe_line, snippet_of, wanted_phrases
from indexing.fts5_query import key_of_address

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST, _LATEST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

HIT_COLUMNS = """d.record_id, d.account, d.sent, d.record_class, d.schedule_item, d.has_attachment,
    t.shown_from, t.shown_to, t.shown_subject, t.shown_text"""
"""What `hit_of` reads, of documents d and texts t."""


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """What one document is in each table, but for its number. The order is that of the tables' columns."""

    columns: tuple[str | int | None, ...]
    """Of the documents table."""
    shown: tuple[str, ...]
    """Of the texts table: from, to, subject, text."""
    words: tuple[str, ...]
    """Of the texts and the words table: subject, body, from, to, cc, bcc, attachment, keys."""


def row_of(document: IndexDocument) -> DocumentRow:
    """The rows of a document. Raises UnicodeEncodeError when what is compared or searched holds half a character."""
    sent, day = document.message_date, document.day
    row = DocumentRow(
        columns=(
            document.record_id,
            document.account,
            None if sent is None else _number_of(sent),
            None if day is None else day.isoformat(),
            document.record_class,
            document.schedule_item,
            int(document.has_attachment),
            " ".join(document.unsearchable),
        ),
        shown=(
            safe_line(document.shown_from),
            safe_line(document.shown_to),
            safe_line(document.shown_subject),
            document.shown_text.encode("utf-8", "replace").decode(),
        ),
        words=(
            document.subject,
            document.body,
            document.from_,
            document.to,
            document.cc,
            document.bcc,
            document.attachment,
            " ".join(key_of_address(field, address) for field, address in document.addresses),
        ),
    )
    for value in (*row.columns, *row.words):
        str(value).encode()
    return row


def hit_of(row: tuple[Any, ...], clause: Clause) -> Hit:
    """The hit that a row of HIT_COLUMNS makes. Raises TypeError or ValueError when it is not as we wrote it."""
    record_id, account, sent, record_class, schedule_item, has_attachment, from_, to, subject, text = row
    return Hit(
        record_id=record_id,
        account=account,
        message_date=None if sent is None else _EPOCH + sent * _MICROSECOND,
        from_=from_,
        to=to,
        subject=subject,
        record_class=record_class,
        schedule_item=schedule_item,
        snippet=snippet_of(text, wanted_phrases(clause)),
        has_attachment=bool(has_attachment),
    )


def _number_of(at: datetime) -> int:
    """Microseconds since 1970, within the years that can be read back."""
    return (min(max(at, _EARLIEST), _LATEST) - _EPOCH) // _MICROSECOND
