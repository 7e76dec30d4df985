"""Which message a report is about: a receipt, a delivery status, a message that came back (RFC 6522, RFC 8098)."""

from __future__ import annotations

from collections.abc import Iterator

from capstone.domain.facts.headers import Headers, read_headers
from capstone.domain.facts.identifiers import read_message_id, read_references
from capstone.domain.facts.ladder import Reading
from capstone.domain.facts.parts import Part

_NOTIFICATIONS = frozenset({"message/disposition-notification", "message/global-disposition-notification"})
_HEADERS_ALONE = frozenset({"text/rfc822-headers", "text/rfc822-header", "message/global-headers"})
_MOST_PARTS, _MOST_BYTES, _LONGEST_ID = 20, 64 * 1024, 998


def reported_message(reading: Reading) -> str | None:
    """The Message-ID, without brackets, of the message that this multipart/report is about; None where it names none.

    What a notification says counts before the message that comes back with it, and that before In-Reply-To.
    """
    if reading.root.content_type != "multipart/report":
        return None
    parts = reading.root.children[:_MOST_PARTS]
    named = (read_message_id(value)[0] for value in (*_notified(parts), *_returned(parts)))
    answered = read_references(reading.headers.first("in-reply-to") or "")
    return next((one for one in (*named, *answered) if one and len(one) <= _LONGEST_ID), None)


def _notified(parts: list[Part]) -> Iterator[str]:
    for part in parts:
        if part.content_type in _NOTIFICATIONS:
            yield _block(part).first("original-message-id") or ""


def _returned(parts: list[Part]) -> Iterator[str]:
    for part in parts:
        headers = _block(part) if part.content_type in _HEADERS_ALONE else part.message
        if headers is not None:
            yield headers.first("message-id") or ""


def _block(part: Part) -> Headers:
    return read_headers(part.content[:_MOST_BYTES])
