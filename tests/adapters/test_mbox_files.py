"""Mbox files: each is a folder, cut at its separators, or kept whole where nobody can say where it is to be cut."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

from capstone.domain.message import ItemState, OfferedMessage, RefusedItem
from connectors.mailboxes.files.source import FileSource
from tests.adapters.mail_files import RAW, SEP, items, message, outcomes, put, refusal


def test_an_mbox_is_a_folder_and_its_offset_tells_its_messages_apart(tmp_path: Path) -> None:
    first = SEP + RAW + b"\n"
    path = put(tmp_path / "Team" / "Sent.mbox", first + SEP.replace(b"10:00", b"11:30") + RAW + b"\n")
    found = [item.occurrence for item in items(tmp_path) if isinstance(item, OfferedMessage)]
    assert [each.place.folder for each in found] == ["Team/Sent.mbox"] * 2
    assert [each.place.item_id for each in found] == [f"{path}#0", f"{path}#{len(first)}"]
    assert [each.from_line_at for each in found] == [
        datetime(2020, 1, 2, 10, 0, tzinfo=UTC),
        datetime(2020, 1, 2, 11, 30, tzinfo=UTC),
    ]
    assert [(each.is_sent, each.received_at, each.flags) for each in found] == [(True, None, ())] * 2


def test_an_mbox_named_itself_has_its_name_as_folder(tmp_path: Path) -> None:
    assert message(put(tmp_path / "box", SEP + RAW + b"\n")).occurrence.place.folder == "box"


def test_an_empty_message_in_an_mbox_is_quarantined_and_counted(tmp_path: Path) -> None:
    put(tmp_path / "box", SEP + b"\n" + SEP + RAW + b"\n" + SEP + SEP + RAW)
    assert outcomes(tmp_path) == {"message": 2, "quarantined:empty_item": 2}


def test_an_mbox_whose_separators_have_no_dates_is_kept_whole(tmp_path: Path) -> None:
    raw = b"From ada\n" + RAW + b"\nFrom ben\n" + RAW
    item = refusal(put(tmp_path / "box", raw))
    assert (item.state, item.code, bytes(item.raw or b"")) == (ItemState.QUARANTINED, "mbox_unsplittable", raw)


def test_an_mbox_that_shrinks_while_it_is_read_fails_and_the_rest_goes_on(tmp_path: Path) -> None:
    path = put(tmp_path / "a", (SEP + RAW + b"x" * 300_000 + b"\n\n") * 20)
    put(tmp_path / "b.eml", RAW)
    offered = FileSource("disk", [tmp_path]).items({})
    first = next(offered)
    os.truncate(path, 1000)
    rest = list(offered)
    assert isinstance(first, OfferedMessage)
    assert [item.state for item in rest if isinstance(item, RefusedItem)] == [ItemState.FAILED]
    assert isinstance(rest[-1], OfferedMessage)
