"""An MSG file as a MAPI item ([MS-OXMSG]): storages and streams of an OLE2 file, taken by their names."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO
from uuid import UUID

import olefile

from capstone.domain.generated.mapi import (
    MAX_DEPTH,
    MULTIPLE,
    OBJECT,
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

_PROPERTIES, _NAMES = "__properties_version1.0", "__nameid_version1.0"
_STREAM, _RECIPIENT, _ATTACHMENT = "__substg1.0_", "__recip_version1.0_#", "__attach_version1.0_#"
_TAG = re.compile("[0-9a-f]{8}")
_DATA, _OBJECT_DATA = "__substg1.0_37010102", "__substg1.0_3701000d"
_FIXED = {0x02: 2, 0x03: 4, 0x04: 4, 0x05: 8, 0x06: 8, 0x07: 8, 0x0A: 4, 0x0B: 2, 0x14: 8, 0x40: 8}
"""Bytes of a value that stands in the table itself."""
_ARRAYS = {**_FIXED, 0x48: 16}
_VARIABLE = (TEXT8, UNICODE, 0x102)
_TOP_HEADER, _INNER_HEADER, _PART_HEADER = 32, 24, 8
_METHOD, _REFERENCES, _WEB = 0x3705, (2, 3, 4), 7
_NAMED_FROM = 0x8000
_ENTRY_BYTES, _KIND_AT = 128, 0x42
"""Of an entry of an OLE2 file's directory: its size, and where in it stands what it is."""
_WELL_KNOWN = ("", "00020328-0000-0000-c000-000000000046", "00020329-0000-0000-c000-000000000046")
_OLE_CONTENTS = ("contents", "package", "\x01ole10native")
"""Streams of an embedded object that hold the object itself."""


class NoMsg(Exception):
    """An OLE2 file, but no message: a document, say."""


class MsgDamaged(Exception):
    """An OLE2 file that cannot be read."""


def read_msg(file: BinaryIO) -> MapiItem:
    """The item. Of a file that is none, only what tells so is read. Raises NoMsg, MsgDamaged."""
    try:
        with olefile.OleFileIO(file) as ole:
            is_listed = _is_all_listed(ole)
            streams = _tree_of(ole)
            if _PROPERTIES not in streams.children:
                raise _why_not(streams)
            item = _Msg(ole, streams).item()
            return item if is_listed else replace(item, unread=(*item.unread, "storages"))
    except (OSError, struct.error, ValueError, ArithmeticError, IndexError, TypeError, AttributeError, RecursionError) as exc:
        raise MsgDamaged from exc


@dataclass(frozen=True, slots=True)
class _Node:
    """A stream or storage; children by their names in small letters."""

    path: list[str]
    children: dict[str, _Node]


def _is_all_listed(ole: olefile.OleFileIO) -> bool:
    """Whether the file's tree is sound and leads to all of its entries: the library passes over what it does not lead to."""
    ole.directory_fp.seek(0)
    raw = ole.directory_fp.read()
    kinds = raw[_KIND_AT::_ENTRY_BYTES]
    return not ole.parsing_issues and all(
        bool(kind) == (one is not None) for kind, one in zip(kinds, ole.direntries, strict=False)
    )


def _tree_of(ole: olefile.OleFileIO) -> _Node:
    root = _Node([], {})
    for path in ole.listdir(streams=True, storages=True):
        node = root
        for depth, name in enumerate(path, 1):
            node = node.children.setdefault(name.lower(), _Node(path[:depth], {}))
    return root


def _why_not(root: _Node) -> Exception:
    """A document has names, and other ones; where an MSG has lost some of its own, others are left."""
    is_document = root.children and not any(name.startswith("__") for name in root.children)
    return NoMsg() if is_document else MsgDamaged()


