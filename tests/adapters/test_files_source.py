"""Files as a mail source: the contract, and what a file is by its content."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from capstone.domain.message import ItemState
from capstone.ports import MailSource
from connectors.mailboxes.files.source import FileSource
from tests.adapters.mail_files import RAW, SEP, maildir_at, message, put, refusal
from tests.contracts.mail_source import MailSourceContract
from tests.fakes.mail_source import FakeMailSource, Mail

# --- the contract ----------------------------------------------------------------------------------


class TestFake(MailSourceContract):
    def source_with(self, mails: Sequence[Mail]) -> MailSource:
        return FakeMailSource("fake", mails)

    def emptied_source(self) -> MailSource:
        return FakeMailSource("fake", [])

    def missing_source(self) -> MailSource:
        return FakeMailSource("fake", [], is_missing=True)

    def traces(self) -> object:
        return None


class _OnDisk(MailSourceContract):
    keeps_cursors = False

    @pytest.fixture(autouse=True)
    def _root(self, tmp_path: Path) -> None:
        self.root = tmp_path / "mail"
        self.root.mkdir()

    def source_with(self, mails: Sequence[Mail]) -> MailSource:
        for number, mail in enumerate(mails):
            self.write(mail, number)
        return FileSource("disk", [self.root])

    def emptied_source(self) -> MailSource:
        shutil.rmtree(self.root)
        self.root.mkdir()
        return FileSource("disk", [self.root])

    def missing_source(self) -> MailSource:
        return FileSource("disk", [self.root / "missing"])

    def traces(self) -> object:
        return {
            path: (path.lstat().st_mtime_ns, path.lstat().st_ino, path.read_bytes() if path.is_file() else b"")
            for path in sorted(self.root.rglob("*"))
        }

    def write(self, mail: Mail, number: int) -> None:
        raise NotImplementedError


class TestEmlFiles(_OnDisk):
    def write(self, mail: Mail, number: int) -> None:
        put(self.root / mail.folder / f"{number}.eml", mail.raw)


class TestMboxFiles(_OnDisk):
    def write(self, mail: Mail, number: int) -> None:
        path = self.root / mail.folder
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            file.write(SEP.replace(b"\n", b"\r\n") + mail.raw + b"\r\n")


class TestMaildir(_OnDisk):
    def write(self, mail: Mail, number: int) -> None:
        box = self.root / ("." + mail.folder.replace("/", "."))
        for folder in (self.root, box):
            for part in ("cur", "new", "tmp"):
                (folder / part).mkdir(parents=True, exist_ok=True)
        put(box / ("new" if number % 2 else "cur") / f"{number}.host", mail.raw)


# --- files by their content ------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.eml", "a.EML", "a.Eml"])
@pytest.mark.parametrize("raw", [RAW, SEP + RAW, b"no header at all", b"\xd0\xcf\x11\xe0", b"\n", SEP + RAW + b"\n" + SEP + RAW])
def test_an_eml_file_is_one_message_whole_whatever_its_first_line(tmp_path: Path, name: str, raw: bytes) -> None:
    assert message(put(tmp_path / name, raw)).raw == raw


@pytest.mark.parametrize(
    "raw",
    [
        RAW,
        b"\xef\xbb\xbf" + RAW,
        b"\r\n" + RAW,
        b"X-Odd_1.2 : a\n\nb",
        b"From  : Ada (a comment) <ada@agency.example>\n\nbody\n",
        b"Subject:",
        RAW.replace(b"\n", b"\r"),
        b"Received: from a\n\n" + SEP + RAW,
    ],
)
def test_a_file_with_a_header_line_first_is_one_message_whole(tmp_path: Path, raw: bytes) -> None:
    assert message(put(tmp_path / "17", raw)).raw == raw


@pytest.mark.parametrize(
    "raw",
    [
        b"Dear Ben, this is a letter: no mail\n",
        b"%PDF-1.7\n",
        b"\x00\x01\x02",
        b"https://agency.example/a\n",
        b'{"a": 1}',
        b"<a:b>",
        b"BEGIN:VCALENDAR\nVERSION:2.0\n",
        b"BEGIN:VCARD\n",
        b"* -text\n",
        b"\n\n",
        b" Subject: x\n\n",
        b": x\n",
    ],
)
def test_anything_else_is_excluded_as_not_mail(tmp_path: Path, raw: bytes) -> None:
    item = refusal(put(tmp_path / "file.txt", raw))
    assert (item.state, item.code, item.raw) == (ItemState.EXCLUDED, "not_mail", None)


@pytest.mark.parametrize("raw", [b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"x" * 9000, b"!BDN" + b"x" * 9000])
def test_a_container_is_quarantined_with_its_bytes_left_on_disk(tmp_path: Path, raw: bytes) -> None:
    item = refusal(put(tmp_path / "archive.pst", raw))
    assert (item.state, item.code) == (ItemState.QUARANTINED, "container_unreadable")
    assert isinstance(item.raw, memoryview)
    assert hashlib.sha256(item.raw).digest() == hashlib.sha256(raw).digest()


@pytest.mark.parametrize("name", ["old.pst", "Mail.OST", "Inbox.mbox", "a.mbx", "a.zip", "a.tar", "a.mbox.gz", "a.tgz", "a.7z"])
@pytest.mark.parametrize("raw", [bytes(9000), b"the second half of a letter\nFrom a@x.example Thu Jan  1 00:00:00 2015\n"])
def test_a_container_by_its_name_that_does_not_begin_as_one_is_kept(tmp_path: Path, name: str, raw: bytes) -> None:
    item = refusal(put(tmp_path / name, raw))
    assert (item.state, item.code, bytes(item.raw or b"")) == (ItemState.QUARANTINED, "container_unreadable", raw)
    assert refusal(put(tmp_path / f"._{name}", raw)).code == "not_mail"


def test_an_msg_that_does_not_begin_as_one_is_kept_unless_it_is_text(tmp_path: Path) -> None:
    assert refusal(put(tmp_path / "a.msg", bytes(9000))).code == "container_unreadable"
    assert refusal(put(tmp_path / "b.MSG", b"a text that a program calls so\n")).code == "not_mail"


@pytest.mark.parametrize("name", ["a.eml", "inbox", "a.pst", "cur/1:2,S"])
def test_an_empty_file_is_quarantined_as_an_empty_item(tmp_path: Path, name: str) -> None:
    maildir_at(tmp_path)
    put(tmp_path / name, b"")
    item = refusal(tmp_path)
    assert (item.state, item.code, item.raw) == (ItemState.QUARANTINED, "empty_item", b"")


def test_an_empty_hidden_file_is_not_mail(tmp_path: Path) -> None:
    assert refusal(put(tmp_path / ".keep", b"")).code == "not_mail"


def test_a_large_message_is_offered_whole(tmp_path: Path) -> None:
    raw = RAW + b"x" * 30_000_000
    assert message(put(tmp_path / "large", raw)).raw == raw
