"""Microsoft Graph when folders or messages go, are not found though they are there, or are never given."""

from __future__ import annotations

from datetime import timedelta

import pytest

from capstone.domain.errors import SourceRefused, SourceUnavailable
from capstone.domain.message import Companion, ItemState, Occurrence, RefusedItem
from connectors.mailboxes.failed import MOST_FAILED
from tests.adapters.graph_boxes import (
    EVERYTHING,
    VALUE,
    GraphBox,
    archive_of,
    cursors_of,
    filled_box,
    held_in,
    messages_in,
    refused_in,
)
from tests.contracts.mail_source import letter
from tests.fakes.mail_source import Mail
from tests.servers.graph_server import GraphServer
from tests.servers.graph_server_mailboxes import GraphMessage


@pytest.fixture
def box(graph: GraphServer) -> GraphBox:
    return filled_box(graph)


def test_a_message_that_goes_between_listing_and_reading_is_counted(box: GraphBox) -> None:
    first, second = list(box.mailbox.messages.values())[1:3]
    taken: list[GraphMessage] = []

    def take() -> None:
        if not taken:
            taken.append(first)
            box.mailbox.remove(first)

    box.server.fail(rf"{first.id}/\$value", times=None, stall=take)
    items = list(box.source().items({}))
    assert [(item.state, item.code, item.place.item_id) for item in refused_in(items)] == [
        (ItemState.EXCLUDED, "gone_at_source", first.id)
    ]
    assert second.raw in [item.raw for item in messages_in(items)]
    assert list(box.source().items(cursors_of(items))) == []


def test_a_folder_that_goes_after_the_listing_offers_nothing(box: GraphBox) -> None:
    box.fill([Mail("Sent", letter(9))])
    sent = box.mailbox.folder("Sent").id
    box.server.fail(rf"{sent}/messages/delta", times=None, stall=lambda: box.mailbox.folders.pop(sent, None))
    source = box.source()
    assert [item.raw for item in messages_in(list(source.items({})))] == EVERYTHING
    assert list(source.notes()) == []


@pytest.mark.parametrize("match", ["messages/delta", "childFolders"])
@pytest.mark.parametrize(
    ("status", "code"), [(404, "ErrorItemNotFound"), (404, "ResourceNotFound"), (400, "ErrorInvalidRequest")]
)
def test_a_folder_that_is_there_and_is_not_shown_is_a_gap(box: GraphBox, match: str, status: int, code: str) -> None:
    box.fill([Mail("Sent/2019", letter(9))])
    folder = box.mailbox.folder("Sent/2019" if "delta" in match else "Sent").id
    box.server.fail(f"{folder}/{match}", times=None, status=status, code=code)
    source = box.source()
    items = list(source.items({}))
    assert [item.raw for item in messages_in(items)] == EVERYTHING
    (note,) = source.notes()
    assert (note.code, note.where[:4], note.is_gap) == ("folder_not_shown", "Sent", True)
    box.server.mend()
    source = box.source()
    assert [item.raw for item in messages_in(list(source.items(cursors_of(items))))] == [letter(9)]
    assert list(source.notes()) == []


def test_a_folder_that_is_there_and_is_not_found_after_a_cursor_keeps_it(box: GraphBox) -> None:
    cursors = cursors_of(list(box.source().items({})))
    box.fill([Mail("INBOX", letter(9))])
    box.server.fail("messages/delta", times=None, status=404, code="ErrorItemNotFound")
    source = box.source()
    assert list(source.items(cursors)) == []
    assert [note.code for note in source.notes()] == ["folder_not_shown"]
    box.server.mend()
    assert [item.raw for item in messages_in(list(box.source().items(cursors)))] == [letter(9)]


def test_messages_that_are_there_and_are_not_found_are_offered_again(box: GraphBox) -> None:
    box.server.fail(VALUE, times=None, status=404, code="ErrorItemNotFound")
    items = list(box.source().items({}))
    assert [(item.state, item.code) for item in refused_in(items)] == [(ItemState.FAILED, "unreadable")] * 6
    box.server.mend()
    assert [item.raw for item in messages_in(list(box.source().items(cursors_of(items))))] == EVERYTHING


def test_a_message_that_is_never_given_is_failed_and_offered_again(box: GraphBox) -> None:
    bad = list(box.mailbox.messages.values())[2]
    box.server.fail(rf"{bad.id}/\$value", times=None, status=500, code="ErrorMimeContentConversionFailed")
    items = list(box.source().items({}))
    assert [(item.state, item.code, item.place.item_id) for item in refused_in(items)] == [
        (ItemState.FAILED, "unreadable", bad.id)
    ]
    assert len(messages_in(items)) == 5
    box.fill([Mail("INBOX", letter(9))])
    again = list(box.source().items(cursors_of(items)))
    assert [(item.place.item_id, item.state) for item in refused_in(again)] == [(bad.id, ItemState.FAILED)]
    assert [item.raw for item in messages_in(again)] == [letter(9)]
    box.server.mend()
    (given,) = messages_in(last := list(box.source().items(cursors_of(again))))
    assert (given.raw, given.occurrence, given.companions) == (bad.raw, *whole_of(box, bad))
    assert list(box.source().items(cursors_of(last))) == []


def whole_of(box: GraphBox, message: GraphMessage) -> tuple[Occurrence, tuple[Companion, ...]]:
    """What is told of it by a run that nothing disturbs."""
    (found,) = [one for one in messages_in(list(box.source().items({}))) if one.occurrence.place.item_id == message.id]
    return found.occurrence, found.companions


