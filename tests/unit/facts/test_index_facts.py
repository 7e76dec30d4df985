"""The short reading for the index says what an index document holds, as the full reading does."""

from __future__ import annotations

import struct
from datetime import UTC

import pytest

from capstone.domain.documents import document_of
from capstone.domain.facts import index_facts, read_facts
from capstone.domain.message import Address
from tests.builders import a_record
from tests.unit.facts.messages import attached, message, multipart
from tests.unit.facts.tnef_streams import RENDERING, attribute, tnef_stream

_PICTURE = b"\x89PNG\r\n\x1a\n"
_INLINE = "Content-Type: image/png\nContent-Disposition: inline; filename=logo.png\n\n\x89PNG"
_TNEF = tnef_stream(RENDERING, attribute(0x8010, b"a.txt\0"), attribute(0x800F, b"words"))
_WRAPPED_TEXT = tnef_stream(attribute(0x9007, struct.pack("<II", 1252, 0)), attribute(0x800C, b"Wrapped.\r\n\0", level=1))
_RECORD = a_record()


@pytest.mark.parametrize(
    "raw",
    [
        message(),
        message(Sender="Carl <carl@agency.example>", Reply_To="dora@agency.example", Bcc="eve@agency.example"),
        message(Resent_From="f@agency.example", Resent_To="g@agency.example", Resent_Cc="h@agency.example"),
        message(From="=?utf-8?q?=C3=89va?= <eva@agency.example>, =?nope?q?x?= <x@agency.example>", Subject="=?utf-8?b?w4k=?="),
        multipart("\nHello.", attached(b"%PDF-1.4 /Encrypt", "a.pdf"), attached(b"PK\x03\x04", "a.zip")),
        multipart("Content-Type: text/html\n\n<p>Hi</p>", attached(_PICTURE, "b.bin").replace("attachment", "inline"), _INLINE),
        multipart("\nHello.", "Content-Type: message/rfc822\n\n" + message("Inner.", Subject="Inside").decode()),
        multipart("\nHello.", attached(_TNEF, "winmail.dat", "application/ms-tnef")),
        message(_WRAPPED_TEXT, Content_Type="application/ms-tnef"),
        message("-----BEGIN PGP MESSAGE-----\n\nx\n-----END PGP MESSAGE-----\n"),
        message("x", Content_Type="multipart/mixed"),
        message("a" * 8_000_001),
        b"no field at all",
        b"",
    ],
)  # fmt: skip
def test_the_index_document_is_that_of_the_full_reading(raw: bytes) -> None:
    assert document_of(_RECORD, index_facts(raw), UTC) == document_of(_RECORD, read_facts(raw), UTC)


def test_what_the_index_does_not_hold_is_left_empty() -> None:
    inner = "Content-Type: message/rfc822\n\n" + message("Inner.").decode()
    facts = index_facts(multipart("\nFOUO", attached(b"%PDF-1.4", "a.pdf"), inner, References="<r@agency.example>"))
    assert (facts.message_id, facts.date, facts.references, facts.thread_key, facts.content_key) == (None, None, (), "", "")
    assert (facts.markings, facts.problems) == ((), ())
    assert [(a.name, a.digest, a.detected_type, a.size_bytes) for a in facts.attachments] == [("a.pdf", "", None, 8)]
    assert [(n.subject, n.from_, n.body_text) for n in facts.nested] == [
        ("Test", (Address("Ann Archer", "ann@agency.example"),), "Inner.")
    ]
