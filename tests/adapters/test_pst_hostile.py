"""PST files that are damaged, or end, hang and mislead their reader: the rest is read, and every loss is counted."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import select
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from capstone.domain.fixity import digest_of
from capstone.domain.folders import none_excluded
from capstone.domain.generated import eml
from capstone.domain.generated.eml import Generated
from capstone.domain.generated.mapi import MapiItem, text_of
from capstone.domain.message import ItemState, OfferedItem
from capstone.ports import holds_nothing
from connectors.mailboxes.files.source import FileSource
from connectors.mailboxes.outlook import pst_child
from connectors.mailboxes.outlook.pst import PstItemsOffered, PstPlace
from connectors.mailboxes.outlook.pst_folders import PstFolders
from connectors.mailboxes.outlook.pst_items import PstItems
from connectors.mailboxes.outlook.pst_reading import PstNotOpened
from connectors.mailboxes.outlook.reader_process import Answers, Limits, Message, ReaderEnded, ReaderProcess
from tests.adapters.pst_samples import NODES, copied_mailbox, messages, refusals


@pytest.fixture
def mailbox(tmp_path: Path) -> Path:
    return copied_mailbox(tmp_path)


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


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("begin", [dies, hangs, eats])
def test_an_item_that_ends_or_hangs_or_fills_its_reader_is_set_aside_and_the_rest_is_read(
    mailbox: Path, begin: Any, count: int
) -> None:
    readers = [ReaderProcess(begin, Limits(silence_s=3, memory_bytes=2 * 1024**3)) for _ in range(count)]
    place = PstPlace(os.fsencode(mailbox), "disk", "mail.pst", "mail.pst", "", "d" * 64)
    pst = PstItemsOffered(place, holds_nothing, none_excluded, readers)
    try:
        items = list(pst.items())
    finally:
        for reader in readers:
            reader.close()
    (refused,) = refusals(items)
    assert items.index(refused) == 2
    assert (refused.state, refused.code) == (ItemState.QUARANTINED, "pst_item_unreadable")
    assert json.loads(bytes(refused.raw or b"")) == {"folder": "mail.pst", "generator": 2, "node": NODES[2], "pst": "d" * 64}
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
    pst = PstItemsOffered(place, holds_nothing, none_excluded, [reader], **options)
    try:
        return list(pst.items()), pst
    finally:
        reader.close()


@pytest.mark.parametrize(("begin", "lost"), [(bad_folder, 1), (bad_message, 0), (bad_orphans, 1)])
def test_a_step_of_the_list_that_ends_its_reader_is_passed_over_and_no_other(mailbox: Path, begin: Any, lost: int) -> None:
    """A message that its folder cannot name is found by its node."""
    items, pst = read_with(begin, mailbox)
    note = pst.note(None)
    assert len(messages(items)) == len(items) == 7
    assert (note.counts["expected"], note.counts["unrecovered"], note.is_gap) == (7 + lost, lost, lost > 0)
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

    file: Any = File()
    nodes: Any = SimpleNamespace(pages=lambda: [], is_whole=True)
    told = list(PstFolders(file, PstItems(file, "cp1252"), None, frozenset(), nodes).told())
    assert sum(one.get("expected", 0) for one in told) == 1


def test_a_file_that_was_read_is_not_kept_open(mailbox: Path) -> None:
    reader = ReaderProcess(pst_child.begin, Limits())
    pst = PstItemsOffered(PstPlace(os.fsencode(mailbox), "disk", "", "m", ""), holds_nothing, none_excluded, [reader])
    try:
        assert len(list(pst.items())) == 7
        children = {child.pid for child in multiprocessing.active_children()}
        opened = {os.path.realpath(link) for pid in children for link in Path(f"/proc/{pid}/fd").iterdir()}
        assert children
        assert str(mailbox) not in opened
    finally:
        reader.close()


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
        assert len(messages(list(PstItemsOffered(place, holds_nothing, none_excluded, [reader]).items()))) == 7
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
