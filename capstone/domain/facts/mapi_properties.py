"""A block of MAPI properties as TNEF writes it ([MS-OXTNEF] 2.1.3.4). Bounded; never raises."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from capstone.domain.facts.charsets import decoded

MAX_PROPERTIES = 5_000
_NAMED_FROM, _MULTIPLE = 0x8000, 0x1000
_FIXED = {0x02: 4, 0x03: 4, 0x04: 4, 0x05: 8, 0x06: 8, 0x07: 8, 0x0A: 4, 0x0B: 4, 0x14: 8, 0x40: 8, 0x48: 16}
"""Bytes of a value by type, padding included."""
_TEXT, _UNICODE, _OBJECT, _BINARY = 0x1E, 0x1F, 0x0D, 0x102
_VARIABLE = frozenset({_TEXT, _UNICODE, _OBJECT, _BINARY})


@dataclass(frozen=True, slots=True)
class MapiProperty:
    """The first value of a property."""

    kind: int
    value: bytes

    @property
    def is_unicode(self) -> bool:
        """Whether the value is UTF-16 text."""
        return self.kind == _UNICODE

    @property
    def is_object(self) -> bool:
        """Whether the value is an object, which begins with the identifier of its interface."""
        return self.kind == _OBJECT


def read_properties(block: bytes) -> tuple[dict[int, MapiProperty], bool]:
    """(property by number, the first of doubled ones; whether the block was read to its end). Named ones are passed over."""
    found: dict[int, MapiProperty] = {}
    try:
        count, at = struct.unpack_from("<I", block, 0)[0], 4
        for _ in range(min(count, MAX_PROPERTIES)):
            kind, number = struct.unpack_from("<HH", block, at)
            at += 4
            if number >= _NAMED_FROM:
                at = _after_name(block, at)
            value, at = _value(block, at, kind)
            if number < _NAMED_FROM:
                found.setdefault(number, MapiProperty(kind & ~_MULTIPLE, value))
    except (struct.error, ValueError):
        return found, False
    return found, count <= MAX_PROPERTIES


def text_of(found: MapiProperty | None, codepage: str) -> str:
    """The text of a property, "" where there is none."""
    if found is None or found.kind not in (_TEXT, _UNICODE, _BINARY):
        return ""
    text = decoded(found.value, "utf-16-le" if found.is_unicode else codepage)[0]
    return text.partition("\0")[0]


def _after_name(block: bytes, at: int) -> int:
    is_text = struct.unpack_from("<I", block, at + 16)[0] != 0
    at += 20
    return at + 4 + _padded(struct.unpack_from("<I", block, at)[0]) if is_text else at + 4


def _value(block: bytes, at: int, kind: int) -> tuple[bytes, int]:
    """(first value, offset behind all values). Raises struct.error or ValueError where the block ends before."""
    base = kind & ~_MULTIPLE
    values = 1
    if kind & _MULTIPLE or base in _VARIABLE:
        values, at = struct.unpack_from("<I", block, at)[0], at + 4
    if base in _FIXED:
        size = _FIXED[base]
        end = at + size * values
        _check(block, end)
        return block[at : at + size], end
    if base not in _VARIABLE:
        raise ValueError
    return _variable(block, at, values)


def _variable(block: bytes, at: int, values: int) -> tuple[bytes, int]:
    first = b""
    for position in range(values):
        size = struct.unpack_from("<I", block, at)[0]
        at += 4
        _check(block, at + size)
        if position == 0:
            first = block[at : at + size]
        at += _padded(size)
    return first, at


def _check(block: bytes, end: int) -> None:
    if end > len(block):
        raise ValueError


def _padded(size: int) -> int:
    return size + (-size % 4)
