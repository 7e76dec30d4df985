"""The header block of a message: where it ends, which fields it has. Reads damaged blocks as far as they make sense."""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from dataclasses import dataclass, field

from capstone.domain.facts.charsets import guessed

MAX_FIELDS = 10_000
"""More fields than this are read, but only the first of them by name."""
_NAME = re.compile(r"[!-9;-~]+")
_FIELD = re.compile(rb"\0*[!-9;-~][!-9;-~\0]*[ \t]*:")
_BLANK_START = re.compile(rb"[\r\n]+")


@dataclass(slots=True)
class Headers:
    """The fields of one header block, unfolded, names in lower case, values not yet RFC 2047 decoded."""

    fields: dict[str, list[str]] = field(default_factory=dict)
    body_start: int = 0
    is_regular: bool = True
    """Whether every parser will find the same end of the block and the same fields."""
    has_bare_cr: bool = False
    """Whether CR alone ends the lines."""
    problems: list[str] = field(default_factory=list)

    def first(self, name: str) -> str | None:
        """The first value of a field, None where the field is missing."""
        values = self.fields.get(name)
        return values[0].strip() if values else None

    def all(self, name: str) -> list[str]:
        """All values of a field, topmost first."""
        values = self.fields.get(name)
        return [value.strip() for value in values] if values else []


def read_headers(raw: bytes) -> Headers:
    """The header block at the start of the bytes. Never raises."""
    headers = Headers()
    start = _skip_leading(raw, headers)
    end, headers.body_start, line_end = _block_end(raw, start, headers)
    block = raw[start:end]
    if not _fill(headers, _lines(block, line_end, headers)):
        block, length = _good_lines(block, line_end, headers)
        headers.body_start = headers.body_start if length is None else start + length
        headers.fields.clear()
        _fill(headers, _lines(block, line_end, headers))
    if not headers.fields:
        _note(headers, "no_header")
    return headers


def _skip_leading(raw: bytes, headers: Headers) -> int:
    start = 0
    if raw.startswith(BOM_UTF8):
        start = len(BOM_UTF8)
        _note(headers, "leading_byte_order_mark")
    if raw[start : start + 1] in (b"\n", b"\r"):
        found = _BLANK_START.match(raw, start)
        start = found.end() if found else 0
        _note(headers, "leading_blank_line")
    while raw.startswith((b"From ", b">From "), start):
        line_end = raw.find(b"\n", start)
        if line_end < 0:
            break
        start = line_end + 1
        _note(headers, "leading_from_line")
    return start


def _block_end(raw: bytes, start: int, headers: Headers) -> tuple[int, int, bytes]:
    """(end of the last header line, start of the body, line end)."""
    if raw.startswith((b"\r\n", b"\n"), start):
        return start, start + (1 if raw[start] == 10 else 2), b"\n"
    first_lf = raw.find(b"\n", start)
    first_line = raw[start:] if first_lf < 0 else raw[start:first_lf]
    if b"\r" in first_line[:-1]:
        odd = _odd_line_end(first_line, first_lf)
        if odd:
            headers.has_bare_cr = odd == b"\r"
            _note(headers, "bare_cr_line_ends" if headers.has_bare_cr else "mixed_line_ends")
            found = raw.find(odd + odd, start)
            return (len(raw), len(raw), odd) if found < 0 else (found, found + 2 * len(odd), odd)
    # The likelier blank line first: looking for the other one in the whole body costs as much as all else here.
    likely, other = (b"\n\r\n", b"\n\n") if first_line.endswith(b"\r") else (b"\n\n", b"\n\r\n")
    end, blank = raw.find(likely, start), likely
    earlier = raw.find(other, start, end + len(other) - 1 if end >= 0 else len(raw))
    if earlier >= 0:
        end, blank = earlier, other
    return (end, end + len(blank), b"\n") if end >= 0 else (len(raw), len(raw), b"\n")


def _odd_line_end(first_line: bytes, first_lf: int) -> bytes | None:
    if first_lf >= 0 and first_line.endswith(b"\r\r") and b"\r" not in first_line.rstrip(b"\r"):
        return b"\r\r\n"
    if first_lf < 0 or first_line.rstrip(b"\r").count(b"\r") > 1:
        return b"\r"
    return None


def _lines(block: bytes, line_end: bytes, headers: Headers) -> list[str]:
    """The unfolded lines of the block."""
    if b"\0" in block:
        _note(headers, "nul_in_header")
        block = block.replace(b"\0", b"")
    if b"\r" in block:
        block = block if line_end == b"\n" else block.replace(line_end, b"\n")
        block = block.replace(b"\r\n", b"\n").rstrip(b"\r")
        if b"\r" in block:
            _note(headers, "mixed_line_ends")
            block = block.replace(b"\r", b" ")
    folded = block.replace(b"\n ", b" ").replace(b"\n\t", b" ")
    if folded.isascii():
        return folded.decode("ascii").split("\n")
    _note(headers, "eight_bit_header")
    return [line.decode("ascii") if line.isascii() else guessed(line) for line in folded.split(b"\n")]


def _fill(headers: Headers, lines: list[str]) -> bool:
    """Take the fields in; False where a line is no field."""
    fields, keys = headers.fields, _KEYS
    for line in lines:
        name, colon, value = line.partition(":")
        key = keys.get(name) or _key_of(name)
        if not key or not colon:
            if line.strip() or fields:
                return False
        elif key in fields:
            fields[key].append(value)
        else:
            fields[key] = [value]
    if len(lines) > MAX_FIELDS:
        _note(headers, "too_many_headers")
    return True


_KEYS: dict[str, str] = {}
"""Keys of field names met before; names repeat from message to message. Bounded: hostile mail may invent names."""
_MAX_KEYS = 4_096


def _key_of(name: str) -> str:
    """The field name in lower case; "" where it is none. A blank before the colon was allowed once (RFC 822)."""
    key = name.rstrip(" \t").lower()
    if not _NAME.fullmatch(key):
        return ""
    if len(_KEYS) < _MAX_KEYS and len(name) < 80:
        _KEYS[name] = key
    return key


def _good_lines(block: bytes, line_end: bytes, headers: Headers) -> tuple[bytes, int | None]:
    """(the lines that are fields or their continuation, where the body begins before the block's end or None).

    A line that is no field is passed over where another field follows it at once; otherwise the body begins there.
    """
    lines = block.split(line_end)
    good: list[bytes] = []
    offset = 0
    for position, line in enumerate(lines):
        if (good and line[:1] in (b" ", b"\t")) or _FIELD.match(line):
            good.append(line)
        elif position + 1 < len(lines) and good and _FIELD.match(lines[position + 1]):
            _note(headers, "malformed_header_line")
        else:
            if good:
                _note(headers, "missing_separator")
            return line_end.join(good), offset
        offset += len(line) + len(line_end)
    return line_end.join(good), None


def _note(headers: Headers, code: str) -> None:
    if code not in ("eight_bit_header",):
        headers.is_regular = False
    if code not in headers.problems:
        headers.problems.append(code)
