"""What a check of a mailbox on an Exchange server finds out before a capture meets it."""

from __future__ import annotations

import pytest

from capstone.domain.errors import ServerBusy, SourceUnavailable
from tests.adapters.ews_boxes import Box, refused_in
from tests.contracts.mail_source import letter
from tests.fakes.mail_source import Mail
from tests.servers.ews_mailboxes import Folder
from tests.servers.ews_server import EwsState, busy


@pytest.fixture
def box(exchange: EwsState) -> Box:
    box = Box(exchange)
    box.fill([Mail("Inbox", letter(1)), Mail("Plans", letter(2)), Mail("Drafts", letter(3))])
    exchange.delegates.add(("service", box.mailbox.address))
    return box


def refuses(box: Box, code: str, *folders: Folder) -> None:
    """These folders are shown and do not tell what they hold."""

    def refuse(operation: str) -> None:
        for folder in folders:
            folder.refuses = code if operation == "SyncFolderItems" else ""

    box.state.before = refuse


@pytest.mark.parametrize("access", ["delegate", "impersonation"])
def test_a_folder_that_is_shown_and_may_not_be_read_is_named(box: Box, access: str) -> None:
    refuses(box, "ErrorAccessDenied", box.mailbox.folder("Inbox"))
    (sentence,) = box.source(access=access).check().missing_rights
    assert "'Inbox'" in sentence
    assert "Plans" not in sentence
    assert "read the items" in sentence
    assert [item.place.folder for item in refused_in(list(box.source(access=access).items({})))][-1:] == ["Inbox"]


def test_many_folders_that_may_not_be_read_are_one_sentence(box: Box) -> None:
    names = [f"Plans/{number:02}" for number in range(30)]
    box.fill([Mail(name, letter(number)) for number, name in enumerate(names)])
    refuses(box, "ErrorAccessDenied", *map(box.mailbox.folder, names))
    (sentence,) = box.source().check().missing_rights
    assert "'Plans/00'" in sentence
    assert "and 20 more" in sentence


@pytest.mark.parametrize("code", ["ErrorCorruptData", "ErrorInternalServerError", "ErrorFolderNotFound"])
def test_a_folder_that_is_not_listed_for_another_reason_is_a_gap(box: Box, code: str) -> None:
    refuses(box, code, box.mailbox.folder("Plans"))
    check = box.source().check()
    assert check.missing_rights == ()
    assert [(note.code, note.where, note.is_gap) for note in check.notes] == [("folder_not_shown", "Plans", True)]
    assert code in check.notes[0].reason


def test_a_check_where_everything_may_be_read_finds_nothing_missing(box: Box) -> None:
    check = box.source().check()
    assert (check.missing_rights, check.notes) == ((), ())
    assert (box.state.asked["SyncFolderItems"], box.state.asked["GetItem"]) == (3, 0)


def test_a_check_of_a_busy_server_says_that_it_is_busy(box: Box) -> None:
    box.state.fail("SyncFolderItems", busy(60_000))
    with pytest.raises(ServerBusy):
        box.source().check()


def test_a_check_of_a_mailbox_that_goes_away_says_that_it_is_away(box: Box) -> None:
    def go_away(operation: str) -> None:
        for folder in box.mailbox.folders.values() if operation == "SyncFolderItems" else ():
            folder.refuses = "ErrorMailboxStoreUnavailable"

    box.state.before = go_away
    with pytest.raises(SourceUnavailable):
        box.source().check()


def test_a_public_folder_whose_content_lies_elsewhere_is_the_gap_that_a_capture_tells(exchange: EwsState) -> None:
    box = Box(exchange, has_public=True)
    folder = box.mailbox.folder("Agency", "publicfoldersroot")
    box.mailbox.put(folder, letter(1))
    box.mailbox.put("Inbox", letter(2))
    refuses(box, "ErrorItemNotFound", folder)
    source = box.source(public_folders=("Agency",))
    list(source.items({}))
    assert list(source.check().notes) == list(source.notes())
    assert [note.where for note in source.notes()] == ["Public Folders/Agency"]
