"""Maildirs: which of their files are messages, and what the names of these and of their folders tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.adapters.mail_files import RAW, SEP, items, maildir_at, message, outcomes, put
from tests.contracts.mail_source import place_of


def test_in_a_maildir_only_cur_and_new_are_offered_and_control_files_are_not(tmp_path: Path) -> None:
    maildir_at(tmp_path)
    for name in (
        "cur/1.host:2,S",
        "new/2.host",
        "tmp/3.host",
        "dovecot-uidlist",
        "dovecot.index.log",
        "maildirfolder",
        "subscriptions",
        "new/.hidden",
        ".gitattributes",
        "courierimapuiddb",
    ):
        put(tmp_path / name, RAW)
    assert [Path(place_of(item).item_id).name for item in items(tmp_path)] == ["1.host", "2.host"]


def test_a_stray_file_in_a_maildir_is_judged_by_its_content(tmp_path: Path) -> None:
    put(maildir_at(tmp_path) / "stray.eml", RAW)
    put(tmp_path / "notes", b"no mail here\n")
    assert outcomes(tmp_path) == {"message": 1, "excluded:not_mail": 1}


def test_a_maildir_message_is_whole_though_it_begins_like_an_mbox(tmp_path: Path) -> None:
    raw = SEP + RAW + b"\n" + SEP + RAW
    put(maildir_at(tmp_path) / "cur" / "1", raw)
    assert message(tmp_path).raw == raw


@pytest.mark.parametrize(
    ("name", "flags"),
    [
        ("1.host:2,FRS", ("\\Flagged", "\\Answered", "\\Seen")),
        ("1.host:2,", ()),
        ("1.host", ()),
        ("1.host;2,S", ("\\Seen",)),
        ("1.host!2,DPT", ("\\Draft", "$Forwarded", "\\Deleted")),
        ("1.host:2,Sabz", ("\\Seen",)),
    ],
)
def test_flags_are_read_from_the_name_and_are_no_part_of_the_id(tmp_path: Path, name: str, flags: tuple[str, ...]) -> None:
    put(maildir_at(tmp_path) / "cur" / name, RAW)
    occurrence = message(tmp_path).occurrence
    assert occurrence.flags == flags
    assert occurrence.place.item_id == f"{tmp_path}/1.host"


def test_a_message_that_moves_from_new_to_cur_stays_the_same_item(tmp_path: Path) -> None:
    path = put(maildir_at(tmp_path) / "new" / "1.host,S=50", RAW)
    before = message(tmp_path).occurrence.place
    path.rename(tmp_path / "cur" / "1.host,S=50:2,RS")
    assert message(tmp_path).occurrence.place == before


def test_two_files_with_one_unique_name_are_two_items(tmp_path: Path) -> None:
    put(maildir_at(tmp_path) / "new" / "1.host", RAW)
    put(tmp_path / "cur" / "1.host:2,S", RAW + b"another")
    assert len({place_of(item) for item in items(tmp_path)}) == 2


def test_a_file_beside_a_message_of_its_name_has_an_id_of_its_own(tmp_path: Path) -> None:
    put(maildir_at(tmp_path) / "cur" / "1.host:2,S", RAW)
    (alone,) = (place_of(item).item_id for item in items(tmp_path))
    put(tmp_path / "1.host", RAW + b"another")
    ids = [place_of(item).item_id for item in items(tmp_path)]
    assert (len(set(ids)), ids[0]) == (2, alone)


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        (".Projects.Alpha", "Projects/Alpha"),
        (".Entw&APw-rfe &- mehr", "Entwürfe & mehr"),
        (".R&D", "R&D"),
        (".a&AAA", "a&AAA"),
        (".x&2D0-y", "x&2D0-y"),
        ("Nested", "Nested"),
        (".Büro", "Büro"),
    ],
)
def test_subfolders_of_a_maildir_have_readable_names(tmp_path: Path, name: str, folder: str) -> None:
    put(maildir_at(maildir_at(tmp_path) / name) / "cur" / "1", RAW)
    assert message(tmp_path).occurrence.place.folder == folder


def test_maildirs_in_plain_folders_are_found_by_their_shape(tmp_path: Path) -> None:
    put(maildir_at(tmp_path / "export" / "Gel&APY-scht") / "cur" / "1", SEP + RAW)
    assert (message(tmp_path).occurrence.place.folder, message(tmp_path).raw) == ("export/Gelöscht", SEP + RAW)


def test_a_copy_of_a_maildir_without_its_empty_folders_is_a_maildir(tmp_path: Path) -> None:
    put(maildir_at(tmp_path) / "cur" / "1.host:2,S", SEP + RAW)
    (tmp_path / "new").rmdir()
    assert message(tmp_path).occurrence.flags == ("\\Seen",)


@pytest.mark.parametrize("name", ["new", "cur", "tmp"])
def test_a_lone_folder_with_a_maildir_name_is_a_plain_folder(tmp_path: Path, name: str) -> None:
    put(tmp_path / name / "box", SEP + RAW + b"\n" + SEP + RAW)
    assert [place_of(item).folder for item in items(tmp_path)] == [f"{name}/box"] * 2


@pytest.mark.parametrize("part", ["cur", "cur/1.host:2,S"])
def test_a_named_part_of_a_maildir_keeps_the_ids_and_flags(tmp_path: Path, part: str) -> None:
    put(maildir_at(tmp_path / ".Sent") / "cur" / "1.host:2,S", SEP + RAW)
    occurrence = message(tmp_path / ".Sent" / part).occurrence
    assert (occurrence.flags, occurrence.place.item_id, occurrence.is_sent) == (("\\Seen",), f"{tmp_path}/.Sent/1.host", True)
    assert len(items(tmp_path / ".Sent", tmp_path / ".Sent" / part)) == 1
