"""Items of Outlook that lack something are counted where the report of a run tells it, not only in their own header."""

from __future__ import annotations

from pathlib import Path
from shutil import copy

from capstone.domain.message import OfferedMessage
from connectors.mailboxes.files.source import FileSource
from tests.adapters.pst_damage import scrambled
from tests.corpus import corpus_root

MAILBOX, LETTER = "tika/microsoft/testPST.pst", "msgreader/EmailWithInnerMailAndAttachments.msg"
SIZE_AT = 0x78
"""Of a stream, in its entry of the directory of an OLE2 file."""


def lacking(source: FileSource) -> list[bytes]:
    raws = [item.raw for item in source.items({}) if isinstance(item, OfferedMessage)]
    return [raw for raw in raws if b"lacks=" in raw]


def test_the_note_of_a_pst_counts_the_messages_that_lack_something(tmp_path: Path) -> None:
    raw = (corpus_root() / MAILBOX).read_bytes()
    attached = scrambled(bytes.fromhex("01370201"))
    at = raw.index(attached)
    path = tmp_path / "mail.pst"
    path.write_bytes(raw[: at + 4] + scrambled(bytes(4)) + raw[at + 8 :])
    source = FileSource("disk", [path])
    (one,) = lacking(source)
    assert b"X-Capstone-Attachment: " in one
    (note,) = source.notes()
    assert (note.counts["emitted"], note.counts["lacking"]) == (7, 1)


def test_one_note_counts_the_msg_files_that_lack_something(tmp_path: Path) -> None:
    raw = bytearray((corpus_root() / LETTER).read_bytes())
    at = raw.index("__substg1.0_37010102".encode("utf-16-le"))
    raw[at + SIZE_AT : at + SIZE_AT + 8] = bytes(8)
    (tmp_path / "1.msg").write_bytes(raw)
    (tmp_path / "2.msg").write_bytes(raw + bytes(512))
    copy(corpus_root() / LETTER, tmp_path / "3.msg")
    source = FileSource("disk", [tmp_path])
    assert len(lacking(source)) == 2
    (note,) = source.notes()
    assert (note.code, dict(note.counts), note.is_gap) == ("msg_files", {"emitted": 3, "lacking": 2}, False)


def test_nothing_is_said_where_nothing_is_lacking(tmp_path: Path) -> None:
    copy(corpus_root() / LETTER, tmp_path / "1.msg")
    copy(corpus_root() / MAILBOX, tmp_path / "mail.pst")
    source = FileSource("disk", [tmp_path])
    assert lacking(source) == []
    (note,) = source.notes()
    assert "lacking" not in note.counts
