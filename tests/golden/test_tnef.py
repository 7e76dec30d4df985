"""MimeKit's expected contents of winmail.dat files."""

from __future__ import annotations

from pathlib import Path

import pytest

from capstone.domain.facts.tnef import read_tnef

_EMBEDDED = "MimeKit gives the placeholder text for an embedded message; we give the message itself and what it holds"
_OBJECT = "MimeKit keeps the 16 bytes of the interface id before an OLE object; we give the OLE file, so that it can be opened"
DIFFERENCES = {
    ("christmas", "Untitled Attachment.1"): _EMBEDDED,
    ("christmas", "Untitled Attachment.3"): _EMBEDDED,
    ("MAPI_OBJECT", "Untitled_Attachment"): _OBJECT,
    ("winmail", "Untitled Attachment.1"): _OBJECT,
    ("winmail", "Untitled Attachment.2"): _OBJECT,
}


def _plain(content: bytes) -> bytes:
    """The expected text files were published with LF alone."""
    return content.replace(b"\r\n", b"\n")


@pytest.mark.corpus
def test_every_file_inside_has_the_content_that_mimekit_expects(corpus: Path) -> None:
    compared, different = 0, set()
    for stream in sorted((corpus / "mimekit" / "tnef").glob("*.tnef")):
        found = read_tnef(stream.read_bytes())
        contents = {_plain(member.content) for member in found.members}
        assert not found.is_damaged
        for expected in sorted(stream.with_suffix("").iterdir()):
            compared += 1
            if _plain(expected.read_bytes()) not in contents:
                different.add((stream.stem, expected.name))
    assert different == set(DIFFERENCES)
    assert compared == 25


@pytest.mark.corpus
def test_an_ole_object_is_the_expected_one_behind_its_interface_id(corpus: Path) -> None:
    folder = corpus / "mimekit" / "tnef"
    found = read_tnef((folder / "MAPI_OBJECT.tnef").read_bytes())
    expected = (folder / "MAPI_OBJECT" / "Untitled_Attachment").read_bytes()
    assert expected[16:] in [member.content for member in found.members]


@pytest.mark.corpus
def test_names_are_those_that_mimekit_lists(corpus: Path) -> None:
    folder = corpus / "mimekit" / "tnef"
    names = {member.name for member in read_tnef((folder / "missing-filenames.tnef").read_bytes()).members}
    assert names == {"generpts.src", "TechlibDEC99.doc", "TechlibDEC99-JAN00.doc", "TechlibNOV99.doc", "message.rtf"}
