"""ZIP and TAR files as a source: the contract, what is read of them, and that nothing is left behind."""

from __future__ import annotations

import bz2
import gzip
import lzma
import stat
import tarfile
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from capstone.domain.folders import none_excluded
from capstone.domain.message import OfferedMessage, RefusedItem
from capstone.ports import MailSource
from connectors.mailboxes.files.source import FileSource
from tests.adapters.archive_files import LETTER, Members, Pipe, add, encrypted, ids, items, mbox, raws, tar_at, zip_at
from tests.contracts.mail_source import MAILS, MailSourceContract, letter, messages, place_of
from tests.fakes.archive import MemoryArchive
from tests.fakes.mail_source import Mail


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where archives are unpacked; nothing may be left there."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


# --- the contract ----------------------------------------------------------------------------------


class _InArchive(MailSourceContract):
    """Folders lie below the archive, whose name they begin with."""

    name = ""
    keeps_cursors = False

    @pytest.fixture(autouse=True)
    def _root(self, tmp_path: Path) -> None:
        self.root = tmp_path / "mail"
        self.root.mkdir()

    def members(self, mails: Sequence[Mail]) -> Members:
        return [(f"{mail.folder}/{number}.eml", mail.raw) for number, mail in enumerate(mails)]

    def pack(self, path: Path, members: Members) -> None:
        raise NotImplementedError

    def source_with(self, mails: Sequence[Mail]) -> MailSource:
        if mails:
            self.pack(self.root / self.name, self.members(mails))
        return FileSource("disk", [self.root])

    def emptied_source(self) -> MailSource:
        (self.root / self.name).unlink()
        return FileSource("disk", [self.root])

    def missing_source(self) -> MailSource:
        return FileSource("disk", [self.root / "missing.zip"])

    def traces(self) -> object:
        return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in self.root.iterdir()}

    def test_every_place_names_its_source_and_folder(self) -> None:
        found = sorted((item.occurrence.place.folder, item.raw) for item in messages(self.source_with(MAILS)))
        assert found == sorted((f"{self.name}/{mail.folder}", mail.raw) for mail in MAILS)

    def test_only_mail_in_a_sent_folder_is_sent(self) -> None:
        sent = {item.occurrence.place.folder for item in messages(self.source_with(MAILS)) if item.occurrence.is_sent}
        assert sent == {f"{self.name}/Sent"}

    def test_folders_of_the_policy_are_counted_item_by_item_and_never_offered(self) -> None:
        left_out = {"Drafts": "folder_drafts", "Outbox": "folder_outbox", "Sync Issues": "folder_sync_issues"}
        mails = [Mail(folder, letter(number)) for number in (1, 2) for folder in left_out]
        found = list(self.source_with([Mail("INBOX", letter(9)), *mails]).items({}))
        assert Counter(item.code for item in found if isinstance(item, RefusedItem)) == dict.fromkeys(left_out.values(), 2)
        assert raws(found) == [letter(9)]


class TestZip(_InArchive):
    name = "old.zip"

    def pack(self, path: Path, members: Members) -> None:
        zip_at(path, members)


class TestMaildirInTar(_InArchive):
    name = "old.tar"

    def members(self, mails: Sequence[Mail]) -> Members:
        return [(f"{mail.folder}/{part}/{n}.host:2,S", mail.raw) for n, mail in enumerate(mails) for part in ("cur",)] + [
            (f"{folder}/tmp/.keep", b"") for folder in {mail.folder for mail in mails}
        ]

    def pack(self, path: Path, members: Members) -> None:
        tar_at(path, members)


class TestMboxInPackedTar(_InArchive):
    name = "old.tar.xz"

    def members(self, mails: Sequence[Mail]) -> Members:
        folders = dict.fromkeys(mail.folder for mail in mails)
        return [(folder, mbox(*(mail.raw for mail in mails if mail.folder == folder))) for folder in folders]

    def pack(self, path: Path, members: Members) -> None:
        tar_at(path, members, "w:xz")


