"""The message generated from an item: header, bodies, attachments, messages inside it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from capstone.domain.generated import header_text
from capstone.domain.generated.bodies import Bodies, bodies_of
from capstone.domain.generated.headers import header_of
from capstone.domain.generated.mapi import MAX_DEPTH, MapiAttachment, MapiItem, integer_of, text_of
from capstone.domain.generated.mime import Part, bytes_part, message_part, multipart

VERSION = 2
"""Raised with every change of the bytes that are generated from some item."""
_LONG_NAME, _SHORT_NAME, _SHOWN_NAME, _MIME_TAG = 0x3707, 0x3704, 0x3001, 0x370E
_CONTENT_ID, _LOCATION, _FLAGS, _PATHS, _CLASS = 0x3712, 0x3713, 0x3714, (0x370D, 0x3708), 0x001A
_IN_BODY = 4
"""The flag of an attachment that the body shows."""
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}")
_SECURED = re.compile(r"ipm\.note\.smime(?:\.|\Z)")
_SECURED_TYPES = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
_CMS = re.compile(rb"0[\x80-\x84]")
"""How a message of CMS begins: a sequence, of a length that one byte cannot tell."""
_NOT_FOR_BYTES = ("multipart/", "message/")
_SIGNED = re.compile(rb"(?:[!-9;-~]+:[^\n]*\n(?:[ \t][^\n]*\n)*)+\r?\n")
_CONTENT_FIELD = re.compile(rb"(?im)^content-[!-9;-~]+:[^\n]*\n(?:[ \t][^\n]*\n)*")


@dataclass(frozen=True, slots=True)
class Generated:
    """A generated message."""

    raw: bytes = field(repr=False)
    carried: frozenset[str] = frozenset()
    """Digests of the attachments whose bytes are in it."""
    notes: tuple[str, ...] = ()
    """What the item has and the message lacks, as its header says too: "attachment-no-data", "rtf-unread"."""


def generate(item: MapiItem, made_from: str) -> Generated:
    """The message. `made_from` is "pst" or "msg". Never raises for anything that is in the item."""
    writer = _Writer(made_from)
    pieces, _ = writer.message(item, 0)
    return Generated(b"".join(pieces), frozenset(writer.carried), tuple(sorted(writer.notes)))


class _Writer:
    """Writes one message and those inside it, and notes what it did."""

    def __init__(self, made_from: str) -> None:
        self._made_from = made_from
        self.carried: set[str] = set()
        self.notes: set[str] = set()

    def message(self, item: MapiItem, depth: int) -> tuple[list[bytes], bool]:
        """(the message in pieces, whether it is all ASCII)."""
        lacks = {f"unread-{one.partition(' ')[0]}" for one in item.unread}
        whole = self._secured(item) or self._whole(item, depth, lacks)
        self.notes |= lacks
        head = b"".join([_stamp(item, self._made_from, sorted(lacks)), *header_of(item), b"MIME-Version: 1.0\r\n"])
        return [head, *whole.pieces()], whole.is_seven_bit and head.isascii()

    def _whole(self, item: MapiItem, depth: int, lacks: set[str]) -> Part:
        bodies = bodies_of(item)
        lacks.update(bodies.notes)
        parts = [self._attachment(_Described(one, item.codepage), depth, lacks) for one in item.attachments]
        is_shown = [_is_shown(_Described(one, item.codepage), bodies.html) for one in item.attachments]
        return _arranged(bodies, parts, is_shown)

    def _attachment(self, one: _Described, depth: int, lacks: set[str]) -> Part:
        attachment = one.attachment
        if attachment.item is not None and depth < MAX_DEPTH:
            pieces, is_seven_bit = self.message(attachment.item, depth + 1)
            return message_part(pieces, one.disposition(), is_seven_bit=is_seven_bit)
        if attachment.data:
            self.carried.add(sha256(attachment.data).hexdigest())
            return bytes_part(attachment.data, one.media_type() + one.disposition())
        reason = "too-deep" if attachment.item else "empty" if attachment.data is not None else attachment.missing or "no-data"
        lacks.add(f"attachment-{reason}")
        return bytes_part(b"", one.media_type() + one.disposition() + one.said(reason))

    def _secured(self, item: MapiItem) -> Part | None:
        """An S/MIME message: Outlook keeps it as one attachment, which is the body itself ([MS-OXOSMIME])."""
        kind = text_of(item.properties, _CLASS, item.codepage).casefold()
        if not _SECURED.match(kind) or len(item.attachments) != 1 or not item.attachments[0].data:
            return None
        data = item.attachments[0].data
        if kind.endswith("multipartsigned"):
            return _signed(data)
        if not _Described(item.attachments[0], item.codepage).is_secured():
            return None
        self.carried.add(sha256(data).hexdigest())
        told = header_text.with_parameters("Content-Type", "application/pkcs7-mime", [header_text.parameter("name", "smime.p7m")])
        return bytes_part(data, told + header_text.with_parameters("Content-Disposition", "attachment", [["filename=smime.p7m"]]))


def _stamp(item: MapiItem, made_from: str, notes: Sequence[str]) -> bytes:
    """The field that says that the message was generated, by what and from what, and what it lacks."""
    kind = text_of(item.properties, _CLASS, item.codepage)[:100]
    parameters = [[f"from={made_from}"], header_text.parameter("class", kind)]
    lacking = ",".join(sorted(set(notes)))
    return header_text.with_parameters(
        "X-Capstone-Generated", str(VERSION), [*parameters, *([header_text.parameter("lacks", lacking)] if lacking else [])]
    )


def _arranged(bodies: Bodies, parts: Sequence[Part], is_shown: Sequence[bool]) -> Part:
    """multipart/mixed [ alternative [ text, related [ html, shown parts ] ], other parts ], less what has one member only."""
    shown = [part for part, inside in zip(parts, is_shown, strict=True) if inside]
    others = [part for part, inside in zip(parts, is_shown, strict=True) if not inside]
    alternatives = list(bodies.parts)
    if shown:
        alternatives[-1] = multipart("related", [alternatives[-1], *shown], [['type="text/html"']])
    body = multipart("alternative", alternatives) if len(alternatives) > 1 else alternatives[0]
    return multipart("mixed", [body, *others]) if others else body


def _is_shown(one: _Described, html: bytes) -> bool:
    return bool(html and one.content_id and one.attachment.data) and f"cid:{one.content_id}".encode("utf-8", "replace") in html


@dataclass(frozen=True, slots=True)
class _Described:
    """An attachment and what its properties say of it."""

    attachment: MapiAttachment
    codepage: str

    @property
    def content_id(self) -> str:
        return self._text(_CONTENT_ID).strip("<> ")

    def media_type(self) -> bytes:
        """Its type as told, where bytes can have it."""
        told = self._text(_MIME_TAG).strip()
        is_fit = _MEDIA_TYPE.fullmatch(told) and not told.casefold().startswith(_NOT_FOR_BYTES)
        return header_text.with_parameters("Content-Type", told if is_fit else "application/octet-stream", [])

    def is_secured(self) -> bool:
        """Whether it is what S/MIME made of a message, by its type, its name or its first bytes."""
        name = (self._text(_LONG_NAME) or self._text(_SHORT_NAME)).strip().casefold()
        is_typed = self._text(_MIME_TAG).strip().casefold() in _SECURED_TYPES
        return is_typed or name.endswith(".p7m") or bool(_CMS.match(self.attachment.data or b""))

    def disposition(self) -> bytes:
        """The fields that name it."""
        name = next((name for key in (_LONG_NAME, _SHORT_NAME, _SHOWN_NAME) if (name := self._text(key).strip())), "")
        is_inline = bool((integer_of(self.attachment.properties, _FLAGS) or 0) & _IN_BODY)
        parameters = [header_text.parameter("filename", name)] if name else []
        lines = header_text.with_parameters("Content-Disposition", "inline" if is_inline else "attachment", parameters)
        lines += header_text.identifiers("Content-ID", f"<{self.content_id}>") if self.content_id else b""
        location = self._text(_LOCATION).strip()
        return lines + (header_text.unstructured("Content-Location", location) if location else b"")

    def said(self, reason: str) -> bytes:
        """The field by which a part without content says why it has none, and where the content was said to be."""
        path = next((path for key in _PATHS if (path := self._text(key))), "")
        return header_text.with_parameters("X-Capstone-Attachment", reason, [header_text.parameter("path", path)] if path else [])

    def _text(self, key: int) -> str:
        return text_of(self.attachment.properties, key, self.codepage)


def _signed(data: bytes) -> Part | None:
    """The signed entity, byte for byte behind its header, as the signature would not fit any other."""
    found = _SIGNED.match(data[:20_000])
    if found is None:
        return None
    head = b"".join(line.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") for line in _CONTENT_FIELD.findall(found[0]))
    if b"multipart/signed" not in head.lower() or not head.isascii():
        return None
    body = data[found.end() :]
    return Part(head, [body], body.isascii())
