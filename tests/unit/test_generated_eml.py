"""The header generated from a MAPI item: who, when and what are what the properties say, and all of it is ASCII."""

from __future__ import annotations

import email
import email.policy
from datetime import UTC, datetime

import pytest

from capstone.domain.facts.read import read_facts
from capstone.domain.generated.eml import VERSION, generate
from capstone.domain.generated.mapi import MapiAttachment, MapiProperty, properties_of
from tests.mapi_items import binary, filetime, item, number, recipient, several, text
from tests.unit.letters import LETTER, LINES, SENT, parsed


def test_a_sent_item_without_transport_header_is_made_from_its_properties() -> None:
    message = parsed(
        item(
            *LETTER,
            recipients=(
                recipient("Ben", "ben@agency.example"),
                recipient("", "cy@agency.example", 2),
                recipient("Di", "di@agency.example", 3),
            ),
        )
    )
    assert message["subject"] == "Budget for 2021"
    assert message["from"] == "Ada Example <ada@agency.example>"
    assert (message["to"], message["cc"], message["bcc"]) == (
        "Ben <ben@agency.example>",
        "cy@agency.example",
        "Di <di@agency.example>",
    )
    assert message["date"].datetime == SENT
    assert message["message-id"] == "<1@agency.example>"
    assert message.get_content() == "Good day.\r\nAda\r\n"


def test_it_says_that_it_was_generated_by_what_and_from_what() -> None:
    raw = generate(item(*LETTER), "msg").raw
    assert raw.startswith(f'X-Capstone-Generated: {VERSION}; from=msg; class="IPM.Note"\r\n'.encode())


def test_a_sender_cannot_say_it() -> None:
    came_with = "X-Capstone-Generated: 9; from=elsewhere\r\nSubject: Forged\r\n"
    message = parsed(item(text(0x007D, came_with)))
    assert message.get_all("x-capstone-generated") == [f'{VERSION}; from=pst; class=""']
    assert message["x-was-x-capstone-generated"] == "9; from=elsewhere"


def test_the_header_it_came_with_stands_as_it_was_but_for_what_tells_of_the_body() -> None:
    came_with = (
        "Received: from a\r\n by b; Thu, 2 Jan 2020 10:00:00 +0000\r\nSubject: First\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/mixed;\r\n boundary="x"\r\nX-Other: kept\r\n\r\n--x\r\nContent-Type: text/plain\r\n'
    )
    raw = generate(item(*LETTER, text(0x007D, came_with), recipients=(recipient("Di", "di@agency.example", 3),)), "pst").raw
    head = raw.partition(b"\r\n\r\n")[0] + b"\r\n"
    assert b"Received: from a\r\n by b; Thu, 2 Jan 2020 10:00:00 +0000\r\nSubject: First\r\nX-Other: kept\r\n" in head
    assert head.count(b"Content-Type:") == head.count(b"MIME-Version:") == head.count(b"Subject:") == 1
    assert b'Bcc: "Di" <di@agency.example>\r\n' in head


def test_a_header_it_came_with_that_is_not_ascii_is_encoded_and_a_line_without_a_name_is_passed_over() -> None:
    message = parsed(
        item(text(0x007D, "Microsoft Mail Internet Headers Version 2.0\r\nSubject: Größe\r\nTo: Jörg <j@agency.example>\r\n"))
    )
    assert (message["subject"], message["to"]) == ("Größe", "Jörg <j@agency.example>")


@pytest.mark.parametrize(
    ("came_with", "field", "said"),
    [
        ("Subject: Réunion générale demain", "subject", "Réunion générale demain"),
        ("Subject: =?utf-8?q?Gr=C3=B6?= Größe und =?utf-8?q?Gr=C3=B6?=", "subject", "Grö Größe und Grö"),
        ('From: "Müller, Hans" <hm@x.example>', "from", '"Müller, Hans" <hm@x.example>'),
        ("To: Jörg <j@x.example>, cy@x.example (Cy), Di <>", "to", "Jörg <j@x.example>, Cy <cy@x.example>, Di <>"),
        ("Cc: =?utf-8?q?J=C3=B6rg?= B <a@x.example>, Jörg <j@x.example>", "cc", "Jörg B <a@x.example>, Jörg <j@x.example>"),
        ("To: jörg@x.example,\r\n Cy <cy@x.example>", "to", "jörg@x.example, Cy <cy@x.example>"),
    ],
)
def test_a_header_that_is_not_ascii_says_what_it_said(came_with: str, field: str, said: str) -> None:
    raw = generate(item(text(0x007D, f"{came_with}\r\n")), "pst").raw
    assert str(email.message_from_bytes(raw, policy=email.policy.default)[field]) == said


def test_a_header_is_ascii_where_its_addresses_are_and_where_they_are_too_long_for_a_line() -> None:
    for came_with in ("Cc: Jörg <j@x.example>", f"To: {'ö' * 1000}@x.example"):
        raw = generate(item(text(0x007D, came_with)), "pst").raw
        assert raw.isascii()
        assert LINES.fullmatch(raw)


def test_a_message_inside_whose_addresses_are_not_ascii_is_said_to_have_eight_bits() -> None:
    inner = item(text(0x007D, "To: jörg@x.example\r\n"))
    raw = generate(item(attachments=(MapiAttachment({}, item=inner),)), "pst").raw
    assert b"Content-Transfer-Encoding: 8bit\r\n" in raw


