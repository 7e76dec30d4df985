"""Compressed RTF ([MS-OXRTFCP]): the form in which Outlook keeps rich bodies."""

from __future__ import annotations

MAX_RTF_BYTES = 4_000_000
_HEADER, _WINDOW = 16, 4_096
_COMPRESSED, _PLAIN = b"LZFu", b"MELA"
_START = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript "
    b"\\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par "
    b"\\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"
)
"""What the window holds before the first byte."""


class RtfDamaged(Exception):
    """It is no compressed RTF, or more than is unpacked."""


def decompressed(packed: bytes) -> bytes:
    """The RTF. Raises RtfDamaged. A stream that breaks off gives what it held."""
    size = int.from_bytes(packed[4:8], "little")
    kind = packed[8:12]
    if kind == _PLAIN:
        return packed[_HEADER : _HEADER + size]
    if kind != _COMPRESSED or size > MAX_RTF_BYTES:
        raise RtfDamaged
    return _unpacked(packed, size)


def _unpacked(packed: bytes, size: int) -> bytes:
    out = bytearray(_START)
    limit = len(_START) + size
    at, end = _HEADER, len(packed)
    while at < end and len(out) < limit:
        control = packed[at]
        at += 1
        for bit in range(8):
            if at >= end:
                break
            if not control >> bit & 1:
                out.append(packed[at])
                at += 1
                continue
            if at + 1 >= end or not _copy(out, packed[at], packed[at + 1]):
                return bytes(out[len(_START) : limit])
            at += 2
    return bytes(out[len(_START) : limit])


def _copy(out: bytearray, high: int, low: int) -> bool:
    """Append what the window holds at a place; False for the mark of the end."""
    distance = (len(out) - (high << 4 | low >> 4)) % _WINDOW
    if distance == 0:
        return False
    for _ in range((low & 15) + 2):
        out.append(out[-distance] if distance <= len(out) else 0)
    return True
