"""Attachments, their types and locks, messages inside messages, TNEF."""

from __future__ import annotations

import hashlib
import struct
import zipfile
from io import BytesIO

import pytest

from capstone.domain.facts import read_facts
from capstone.domain.facts.file_types import detected_type, is_encrypted
from capstone.domain.facts.mapi_properties import read_properties, text_of
from capstone.domain.facts.rtf_compressed import MAX_RTF_BYTES, RtfDamaged, decompressed
from capstone.domain.facts.tnef import read_tnef
from tests.unit.facts.messages import attached, message, multipart
from tests.unit.facts.tnef_streams import RENDERING, attribute, properties, tnef_stream, variable


def _zip(*names: str) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for name in names:
            file.writestr(name, "x")
    return out.getvalue()


def test_an_attachment_is_named_measured_and_digested() -> None:
    found = read_facts(multipart("\nHello.", attached(b"%PDF-1.4 x", "a.pdf", "application/pdf"))).attachments[0]
    assert (found.part, found.name, found.declared_type, found.detected_type) == (
        "2",
        "a.pdf",
        "application/pdf",
        "application/pdf",
    )
    assert (found.size_bytes, found.digest) == (10, hashlib.sha256(b"%PDF-1.4 x").hexdigest())
    assert (found.is_inline, found.is_encrypted) == (False, False)


def test_an_inline_picture_is_an_inline_attachment() -> None:
    picture = "Content-Type: image/gif\nContent-ID: <a>\nContent-Disposition: inline\n\nGIF89a"
    assert read_facts(multipart("\nHello.", picture, kind="related")).attachments[0].is_inline


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", None),
        (b"plain words", "text/plain"),
        (b"<!DOCTYPE html><p>", "text/html"),
        (b"<?xml version='1.0'?>", "application/xml"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (_zip("a.txt"), "application/zip"),
        (
            _zip("[Content_Types].xml", "word/document.xml"),
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ),
        (_zip("[Content_Types].xml", "other/x.xml"), "application/zip"),
        (b"\x00\x01\x02\x03\x00nothing known", None),
        (b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom", "video/mp4"),
    ],
)
def test_types_are_told_by_the_first_bytes(content: bytes, kind: str | None) -> None:
    assert detected_type(content) == kind


_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".ljust(512, b"\0")
_ZIP_LOCKED_LATER = _zip("a", "b")
_ZIP_LOCKED_LATER = (
    _ZIP_LOCKED_LATER[: (at := _ZIP_LOCKED_LATER.rfind(b"PK\x01\x02")) + 8] + b"\x01" + _ZIP_LOCKED_LATER[at + 9 :]
)


@pytest.mark.parametrize(
    ("content", "locked"),
    [
        (_zip("a"), False),
        (b"PK\x03\x04\x14\x00\x01\x00", True),
        (_ZIP_LOCKED_LATER, True),
        (b"PK\x03\x04\x14\x00\x00\x00" + (b"PK\x01\x02" + b"\0" * 42) * 1_100, False),
        (b"%PDF-1.4 /Encrypt 5 0 R", True),
        (b"%PDF-1.4", False),
        (_OLE + "EncryptedPackage".encode("utf-16-le"), True),
        (_OLE + b"\xec\xa5" + b"\0" * 9 + b"\x01", True),
        (_OLE + b"\xec\xa5" + b"\0" * 10, False),
        (_OLE + b"\x09\x08\x04\x00" + b"\0" * 4 + b"\x2f\x00", True),
        (_OLE + b"\0" * 16, False),
        (b"7z\xbc\xaf\x27\x1c" + b"\0" * 20 + b"\x06\xf1\x07\x01", True),
        (b"Rar!\x1a\x07\x01\x00" + b"\0\0\0\0\x05\x04", True),
        (b"Rar!\x1a\x07\x00" + b"\0\0\0\x80" + b"\0" * 20, True),
        (b"Rar!\x1a\x07\x00", False),
        (b"-----BEGIN PGP MESSAGE-----", True),
        (b"plain", False),
    ],
)
def test_locked_files_are_told(content: bytes, locked: bool) -> None:
    assert is_encrypted(content, "application/octet-stream") is locked


