"""What a mail server says of its folders goes before their names."""

from __future__ import annotations

import pytest

from capstone.domain.folders import MarkedFolders

MARKED = MarkedFolders(
    {
        "Post/Raus": ("\\HasNoChildren", "\\Sent"),
        "Angefangen": ["\\Drafts"],
        "Drafts": ("\\Archive",),
        "Sent": ("\\Junk",),
        "Outbox": ("\\Marked",),
    }
)


@pytest.mark.parametrize("folder", ["Post/Raus", "Post/Raus/2019", "Sent Items", "Post/Gesendet"])
def test_sent_by_special_use_or_by_name(folder: str) -> None:
    assert MARKED.is_sent(folder)


@pytest.mark.parametrize("folder", ["Post", "Sent", "INBOX", "Drafts"])
def test_a_folder_with_another_use_is_not_sent_whatever_its_name(folder: str) -> None:
    assert not MARKED.is_sent(folder)


@pytest.mark.parametrize(
    ("folder", "policy"),
    [
        ("Angefangen", "folder_drafts"),
        ("Angefangen/Alt", "folder_drafts"),
        ("Entwürfe", "folder_drafts"),
        ("Outbox", "folder_outbox"),
        ("Drafts", None),
        ("Post/Raus", None),
        ("Post/Raus/Drafts", "folder_drafts"),
        ("INBOX", None),
    ],
)
def test_a_folder_is_left_out_by_special_use_first_then_by_name(folder: str, policy: str | None) -> None:
    assert MARKED.excluded_by(folder) == policy


def test_a_folder_that_a_person_named_is_not_judged_but_those_below_it_are() -> None:
    assert MARKED.excluded_by("Angefangen", below="Angefangen") is None
    assert MARKED.excluded_by("Angefangen/Alt", below="Angefangen") is None
    assert MARKED.excluded_by("Angefangen/Outbox", below="Angefangen") == "folder_outbox"
    assert MARKED.excluded_by("Entwürfe/2020", below="Entwürfe/2020") is None
