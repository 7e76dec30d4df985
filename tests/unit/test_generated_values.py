"""Values of MAPI that few items have: codepages, entries of addresses, halves of characters, signatures that are none."""

from __future__ import annotations

import base64
import email
import email.policy
import struct

import pytest

from capstone.domain.facts.codepages import charset_of
from capstone.domain.facts.rtf_text import unwrapped
from capstone.domain.generated.eml import generate
from capstone.domain.generated.mapi import MapiProperty, codec_of_item, properties_of
from capstone.domain.generated.native_json import write_native
from tests.mapi_items import attachment, binary, item, number, text

ONE_OFF = bytes.fromhex("812b1fa4bea310199d6e00dd010f5402")


def entry(*texts: str, is_unicode: bool = True, provider: bytes = ONE_OFF) -> bytes:
    joined = "".join(f"{one}\0" for one in texts)
    flags = b"\x01\x90" if is_unicode else b"\x01\x10"
    return b"\0" * 4 + provider + b"\0\0" + flags + joined.encode("utf-16-le" if is_unicode else "cp1252")


def entries(*several: bytes) -> bytes:
    packed = b"".join(struct.pack("<I", len(one)) + one + b"\0" * (-len(one) % 4) for one in several)
    return struct.pack("<II", len(several), len(packed)) + packed


@pytest.mark.parametrize(
    ("codepage", "name"),
    [(None, None), (1252, "windows-1252"), (874, "windows-874"), (28592, "iso-8859-2"), (1, None), (65001, "utf-8")],
)
def test_a_codepage_has_the_name_that_mail_gives_it(codepage: int | None, name: str | None) -> None:
    assert charset_of(codepage) == name


def test_texts_of_one_byte_are_read_by_what_the_item_says_of_itself() -> None:
    assert codec_of_item(properties_of([number(0x3FFD, 1251)])) == "cp1251"
    assert codec_of_item(properties_of([number(0x3FFD, 1), number(0x3FDE, 1253)])) == "cp1253"
    assert codec_of_item(properties_of([number(0x3FFD, 1200)]), "cp1250") == "cp1250"
    assert codec_of_item(properties_of([])) == "cp1252"


@pytest.mark.parametrize(
    ("packed", "said"),
    [
        (entries(entry("Ada", "SMTP", "ada@agency.example")), "Ada <ada@agency.example>"),
        (entries(entry("Bo", "SMTP", "bo@agency.example", is_unicode=False)), "Bo <bo@agency.example>"),
        (entries(entry("Cy", "SMTP", "cy@agency.example"), b"\0" * 40), "Cy <cy@agency.example>"),
        (entries(entry("Cy", "SMTP", "cy@agency.example"))[:-9], "Someone <someone@agency.example>"),
        (entries(entry("only one text")), "Someone <someone@agency.example>"),
        (b"", "Someone <someone@agency.example>"),
    ],
)
def test_whom_to_reply_to_is_read_from_entries_and_else_from_names(packed: bytes, said: str) -> None:
    raw = generate(item(binary(0x004F, packed), text(0x0050, "Someone <someone@agency.example>")), "msg").raw
    answer = email.message_from_bytes(raw, policy=email.policy.default)["reply-to"]
    assert said.partition(" <")[0] in str(answer)


def test_a_receipt_that_was_asked_for_is_said() -> None:
    author = (text(0x0042, "Ada"), text(0x0065, "ada@agency.example"))
    message = email.message_from_bytes(generate(item(*author, number(0x0023, 1), number(0x0029, 1)), "msg").raw)
    asked = (message["Return-Receipt-To"], message["Disposition-Notification-To"])
    assert [address.replace('"', "") for address in asked] == ["Ada <ada@agency.example>"] * 2


@pytest.mark.parametrize("data", [b"\x00 no header", b"Content-Type: text/plain\r\n\r\nHi\r\n"])
def test_what_is_no_signed_entity_stays_an_attachment(data: bytes) -> None:
    made = generate(item(text(0x001A, "IPM.Note.SMIME.MultipartSigned"), attachments=(attachment(data),)), "msg").raw
    [part] = [one for one in email.message_from_bytes(made).walk() if one.get_content_disposition() == "attachment"]
    assert part.get_payload(decode=True) == data


@pytest.mark.parametrize(
    ("rtf", "said"),
    [
        (rb"{\rtf1\uc1 \u26085\~x}", "日x"),
        (rb"{\rtf1 a{\fonttbl \~}b}", "ab"),
        (rb"{\rtf1\uc2 \u26085{\~}x}", "日\xa0x"),
    ],
)
def test_what_stands_for_a_character_in_old_readers_is_passed_over(rtf: bytes, said: str) -> None:
    assert unwrapped(rtf)[1] == said


def test_lines_before_the_first_field_of_a_header_belong_to_none() -> None:
    raw = generate(item(text(0x007D, "  left over\r\nSubject: Hello\r\n \r\nX-More: 1\r\n")), "msg").raw
    message = email.message_from_bytes(raw)
    assert (message["Subject"], message["X-More"]) == ("Hello", "1")


NO_TIME = MapiProperty(0x0039, 0x40, (b"\xff" * 8,))
"""Beyond every calendar."""


def test_a_time_beyond_every_calendar_is_none_and_its_bytes_are_kept() -> None:
    made = generate(item(NO_TIME), "pst")
    assert email.message_from_bytes(made.raw)["Date"] is None
    assert base64.b64encode(b"\xff" * 8) in write_native(item(NO_TIME), of="0" * 64, carried=frozenset())


def test_html_that_is_kept_as_text_is_the_html_of_the_message() -> None:
    message = email.message_from_bytes(generate(item(text(0x1013, "<p>Größe</p>")), "msg").raw, policy=email.policy.default)
    [body] = [part for part in message.walk() if part.get_content_type() == "text/html"]
    assert body.get_content().strip() == "<p>Größe</p>"
