"""No byte of an MBOX is lost or doubled, whatever it holds."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from capstone.domain.from_line import date_of, ends_in_date
from capstone.domain.mbox import Slice, slices

LINE = re.compile(rb"[^\r\n]*(?:\r{0,2}\n|\r|\Z)")
PIECES = st.sampled_from(
    [
        b"\n",
        b"\r",
        b"\r\n",
        b"\n\n",
        b"\r\n\r\n",
        b"From ",
        b"From a Thu Jan  2 10:00:00 2020",
        b"From a Thu Jan 2 10:00 EST 99",
        b"A: b",
        b">From a",
        b"From b",
        b"\xef\xbb\xbf",
        b"\x00\xff",
        b"text",
        b" ",
    ]
)
FILES = (
    st.lists(PIECES | st.binary(max_size=6), max_size=40)
    .map(b"".join)
    .flatmap(lambda rest: st.sampled_from([b"From a Thu Jan  2 10:00:00 2020\n" + rest, b"From \r\n" + rest, rest]))
)


def cut(raw: bytes, window_bytes: int) -> list[Slice]:
    return list(slices(lambda at, length: raw[at : at + length], len(raw), window_bytes))


def lines_of(raw: bytes) -> list[bytes]:
    return [line for line in LINE.findall(raw) if line]


def separators_line_by_line(raw: bytes) -> list[int]:
    """The rule once more, in the plainest way: read line by line, look one line back."""
    lead = re.match(rb"(?:\xef\xbb\xbf)?[\r\n]{0,64}(?=From )", raw)
    if lead is None:
        return []
    found, at, may_begin = [0], lead.end(), True
    for number, line in enumerate(lines_of(raw[lead.end() :])):
        text = line.rstrip(b"\r\n")
        is_separator = number == 0 or (may_begin and text.startswith(b"From ") and ends_in_date(text))
        if is_separator and number:
            found.append(at)
        may_begin = is_separator or not text
        at += len(line)
    return found


@given(FILES, st.integers(1, 300))
def test_the_slices_are_the_whole_file(raw: bytes, window_bytes: int) -> None:
    pieces = cut(raw, window_bytes)
    parts = [
        part
        for piece in pieces
        for part in (
            raw[piece.separator_at : piece.record_at],
            raw[piece.record_at : piece.record_end],
            raw[piece.record_end : piece.next_at],
        )
    ]
    assert b"".join(parts) == (raw if pieces else b"")
    assert [piece.separator_at for piece in pieces[1:]] == [piece.next_at for piece in pieces[:-1]]
    for piece in pieces:
        assert piece.separator_at < piece.record_at <= piece.record_end <= piece.next_at
        assert raw[piece.record_end : piece.next_at] in (b"", b"\n", b"\r", b"\r\n", b"\r\r\n")


@given(FILES, st.integers(1, 300))
def test_the_cuts_are_where_reading_line_by_line_finds_them(raw: bytes, window_bytes: int) -> None:
    assert [piece.separator_at for piece in cut(raw, window_bytes)] == separators_line_by_line(raw)


@given(FILES)
def test_what_is_taken_away_is_the_empty_last_line_of_the_record(raw: bytes) -> None:
    for piece in cut(raw, 1 << 20):
        body = lines_of(raw[piece.record_at : piece.next_at])
        expected = len(body[-1]) if body and not body[-1].strip(b"\r\n") else 0
        assert piece.next_at - piece.record_end == expected


@given(st.binary(max_size=200))
def test_the_date_of_a_line_never_raises(line: bytes) -> None:
    assert date_of(line) is None or ends_in_date(line)
