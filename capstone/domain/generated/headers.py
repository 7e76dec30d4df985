"""The header of a generated message: the one it came with, completed; without one, all of it from properties."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from datetime import datetime

from capstone.domain.generated import header_text, people, transport
from capstone.domain.generated.mapi import MapiItem, bytes_of, integer_of, text_of, texts_of, time_of

_TRANSPORT, _SUBJECT, _PREFIX, _NORMAL_SUBJECT = 0x007D, 0x0037, 0x003D, 0x0E1D
_SUBMITTED, _DELIVERED, _CREATED, _CHANGED = 0x0039, 0x0E06, 0x3007, 0x3008
_KEYWORDS = "00020329-0000-0000-c000-000000000046/Keywords"
_IMPORTANCE: dict[int | None, str] = {0: "Low", 2: "High"}
_SENSITIVITY: dict[int | None, str] = {1: "Personal", 2: "Private", 3: "Company-Confidential"}
_SUBJECT_MARK = "\x01"
"""Before the length of the prefix, with which a PST begins its subjects."""
_EARLIEST_YEAR, _LATEST_YEAR = 1900, 2100
"""Outlook writes 1601 and 4501 for none."""


def header_of(item: MapiItem) -> list[bytes]:
    """All fields but those that tell how the body is built."""
    came_with = transport.fields_of(text_of(item.properties, _TRANSPORT, item.codepage))
    there = {name.casefold() for name, raw in came_with if not _is_empty(raw)}
    made = [(name, raw) for name, raw in _made(item) if raw and name.casefold() not in there]
    # An empty field gives way to one that says something.
    made_anew = {name.casefold() for name, _ in made}
    return [
        *(raw for name, raw in came_with if name.casefold() not in made_anew or not _is_empty(raw)),
        *(raw for _, raw in made),
    ]


def subject_of(item: MapiItem) -> str:
    """The subject, free of the mark of a PST."""
    subject = text_of(item.properties, _SUBJECT, item.codepage)
    if not subject:
        prefix, rest = (text_of(item.properties, key, item.codepage) for key in (_PREFIX, _NORMAL_SUBJECT))
        subject = prefix + rest
    return subject[2:] if subject.startswith(_SUBJECT_MARK) else subject


def date_of(item: MapiItem) -> tuple[datetime | None, str]:
    """When it was sent, and what says so: "" for a time of sending or delivery, else the name of the property that had to do."""
    for key, said_by in ((_SUBMITTED, ""), (_DELIVERED, ""), (_CREATED, "creation-time"), (_CHANGED, "modification-time")):
        found = time_of(item.properties, key)
        if found is not None and _EARLIEST_YEAR <= found.year <= _LATEST_YEAR:
            return found, said_by
    return None, ""


def _is_empty(field: bytes) -> bool:
    return not field.partition(b":")[2].strip()


def _made(item: MapiItem) -> Iterator[tuple[str, bytes]]:
    at, said_by = date_of(item)
    if at is not None:
        yield "Date", header_text.field_of("Date", header_text.date_of(at).split())
        # Only beside a Date that was made from it, see `header_of`: both are left out together.
        yield "Date", header_text.field_of("X-Capstone-Date-From", [said_by]) if said_by else b""
    yield from _people(item)
    yield "Subject", header_text.unstructured("Subject", subject_of(item))
    for name, key in (("Message-ID", 0x1035), ("In-Reply-To", 0x1042), ("References", 0x1039), ("Original-Message-ID", 0x1046)):
        yield name, header_text.identifiers(name, text_of(item.properties, key, item.codepage))
    yield from _meaning(item)


def _people(item: MapiItem) -> Iterator[tuple[str, bytes]]:
    author, sender = people.author_of(item), people.sender_of(item)
    boxes = people.boxes_of
    yield "From", header_text.mailboxes("From", boxes([author])) if author else b""
    if author and sender and sender.address.casefold() != author.address.casefold():
        yield "Sender", header_text.mailboxes("Sender", boxes([sender]))
    yield "Reply-To", header_text.mailboxes("Reply-To", boxes(people.replies_to(item)))
    for name, found in people.recipients_of(item).items():
        yield name, header_text.mailboxes(name, boxes(found))
    if author and integer_of(item.properties, 0x0029):
        yield "Disposition-Notification-To", header_text.mailboxes("Disposition-Notification-To", boxes([author]))
    if author and integer_of(item.properties, 0x0023):
        yield "Return-Receipt-To", header_text.mailboxes("Return-Receipt-To", boxes([author]))


def _meaning(item: MapiItem) -> Iterator[tuple[str, bytes]]:
    topic = text_of(item.properties, 0x0070, item.codepage)
    yield "Thread-Topic", header_text.unstructured("Thread-Topic", topic) if topic else b""
    index = b64encode(bytes_of(item.properties, 0x0071) or b"").decode()
    yield "Thread-Index", header_text.field_of("Thread-Index", _pieces(index)) if index else b""
    importance = _IMPORTANCE.get(integer_of(item.properties, 0x0017))
    yield "Importance", header_text.field_of("Importance", [importance]) if importance else b""
    sensitivity = _SENSITIVITY.get(integer_of(item.properties, 0x0036))
    yield "Sensitivity", header_text.field_of("Sensitivity", [sensitivity]) if sensitivity else b""
    keywords = ", ".join(word for word in texts_of(item.properties, _KEYWORDS, item.codepage) if word)
    yield "Keywords", header_text.unstructured("Keywords", keywords) if keywords else b""


def _pieces(word: str) -> list[str]:
    """A word that may be longer than a line of mail can be."""
    return [word[at : at + 900] for at in range(0, len(word), 900)]
