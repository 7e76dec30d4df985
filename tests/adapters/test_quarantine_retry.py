"""What a retry reads of quarantine: each item as a file of its own, for as long as it is read."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from capstone.bootstrap.reopening import POINTER, Reopened, reopening, suffix_of
from capstone.domain.fixity import digest_of
from capstone.domain.message import ItemState, OfferedMessage, Place, RefusedItem
from capstone.usecases.quarantine import list_quarantine, retry_quarantine
from connectors.mailboxes.files.source import FileSource
from tests.contracts.mail_source import letter
from tests.fakes.archive import OFFICER, MemoryArchive
from tests.fakes.list_source import ListSource
from tests.unit.test_reading import nothing_to_sort

ENDINGS = {
    "/mail/a.EML": ".eml", "/mail/old.tar.gz": ".gz", "/mail/note #2.eml": ".eml", "/mail/x.mbox#123": ".mbox",
    "/mail/a.zip!b.eml": "", "/mail/a.zip!in/b.PST": ".pst", "/mail/a.zip!b.msg": ".msg",
    "/mail/a." + "x" * 241: "", "ews:AAMk.x/y": "", "": "",
}  # fmt: skip


@pytest.mark.parametrize("item_id", ENDINGS)
def test_only_endings_that_say_something_are_taken_from_a_name(item_id: str) -> None:
    assert suffix_of(item_id) == ENDINGS[item_id]


def kept(item_id: str, raw: bytes, code: str) -> RefusedItem:
    return RefusedItem(Place("disk", "", item_id), ItemState.QUARANTINED, code, "because", raw)


def test_a_retry_tries_every_item_and_says_what_it_has_only_a_pointer_to(tmp_path: Path) -> None:
    """Names are long, and an item of a PST is refused again, as there is nothing of it to be read."""
    archive, pointer = MemoryArchive(), b'{"node":1,"pst":"d"}'
    archive.capture(
        ListSource(
            kept("a.pst#1", pointer, POINTER), kept("b." + "x" * 241, letter(1), "archive_damaged"),
            kept("c.zip", b"PK\3\4 and no more", "archive_damaged"), name="disk",
        )
    )  # fmt: skip
    reports = retry_quarantine(
        archive.reading, archive.capturing, OFFICER, reopening({digest_of(pointer)}, tmp_path), nothing_to_sort
    )
    assert [(report.counts["quarantined"], report.counts["archived"], report.error) for report in reports] == [
        (1, 0, None), (0, 1, None), (1, 0, None),
    ]  # fmt: skip
    assert [(note.code, note.where) for note in reports[0].notes] == [(POINTER, "a.pst#1")]
    assert "import the PST again" in reports[0].notes[0].reason
    tries = {one.item_id: one.tries for one in list_quarantine(archive.reading, OFFICER)}
    assert (tries["a.pst#1"], tries["c.zip"]) == (2, 2)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["old.pst", "letter.msg", "old.zip", "letter.eml"])
def test_what_an_archive_kept_of_a_damaged_member_stays_in_quarantine(tmp_path: Path, name: str) -> None:
    """By its name, or as it lay in the archive: a retry that learns nothing new does not call it no mail."""
    path = tmp_path / "mail.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr(name, b"\0\1\2 neither nor" * 20)
    if name.endswith(".eml"):
        path.write_bytes(path.read_bytes().replace(b"neither", b"NEITHER"))
    archive = MemoryArchive()
    archive.capture(FileSource("disk", [path]))
    (before,) = list_quarantine(archive.reading, OFFICER)
    (report,) = retry_quarantine(archive.reading, archive.capturing, OFFICER, reopening((), tmp_path), nothing_to_sort)
    assert (report.counts["quarantined"], report.counts["excluded"], report.error) == (1, 0, None)
    (after,) = list_quarantine(archive.reading, OFFICER)
    assert (after.item_id, after.tries) == (before.item_id, 2)


def test_no_file_stays_when_its_item_was_read(tmp_path: Path) -> None:
    source = Reopened("disk", "a.eml", letter(1), tmp_path)
    reading = source.items({})
    assert isinstance(next(reading), OfferedMessage)
    assert len(list(tmp_path.iterdir())) == 1
    assert list(reading) == []
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_takes_no_file_is_a_failure_of_that_item_alone(tmp_path: Path) -> None:
    archive = MemoryArchive()
    archive.capture(ListSource(kept("a", b"\0\1", "archive_damaged"), kept("b", b"\0\2", "archive_damaged"), name="disk"))
    reports = retry_quarantine(archive.reading, archive.capturing, OFFICER, reopening((), tmp_path / "gone"), nothing_to_sort)
    assert [report.counts["failed"] for report in reports] == [1, 1]
    assert [one.tries for one in list_quarantine(archive.reading, OFFICER)] == [1, 1]