def test_an_enveloped_part_is_locked_and_a_signed_one_is_not() -> None:
    assert is_encrypted(bytes.fromhex("308006092a864886f70d010703"), "application/pkcs7-mime")
    assert not is_encrypted(bytes.fromhex("308006092a864886f70d010702"), "application/pkcs7-mime")


def test_a_message_inside_is_told_with_its_text_and_files() -> None:
    inner = multipart("\nInner words.", attached(b"x", "in.bin"), Subject="Inner")
    inner = inner.replace(b'"b"', b'"in"').replace(b"--b", b"--in")
    facts = read_facts(multipart("\nOuter.", "Content-Type: message/rfc822\n\n" + inner.decode()))
    nested = facts.nested[0]
    assert (nested.part, nested.subject, nested.message_id) == ("2", "Inner", "a@agency.example")
    assert (nested.from_[0].address, nested.body_text) == ("ann@agency.example", "Inner words.")
    assert nested.date is not None
    assert [(a.part, a.name) for a in facts.attachments] == [("2.2", "in.bin")]
    assert facts.body_text == "Outer."


def test_a_message_inside_without_any_field_is_told_too() -> None:
    facts = read_facts(multipart("\nOuter.", "Content-Type: message/rfc822\n\nX: y\n\nInner."))
    assert (facts.nested[0].message_id, facts.nested[0].date) == (None, None)


# --- TNEF ------------------------------------------------------------------------------------------


_RTF = b"{\\rtf1 Hi}"
_PLAIN_RTF = struct.pack("<II4sI", len(_RTF) + 12, len(_RTF), b"MELA", 0) + _RTF


def test_files_inside_tnef_are_attachments_of_the_message() -> None:
    stream = tnef_stream(RENDERING, attribute(0x8010, b"a.txt\0"), attribute(0x800F, b"words"))
    facts = read_facts(multipart("\nHello.", attached(stream, "winmail.dat", "application/ms-tnef")))
    assert [(a.part, a.name, a.size_bytes) for a in facts.attachments] == [("2", "winmail.dat", len(stream)), ("2/1", "a.txt", 5)]
    assert facts.problems == ()


def test_a_text_wrapped_in_tnef_is_the_body_where_there_is_no_other() -> None:
    plain = tnef_stream(attribute(0x9007, struct.pack("<II", 1252, 0)), attribute(0x800C, b"Caf\xe9.\r\n\0", level=1))
    rich = tnef_stream(attribute(0x9003, properties(variable(0x1013, 0x102, b"<p>Rich.</p>"))))
    texts = [read_facts(message(stream, Content_Type="application/ms-tnef")) for stream in (plain, rich, tnef_stream())]
    assert [(facts.body_text, facts.body_from) for facts in texts] == [("Café.", "plain"), ("Rich.", "html"), ("", "none")]


def test_names_come_from_the_longest_that_outlook_kept() -> None:
    names = properties(variable(0x3704, 0x1E, b"SHORT~1.TXT\0"), variable(0x3707, 0x1F, "long name.txt\0".encode("utf-16-le")))
    stream = tnef_stream(RENDERING, attribute(0x8010, b"SHORT~1.TXT\0"), attribute(0x9005, names), RENDERING)
    assert [member.name for member in read_tnef(stream).members] == ["long name.txt", "Untitled Attachment"]


def test_a_display_name_is_used_only_where_there_is_no_other() -> None:
    shown = attribute(0x9005, properties(variable(0x3001, 0x1E, b"Shown\0")))
    stream = tnef_stream(RENDERING, attribute(0x8010, b"a.txt\0"), shown, RENDERING, shown)
    assert [member.name for member in read_tnef(stream).members] == ["a.txt", "Shown"]


def test_a_message_inside_tnef_gives_itself_and_what_it_holds() -> None:
    inner = tnef_stream(
        RENDERING,
        attribute(0x8010, b"in.txt\0"),
        attribute(0x800C, b"inner text\0"),
        attribute(0x9003, properties(variable(0x1000, 0x1E, b"x"), variable(0x1013, 0x1F, "<p>in</p>".encode("utf-16-le")))),
    )
    data = variable(0x3701, 0x0D, b"\0" * 16 + inner)
    stream = tnef_stream(RENDERING, attribute(0x9005, properties(struct.pack("<HHI", 3, 0x3705, 5), data)))
    found = read_tnef(stream)
    assert [member.name for member in found.members] == ["in.txt", "message.html", "Untitled Attachment"]
    assert (found.members[2].content, found.text, found.html) == (inner, "", "")


