"""An index document as the JSON that Elasticsearch takes, and back as what a person sees of a hit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from capstone.domain.addresses import normal_form
from capstone.domain.query import Clause, Hit, IndexDocument
from capstone.domain.snippets import safe_line, snippet_of, wanted_phrases

HIT_FIELDS = ("record_id", "account", "sent", "class", "item", "has_attachment", "shown")
HIT_FIELDS_WITHOUT_TEXT = (*HIT_FIELDS[:-1], "shown.from", "shown.to", "shown.subject")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST, _LATEST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LONGEST_ADDRESS_CHARS = 500
"""Longer ones are compared by their digest: the engine takes 32,766 bytes for a whole value and no more."""
_written = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":")).encode


def plain(value: str) -> str:
    """The value as JSON can carry it: half characters, which nothing stored has, become question marks."""
    return value.encode("utf-8", "replace").decode()


def key_of_address(field: str, address: str) -> str:
    """The value that stands for a whole address in a field."""
    whole = plain(normal_form(address))
    if len(whole) <= _LONGEST_ADDRESS_CHARS:
        return f"{field}:{whole}"
    # No normal form begins with a blank, so no address can be taken for a digest.
    return f"{field}: {hashlib.sha256(whole.encode()).hexdigest()}"


def source_of(document: IndexDocument) -> bytes:
    """The document on one line. Raises UnicodeEncodeError when what is compared or searched holds half a character."""
    sent, day = document.message_date, document.day
    told: dict[str, object] = {
        "record_id": document.record_id,
        "account": document.account,
        "class": document.record_class,
        "item": document.schedule_item,
        "sent": None if sent is None else (min(max(sent, _EARLIEST), _LATEST) - _EPOCH) // _MICROSECOND,
        "day": None if day is None else day.isoformat(),
        "has_attachment": document.has_attachment,
        "unsearchable": document.unsearchable,
        "subject": document.subject,
        "body": document.body,
        "from": document.from_,
        "to": document.to,
        "cc": document.cc,
        "bcc": document.bcc,
        "attachment": document.attachment,
        "addresses": [key_of_address(field, address) for field, address in document.addresses],
        "shown": {
            "from": safe_line(document.shown_from),
            "to": safe_line(document.shown_to),
            "subject": safe_line(document.shown_subject),
            "text": plain(document.shown_text),
        },
    }
    return _written(told).encode()


def hit_of(source: Mapping[str, Any], clause: Clause) -> Hit:
    """The hit that HIT_FIELDS make. Raises KeyError, TypeError or the like when they are not as we wrote them."""
    sent, shown = source.get("sent"), source["shown"]
    return Hit(
        record_id=source["record_id"],
        account=source["account"],
        message_date=None if sent is None else _EPOCH + sent * _MICROSECOND,
        from_=shown["from"],
        to=shown["to"],
        subject=shown["subject"],
        record_class=source["class"],
        schedule_item=source.get("item"),
        snippet=snippet_of(shown["text"], wanted_phrases(clause)) if "text" in shown else "",
        has_attachment=source["has_attachment"],
    )
