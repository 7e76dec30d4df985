"""Archives that lie about where things are, or hold more than they list: each gives a state, and what lies beside is read."""

from __future__ import annotations

import bz2
import io
import lzma
import shutil
import struct
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from capstone.domain.message import OfferedItem
from connectors.mailboxes.archives.limits import LIMITS
from connectors.mailboxes.archives.reading import Unpacking
from connectors.mailboxes.files.content import Content
from connectors.mailboxes.files.tree import Found, Kind
from tests.adapters.archive_files import LETTER, ids, items, mbox, raws, tar_at, zip_at
from tests.contracts.mail_source import letter

FAR = 2**64 - 1
MEMBERS = [("1.eml", LETTER), ("2.eml", letter(2)), ("3.eml", letter(3))]


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where archives are unpacked; nothing may be left there."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


def put(path: Path, raw: bytes) -> Path:
    path.write_bytes(raw)
    return path


# --- places that are none --------------------------------------------------------------------------


def with_a_far_locator(path: Path) -> bytes:
    """The ZIP64 end of the list is said to lie where no file ends."""
    raw = zip_at(path, MEMBERS).read_bytes()
    return raw[:-22] + struct.pack("<4sLQL", b"PK\6\7", 0, FAR, 1) + raw[-22:]


def with_a_far_member(path: Path) -> bytes:
    with zipfile.ZipFile(path, "w") as archive:
        for name, raw in MEMBERS:
            archive.writestr(name, raw)
        archive.filelist[1].header_offset = FAR
    return path.read_bytes()


def with_a_far_end(_path: Path) -> bytes:
    """A list is missing, and the first member is said to end where no file does."""
    extra = struct.pack("<2H2Q", 1, 16, len(LETTER), FAR - 9)
    head = struct.pack("<4s5H3L2H", b"PK\3\4", 45, 0, 0, 0, 0, 0, 0xFFFF_FFFF, 0xFFFF_FFFF, 5, len(extra))
    return head + b"1.eml" + extra + LETTER


def with_a_chain_of_long_names(path: Path) -> bytes:
    link = tarfile.TarInfo("././@LongLink")
    link.type, link.size = tarfile.GNUTYPE_LONGNAME, 6
    chain = (link.tobuf(tarfile.GNU_FORMAT) + b"1.eml\0".ljust(512, b"\0")) * 1500
    return chain + tar_at(path, MEMBERS).read_bytes()


HOSTILE = {
    with_a_far_locator: "archive_damaged", with_a_far_member: "archive_damaged", with_a_far_end: "archive_member_damaged",
    with_a_chain_of_long_names: "archive_damaged",
}  # fmt: skip


@pytest.mark.parametrize("make", HOSTILE)
def test_an_archive_that_lies_about_places_does_not_end_the_run(tmp_path: Path, make: Callable[[Path], bytes]) -> None:
    path, beside = put(tmp_path / "a", make(tmp_path / "made")), put(tmp_path / "b.eml", letter(9))
    found = items(path, beside)
    assert raws(found)[-1] == letter(9)
    assert {code for code, _ in ids(found[:-1], path)} - {"message"} == {HOSTILE[make]}


@pytest.mark.parametrize("by", [5000, -50])
def test_a_list_that_is_said_to_lie_elsewhere_is_read_by_the_headers(tmp_path: Path, by: int) -> None:
    raw = bytearray(zip_at(tmp_path / "whole.zip", MEMBERS).read_bytes())
    struct.pack_into("<L", raw, len(raw) - 6, struct.unpack_from("<L", raw, len(raw) - 6)[0] + by)
    path = put(tmp_path / "a.zip", bytes(raw))
    found = items(path)
    assert raws(found) == [raw for _, raw in MEMBERS]
    assert ids(found, path)[3:] == [("archive_damaged", "")]


@pytest.mark.parametrize("error", [OverflowError, RecursionError, MemoryError, ValueError])
def test_no_error_in_an_archive_leaves_it(tmp_path: Path, error: type[Exception]) -> None:
    def cut(_member: Found, _unpacking: Unpacking) -> Iterator[OfferedItem]:
        raise error

    path = zip_at(tmp_path / "a.zip", MEMBERS)
    with path.open("rb", buffering=0) as file:
        read = Unpacking("disk", LIMITS).items(Content.ZIP, file, Found(Kind.FILE, bytes(path), "", str(path)), cut)
        assert ids(list(read), path) == [("archive_damaged", "")]


# --- several streams in one file -------------------------------------------------------------------


