"""Mail under rights protection ([MS-OXORMMS]): its text is in an encrypted attachment, and the facts say so."""

from __future__ import annotations

from datetime import UTC

import pytest

from capstone.domain.documents import ENCRYPTED, document_of
from capstone.domain.facts import index_facts, read_facts
from tests.builders import a_record
from tests.unit.facts.messages import attached, message, multipart

_WRAPPER = "Content-Type: text/plain\n\nThis message uses Microsoft Information Protection."
_TYPE = "application/x-microsoft-rpmsg-message"
_CONTENT = bytes.fromhex("76e80460c411e386") + b"compressed and encrypted"
_PROTECTED = multipart(_WRAPPER, attached(_CONTENT, "message.rpmsg", _TYPE), Content_Class="rpmsg.message")


@pytest.mark.parametrize(
    "raw",
    [
        _PROTECTED,
        multipart(_WRAPPER, Content_Class="RPMSG.Message"),
        multipart(_WRAPPER, attached(b"", "", _TYPE)),
        multipart(_WRAPPER, attached(b"", "message_v2.RPMSG")),
        multipart("Content-Type: text/plain\n\nSee below.", b"Content-Type: message/rfc822\n\n" + _PROTECTED),
        multipart(b"Content-Type: message/rfc822\n\n" + message(Content_Class="rpmsg.message")),
    ],
    ids=["as Exchange writes it", "by its class", "by the type", "by the name", "inside another", "inside, by its class"],
)
def test_mail_under_rights_protection_is_told_as_encrypted(raw: bytes) -> None:
    assert read_facts(raw).security == index_facts(raw).security == ("rms-encrypted",)
    assert ENCRYPTED in document_of(a_record(), index_facts(raw), UTC).unsearchable


@pytest.mark.parametrize(
    ("content", "name", "kind"),
    [(b"", "", _TYPE), (_CONTENT, "attachment.dat", "application/octet-stream")],
    ids=["by the type", "by its first bytes"],
)
def test_the_protected_text_is_an_encrypted_attachment(content: bytes, name: str, kind: str) -> None:
    (found,) = read_facts(multipart(_WRAPPER, attached(content, name, kind))).attachments
    assert found.is_encrypted


@pytest.mark.parametrize(
    "raw",
    [
        message("Please read message.rpmsg, Content-Class: rpmsg.message.\n"),
        message(Content_Class="urn:content-classes:message"),
        multipart(_WRAPPER, attached(b"x", "about rpmsg.txt", "text/plain")),
    ],
)
def test_mail_that_only_writes_of_it_is_not_protected(raw: bytes) -> None:
    facts = read_facts(raw)
    assert facts.security == ()
    assert not any(one.is_encrypted for one in facts.attachments)
