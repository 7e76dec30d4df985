"""The envelope of a message: who really sent and received it, as what, through which list (36 CFR 1236.22(a)(2) and (3)).

Headers do not say it: Bcc stands in the sender's copy only, and a list stands for people that it does not name. An envelope is
kept beside the record as the journal report that brought it, or as JSON of what a server said; both are read here into one shape.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum

FORMAT = 1


class ReceivedAs(StrEnum):
    """As what somebody received it."""

    TO = "to"
    CC = "cc"
    BCC = "bcc"
    RECIPIENT = "recipient"
    """It was delivered to them, and the envelope does not say as what."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """One who received the message. Addresses are as written."""

    address: str
    received_as: ReceivedAs = ReceivedAs.RECIPIENT
    name: str = ""
    through: str | None = None
    """The address of the list that it was expanded from."""
    forwarded_by: str | None = None
    """The address of the mailbox that forwarded it to them."""


@dataclass(frozen=True, slots=True)
class ListMembers:
    """The members of a distribution list as a directory named them once."""

    address: str
    on: str
    """The instant of asking, in ISO 8601 with zone."""
    members: tuple[str, ...]
    """Addresses, sorted."""
    is_whole: bool = True
    """False where the directory did not give all of them."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """What is known of a message besides its bytes."""

    said_by: str
    """Who says so: "exchange-journal", "smtp", "ews", "graph"."""
    sender: str | None = None
    on_behalf_of: str | None = None
    recipients: tuple[Recipient, ...] = ()
    lists: tuple[ListMembers, ...] = ()
    message_id: str | None = None
    properties: Mapping[str, str] = field(default_factory=dict)
    """What else the server says of the item: `item_class`, `categories`, `importance`, `conversation_id`, `flag`, `of_message`
    (the Message-ID that a receipt or report is about), `rights_protected`; the last two also as the message says itself."""


def write_envelope(envelope: Envelope, digest: str) -> bytes:
    """JSON, the same for the same content. `digest` is that of the message, so that the object is of one record only."""
    told = {key: value for key, value in _fields_of(envelope).items() if value not in (None, (), {}, "")}
    told |= {"format": FORMAT, "of": digest}
    return _JSON.encode(told).encode()


def read_envelope(raw: bytes) -> Envelope | None:
    """The opposite of `write_envelope`; None where the bytes are no such JSON. Never raises."""
    try:
        told = json.loads(raw)
        if told["format"] != FORMAT:
            return None
        return Envelope(
            said_by=str(told["said_by"]),
            sender=_text(told, "sender"),
            on_behalf_of=_text(told, "on_behalf_of"),
            recipients=tuple(_recipient(one) for one in told.get("recipients", ())),
            lists=tuple(_members(one) for one in told.get("lists", ())),
            message_id=_text(told, "message_id"),
            properties={str(key): str(value) for key, value in told.get("properties", {}).items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _fields_of(part: object) -> dict[str, object]:
    """Those of a recipient or list among them are asked for by the encoder, when it comes to it."""
    return {name: getattr(part, name) for name in _FIELDS[type(part)]}


_FIELDS: Mapping[type, Sequence[str]] = {kind: [one.name for one in fields(kind)] for kind in (Envelope, Recipient, ListMembers)}
_JSON = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=_fields_of)


def _recipient(told: Mapping[str, object]) -> Recipient:
    received_as = ReceivedAs(str(told["received_as"]))
    return Recipient(str(told["address"]), received_as, str(told["name"]), _text(told, "through"), _text(told, "forwarded_by"))


def _members(told: Mapping[str, object]) -> ListMembers:
    members = told["members"]
    if not isinstance(members, Sequence) or isinstance(members, str):
        raise TypeError("members are a list")
    return ListMembers(str(told["address"]), str(told["on"]), tuple(map(str, members)), bool(told["is_whole"]))


def _text(told: Mapping[str, object], key: str) -> str | None:
    value = told.get(key)
    return None if value is None else str(value)
