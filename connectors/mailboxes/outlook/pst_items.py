"""Items of a PST as MAPI items, out of libpff's hands."""

from __future__ import annotations

import struct
from collections.abc import Callable
from itertools import pairwise
from typing import TypeVar

from capstone.domain.generated.mapi import (
    BINARY,
    MAX_DEPTH,
    MULTIPLE,
    TEXT8,
    UNICODE,
    MapiAttachment,
    MapiItem,
    MapiProperty,
    Properties,
    codec_of_item,
    integer_of,
    properties_of,
)
from connectors.mailboxes.outlook.pst_library import DATA, ITEM, Entry, Item, PstFile, PstUnreadable, Set

T = TypeVar("T")
_METHOD = 0x3705
_MISSING = {2: "by-reference", 3: "by-reference", 4: "by-reference", 7: "web-reference"}
_FIXED = {0x02: 2, 0x03: 4, 0x04: 4, 0x05: 8, 0x06: 8, 0x07: 8, 0x0A: 4, 0x0B: 1, 0x14: 8, 0x40: 8, 0x48: 16}
_OFFSETS = (TEXT8, UNICODE, 0x102)


class PstItems:
    """Reads items of one open PST. What of an item cannot be read is named in it; only one that has nothing raises."""

    def __init__(self, file: PstFile, codepage: str) -> None:
        self._file, self._codepage = file, codepage
        self._names: dict[int, str] = {}

    def properties(self, item: Item) -> MapiItem:
        """The item with its properties alone. Raises PstUnreadable where there is none."""
        unread: list[str] = []
        sets = list(item.sets())
        if not sets:
            raise PstUnreadable("item_get_record_set_by_index")
        properties = self._properties(sets[0], unread)
        return MapiItem(properties, codepage=codec_of_item(properties, self._codepage), unread=tuple(unread))

    def whole(self, item: Item, bare: MapiItem, depth: int = 0) -> MapiItem:
        """With its recipients and attachments."""
        unread = list(bare.unread)
        recipients = _read(lambda: self._recipients(item, unread), unread, "recipients") or ()
        count = _read(lambda: item.count("attachments"), unread, "attachments") or 0
        attachments = [self._attachment(item, index, depth, unread) for index in range(count)]
        return MapiItem(bare.properties, recipients, tuple(attachments), bare.codepage, tuple(unread))

    def _recipients(self, item: Item, unread: list[str]) -> tuple[Properties, ...]:
        table = item.recipients()
        return tuple(self._properties(row, unread) for row in table.sets()) if table else ()

    def _attachment(self, item: Item, index: int, depth: int, unread: list[str]) -> MapiAttachment:
        try:
            with self._file.scope():
                return self._attached(item.part("attachments", index), depth, unread)
        except PstUnreadable:
            return MapiAttachment({}, missing="unreadable")

    def _attached(self, part: Item, depth: int, unread: list[str]) -> MapiAttachment:
        properties = properties_of(one for found in part.sets() for one in self._properties(found, unread).values())
        try:
            kind = part.attachment_type()
            if kind == ITEM and depth >= MAX_DEPTH:
                return MapiAttachment(properties, missing="too-deep")
            if kind == ITEM and (inner := part.attached_item()):
                return MapiAttachment(properties, item=self.whole(inner, self.properties(inner), depth + 1))
            data = part.attached_data() if kind == DATA else None if kind == ITEM else _data_of(part) or None
            if data is not None:
                return MapiAttachment(properties, data)
        except PstUnreadable:
            return MapiAttachment(properties, missing="unreadable")
        otherwise = "unreadable" if kind is None else "no-data"
        return MapiAttachment(properties, missing=_MISSING.get(integer_of(properties, _METHOD) or 0, otherwise))

    def _properties(self, found: Set, unread: list[str]) -> Properties:
        return properties_of(one for entry in found.entries(self._names) if (one := _property(entry, unread)))


def _data_of(part: Item) -> bytes | None:
    """The bytes of an attachment that is not said to be one of bytes; None where there are none, or they are no bytes."""
    found = (one for each in part.sets() for one in each.entries({}, is_data=True) if one.kind == BINARY)
    return next((one.data for one in found), None)


def _property(entry: Entry, unread: list[str]) -> MapiProperty | None:
    """None for what cannot be read."""
    if entry.number is None or entry.data is None:
        unread.append("property" if entry.number is None else f"property 0x{entry.number:04x}")
        return None
    return MapiProperty(entry.number, entry.kind, _values(entry.kind, entry.data), entry.name)


def _values(kind: int, data: bytes) -> tuple[bytes, ...]:
    """The values of a property; several of them as a PST packs them ([MS-PST] 2.3.3.4)."""
    single = kind & ~MULTIPLE
    if not kind & MULTIPLE:
        return (data,)
    if single in _OFFSETS:
        return _packed(data)
    size = _FIXED.get(single, 0)
    return tuple(data[at : at + size] for at in range(0, len(data) - size + 1, size)) if size else (data,)


def _packed(data: bytes) -> tuple[bytes, ...]:
    count = int.from_bytes(data[:4], "little")
    if not 0 < count <= len(data) // 4 - 1:
        return ()
    offsets = [*struct.unpack_from(f"<{count}I", data, 4), len(data)]
    return tuple(data[start:end] for start, end in pairwise(offsets))


def _read(read: Callable[[], T], unread: list[str], what: str) -> T | None:
    try:
        return read()
    except PstUnreadable:
        unread.append(what)
        return None
