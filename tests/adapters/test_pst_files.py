"""PST files among files: their folders and items, and what the archive holds of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from base64 import b64decode
from collections import Counter
from collections.abc import Mapping, Sequence
from ctypes import c_size_t, c_uint8, c_uint32, create_string_buffer
from pathlib import Path
from shutil import copy

import pytest

from capstone.domain.facts.read import read_facts
from capstone.domain.fixity import digest_of
from capstone.domain.folders import none_excluded
from capstone.domain.message import CompanionKind, HeldItem, ItemState, OfferedItem, OfferedMessage, RefusedItem
from capstone.ports import holds_nothing
from connectors.mailboxes.files.regular import open_regular
from connectors.mailboxes.files.source import FileSource
from connectors.mailboxes.outlook.pst import PstPlace
from connectors.mailboxes.outlook.pst_library import _function
from connectors.mailboxes.outlook.reader_process import Limits
from connectors.mailboxes.outlook.source import OutlookFiles
from tests.adapters.pst_samples import MAILBOX, NODES, copied_mailbox, messages, refusals
from tests.corpus import corpus_root
from tests.programs import needed

BODIES = "tika/microsoft/testPST_variousBodyTypes.pst"
CONTACTS, PASSWORD = "java-libpst/dist-list.pst", "java-libpst/passworded.pst"


@pytest.fixture
def mailbox(tmp_path: Path) -> Path:
    return copied_mailbox(tmp_path)


def test_every_item_is_offered_with_the_native_one_beside_it(mailbox: Path) -> None:
    found = messages(list(FileSource("disk", [mailbox]).items({})))
    digest = digest_of(mailbox.read_bytes())
    assert [one.occurrence.identity for one in found] == [f"pst:{digest}:{node}" for node in NODES]
    assert [one.occurrence.place.item_id for one in found] == [f"{mailbox}#{node}" for node in NODES]
    assert all(one.raw.startswith(b"X-Capstone-Generated: 2; from=pst;") for one in found)
    for one in found:
        (native,) = one.companions
        told = json.loads(native.raw)
        assert (native.kind, native.suffix, told["of"]) == (CompanionKind.NATIVE, "json", digest_of(one.raw))
        assert len(told["item"]["properties"]) > 60


def test_what_the_message_and_the_native_item_hold_of_attachments_is_all_of_them(mailbox: Path) -> None:
    last = messages(list(FileSource("disk", [mailbox]).items({})))[-1]
    inner = json.loads(last.companions[0].raw)["item"]["attachments"][0]["message"]["attachments"][0]
    (file,) = read_facts(last.raw).attachments
    assert (file.name, file.digest, file.size_bytes) == ("attachment.docx", inner["data"]["sha256"], inner["data"]["size"])
    assert "base64" not in inner


def scrambled(raw: bytes) -> bytes:
    """As the file of the samples keeps its bytes: each stands for another one."""
    table = create_string_buffer(bytes(range(256)), 256)
    assert _function("encryption_decrypt")(c_uint8(1), c_uint32(0), table, c_size_t(256), None) == 256
    return bytes(table.raw.index(bytes([one])) for one in raw)


@pytest.mark.parametrize("told", ["05370300 00000000", "05370300 02000000", "05370300 09000000", "06370300 01000000"])
def test_bytes_of_an_attachment_are_kept_whatever_is_said_of_how_it_is_attached(mailbox: Path, told: str) -> None:
    """None, by reference, a way that nobody knows, and nothing said at all."""
    whole = messages(list(FileSource("disk", [mailbox]).items({})))[-1]
    raw, by_value = mailbox.read_bytes(), scrambled(bytes.fromhex("05370300 01000000"))
    assert raw.count(by_value) == 1
    mailbox.write_bytes(raw.replace(by_value, scrambled(bytes.fromhex(told))))
    assert messages(list(FileSource("disk", [mailbox]).items({})))[-1].raw == whole.raw


def test_folders_stand_below_the_file_and_the_users_own_have_no_root(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    copy(corpus_root() / BODIES, tmp_path / "old" / "mail.pst")
    items = list(FileSource("disk", [tmp_path]).items({}))
    assert {item.occurrence.place.folder for item in messages(items)} == {"old/mail.pst/Inbox/tmp"}
    assert len(messages(items)) == len(items) == 4


def test_held_items_are_asked_for_at_once_and_not_read_again(mailbox: Path) -> None:
    asked: list[Sequence[str]] = []
    prefix = f"pst:{digest_of(mailbox.read_bytes())}:"

    def held(identities: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        asked.append(identities)
        return {prefix + str(node): (f"{node:064}",) for node in NODES[:-1]}

    source = FileSource("disk", [mailbox], held=held)
    *known, new = source.items({})
    assert [item.digest for item in known if isinstance(item, HeldItem)] == [f"{node:064}" for node in NODES[:-1]]
    assert isinstance(new, OfferedMessage)
    assert asked == [[prefix + str(node) for node in NODES]]
    assert sorted(place.item_id for place in source.places()) == [f"{mailbox}#{node}" for node in NODES]


def test_folders_of_the_policy_are_left_out_item_by_item_also_in_a_file_that_was_named(tmp_path: Path) -> None:
    path = Path(copy(corpus_root() / BODIES, tmp_path / "mail.pst"))
    source = FileSource("disk", [path], lambda folder: "folder_tmp" if folder.endswith("tmp") else None)
    items = list(source.items({}))
    assert Counter((item.state, item.code) for item in refusals(items)) == {(ItemState.EXCLUDED, "folder_tmp"): 4}
    assert len(items) == 4
    assert source.notes()[0].counts["emitted"] == 4


@pytest.mark.parametrize(
    ("name", "codes", "has_password"),
    [
        (CONTACTS, {"item_class_appointment": 1, "item_class_contact": 2, "item_class_configuration": 1}, False),
        (PASSWORD, {"item_class_contact": 2, "item_class_configuration": 1}, True),
    ],
)
def test_items_that_are_no_mail_are_counted_by_class_and_a_password_keeps_nothing_out(
    name: str, codes: dict[str, int], has_password: bool
) -> None:
    source = FileSource("disk", [corpus_root() / name])
    items = list(source.items({}))
    assert Counter(item.code for item in refusals(items)) == codes
    (note,) = source.notes()
    assert (note.code, note.is_gap, "password" in note.reason) == ("container", False, has_password)
    assert (note.counts["expected"], note.counts["emitted"], note.counts["unrecovered"]) == (len(items), len(items), 0)


def test_the_note_of_a_file_has_the_opinion_of_another_program_and_is_gone_at_the_next_pass(mailbox: Path) -> None:
    needed("lspst", "pst-utils")
    source = FileSource("disk", [mailbox])
    for _ in range(2):
        list(source.items({}))
        (note,) = source.notes()
        assert note.where == str(mailbox)
        assert note.counts == {"expected": 7, "emitted": 7, "unrecovered": 0, "second_witness": 7}


def test_reading_changes_nothing(mailbox: Path) -> None:
    mailbox.chmod(0o444)
    before = (mailbox.read_bytes(), mailbox.stat().st_mtime_ns, sorted(mailbox.parent.iterdir()))
    list(FileSource("disk", [mailbox]).items({}))
    assert (mailbox.read_bytes(), mailbox.stat().st_mtime_ns, sorted(mailbox.parent.iterdir())) == before


def test_the_first_item_does_not_wait_for_the_last_and_who_goes_away_leaves_no_process(mailbox: Path) -> None:
    items = FileSource("disk", [mailbox]).items({})
    first = next(items)
    assert isinstance(first, OfferedMessage)
    items.close()  # type: ignore[attr-defined]
    again = list(FileSource("disk", [mailbox]).items({}))
    assert again[0] == first


@pytest.mark.parametrize("raw", [b"!BDN", b"!BDN" + bytes(600), b"!BDN" + b"\xff" * 9000])
def test_a_file_that_cannot_be_opened_is_quarantined_whole(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "mail.pst").write_bytes(raw)
    (item,) = FileSource("disk", [tmp_path]).items({})
    assert isinstance(item, RefusedItem)
    assert (item.state, item.code, bytes(item.raw or b"")) == (ItemState.QUARANTINED, "container_unreadable", raw)


def test_what_is_read_is_the_file_that_was_digested_whatever_comes_to_lie_at_its_path(mailbox: Path) -> None:
    digest = digest_of(mailbox.read_bytes())
    found: list[OfferedItem] = []
    outlook = OutlookFiles(holds_nothing, none_excluded, Limits(), [])
    try:
        with open_regular(os.fsencode(mailbox)) as file:
            mailbox.rename(mailbox.with_name("moved"))
            copy(corpus_root() / BODIES, mailbox)
            found += outlook.pst(file, PstPlace(os.fsencode(mailbox), "disk", "", "mail.pst", ""))
    finally:
        outlook.close()
    assert [one.occurrence.identity for one in messages(found)] == [f"pst:{digest}:{node}" for node in NODES]


def test_a_file_that_changes_while_it_is_read_fails_and_gives_no_identity_after_that(mailbox: Path) -> None:
    items = FileSource("disk", [mailbox]).items({})
    first = next(items)
    with mailbox.open("ab") as file:
        file.write(b"more")
    (failed,) = rest = list(items)
    assert isinstance(first, OfferedMessage)
    assert [(one.state, one.code) for one in refusals(rest)] == [(ItemState.FAILED, "unreadable")]
    assert isinstance(failed, RefusedItem)


def test_the_same_file_gives_the_same_bytes_in_every_process() -> None:
    program = (
        "import sys\nfrom pathlib import Path\nfrom capstone.domain.fixity import digest_of\n"
        "from connectors.mailboxes.files.source import FileSource\n"
        "if __name__ == '__main__':\n"
        "    for item in FileSource('disk', [Path(one) for one in sys.argv[1:]]).items({}):\n"
        "        print(digest_of(item.raw), *(digest_of(one.raw) for one in item.companions))\n"
    )
    paths = [str(corpus_root() / name) for name in (MAILBOX, BODIES, "msgreader/EmailWithInnerMailAndAttachments.msg")]
    said = {
        subprocess.run(
            [sys.executable, "-c", program, *paths], check=True, capture_output=True, cwd=Path(__file__).resolve().parents[2],
            env={"PYTHONHASHSEED": seed, "TZ": zone, "LC_ALL": "C"},
        ).stdout
        for seed, zone in (("0", "UTC"), ("4711", "America/New_York"))
    }  # fmt: skip
    assert len(said) == 1
    assert said.pop().count(b"\n") == 12


def test_a_binary_property_stands_in_the_native_item_byte_for_byte(mailbox: Path) -> None:
    first = messages(list(FileSource("disk", [mailbox]).items({})))[0]
    found = {one["tag"]: one["value"] for one in json.loads(first.companions[0].raw)["item"]["properties"] if "value" in one}
    assert b64decode(found["00710102"]["base64"])[:1] == b"\1"
    assert found["0037001f"].endswith("Feature Generators")
