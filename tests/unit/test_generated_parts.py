"""The parts generated from a MAPI item: texts, what they show, attachments, messages inside, and what is lacking."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage

import pytest

from capstone.domain.facts.read import read_facts
from capstone.domain.fixity import digest_of
from capstone.domain.generated.eml import generate
from capstone.domain.generated.mapi import MAX_DEPTH, MapiAttachment, MapiItem
from tests.mapi_items import attachment, binary, item, number, text
from tests.unit.letters import LETTER, parsed


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
