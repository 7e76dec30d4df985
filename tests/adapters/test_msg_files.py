"""MSG files among files: what is offered, what is set aside, and what of it happens in a process of its own."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO, FileIO
from pathlib import Path
from shutil import copy
from typing import Any

import pytest
from olefile import OleFileIO

from capstone.domain.fixity import digest_of
from capstone.domain.generated import eml
from capstone.domain.generated.eml import Generated
from capstone.domain.generated.mapi import MapiItem
from capstone.domain.message import CompanionKind, HeldItem, ItemState, OfferedItem, OfferedMessage, Place, RefusedItem
from capstone.ports import holds_nothing
from connectors.mailboxes.files.source import FileSource
from connectors.mailboxes.outlook import msg_child
from connectors.mailboxes.outlook.msg_file import MsgDamaged, NoMsg, read_msg
from connectors.mailboxes.outlook.reader_process import Answers, Limits, Message, ReaderProcess
from connectors.mailboxes.outlook.source import MsgFiles
from tests.corpus import corpus_root

PLACE = Place("disk", "", "letter.msg")


def sample(name: str) -> Path:
    return corpus_root() / name


def offered(path: Path, **options: Any) -> list[OfferedItem]:
    return list(FileSource("disk", [path], **options).items({}))


def test_an_msg_is_offered_as_a_generated_message_with_itself_beside_it(tmp_path: Path) -> None:
    copy(sample("msgreader/TxtSampleEmail.msg"), tmp_path / "letter.msg")
    (item,) = offered(tmp_path)
    assert isinstance(item, OfferedMessage)
    native = (tmp_path / "letter.msg").read_bytes()
    assert item.raw.startswith(b"X-Capstone-Generated: 2; from=msg;")
    assert [(one.kind, one.suffix, one.raw) for one in item.companions] == [(CompanionKind.NATIVE, "msg", native)]
    assert item.occurrence.identity == f"msg:{digest_of(native)}"
    assert item.occurrence.received_at is not None
    assert item.occurrence.flags == ("\\Seen",)


def test_what_it_is_tells_its_content_not_its_name(tmp_path: Path) -> None:
    copy(sample("msgreader/TxtSampleEmail.msg"), tmp_path / "letter.bin")
    (tmp_path / "named.msg").write_bytes(b"From: ada@agency.example\r\n\r\nHi\r\n")
    made, plain = offered(tmp_path)
    assert isinstance(made, OfferedMessage)
    assert isinstance(plain, OfferedMessage)
    assert (len(made.companions), plain.companions, plain.occurrence.identity) == (1, (), None)


def test_an_msg_in_a_sent_folder_is_sent_and_one_in_drafts_is_left_out(tmp_path: Path) -> None:
    for folder in ("Drafts", "Sent"):
        (tmp_path / folder).mkdir()
        copy(sample("msgreader/TxtSampleEmail.msg"), tmp_path / folder / "letter.msg")
    draft, sent = offered(tmp_path)
    assert isinstance(draft, RefusedItem)
    assert isinstance(sent, OfferedMessage)
    assert (draft.state, draft.code, sent.occurrence.is_sent) == (ItemState.EXCLUDED, "folder_drafts", True)


def test_held_files_are_asked_for_at_once_and_not_read_again(tmp_path: Path) -> None:
    held_name, new_name = "msgreader/TxtSampleEmail.msg", "tika/microsoft/testMSG.msg"
    copy(sample(held_name), tmp_path / "a.msg")
    copy(sample(new_name), tmp_path / "b.msg")
    asked: list[Sequence[str]] = []
    identities = [f"msg:{digest_of(sample(name).read_bytes())}" for name in (held_name, new_name)]

    def held(wanted: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        asked.append(wanted)
        return {identities[0]: ("f" * 64, "e" * 64)}

    first, second = offered(tmp_path, held=held)
    assert isinstance(first, HeldItem)
    assert isinstance(second, OfferedMessage)
    assert (first.digest, first.occurrence.identity) == ("f" * 64, identities[0])
    assert [sorted(one) for one in asked] == [sorted(identities)]
    assert {place.item_id for place in FileSource("disk", [tmp_path], held=held).places()} == {
        str(tmp_path / "a.msg"),
        str(tmp_path / "b.msg"),
    }


@pytest.mark.parametrize(
    ("name", "policy"),
    [
        ("testMSG_Appointment", "item_class_appointment"),
        ("testMSG_Contact", "item_class_contact"),
        ("testMSG_StickyNote", "item_class_note"),
        ("testMSG_Task", "item_class_task"),
    ],
)
def test_what_is_no_mail_is_excluded_by_name(tmp_path: Path, name: str, policy: str) -> None:
    copy(sample(f"tika/microsoft/{name}.msg"), tmp_path / "letter.msg")
    (item,) = offered(tmp_path)
    assert isinstance(item, RefusedItem)
    assert (item.state, item.code) == (ItemState.EXCLUDED, policy)


def test_a_document_is_no_mail_unless_its_name_says_so(tmp_path: Path) -> None:
    with OleFileIO(sample("tika/microsoft/testMSG_att_doc.msg")) as ole:
        name = next(path for path in ole.listdir() if path[0].startswith("__attach") and path[1].endswith("37010102"))
        document = ole.openstream(name).read()
    for name in ("plan.doc", "plan.msg"):
        (tmp_path / name).write_bytes(document)
    by_content, by_name = offered(tmp_path)
    assert isinstance(by_content, RefusedItem)
    assert isinstance(by_name, RefusedItem)
    assert (by_content.code, by_name.code) == ("not_mail", "container_unreadable")


@pytest.mark.parametrize("at", [0x30, 0x4C, 600, 20_000])
def test_damage_never_raises_and_never_loses_the_file(tmp_path: Path, at: int) -> None:
    raw = bytearray(sample("msgreader/TxtSampleEmail.msg").read_bytes())
    raw[at : at + 400] = bytes(255 - byte for byte in raw[at : at + 400])
    (tmp_path / "letter.msg").write_bytes(raw)
    (item,) = offered(tmp_path)
    if isinstance(item, RefusedItem):
        assert (item.state, item.code, bytes(item.raw or b"")) == (ItemState.QUARANTINED, "container_unreadable", bytes(raw))
    else:
        assert isinstance(item, OfferedMessage)
        assert item.companions[0].raw == bytes(raw)


def test_a_file_cut_short_is_told_from_one_that_is_no_message() -> None:
    raw = sample("msgreader/TxtSampleEmail.msg").read_bytes()
    with pytest.raises((MsgDamaged, NoMsg)):
        read_msg(BytesIO(raw[:1500]))


def dies_at_the_second() -> Answers:
    """As `msg_child.begin`, but files of the bytes b"die" and b"hang" do to it what hostile ones might."""
    answers = msg_child.begin()

    def answer(told: Mapping[str, Any], blobs: list[bytes]) -> Iterator[Message]:
        raw = Path(told["path"]).read_bytes()
        if raw == b"die":
            os.kill(os.getpid(), signal.SIGSEGV)
        if raw == b"hang":
            threading.Event().wait()
        if raw == b"eat":
            bytearray(3 * 1024**3)
        return answers(told, blobs)

    return answer


@pytest.mark.parametrize("hostile", [b"die", b"hang", b"eat"])
def test_a_file_that_ends_or_hangs_or_fills_its_reader_ends_nothing_else(tmp_path: Path, hostile: bytes) -> None:
    (tmp_path / "hostile").write_bytes(hostile)
    files = MsgFiles(holds_nothing, ReaderProcess(dies_at_the_second, Limits(silence_s=3, memory_bytes=2 * 1024**3)))
    try:
        with FileIO(sample("msgreader/TxtSampleEmail.msg")) as letter, FileIO(tmp_path / "hostile") as harm:
            before = files.item(letter, PLACE, is_sent=False)
            assert files.item(harm, PLACE, is_sent=False) is None
            after = files.item(letter, PLACE, is_sent=False)
    finally:
        files.close()
    assert before == after
    assert isinstance(after, OfferedMessage)


def test_a_stream_that_is_no_property_by_its_name_is_passed_over() -> None:
    letter = sample("msgreader/TxtSampleEmail.msg").read_bytes()
    name = next(path[0] for path in OleFileIO(letter).listdir() if path[0].startswith("__substg1.0_") and len(path) == 1)
    other = letter.replace(name.encode("utf-16-le"), f"{name[:-1]}Z".encode("utf-16-le"))
    assert len(read_msg(BytesIO(letter)).properties) - len(read_msg(BytesIO(other)).properties) in (0, 1)
    assert other != letter


def fails_at(number: int) -> Any:
    def generate(item: MapiItem, made_from: str) -> Generated:
        if number in item.properties:
            raise UnicodeEncodeError("utf-8", "", 0, 1, "hostile")
        return eml.generate(item, made_from)

    return generate


@pytest.mark.parametrize(("number", "state"), [(0x1009, "message"), (0x0037, "damaged")])
def test_what_misleads_the_generator_costs_one_body_or_the_file(number: int, state: str) -> None:
    letter = sample("msgreader/HtmlSampleEmail.msg")
    assert number in read_msg(BytesIO(letter.read_bytes())).properties
    ((told, blobs),) = msg_child.begin(fails_at(number))({"path": str(letter)}, [])
    assert told["state"] == state
    assert [b"unread-property" in raw.partition(b"\r\n\r\n")[0] for raw in blobs] == [True] * len(blobs)


def peak_kib() -> int:
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1])


@pytest.mark.parametrize("name", ["setup.msi", "report.doc"])
def test_a_large_file_that_is_no_message_is_not_read_into_memory(tmp_path: Path, name: str) -> None:
    with OleFileIO(sample("tika/microsoft/testMSG_att_doc.msg")) as ole:
        attached = next(path for path in ole.listdir() if path[0].startswith("__attach") and path[1].endswith("37010102"))
        (tmp_path / name).write_bytes(ole.openstream(attached).read())
    os.truncate(tmp_path / name, 700 * 1024**2)
    before = peak_kib()
    (item,) = offered(tmp_path)
    assert isinstance(item, RefusedItem)
    assert item.code == "not_mail"
    assert peak_kib() - before < 100 * 1024


def test_a_message_of_which_a_part_is_cut_off_says_so(tmp_path: Path) -> None:
    raw = sample("tika/microsoft/testMSG_att_doc.msg").read_bytes()
    assert read_msg(BytesIO(raw)).unread == ()
    (tmp_path / "letter.msg").write_bytes(raw[: len(raw) // 2])
    (item,) = offered(tmp_path)
    assert isinstance(item, OfferedMessage)
    assert b"unread-attachments" in item.raw.partition(b"\r\n\r\n")[0]


@pytest.mark.parametrize("field", [0x42, 0x44, 0x48, 0x4C], ids=["kind", "left", "right", "child"])
def test_a_message_whose_list_of_parts_is_damaged_says_so_or_lacks_nothing(field: int) -> None:
    raw = sample("tika/microsoft/testMSG_att_doc.msg").read_bytes()
    whole = read_msg(BytesIO(raw))
    with OleFileIO(raw) as ole:
        starts = [sector * 512 + 512 for sector in sectors_of(ole)]
    for at in (start + entry * 128 + field for start in starts for entry in range(4)):
        damaged = raw[:at] + (b"\0" if field == 0x42 else b"\xff" * 4) + raw[at + (1 if field == 0x42 else 4) :]
        try:
            item = read_msg(BytesIO(damaged))
        except (MsgDamaged, NoMsg):
            continue
        parts = len(item.properties), len(item.recipients), len(item.attachments)
        assert item.unread or parts == (len(whole.properties), len(whole.recipients), len(whole.attachments))


def sectors_of(ole: OleFileIO) -> Iterator[int]:
    """Those of the list of all parts."""
    sector = ole.first_dir_sector
    while sector < len(ole.fat):
        yield sector
        sector = ole.fat[sector]
