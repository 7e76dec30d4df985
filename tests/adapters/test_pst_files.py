"""PST files among files: their folders and items, what the archive holds of them, and what damage does to them."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import select
import signal
import subprocess
import sys
import tempfile
import threading
from base64 import b64decode
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from ctypes import c_size_t, c_uint8, c_uint32, create_string_buffer
from pathlib import Path
from shutil import copy, which
from typing import Any

import pytest

from capstone.domain.facts.read import read_facts
from capstone.domain.fixity import digest_of
from capstone.domain.folders import none_excluded
from capstone.domain.generated import eml
from capstone.domain.generated.eml import Generated
from capstone.domain.generated.mapi import MapiItem, text_of
from capstone.domain.message import CompanionKind, HeldItem, ItemState, OfferedItem, OfferedMessage, RefusedItem
from capstone.ports import holds_nothing
from connectors.mailboxes.files.regular import open_regular
from connectors.mailboxes.files.source import FileSource
from connectors.mailboxes.outlook import pst_child
from connectors.mailboxes.outlook.pst import PstItemsOffered, PstNotOpened, PstPlace
from connectors.mailboxes.outlook.pst_folders import PstFolders
from connectors.mailboxes.outlook.pst_items import PstItems
from connectors.mailboxes.outlook.pst_library import _function
from connectors.mailboxes.outlook.reader_process import Answers, Limits, Message, ReaderEnded, ReaderProcess
from connectors.mailboxes.outlook.second_witness import Witness
from connectors.mailboxes.outlook.source import OutlookFiles
from tests.corpus import corpus_root

MAILBOX, BODIES = "tika/microsoft/testPST.pst", "tika/microsoft/testPST_variousBodyTypes.pst"
CONTACTS, PASSWORD = "java-libpst/dist-list.pst", "java-libpst/passworded.pst"
NODES = (2097188, 2097220, 2097252, 2097284, 2097316, 2097348, 2097380)


@pytest.fixture
def mailbox(tmp_path: Path) -> Path:
    return Path(copy(corpus_root() / MAILBOX, tmp_path / "mail.pst"))


def messages(items: Sequence[OfferedItem]) -> list[OfferedMessage]:
    return [item for item in items if isinstance(item, OfferedMessage)]


def refusals(items: Sequence[OfferedItem]) -> list[RefusedItem]:
    return [item for item in items if isinstance(item, RefusedItem)]


def test_every_item_is_offered_with_the_native_one_beside_it(mailbox: Path) -> None:
    found = messages(list(FileSource("disk", [mailbox]).items({})))
    digest = digest_of(mailbox.read_bytes())
    assert [one.occurrence.identity for one in found] == [f"pst:{digest}:{node}" for node in NODES]
    assert [one.occurrence.place.item_id for one in found] == [f"{mailbox}#{node}" for node in NODES]
    assert all(one.raw.startswith(b"X-Capstone-Generated: 1; from=pst;") for one in found)
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
    if which("lspst") is None:
        pytest.skip("pst-utils is not installed")
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


def damaged(mailbox: Path, seed: int, wounds: int) -> bytes:
    chance = random.Random(seed)
    raw = bytearray(mailbox.read_bytes())
    for _ in range(wounds):
        at = chance.randrange(0x4600, len(raw) - 64)
        raw[at : at + 64] = chance.randbytes(64)
    mailbox.write_bytes(raw)
    return bytes(raw)


@pytest.mark.parametrize(("seed", "wounds"), [(0, 12), (9, 12), (14, 12), (17, 12), (25, 150), (31, 150), (32, 150), (34, 150)])
def test_damage_leaves_the_readable_part_and_every_loss_is_counted(mailbox: Path, seed: int, wounds: int) -> None:
    raw = damaged(mailbox, seed, wounds)
    source = FileSource("disk", [mailbox])
    items = list(source.items({}))
    lost = Counter(item.code for item in refusals(items))
    if lost["container_unreadable"]:
        assert [bytes(item.raw or b"") for item in refusals(items)] == [raw]
        return
    (note,) = source.notes()
    assert note.counts["emitted"] == len(messages(items))
    assert note.counts["expected"] == note.counts["emitted"] + note.counts["unrecovered"]
    assert note.counts["unrecovered"] >= lost["pst_item_unreadable"]
    assert note.is_gap == (note.counts["unrecovered"] > 0)


def test_items_that_cannot_be_read_are_quarantined_with_what_is_known_of_them(mailbox: Path) -> None:
    raw = damaged(mailbox, 23, 150)
    items = list(FileSource("disk", [mailbox]).items({}))
    lost = refusals(items)
    assert (len(messages(items)), len(lost)) == (5, 2)
    for item in lost:
        told = json.loads(bytes(item.raw or b""))
        assert (told["pst"], f"{mailbox}#{told['node']}") == (digest_of(raw), item.place.item_id)


def hostile(harm: str) -> Answers:
    """As `pst_child.begin`, but what a hostile item might do to it happens at the third item."""
    answers = pst_child.begin()

    def answer(told: Mapping[str, Any], blobs: list[bytes]) -> Iterator[Message]:
        for said, given in answers(told, blobs):
            if said.get("id") == NODES[2]:
                HARMS[harm]()
            yield said, given

    return answer


HARMS: dict[str, Callable[[], object]] = {
    "die": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "hang": lambda: threading.Event().wait(),
    "eat": lambda: bytearray(3 * 1024**3),
}


def dies() -> Answers:
    return hostile("die")


def hangs() -> Answers:
    return hostile("hang")


def eats() -> Answers:
    return hostile("eat")


@pytest.mark.parametrize("begin", [dies, hangs, eats])
def test_an_item_that_ends_or_hangs_or_fills_its_reader_is_set_aside_and_the_rest_is_read(mailbox: Path, begin: Any) -> None:
    reader = ReaderProcess(begin, Limits(silence_s=3, memory_bytes=2 * 1024**3))
    place = PstPlace(os.fsencode(mailbox), "disk", "mail.pst", "mail.pst", "", "d" * 64)
    pst = PstItemsOffered(place, holds_nothing, none_excluded, reader)
    try:
        items = list(pst.items())
    finally:
        reader.close()
    (refused,) = refusals(items)
    assert items.index(refused) == 2
    assert (refused.state, refused.code) == (ItemState.QUARANTINED, "pst_item_unreadable")
    assert json.loads(bytes(refused.raw or b"")) == {"folder": "mail.pst", "generator": 1, "node": NODES[2], "pst": "d" * 64}
    assert len(messages(items)) == 6
    note = pst.note(None)
    assert (dict(note.counts), note.is_gap) == ({"expected": 7, "emitted": 6, "unrecovered": 1}, True)


def dying_at(step: Callable[[Any], bool]) -> Answers:
    """Ends at the step of the list that it tells, unless it is to pass it over."""
    answers = pst_child.begin()

    def answer(told: Mapping[str, Any], blobs: list[bytes]) -> Iterator[Message]:
        for said, given in answers(told, blobs):
            yield said, given
            if "at" in said and step(said["at"]):
                os.kill(os.getpid(), signal.SIGSEGV)

    return answer


def bad_folder() -> Answers:
    """The deleted items, in the folder that has all messages."""
    return dying_at(lambda at: at == (32802, "folders", 0))


def bad_message() -> Answers:
    return dying_at(lambda at: at[1:] == ("messages", 2))


def bad_orphans() -> Answers:
    return dying_at(lambda at: at == ("orphans",))


def read_with(begin: Callable[[], Answers], path: Path, **options: Any) -> tuple[list[OfferedItem], PstItemsOffered]:
    reader = ReaderProcess(begin, Limits())
    place = PstPlace(os.fsencode(path), "disk", "", "mail.pst", "", "d" * 64)
    pst = PstItemsOffered(place, holds_nothing, none_excluded, reader, **options)
    try:
        return list(pst.items()), pst
    finally:
        reader.close()


@pytest.mark.parametrize(("begin", "read"), [(bad_folder, 7), (bad_message, 6), (bad_orphans, 7)])
def test_a_step_of_the_list_that_ends_its_reader_is_passed_over_and_no_other(mailbox: Path, begin: Any, read: int) -> None:
    items, pst = read_with(begin, mailbox)
    note = pst.note(None)
    assert len(messages(items)) == len(items) == read
    assert (note.counts["expected"], note.counts["unrecovered"], note.is_gap) == (read + 1, 1, True)
    assert "1 of its parts ended the process" in note.reason


def test_folders_that_are_too_deep_are_counted_lost() -> None:
    class Endless:
        """A folder with itself inside, as a damaged table can have it."""

        identifier = 0x122

        def count(self, what: str) -> int:
            return int(what == "sub_folders")

        def part(self, _what: str, _index: int) -> Endless:
            return self

        def folder_name(self) -> str:
            return "again"

        def sets(self) -> list[Any]:
            return []

    class File:
        def scope(self) -> Any:
            return nullcontext()

        def root_folder(self) -> Endless:
            return Endless()

        def orphans(self) -> list[Any]:
            return []

    file: Any = File()
    told = list(PstFolders(file, PstItems(file, "cp1252"), None, frozenset()).told())
    assert told[-1]["has_root"]
    assert sum(one.get("expected", 0) for one in told) == 1


def test_a_file_that_was_read_is_not_kept_open(mailbox: Path) -> None:
    reader = ReaderProcess(pst_child.begin, Limits())
    pst = PstItemsOffered(PstPlace(os.fsencode(mailbox), "disk", "", "m", ""), holds_nothing, none_excluded, reader)
    try:
        assert len(list(pst.items())) == 7
        children = {child.pid for child in multiprocessing.active_children()}
        opened = {os.path.realpath(link) for pid in children for link in Path(f"/proc/{pid}/fd").iterdir()}
        assert children
        assert str(mailbox) not in opened
    finally:
        reader.close()


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


def test_a_file_that_ends_its_reader_too_often_is_given_up(mailbox: Path) -> None:
    assert len(read_with(dies, mailbox, most_deaths=1)[0]) == 7
    with pytest.raises(PstNotOpened):
        read_with(dies, mailbox, most_deaths=0)


def test_an_item_is_tried_again_when_only_the_asking_failed(mailbox: Path) -> None:
    class Interrupted(ReaderProcess):
        """Its process is gone before it is asked for items the first time."""

        asked = 0

        def send(self, told: Mapping[str, Any], blobs: Sequence[bytes] = ()) -> None:
            self.asked += told["do"] == "read"
            if told["do"] == "read" and self.asked == 1:
                self.close()
                raise ReaderEnded
            super().send(told, blobs)

    reader = Interrupted(pst_child.begin, Limits())
    place = PstPlace(os.fsencode(mailbox), "disk", "", "mail.pst", "")
    try:
        assert len(messages(list(PstItemsOffered(place, holds_nothing, none_excluded, reader).items()))) == 7
    finally:
        reader.close()


def misled(item: MapiItem, made_from: str) -> Generated:
    """A generator that fails at a message of which the subject ends so."""
    if text_of(item.properties, 0x0037, item.codepage).endswith("Feature Generators"):
        raise UnicodeEncodeError("utf-8", "", 0, 1, "hostile")
    return eml.generate(item, made_from)


def misleading() -> Answers:
    return pst_child.begin(misled)


def test_an_item_that_misleads_the_generator_costs_itself_only(mailbox: Path) -> None:
    items, pst = read_with(misleading, mailbox, most_deaths=0)
    assert [one.code for one in refusals(items)] == ["pst_item_unreadable"] * (7 - len(messages(items)))
    assert 0 < len(messages(items)) < 7
    assert pst.note(None).counts["expected"] == 7


def witnessed_by(script: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Witness:
    program = folder / "lspst"
    program.write_text(script)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    return Witness(b"/none.pst")


def test_a_witness_that_writes_without_end_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert witnessed_by("#!/bin/sh\nprintf 'Email\\t\\n'\n", tmp_path, monkeypatch).count(30) == 1
    assert witnessed_by("#!/bin/sh\nexec head -c 70000000 /dev/zero\n", tmp_path, monkeypatch).count(30) is None


def test_a_witness_that_cannot_be_started_has_no_opinion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert witnessed_by("#!/no/interpreter\n", tmp_path, monkeypatch).count(30) is None
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    assert witnessed_by("#!/bin/sh\n", tmp_path, monkeypatch).count(30) is None


def test_a_witness_ends_with_who_asked_it(tmp_path: Path) -> None:
    (tmp_path / "lspst").write_text(f"#!/bin/sh\necho $$ > {tmp_path}/fifo\nexec sleep 300\n")
    (tmp_path / "lspst").chmod(0o755)
    os.mkfifo(tmp_path / "fifo")
    program = (
        "import threading\nfrom connectors.mailboxes.outlook.second_witness import Witness\n"
        "witness = Witness(b'/none.pst')\nthreading.Event().wait()\n"
    )
    root = Path(__file__).resolve().parents[2]
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    with subprocess.Popen([sys.executable, "-c", program], cwd=root, env={**os.environ, "PATH": path}) as run:
        witness = os.pidfd_open(int((tmp_path / "fifo").read_text()))
        try:
            run.kill()
            ended = select.poll()
            ended.register(witness, select.POLLIN)
            assert ended.poll(10_000)
        finally:
            os.close(witness)


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


def test_a_run_that_is_killed_leaves_no_reader_behind(mailbox: Path) -> None:
    program = (
        "import multiprocessing, sys, threading\nfrom pathlib import Path\n"
        "from connectors.mailboxes.files.source import FileSource\n"
        "if __name__ == '__main__':\n"
        "    items = FileSource('disk', [Path(sys.argv[1])]).items({})\n"
        "    next(items)\n"
        "    print(multiprocessing.active_children()[0].pid, flush=True)\n"
        "    threading.Event().wait()\n"
    )
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen([sys.executable, "-c", program, mailbox], stdout=subprocess.PIPE, cwd=root) as run:
        assert run.stdout is not None
        reader = os.pidfd_open(int(run.stdout.readline()))
        try:
            run.kill()
            ended = select.poll()
            ended.register(reader, select.POLLIN)
            assert ended.poll(30_000)
        finally:
            os.close(reader)
