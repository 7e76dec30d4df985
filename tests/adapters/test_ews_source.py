"""Exchange Web Services as a mail source: the contract, folders, cursors, and what is never changed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from capstone.domain.errors import SourceMissing
from capstone.domain.fixity import digest_of
from capstone.domain.message import HeldItem, ItemState, Place
from capstone.ports import MailSource
from capstone.usecases.capture import RunReport
from connectors.mailboxes.ews.mailbox import PAGE_ITEMS
from connectors.mailboxes.ews.reading import BATCH_BYTES, LARGE_BYTES
from tests.adapters.ews_boxes import Box, cursors_of, messages_in, refused_in
from tests.contracts.mail_source import MailSourceContract, letter
from tests.fakes.archive import MemoryArchive
from tests.fakes.mail_source import Mail
from tests.servers.ews_server import EwsState


class TestContract(MailSourceContract):
    @pytest.fixture(autouse=True)
    def _box(self, exchange: EwsState) -> None:
        self.box = Box(exchange)

    def source_with(self, mails: Sequence[Mail]) -> MailSource:
        self.box.fill(mails)
        return self.box.source()

    def emptied_source(self) -> MailSource:
        self.box.empty()
        return self.box.source()

    def missing_source(self) -> MailSource:
        return self.box.source("Nowhere")

    def traces(self) -> object:
        return self.box.mailbox.traces()


# --- reading ---------------------------------------------------------------------------------------


def test_a_plain_message_says_where_and_when_it_was(exchange: EwsState) -> None:
    box = Box(exchange)
    box.mailbox.put("Projects/A%2FB", letter(1), is_read=True, flag_status=2, received_at=datetime(2020, 1, 2, 9, 30, tzinfo=UTC))
    (item,) = messages_in(list(box.source().items({})))
    (stored,) = box.mailbox.folder("Projects/A%2FB").items.values()
    assert item.occurrence.place == Place("mail", "Projects/A%252FB", stored.id)
    assert item.occurrence.identity == f"ews:{stored.id}"
    assert item.occurrence.flags == ("\\Flagged", "\\Seen")
    assert item.occurrence.received_at == datetime(2020, 1, 2, 9, 30, tzinfo=UTC)


def test_a_slash_in_a_name_is_no_level(exchange: EwsState) -> None:
    box = Box(exchange)
    folder = box.mailbox.folder("Plans")
    folder.name = "A/B"
    box.mailbox.put(folder, letter(1))
    assert [item.occurrence.place.folder for item in messages_in(list(box.source().items({})))] == ["A%2FB"]


def test_ids_that_exchange_knows_go_before_names(exchange: EwsState) -> None:
    box = Box(exchange)
    names = {"sentitems": "Gesendet", "drafts": "Angefangen", "outbox": "Ausgang", "inbox": "Outbox"}
    for key, name in names.items():
        folder = box.mailbox.distinguished(key)
        assert folder is not None
        folder.name = name
        box.mailbox.put(folder, letter(len(name)))
    items = list(box.source().items({}))
    assert {(item.occurrence.place.folder, item.occurrence.is_sent) for item in messages_in(items)} == {
        ("Gesendet", True),
        ("Outbox", False),
    }
    assert {(item.place.folder, item.code) for item in refused_in(items)} == {
        ("Angefangen", "folder_drafts"),
        ("Ausgang", "folder_outbox"),
    }


def test_names_mean_something_only_where_exchange_does_not_say_which_folder_it_is(exchange: EwsState) -> None:
    box = Box(exchange, has_archive=True, has_public=True)
    taken = ("Inbox/Drafts", "Projects/Rule X/Drafts", "Draft", "Inbox/Sent", "Inbox/RSS Feeds", "Sent Items/2020")
    box.fill([Mail(name, letter(number)) for number, name in enumerate((*taken, "Drafts/Old", "RSS Feeds/One"), 1)])
    for name in ("Drafts", "A/Drafts"):
        box.mailbox.put(box.mailbox.folder(name, "archivemsgfolderroot"), letter(20))
    box.mailbox.put(box.mailbox.folder("P/Drafts", "publicfoldersroot"), letter(21))
    items = list(box.source(public_folders=("P",)).items({}))
    assert {(item.occurrence.place.folder, item.occurrence.is_sent) for item in messages_in(items)} == {
        (name, name == "Sent Items/2020") for name in (*taken, "In-Place Archive/A/Drafts", "Public Folders/P/Drafts")
    }  # fmt: skip
    assert {(item.place.folder, item.code) for item in refused_in(items)} == {
        ("Drafts/Old", "folder_drafts"), ("RSS Feeds/One", "folder_rss"), ("In-Place Archive/Drafts", "folder_drafts"),
    }  # fmt: skip
    named = list(box.source("In-Place Archive").items({}))
    assert [item.place.folder for item in refused_in(named)] == ["In-Place Archive/Drafts"]


def test_batches_are_bounded_in_bytes_and_a_large_item_goes_alone(exchange: EwsState) -> None:
    box = Box(exchange)
    for size in (100, 600_000, LARGE_BYTES + 1, 200, *[900_000] * 6):
        box.mailbox.put("Inbox", letter(1) + b"x" * size)
    items = messages_in(list(box.source().items({})))
    assert len(items) == 10
    assert exchange.batches == [2, 1, 5, 2]
    assert BATCH_BYTES // 900_000 == 4


def test_named_folders_are_read_with_all_below_and_are_not_judged_themselves(exchange: EwsState) -> None:
    box = Box(exchange)
    names = ("Drafts", "Drafts/Outbox", "Projects", "Projects/Alpha", "Projects2", "Inbox")
    box.fill([Mail(name, letter(number)) for number, name in enumerate(names, 1)])
    items = list(box.source("Drafts", "Projects").items({}))
    read = [item.occurrence.place.folder for item in messages_in(items)]
    assert read == ["Drafts", "Drafts/Outbox", "Projects", "Projects/Alpha"]
    with pytest.raises(SourceMissing) as caught:
        next(box.source("Projects", "Nowhere").items({}))
    assert caught.value.code == "E102"


def test_a_mailbox_of_many_folders_is_listed_whole_and_search_folders_show_nothing_twice(exchange: EwsState) -> None:
    box = Box(exchange)
    names = [f"Plans/{number:04}" for number in range(1205)]
    for name in names:
        box.mailbox.folder(name)
    box.mailbox.put(names[-1], letter(1))
    box.mailbox.put("Found", letter(1))
    box.mailbox.folder("Found").kind = "SearchFolder"
    box.mailbox.folder("Team").kind = "CalendarFolder"
    items = list(box.source().items({}))
    assert [item.occurrence.place.folder for item in messages_in(items)] == [names[-1]]
    assert {folder.path for folder in box.source().check().folders} >= {*names, "Team"}


# --- cursors ---------------------------------------------------------------------------------------


def test_the_next_run_reads_what_came_since_with_one_request_a_folder(exchange: EwsState) -> None:
    box = Box(exchange)
    box.fill([*[Mail("Inbox", letter(number)) for number in range(1, 6)], Mail("Plans", letter(6)), Mail("Drafts", letter(7))])
    first = list(box.source().items({}))
    kept = cursors_of(first)
    assert (len(first), len(kept)) == (7, 3)
    exchange.asked.clear()
    assert list(box.source().items(kept)) == []
    assert (exchange.asked["SyncFolderItems"], exchange.asked["GetItem"]) == (3, 0)
    box.mailbox.put("Inbox", letter(8))
    second = messages_in(list(box.source().items(kept)))
    assert [item.raw for item in second] == [letter(8)]
    assert list(box.source().items(kept | cursors_of(second))) == []


def test_reading_and_deleting_offer_nothing_and_a_change_is_fetched_again(exchange: EwsState) -> None:
    box = Box(exchange)
    one, two, three = (box.mailbox.put("Inbox", letter(number)) for number in (1, 2, 3))
    kept = cursors_of(list(box.source().items({})))
    box.mailbox.mark_read(one)
    box.mailbox.remove(two)
    assert list(box.source().items(kept)) == []
    box.mailbox.change(three, raw=letter(33))
    held = {f"ews:{three.id}": (digest_of(letter(3)),)}
    again = list(box.source(held=lambda asked: {key: held[key] for key in asked if key in held}).items(kept))
    assert [item.raw for item in messages_in(again)] == [letter(33)]


def test_a_folder_of_5000_items_is_paged_and_its_cursor_moves_with_each_page(exchange: EwsState) -> None:
    box = Box(exchange)
    raws = [letter(number % 60, str(number)) for number in range(5000)]
    for raw in raws:
        box.mailbox.put("Inbox", raw)
    items = list(box.source().items({}))
    assert [item.raw for item in messages_in(items)] == raws
    moved = [number for number, item in enumerate(items, 1) if item.cursor]
    assert moved == [*range(PAGE_ITEMS, 5000, PAGE_ITEMS), 5000]
    cursor = items[PAGE_ITEMS * 3 - 1].cursor
    assert cursor is not None
    assert [item.raw for item in messages_in(list(box.source().items(dict([cursor]))))] == raws[PAGE_ITEMS * 3 :]


def test_many_small_changes_that_offer_nothing_do_not_hide_what_comes_after(exchange: EwsState) -> None:
    box = Box(exchange)
    stored = [box.mailbox.put("Inbox", letter(number % 60, str(number))) for number in range(PAGE_ITEMS + 10)]
    kept = cursors_of(list(box.source().items({})))
    for item in stored:
        box.mailbox.mark_read(item)
    box.mailbox.put("Inbox", letter(1, "new"))
    again = list(box.source().items(kept))
    assert [item.raw for item in messages_in(again)] == [letter(1, "new")]
    assert list(box.source().items(kept | cursors_of(again))) == []


def test_behind_a_failed_item_the_cursor_moves_and_the_item_is_asked_for_again(exchange: EwsState) -> None:
    box = Box(exchange)
    box.fill([Mail("Plans", letter(9))])
    stored = [box.mailbox.put("Inbox", letter(number % 60, str(number))) for number in range(PAGE_ITEMS * 2 + 10)]
    stored[PAGE_ITEMS + 5].error = "ErrorMimeContentConversionFailed"
    items = list(box.source().items({}))
    assert [(item.state, item.code) for item in refused_in(items)] == [(ItemState.FAILED, "unreadable")]
    moved = [number for number, item in enumerate(items, 1) if item.cursor]
    assert moved == [PAGE_ITEMS, PAGE_ITEMS * 2, len(stored), len(stored) + 1]
    stored[PAGE_ITEMS + 5].error = ""
    again = messages_in(list(box.source().items(cursors_of(items))))
    assert [item.raw for item in again] == [stored[PAGE_ITEMS + 5].mime]


def test_a_sync_state_that_the_server_does_not_know_any_more_loses_nothing(exchange: EwsState) -> None:
    box = Box(exchange)
    stored = [box.mailbox.put("Inbox", letter(number)) for number in (1, 2)]
    kept = {name: "bm90IG91cnM=" for name in cursors_of(list(box.source().items({})))}
    box.mailbox.change(stored[0], raw=letter(11))
    box.mailbox.put("Inbox", letter(3))
    held = {f"ews:{one.id}": (digest_of(one.mime),) for one in stored}
    again = list(box.source(held=lambda asked: {key: held[key] for key in asked if key in held}).items(kept))
    assert sorted(item.raw for item in messages_in(again)) == sorted([letter(11), letter(3)])
    assert [item.occurrence.identity for item in again if isinstance(item, HeldItem)] == [f"ews:{stored[1].id}"]
    assert list(box.source().items(cursors_of(again))) == []


def test_what_the_archive_holds_is_not_fetched_anew(exchange: EwsState) -> None:
    box = Box(exchange)
    stored = [box.mailbox.put("Inbox", letter(number)) for number in (1, 2, 3)]
    asked: list[Sequence[str]] = []

    def held(identities: Sequence[str]) -> dict[str, tuple[str, ...]]:
        asked.append(identities)
        return {f"ews:{one.id}": ("first", "second") for one in stored[:2]}

    items = list(box.source(held=held).items({}))
    assert [(item.occurrence.identity, item.digest) for item in items if isinstance(item, HeldItem)] == [
        (f"ews:{one.id}", "second") for one in stored[:2]
    ]
    assert [item.raw for item in messages_in(items)] == [letter(3)]
    assert asked == [[f"ews:{one.id}" for one in stored]]
    assert exchange.batches == [1]
    assert list(box.source().items(cursors_of(items))) == []


@pytest.mark.parametrize(("seconds", "is_draft", "is_held"), [(3, False, True), (30, False, False), (0, True, False)])
def test_what_may_have_been_edited_since_it_was_made_is_fetched(
    exchange: EwsState, seconds: int, is_draft: bool, is_held: bool
) -> None:
    box = Box(exchange)
    stored = box.mailbox.put("Inbox", letter(1), is_draft=is_draft)
    stored.modified_at += timedelta(seconds=seconds)
    (item,) = box.source(held=lambda asked: dict.fromkeys(asked, ("digest",))).items({})
    assert isinstance(item, HeldItem) == is_held


def test_a_change_behind_a_failed_item_is_not_taken_for_what_the_archive_holds(exchange: EwsState) -> None:
    box = Box(exchange)
    stored = [box.mailbox.put("Inbox", letter(number)) for number in (1, 2, 3)]
    stored[0].error = "ErrorItemCorrupt"
    assert len(refused_in(list(box.source().items({})))) == 1
    held = {f"ews:{one.id}": (digest_of(one.mime),) for one in stored[1:]}
    box.mailbox.change(stored[2], raw=letter(33))
    again = list(box.source(held=lambda asked: {key: held[key] for key in asked if key in held}).items({}))
    assert [item.raw for item in messages_in(again)] == [letter(33)]
    assert [item.occurrence.identity for item in again if isinstance(item, HeldItem)] == [f"ews:{stored[1].id}"]


def test_items_that_vanish_between_listing_and_fetching_are_counted_as_gone(exchange: EwsState) -> None:
    box = Box(exchange)
    stored = [box.mailbox.put("Inbox", letter(number)) for number in range(1, 5)]

    def vanish(operation: str) -> None:
        if operation == "GetItem":
            box.mailbox.remove(stored[1])
            box.mailbox.remove(stored[3])

    exchange.before = vanish
    items = list(box.source().items({}))
    assert [item.raw for item in messages_in(items)] == [letter(1), letter(3)]
    assert [(item.state, item.code, item.place.item_id) for item in refused_in(items)] == [
        (ItemState.EXCLUDED, "gone_at_source", stored[1].id),
        (ItemState.EXCLUDED, "gone_at_source", stored[3].id),
    ]
    assert list(box.source().items(cursors_of(items))) == []


def test_an_item_without_bytes_is_quarantined(exchange: EwsState) -> None:
    box = Box(exchange)
    box.mailbox.put("Inbox", b"", size=10)
    (item,) = refused_in(list(box.source().items({})))
    assert (item.state, item.code, item.raw) == (ItemState.QUARANTINED, "empty_item", b"")


# --- a whole capture -------------------------------------------------------------------------------


def test_captures_of_a_changing_mailbox_lose_nothing_and_double_nothing(exchange: EwsState) -> None:
    box, archive = Box(exchange), MemoryArchive()
    box.fill([*[Mail("Inbox", multipart(number)) for number in range(1, 8)], Mail("Drafts", letter(9))])
    exchange.has_other_boundaries = True
    assert counts(archive.capture(box.source())) == {"archived": 7, "excluded": 1}
    assert counts(archive.capture(box.source())) == {}
    (first, *_) = box.mailbox.folder("Inbox").items.values()
    box.mailbox.change(first, categories=("Blue",))
    assert counts(archive.capture(box.source())) == {"already_held": 1}
    box.mailbox.change(first, raw=multipart(1, "Changed."))
    assert counts(archive.capture(box.source())) == {"archived": 1}
    assert len(list(archive.ledger.records.records())) == 8


def multipart(number: int, body: str = "Good day.") -> bytes:
    """A message whose boundary the server makes anew at each fetch."""
    head = letter(number).partition(b"\r\n\r\n")[0]
    return head + (
        b'\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="=_boundary"\r\n\r\n--=_boundary\r\n'
        b"Content-Type: text/plain\r\n\r\n" + body.encode() + b"\r\n--=_boundary--\r\n"
    )


def counts(report: RunReport) -> dict[str, int]:
    return {state: count for state, count in report.counts.items() if count and state != "offered"}
