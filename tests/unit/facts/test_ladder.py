"""Which rung reads what, and that the rungs agree."""

from __future__ import annotations

import base64
from time import process_time

import pytest

from capstone.domain.facts import read_facts
from capstone.domain.facts.ladder import _failure, _take_header_only, read_parts
from capstone.domain.facts.parts import MAX_PARTS
from tests.unit.facts.messages import attached, message, multipart

_BROKEN = "Content-Type: application/pdf\nContent-Transfer-Encoding: base64\n\nJVBERg*"


def _leaves(raw: bytes) -> list[tuple[str, bytes]]:
    return [(part.number, part.content.rstrip(b"\r\n")) for part in read_parts(raw).parts if part.is_leaf]


def test_sound_mail_is_read_by_the_fast_parser() -> None:
    assert read_facts(multipart("\nHello.", attached(b"x", "a.bin"))).parser == "fast"


@pytest.mark.parametrize(
    "raw",
    [
        multipart("\nHello.", _BROKEN),
        multipart("Content-Transfer-Encoding: base64 \n\nSGVsbG8=", "\nx"),
        multipart("Content-Type: text/plain\nlost without an empty line", "\nx"),
        multipart("x-lost words", "\nx"),
        multipart("Content-Type: text/csv\nContent-Transfer-Encoding: quoted-printable\n\na=0D\nb\n", "\nx"),
        message("Hello.", Content_Type="multipart/mixed"),
        multipart("Content-Type: message/global\n\n" + message().decode(), "\nx"),
        multipart("Content-Type: message/rfc822\n\nno field\nat all", "\nx"),
        multipart("Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n!!!!", "\nx"),
    ],
)
def test_what_the_fast_parser_refuses_or_may_lose_is_read_by_the_second(raw: bytes) -> None:
    assert read_facts(raw).parser == "compat32"


def test_the_second_rung_decodes_what_it_can() -> None:
    assert _leaves(multipart("\nHello.", _BROKEN)) == [("1", b"Hello."), ("2", b"%PDF")]
    assert _leaves(multipart("Content-Transfer-Encoding: base64 \n\nSGVsbG8=", "\nx"))[0] == ("1", b"Hello")
    assert ("1", b"lost without an empty line") in _leaves(
        multipart("Content-Type: text/plain\nlost without an empty line", "\nx")
    )


def test_the_second_rung_reads_messages_and_reports_inside() -> None:
    inner = base64.encodebytes(message("Inner.")).decode()
    parts = (
        "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n" + inner,
        "Content-Type: message/rfc822\n\n" + multipart("\nDeep.", "\nx").decode().replace("b", "c"),
        "Content-Type: message/delivery-status\n\nReporting-MTA: dns; a.example\n\nAction: failed\n",
    )
    facts = read_facts(multipart(*parts, _BROKEN))
    assert facts.parser == "compat32"
    assert [nested.part for nested in facts.nested] == ["1", "2"]
    assert facts.nested[0].body_text == "Inner."
    status = next(part for part in read_parts(multipart(*parts, _BROKEN)).parts if part.content_type == "message/delivery-status")
    assert status.content.split() == b"Reporting-MTA: dns; a.example Action: failed".split()


def test_eight_bit_parts_are_the_same_on_both_rungs() -> None:
    part = 'Content-Type: text/plain; charset=utf-8; name="é.txt"\nContent-Disposition: attachment\n\né'
    fast, compat = read_facts(multipart("\nx", part)), read_facts(multipart("\nx", part, _BROKEN))
    assert (fast.parser, compat.parser) == ("fast", "compat32")
    assert [(a.name, a.digest) for a in fast.attachments] == [(a.name, a.digest) for a in compat.attachments[:1]]


def test_quoted_printable_files_keep_the_line_ends_of_the_message() -> None:
    part = "Content-Type: text/csv\nContent-Transfer-Encoding: quoted-printable\n\na=3D\nb\nc"
    assert _leaves(multipart(part, "\nx"))[0] == ("1", b"a=\nb\nc")
    assert _leaves(multipart(part, "\nx").replace(b"\n", b"\r\n"))[0] == ("1", b"a=\r\nb\r\nc")


def test_parts_of_a_message_inside_are_numbered_alike_on_both_rungs() -> None:
    inner = "Content-Type: message/rfc822\n\n" + multipart("\nOne.", "\nTwo.").decode().replace("--b", "--c").replace(
        '"b"', '"c"'
    )
    fast, compat = read_parts(multipart(inner, "\nx")), read_parts(multipart(inner, "\nx", _BROKEN))
    assert (fast.parser, compat.parser) == ("fast", "compat32")
    numbers = [part.number for part in fast.parts]
    assert [part.number for part in compat.parts][: len(numbers)] == numbers
    assert "1.2" in numbers