# --- what is read ----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_members_of_a_zip_are_read_in_the_order_of_their_names(tmp_path: Path, method: int) -> None:
    two = mbox(letter(2), letter(3))
    path = zip_at(tmp_path / "a.zip", [("b/x.mbox", two), ("a/1.eml", LETTER), ("b/readme.txt", b"no mail")], method)
    found = items(path)
    assert ids(found, path) == [
        ("message", "a/1.eml"), ("not_mail", "b/readme.txt"), ("message", "b/x.mbox#0"),
        ("message", f"b/x.mbox#{len(two) // 2}"),
    ]  # fmt: skip
    assert raws(found) == [LETTER, letter(2), letter(3)]
    assert [place_of(item).folder for item in found] == ["a.zip/a", "a.zip/b", "a.zip/b/x.mbox", "a.zip/b/x.mbox"]


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
@pytest.mark.parametrize("layout", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_members_of_a_tar_are_read_whatever_its_name_packing_and_flavour(tmp_path: Path, mode: str, layout: int) -> None:
    long_name = "/".join(["folder"] * (14 if layout == tarfile.USTAR_FORMAT else 40)) + "/1.eml"
    path = tmp_path / "no-ending"
    with tarfile.open(path, mode, format=layout) as archive:  # type: ignore[call-overload]
        add(archive, "./x.mbox", mbox(letter(2)))
        add(archive, long_name, LETTER)
        add(archive, "empty", type=tarfile.DIRTYPE)
    assert ids(items(path), path) == [("message", long_name), ("message", "x.mbox#0")]


@pytest.mark.parametrize(("ending", "pack"), [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)])
def test_a_packed_mbox_is_one_member(tmp_path: Path, ending: str, pack: Callable[[bytes], bytes]) -> None:
    path = tmp_path / f"INBOX.mbox{ending}"
    path.write_bytes(pack(mbox(letter(2), letter(3))))
    found = items(path)
    assert raws(found) == [letter(2), letter(3)]
    assert {place_of(item).folder for item in found} == {f"INBOX.mbox{ending}/INBOX.mbox"}
    assert ids(found, path)[0] == ("message", "INBOX.mbox#0")


def test_a_maildir_in_an_archive_is_read_as_one_on_disk(tmp_path: Path) -> None:
    box = [("Mail/cur/2.host:2,RS", letter(2)), ("Mail/new/1.host", LETTER), ("Mail/tmp/3.host", b"half a let")]
    sub = [("Mail/.Sent/cur/4.host:2,S", letter(4)), ("Mail/.Sent/new/", b""), ("Mail/dovecot.index.cache", b"From x")]
    path = zip_at(tmp_path / "box.zip", [*box, *sub])
    found = items(path)
    assert ids(found, path) == [("message", own) for own in ("Mail/1.host", "Mail/2.host", "Mail/.Sent/4.host")]
    occurrences = [item.occurrence for item in found if isinstance(item, OfferedMessage)]
    assert [(one.place.folder, one.flags, one.is_sent) for one in occurrences] == [
        ("box.zip/Mail", (), False), ("box.zip/Mail", ("\\Answered", "\\Seen"), False), ("box.zip/Mail/Sent", ("\\Seen",), True),
    ]  # fmt: skip


def test_archives_in_archives_are_read_to_a_depth(tmp_path: Path) -> None:
    inner = zip_at(tmp_path / "1", [("1.eml", LETTER)])
    for number in (2, 3, 4):
        pack = tar_at if number % 2 else zip_at
        inner = pack(tmp_path / str(number), [(f"{number - 1}.zip", inner.read_bytes()), (f"{number}.eml", letter(number))])
    found = items(inner)
    assert ids(found, inner) == [
        ("archive_too_deep", "3.zip!2.zip!1.zip"), ("message", "3.zip!2.zip!2.eml"), ("message", "3.zip!3.eml"),
        ("message", "4.eml"),
    ]  # fmt: skip
    assert bytes(found[0].raw or b"") == (tmp_path / "1").read_bytes()
    assert place_of(found[1]).folder == "4/3.zip/2.zip"


@pytest.mark.parametrize("mark", ["META-INF/MANIFEST.MF", "[Content_Types].xml", "mimetype"])
@pytest.mark.parametrize("name", ["1.eml", "Mail/Old.MBOX"])
def test_a_zip_of_mail_is_no_document_whatever_lies_beside_the_mail(tmp_path: Path, mark: str, name: str) -> None:
    raw = LETTER if name.endswith("eml") else mbox(LETTER)
    assert raws(items(zip_at(tmp_path / "a.zip", [(mark, b"x"), (name, raw)]))) == [LETTER]


def test_a_zip_that_was_to_be_split_and_is_one_piece(tmp_path: Path) -> None:
    path = zip_at(tmp_path / "a.zip", [("1.eml", LETTER), ("2.eml", letter(2))])
    path.write_bytes(b"PK00" + path.read_bytes())
    assert raws(items(path)) == [LETTER, letter(2)]


def test_the_id_of_a_second_member_is_never_that_of_another(tmp_path: Path) -> None:
    names = ["1.eml", "1.eml", "1.eml", "1.eml~2", "1.eml~2"]
    path = tar_at(tmp_path / "a.tar", [(name, letter(number)) for number, name in enumerate(names)])
    told = [own for _, own in ids(items(path), path)]
    assert told == ["1.eml", "1.eml~3", "1.eml~4", "1.eml~2", "1.eml~2~2"]


