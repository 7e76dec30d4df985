"""Where an MBOX is cut into records (design.md 5). Nothing is unquoted: the bytes between the cuts are the records.

A separator is a line that begins with `From `, stands at the start of the file, after an empty line or directly after another
separator, and ends in a date. The first line of an MBOX is a separator even when its date is missing. Lines end in LF,
CRLF, CR, or the CR CR LF of files that were converted twice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from capstone.domain.from_line import date_of, ends_in_date

ReadAt = Callable[[int, int], bytes]
"""Gives the bytes from an offset on, as many as asked for; fewer only at the end of the file."""

LEAD = rb"(?:\xef\xbb\xbf)?[\r\n]{0,64}"
"""What may stand before the first line: a byte order mark, empty lines."""

HEADER_LINE = re.compile(rb"[A-Za-z0-9][A-Za-z0-9_.-]*[ \t]*:(?!//)")
"""The start of a header line as mail has it; narrower than RFC 5322 so that JSON, XML and URLs do not look like mail."""

HEAD_BYTES = 4096
"""How many first bytes say what a file is: room for a byte order mark, empty lines and one separator."""

_LINE_MAX = 998
"""RFC 5322 2.1.1; a longer line is no separator. It bounds what one line can cost."""
_NAME_MAX = 80
_LOOK_AHEAD = _LINE_MAX + 2 * _NAME_MAX
_LOOK_BACK = 8
_WINDOW = 1 << 20
_LINE_END = rb"(?:\r{0,2}\n|\r|\Z)"
_FIRST_LINE = re.compile(LEAD + rb"(From [^\r\n]{0,%d})" % _LINE_MAX + _LINE_END)
_LINE = re.compile(rb"(From [^\r\n]{0,%d})" % _LINE_MAX + _LINE_END)
_LINE_STARTS = {line_end: re.compile(line_end + b"From ") for line_end in (b"\n", b"\r")}
# Each form of a line end, after a byte that ends a line.
_AFTER_EMPTY_LINE = re.compile(rb"(?<=\n\n)|(?<=\n\r\n)|(?<=\n\r\r\n)|(?<=\r\r\r\n)|(?<=\n\r)|(?<=\r\r)")


@dataclass(frozen=True, slots=True)
class Slice:
    """One record of an MBOX, as offsets in bytes. The slices of a file touch: together they are the whole file."""

    separator_at: int
    """Where the separator begins; 0 for the first (a byte order mark or empty lines before it belong to it)."""
    record_at: int
    record_end: int
    """The record is the bytes from `record_at` up to here; none for an empty message."""
    next_at: int
    """The next separator, or the end of the file. From `record_end` up to here: one empty line, or nothing."""
    from_line_at: datetime | None
    """The date of the separator, aware (UTC where the line names no zone); None where it is missing or impossible."""


@dataclass(frozen=True, slots=True)
class _Separator:
    at: int
    end: int
    line: bytes
    empty_line: int = 0
    """The length of the empty line before it, which belongs to neither record."""


def slices(read_at: ReadAt, size: int, window_bytes: int = _WINDOW) -> Iterator[Slice]:
    """Cut a file of `size` bytes that begins with a `From ` line, in order; nothing for other files. Memory: a few windows."""
    opened: _Separator | None = None
    for separator in _separators(read_at, size, window_bytes):
        if opened:
            yield _slice(opened, separator.at, separator.empty_line)
        opened = separator
    if opened:
        yield _slice(opened, size, _last_empty_line(read_at, opened.end, size))


def first_line(head: bytes) -> bytes | None:
    """The `From ` line that a file begins with; None where it begins otherwise."""
    match = _FIRST_LINE.match(head)
    return match[1] if match else None


def can_be_cut(read_at: ReadAt, size: int, window_bytes: int = _WINDOW) -> bool:
    """Whether the cuts can be trusted. Not where the first separator has no date and others without one seem to follow."""
    first = _first_separator(read_at)
    if first is None or ends_in_date(first.line):
        return True
    for start, chunk, i in _line_starts(read_at, size, window_bytes):
        line = _LINE.match(chunk, i)
        is_placed = start + i == first.end or (start + i > first.end and _AFTER_EMPTY_LINE.match(chunk, i))
        if line and is_placed and HEADER_LINE.match(chunk, line.end()) and not ends_in_date(line[1]):
            return False
    return True


def _separators(read_at: ReadAt, size: int, window_bytes: int) -> Iterator[_Separator]:
    last = _first_separator(read_at)
    if last is None:
        return
    yield last
    for start, chunk, i in _line_starts(read_at, size, window_bytes):
        at = start + i
        if at != last.end and (at < last.end or not _AFTER_EMPTY_LINE.match(chunk, i)):
            continue
        line = _LINE.match(chunk, i)
        if line and ends_in_date(line[1]):
            empty_line = _line_end_length(chunk[max(0, i - _LOOK_BACK) : i]) if at != last.end else 0
            last = _Separator(at, start + line.end(), line[1], empty_line)
            yield last


def _first_separator(read_at: ReadAt) -> _Separator | None:
    match = _FIRST_LINE.match(read_at(0, HEAD_BYTES))
    return _Separator(0, match.end(), match[1]) if match else None


def _line_starts(read_at: ReadAt, size: int, window_bytes: int) -> Iterator[tuple[int, bytes, int]]:
    """Every line that begins with `From ` but the first: (offset of a chunk, chunk, index in it), with room to look around."""
    for base in range(0, size, window_bytes):
        start = max(0, base - _LOOK_BACK)
        first, last = base - start, base - start + window_bytes
        chunk = read_at(start, last + _LOOK_AHEAD)
        patterns = [pattern for line_end, pattern in _LINE_STARTS.items() if line_end in chunk]
        found = [match.start() + 1 for pattern in patterns for match in pattern.finditer(chunk, 0, last + len(b"From "))]
        for i in sorted(found):
            if first <= i < last:
                yield start, chunk, i


def _slice(separator: _Separator, next_at: int, empty_line: int) -> Slice:
    return Slice(separator.at, separator.end, next_at - empty_line, next_at, date_of(separator.line))


def _last_empty_line(read_at: ReadAt, record_at: int, size: int) -> int:
    """The length of the empty line that the last record ends with, else 0."""
    seen = min(size - record_at, _LOOK_BACK)
    tail = read_at(size - seen, seen)
    before = tail[: len(tail) - _line_end_length(tail)]
    is_empty_line = before.endswith((b"\n", b"\r")) if before else seen == size - record_at
    return len(tail) - len(before) if is_empty_line else 0


def _line_end_length(tail: bytes) -> int:
    """The length of the line end that bytes end with, else 0."""
    return next((len(end) for end in (b"\r\r\n", b"\r\n", b"\n", b"\r") if tail.endswith(end)), 0)