def test_an_empty_field_that_it_came_with_gives_way_to_recipients_and_stays_where_there_are_none() -> None:
    came_with = text(0x007D, "Bcc:\r\nCc: \r\nSubject: First\r\n")
    message = parsed(item(came_with, recipients=(recipient("Di", "di@agency.example", 3),)))
    assert [str(one) for one in message.get_all("bcc", [])] == ["Di <di@agency.example>"]
    assert [str(one) for one in message.get_all("cc", [])] == [""]


def test_displayed_names_stand_in_each_field_for_which_the_table_names_nobody() -> None:
    facts = read_facts(
        generate(item(text(0x0E04, "Ben"), text(0x0E03, "Cy"), recipients=(recipient("Di", "di@x.example", 1),)), "pst").raw
    )
    assert [(one.name, one.address) for one in (*facts.to, *facts.cc)] == [("Di", "di@x.example"), ("Cy", "")]


def test_a_recipient_of_no_known_kind_stands_in_to_unless_it_is_who_sent_it() -> None:
    sent_by = (text(0x0042, "Ada"), text(0x0065, "ada@x.example"))
    kinds = (recipient("Ada", "ada@x.example", 0), recipient("Ben", "ben@x.example", 0), recipient("Cy", "cy@x.example", 7))
    nameless = properties_of([text(0x3001, "Di"), text(0x3003, "di@x.example")])
    message = parsed(item(*sent_by, recipients=(*kinds, nameless)))
    assert message["to"] == "Ben <ben@x.example>, Cy <cy@x.example>, Di <di@x.example>"


def test_a_time_by_which_outlook_means_none_is_no_date() -> None:
    none = filetime(0x0039, datetime(4501, 1, 1, tzinfo=UTC))
    assert parsed(item(none, filetime(0x0E06, SENT)))["date"].datetime == SENT


@pytest.mark.parametrize(
    ("properties", "said"),
    [
        ((filetime(0x0E06, SENT),), None),
        ((filetime(0x3007, SENT),), "creation-time"),
        ((filetime(0x3008, SENT),), "modification-time"),
    ],
)
def test_a_date_that_no_sending_made_says_what_made_it(properties: tuple[MapiProperty, ...], said: str | None) -> None:
    message = parsed(item(*properties))
    assert (message["date"].datetime, message["x-capstone-date-from"]) == (SENT, said)


def test_the_mark_of_a_pst_is_no_part_of_the_subject() -> None:
    assert parsed(item(text(0x0037, "\x01\x05RE: Budget")))["subject"] == "RE: Budget"
    assert parsed(item(text(0x003D, "RE: "), text(0x0E1D, "Budget")))["subject"] == "RE: Budget"


def test_an_exchange_address_is_the_smtp_address_where_there_is_one() -> None:
    exchange = (text(0x0042, "Ada"), text(0x0064, "EX"), text(0x0065, "/O=AGENCY/CN=ADA 1"))
    assert parsed(item(*exchange, text(0x5D02, "ada@agency.example")))["from"] == "Ada <ada@agency.example>"
    herself = recipient("Ada", "/o=agency/cn=ada 1", smtp="ada@agency.example", kind="EX")
    assert parsed(item(*exchange, recipients=(herself,)))["from"] == "Ada <ada@agency.example>"
    assert parsed(item(*exchange))["from"] == "Ada <IMCEAEX-_O=AGENCY_CN=ADA+201@ex.invalid>"


def test_who_sent_it_for_somebody_else_is_the_sender() -> None:
    message = parsed(item(*LETTER, text(0x0C1A, "Ben"), text(0x0C1E, "SMTP"), text(0x0C1F, "ben@agency.example")))
    assert (message["from"], message["sender"]) == ("Ada Example <ada@agency.example>", "Ben <ben@agency.example>")


def test_displayed_names_stand_for_recipients_that_no_table_names() -> None:
    facts = read_facts(generate(item(*LETTER, text(0x0E04, "Ben Example; Cy")), "pst").raw)
    assert [(one.name, one.address) for one in facts.to] == [("Ben Example", ""), ("Cy", "")]


def test_what_else_the_properties_say_of_it() -> None:
    keywords = several(0x8001, ["Budget", "Größe"], "00020329-0000-0000-c000-000000000046/Keywords")
    one_off = (
        bytes(4)
        + bytes.fromhex("812b1fa4bea310199d6e00dd010f5402")
        + b"\0\0\1\x90"
        + "Cy\0SMTP\0cy@agency.example\0".encode("utf-16-le")
    )
    entries = b"\1\0\0\0" + bytes(4) + len(one_off).to_bytes(4, "little") + one_off
    message = parsed(
        item(
            *LETTER,
            number(0x0017, 2),
            number(0x0036, 3),
            text(0x0070, "Budget"),
            binary(0x0071, b"\1\2\3"),
            keywords,
            number(0x0029, 1),
            text(0x1042, "<0@agency.example>"),
            text(0x1039, "<a@x.example> <b@x.example>"),
            binary(0x004F, entries),
        )
    )
    assert (message["importance"], message["sensitivity"]) == ("High", "Company-Confidential")
    assert (message["thread-topic"], message["thread-index"], message["keywords"]) == ("Budget", "AQID", "Budget, Größe")
    assert message["disposition-notification-to"] == '"Ada Example" <ada@agency.example>'
    assert (message["in-reply-to"], message["references"]) == ("<0@agency.example>", "<a@x.example> <b@x.example>")
    assert message["reply-to"] == "Cy <cy@agency.example>"


def test_low_importance_is_said_and_normal_is_not() -> None:
    assert parsed(item(number(0x0017, 0)))["importance"] == "Low"
    assert parsed(item(number(0x0017, 1)))["importance"] is None