def test_data_kept_as_a_property_is_the_content() -> None:
    stream = tnef_stream(RENDERING, attribute(0x9005, properties(variable(0x3701, 0x102, b"abc"))), attribute(0x8013, b"x"))
    assert read_tnef(stream).members[0].content == b"abc"


def test_tnef_nested_too_often_is_read_to_a_depth() -> None:
    stream = tnef_stream()
    for _ in range(8):
        data = variable(0x3701, 0x0D, b"\0" * 16 + stream)
        stream = tnef_stream(RENDERING, attribute(0x9005, properties(struct.pack("<HHI", 3, 0x3705, 5), data)))
    assert len(read_tnef(stream).members) == 6


def test_a_rich_body_is_unpacked() -> None:
    stream = tnef_stream(attribute(0x9003, properties(variable(0x1009, 0x102, _PLAIN_RTF), variable(0x1000, 0x1E, b"Hi\0"))))
    found = read_tnef(stream)
    assert ([(m.name, m.content) for m in found.members], found.text) == ([("message.rtf", _RTF)], "Hi")


@pytest.mark.parametrize(
    "stream",
    [
        b"nothing",
        tnef_stream(RENDERING)[:-8],
        tnef_stream(b"\x02"),
        tnef_stream(attribute(0x9003, b"\xff\xff\xff\xff")),
        tnef_stream(attribute(0x9003, properties(struct.pack("<HHI", 0x77, 1, 1)))),
        tnef_stream(attribute(0x9003, properties(variable(0x1009, 0x102, b"x" * 20)))),
        tnef_stream(attribute(0x9003, properties(struct.pack("<HHI", 3, 1, 1), struct.pack("<HHII", 0x102, 2, 1, 99)))),
        tnef_stream(attribute(0x9003, properties(struct.pack("<HHI", 0x1003, 1, 0xFFFFFFFF)))),
    ],
)
def test_damaged_tnef_is_told(stream: bytes) -> None:
    assert read_tnef(stream).is_damaged


def test_named_and_repeated_properties_are_passed_over() -> None:
    named_by_number = struct.pack("<HH16sIIi", 3, 0x8001, b"", 0, 7, 1)
    named_by_text = struct.pack("<HH16sII4si", 3, 0x8002, b"", 1, 2, b"a\0", 1)
    several = struct.pack("<HHIII", 0x1003, 0x10, 2, 5, 6)
    texts = struct.pack("<HHII4sI4s", 0x101E, 0x11, 2, 2, b"a\0", 2, b"b\0")
    found, is_whole = read_properties(properties(named_by_number, named_by_text, several, texts))
    assert is_whole
    assert (set(found), found[0x10].value[:1], text_of(found[0x11], "cp1252")) == ({0x10, 0x11}, b"\x05", "a")
    assert text_of(found[0x10], "cp1252") == ""


def test_compressed_rtf_is_unpacked_with_its_window() -> None:
    packed = struct.pack("<II4sI", 0, 10, b"LZFu", 0) + bytes([0b00000001, 0x00, 0x04]) + b" Hi}" + bytes([0, 0])
    assert decompressed(packed) == b"{\\rtf1 Hi}"[:10]


@pytest.mark.parametrize(
    ("code", "out"),
    [
        (bytes([0b00000001, 0x0C, 0xF0]), b""),  # the mark of the end: a place that is the present one
        (bytes([0b00000001, 0x00]), b""),
        (bytes([0b00000011, 0x00, 0x00, 0xFF, 0xF0]), b"{\\\0{"),
        (b"", b""),
        (bytes([0b00000010]) + b"a", b"a"),
        (b"\0" + b"12345678" + b"\0" + b"9", b"123456789"),
    ],
)
def test_compressed_rtf_that_breaks_off_gives_what_it_held(code: bytes, out: bytes) -> None:
    assert decompressed(struct.pack("<II4sI", 0, 100, b"LZFu", 0) + code) == out


def test_what_is_no_compressed_rtf_or_too_much_is_refused() -> None:
    with pytest.raises(RtfDamaged):
        decompressed(b"x" * 40)
    with pytest.raises(RtfDamaged):
        decompressed(struct.pack("<II4sI", 0, MAX_RTF_BYTES + 1, b"LZFu", 0))
