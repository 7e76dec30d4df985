"""S/MIME in items of Outlook: the attachment is the message where class and bytes say so; anything else keeps its text."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage

import pytest

from capstone.domain.generated.eml import generate
from capstone.domain.generated.mapi import MapiItem
from tests.mapi_items import attachment, item, text

CLASS, BODY, REPORT_TEXT, NAME, TYPE = 0x001A, 0x1000, 0x1001, 0x3707, 0x370E
CMS = b"0\x82\x01\x00\x06\x09*\x86H\x86\xf7\r\x01\x07\x03"


def parsed(one: MapiItem) -> EmailMessage:
    message = email.message_from_bytes(generate(one, "msg").raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


@pytest.mark.parametrize(
    "kind", ["REPORT.IPM.Note.SMIME.NDR", "REPORT.IPM.Note.SMIME.IPNRN", "IPM.Note.SMIMEd", "IPM.Post.SMIME"]
)
@pytest.mark.parametrize("data", [b"details", CMS])
def test_a_report_of_a_secured_message_keeps_its_text_and_its_attachment(kind: str, data: bytes) -> None:
    message = parsed(
        item(text(CLASS, kind), text(REPORT_TEXT, "It did not reach"), attachments=(attachment(data, text(NAME, "a.txt")),))
    )
    body = message.get_body(("plain",))
    assert body is not None
    assert body.get_content().strip() == "It did not reach"
    assert [part.get_filename() for part in message.iter_attachments()] == ["a.txt"]


def test_an_attachment_that_is_no_secured_message_stands_beside_the_text() -> None:
    message = parsed(
        item(text(CLASS, "IPM.Note.SMIME"), text(BODY, "Hi"), attachments=(attachment(b"details", text(NAME, "a.txt")),))
    )
    body = message.get_body(("plain",))
    assert body is not None
    assert body.get_content().strip() == "Hi"


@pytest.mark.parametrize("kind", ["IPM.Note.SMIME", "ipm.note.smime", "IPM.Note.SMIME.Custom"])
@pytest.mark.parametrize(
    "one",
    [
        attachment(CMS),
        attachment(b"0\x80cms"),
        attachment(b"odd", text(TYPE, "application/x-pkcs7-mime")),
        attachment(b"odd", text(TYPE, "application/pkcs7-mime")),
        attachment(b"odd", text(NAME, "smime.P7M")),
    ],
)
def test_what_is_secured_by_class_and_bytes_type_or_name_is_its_one_attachment(kind: str, one: object) -> None:
    message = parsed(item(text(CLASS, kind), text(BODY, "hidden"), attachments=(one,)))  # type: ignore[arg-type]
    assert message.get_content_type() == "application/pkcs7-mime"
    assert not message.is_multipart()