PACKERS: dict[str, Callable[[bytes], bytes]] = {"bz2": bz2.compress, "xz": lzma.compress}


@pytest.mark.parametrize("ending", PACKERS)
def test_streams_behind_one_another_are_one_file(tmp_path: Path, ending: str) -> None:
    pack = PACKERS[ending]
    parts = [pack(mbox(letter(number))) for number in (1, 2)]
    padded = put(tmp_path / f"a.mbox.{ending}", b"".join(part + bytes(8 if ending == "xz" else 0) for part in parts))
    assert ids(items(padded), padded)[0] == ("message", "a.mbox#0")
    assert raws(items(padded)) == [LETTER, letter(2)]


def damaged(raw: bytes) -> Sequence[bytes]:
    middle = len(raw) // 2
    return [b"?" + raw[1:], raw[:middle] + bytes([raw[middle] ^ 0xFF]) + raw[middle + 1 :], raw[:-5], raw[:3], b"trailing"]


@pytest.mark.parametrize("number", range(5))
@pytest.mark.parametrize("ending", PACKERS)
def test_damage_in_a_later_stream_is_named(tmp_path: Path, ending: str, number: int) -> None:
    pack = PACKERS[ending]
    first, second = pack(mbox(LETTER, letter(2))), pack(mbox(letter(3)))
    path = put(tmp_path / f"a.mbox.{ending}", first + damaged(second)[number])
    found = items(path)
    assert ids(found, path)[-1] == ("archive_damaged", "")
    assert LETTER in raws(found), "what came before is as it was"


# --- what no list names ----------------------------------------------------------------------------


@pytest.mark.parametrize("more", ["tar", "text"])
def test_what_follows_the_end_of_a_tar_is_not_passed_over(tmp_path: Path, more: str) -> None:
    first, second = tar_at(tmp_path / "1", MEMBERS).read_bytes(), tar_at(tmp_path / "2", [("4.eml", letter(4))]).read_bytes()
    path = put(tmp_path / "a.tar", first + (second if more == "tar" else b"\0" * 3_000_000 + mbox(letter(4))))
    found = items(path)
    assert raws(found) == [raw for _, raw in MEMBERS]
    assert ids(found, path)[3:] == [("archive_damaged", "")]


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_member_that_the_list_leaves_out_is_not_passed_over(tmp_path: Path, number: int) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, raw in MEMBERS:
            archive.writestr(name, raw)
        del archive.filelist[number]
    found = items(path)
    assert raws(found) == [raw for at, (_, raw) in enumerate(MEMBERS) if at != number]
    assert ids(found, path)[2:] == [("archive_damaged", "")]


def test_a_member_that_is_said_to_be_larger_hides_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, raw in MEMBERS:
            archive.writestr(name, raw)
        del archive.filelist[1]
        archive.filelist[0].compress_size += 1000
    found = items(path)
    assert raws(found) == [LETTER, letter(3)]
    assert ids(found, path)[2:] == [("archive_damaged", "")]


@pytest.mark.parametrize("is_before", [True, False])
def test_what_stands_beside_a_zip_in_its_file_is_not_passed_over(tmp_path: Path, is_before: bool) -> None:
    other = zip_at(tmp_path / "other.zip", [("4.eml", letter(4))]).read_bytes()
    whole = zip_at(tmp_path / "whole.zip", MEMBERS).read_bytes()
    path = put(tmp_path / "a.zip", other + whole if is_before else whole + mbox(letter(4)))
    found = items(path)
    assert raws(found) == [raw for _, raw in MEMBERS]
    assert ids(found, path)[3:] == [("archive_damaged", "")]


# --- files with holes ------------------------------------------------------------------------------


def sparse_tar(path: Path, pieces: Sequence[int]) -> Path:
    """Members in the PAX format for files with holes, 1.0, each with a map of so many empty pieces."""
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        for number, count in enumerate(pieces):
            told = b"%d\n" % count + b"0\n" * count * 2
            raw = told + bytes(-len(told) % 512)
            info = tarfile.TarInfo(f"{number}.eml")
            info.size = len(raw)
            info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": f"{number}.eml",
                                "GNU.sparse.realsize": "0"}  # fmt: skip
            archive.addfile(info, io.BytesIO(raw))
    return path


@pytest.mark.parametrize("pieces", [[1_000_000], [90_000] * 4])
def test_a_map_of_holes_as_large_as_memory_is_not_read(tmp_path: Path, pieces: Sequence[int]) -> None:
    path = sparse_tar(tmp_path / "a.tar", pieces)
    assert ids(items(path), path)[-1] == ("archive_damaged", "")


