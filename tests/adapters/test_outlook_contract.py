"""MSG and PST files run the contract of mail sources, as far as it can hold where the messages are generated from native items.

Nobody here can write such files, so samples stand for the letters. The bytes offered are the generator's: exact are those of the
native item beside them. A PST has the folders, items and counts that it has, so what asks for others is put in words of its own.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from shutil import copy, rmtree

import pytest

from capstone.domain.fixity import digest_of
from capstone.domain.folders import LeftOut
from capstone.domain.message import ItemState, OfferedMessage, RefusedItem
from capstone.ports import CheckableSource
from connectors.mailboxes.files.source import FileSource
from tests.contracts.mail_source import MAILS, MailSourceContract, messages, place_of
from tests.corpus import corpus_root
from tests.fakes.mail_source import Mail

OLE2 = bytes.fromhex("d0cf11e0a1b11ae1")
NO_MAIL = {"testMSG_Appointment.msg", "testMSG_Contact.msg", "testMSG_StickyNote.msg", "testMSG_Task.msg"}
MAILBOX, ITEMS = "tika/microsoft/testPST.pst", 7


class _Generated(MailSourceContract):
    keeps_cursors = False

    @pytest.fixture(autouse=True)
    def _root(self, tmp_path: Path) -> None:
        self.root = tmp_path / "mail"
        self.root.mkdir()

    def emptied_source(self) -> CheckableSource:
        rmtree(self.root)
        self.root.mkdir()
        return FileSource("disk", [self.root])

    def missing_source(self) -> CheckableSource:
        return FileSource("disk", [self.root / "missing"])

    def traces(self) -> object:
        files = [path for path in sorted(self.root.rglob("*")) if path.is_file()]
        return {path: (path.lstat().st_mtime_ns, path.lstat().st_ino, path.read_bytes()) for path in files}


def native_of(item: OfferedMessage) -> bytes:
    (native,) = item.companions
    return bytes(native.raw)


# --- MSG: a sample for each letter -----------------------------------------------------------------


@pytest.fixture(scope="module")
def samples() -> list[Path]:
    found = sorted(corpus_root().rglob("*.msg"), key=lambda path: (path.stat().st_size, path))
    return [path for path in found if path.name not in NO_MAIL and path.read_bytes().startswith(OLE2)]


class TestMsgFiles(_Generated):
    @pytest.fixture(autouse=True)
    def _samples(self, samples: list[Path]) -> None:
        self.left, self.chosen = iter(samples), dict[bytes, Path]()

    def source_with(self, mails: Sequence[Mail]) -> CheckableSource:
        for number, mail in enumerate(mails):
            if mail.raw not in self.chosen:
                self.chosen[mail.raw] = next(self.left)
            folder = self.root / mail.folder
            folder.mkdir(parents=True, exist_ok=True)
            copy(self.chosen[mail.raw], folder / f"{number}.msg")
        return FileSource("disk", [self.root])

    def native(self, mail: Mail) -> bytes:
        return self.chosen[mail.raw].read_bytes()

    def test_every_message_is_offered_once_with_its_exact_bytes(self) -> None:
        offered = messages(self.source_with(MAILS))
        assert sorted(map(native_of, offered)) == sorted(map(self.native, MAILS))
        assert all(item.raw.startswith(b"X-Capstone-Generated: 2; from=msg;") for item in offered)

    def test_every_place_names_its_source_and_folder(self) -> None:
        offered = messages(self.source_with(MAILS))
        found = [(item.occurrence.place.source, item.occurrence.place.folder, native_of(item)) for item in offered]
        assert sorted(found) == sorted(("disk", mail.folder, self.native(mail)) for mail in MAILS)


# --- PST: one sample, whatever the letters ---------------------------------------------------------


class TestPstFiles(_Generated):
    def source_with(self, mails: Sequence[Mail]) -> CheckableSource:
        if mails:
            copy(corpus_root() / MAILBOX, self.root / "mail.pst")
        return FileSource("disk", [self.root])

    def test_every_message_is_offered_once_with_its_exact_bytes(self) -> None:
        offered = messages(self.source_with(MAILS))
        assert [json.loads(native_of(item))["of"] for item in offered] == [digest_of(item.raw) for item in offered]
        assert len({item.raw for item in offered}) == ITEMS

    def test_no_two_items_have_the_same_place(self) -> None:
        places = [place_of(item) for item in self.source_with(MAILS).items({})]
        assert len(set(places)) == len(places) == ITEMS

    def test_every_place_names_its_source_and_folder(self) -> None:
        places = [place_of(item) for item in self.source_with(MAILS).items({})]
        assert {(place.source, place.folder) for place in places} == {("disk", "mail.pst")}

    @pytest.mark.parametrize(("home", "is_sent"), [("Sent", True), ("Archive", False)])
    def test_only_mail_in_a_sent_folder_is_sent(self, home: str, is_sent: bool) -> None:
        (self.root / home).mkdir()
        copy(corpus_root() / MAILBOX, self.root / home / "mail.pst")
        offered = messages(FileSource("disk", [self.root]))
        assert [item.occurrence.is_sent for item in offered] == [is_sent] * ITEMS

    def test_folders_of_the_policy_are_counted_item_by_item_and_never_offered(self) -> None:
        self.source_with(MAILS)
        items = list(FileSource("disk", [self.root], LeftOut(paths=("mail.pst",)).excluded_by).items({}))
        assert all(isinstance(item, RefusedItem) and item.state is ItemState.EXCLUDED for item in items)
        assert [getattr(item, "code", None) for item in items] == ["folder_left_out"] * ITEMS

    def test_a_check_counts_what_is_offered_and_changes_nothing(self) -> None:
        source = self.source_with(MAILS)
        before = self.traces()
        seen = source.check()
        assert self.traces() == before
        counted = {folder.path: folder.messages for folder in seen.folders if folder.messages}
        assert counted == Counter(place_of(item).folder for item in source.items({}))
        assert not seen.missing_rights

    def test_a_plain_mailbox_has_nothing_to_note(self) -> None:
        """But its counts, which every PST has."""
        source = self.source_with(MAILS)
        assert len(list(source.items({}))) == ITEMS
        (note,) = source.notes()
        assert not note.is_gap
        assert (note.counts["expected"], note.counts["emitted"], note.counts["unrecovered"]) == (ITEMS, ITEMS, 0)
