"""What an Exchange server tells of folders and items, read from its XML into values."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from exchangelib import errors as ews
from exchangelib.util import TNS

FLAG_STATUS, LAST_VERB, ORIGINAL_MESSAGE_ID, FOLDER_SIZE = "0x1090", "0x1081", "0x1046", "0xe08"
"""MAPI properties that have no name of their own in EWS, or none before Exchange 2013 ([MS-OXPROPS]): PidTagFlagStatus,
PidTagLastVerbExecuted, PidTagOriginalMessageId, PidTagMessageSizeExtended."""

_DELIVERY = timedelta(seconds=5)
"""So long a server may be busy with an item that it takes in. Longer, and what a person changes at once would pass for it."""

_ASSUMED_BYTES = 64 * 1024
"""The size of an item whose size is not told, for bounding what is asked for at once."""
_MOST_DIGITS = 18

_WHITE = str.maketrans("", "", " \t\r\n")

_FLAGS = {"1": "complete", "2": "flagged"}
_FLAG_NAMES = {"1": "complete", "2": "\\Flagged"}
_VERBS = {"102": "\\Answered", "103": "\\Answered", "104": "$Forwarded"}


@dataclass(frozen=True, slots=True)
class FolderTold:
    """A folder as the server lists it."""

    folder_id: str
    parent_id: str
    name: str
    messages: int
    size_bytes: int | None


@dataclass(frozen=True, slots=True)
class Person:
    """A mailbox as the server names it. `kind` is its MailboxType: "Mailbox", "PublicDL", "OneOff" ..."""

    name: str
    address: str
    kind: str = ""
    item_id: str = ""
    """Of a list in somebody's contacts."""

    @property
    def is_list(self) -> bool:
        """Whether it stands for others."""
        return self.kind in ("PublicDL", "PrivateDL")


@dataclass(frozen=True, slots=True)
class Entry:
    """An item as a sync lists it."""

    item_id: str
    size_bytes: int
    item_class: str
    is_original: bool
    """Whether the server says that it is as it was made. False for a draft, where it was changed since, and where that is not
    told."""
    flags: tuple[str, ...]
    received_at: datetime | None
    version: str = ""
    """Another one after each change (its ChangeKey)."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a sync: `state` stands behind all its entries."""

    entries: tuple[Entry, ...]
    state: str
    is_last: bool


@dataclass(frozen=True, slots=True)
class ItemTold:
    """What the server says of an item besides its bytes."""

    item_class: str
    sender: Person | None
    from_: Person | None
    to: tuple[Person, ...]
    cc: tuple[Person, ...]
    bcc: tuple[Person, ...]
    message_id: str | None
    importance: str
    categories: tuple[str, ...]
    conversation_id: str
    flag: str
    in_reply_to: str
    original_message_id: str


@dataclass(frozen=True, slots=True)
class Got:
    """A fetched item. `raw` is None where its bytes are missing or cannot be decoded."""

    told: ItemTold
    raw: bytes | None = field(repr=False)


def folder_told(element: Any) -> FolderTold:
    """A folder."""
    parent = element.find(f"{{{TNS}}}ParentFolderId")
    return FolderTold(
        _id(element, "FolderId"),
        "" if parent is None else parent.get("Id"),
        _text(element, "DisplayName"),
        # A folder whose count is not told is read.
        1 if (count := _number(_text(element, "TotalCount"))) is None else count,
        _number(_extended(element, FOLDER_SIZE)),
    )


def entry_in(change: Any) -> Entry:
    """The item of a Create or Update."""
    element = change[0] if len(change) else change
    return entry_of(element, is_original=change.tag == f"{{{TNS}}}Create" and _is_as_made(element))


def entry_of(element: Any, *, is_original: bool = False) -> Entry:
    """An item as a sync would list it."""
    return Entry(
        _id(element, "ItemId"),
        _number(_text(element, "Size")) or _ASSUMED_BYTES,
        _text(element, "ItemClass"),
        is_original,
        _flags(element),
        _time(_text(element, "DateTimeReceived")),
        element.find(f"{{{TNS}}}ItemId").get("ChangeKey", ""),
    )


