"""Folders and paths that a person names: each item once, left out by its folder alone; a path without mail is an error."""

from __future__ import annotations

from pathlib import Path

import pytest

from capstone.domain.errors import NoMailFound, SourceMissing
from capstone.domain.folders import none_excluded
from capstone.domain.message import OfferedMessage
from connectors.mailboxes.files.source import FileSource
from tests.adapters.mail_files import RAW, SEP, items, maildir_at, message, outcomes, put, refusal
from tests.contracts.mail_source import place_of


def test_an_excluded_folder_is_counted_message_by_message_whatever_it_is_made_of(tmp_path: Path) -> None:
    put(tmp_path / "Drafts" / "1.eml", RAW)
    put(tmp_path / "a" / "Drafts.mbox", (SEP + RAW + b"\n") * 3)
    put(maildir_at(maildir_at(tmp_path / "m") / ".Drafts") / "cur" / "1", RAW)
    put(tmp_path / "Drafts" / "empty.eml", b"")
    put(tmp_path / "Drafts" / "notes.txt", b"no mail here\n")
    assert outcomes(tmp_path) == {"excluded:folder_drafts": 6, "excluded:not_mail": 1}


@pytest.mark.parametrize("name", ["Drafts", "Drafts/1.eml", "box/Drafts.mbox"])
def test_a_path_that_a_person_names_is_taken_whatever_its_name(tmp_path: Path, name: str) -> None:
    put(tmp_path / "Drafts" / "1.eml", RAW)
    put(tmp_path / "box" / "Drafts.mbox", SEP + RAW)
    assert message(tmp_path / name).raw == RAW


def test_another_policy_may_leave_out_nothing(tmp_path: Path) -> None:
    put(tmp_path / "Drafts" / "1.eml", RAW)
    assert [type(item) for item in items(tmp_path, excludes=none_excluded)] == [OfferedMessage]


def test_mail_in_a_named_sent_folder_is_sent(tmp_path: Path) -> None:
    put(tmp_path / "Sent Items" / "1.eml", RAW)
    assert message(tmp_path / "Sent Items").occurrence.is_sent
    assert message(tmp_path / "Sent Items" / "1.eml").occurrence.is_sent


def test_a_path_named_twice_or_inside_another_gives_each_item_once(tmp_path: Path) -> None:
    put(tmp_path / "a" / "1.eml", RAW)
    put(tmp_path / "a" / "Drafts" / "2.eml", RAW)
    (tmp_path / "link").symlink_to(tmp_path / "a")
    found = items(
        tmp_path / "a", tmp_path / "a" / "Drafts", tmp_path / "a", tmp_path / "a" / ".." / "a" / "1.eml", tmp_path / "link"
    )
    assert [place_of(item).item_id for item in found] == [f"{tmp_path}/a/1.eml", f"{tmp_path}/a/Drafts/2.eml"]
    assert all(isinstance(item, OfferedMessage) for item in found)


@pytest.mark.parametrize("path", ["missing", "missing/inner", "file.eml/inner", "nul\0byte"])
def test_a_missing_path_is_an_error_before_anything_is_read(tmp_path: Path, path: str) -> None:
    put(tmp_path / "file.eml", RAW)
    with pytest.raises(SourceMissing):
        FileSource("disk", [tmp_path, tmp_path / path]).items({})


def test_a_tree_of_empty_folders_is_no_mail(tmp_path: Path) -> None:
    maildir_at(tmp_path / "box")
    (tmp_path / "other").mkdir()
    with pytest.raises(NoMailFound):
        items(tmp_path)


def test_files_that_are_no_mail_are_something(tmp_path: Path) -> None:
    assert refusal(put(tmp_path / "a.txt", b"no mail here")).code == "not_mail"
