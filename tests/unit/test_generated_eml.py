"""The message generated from a MAPI item: what it says is what the properties say, and it is the same each time."""

from __future__ import annotations

import email
import email.policy
import re
import subprocess
import sys
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capstone.domain.facts.read import read_facts
from capstone.domain.fixity import digest_of
from capstone.domain.generated.eml import VERSION, generate
from capstone.domain.generated.item_class import excluded_class
from capstone.domain.generated.mapi import MAX_DEPTH, MapiAttachment, MapiItem, MapiProperty, properties_of
from tests.mapi_items import attachment, binary, filetime, item, number, recipient, several, text

SENT = datetime(2020, 1, 2, 10, 0, 3, tzinfo=UTC)
LETTER = (
    text(0x0037, "Budget for 2021"),
    text(0x001A, "IPM.Note"),
    text(0x0042, "Ada Example"),
    text(0x0064, "SMTP"),
    text(0x0065, "ada@agency.example"),
    filetime(0x0039, SENT),
    text(0x1035, "<1@agency.example>"),
    text(0x1000, "Good day.\r\nAda"),
)


def parsed(made_of: MapiItem) -> EmailMessage:
    message = email.message_from_bytes(generate(made_of, "pst").raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


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


def test_plain_and_html_are_alternatives_and_the_html_keeps_its_bytes() -> None:
    html = "<p>Größe</p>\n".encode("cp1252")
    message = parsed(item(*LETTER, binary(0x1013, html), number(0x3FDE, 1252)))
    plain, rich = message.iter_parts()
    assert message.get_content_type() == "multipart/alternative"
    assert (plain.get_content(), rich.get_payload(decode=True), rich.get_content_charset()) == (
        "Good day.\r\nAda\r\n",
        html,
        "windows-1252",
    )


def test_an_attachment_that_the_html_shows_is_related_to_it() -> None:
    html = binary(0x1013, b'<img src="cid:logo@x">')
    shown = attachment(b"GIF89a", text(0x3707, "logo.gif"), text(0x3712, "logo@x"), text(0x370E, "image/gif"), number(0x3714, 4))
    message = parsed(item(*LETTER, html, attachments=(shown, attachment(b"%PDF", text(0x3707, "plan.pdf")))))
    body, other = message.iter_parts()
    assert (message.get_content_type(), body.get_content_type(), other.get_filename()) == (
        "multipart/mixed",
        "multipart/alternative",
        "plan.pdf",
    )
    related = list(body.iter_parts())[1]
    image = list(related.iter_parts())[1]
    assert (related.get_content_type(), image["content-id"], image.get_content_disposition()) == (
        "multipart/related",
        "<logo@x>",
        "inline",
    )


def test_names_of_attachments_survive_whatever_they_are() -> None:
    names = [
        "plan.pdf",
        'a "quoted" \\ name.txt',
        "Größenänderung der Übersicht für das kommende Jahr und das Jahr danach.docx",
        "計画.txt",
        "x" * 300,
    ]
    message = parsed(item(*LETTER, attachments=tuple(attachment(b"x", text(0x3707, name)) for name in names)))
    assert [part.get_filename() for part in message.iter_attachments()] == names


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (attachment(b"", text(0x3707, "none.txt")), "empty"),
        (
            attachment(None, text(0x3707, "none.txt"), text(0x370D, "\\\\server\\none.txt"), missing="by-reference"),
            "by-reference",
        ),
        (attachment(None, text(0x3707, "none.txt")), "no-data"),
    ],
)
def test_an_attachment_without_bytes_leaves_its_place_and_says_why(found: MapiAttachment, reason: str) -> None:
    generated = generate(item(*LETTER, attachments=(found,)), "pst")
    message = email.message_from_bytes(generated.raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    part = list(message.iter_parts())[1]
    assert (part.get_filename(), part.get_content(), part["x-capstone-attachment"].partition(";")[0]) == ("none.txt", b"", reason)
    assert generated.notes == (f"attachment-{reason}",)
    assert f'lacks="attachment-{reason}"' in message["x-capstone-generated"]


def test_a_message_inside_is_generated_too() -> None:
    inner = item(text(0x0037, "Inside"), text(0x1000, "Within."), attachments=(attachment(b"deep", text(0x3707, "deep.bin")),))
    generated = generate(item(*LETTER, attachments=(MapiAttachment({}, item=inner),)), "pst")
    facts = read_facts(generated.raw)
    assert [(one.subject, one.body_text.strip()) for one in facts.nested] == [("Inside", "Within.")]
    assert [(one.name, one.digest) for one in facts.attachments] == [("deep.bin", digest_of(b"deep"))]
    assert generated.carried == {digest_of(b"deep")}


def test_messages_inside_messages_end_at_the_limit() -> None:
    nested = item(text(0x0037, "innermost"))
    for _ in range(MAX_DEPTH + 1):
        nested = item(attachments=(MapiAttachment({}, item=nested),))
    assert generate(nested, "pst").notes == ("attachment-too-deep",)


def test_a_signed_message_is_the_entity_that_was_signed_byte_for_byte() -> None:
    signed = b'Content-Type: multipart/signed; micalg=sha256;\r\n\tboundary="b"\r\n\r\n--b\r\n\r\nHi \r\n--b--\r\n'
    generated = generate(item(text(0x001A, "IPM.Note.SMIME.MultipartSigned"), attachments=(attachment(signed),)), "pst")
    assert generated.raw.endswith(b'boundary="b"\r\n\r\n--b\r\n\r\nHi \r\n--b--\r\n')
    assert generated.raw.count(b"Content-Type:") == 1
    assert generated.carried == frozenset()


def test_an_encrypted_message_is_its_one_attachment() -> None:
    message = parsed(item(text(0x001A, "IPM.Note.SMIME"), attachments=(attachment(b"0\x80cms"),)))
    assert (message.get_content_type(), message.get_content()) == ("application/pkcs7-mime", b"0\x80cms")


def test_what_the_reader_could_not_read_is_said() -> None:
    generated = generate(MapiItem({}, unread=("recipients", "property 0x1000")), "pst")
    assert generated.notes == ("unread-property", "unread-recipients")


@pytest.mark.parametrize(
    ("message_class", "policy"),
    [
        ("IPM.Note", None),
        ("IPM.Note.SMIME", None),
        ("REPORT.IPM.Note.NDR", None),
        ("IPM.Schedule.Meeting.Request", None),
        ("IPM.Post", None),
        ("IPM.Document.Word", None),
        ("IPM.TaskRequest", None),
        ("", None),
        ("IPM.Contact.Special", "item_class_contact"),
        ("IPM.DistList", "item_class_contact"),
        ("IPM.Appointment", "item_class_appointment"),
        ("IPM.OLE.CLASS.{00061055-0000-0000-C000-000000000046}", "item_class_appointment"),
        ("ipm.task", "item_class_task"),
        ("IPM.StickyNote", "item_class_note"),
        ("IPM.Activity", "item_class_journal"),
        ("IPM.Microsoft.ScheduleData.FreeBusy", "item_class_configuration"),
    ],
)
def test_only_classes_known_to_be_no_mail_are_left_out(message_class: str, policy: str | None) -> None:
    assert excluded_class(message_class) == policy


LINES = re.compile(rb"(?:[^\r\n]{0,998}\r\n)*")
NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
VALUES = st.one_of(
    st.binary(max_size=80).map(lambda raw: (raw,)),
    NAMES.map(lambda name: (name.encode("utf-16-le"),)),
    st.lists(st.binary(max_size=9), max_size=3).map(tuple),
)
NUMBERS = [
    0x0017, 0x001A, 0x0029, 0x0036, 0x0037, 0x0039, 0x003D, 0x0042, 0x004F, 0x0050, 0x0064, 0x0065, 0x0070, 0x0071, 0x007D,
    0x0C15, 0x0C1A, 0x0C1E, 0x0C1F, 0x0E02, 0x0E03, 0x0E04, 0x0E06, 0x0E1D, 0x1000, 0x1001, 0x1009, 0x1013, 0x1035, 0x1039,
    0x1042, 0x3001, 0x3002, 0x3003, 0x3007, 0x370D, 0x370E, 0x3707, 0x3712, 0x3713, 0x3714, 0x39FE, 0x3FDE, 0x3FFD, 0x5D02,
]  # fmt: skip
KINDS = st.sampled_from([0x02, 0x03, 0x0B, 0x14, 0x1E, 0x1F, 0x40, 0x102, 0x1003, 0x101F])


@st.composite
def hostile_items(draw: st.DrawFn, depth: int = 0) -> MapiItem:
    """Any property with any type and any bytes."""
    tables = st.dictionaries(st.sampled_from(NUMBERS), st.tuples(KINDS, VALUES), max_size=12)

    def table() -> list[MapiProperty]:
        return [several(key, value, kind=kind) for key, (kind, value) in draw(tables).items()]

    inner = [draw(hostile_items(depth + 1))] if depth < 2 and draw(st.booleans()) else []
    data = draw(st.none() | st.binary(max_size=200))
    attachments = [attachment(data, *table()), *(MapiAttachment({}, item=one) for one in inner)]
    recipients = [properties_of(table()) for _ in range(draw(st.integers(0, 2)))]
    return item(*table(), recipients=recipients, attachments=attachments)


@given(hostile_items())
def test_any_item_gives_a_message_that_can_be_sent_and_read(made_of: MapiItem) -> None:
    generated = generate(made_of, "pst")
    head = generated.raw.partition(b"\r\n\r\n")[0]
    assert LINES.fullmatch(head + b"\r\n")
    assert head.isascii()
    assert b"\0" not in head
    assert email.message_from_bytes(generated.raw)["X-Capstone-Generated"] is not None
    found = {one.digest for one in read_facts(generated.raw).attachments}
    assert {digest_of(one.data) for one in made_of.attachments if one.data} <= found | {digest_of(b"")}


WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=80).map(str.strip).filter(bool)
BODIES = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"), max_size=400
)