def entry_untold(item_id: str) -> Entry:
    """An item of which the server tells nothing."""
    return Entry(item_id, _ASSUMED_BYTES, "", False, (), None)


def item_told(element: Any) -> ItemTold:
    """What is said of a fetched item."""
    conversation = element.find(f"{{{TNS}}}ConversationId")
    return ItemTold(
        _text(element, "ItemClass"),
        next(iter(_people(element, "Sender")), None),
        next(iter(_people(element, "From")), None),
        _people(element, "ToRecipients"),
        _people(element, "CcRecipients"),
        _people(element, "BccRecipients"),
        _text(element, "InternetMessageId").strip("<> ") or None,
        _text(element, "Importance"),
        tuple(one.text or "" for one in element.iterfind(f"{{{TNS}}}Categories/{{{TNS}}}String")),
        "" if conversation is None else conversation.get("Id"),
        _FLAGS.get(_extended(element, FLAG_STATUS), ""),
        _text(element, "InReplyTo").strip("<> "),
        _extended(element, ORIGINAL_MESSAGE_ID).strip("<> "),
    )


def mime_in(element: Any) -> bytes | None:
    """The bytes of a fetched item; None where they are missing or cannot be decoded. The text is let go."""
    content = element.find(f"{{{TNS}}}MimeContent")
    if content is None:
        return None
    text = (content.text or "").translate(_WHITE)
    element.remove(content)
    try:
        return base64.b64decode(text.encode("ascii"), validate=True) if not len(content) else None
    except (binascii.Error, ValueError):
        return None


def people_in(expansion: Any) -> tuple[Person, ...]:
    """The members of an expanded list."""
    return tuple(map(_person, expansion.iterfind(f"{{{TNS}}}Mailbox")))


def _people(element: Any, tag: str) -> tuple[Person, ...]:
    return tuple(map(_person, element.iterfind(f"{{{TNS}}}{tag}/{{{TNS}}}Mailbox")))


def _person(element: Any) -> Person:
    item_id = element.find(f"{{{TNS}}}ItemId")
    return Person(
        _text(element, "Name"),
        _text(element, "EmailAddress"),
        _text(element, "MailboxType"),
        "" if item_id is None else item_id.get("Id"),
    )


def _flags(element: Any) -> tuple[str, ...]:
    """By their IMAP names, so that one word means one thing whatever the source; IMAP has none for a task that is done. Sorted,
    so that they compare."""
    told = {
        "\\Seen" if _text(element, "IsRead") == "true" else "",
        "\\Draft" if _text(element, "IsDraft") == "true" else "",
        _FLAG_NAMES.get(_extended(element, FLAG_STATUS), ""),
        _VERBS.get(_extended(element, LAST_VERB), ""),
    }
    return tuple(sorted(told - {""}))


def _is_as_made(element: Any) -> bool:
    if _text(element, "IsDraft") == "true":
        return False
    made, changed = _time(_text(element, "DateTimeCreated")), _time(_text(element, "LastModifiedTime"))
    return made is not None and changed is not None and changed - made <= _DELIVERY


def _id(element: Any, tag: str) -> str:
    """Without it nothing can be asked for. Raises MalformedResponseError."""
    found = element.find(f"{{{TNS}}}{tag}")
    if found is None or not found.get("Id"):
        raise ews.MalformedResponseError(f"no {tag}")
    return str(found.get("Id"))


def _extended(element: Any, tag: str) -> str:
    for one in element.iterfind(f"{{{TNS}}}ExtendedProperty"):
        uri = one.find(f"{{{TNS}}}ExtendedFieldURI")
        if uri is not None and (uri.get("PropertyTag") or "").lower() == tag:
            return _text(one, "Value")
    return ""


def _text(element: Any, tag: str) -> str:
    return (element.findtext(f"{{{TNS}}}{tag}") or "").strip()


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None


def _time(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None
