"""The parts of a multipart as slices of its own bytes: what lies inside is taken as it stands, never written anew."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from capstone.domain.facts.headers import Headers, read_headers
from capstone.domain.facts.parts import MESSAGE_TYPES, Part, part_of
from capstone.domain.facts.transfer import transfer_decoded

MAX_DEPTH, MAX_PARTS = 8, 1_000
"""Deeper or more parts than any journal has: the rest is left in the report, which is kept whole."""

_LF = 10


@dataclass(frozen=True, slots=True)
class Leaf:
    """A part that is no multipart."""

    part: Part
    raw: bytes = field(repr=False)
    start: int
    end: int

    @property
    def is_message(self) -> bool:
        """Whether the body is a message."""
        return self.part.content_type in MESSAGE_TYPES

    def body(self, most: int | None = None) -> bytes:
        """Decoded; exactly as it stands where it was not encoded. With `most`: of so many of its bytes."""
        end = self.end if most is None else min(self.end, self.start + most)
        return transfer_decoded(self.raw[self.start : end], self.part.encoding)[0]


def leaves_of(raw: bytes, headers: Headers) -> list[Leaf]:
    """The parts of a message with that header, in reading order; none where it is no multipart. Never raises."""
    top = part_of(headers, "", "text/plain")
    if not top.content_type.startswith("multipart/"):
        return []
    found: list[Leaf] = []
    waiting = [_Inside(top, headers.body_start, len(raw), 0)]
    while waiting and len(found) < MAX_PARTS:
        inside = waiting.pop()
        boundary = inside.part.params.get("boundary")
        if inside.part.content_type.startswith("multipart/") and boundary and inside.depth < MAX_DEPTH:
            slices = islice(_slices(raw, boundary, inside.start, inside.end), MAX_PARTS)
            waiting.extend(reversed([_opened(raw, start, end, inside) for start, end in slices]))
        else:
            found.append(Leaf(inside.part, raw, inside.start, inside.end))
    return found


@dataclass(frozen=True, slots=True)
class _Inside:
    """A part whose body lies from `start` to `end`."""

    part: Part
    start: int
    end: int
    depth: int


def _opened(raw: bytes, start: int, end: int, parent: _Inside) -> _Inside:
    """The part whose header begins at `start`."""
    default = "message/rfc822" if parent.part.content_type == "multipart/digest" else "text/plain"
    if raw.startswith((b"\n", b"\r\n"), start, end):  # no header at all
        return _Inside(part_of(Headers(), "", default), start + (1 if raw[start] == _LF else 2), end, parent.depth + 1)
    headers = read_headers(raw[start:end])
    return _Inside(part_of(headers, "", default), start + headers.body_start, end, parent.depth + 1)


def _slices(raw: bytes, boundary: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Where the parts between the boundary's lines begin and end. The line end before such a line belongs to that line.

    Without a closing line the last part goes on to the end.
    """
    mark = b"--" + boundary.encode("utf-8", "replace")
    begins: int | None = None
    position = start
    while (position := raw.find(mark, position, end)) >= 0:
        # Only what begins a line is looked at to its end: a mark repeated within one line costs no more than its length.
        if position == start or raw[position - 1] == _LF:
            line_end = raw.find(b"\n", position, end)
            rest = raw[position + len(mark) : line_end if line_end >= 0 else end].rstrip(b" \t\r")
            if rest in (b"", b"--"):
                if begins is not None:
                    yield begins, max(begins, _before_line_end(raw, position))
                if rest or line_end < 0:
                    return
                begins = line_end + 1
        position += len(mark)
    if begins is not None:
        yield begins, end


def _before_line_end(raw: bytes, position: int) -> int:
    return position - 2 if raw[position - 2 : position] == b"\r\n" else position - 1
