"""The parts of a mailbox beside its folders: archive, recoverable items, public folders; and what a check of the source says."""

from __future__ import annotations

import pytest

from capstone.domain.errors import SourceMissing, SourceRefused
from capstone.domain.message import ItemState
from capstone.ports import FolderSeen
from connectors.mailboxes.ews.source import EwsLogin
from tests.adapters.ews_boxes import Box, cursors_of, messages_in, refused_in
from tests.contracts.mail_source import letter
from tests.fakes.mail_source import Mail
from tests.servers.ews_mailboxes import Mailbox
from tests.servers.ews_server import EwsState


def whole(exchange: EwsState) -> Box:
    """A mailbox with one message in every part."""
    box = Box(exchange, has_archive=True, has_public=True)
    put(box.mailbox, "msgfolderroot", "Inbox", 1)
    for number, name in enumerate(("Deletions", "Versions", "Purges", "DiscoveryHolds"), 2):
        put(box.mailbox, "recoverableitemsroot", name, number)
    put(box.mailbox, "archivemsgfolderroot", "Inbox", 6)
    put(box.mailbox, "archivemsgfolderroot", "Drafts", 7)
    put(box.mailbox, "archiverecoverableitemsroot", "Purges", 8)
    put(box.mailbox, "publicfoldersroot", "Agency/Notices", 9)
    put(box.mailbox, "publicfoldersroot", "Agency/Notices/Old", 10)
    put(box.mailbox, "publicfoldersroot", "Other", 11)
    return box


def put(mailbox: Mailbox, root: str, path: str, number: int) -> None:
    mailbox.put(mailbox.folder(path, root), letter(number))


def folders_of(box: Box, **choice: object) -> list[str]:
    return [item.occurrence.place.folder for item in messages_in(list(box.source(**choice).items({})))]


PRIMARY = ["Inbox"]
RECOVERABLE = [f"Recoverable Items/{name}" for name in ("Deletions", "DiscoveryHolds", "Purges", "Versions")]
ARCHIVE = ["In-Place Archive/Inbox"]


def test_archive_and_recoverable_items_are_read_unless_they_are_not_wanted(exchange: EwsState) -> None:
    box = whole(exchange)
    archive_recoverable = ["In-Place Archive/Recoverable Items/Purges"]
    assert folders_of(box) == [*ARCHIVE, *archive_recoverable, *PRIMARY, *RECOVERABLE]
    assert folders_of(box, archive=False) == [*PRIMARY, *RECOVERABLE]
    assert folders_of(box, recoverable=False) == [*ARCHIVE, *PRIMARY]
    assert folders_of(box, archive=False, recoverable=False) == PRIMARY
    left_out = refused_in(list(box.source().items({})))
    assert [(item.place.folder, item.code) for item in left_out] == [("In-Place Archive/Drafts", "folder_drafts")]


def test_public_folders_are_read_by_choice_with_all_below(exchange: EwsState) -> None:
    box = whole(exchange)
    choice = {"archive": False, "recoverable": False}
    assert folders_of(box, public_folders=("Agency/Notices",), **choice) == [
        "Inbox", "Public Folders/Agency/Notices", "Public Folders/Agency/Notices/Old",
    ]  # fmt: skip
    with pytest.raises(SourceMissing) as caught:
        folders_of(box, public_folders=("Agency/Nowhere",), **choice)
    assert "Agency/Nowhere" in caught.value.message


def test_each_part_has_cursors_of_its_own(exchange: EwsState) -> None:
    box = whole(exchange)
    source = box.source(public_folders=("Agency",))
    kept = cursors_of(list(source.items({})))
    assert len(kept) == 10
    assert list(source.items(kept)) == []
    put(box.mailbox, "archiverecoverableitemsroot", "Purges", 20)
    again = messages_in(list(source.items(kept)))
    assert [(item.occurrence.place.folder, item.raw) for item in again] == [
        ("In-Place Archive/Recoverable Items/Purges", letter(20))
    ]


