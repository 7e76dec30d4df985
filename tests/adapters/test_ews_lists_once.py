"""Mail to distribution lists that is fetched again: its envelope says who was behind them once, and does not grow."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial

import pytest

from capstone.domain.envelopes import Envelope, ListMembers, read_envelope
from connectors.mailboxes.ews.source import EwsSource
from tests.adapters.ews_boxes import NOW, Box, watched
from tests.contracts.mail_source import letter
from tests.fakes.archive import MemoryArchive
from tests.servers.ews_mailboxes import Item
from tests.servers.ews_server import EwsState

STAFF = ("Staff", "staff@agency.example", "PublicDL")
ADA, BEN = ("Ada", "ada@agency.example", "Mailbox"), ("Ben", "ben@agency.example", "Mailbox")


@pytest.fixture
def exchange() -> Iterator[EwsState]:
    with watched() as state:
        state.lists[STAFF[1]] = (ADA,)
        yield state


@pytest.fixture
def box(exchange: EwsState) -> Box:
    return Box(exchange)


def sent_to_staff(box: Box, raw: bytes) -> Item:
    return box.mailbox.put("Inbox", raw, to=(STAFF,))


def source_on(day: int, box: Box, archive: MemoryArchive) -> EwsSource:
    moment = NOW + timedelta(days=day)
    return box.source(held=partial(archive.ledger.capture.held_items, "director"), now=lambda: moment)


def envelopes_of(archive: MemoryArchive, record_id: str) -> list[Envelope]:
    kept = archive.ledger.records.beside([record_id])[record_id]
    told = [read_envelope(archive.store.get(one.key("director"), one.version_id)) for one in kept]
    return [one for one in told if one is not None]


def test_mail_to_a_list_that_is_fetched_in_every_run_has_at_most_two_envelopes(box: Box) -> None:
    archive, item = MemoryArchive(), sent_to_staff(box, letter(1))
    for day in range(5):
        box.mailbox.change(item, is_read=bool(day % 2))
        archive.capture(source_on(day, box, archive))
    (record_id,) = archive.record_ids()
    envelopes = envelopes_of(archive, record_id)
    assert len(envelopes) <= 2
    told = {members for one in envelopes for members in one.lists}
    assert told == {ListMembers(STAFF[1], NOW.isoformat(), (ADA[1],))}


def test_mail_to_a_list_that_nobody_changes_is_seen_no_more_often_for_being_fetched(box: Box) -> None:
    archive, item = MemoryArchive(), sent_to_staff(box, letter(1))
    for day in range(5):
        box.mailbox.change(item)
        archive.capture(source_on(day, box, archive))
    (record_id,) = archive.record_ids()
    digest = record_id.partition("/")[2]
    assert len(archive.ledger.capture.known("director", [digest])[digest].occurrences) <= 2


def test_other_content_of_the_same_item_says_who_was_behind_its_list_then(box: Box) -> None:
    archive, item = MemoryArchive(), sent_to_staff(box, letter(1))
    archive.capture(source_on(0, box, archive))
    (first,) = archive.record_ids()
    box.state.lists[STAFF[1]] = (ADA, BEN)
    box.mailbox.change(item, raw=letter(2))
    archive.capture(source_on(1, box, archive))
    (second,) = set(archive.record_ids()) - {first}
    (envelope,) = envelopes_of(archive, second)
    assert [members.members for members in envelope.lists] == [(ADA[1], BEN[1])]