def test_two_members_of_one_name_are_two_items(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        path = zip_at(tmp_path / "a.zip", [("1.eml", LETTER), ("1.eml", letter(2)), ("2.eml", letter(3))])
    found = items(path)
    assert ids(found, path) == [("message", own) for own in ("1.eml", "1.eml~2", "2.eml")]
    assert raws(found) == [LETTER, letter(2), letter(3)]


def test_streamed_members_and_names_in_other_encodings(tmp_path: Path) -> None:
    out = Pipe()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("Entwürfe/1.eml", LETTER)
    streamed = tmp_path / "streamed.zip"
    streamed.write_bytes(out.getvalue())
    assert [item.code for item in items(streamed) if isinstance(item, RefusedItem)] == ["folder_drafts"]

    utf8 = "Büro/1.eml".encode()
    raw = zip_at(tmp_path / "plain.zip", [("B" * len(utf8), LETTER)]).read_bytes().replace(b"B" * len(utf8), utf8)
    unsaid = tmp_path / "unsaid.zip"
    unsaid.write_bytes(raw)
    assert ids(items(unsaid), unsaid) == [("message", "Büro/1.eml")]
    latin = tmp_path / "latin.tar"
    with tarfile.open(latin, "w", format=tarfile.GNU_FORMAT, encoding="latin-1") as tar:
        add(tar, "Büro/1.eml", LETTER)
    assert ids(items(latin), latin) == [("message", "B\\xfcro/1.eml")]


def test_an_archive_of_nothing_is_no_mail(tmp_path: Path) -> None:
    empty = zip_at(tmp_path / "empty.zip", [])
    assert ids(items(empty), empty) == [("not_mail", "")]


def test_what_a_mac_puts_beside_a_letter_is_no_letter(tmp_path: Path) -> None:
    path = zip_at(tmp_path / "a.zip", [("Mail/1.eml", LETTER), ("__MACOSX/Mail/._1.eml", b"\0\5\x16\7\0\2\0\0Mac OS X")])
    assert ids(items(path), path) == [("message", "Mail/1.eml"), ("not_mail", "__MACOSX/Mail/._1.eml")]


@pytest.mark.parametrize("head", [b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07\x01", b"\x28\xb5\x2f\xfd", b"\x1f\x9d\x90"])
def test_archives_of_other_kinds_are_kept_and_named(tmp_path: Path, head: bytes) -> None:
    path = tmp_path / "a"
    path.write_bytes(head + b"and what follows")
    found = items(path)
    assert ids(found, path) == [("archive_not_supported", "")]
    assert bytes(found[0].raw or b"") == path.read_bytes()


def test_a_message_that_is_named_eml_stays_a_message_whatever_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "odd.eml"
    path.write_bytes(zip_at(tmp_path / "a.zip", [("1.eml", LETTER)]).read_bytes())
    assert raws(items(path)) == [path.read_bytes()]


# --- nothing is left behind ------------------------------------------------------------------------


def test_a_reader_that_stops_early_leaves_nothing_behind(tmp_path: Path, scratch: Path) -> None:
    inner = tar_at(tmp_path / "inner", [("1.mbox", mbox(LETTER, letter(2)))], "w:gz").read_bytes()
    source = FileSource("disk", [zip_at(tmp_path / "a.zip", [("a", inner), ("b.eml", LETTER)])])
    reading = source.items({})
    next(reading)
    [private] = scratch.iterdir()
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    assert len(list(private.iterdir())) == 3, "one file for each archive on the way, and one for the member"
    reading.close()
    assert not private.exists()


def test_members_do_not_stay_on_disk_when_the_next_is_read(tmp_path: Path, scratch: Path) -> None:
    path = zip_at(tmp_path / "a.zip", [(f"{number}.eml", letter(number)) for number in range(20)])
    seen = [len(list(next(scratch.iterdir()).iterdir())) for _ in FileSource("disk", [path], none_excluded).items({})]
    assert seen == [1] * 20


# --- a whole capture -------------------------------------------------------------------------------


def test_mail_in_archives_is_archived_once_and_known_again(tmp_path: Path) -> None:
    folder, archive = tmp_path / "mail", MemoryArchive()
    folder.mkdir()
    zip_at(folder / "a.zip", [("1.eml", LETTER), ("2.eml", letter(2))])
    tar_at(folder / "b.tar.gz", [("1.eml", LETTER), ("readme", b"no mail")], "w:gz")
    encrypted(folder / "c.zip")
    first = archive.capture(FileSource("disk", [folder]))
    assert {key: number for key, number in first.counts.items() if number and key != "offered"} == {
        "archived": 2, "already_held": 2, "quarantined": 1, "excluded": 1,
    }  # fmt: skip
    second = archive.capture(FileSource("disk", [folder]))
    assert second.counts.get("archived", 0) == 0