def test_a_part_that_is_empty_for_certain_stays_with_the_fast_parser() -> None:
    raw = message(b"--b\n\nHello.\n--b\n\n--b--\n", Content_Type="multipart/mixed; boundary=b")
    assert read_facts(raw).parser == "fast"


def test_where_the_second_rung_finds_less_the_first_stands() -> None:
    """A folded boundary is found by the fast parser alone; its empty part may then be what it seems."""
    body = b"--a b\nContent-Type: text/plain\n\n\n--a b\n\nHello.\n--a b--\n"
    facts = read_facts(message(body, Content_Type='multipart/mixed; boundary="a\n b"'))
    assert (facts.parser, facts.body_text.strip()) == ("fast", "Hello.")


def test_the_parts_of_a_digest_are_messages() -> None:
    facts = read_facts(multipart("\n" + message().decode(), "\n" + message().decode(), kind="digest"))
    assert [nested.part for nested in facts.nested] == ["1", "2"]
    facts = read_facts(multipart("\n" + message().decode(), "Content-Type: text/plain\n\nx", _BROKEN, kind="digest"))
    assert (facts.parser, [nested.part for nested in facts.nested]) == ("compat32", ["1"])


def test_an_irregular_header_does_not_hide_the_parts() -> None:
    raw = multipart("\nHello.", attached(b"x", "a.bin")).replace(b"To:", b"no field here\nTo:")
    assert [a.name for a in read_facts(raw).attachments] == ["a.bin"]
    assert read_facts(b"From x\n" + raw).body_text == "Hello."


def test_an_odd_or_missing_type_is_text() -> None:
    for kind in ("text", "nonsense", "a/b/c", ""):
        assert read_facts(message(Content_Type=kind)).body_text == "Hello."


def test_the_rest_is_counted_where_only_the_header_was_read() -> None:
    deep = b"".join(b"Content-Type: message/rfc822\n\n" for _ in range(5_000))
    facts = read_facts(b"Subject: Deep\n" + deep + b"Subject: x\n\nHello.")
    assert (facts.parser, facts.subject) == ("headers", "Deep")
    assert [problem.detail.endswith("bytes unread") for problem in facts.problems if problem.code == "nested_too_deep"] == [True]


def test_depth_between_the_limits_is_cut_and_still_counts_for_the_content_key() -> None:
    nested = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (level, level) for level in range(150))
    keys = {read_facts(nested + b"\n" + words).content_key for words in (b"One.", b"Two.")}
    facts = read_facts(nested + b"\nOne.")
    assert (facts.parser, "nested_too_deep" in {problem.code for problem in facts.problems}, len(keys)) == ("compat32", True, 2)


def test_a_message_that_no_parser_could_read_keeps_its_header_facts() -> None:
    raw = multipart("\nHello.")
    reading = read_parts(raw)
    _take_header_only(reading, raw, ValueError())
    assert (reading.parser, reading.headers.first("subject"), reading.problems[-1][0]) == ("headers", "Test", "not_parsed")


class PanicException(BaseException):
    """As the binding of native code names it."""


@pytest.mark.parametrize("failure", [ValueError(), MemoryError(), PanicException()])
def test_whatever_a_parser_throws_the_next_rung_is_tried(failure: BaseException) -> None:
    def rung(raw: bytes, reading: object) -> None:
        raise failure

    reading = read_parts(message())
    assert _failure(reading, b"", rung) is failure


def test_a_stop_from_outside_is_not_swallowed() -> None:
    def rung(raw: bytes, reading: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _failure(read_parts(message()), b"", rung)


def test_parts_beyond_the_limit_are_cut_on_the_second_rung_too() -> None:
    raw = multipart(*["\nHello."] * (MAX_PARTS + 1), _BROKEN)
    facts = read_facts(raw.replace(b"--b\n", b"--b\nContent-Transfer-Encoding: base64 \n", 1))
    assert facts.parser == "compat32"
    assert "parts_cut_off" in {problem.code for problem in facts.problems}


@pytest.mark.parametrize(
    "raw",
    [
        multipart(*["\n"] * 5_000, "\n" + "x" * 2_000_000),
        multipart(*["Content-Transfer-Encoding: quoted-printable\n\na=3D\nb"] * 5_000, "\n" + "x" * 2_000_000),
    ],
)
def test_very_many_parts_take_linear_time(raw: bytes) -> None:
    began = process_time()
    assert len(read_facts(raw).body_text) >= 2_000_000
    assert process_time() - began < 10
