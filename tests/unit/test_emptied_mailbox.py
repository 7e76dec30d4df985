"""A mailbox that was captured before and is empty now, such as that of an official who left: nothing to do, and no error."""

from __future__ import annotations

import pytest

from capstone.domain.errors import NoMailFound
from connectors.mailboxes.emptiness import check_emptiness
from tests.fakes.archive import MemoryArchive, a_message
from tests.fakes.mail_source import FakeMailSource, Mail

FILLED = FakeMailSource("mailbox", [Mail("INBOX", a_message("Budget"))])
EMPTY = FakeMailSource("mailbox", [])


def test_an_emptied_mailbox_is_a_complete_run_at_which_nothing_was_offered() -> None:
    archive = MemoryArchive()
    archive.capture(FILLED)
    report = archive.capture(EMPTY)
    assert (report.outcome, report.error, report.as_counts()["offered"]) == ("complete", None, 0)
    assert report.is_clean


def test_a_mailbox_that_never_gave_mail_is_an_error_at_each_run() -> None:
    archive = MemoryArchive()
    for _ in range(2):
        report = archive.capture(EMPTY)
        assert report.outcome == "failed"
        assert isinstance(report.error, NoMailFound)


def test_nothing_is_missing_of_an_emptied_mailbox() -> None:
    archive = MemoryArchive()
    archive.capture(FILLED)
    assert archive.reconcile(("director", EMPTY)).missing == []


def test_a_mailbox_that_never_gave_mail_cannot_be_compared() -> None:
    (missing,) = MemoryArchive().reconcile(("director", EMPTY)).missing
    assert missing.what == "whole source (E103)"


@pytest.mark.parametrize(
    ("cursors", "next_step"), [({}, "Mostly the address is a wrong one"), ({"Inbox": "7"}, "Ask the mail server's administrator")]
)
def test_a_mailbox_that_was_never_read_or_shows_no_folder_is_not_taken_for_empty(cursors: dict[str, str], next_step: str) -> None:
    with pytest.raises(NoMailFound) as met:
        check_emptiness("mail.agency.example", "`mailbox` and `folders`", cursors, [])
    assert (met.value.next_step or "").startswith(next_step)


def test_a_mailbox_that_was_read_before_and_shows_its_folders_is_empty() -> None:
    check_emptiness("mail.agency.example", "`mailbox` and `folders`", {"Inbox": "7"}, ["Inbox"])
