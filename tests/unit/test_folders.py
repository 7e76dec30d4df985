"""Folder names and what follows from them."""

from __future__ import annotations

import pytest

from capstone.domain.folders import excluded_by, is_sent, none_excluded


@pytest.mark.parametrize(
    "folder",
    [
        "Sent",
        "Sent Items",
        "sent-mail",
        "INBOX/Sent",
        "Sent.mbox",
        "[Gmail]/Sent Mail",
        "Gesendete Elemente",
        "Éléments envoyés",
        "Sent Items/2019",
        "Sent.sbd/Travel",
        "E\u0301le\u0301ments envoye\u0301s",
        ".Sent",
        "Sent_Items",
        "送信済みアイテム",
    ],
)
def test_a_sent_folder_is_known_by_name_in_several_languages(folder: str) -> None:
    assert is_sent(folder)
    assert excluded_by(folder) is None


@pytest.mark.parametrize("folder", ["", "Inbox", "Sentinel", "Not Sent Yet", "Presented", "a/b/c", "Sent by others.txt"])
def test_other_folders_are_not_sent(folder: str) -> None:
    assert not is_sent(folder)


@pytest.mark.parametrize(
    ("folder", "code"),
    [
        ("Drafts", "folder_drafts"),
        ("INBOX/drafts", "folder_drafts"),
        ("Drafts.mbox", "folder_drafts"),
        ("Entwürfe", "folder_drafts"),
        ("Outbox", "folder_outbox"),
        ("Unsent Messages", "folder_outbox"),
        ("RSS Feeds", "folder_rss"),
        ("RSS Feeds/News", "folder_rss"),
        ("Sync Issues", "folder_sync_issues"),
        ("Sync Issues/Conflicts", "folder_sync_issues"),
        ("Sync Issues/Local Failures", "folder_sync_issues"),
        ("Sync Issues/Server Failures", "folder_sync_issues"),
        ("Sync Issues/Drafts", "folder_sync_issues"),
    ],
)
def test_an_excluded_folder_and_all_below_it_has_the_code_of_its_policy(folder: str, code: str) -> None:
    assert excluded_by(folder) == code


@pytest.mark.parametrize(
    "folder",
    ["", "Inbox", "Junk", "Junk E-mail", "Deleted Items", "Trash", "Conflicts", "Draft agreements", "Drafts 2019", "Archive"],
)
def test_every_other_folder_is_captured_junk_and_deleted_items_too(folder: str) -> None:
    assert excluded_by(folder) is None


def test_a_sent_folder_below_drafts_is_both() -> None:
    assert is_sent("Drafts/Sent")
    assert excluded_by("Drafts/Sent") == "folder_drafts"


def test_the_empty_policy_excludes_nothing() -> None:
    assert none_excluded("Drafts") is None
