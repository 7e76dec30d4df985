"""A ZIP file that is an office document or a program is left out whole; one that only looks like one is read as an archive."""

from __future__ import annotations

import io
import zipfile
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from struct import pack_into

import pytest

from capstone.domain.message import RefusedItem
from tests.adapters.archive_files import LETTER, Members, ids, items, mbox, raws, tar_at, zip_at
from tests.contracts.mail_source import letter
from tests.corpus import corpus_root

MSG = "msgreader/EmailWithInnerMailAndAttachments.msg"
CLASS = b"\xca\xfe\xba\xbe\0\0\0\x34"


def types(part: str) -> tuple[str, bytes]:
    return ("[Content_Types].xml", f'<?xml version="1.0"?><Types><Override PartName="/{part}" ContentType="x"/></Types>'.encode())


WORD: Members = [
    types("word/document.xml"),
    ("_rels/.rels", b"<?xml"),
    ("word/document.xml", b"<?xml"),
    ("word/media/1.png", b"\x89PNG"),
]
TEXT: Members = [
    ("mimetype", b"application/vnd.oasis.opendocument.text"),
    ("content.xml", b"<?xml"),
    ("META-INF/manifest.xml", b"<?xml"),
]
BOOK: Members = [("mimetype", b"application/epub+zip\r\n"), ("META-INF/container.xml", b"<?xml"), ("1.xhtml", b"<?xml")]
PROGRAM: Members = [("META-INF/MANIFEST.MF", b"Manifest-Version: 1.0\r\n"), ("a/B.class", CLASS)]
DOCUMENTS = {
    "word": WORD,
    "excel": [types("xl/workbook.xml"), ("xl/workbook.xml", b"<?xml")],
    "slides": [types("ppt/presentation.xml"), ("ppt/presentation.xml", b"<?xml"), ("ppt/embeddings/", b"")],
    "drawing": [types("visio/document.xml"), ("visio/document.xml", b"<?xml")],
    "text": TEXT,
    "book": BOOK,
    "program": PROGRAM,
    "signed program": [
        *PROGRAM,
        ("META-INF/A.SF", b"Signature-Version: 1.0\r\n"),
        ("META-INF/INDEX.LIST", b"JarIndex-Version: 1.0\n"),
    ],
}


def zipped(members: Members) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, raw in members:
            archive.writestr(name, raw)
    return out.getvalue()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_or_program_is_not_taken_apart(tmp_path: Path, name: str) -> None:
    path = zip_at(tmp_path / "a", DOCUMENTS[name])
    assert ids(items(path), path) == [("not_mail", "")]


def test_documents_in_letters_of_the_corpus_are_known_as_such(tmp_path: Path) -> None:
    """What Word wrote itself, out of a letter in a PST sample."""
    raw = next(raw for raw in raws(items(corpus_root() / "tika/microsoft/testPST.pst")) if b"attachment.docx" in raw)
    message = message_from_bytes(raw, policy=policy.default)
    found = [part for part in message.walk() if part.get_filename() == "attachment.docx"]
    assert len(found) == 1
    assert isinstance(found[0], EmailMessage)
    path = tmp_path / "attachment.docx"
    path.write_bytes(found[0].get_content())
    assert ids(items(path), path) == [("not_mail", "")]


MARKS = {
    "package": ("[Content_Types].xml", b"<Types/>"),
    "program": ("META-INF/MANIFEST.MF", b"x"),
    "type": ("mimetype", b"x"),
}


@pytest.mark.parametrize("mark", MARKS)
@pytest.mark.parametrize("name", ["Inbox/1.", "Inbox/2.txt", "M/cur/123.M1:2,S", "M/new/124.M1", "1.eml"])
def test_letters_are_found_beside_the_mark_of_a_package_whatever_they_are_called(tmp_path: Path, mark: str, name: str) -> None:
    assert raws(items(zip_at(tmp_path / "a.zip", [MARKS[mark], (name, LETTER)]))) == [LETTER]


