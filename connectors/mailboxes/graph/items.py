"""A message as Graph lists it, and what the server says of it: flags, received time, envelope."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from capstone.domain.envelopes import Envelope, ReceivedAs, Recipient, write_envelope
from capstone.domain.facts import envelope_properties
from capstone.domain.fixity import digest_of
from capstone.domain.message import Companion, CompanionKind, Occurrence, OfferedMessage, Place
from connectors.mailboxes.graph.answers import list_or_none, listed_in

_SIZE, _CLASS = 0x0E08, 0x001A
"""Numbers of the properties PidTagMessageSize and PidTagMessageClass ([MS-OXPROPS])."""

LISTED = (
    "$select=createdDateTime,receivedDateTime,lastModifiedDateTime,isRead,isDraft,flag,from,sender,toRecipients,ccRecipients,bccRecipients,"
    "categories,importance,conversationId,internetMessageId"
    "&$expand=singleValueExtendedProperties($filter=id%20eq%20'Long%200x0E08'%20or%20id%20eq%20'String%200x001A')"
)
"""What is asked for of each message; small, as MIME is fetched for itself."""

LISTED_ID = "$select=receivedDateTime"
"""What is asked for where only the id is wanted, which always comes."""

_AS = (("toRecipients", ReceivedAs.TO), ("ccRecipients", ReceivedAs.CC), ("bccRecipients", ReceivedAs.BCC))
_UNTOUCHED_S = 5.0
"""Delivering a message, or making it, takes the server a moment."""
_ASSUMED_BYTES = 64 * 1024
"""The size of a message whose size is not told, for bounding what is read ahead."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One message of a listing."""

    id: str
    told: Mapping[str, Any]
    size_bytes: int
    modified: float
    """Seconds since 1970; endless where the server does not tell, so that nothing is taken for unchanged."""

    @property
    def identity(self) -> str:
        """What the server calls it wherever it lies."""
        return f"graph:{self.id}"

    @property
    def is_untouched(self) -> bool:
        """Whether it is as it was when it came into being: whoever read it since read the same. A draft is written on."""
        created = _instant(self.told.get("createdDateTime"))
        is_as_made = created is not None and abs(self.modified - created.timestamp()) <= _UNTOUCHED_S
        return is_as_made and self.told.get("isDraft") is not True


def entries_in(page: Mapping[str, Any]) -> Iterator[Entry]:
    """The messages of a page; those that were removed offer nothing. Raises BrokenAnswer."""
    for told in listed_in(page):
        if "@removed" not in told:
            yield entry_of(told["id"], told)


def entry_of(item_id: str, told: Mapping[str, Any]) -> Entry:
    """The message of that id, of which the server may tell nothing."""
    modified = _instant(told.get("lastModifiedDateTime"))
    return Entry(item_id, told, _size(told), modified.timestamp() if modified else float("inf"))


def occurrence_of(entry: Entry, place: Place, *, is_sent: bool) -> Occurrence:
    """Flags are told by their IMAP names, so that one word means one thing whatever the source."""
    flag = entry.told.get("flag")
    is_flagged = isinstance(flag, dict) and flag.get("flagStatus") == "flagged"
    flags = (
        ("\\Draft", entry.told.get("isDraft") is True),
        ("\\Flagged", is_flagged),
        ("\\Seen", entry.told.get("isRead") is True),
    )
    received = _instant(entry.told.get("receivedDateTime"))
    return Occurrence(place, tuple(name for name, is_set in flags if is_set), received, is_sent=is_sent, identity=entry.identity)


def message_of(entry: Entry, occurrence: Occurrence, raw: bytes) -> OfferedMessage:
    """The message with what the server says of its envelope beside it."""
    digest = digest_of(raw)
    companion = Companion(CompanionKind.ENVELOPE, "json", write_envelope(_envelope(entry.told, raw), digest))
    placed = Occurrence(
        occurrence.place, occurrence.flags, occurrence.received_at,
        is_sent=occurrence.is_sent, envelope=digest_of(companion.raw), identity=occurrence.identity,
    )  # fmt: skip
    return OfferedMessage(placed, raw, companions=(companion,), digest=digest)


def _envelope(told: Mapping[str, Any], raw: bytes) -> Envelope:
    sender, author = _address(told.get("sender")), _address(told.get("from"))
    properties = {key: value for key, value in _properties(told) if value}
    is_for_another = author is not None and sender is not None and author[0].casefold() != sender[0].casefold()
    return Envelope(
        said_by="graph",
        sender=(sender or author or (None,))[0],
        on_behalf_of=author[0] if author and is_for_another else None,
        recipients=tuple(
            Recipient(address, received_as, name)
            for key, received_as in _AS
            for one in list_or_none(told.get(key))
            for address, name in filter(None, [_address(one)])
        ),
        message_id=(_text(told.get("internetMessageId")) or "").strip("<> ") or None,
        properties=envelope_properties(raw, properties.get("item_class", "")) | properties,
    )


def _properties(told: Mapping[str, Any]) -> Iterator[tuple[str, str | None]]:
    kind = str(told.get("@odata.type", "")).rpartition(".")[2]
    flag = told.get("flag")
    status = _text(flag.get("flagStatus")) if isinstance(flag, dict) else None
    yield "item_class", _extended(told, _CLASS) or (kind if kind != "message" else None)
    yield "categories", "; ".join(sorted(str(one) for one in list_or_none(told.get("categories"))))
    yield "importance", _text(told.get("importance"))
    yield "conversation_id", _text(told.get("conversationId"))
    yield "flag", None if status == "notFlagged" else status


def _address(told: object) -> tuple[str, str] | None:
    """Address and name. A mailbox without an address is none that mail goes to."""
    inner = told.get("emailAddress") if isinstance(told, dict) else None
    if not isinstance(inner, dict) or not isinstance(inner.get("address"), str):
        return None
    return inner["address"], str(inner.get("name") or "")


def _size(told: Mapping[str, Any]) -> int:
    size = _extended(told, _SIZE)
    return int(size) if size and size.isascii() and size.isdigit() else _ASSUMED_BYTES


def _extended(told: Mapping[str, Any], number: int) -> str | None:
    """The server spells "String 0x001A" in its own way: "String 0x1a"."""
    for one in list_or_none(told.get("singleValueExtendedProperties")):
        kind, _, tag = str(one.get("id", "") if isinstance(one, dict) else "").partition(" ")
        if kind and _number(tag) == number:
            return _text(one.get("value"))
    return None


def _number(tag: str) -> int | None:
    try:
        return int(tag, 16)
    except ValueError:
        return None


def _instant(told: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(told))
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _text(told: object) -> str | None:
    return told if isinstance(told, str) and told else None
