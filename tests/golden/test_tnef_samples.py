"""Every TNEF sample of the corpus, found by its first bytes: what is inside by name and size, in Tika's sample by content too."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from olefile import OleFileIO

from capstone.domain.facts.tnef import read_tnef

MARK = (0x223E9F78).to_bytes(4, "little")
CAT = ("kitten-playing-with-a-christmas-tree.jpg", 375_081)
SAMPLES = {
    "mimekit/tnef/MAPI_OBJECT.tnef": [("Untitled_Attachment", 628_224), ("message.rtf", 732)],
    "mimekit/tnef/attachments.tnef": [("zappa_av1.jpg", 2_937), ("bookmark.htm", 85_805), ("message.rtf", 443)],
    "mimekit/tnef/body.tnef": [("message.html", 5_358)],
    "mimekit/tnef/christmas.tnef": [
        CAT, ("message.rtf", 10_202), ("Untitled Attachment", 6_508), CAT, ("message.rtf", 337), ("Untitled Attachment", 385_301),
        ("message.rtf", 15_237),
    ],
    "mimekit/tnef/christmas/Untitled Attachment.2": [("message.rtf", 10_202)],
    "mimekit/tnef/christmas/Untitled Attachment.4": [CAT, ("message.rtf", 337)],
    "mimekit/tnef/long-filename.tnef": [("allproductsmar2000.dat", 279), ("message.rtf", 1_066)],
    "mimekit/tnef/missing-filenames.tnef": [
        ("generpts.src", 61_210), ("TechlibDEC99.doc", 33_792), ("TechlibDEC99-JAN00.doc", 34_304), ("TechlibNOV99.doc", 33_792),
        ("message.rtf", 1_367),
    ],
    "mimekit/tnef/rtf.tnef": [("message.rtf", 593)],
    "mimekit/tnef/unicode-mapi-attr.tnef": [("example.dat", 1_024), ("message.html", 1_226)],
    "mimekit/tnef/winmail.tnef": [("Untitled Attachment", 29_184), ("Untitled Attachment", 68_608), ("message.rtf", 13_412)],
    "tika/microsoft/testWINMAIL.dat": [
        ("quick.doc", 19_968), ("quick.html", 428), ("quick.pdf", 18_638), ("quick.txt", 235), ("quick.xml", 143),
        ("message.rtf", 25_528),
    ],
}  # fmt: skip


def begins_as_tnef(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(MARK)) == MARK


@pytest.mark.corpus
def test_every_sample_is_read_whole_and_no_sample_is_left_out(corpus: Path) -> None:
    found = {}
    for path in corpus.rglob("*"):
        if path.is_file() and begins_as_tnef(path):
            told = read_tnef(path.read_bytes())
            assert not told.is_damaged, path
            found[str(path.relative_to(corpus))] = [(member.name, len(member.content)) for member in told.members]
    assert found == SAMPLES


@pytest.mark.corpus
def test_the_files_in_tikas_sample_are_what_their_names_say(corpus: Path) -> None:
    told = read_tnef((corpus / "tika/microsoft/testWINMAIL.dat").read_bytes())
    files = {member.name: member.content for member in told.members}
    assert b"The quick brown fox jumps over the lazy dog" in files["quick.txt"]
    assert files["quick.html"].strip().endswith(b"</html>")
    assert files["quick.xml"].endswith(b"</document>")
    assert files["quick.pdf"].startswith(b"%PDF-")
    assert files["quick.pdf"].rstrip().endswith(b"%%EOF")
    with OleFileIO(BytesIO(files["quick.doc"])) as document:
        assert document.exists("WordDocument")
    assert [member.name for member in told.members if member.is_body] == ["message.rtf"]
