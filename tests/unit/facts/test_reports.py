"""Receipts, delivery reports and returned mail name the message that they are about (RFC 6522, RFC 8098)."""

from __future__ import annotations

import pytest

from capstone.domain.facts import read_facts
from capstone.domain.facts.compat_parts import fill_compat
from capstone.domain.facts.ladder import Reading, read_parts
from capstone.domain.facts.parts import part_of
from capstone.domain.facts.reports import reported_message
from tests.unit.facts.messages import attached, message, multipart

_TEXT = "Content-Type: text/plain\n\nYour message to Ben <other@agency.example> could not be delivered."
_STATUS = "Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx\n\nFinal-Recipient: rfc822; a@b\nAction: failed\n"
_READ = "Content-Type: message/disposition-notification\n\nFinal-Recipient: rfc822; ada@agency.example\n"
_ORIGINAL = message("Hello, <within@agency.example>.\n", Message_ID="<original@agency.example>").decode()
_HEADER = _ORIGINAL.partition("\n\n")[0]


def _of_message(*parts: str, **fields: str) -> str | None:
    return read_facts(multipart(*parts, kind="report", **fields)).of_message


def test_a_non_delivery_report_as_exchange_writes_it_is_about_the_message_that_it_returns() -> None:
    shown = f"Content-Type: multipart/alternative; differences=Content-Type; boundary=c\n\n--c\n{_TEXT}\n--c--"
    raw = multipart(
        shown, _STATUS, f"Content-Type: message/rfc822\n\n{_ORIGINAL}", kind='report; report-type=delivery-status',
        X_MS_Exchange_Message_Is_Ndr="", In_Reply_To="<original@agency.example>",
    )  # fmt: skip
    assert read_facts(raw).of_message == "original@agency.example"


@pytest.mark.parametrize(
    "kind", ["message/rfc822", "message/global", "text/rfc822-headers", "text/rfc822-header", "message/global-headers"]
)
def test_a_report_is_about_the_message_or_the_header_that_it_returns(kind: str) -> None:
    returned = _ORIGINAL if kind in ("message/rfc822", "message/global") else _HEADER
    assert _of_message(_TEXT, _STATUS, f"Content-Type: {kind}\n\n{returned}") == "original@agency.example"


@pytest.mark.parametrize("kind", ["message/disposition-notification", "message/global-disposition-notification"])
def test_a_receipt_is_about_the_message_that_it_names(kind: str) -> None:
    named = f"Content-Type: {kind}\n\nFinal-Recipient: rfc822; a@b\nOriginal-Message-ID:\n <original@agency.example>\n"
    assert _of_message(_TEXT, named) == "original@agency.example"


def test_what_a_receipt_names_counts_before_what_it_returns_and_that_before_what_it_answers() -> None:
    named, returned = _READ + "Original-Message-ID: <named@agency.example>\n", f"Content-Type: message/rfc822\n\n{_ORIGINAL}"
    answered = "<answered@agency.example>"
    assert _of_message(returned, named, In_Reply_To=answered) == "named@agency.example"
    assert _of_message(returned, _READ, In_Reply_To=answered) == "original@agency.example"
    assert _of_message(_TEXT, _READ, _STATUS, In_Reply_To=answered) == "answered@agency.example"


def test_a_header_in_base64_is_read() -> None:
    assert _of_message(_TEXT, _STATUS, attached(_HEADER.encode(), "", "text/rfc822-headers")) == "original@agency.example"


@pytest.mark.parametrize("value", ["", "<>", "none at all <", "<" + "a" * 1_000 + ">"])
def test_what_is_no_identifier_names_no_message(value: str) -> None:
    answered = {"In_Reply_To": value} if "none" in value else {}
    named = "" if answered else f"Original-Message-ID: {value}\n"
    assert _of_message(_TEXT, _READ + named, **answered) is None


def test_mail_that_is_no_report_is_about_no_message() -> None:
    forwarded = multipart(_TEXT, f"Content-Type: message/rfc822\n\n{_ORIGINAL}", In_Reply_To="<answered@agency.example>")
    assert read_facts(forwarded).of_message is None
    report = multipart(_TEXT, f"Content-Type: message/rfc822\n\n{_ORIGINAL}", kind="report")
    assert read_facts(multipart(_TEXT, b"Content-Type: message/rfc822\n\n" + report)).of_message is None
    assert read_facts(message(Content_Type="multipart/report; boundary=b")).of_message is None


def test_no_more_than_twenty_parts_are_looked_at() -> None:
    assert _of_message(*[_TEXT] * 20, f"Content-Type: message/rfc822\n\n{_ORIGINAL}") is None


@pytest.mark.parametrize(
    "part", [_READ + "Original-Message-ID: <original@agency.example>\n", f"Content-Type: text/rfc822-headers\n\n{_HEADER}"]
)
def test_both_parsers_give_the_same(part: str) -> None:
    raw = multipart(_TEXT, part, kind="report")
    fast = read_parts(raw)
    slow = Reading(fast.headers, part_of(fast.headers, "", "text/plain"), "compat32")
    fill_compat(slow.root, raw, [])
    assert fast.parser == "fast"
    assert reported_message(fast) == reported_message(slow) == "original@agency.example"
