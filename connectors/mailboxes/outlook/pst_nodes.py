"""The messages of a PST as its node B-tree lists them ([MS-PST] 2.2.2.7.7), whether or not a folder names them.

libpff gives no such list. Pages are plain whatever becomes of blocks. Every page is read once, so a hostile tree ends.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

NODE_TYPE, MESSAGE = 0x1F, 0x04
"""The kind of a node stands in the last bits of its id ([MS-PST] 2.2.2.1)."""
_HEADER_BYTES, _VERSION_AT = 512, 10
_NODES = b"\x81\x81"
_ALIGNED = 512
_MOST_LEVELS = 16
_NO_INVERSION = 0xFFFFFFFF
"""[MS-PST] 5.3: the checksum of ZIP without its first and its last step."""


class Node(NamedTuple):
    """A message. `is_sure`: its page is what its checksum says."""

    identifier: int
    parent: int
    """The folder that it was put into."""
    is_sure: bool


class _Layout(NamedTuple):
    """Where things stand in a file and its pages."""

    root_at: struct.Struct
    page_bytes: int
    counts: struct.Struct
    """How many entries (and how many fit), the size of one, the level."""
    counts_at: int
    trailer_at: int
    checksum_at: int
    leaf: struct.Struct
    branch: struct.Struct


_LEAF, _BRANCH = struct.Struct("<I20xI4x"), struct.Struct("<16xQ")
_ANSI = _Layout(
    struct.Struct("<188xI"), 512, struct.Struct("<BxBB"), 496, 500, 508, struct.Struct("<I8xI"), struct.Struct("<8xI")
)
_UNICODE = _Layout(struct.Struct("<224xQ"), 512, struct.Struct("<BxBB"), 488, 496, 500, _LEAF, _BRANCH)
_LARGE_PAGES = _Layout(struct.Struct("<224xQ"), 4096, struct.Struct("<H2xBB"), 4056, 4072, 4076, _LEAF, _BRANCH)
"""OST files since Outlook 2013."""


class NodeTree:
    """The tree of one file, to be walked once."""

    def __init__(self, path: bytes) -> None:
        """Nothing is opened yet."""
        self._path = path
        self.is_whole = True
        """False once a page is met that is damaged or missing, so that there may be messages that nobody can name."""

    def pages(self) -> Iterator[list[Node]]:
        """The messages of one page after the other; none for pages without any."""
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self.is_whole = False
            return
        try:
            yield from self._walked(descriptor)
        finally:
            os.close(descriptor)

    def _walked(self, descriptor: int) -> Iterator[list[Node]]:
        header = _read(descriptor, _HEADER_BYTES, 0)
        layout = _layout_of(header)
        if layout is None:
            self.is_whole = False
            return
        left: list[tuple[int, int | None]] = [(layout.root_at.unpack_from(header)[0], None)]
        seen = set[int]()
        while left:
            at, level = left.pop()
            page = _page_at(descriptor, layout, at) if at % _ALIGNED == 0 and at not in seen else None
            if page is None or level not in (None, page.level):
                self.is_whole = False
                continue
            seen.add(at)
            self.is_whole = self.is_whole and page.is_sure
            if page.level:
                left += [(below, page.level - 1) for (below,) in reversed(list(page.entries(layout.branch)))]
            yield [] if page.level else page.messages(layout)


class _Page(NamedTuple):
    raw: bytes
    entry_count: int
    entry_bytes: int
    level: int
    is_sure: bool

    def entries(self, form: struct.Struct) -> Iterator[tuple[int, ...]]:
        return (form.unpack_from(self.raw, number * self.entry_bytes) for number in range(self.entry_count))

    def messages(self, layout: _Layout) -> list[Node]:
        found = self.entries(layout.leaf)
        return [Node(identifier, parent, self.is_sure) for identifier, parent in found if identifier & NODE_TYPE == MESSAGE]


def _page_at(descriptor: int, layout: _Layout, at: int) -> _Page | None:
    """None for what is no page of nodes, or says of itself what cannot be."""
    raw = _read(descriptor, layout.page_bytes, at)
    if len(raw) < layout.page_bytes or not raw.startswith(_NODES, layout.trailer_at):
        return None
    count, entry_bytes, level = layout.counts.unpack_from(raw, layout.counts_at)
    form = layout.branch if level else layout.leaf
    if level > _MOST_LEVELS or entry_bytes < form.size or count * entry_bytes > layout.counts_at:
        return None
    checksum = zlib.crc32(raw[: layout.trailer_at], _NO_INVERSION) ^ _NO_INVERSION
    is_sure = checksum == int.from_bytes(raw[layout.checksum_at : layout.checksum_at + 4], "little")
    return _Page(raw, count, entry_bytes, level, is_sure)


def _layout_of(header: bytes) -> _Layout | None:
    if len(header) < _HEADER_BYTES:
        return None
    version = int.from_bytes(header[_VERSION_AT : _VERSION_AT + 2], "little")
    return _ANSI if version < 20 else _UNICODE if version < 36 else _LARGE_PAGES


def _read(descriptor: int, size: int, at: int) -> bytes:
    try:
        return os.pread(descriptor, size, at)
    except (OSError, OverflowError):
        return b""
