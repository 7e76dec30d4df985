"""Items that an Exchange server never gives: the cursor goes past them, and they are asked for again at each run."""

from __future__ import annotations

import pytest

from capstone.domain.message import ItemState
from connectors.mailboxes.ews.cursors import Position, position_in
from connectors.mailboxes.ews.mailbox import PAGE_ITEMS
from connectors.mailboxes.failed import MOST_FAILED
from tests.adapters.ews_boxes import Box, cursors_of, messages_in, refused_in
from tests.contracts.mail_source import letter
from tests.servers import ews_answers
from tests.servers.ews_mailboxes import Item
from tests.servers.ews_server import Answer, EwsState


@pytest.fixture
def box(exchange: EwsState) -> Box:
    return Box(exchange)


def filled(box: Box, number: int, *bad: int, error: str = "ErrorMimeContentConversionFailed") -> list[Item]:
    """That many read messages in the Inbox, some of which the server does not give."""
    stored = [box.mailbox.put("Inbox", letter(one % 60, str(one))) for one in range(number)]
    for item in stored:
        box.mailbox.change(item, is_read=True)
    for one in bad:
        stored[one].error = error
    return stored


def test_what_lies_behind_an_item_that_is_never_given_is_read_once(box: Box) -> None:
    stored = filled(box, PAGE_ITEMS + 10, 3)
    kept: dict[str, str] = {}
    for _ in range(2):
        items = list(box.source().items(kept))
        kept = cursors_of(items)
    assert [(item.place.item_id, item.state, item.code) for item in refused_in(items)] == [
        (stored[3].id, ItemState.FAILED, "unreadable")
    ]
    assert messages_in(items) == []


def test_an_item_that_is_given_at_last_is_asked_for_no_more(box: Box) -> None:
    stored = filled(box, 5, 1, 4)
    kept = cursors_of(list(box.source().items({})))
    stored[1].error = ""
    (fourth, first) = sorted(box.source().items(kept), key=lambda item: item.cursor is None)
    assert [item.raw for item in messages_in([fourth, first])] == [stored[1].mime]
    assert [item.place.item_id for item in refused_in([fourth, first])] == [stored[4].id]
    kept = cursors_of([fourth, first])
    stored[4].error = ""
    last = list(box.source().items(kept))
    assert [item.raw for item in messages_in(last)] == [stored[4].mime]
    assert list(box.source().items(cursors_of(last))) == []


def test_an_item_that_failed_and_is_gone_meanwhile_is_counted_as_gone(box: Box) -> None:
    stored = filled(box, 3, 1)
    kept = cursors_of(list(box.source().items({})))
    box.mailbox.remove(stored[1])
    items = list(box.source().items(kept))
    assert [(item.place.item_id, item.state, item.code) for item in refused_in(items)] == [
        (stored[1].id, ItemState.EXCLUDED, "gone_at_source")
    ]
    assert list(box.source().items(cursors_of(items))) == []


def test_an_item_that_failed_and_was_changed_is_given_once(box: Box) -> None:
    stored = filled(box, 3, 1)
    kept = cursors_of(list(box.source().items({})))
    box.mailbox.change(stored[1], raw=letter(50), error="")
    box.mailbox.put("Inbox", letter(51))
    items = list(box.source().items(kept))
    assert [item.raw for item in messages_in(items)] == [letter(50), letter(51)]
    assert len(items) == 2
    assert list(box.source().items(cursors_of(items))) == []


def test_an_item_that_is_given_later_says_what_it_would_have_said_at_once(box: Box) -> None:
    stored = filled(box, 2, 1)
    kept = cursors_of(list(box.source().items({})))
    stored[1].error = ""
    (again,) = messages_in(list(box.source().items(kept)))
    (told,) = [item for item in messages_in(list(box.source().items({}))) if item.occurrence.place.item_id == stored[1].id]
    assert again.occurrence == told.occurrence
    assert again.occurrence.flags