# --- members of a kind that has no bytes, or none that can be read --------------------------------------


def test_bytes_of_an_unknown_kind_in_a_tar_are_kept_and_never_called_a_device(tmp_path: Path) -> None:
    raw = b""
    for name, kind, text in (
        ("label", b"V", b""),
        ("names", b"D", b"Y1.eml\0"),
        ("1.eml", b"0", LETTER),
        ("box", b"M", mbox(letter(2))),
        ("2.eml", b"Z", letter(3)),
        ("fifo", b"6", b""),
    ):
        info = tarfile.TarInfo(name)
        info.type, info.size = kind, len(text)
        raw += info.tobuf(tarfile.GNU_FORMAT) + text.ljust(-(-len(text) // 512) * 512, b"\0")
    path = put(tmp_path / "a.tar", raw + bytes(1024))
    found = items(path)
    assert ids(found, path) == [
        ("message", "1.eml"), ("archive_not_supported", "2.eml"), ("archive_not_supported", "box"), ("not_a_file", "fifo"),
    ]  # fmt: skip
    kept = [bytes(item.raw) for item in found if item.raw is not None]
    assert [text in one for text, one in zip((LETTER, letter(3), mbox(letter(2))), kept, strict=True)] == [True] * 3


def a_folder_with_bytes(path: Path) -> bytes:
    """Its list says that the second member, which is called as folders are, holds nothing."""
    raw = bytearray(zip_at(path, [("1.eml", LETTER), ("2.eml/", letter(2))]).read_bytes())
    struct.pack_into("<L", raw, raw.rindex(b"PK\1\2") + 24, 0)
    return bytes(raw)


def test_no_bytes_are_passed_over_as_those_of_a_folder(tmp_path: Path) -> None:
    raw = a_folder_with_bytes(tmp_path / "a.zip")
    path = put(tmp_path / "listed.zip", raw)
    assert ids(items(path), path) == [("message", "1.eml"), ("archive_member_damaged", "2.eml")]
    denied = raw[: raw.rindex(b"PK\1\2") + 16] + bytes(4) + raw[raw.rindex(b"PK\1\2") + 20 :]
    path = put(tmp_path / "denied.zip", denied)
    found = items(path)
    assert ids(found, path) == [("message", "1.eml"), ("archive_member_damaged", "2.eml")]
    assert bytes(found[-1].raw or b"").startswith(b"PK\3\4")
    path = put(tmp_path / "alone.zip", raw[raw.index(b"PK\3\4", 10) : raw.index(b"PK\1\2")])
    assert raws(items(path)) == [letter(2)]


@pytest.mark.parametrize("size", [-1, -512, -(10**9), -(2**80)])
def test_a_tar_with_a_size_below_zero_is_damaged_and_not_a_failure_of_the_system(tmp_path: Path, size: int) -> None:
    heads = []
    for name in ("1.eml", "2.eml"):
        head = bytearray(tarfile.TarInfo(name).tobuf(tarfile.GNU_FORMAT))
        head[124:136] = b"\xff" + (size % 2**88).to_bytes(11, "big") if name == "2.eml" else b"00000000000\0"
        head[148:156] = b" " * 8
        head[148:156] = b"%06o\0 " % sum(head)
        heads.append(bytes(head))
    path = put(tmp_path / "a.tar", b"".join(heads) + bytes(1024))
    assert ids(items(path), path)[-1] == ("archive_damaged", "")
    path = put(tmp_path / "b.tar", heads[1] + bytes(1024))
    assert ids(items(path), path) == [("archive_damaged", "")]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_packed_member_of_no_bytes_is_empty_and_not_damaged(tmp_path: Path, method: int) -> None:
    path = zip_at(tmp_path / "a.zip", [("1.eml", b""), ("2.eml", LETTER)], method)
    assert ids(items(path), path) == [("empty_item", "1.eml"), ("message", "2.eml")]


def test_a_size_that_is_a_lie_is_no_lack_of_room(tmp_path: Path) -> None:
    raw = bytearray(zip_at(tmp_path / "a.zip", MEMBERS).read_bytes())
    struct.pack_into("<L", raw, raw.index(b"PK\1\2") + 24, 2**32 - 2)
    path = put(tmp_path / "b.zip", bytes(raw))
    reserve = shutil.disk_usage(tmp_path).free - 2**30
    found = items(path, limits=replace(LIMITS, reserve_bytes=reserve))
    assert raws(found) == [LETTER, letter(2), letter(3)]
