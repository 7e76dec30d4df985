"""Microsoft Graph when the archive holds an item already: what is read again, and what is not."""

from __future__ import annotations

from datetime import timedelta

import pytest

from capstone.domain.fixity import digest_of
from capstone.domain.message import HeldItem
from tests.adapters.graph_boxes import GraphBox, archive_of, cursors_of, messages_in
from tests.contracts.mail_source import letter
from tests.fakes.mail_source import Mail
from tests.servers.graph_server import GraphServer


@pytest.fixture
def box(graph: GraphServer) -> GraphBox:
    return GraphBox(graph)


def test_an_item_that_changed_is_read_again_and_one_that_did_not_is_held(box: GraphBox) -> None:
    box.fill(Mail("INBOX", letter(number)) for number in range(3))
    first = list(box.source().items({}))
    box.mailbox.now += timedelta(hours=1)
    box.fill([Mail("INBOX", letter(4))])
    second = list(box.source(held=archive_of(first)).items(cursors_of(first)))
    box.mailbox.now += timedelta(hours=1)
    changed = list(box.mailbox.messages.values())[1]
    box.mailbox.change(changed, isRead=True)
    box.mailbox.move(next(iter(box.mailbox.messages.values())), "Projects")
    # Nothing is sure of a folder that was never read, so what lies in it is read.
    third = list(box.source(held=archive_of([*first, *second])).items(cursors_of([*first, *second])))
    assert [item.occurrence.place.folder for item in messages_in(third)] == ["INBOX", "Projects"]
    box.mailbox.now += timedelta(hours=1)
    everything = [*first, *second, *third]
    box.mailbox.move(list(box.mailbox.messages.values())[2], "Projects")
    (moved,) = box.source(held=archive_of(everything)).items(cursors_of(everything))
    assert isinstance(moved, HeldItem)
    assert (moved.occurrence.place.folder, moved.digest) == ("Projects", digest_of(letter(2)))
    assert moved.cursor is not None


def test_what_was_edited_while_other_folders_were_waited_for_is_read_by_the_next_run(box: GraphBox) -> None:
    """First pages are asked for together: a folder's page may be older than its turn."""
    mailbox = box.mailbox
    box.fill([Mail("Sent", letter(1)), Mail("INBOX", letter(2))])
    edited = next(iter(mailbox.messages.values()))
    first = list(box.source().items({}))
    mailbox.now += timedelta(hours=1)
    box.fill([Mail("Sent", letter(3)), Mail("INBOX", letter(4))])

    def waits(_seconds: float) -> None:
        mailbox.now += timedelta(minutes=30)
        mailbox.change(edited, letter(9))
        mailbox.now += timedelta(minutes=30)

    box.server.fail(rf"{mailbox.folder('INBOX').id}.*deltatoken", status=429, headers={"Retry-After": "300"})
    second = list(box.source(held=archive_of(first), at=box.at(pause=waits)).items(cursors_of(first)))
    assert [item.raw for item in messages_in(second)] == [letter(4), letter(3)]
    everything = [*first, *second]
    third = list(box.source(held=archive_of(everything)).items(cursors_of(everything)))
    assert [item.raw for item in messages_in(third)] == [letter(9)]


def test_what_was_edited_after_a_run_was_stopped_is_not_held(box: GraphBox) -> None:
    box.fill(Mail("INBOX", letter(number % 60, str(number))) for number in range(250))
    items = box.source().items({})
    seen = [next(items) for _ in range(200)]
    items.close()  # type: ignore[attr-defined]
    box.mailbox.now += timedelta(hours=1)
    rest = list(box.source().items(cursors_of(seen)))
    (before,), (after,) = cursors_of(seen).values(), cursors_of(rest).values()
    assert (before.split()[:2], after.split()[:2]) == ([before.split()[0], "part"], [before.split()[0], "whole"])


def test_what_is_not_told_to_be_older_is_read_again(box: GraphBox) -> None:
    box.fill(Mail("INBOX", letter(number)) for number in range(3))
    first = list(box.source().items({}))
    box.mailbox.generation += 1
    again = list(box.source(held=archive_of(first)).items(cursors_of(first)))
    assert len(messages_in(again)) == 3
