"""Whatever the bytes, the facts come back: clean text, and the same from the short readings as from the full one."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass
from datetime import UTC
from pathlib import Path
from typing import Any

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from capstone.domain.addresses import normal_form
from capstone.domain.documents import document_of
from capstone.domain.facts import capture_facts, envelope_properties, index_facts, read_facts
from capstone.domain.facts.headers import read_headers
from capstone.domain.problems import CODES
from tests.builders import a_record
from tests.unit.facts.messages import attached, message, multipart

_BAD = Path(__file__).parents[1] / "fixtures" / "mail" / "bad"
_REAL_LOOKING = [
    message(),
    multipart("\nHello.", attached(b"%PDF-1.4 x", "a.pdf"), "Content-Type: message/rfc822\n\n" + message().decode()),
    multipart("Content-Type: text/html\n\n<p>Hi</p>", "Content-Type: text/plain; format=flowed\n\nHi \nyou", kind="alternative"),
    message("=48ello=\n", Content_Transfer_Encoding="quoted-printable", Subject="=?utf-8?q?a=C3?= =?utf-8?q?=A9?="),
    multipart("Content-Type: message/disposition-notification\n\nOriginal-Message-ID: <a@b>", "\nHello.", kind="report"),
    multipart("Content-Type: text/rfc822-headers\n\nMessage-ID: <a@b>", kind="report", Content_Class="rpmsg.message"),
    *(path.read_bytes() for path in sorted(_BAD.glob("*.eml"))),
]
_TOKENS = [
    b"\n", b"\r\n", b"\r", b"\n\n", b"--b\n", b"--b--\n",
    b"From: a@agency.example\n", b"Date: Mon, 1 Jan 2024 10:00:00 +0000\n",
    b"Content-Type: multipart/mixed; boundary=b\n", b"Content-Type: message/rfc822\n\n", b"Content-Transfer-Encoding: base64\n",
    b"Content-Type: text/plain; charset=utf-7\n", b"+2AA-", b"\x00", b"\xff\xfe", b"=?utf-8?b?4pyT?=", b"<a@b>", b"(", b"\"",
    b"x*0*=''%41",
    b"\x78\x9f\x3e\x22", b"Content-Type: application/ms-tnef\n", b"PK\x03\x04", b"<div>", b"&#0;",
]  # fmt: skip


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, tuple):
        return [text for item in value for text in _texts(item)]
    if is_dataclass(value):
        return [text for field in fields(value) for text in _texts(getattr(value, field.name))]
    return []


def _check(raw: bytes) -> None:
    facts, few = read_facts(raw), capture_facts(raw)
    assert (few.header_date, few.trace_date, few.message_id) == (facts.date, facts.trace_date, facts.message_id)
    assert (few.content_key, few.problems) == (facts.content_key, facts.problems)
    record = a_record()
    assert document_of(record, index_facts(raw), UTC) == document_of(record, facts, UTC)
    assert set(few.from_addresses) == {normal_form(mailbox.address) for mailbox in facts.from_ if mailbox.address}
    assert {problem.code for problem in facts.problems} <= set(CODES)
    assert envelope_properties(raw, "").get("of_message") in (None, facts.of_message)
    for text in _texts(facts):
        assert "\0" not in text
        text.encode("utf-8")


@given(st.binary(max_size=2_000))
@settings(max_examples=150)
def test_arbitrary_bytes_never_raise(raw: bytes) -> None:
    _check(raw)


@given(st.lists(st.sampled_from(_TOKENS), max_size=30).map(b"".join))
@settings(max_examples=200)
@example(b"Content-Type: text/plain; charset=utf-7\n\n+2AA-")
def test_pieces_of_mail_in_any_order_never_raise(raw: bytes) -> None:
    _check(raw)


@given(st.sampled_from(_REAL_LOOKING), st.data())
@settings(max_examples=200)
def test_damaged_messages_never_raise(raw: bytes, data: st.DataObject) -> None:
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(raw)))
        length = data.draw(st.integers(0, 20))
        raw = raw[:start] + data.draw(st.sampled_from(_TOKENS) | st.binary(max_size=8)) + raw[start + length :]
    _check(raw)


@given(
    st.permutations(["To: bob@agency.example", "Subject: Test", "Cc: carl@agency.example"]),
    st.sampled_from(["b", "other", "x y"]),
)
@settings(max_examples=30)
def test_header_order_and_boundaries_do_not_change_the_content_key(lines: list[str], boundary: str) -> None:
    usual = ["Cc: carl@agency.example", "Subject: Test", "To: bob@agency.example"]
    assert _key(lines, boundary) == _key(usual, "q")


_LINE_ENDS = st.text("\r\na ", max_size=20).map(str.encode)


@given(_LINE_ENDS.filter(lambda text: text[:1] not in (b"\r", b"\n")))
@settings(deadline=None)
def test_the_body_begins_behind_the_first_empty_line(text: bytes) -> None:
    raw = b"Subject: Plans\nTo: " + text
    headers, found = read_headers(raw), re.search(rb"\n\r?\n", raw)
    assume(not headers.problems)
    assert headers.body_start == (found.end() if found else len(raw))


@given(_LINE_ENDS)
@settings(deadline=None)
def test_line_ends_of_texts_do_not_change_the_content_key(text: bytes) -> None:
    with_lf = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    assert _key_of_text(text) == _key_of_text(with_lf)


def _key_of_text(text: bytes) -> str:
    return capture_facts(b"Message-ID: <a@agency.example>\n\n-" + text).content_key


def _key(lines: list[str], boundary: str) -> str:
    head = "Message-ID: <a@agency.example>\n" + "\n".join(lines)
    body = f'\nContent-Type: multipart/mixed; boundary="{boundary}"\n\n--{boundary}\n\nHello.\n--{boundary}--\n'
    return capture_facts((head + body).encode()).content_key
