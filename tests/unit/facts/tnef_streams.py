"""Invented TNEF streams, put together attribute by attribute."""

from __future__ import annotations

import struct

from capstone.domain.facts.tnef import SIGNATURE


def attribute(number: int, value: bytes, level: int = 2) -> bytes:
    """One attribute, its checksum left at nought."""
    return struct.pack("<BHHI", level, number, 0, len(value)) + value + b"\0\0"


def variable(number: int, kind: int, value: bytes) -> bytes:
    """One MAPI property of a kind whose value has a length."""
    return struct.pack("<HHII", kind, number, 1, len(value)) + value + b"\0" * (-len(value) % 4)


def properties(*each: bytes) -> bytes:
    """The value of an attribute that holds MAPI properties."""
    return struct.pack("<I", len(each)) + b"".join(each)


def tnef_stream(*attributes: bytes) -> bytes:
    """A stream of these attributes."""
    return SIGNATURE + b"\0\0" + b"".join(attributes)


RENDERING = attribute(0x9002, b"\0" * 14)
"""Begins an attachment."""
