"""Members of a ZIP file whose list of members is lost, as of one that was not copied whole: found by the header before each."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from connectors.mailboxes.archives.members import CHUNK_BYTES, Entry, MemberDamaged
from connectors.mailboxes.files.tree import Kind

_HEAD = struct.Struct("<4s5H3L2H")
_LOCAL, _DESCRIPTOR, _LIST = b"PK\3\4", b"PK\7\10", b"PK\1\2"
_ENCRYPTED, _STREAMED = 0x1, 0x8
_STORED, _DEFLATED = 0, 8
_IN_EXTRA_FIELD = 0xFFFF_FFFF
_MOST_DESCRIPTOR = 24
MOST_OF_A_FOLDER = 2
"""Bytes of nothing at all, as some programs pack them. With more, what has the name of a folder is a file."""


class LocalFile(NamedTuple):
    """The data of a member behind its header. Without `packed_bytes` they end where the deflated stream says."""

    at: int
    packed_bytes: int | None
    is_deflated: bool
    checksum: int | None

    def chunks(self, descriptor: int) -> Iterator[bytes]:
        """The unpacked bytes. Raises MemberDamaged."""
        checksum = 0
        for chunk in _Inflating(descriptor, self).chunks() if self.is_deflated else _stored(descriptor, self):
            checksum = zlib.crc32(chunk, checksum)
            yield chunk
        if self.checksum is not None and checksum != self.checksum:
            raise MemberDamaged


def local_entries(descriptor: int) -> Iterator[Entry]:
    """Every member from the first on, as far as each tells where the next begins."""
    at: int | None = 0
    size = os.fstat(descriptor).st_size
    while at is not None and at < size and (found := _entry_at(descriptor, at)) is not None:
        yield found
        at = _next(descriptor, found)


def _entry_at(descriptor: int, at: int) -> Entry | None:
    head = os.pread(descriptor, _HEAD.size, at)
    if len(head) < _HEAD.size or not head.startswith(_LOCAL):
        return None
    _, _, flags, method, _, _, checksum, packed, size, name_size, extra_size = _HEAD.unpack(head)
    rest = os.pread(descriptor, name_size + extra_size, at + _HEAD.size)
    name, extra = rest[:name_size], rest[name_size:]
    if _IN_EXTRA_FIELD in (packed, size):
        size, packed = _large_sizes(extra) or (size, packed)
    is_streamed = bool(flags & _STREAMED)
    data_at = at + _HEAD.size + name_size + extra_size
    local = LocalFile(data_at, None if is_streamed else packed, method == _DEFLATED, None if is_streamed else checksum)
    trouble = "archive_encrypted" if flags & _ENCRYPTED else "" if method in (_STORED, _DEFLATED) else "archive_not_supported"
    if is_streamed and method != _DEFLATED:
        trouble = trouble or "archive_not_supported"
    is_folder = name.endswith(b"/") and not is_streamed and not size and packed <= MOST_OF_A_FOLDER
    kind = Kind.FOLDER if is_folder else Kind.FILE
    return Entry(name, kind, 0 if is_streamed else size, at, data_at + (local.packed_bytes or 0), trouble, local)


def _next(descriptor: int, entry: Entry) -> int | None:
    """Where the next member's header begins; None where that cannot be told."""
    local: LocalFile = entry.handle
    if local.packed_bytes is not None:
        return entry.end
    if entry.trouble:
        return None
    inflating = _Inflating(descriptor, local)
    try:
        for _ in inflating.chunks():
            pass
    except MemberDamaged:
        return None
    behind = os.pread(descriptor, _MOST_DESCRIPTOR + len(_LOCAL), inflating.end)
    found = [place for mark in (_LOCAL, _LIST) if (place := behind.find(mark)) >= 0]
    return inflating.end + min(found) if found else None


def _large_sizes(extra: bytes) -> tuple[int, int] | None:
    """(size, packed size) of a member of 4 GiB or more."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        if kind == 1 and length >= 16 and at + 20 <= len(extra):
            size, packed = struct.unpack_from("<2Q", extra, at + 4)
            return size, packed
        at += 4 + length
    return None


def _stored(descriptor: int, local: LocalFile) -> Iterator[bytes]:
    at, left = local.at, local.packed_bytes or 0
    while left:
        chunk = os.pread(descriptor, min(left, CHUNK_BYTES), at)
        if not chunk:
            raise MemberDamaged(is_cut=True)
        yield chunk
        at, left = at + len(chunk), left - len(chunk)


class _Inflating:
    """Unpacks a deflated stream, and then knows where it ended."""

    def __init__(self, descriptor: int, local: LocalFile) -> None:
        self._descriptor, self.end = descriptor, local.at

    def chunks(self) -> Iterator[bytes]:
        inflating = zlib.decompressobj(-zlib.MAX_WBITS)
        while not inflating.eof:
            packed = inflating.unconsumed_tail or os.pread(self._descriptor, CHUNK_BYTES, self.end)
            if not inflating.unconsumed_tail:
                self.end += len(packed)
            if not packed:
                raise MemberDamaged(is_cut=True)
            try:
                unpacked = inflating.decompress(packed, CHUNK_BYTES)
            except zlib.error as exc:
                raise MemberDamaged from exc
            if unpacked:
                yield unpacked
        self.end -= len(inflating.unused_data) + len(inflating.unconsumed_tail)
