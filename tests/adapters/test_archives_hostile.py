"""Hostile and damaged ZIP and TAR files: nothing gets out, nothing fills the disk, and what is whole is read."""

from __future__ import annotations

import gzip
import os
import stat
import struct
import subprocess
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from capstone.domain.message import ItemState, RefusedItem
from connectors.mailboxes.archives.limits import ArchiveLimits
from tests.adapters.archive_files import LETTER, Pipe, add, encrypted, ids, items, mbox, raws, tar_at, zip_at
from tests.contracts.mail_source import letter, place_of


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where archives are unpacked; nothing may be left there."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


# --- hostile archives ------------------------------------------------------------------------------


ESCAPES = ("/etc/1.eml", "../1.eml", "a/../../1.eml", "C:/1.eml")


@pytest.mark.parametrize("pack", [zip_at, tar_at])
def test_names_that_lead_out_are_refused_and_their_bytes_kept(tmp_path: Path, pack: Callable[..., Path]) -> None:
    path = pack(tmp_path / "a", [*((name, LETTER) for name in ESCAPES), ("ok.eml", letter(2))])
    before = sorted(tmp_path.iterdir())
    found = items(path)
    assert sorted(ids(found, path)) == sorted([*(("archive_path_escape", name) for name in ESCAPES), ("message", "ok.eml")])
    refused = [item for item in found if isinstance(item, RefusedItem)]
    assert {item.state for item in refused} == {ItemState.QUARANTINED}
    assert pack is zip_at or all(LETTER in bytes(item.raw or b"") for item in refused)
    assert sorted(tmp_path.iterdir()) == before


def test_backslashes_part_levels_in_what_dos_made(tmp_path: Path) -> None:
    path = tmp_path / "dos.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("Mail\\Drafts\\1.eml", "..\\2.eml"):
            info = zipfile.ZipInfo(name)
            info.create_system = 0
            archive.writestr(info, LETTER)
    assert ids(items(path), path) == [("archive_path_escape", "../2.eml"), ("folder_drafts", "Mail/Drafts/1.eml")]


def test_links_and_devices_are_named_and_hard_links_are_what_they_link_to(tmp_path: Path) -> None:
    secret = tmp_path / "secret.eml"
    secret.write_bytes(letter(9))
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        add(archive, "Drafts/1.eml", LETTER)
        add(archive, "Sent/1.eml", type=tarfile.LNKTYPE, linkname="Drafts/1.eml")
        add(archive, "out.eml", type=tarfile.LNKTYPE, linkname=str(secret))
        add(archive, "soft.eml", type=tarfile.SYMTYPE, linkname=str(secret))
        add(archive, "fifo", type=tarfile.FIFOTYPE)
        add(archive, "null", type=tarfile.CHRTYPE, devmajor=1, devminor=3)
    found = items(path)
    assert ids(found, path) == [
        ("folder_drafts", "Drafts/1.eml"), ("message", "Sent/1.eml"), ("not_a_file", "fifo"), ("not_a_file", "null"),
        ("symlink", "out.eml"), ("symlink", "soft.eml"),
    ]  # fmt: skip
    assert raws(found) == [LETTER]