def test_a_message_that_failed_and_is_gone_then_is_counted(box: GraphBox) -> None:
    bad = list(box.mailbox.messages.values())[2]
    box.server.fail(rf"{bad.id}/\$value", times=1, status=404, code="MailboxNotEnabledForRESTAPI")
    items = list(box.source().items({}))
    box.mailbox.remove(bad)
    (item,) = last = list(box.source().items(cursors_of(items)))
    assert isinstance(item, RefusedItem)
    assert (item.place.item_id, item.state, item.code) == (bad.id, ItemState.EXCLUDED, "gone_at_source")
    assert list(box.source().items(cursors_of(last))) == []


def test_an_edit_that_was_not_given_is_not_taken_for_held(box: GraphBox) -> None:
    """It was listed and lost, and is listed again in another folder when runs have gone on."""
    bad = list(box.mailbox.messages.values())[2]
    box.fill([Mail("Plans", letter(20))])
    everything = list(box.source().items({}))
    for number in (21, 22):
        box.mailbox.now += timedelta(hours=1)
        if number == 21:
            box.mailbox.change(bad, letter(9))
        box.fill([Mail("INBOX", letter(number)), Mail("Plans", letter(number + 10))])
        box.server.fail(rf"{bad.id}/\$value", times=1, status=404, code="MailboxNotEnabledForRESTAPI")
        everything += box.source(held=archive_of(everything)).items(cursors_of(everything))
    box.mailbox.move(bad, "Plans")
    last = list(box.source(held=archive_of(everything)).items(cursors_of(everything)))
    assert [(item.occurrence.place.folder, item.raw) for item in messages_in(last)] == [
        ("INBOX", letter(9)),
        ("Plans", letter(9)),
    ]
    assert held_in(last) == []


def test_many_that_failed_before_do_not_stop_what_came_since(box: GraphBox) -> None:
    bad = list(box.mailbox.messages)[::2]
    box.fill(Mail("INBOX", letter(number)) for number in range(6, 8))
    bad.append(list(box.mailbox.messages)[-1])
    for one in bad:
        box.server.fail(rf"{one}/\$value", times=None, status=500, code="ErrorMimeContentConversionFailed")
    items = list(box.source().items({}))
    assert [item.place.item_id for item in refused_in(items)] == bad
    box.fill([Mail("INBOX", letter(9))])
    again = list(box.source().items(cursors_of(items)))
    assert [item.place.item_id for item in refused_in(again)] == bad
    assert [item.raw for item in messages_in(again)] == [letter(9)]


def test_behind_too_many_that_failed_no_cursor_moves(box: GraphBox) -> None:
    box.fill(Mail("INBOX", letter(number % 60)) for number in range(MOST_FAILED))
    box.server.fail(VALUE, times=None, status=404, code="ErrorItemNotFound")
    items = list(box.source().items({}))
    assert (len(refused_in(items)), cursors_of(items)) == (6 + MOST_FAILED, {})


def test_another_refusal_of_a_message_is_no_proof_that_it_is_gone(box: GraphBox) -> None:
    bad = list(box.mailbox.messages.values())[2]
    box.server.fail(rf"{bad.id}/\$value", times=None, status=404, code="MailboxNotEnabledForRESTAPI")
    items = list(box.source().items({}))
    assert [item.state for item in refused_in(items)] == [ItemState.FAILED]


def test_three_in_a_row_that_are_not_given_do_not_stop_a_server_that_gives_others(box: GraphBox) -> None:
    bad = list(box.mailbox.messages)[:4]
    for one in bad:
        box.server.fail(rf"{one}/\$value", times=None, status=500, code="ErrorInternalServerError")
    items = list(box.source().items({}))
    assert [item.place.item_id for item in refused_in(items)] == bad
    assert [item.raw for item in messages_in(items)] == EVERYTHING[4:]
    box.server.mend()
    assert [item.raw for item in messages_in(list(box.source().items(cursors_of(items))))] == EVERYTHING[:4]


def test_the_last_three_of_a_folder_that_are_not_given_do_not_hide_the_next_one(box: GraphBox) -> None:
    box.fill([Mail("Sent", letter(9))])
    bad = list(box.mailbox.messages)[3:6]
    for one in bad:
        box.server.fail(rf"{one}/\$value", times=None, status=500, code="ErrorInternalServerError")
    items = list(box.source().items({}))
    assert [item.place.item_id for item in refused_in(items)] == bad
    assert [item.raw for item in messages_in(items)] == [*EVERYTHING[:3], letter(9)]
    assert len(cursors_of(items)) == 2


def test_three_of_which_nothing_else_tells_are_the_servers_fault_at_the_end(graph: GraphServer) -> None:
    box = GraphBox(graph)
    box.fill([Mail("INBOX", raw) for raw in EVERYTHING[:3]])
    box.server.fail(VALUE, times=None, status=500, code="InternalServerError")
    offered = box.source().items({})
    assert [item.state for item in refused_in([next(offered) for _ in range(3)])] == [ItemState.FAILED] * 3
    with pytest.raises(SourceUnavailable, match="500"):
        next(offered)


def test_three_in_a_row_that_are_not_given_are_the_servers_fault(box: GraphBox) -> None:
    box.server.fail(VALUE, times=None, status=500, code="InternalServerError")
    with pytest.raises(SourceUnavailable, match="500"):
        list(box.source().items({}))


def test_a_right_that_is_missing_is_said(box: GraphBox) -> None:
    box.server.fail(VALUE, times=None, status=403, code="ErrorAccessDenied")
    with pytest.raises(SourceRefused, match="403, ErrorAccessDenied") as caught:
        list(box.source().items({}))
    assert "Mail.Read" in caught.value.next_step
