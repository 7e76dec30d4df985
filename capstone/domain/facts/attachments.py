"""Attachments and messages inside a message: REG-13 wants them kept with it, and named."""

from __future__ import annotations

from collections.abc import Iterator

from capstone.domain.facts.address_lists import read_addresses
from capstone.domain.facts.bodies import body_of
from capstone.domain.facts.dates import read_date
from capstone.domain.facts.file_types import detected_type, is_encrypted
from capstone.domain.facts.headers import Headers
from capstone.domain.facts.identifiers import read_message_id
from capstone.domain.facts.parts import TEXT_TYPES, Part
from capstone.domain.facts.tnef import Tnef, read_tnef
from capstone.domain.facts.words import unwrapped
from capstone.domain.fixity import digest_of
from capstone.domain.message import Attachment, NestedMessage

TNEF_TYPES = frozenset({"application/ms-tnef", "application/vnd.ms-tnef"})


def read_attachments(parts: list[Part], *, for_index: bool = False) -> tuple[Attachment, ...]:
    """Every leaf that is not text of the message or of a message inside it, with what TNEF parts hold, in order.

    For the index: without digests, and with the detected type only where the attachment is shown inside the text.
    """
    out: list[Attachment] = []
    for leaf in parts:
        if leaf.is_text or not leaf.is_leaf:
            continue
        out.append(_attachment(leaf, for_index))
        if leaf.tnef is not None:
            out.extend(_inside(leaf, leaf.tnef, for_index))
    return tuple(out)


def is_tnef(leaf: Part) -> bool:
    """Whether the leaf is Outlook's wrapping, by its type or its usual name."""
    return leaf.content_type in TNEF_TYPES or (
        leaf.content_type == "application/octet-stream" and leaf.file_name.lower() == "winmail.dat"
    )


def note_attachment_problems(parts: list[Part], problems: list[tuple[str, str]]) -> None:
    """Open the TNEF parts and note those that are damaged; capture and the full reading must say the same."""
    for leaf in parts:
        if leaf.content_type in TEXT_TYPES:
            continue
        if is_tnef(leaf):
            leaf.tnef = read_tnef(leaf.content)
            if leaf.tnef.is_damaged:
                problems.append(("damaged_tnef", leaf.number))
        elif leaf.content_type == "message/partial":
            problems.append(("partial_message", leaf.number))


def read_nested(parts: list[Part]) -> tuple[NestedMessage, ...]:
    """The messages inside the message, at any depth, in order."""
    return tuple([_nested(part, part.message) for part in parts if part.message is not None])


def list_nested(parts: list[Part]) -> tuple[NestedMessage, ...]:
    """The messages inside the message with subject, writer and text only: what the index holds of them."""
    return tuple([_listed(part, part.message) for part in parts if part.message is not None])


def _listed(part: Part, headers: Headers) -> NestedMessage:
    subject = unwrapped(headers.first("subject") or "", _ignored)
    return NestedMessage(part.number, None, subject, read_addresses(headers.all("from"), _ignored), None, _text_in(part))


def _nested(part: Part, headers: Headers) -> NestedMessage:
    message_id = headers.first("message-id")
    date = headers.first("date")
    return NestedMessage(
        part=part.number,
        message_id=read_message_id(message_id)[0] if message_id else None,
        subject=unwrapped(headers.first("subject") or "", _ignored),
        from_=read_addresses(headers.all("from"), _ignored),
        date=read_date(date)[0] if date else None,
        body_text=_text_in(part),
    )


def _text_in(part: Part) -> str:
    return body_of(part.children[0]).text if part.children else ""


def _attachment(leaf: Part, for_index: bool) -> Attachment:
    is_inline = leaf.disposition != "attachment"
    return Attachment(
        part=leaf.number,
        name=leaf.file_name,
        declared_type=leaf.content_type,
        detected_type=detected_type(leaf.content) if is_inline or not for_index else None,
        size_bytes=len(leaf.content),
        digest="" if for_index else leaf.digest,
        is_inline=is_inline,
        is_encrypted=is_encrypted(leaf.content, leaf.content_type),
    )


def _inside(leaf: Part, tnef: Tnef, for_index: bool) -> Iterator[Attachment]:
    """What a TNEF part holds; its parts are numbered "2/1", "2/2" after the part "2"."""
    for position, member in enumerate(tnef.members, 1):
        yield Attachment(
            part=f"{leaf.number}/{position}",
            name=member.name,
            declared_type="",
            detected_type=detected_type(member.content) if member.is_body or not for_index else None,
            size_bytes=len(member.content),
            digest="" if for_index else digest_of(member.content),
            is_inline=member.is_body,
            is_encrypted=is_encrypted(member.content, ""),
        )


def _ignored(_: str) -> None:
    """A broken word in a message inside is seen in the text itself."""
