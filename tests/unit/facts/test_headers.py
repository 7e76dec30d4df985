"""Header blocks: where they end, what they hold, how they are decoded."""

from __future__ import annotations

import pytest

from capstone.domain.facts import capture_facts, read_facts
from capstone.domain.facts.headers import read_headers
from tests.unit.facts.messages import message, multipart


def test_folded_lines_are_one_value() -> None:
    assert read_facts(message(Subject="A long\n subject\n\tin lines")).subject == "A long subject in lines"


def test_values_of_a_repeated_field_keep_their_order() -> None:
    assert read_headers(b"Received: one\nReceived: two\n\n").all("received") == ["one", "two"]


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r", b"\r\r\n"])
def test_every_line_end_gives_header_and_body(line_end: bytes) -> None:
    facts = read_facts(message("One.\nTwo.\n").replace(b"\n", line_end))
    assert (facts.subject, facts.from_[0].address) == ("Test", "ann@agency.example")
    assert [line for line in facts.body_text.split("\n") if line] == ["One.", "Two."]


def test_a_header_without_body_is_a_message() -> None:
    assert read_facts(b"Subject: Test").subject == "Test"
    assert read_facts(b"Subject: Test\rTo: bob@agency.example").to[0].address == "bob@agency.example"


def test_an_empty_line_first_with_text_behind_is_a_body() -> None:
    assert read_headers(b"\r\n\r\nText").problems == ["leading_blank_line", "no_header"]
    assert read_facts(b"\nText of it.\n").body_text == "Text of it."


def test_a_from_line_alone_is_no_header() -> None:
    assert "no_header" in read_headers(b"From ann").problems
    assert read_headers(b"From ann\n\nText").body_start == 10


def test_a_blank_before_the_colon_was_allowed_once() -> None:
    assert read_headers(b"Subject : Test\n\n").first("subject") == "Test"


def test_bytes_above_127_are_utf8_else_windows_1252() -> None:
    assert read_facts(message(Subject="x").replace(b"x", "é".encode(), 1)).subject != ""
    assert read_headers("Subject: é\n\n".encode()).first("subject") == "é"
    assert read_headers("Subject: é\n\n".encode("cp1252")).first("subject") == "é"


def test_names_of_fields_are_remembered_only_up_to_a_bound() -> None:
    block = b"".join(b"X-Odd-%d: y\n" % number for number in range(6_000))
    assert len(read_headers(block + b"\n").fields) == 6_000
    assert read_headers(b"X-" + b"y" * 100 + b": z\n\n").first("x-" + "y" * 100) == "z"


@pytest.mark.parametrize("after", [b"", b"\r\n", b"From ann Mon Jan  1 10:00:00 2024\n"])
def test_a_byte_order_mark_hides_no_header(after: bytes) -> None:
    raw = b"\xef\xbb\xbf" + after + multipart("Content-Type: text/plain\n\nWords.\n")
    facts = read_facts(raw)
    assert (facts.date is not None, facts.subject, facts.body_text) == (True, "Test", "Words.")
    assert "leading_byte_order_mark" in {problem.code for problem in facts.problems}
    assert capture_facts(raw).header_date == facts.date