def test_a_folder_with_more_failed_items_than_are_remembered_is_read_again(box: Box) -> None:
    filled(box, MOST_FAILED + 2, *range(MOST_FAILED + 1))
    items = list(box.source().items({}))
    assert (len(refused_in(items)), cursors_of(items)) == (MOST_FAILED + 1, {})


def test_items_that_failed_before_and_get_no_answer_do_not_end_the_run(box: Box) -> None:
    filled(box, 5, 0, 1, 2, 3)
    kept = cursors_of(list(box.source().items({})))
    box.mailbox.put("Inbox", letter(50))
    fault = Answer(ews_answers.fault("ErrorInternalServerError"), status=500)
    listed, together, alone = 1, 1, 4
    box.state.fail("GetItem", *[fault] * (listed + together + alone))
    items = list(box.source().items(kept))
    assert [item.state for item in refused_in(items)] == [ItemState.FAILED] * 4
    assert [item.raw for item in messages_in(items)] == [letter(50)]


def test_a_state_that_the_server_does_not_know_any_more_still_tells_what_failed(box: Box) -> None:
    stored = filled(box, 3, 1)
    ((name, text),) = cursors_of(list(box.source().items({}))).items()
    stored[1].error = ""
    unknown = Position("bm90IG91cnM=", position_in(text).failed).as_text()
    items = list(box.source().items({name: unknown}))
    assert sorted(item.raw for item in messages_in(items)) == sorted(one.mime for one in stored)


@pytest.mark.parametrize("failed", [(), ("AAMk+/=",), ("AAMk, 1", "AAMk+2")])
def test_a_cursor_is_read_as_it_was_written(failed: tuple[str, ...]) -> None:
    position = Position("H4sIAAAAAAAEAO+9B2A=", failed)
    assert position_in(position.as_text()) == position


def test_a_cursor_of_an_earlier_version_is_a_sync_state() -> None:
    assert position_in("H4sIAAAAAAAEAO+9B2A=") == Position("H4sIAAAAAAAEAO+9B2A=")


def test_an_item_of_a_class_without_mime_fails_by_that_name_and_holds_nothing_up(box: Box) -> None:
    box.state.gives_mime_as_published = True
    tasks = [box.mailbox.put("Inbox", letter(number), item_class="IPM.Task", kind="Task") for number in range(4)]
    others = (("IPM.Appointment", "CalendarItem"), ("IPM.Note", "Message"), ("IPM.Post", "PostItem"))
    for number, (item_class, kind) in enumerate(others, 10):
        box.mailbox.put("Inbox", letter(number), item_class=item_class, kind=kind)
    items = list(box.source(calendars=True).items({}))
    assert [item.raw for item in messages_in(items)] == [letter(10), letter(11), letter(12)]
    assert [(item.place.item_id, item.state) for item in refused_in(items)] == [(one.id, ItemState.FAILED) for one in tasks]
    assert all("no MIME" in item.reason and "IPM.Task" in item.reason and "PST" in item.reason for item in refused_in(items))
    again = list(box.source(calendars=True).items(cursors_of(items)))
    assert [item.state for item in refused_in(again)] == [ItemState.FAILED] * len(again) == [ItemState.FAILED] * 4
    without = list(box.source().items(cursors_of(again)))
    assert [(item.state, item.code) for item in refused_in(without)] == [(ItemState.EXCLUDED, "item_class_task")] * 4
    assert list(box.source().items(cursors_of(without))) == []


def test_a_mailbox_of_tasks_without_mime_is_not_taken_for_a_server_out_of_order(box: Box) -> None:
    box.state.gives_mime_as_published = True
    for number in range(4):
        box.mailbox.put("Tasks", letter(number), item_class="IPM.Task", kind="Task")
    items = list(box.source(calendars=True).items({}))
    assert [item.state for item in refused_in(items)] == [ItemState.FAILED] * 4