@pytest.mark.parametrize("mark", MARKS)
def test_msg_files_and_archives_are_found_beside_the_mark_of_a_package(tmp_path: Path, mark: str) -> None:
    inner = tar_at(tmp_path / "inner", [("1.eml", LETTER)]).read_bytes()
    members = [
        MARKS[mark],
        ("a.zip", zipped([("2.eml", letter(2))])),
        ("b", inner),
        ("c.msg", (corpus_root() / MSG).read_bytes()),
    ]
    path = zip_at(tmp_path / "a.zip", members)
    assert [own for code, own in ids(items(path), path) if code == "message"] == ["a.zip!2.eml", "b!1.eml", "c.msg"]


@pytest.mark.parametrize("name", DOCUMENTS)
@pytest.mark.parametrize("called", ["mail/1", "word/1.xml", "META-INF/1.SF"])
def test_a_document_in_which_a_letter_lies_is_read_as_an_archive(tmp_path: Path, name: str, called: str) -> None:
    path = zip_at(tmp_path / "a", [*DOCUMENTS[name], (called, LETTER)])
    assert LETTER in raws(items(path))


@pytest.mark.parametrize("name", ["1.msg", "1.emlx", "1.PST", "1.mbox", "1.tar", "1.7z"])
def test_a_document_with_a_member_named_as_mail_is_read_as_an_archive(tmp_path: Path, name: str) -> None:
    """Also where the bytes say nothing: a damaged PST is named and kept."""
    path = zip_at(tmp_path / "a", [*WORD, (name, b"\0damaged")])
    assert len(items(path)) == len(WORD) + 1


def test_what_a_document_embeds_is_looked_into(tmp_path: Path) -> None:
    path = zip_at(tmp_path / "a.docx", [*WORD, ("word/embeddings/oleObject1.bin", (corpus_root() / MSG).read_bytes())])
    told = {own: code for code, own in ids(items(path), path)}
    assert told["word/embeddings/oleObject1.bin"] == "message"


def test_marks_that_name_no_part_of_the_archive_make_no_document(tmp_path: Path) -> None:
    for members in (
        [types("word/document.xml"), ("1.txt", b"<p>")],
        [types("mail/1.xml"), ("mail/1.xml", b"<?xml")],
        [("mimetype", b"application/zip"), ("content.xml", b"<?xml")],
        [("META-INF/MANIFEST.MF", b"Manifest-Version: 1.0"), ("1.txt", b"<p>")],
    ):
        path = zip_at(tmp_path / "a.zip", members)
        assert len(items(path)) == len(members)


def test_a_document_that_cannot_be_looked_through_is_read_as_an_archive(tmp_path: Path) -> None:
    path = zip_at(tmp_path / "a.docx", [*WORD, ("word/1.bin", b"\0")], zipfile.ZIP_STORED)
    whole = path.read_bytes()
    encrypted = bytearray(whole)
    encrypted[encrypted.rindex(b"PK\3\4") + 6] |= 1
    encrypted[encrypted.rindex(b"PK\1\2") + 8] |= 1
    path.write_bytes(encrypted)
    assert ("archive_encrypted", "word/1.bin") in ids(items(path), path)
    damaged = bytearray(whole)
    pack_into("<L", damaged, damaged.rindex(b"PK\1\2") + 16, 4711)
    path.write_bytes(damaged)
    assert ("archive_member_damaged", "word/1.bin") in ids(items(path), path)
    path.write_bytes(whole[:40] + b"\1" + whole[41:])  # the list of types is not what its checksum says
    assert ("archive_member_damaged", "[Content_Types].xml") in ids(items(path), path)
    path.write_bytes(whole + mbox(LETTER))
    assert ids(items(path), path)[-1] == ("archive_damaged", "")
    escaping = zip_at(tmp_path / "b.docx", [*WORD, ("../1.xml", b"<?xml")])
    assert ("archive_path_escape", "../1.xml") in ids(items(escaping), escaping)
    packed = zip_at(tmp_path / "c.docx", WORD, zipfile.ZIP_BZIP2)
    assert len(items(packed)) == len(WORD)


def test_a_document_among_mail_is_one_item(tmp_path: Path) -> None:
    path = zip_at(tmp_path / "a.zip", [("1.eml", LETTER), ("plan.docx", zipped(WORD))])
    found = items(path)
    assert ids(found, path) == [("message", "1.eml"), ("not_mail", "plan.docx")]
    assert isinstance(found[1], RefusedItem)