def test_a_user_without_archive_has_no_gap(exchange: EwsState) -> None:
    box = Box(exchange)
    box.fill([Mail("Inbox", letter(1))])
    source = box.source()
    assert len(list(source.items({}))) == 1
    assert list(source.notes()) == []
    assert source.check().notes == ()


@pytest.mark.parametrize("answer", ["ErrorAccessDenied", "ErrorMailboxStoreUnavailable"])
def test_a_part_that_cannot_be_read_is_a_gap_by_name(exchange: EwsState, answer: str) -> None:
    box = whole(exchange)
    for root in ("archivemsgfolderroot", "archiverecoverableitemsroot", "recoverableitemsroot", "publicfoldersroot"):
        box.mailbox.roots[root].refuses = answer
    source = box.source(public_folders=("Agency",))
    assert [item.raw for item in messages_in(list(source.items({})))] == [letter(1)]
    assert [(note.code, note.where, note.is_gap) for note in source.notes()] == [
        ("recoverable_items_not_readable", "Recoverable Items", True),
        ("archive_mailbox_not_readable", "In-Place Archive", True),
        ("archive_recoverable_items_not_readable", "In-Place Archive/Recoverable Items", True),
        ("public_folders_not_readable", "Public Folders", True),
    ]
    rights = source.check().missing_rights
    assert len(rights) == (4 if answer == "ErrorAccessDenied" else 0)
    assert all("full access" in sentence for sentence in rights)


def test_a_part_that_is_there_and_is_not_listed_is_a_gap_by_name(exchange: EwsState) -> None:
    box = whole(exchange)

    def miss(asked: str) -> None:
        box.mailbox.roots["archivemsgfolderroot"].refuses = "ErrorItemNotFound" if asked == "FindFolder" else ""

    exchange.before = miss
    source = box.source()
    assert len(messages_in(list(source.items({})))) == 6
    assert [note.code for note in source.notes()] == ["archive_mailbox_not_readable"]


@pytest.mark.parametrize("operation", ["SyncFolderItems", "GetItem"])
def test_a_public_folder_whose_content_is_not_found_is_a_gap_by_name(exchange: EwsState, operation: str) -> None:
    box = Box(exchange, has_public=True)
    put(box.mailbox, "msgfolderroot", "Inbox", 1)
    put(box.mailbox, "publicfoldersroot", "Agency", 2)
    folder = box.mailbox.folder("Agency", "publicfoldersroot")
    (item,) = folder.items.values()

    def miss(asked: str) -> None:
        item.error = "ErrorItemNotFound" if operation == "GetItem" else ""
        folder.refuses = "ErrorItemNotFound" if operation == asked == "SyncFolderItems" else ""

    exchange.before = miss
    source = box.source(public_folders=("Agency",))
    items = list(source.items({}))
    assert [one.raw for one in messages_in(items)] == [letter(1)]
    assert [(note.code, note.where, note.is_gap) for note in source.notes()] == [
        ("public_folders_not_readable", "Public Folders/Agency", True)
    ]
    assert [(one.state, one.code) for one in refused_in(items)] == [(ItemState.FAILED, "unreadable")] * (operation == "GetItem")


# --- check -----------------------------------------------------------------------------------------


def test_a_check_counts_and_sizes_every_folder_and_reads_none(exchange: EwsState) -> None:
    box = Box(exchange)
    box.fill([Mail("Inbox", letter(1)), Mail("Inbox", letter(2)), Mail("Drafts", letter(3))])
    seen = [folder for folder in box.source().check().folders if folder.messages]
    assert seen == [
        FolderSeen("Drafts", 1, len(letter(3)), "folder_drafts"),
        FolderSeen("Inbox", 2, len(letter(1)) + len(letter(2))),
    ]
    assert (exchange.asked["SyncFolderItems"], exchange.asked["GetItem"]) == (2, 0)


def test_a_check_with_a_wrong_password_is_refused(exchange: EwsState) -> None:
    with pytest.raises(SourceRefused):
        Box(exchange).source(login=EwsLogin("basic", "service", "another")).check()
