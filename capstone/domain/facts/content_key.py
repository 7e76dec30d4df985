"""The content key: the same for messages that say the same, however they were wrapped on the way."""

from __future__ import annotations

import hashlib

from capstone.domain.facts.address_lists import normal_addresses, read_addresses
from capstone.domain.facts.envelope import Envelope
from capstone.domain.facts.headers import Headers
from capstone.domain.facts.ladder import Reading
from capstone.domain.facts.parts import Part
from capstone.domain.facts.words import unwrapped

_ADDRESS_FIELDS = ("from", "to", "cc")


def content_key(reading: Reading, envelope: Envelope) -> str:
    """SHA-256, in hex, over Message-ID, date, From, To, Cc, Subject, and every part's decoded content in order.

    Blind to header order and folding, boundaries, transfer encoding, charset of headers and the line ends of texts.
    """
    headers = reading.headers
    when = str(envelope.date.timestamp()) if envelope.date else _plain(headers, "date")
    said = [envelope.message_id or "", when, " ".join(envelope.subject.split())]
    for name in _ADDRESS_FIELDS:
        addresses = normal_addresses(envelope.mailboxes[name])
        said.append(",".join(addresses) if addresses else _plain(headers, name))
    for part in reading.parts:
        if part.message is not None:
            said.append(_inner_key(part.message))
        elif not part.children:
            said.append(part.file_name)
            said.append(_content_digest(part))
    if reading.unread:
        said.append(_text_digest(reading.unread))
    return hashlib.sha256("\0".join(said).encode("utf-8", "replace")).hexdigest()


def _content_digest(part: Part) -> str:
    if not part.content_type.startswith(("text/", "message/")):
        return part.digest
    return _text_digest(part.content)


def _text_digest(content: bytes) -> str:
    if b"\r" in content:
        content = _with_lf(content)
    return hashlib.sha256(content.rstrip(b"\n")).hexdigest()


def _with_lf(content: bytes) -> bytes:
    without = content.replace(b"\r", b"")
    if len(content) - len(without) == content.count(b"\r\n"):
        return without  # the usual case, in half of the time
    return content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _inner_key(headers: Headers) -> str:
    fields = [_plain(headers, name) for name in ("message-id", "date", "subject")]
    for name in _ADDRESS_FIELDS:
        fields.append(",".join(normal_addresses(read_addresses(headers.all(name), _ignored))))
    return "\1".join(fields)


def _plain(headers: Headers, name: str) -> str:
    value = headers.first(name)
    return " ".join(unwrapped(value, _ignored).split()) if value else ""


def _ignored(_: str) -> None:
    """Noted where the facts are read."""