@given(WORDS, WORDS, BODIES, st.binary(max_size=300), WORDS)
def test_what_went_in_comes_out_by_another_reader(subject: str, name: str, body: str, data: bytes, filename: str) -> None:
    made_of = item(
        text(0x0037, subject), text(0x0042, name), text(0x0065, "ada@agency.example"), text(0x1000, body),
        recipients=(recipient(name, "ben@agency.example"),), attachments=(attachment(data, text(0x3707, filename)),),
    )  # fmt: skip
    message = email.message_from_bytes(generate(made_of, "msg").raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    assert str(message["subject"]) == subject
    box = message["to"].addresses[0]
    # The standard library's reader is careless with blanks between encoded words of a name.
    assert ("".join(box.display_name.split()), box.addr_spec) == ("".join(name.split()), "ben@agency.example")
    plain, file = message.iter_parts()
    assert plain.get_content().replace("\r\n", "\n").rstrip("\n") == body.rstrip("\n")
    assert file.get_payload(decode=True) == data
    assert file.get_filename() == filename


def test_another_process_with_another_order_of_sets_gives_the_same_bytes() -> None:
    program = (
        "from tests.unit.test_generated_eml import *\n"
        "made_of = item(*LETTER, recipients=(recipient('B', 'b@x.example'), recipient('C', 'c@x.example')),"
        " attachments=(attachment(b'', text(0x3707, 'a')), attachment(None, missing='unreadable')))\n"
        "from capstone.domain.generated.native_json import write_native\n"
        "made = generate(made_of, 'pst')\n"
        "print(digest_of(made.raw), digest_of(write_native(made_of, of='0', carried=made.carried)), made.notes)\n"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", program], check=True, capture_output=True, cwd=Path(__file__).resolve().parents[2],
            env={"PYTHONHASHSEED": seed, "TZ": zone, "LC_ALL": locale},
        ).stdout
        for seed, zone, locale in (("0", "UTC", "C"), ("1", "Asia/Tokyo", "de_DE.UTF-8"), ("4711", "America/New_York", "C.UTF-8"))
    }  # fmt: skip
    assert len(said) == 1
