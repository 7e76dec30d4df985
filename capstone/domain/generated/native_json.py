"""An item's properties as canonical JSON: what is kept beside the message that was generated from an item of a PST.

With the message it loses nothing: each property stands there with its type and its value or its bytes; attachments whose bytes
are in the message are named by digest and size, the bytes of others stand there too.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from capstone.domain.generated.mapi import (
    BOOLEAN,
    INT64,
    LONG,
    MULTIPLE,
    SHORT,
    TEXT8,
    TIME,
    UNICODE,
    MapiAttachment,
    MapiItem,
    MapiProperty,
    Properties,
)

FORMAT = 1
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_INTEGERS = {SHORT: 2, LONG: 4, INT64: 8}
_TICKS = 10_000_000
_BOOLEANS = (b"\0", b"\1", b"\0\0", b"\1\0")


def write_native(item: MapiItem, *, of: str, carried: frozenset[str]) -> bytes:
    """The same bytes for the same item. `of` is the digest of the message, so that the object is of one record only."""
    told = {"format": FORMAT, "of": of, "item": _item(item, carried)}
    return json.dumps(told, sort_keys=True, ensure_ascii=True, separators=(",", ":")).encode()


def _item(item: MapiItem, carried: frozenset[str]) -> Mapping[str, object]:
    told: dict[str, object] = {"codepage": item.codepage, "properties": _properties(item.properties, item.codepage)}
    told |= {"recipients": [_properties(one, item.codepage) for one in item.recipients]} if item.recipients else {}
    told |= {"attachments": [_attachment(one, item.codepage, carried) for one in item.attachments]} if item.attachments else {}
    return told | ({"unread": list(item.unread)} if item.unread else {})


def _attachment(one: MapiAttachment, codepage: str, carried: frozenset[str]) -> Mapping[str, object]:
    told: dict[str, object] = {"properties": _properties(one.properties, codepage)}
    if one.data is not None:
        digest = sha256(one.data).hexdigest()
        told |= {"data": {"sha256": digest, "size": len(one.data)}}
        if digest not in carried:
            told["base64"] = b64encode(one.data).decode()
    if one.item is not None:
        told["message"] = _item(one.item, carried)
    return told | ({"missing": one.missing} if one.missing else {})


def _properties(properties: Properties, codepage: str) -> list[Mapping[str, object]]:
    return [_property(one, codepage) for one in sorted(properties.values(), key=lambda one: (one.number, one.kind, one.name))]


def _property(one: MapiProperty, codepage: str) -> Mapping[str, object]:
    """There are a hundred to a message: what most of them are is told without a detour."""
    kind, values = one.kind, one.values
    told: dict[str, object] = {"tag": f"{one.number:04x}{kind:04x}"}
    if one.name:
        told["name"] = one.name
    if kind & MULTIPLE or len(values) != 1:
        told["values"] = [_value(kind & ~MULTIPLE, value, codepage) for value in values]
    else:
        told["value"] = _value(kind, values[0], codepage)
    return told


def _value(kind: int, value: bytes, codepage: str) -> object:
    """A value that can be read where that loses nothing, else its bytes."""
    told: str | int | None = None
    if kind in (UNICODE, TEXT8):
        told = _text(value, "utf-16-le" if kind == UNICODE else codepage)
    elif kind == BOOLEAN and value in _BOOLEANS:
        return {"boolean": value[0] == 1, "size": len(value)}
    elif kind == TIME and len(value) == 8:
        told = _time(int.from_bytes(value, "little"))
    elif _INTEGERS.get(kind) == len(value):
        told = int.from_bytes(value, "little", signed=True)
    return {"base64": b64encode(value).decode()} if told is None else told


def _text(value: bytes, codec: str) -> str | None:
    try:
        text = value.decode(codec)
        return text if text.encode(codec) == value else None
    except (UnicodeError, LookupError):
        return None


def _time(ticks: int) -> str | None:
    """ISO 8601 to the last of its hundreds of nanoseconds."""
    try:
        second = _EPOCH + timedelta(seconds=ticks // _TICKS)
    except OverflowError:
        return None
    return f"{second:%Y-%m-%dT%H:%M:%S}.{ticks % _TICKS:07}Z"