class _Msg:
    """Reads one open file."""

    def __init__(self, ole: olefile.OleFileIO, root: _Node) -> None:
        self._ole, self._root = ole, root
        self._unread: list[str] = []
        self._names = self._names_of(root.children.get(_NAMES))

    def item(self) -> MapiItem:
        return self._item(self._root, _TOP_HEADER, 0)

    def _item(self, node: _Node, header: int, depth: int) -> MapiItem:
        before, self._unread = self._unread, []
        properties = self._properties(node, header)
        parts = sorted(node.children.items())
        recipients = [self._properties(child, _PART_HEADER) for name, child in parts if name.startswith(_RECIPIENT)]
        attachments = [self._attachment(child, depth) for name, child in parts if name.startswith(_ATTACHMENT)]
        unread, self._unread = tuple(self._unread), before
        return MapiItem(properties, tuple(recipients), tuple(attachments), codec_of_item(properties), unread)

    def _attachment(self, node: _Node, depth: int) -> MapiAttachment:
        properties = self._properties(node, _PART_HEADER)
        data, inner = node.children.get(_DATA), node.children.get(_OBJECT_DATA)
        if inner is not None and _PROPERTIES in inner.children:
            if depth >= MAX_DEPTH:
                return MapiAttachment(properties, missing="too-deep")
            return MapiAttachment(properties, item=self._item(inner, _INNER_HEADER, depth + 1))
        if data is None and inner is not None:
            data = next((child for name in _OLE_CONTENTS if (child := inner.children.get(name))), None)
            if data is None:
                return MapiAttachment(properties, missing="ole-storage")
        if data is not None:
            raw = self._read(data, "attachments")
            return MapiAttachment(properties, raw) if raw is not None else MapiAttachment(properties, missing="unreadable")
        method = integer_of(properties, _METHOD)
        return MapiAttachment(
            properties, missing={**dict.fromkeys(_REFERENCES, "by-reference"), _WEB: "web-reference"}.get(method or 0, "no-data")
        )

    def _properties(self, node: _Node, header: int) -> Properties:
        return properties_of([*self._fixed(node, header), *self._streamed(node)])

    def _fixed(self, node: _Node, header: int) -> Iterator[MapiProperty]:
        table = node.children.get(_PROPERTIES)
        raw = (self._read(table, "properties") or b"") if table else b""
        for at in range(header, len(raw) - 15, 16):
            kind, number = struct.unpack_from("<HH", raw, at)
            size = _FIXED.get(kind)
            if size is not None:
                yield self._property(number, kind, (raw[at + 8 : at + 8 + size],))

    def _streamed(self, node: _Node) -> Iterator[MapiProperty]:
        for name, child in sorted(node.children.items()):
            tag = name.removeprefix(_STREAM)
            if tag == name or not _TAG.fullmatch(tag):
                continue  # No property, whatever it is.
            number, kind = int(tag[:4], 16), int(tag[4:], 16)
            if kind != OBJECT and f"{_STREAM}{tag}" != _DATA:
                values = self._values(node, name, child, kind)
                if values is not None:
                    yield self._property(number, kind, values)

    def _values(self, node: _Node, name: str, child: _Node, kind: int) -> tuple[bytes, ...] | None:
        raw = self._read(child, "properties")
        single = kind & ~MULTIPLE
        if raw is None or not kind & MULTIPLE:
            return None if raw is None else (raw,)
        if single in _ARRAYS:
            size = _ARRAYS[single]
            return tuple(raw[at : at + size] for at in range(0, len(raw) - size + 1, size))
        count = len(raw) // (8 if single not in _VARIABLE[:2] else 4)
        values = [node.children.get(f"{name}-{index:08x}") for index in range(count)]
        return tuple((self._read(value, "properties") or b"") if value else b"" for value in values)

    def _property(self, number: int, kind: int, values: tuple[bytes, ...]) -> MapiProperty:
        return MapiProperty(number, kind, values, self._names.get(number, "") if number >= _NAMED_FROM else "")

    def _read(self, node: _Node, part: str) -> bytes | None:
        """All that there is of a stream; named as unread where it is less than the file says: the library does not tell."""
        raw: bytes | None = None
        try:
            with self._ole.openstream(node.path) as stream:
                raw = bytes(stream.read())
            is_whole = len(raw) == self._ole.get_size(node.path)
        except (OSError, ValueError, ArithmeticError, IndexError):
            is_whole = False
        if not is_whole:
            self._unread.append(f"{part} {node.path[-1]}")
        return raw if is_whole or raw else None

    def _names_of(self, node: _Node | None) -> dict[int, str]:
        """Property number: name."""
        streams = [node.children.get(f"{_STREAM}{tag}") for tag in ("00020102", "00030102", "00040102")] if node else []
        if not streams or None in streams:
            return {}
        guids, entries, texts = (self._read(stream, "names") or b"" for stream in streams if stream)
        names = {}
        for at in range(0, len(entries) - 7, 8):
            which, packed, index = struct.unpack_from("<IHH", entries, at)
            name = _text_at(texts, which) if packed & 1 else f"0x{which:04x}"
            names[_NAMED_FROM + index] = f"{_guid(guids, packed >> 1)}/{name}"
        return names


def _guid(guids: bytes, index: int) -> str:
    if index < 3:
        return _WELL_KNOWN[index]
    raw = guids[(index - 3) * 16 : (index - 2) * 16]
    return str(UUID(bytes_le=raw)) if len(raw) == 16 else ""


def _text_at(texts: bytes, offset: int) -> str:
    size = int.from_bytes(texts[offset : offset + 4], "little")
    return texts[offset + 4 : offset + 4 + size].decode("utf-16-le", "replace")
