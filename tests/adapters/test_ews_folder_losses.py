"""A folder that an Exchange server does not list: it fails by name, and what lies in the others is read."""

from __future__ import annotations

from collections.abc import Callable, Collection

import pytest

from capstone.domain.errors import ServerBusy, SourceUnavailable
from capstone.domain.message import ItemState
from connectors.mailboxes.ews.session import LOST_ATTEMPTS
from tests.adapters.ews_boxes import Box, cursors_of, messages_in, refused_in
from tests.contracts.mail_source import letter
from tests.fakes.archive import MemoryArchive
from tests.fakes.mail_source import Mail
from tests.servers.ews_server import EwsState, busy

CODES = ("ErrorInternalServerError", "ErrorCorruptData", "ErrorInvalidFolderTypeForOperation", "ErrorMailboxStoreUnavailable")


@pytest.fixture
def box(exchange: EwsState) -> Box:
    box = Box(exchange)
    box.fill([Mail(name, letter(number)) for number, name in enumerate(("Inbox", "Plans", "Sent Items", "Zeta"), 1)])
    return box


Refusing = Callable[..., None]


@pytest.fixture
def refusing(exchange: EwsState) -> Refusing:
    """Makes the server answer an operation with an error wherever it is asked about one of these folders."""

    def refuse(code: str, ids: Collection[str], operations: Collection[str] = ("SyncFolderItems",)) -> None:
        exchange.refused = {operation: (code, frozenset(ids)) for operation in operations}

    return refuse


@pytest.mark.parametrize("code", CODES)
def test_a_folder_that_is_not_listed_fails_by_name_and_is_taken_up_again(box: Box, refusing: Refusing, code: str) -> None:
    refusing(code, [box.mailbox.folder("Plans").id])
    items = list(box.source().items({}))
    (refused,) = refused_in(items)
    assert (refused.place.folder, refused.state, refused.code) == ("Plans", ItemState.FAILED, "unreadable")
    assert code in refused.reason
    assert [item.raw for item in messages_in(items)] == [letter(1), letter(3), letter(4)]
    refusing(code, [])
    again = messages_in(list(box.source().items(cursors_of(items))))
    assert [item.raw for item in again] == [letter(2)]


def test_a_run_in_which_a_folder_was_not_listed_has_failed(box: Box, refusing: Refusing) -> None:
    archive = MemoryArchive()
    refusing("ErrorCorruptData", [box.mailbox.folder("Plans").id])
    report = archive.capture(box.source())
    assert (report.outcome, report.counts["archived"], report.counts["failed"]) == ("failed", 3, 1)
    refusing("ErrorCorruptData", [])
    report = archive.capture(box.source())
    assert (report.outcome, report.counts["archived"]) == ("complete", 1)


def test_many_folders_in_a_row_that_are_not_listed_do_not_hide_those_behind_them(box: Box, refusing: Refusing) -> None:
    bad = [f"Bad {number}" for number in range(5)]
    box.fill([Mail(name, letter(20)) for name in bad])
    refusing("ErrorInternalServerError", [box.mailbox.folder(name).id for name in bad])
    items = list(box.source().items({}))
    assert [item.place.folder for item in refused_in(items)] == bad
    assert [item.raw for item in messages_in(items)] == [letter(1), letter(2), letter(3), letter(4)]


def test_what_was_read_of_a_folder_before_its_listing_broke_is_kept(
    exchange: EwsState, monkeypatch: pytest.MonkeyPatch, refusing: Refusing
) -> None:
    monkeypatch.setattr("connectors.mailboxes.ews.mailbox.PAGE_ITEMS", 2)
    box = Box(exchange)
    box.fill([*[Mail("Inbox", letter(number)) for number in range(5)], Mail("Plans", letter(9))])

    def break_off(operation: str) -> None:
        if operation == "SyncFolderItems" and exchange.asked[operation] == 2:
            refusing("ErrorCorruptData", [box.mailbox.folder("Inbox").id])

    exchange.before = break_off
    items = list(box.source().items({}))
    assert [item.raw for item in messages_in(items)] == [letter(0), letter(1), letter(9)]
    assert [item.place.folder for item in refused_in(items)] == ["Inbox"]
    exchange.before = lambda _operation: None
    refusing("ErrorCorruptData", [])
    again = messages_in(list(box.source().items(cursors_of(items))))
    assert [item.raw for item in again] == [letter(2), letter(3), letter(4)]


@pytest.mark.parametrize("code", CODES)
def test_a_mailbox_of_which_no_folder_is_listed_is_away(box: Box, refusing: Refusing, code: str) -> None:
    refusing(code, list(box.mailbox.folders))
    with pytest.raises(SourceUnavailable):
        list(box.source().items({}))


def test_a_mailbox_whose_inbox_does_not_answer_either_is_away(box: Box, refusing: Refusing) -> None:
    items = box.source().items({})

    def go_away(operation: str) -> None:
        if operation == "SyncFolderItems" and box.state.asked[operation] == 2:
            refusing("ErrorMailboxStoreUnavailable", [*box.mailbox.folders, "inbox"], ("SyncFolderItems", "GetFolder"))

    box.state.before = go_away
    with pytest.raises(SourceUnavailable):
        list(items)
    assert box.state.asked["SyncFolderItems"] == 1 + LOST_ATTEMPTS


def test_a_server_that_is_busy_with_a_folder_is_busy(box: Box) -> None:
    box.state.fail("SyncFolderItems", busy(60_000))
    with pytest.raises(ServerBusy):
        list(box.source().items({}))
