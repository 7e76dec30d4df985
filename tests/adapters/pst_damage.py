"""Samples of PST files with damage at a place that is chosen: where their nodes and tables lie."""

from __future__ import annotations

import struct
import zlib
from ctypes import c_size_t, c_uint8, c_uint32, create_string_buffer

from connectors.mailboxes.outlook.pst_library import _function

PAGE_BYTES, COUNTS_AT, TRAILER_AT = 512, 488, 496
NODES_FROM, BLOCKS_FROM = 224, 240
"""Where the header says at which pages the two trees begin."""
_NODE, _BLOCK = struct.Struct("<QQQI4x"), struct.Struct("<QQHH4x")


def node_at(raw: bytes, identifier: int) -> int:
    """Where the entry of a node stands in the leaf of the tree of nodes."""
    return next(at for at in _entries(raw, _number(raw, NODES_FROM)) if _NODE.unpack_from(raw, at)[0] == identifier)


def block_of(raw: bytes, identifier: int) -> tuple[int, int]:
    """(offset, size) of a node's own bytes."""
    block = _NODE.unpack_from(raw, node_at(raw, identifier))[1]
    found = (_BLOCK.unpack_from(raw, at) for at in _entries(raw, _number(raw, BLOCKS_FROM)))
    return next((at, size) for own, at, size, _ in found if own & ~1 == block & ~1)


def without(raw: bytes, identifier: int) -> bytes:
    """With zeros for a node's own bytes."""
    at, size = block_of(raw, identifier)
    return raw[:at] + bytes(size) + raw[at + size :]


def scrambled(raw: bytes) -> bytes:
    """As the samples keep the bytes of blocks: each stands for another one."""
    table = create_string_buffer(bytes(range(256)), 256)
    assert _function("encryption_decrypt")(c_uint8(1), c_uint32(0), table, c_size_t(256), None) == 256
    return bytes(table.raw.index(bytes([one])) for one in raw)


def checksum(raw: bytes) -> int:
    return zlib.crc32(raw, 0xFFFFFFFF) ^ 0xFFFFFFFF


def with_checksum_of_page(raw: bytes, at: int) -> bytes:
    """With the checksum that fits the page in which `at` lies."""
    start = at // PAGE_BYTES * PAGE_BYTES
    right = checksum(raw[start : start + TRAILER_AT]).to_bytes(4, "little")
    return raw[: start + TRAILER_AT + 4] + right + raw[start + TRAILER_AT + 8 :]


def _entries(raw: bytes, page: int) -> list[int]:
    """Where the entries of all leaves of a tree stand."""
    count, _, size, level = raw[page + COUNTS_AT : page + COUNTS_AT + 4]
    entries = [page + number * size for number in range(count)]
    return [one for entry in entries for one in _entries(raw, _number(raw, entry + 16))] if level else entries


def _number(raw: bytes, at: int) -> int:
    return int.from_bytes(raw[at : at + 8], "little")