def test_a_link_in_a_zip_is_not_followed(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        info = zipfile.ZipInfo("passwd.eml")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    assert ids(items(path), path) == [("symlink", "passwd.eml")]


BOMBS = {
    "total": (ArchiveLimits(total_bytes=3000), "3,000 bytes"),
    "member": (ArchiveLimits(member_bytes=1500), "larger than 1,500"),
    "members": (ArchiveLimits(members=2), "more than 2 members"),
    "ratio": (ArchiveLimits(ratio=2, free_bytes=0), "2 times its size"),
}


@pytest.mark.parametrize("limit", BOMBS)
@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz"])
def test_a_bomb_ends_its_archive_and_is_kept_whole(tmp_path: Path, limit: str, name: str) -> None:
    limits, said = BOMBS[limit]
    members = [("1.eml", LETTER), ("2.eml", letter(2, "x" * 2000)), ("3.eml", letter(3, "x" * 2000))]
    path = zip_at(tmp_path / name, members) if name == "a.zip" else tar_at(tmp_path / name, members, "w:gz")
    beside = tmp_path / "b.eml"
    beside.write_bytes(letter(9))
    found = items(path, beside, limits=limits)
    bomb = next(item for item in found if isinstance(item, RefusedItem))
    assert (bomb.state, bomb.code, bytes(bomb.raw or b"")) == (ItemState.QUARANTINED, "archive_bomb", path.read_bytes())
    assert said in bomb.reason
    assert place_of(bomb).item_id == str(path)
    assert raws(found)[-1] == letter(9), "what lies beside it is read"


def test_what_was_read_before_a_bomb_went_off_stays_read(tmp_path: Path) -> None:
    inner = zip_at(tmp_path / "inner.zip", [("x", b"\0" * 2_000_000)])
    path = zip_at(tmp_path / "a.zip", [("1.eml", LETTER), ("2.zip", inner.read_bytes()), ("3.eml", letter(3))])
    found = items(path, limits=ArchiveLimits(free_bytes=10_000))
    assert ids(found, path) == [("message", "1.eml"), ("archive_bomb", "")]


def test_a_zip_that_says_a_smaller_size_is_damaged_and_never_unpacked_beyond_it(tmp_path: Path) -> None:
    raw = zip_at(tmp_path / "a.zip", [("x.eml", b"x" * 3_000_000)]).read_bytes()
    lying = tmp_path / "lying.zip"
    lying.write_bytes(raw.replace(struct.pack("<L", 3_000_000), struct.pack("<L", 10)))
    assert ids(items(lying, limits=ArchiveLimits(member_bytes=20)), lying) == [("archive_member_damaged", "x.eml")]


def test_a_header_as_large_as_memory_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        add(archive, "1.eml", LETTER)
        add(archive, "long", b"9" * 3_000_000, type=tarfile.XHDTYPE)
        add(archive, "2.eml", letter(2))
    assert ids(items(path), path) == [("message", "1.eml"), ("archive_damaged", "")]


def test_a_file_with_holes_counts_with_its_holes(tmp_path: Path) -> None:
    sparse = tmp_path / "x.mbox"
    with sparse.open("wb") as file:
        file.write(mbox(LETTER))
        file.seek(1_000_000)
        file.write(b"\n" + mbox(letter(2)))
    path = tmp_path / "a.tar"
    subprocess.run(["tar", "-C", tmp_path, "--sparse", "--format=gnu", "-cf", path, "x.mbox"], check=True)
    sparse_raws = raws(items(path))
    assert sparse_raws == raws(items(sparse))
    assert len(path.read_bytes()) < 100_000
    bomb = items(path, limits=ArchiveLimits(member_bytes=500_000))
    assert ids(bomb, path) == [("archive_bomb", "")]


def test_no_room_to_unpack_is_a_failure_that_a_later_run_mends(tmp_path: Path) -> None:
    path = zip_at(tmp_path / "a.zip", [("1.eml", LETTER)])
    [item] = items(path, limits=ArchiveLimits(reserve_bytes=1 << 60))
    assert isinstance(item, RefusedItem)
    assert (item.state, item.code) == (ItemState.FAILED, "unreadable")
    assert "ENOSPC" in item.reason


# --- damage ----------------------------------------------------------------------------------------


def test_encrypted_members_are_named_and_kept_as_they_lie(tmp_path: Path) -> None:
    path = encrypted(tmp_path / "a.zip")
    found = items(path)
    assert ids(found, path) == [("archive_encrypted", "1.eml"), ("message", "2.eml")]
    assert bytes(found[0].raw or b"") == path.read_bytes()[: path.read_bytes().index(LETTER) + len(LETTER)]


def test_an_unknown_method_is_named(tmp_path: Path) -> None:
    path = zip_at(tmp_path / "a.zip", [("1.eml", LETTER)], zipfile.ZIP_STORED)
    raw = bytearray(path.read_bytes())
    raw[8] = raw[raw.index(b"PK\1\2") + 10] = 97
    path.write_bytes(raw)
    assert ids(items(path), path) == [("archive_not_supported", "1.eml")]


def test_a_member_with_a_wrong_checksum_is_named_and_the_others_read(tmp_path: Path) -> None:
    path = zip_at(tmp_path / "a.zip", [("1.eml", LETTER), ("2.mbox", mbox(letter(2), letter(3))), ("3.eml", letter(4))], 0)
    path.write_bytes(path.read_bytes().replace(b"Note 3", b"Note 8"))
    found = items(path)
    assert ids(found, path) == [("message", "1.eml"), ("archive_member_damaged", "2.mbox"), ("message", "3.eml")]
    assert b"Note 8" in bytes(found[1].raw or b"")


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_of_a_zip_that_was_cut_off_the_whole_members_are_read(tmp_path: Path, method: int) -> None:
    members = [(f"{number}.mbox", mbox(letter(number), letter(number + 10, os.urandom(900).hex()))) for number in (1, 2, 3)]
    path = zip_at(tmp_path / "a.zip", members, method)
    raw = path.read_bytes()
    path.write_bytes(raw[: raw.rindex(b"PK\3\4") + 1000])
    found = items(path)
    assert raws(found)[:4] == [letter(1), raws(found)[1], letter(2), raws(found)[3]]
    assert [code for code, _ in ids(found, path)][-2:] == ["archive_member_damaged", "archive_damaged"]
    assert raws(found)[4:] == [letter(3)], "the record that the cut went through is not taken"
    assert bytes(found[-1].raw or b"") == path.read_bytes()


def test_streamed_members_are_found_without_a_list(tmp_path: Path) -> None:
    out = Pipe()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in (1, 2):
            archive.writestr(f"{number}.eml", letter(number))
    path = tmp_path / "a.zip"
    path.write_bytes(out.getvalue()[: out.getvalue().index(b"PK\1\2") + 4])
    assert ids(items(path), path) == [("message", "1.eml"), ("message", "2.eml"), ("archive_damaged", "")]


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_of_a_tar_that_was_cut_off_the_whole_members_are_read(tmp_path: Path, mode: str) -> None:
    bodies = [os.urandom(3000).hex() for _ in range(3)]
    path = tar_at(tmp_path / "a.tar", [(f"{n}.eml", letter(n, body)) for n, body in enumerate(bodies)], mode)
    path.write_bytes(path.read_bytes()[: int(len(path.read_bytes()) * (0.55 if mode == "w" else 0.9))])
    found = items(path)
    assert raws(found) == [letter(number, bodies[number]) for number in (0, 1)]
    assert [code for code, _ in ids(found, path)][2:] == ["archive_member_damaged", "archive_damaged"]


def test_a_bad_header_in_the_middle_of_a_tar_is_not_taken_for_its_end(tmp_path: Path) -> None:
    path = tar_at(tmp_path / "a.tar", [("1.eml", LETTER), ("2.eml", letter(2)), ("3.eml", letter(3))])
    path.write_bytes(path.read_bytes().replace(b"2.eml", b"!.eml"))
    assert ids(items(path), path) == [("message", "1.eml"), ("archive_damaged", "")]


def test_of_a_packed_mbox_that_was_cut_off_the_whole_records_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.mbox.gz"
    path.write_bytes(gzip.compress(mbox(LETTER, letter(2, os.urandom(5000).hex())))[:-3000])
    assert ids(items(path), path) == [("message", "a.mbox#0"), ("archive_damaged", "")]


@pytest.mark.parametrize("head", [b"PK\3\4", b"\x1f\x8b\x08", b"BZh91AY&SY", b"\xfd7zXZ\0"])
def test_what_only_begins_like_an_archive_is_kept(tmp_path: Path, head: bytes) -> None:
    path = tmp_path / "a"
    path.write_bytes(head + b"and no more of it")
    found = items(path)
    assert ids(found, path) == [("archive_damaged", "")]
    assert bytes(found[0].raw or b"") == path.read_bytes()


def test_any_byte_may_be_wrong(tmp_path: Path) -> None:
    members = [("Mail/cur/1.host:2,S", LETTER), ("Mail/new/2.host", letter(2)), ("x.mbox", mbox(letter(3), letter(4)))]
    whole = {zip_at(tmp_path / "a.zip", members).read_bytes(), tar_at(tmp_path / "a.tar", members, "w:gz").read_bytes()}
    whole.add(tar_at(tmp_path / "b.tar", members).read_bytes()[:6000])
    path = tmp_path / "damaged"
    for raw in whole:
        for at in range(0, len(raw), 7):
            path.write_bytes(raw[:at] + bytes([raw[at] ^ 0xFF]) + raw[at + 1 :])
            assert items(path), at


def test_a_name_without_end_before_a_packed_file_costs_no_time(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(b"\x1f\x8b\x08\x08" + bytes(6) + b"A" * 10_000_000)
    before = time.process_time()
    assert ids(items(path), path) == [("archive_damaged", "")]
    assert time.process_time() - before < 3
