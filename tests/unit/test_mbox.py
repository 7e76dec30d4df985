"""Where an MBOX is cut, and what dates its separators may end in."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from capstone.domain.from_line import date_of, ends_in_date
from capstone.domain.mbox import Slice, can_be_cut, slices

SEP = b"From ada@agency.example Thu Jan  2 10:00:00 2020\n"


def cut(raw: bytes, window_bytes: int = 1 << 20) -> list[Slice]:
    return list(slices(lambda at, length: raw[at : at + length], len(raw), window_bytes))


def records(raw: bytes, window_bytes: int = 1 << 20) -> list[bytes]:
    return [raw[piece.record_at : piece.record_end] for piece in cut(raw, window_bytes)]


def is_cuttable(raw: bytes) -> bool:
    return can_be_cut(lambda at, length: raw[at : at + length], len(raw))


def test_the_record_is_the_bytes_after_the_separator_less_one_empty_line() -> None:
    assert records(SEP + b"A: 1\n\none\n\n" + SEP + b"A: 2\n\ntwo\n\n") == [b"A: 1\n\none\n", b"A: 2\n\ntwo\n"]


def test_only_one_empty_line_is_taken() -> None:
    assert records(SEP + b"A: 1\n\none\n\n\n\n" + SEP + b"A: 2\n\n") == [b"A: 1\n\none\n\n\n", b"A: 2\n"]


def test_a_file_that_was_cut_short_gives_its_last_message_as_it_is() -> None:
    assert records(SEP + b"A: 1\n\none\n\n" + SEP + b"A: 2\n\nhal") == [b"A: 1\n\none\n", b"A: 2\n\nhal"]
    assert records(SEP + b"A: 1\n\none\n") == [b"A: 1\n\none\n"]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r", b"\r\r\n"])
def test_every_kind_of_line_end_is_cut_alike(end: bytes) -> None:
    raw = (SEP + b"A: 1\n\none\nFrom me\n\n" + SEP + b"A: 2\n\ntwo\n\n").replace(b"\n", end)
    assert records(raw) == [b"A: 1\n\none\nFrom me\n".replace(b"\n", end), b"A: 2\n\ntwo\n".replace(b"\n", end)]


def test_mixed_line_ends_are_cut() -> None:
    raw = SEP[:-1] + b"\r\nA: 1\r\n\r\none\n\r\n" + SEP + b"A: 2\n\ntwo\r\n\n" + SEP[:-1] + b"\rA: 3\r\rthree\r\r"
    assert records(raw) == [b"A: 1\r\n\r\none\n", b"A: 2\n\ntwo\r\n", b"A: 3\r\rthree\r"]


def test_quoted_lines_stay_quoted() -> None:
    raw = b"A: 1\n\n>From ada@agency.example Thu Jan  2 10:00:00 2020\n\n>>From x\n"
    assert records(SEP + raw + b"\n") == [raw]


def test_a_dated_line_that_follows_text_is_body() -> None:
    raw = b"A: 1\n\ntext\n" + SEP + b"more\n"
    assert records(SEP + raw + b"\n") == [raw]


def test_a_line_after_an_empty_line_without_a_date_is_body() -> None:
    raw = b"A: 1\n\nFrom here on: nothing.\n\nFrom 10:00 to 12:00 on Thu Jan 2\n\nFrom\n"
    assert records(SEP + raw + b"\n") == [raw]


def test_a_dated_line_that_begins_later_than_its_line_is_body() -> None:
    raw = b"A: 1\n\n " + SEP + b"\n" + b"x" + SEP
    assert records(SEP + raw + b"\n") == [raw]


def test_an_empty_message_is_a_record_of_no_bytes() -> None:
    assert records(SEP + b"\n" + SEP + b"A: 1\n\n") == [b"", b"A: 1\n"]
    assert records(SEP + SEP + b"A: 1\n\n") == [b"", b"A: 1\n"]
    assert records(SEP) == [b""]
    assert records(SEP[:-1]) == [b""]


def test_the_first_line_is_a_separator_even_without_a_date() -> None:
    raw = b"From \nList-Id: <list.agency.example>\n\nNo date\n\n"
    assert records(raw) == [b"List-Id: <list.agency.example>\n\nNo date\n"]
    assert cut(raw)[0].from_line_at is None
    assert is_cuttable(raw)


def test_undated_separators_that_seem_to_follow_an_undated_first_one_make_the_file_uncuttable() -> None:
    assert not is_cuttable(b"From ada\nA: 1\n\none\n\nFrom ben\nA: 2\n\ntwo\n\n")
    assert is_cuttable(b"From ada\nA: 1\n\none\n\nFrom ben with love\n\nA: 2\n")
    assert is_cuttable(b"From ada\nA: 1\n\none\nFrom ben\nA: 2\n\ntwo\n\n")
    assert is_cuttable(b"\n\nFrom ada\nA: 1\n\none\n\n" + SEP + b"A: 2\n")


def test_an_undated_line_in_a_dated_mbox_is_body() -> None:
    raw = SEP + b"A: 1\n\none\n\nFrom ben\nA: 2\n\ntwo\n\n"
    assert is_cuttable(raw)
    assert len(records(raw)) == 1


def test_what_stands_before_the_first_separator_belongs_to_it() -> None:
    for lead in (b"\n", b"\r\n\r\n", b"\xef\xbb\xbf"):
        [piece] = cut(lead + SEP + b"A: 1\n\none\n")
        assert (piece.separator_at, piece.record_at) == (0, len(lead + SEP))


def test_a_file_that_does_not_begin_with_a_separator_gives_nothing() -> None:
    assert records(b"A: 1\n\n" + SEP) == records(b"") == records(b"From: ada@agency.example\n\n") == []


def test_a_line_longer_than_mail_allows_is_no_separator() -> None:
    raw = b"A: 1\n\nFrom " + b"x" * 2000 + b" Thu Jan  2 10:00:00 2020\nmore\n"
    assert records(SEP + raw + b"\n") == [raw]


@pytest.mark.parametrize("window_bytes", [1, 7, 64, 1000])
def test_the_size_of_the_window_changes_nothing(window_bytes: int) -> None:
    raw = b"".join(SEP + b"A: %d\n\n" % n + b"From x\n\n" * n + b"\n" for n in range(20))
    assert cut(raw, window_bytes) == cut(raw)


@pytest.mark.parametrize(
    ("line", "date"),
    [
        (b"From a@b Thu Jan  2 10:00:00 2020", (2020, 1, 2, 10, 0, 0)),
        (b"From a@b  Thu Jan 02 10:00:00 2020  ", (2020, 1, 2, 10, 0, 0)),
        (b"From - Thu Jan 2 10:00 2020", (2020, 1, 2, 10, 0, 0)),
        (b'From "a b"@c Thu Jan  2 10:00:00 20', (2020, 1, 2, 10, 0, 0)),
        (b"From a Sat Jan  2 10:00:00 99", (1999, 1, 2, 10, 0, 0)),
        (b"From a Thu Jan  2 10:00:00 EST 2020", (2020, 1, 2, 15, 0, 0)),
        (b"From a Thu Jan  2 10:00:00 2020 PDT", (2020, 1, 2, 17, 0, 0)),
        (b"From a Thu Jan  2 10:00:00 MET DST 2020", (2020, 1, 2, 10, 0, 0)),
        (b"From 1@xxx Thu Jan 02 10:00:00 +0100 2020", (2020, 1, 2, 9, 0, 0)),
        (b"From a Thu Jan  2 10:00:00 2020 -0530 (IST)", (2020, 1, 2, 15, 30, 0)),
        (b"From uucp Thu Jan  2 10:00:00 2020 remote from relay", (2020, 1, 2, 10, 0, 0)),
        (b"From M Thu, 2 Jan 2020 10:00:00 +0900", (2020, 1, 2, 1, 0, 0)),
        (b"From M 2-Jan-2020 10:00:00 GMT", (2020, 1, 2, 10, 0, 0)),
        (b"From () 2020-01-02 10:00:00 +0000", (2020, 1, 2, 10, 0, 0)),
        (b"From x 2020-01-02T10:00:00Z", (2020, 1, 2, 10, 0, 0)),
        (b"From a Sat Dec 31 23:59:60 2016", (2016, 12, 31, 23, 59, 59)),
    ],
)
def test_the_dates_of_real_archives_are_read(line: bytes, date: tuple[int, int, int, int, int, int]) -> None:
    assert ends_in_date(line)
    assert date_of(line) == datetime(*date, tzinfo=UTC)


@pytest.mark.parametrize(
    "line", [b"From a Thu Feb 31 10:00:00 2020", b"From a Thu Jan 2 99:00:00 2020", b"From a Thu Jan 2 10:00:00 0000"]
)
def test_an_impossible_date_separates_and_is_not_read(line: bytes) -> None:
    assert ends_in_date(line)
    assert date_of(line) is None


@pytest.mark.parametrize(
    "line",
    [
        b"From ",
        b"From a",
        b"From a 2020",
        b"From a Thu Jan 2 2020",
        b"From a Jan 2 10:00:00 2020",
        b"From a Thu Jan 2 10:00:00 2020 to now on",
        b"From a@b Thu Jan 2 10:00:00",
        b"From aThu Jan 2 10:00:00 2020x",
        b"From \xff\xfe",
    ],
)
def test_a_line_without_a_date_at_its_end_has_none(line: bytes) -> None:
    assert not ends_in_date(line)
    assert date_of(line) is None
