"""An account that moves to Microsoft Graph: what was captured before, by Exchange Web Services or IMAP, and nothing missed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from capstone.domain.fixity import digest_of
from capstone.domain.register_facts import RegisterDecision
from capstone.usecases.capture import RunReport
from capstone.usecases.status import status
from connectors.ledger.engine import file_url
from connectors.ledger.ledger import create_ledger
from connectors.record_store.directory import DirectoryRecordStore
from servers.dovecot import Dovecot
from tests.adapters import ews_boxes, imap_boxes
from tests.adapters.graph_boxes import GraphBox
from tests.contracts.mail_source import letter
from tests.fakes.archive import MemoryArchive, enact
from tests.fakes.mail_source import Mail
from tests.servers.ews_server import EwsState
from tests.servers.graph_server import GraphServer
from tests.servers.graph_server_mailboxes import GraphMessage


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[MemoryArchive]:
    """One on disk: a folder and SQLite."""
    made = MemoryArchive()
    store = DirectoryRecordStore(tmp_path / "store")
    store.create()
    with closing(create_ledger(file_url(tmp_path / "ledger.db"))) as ledger:
        made.store, made.ledger = store, ledger
        enact(made.registering, RegisterDecision(1, made.clock.now(), "rosa", designations=tuple(made.designations)))
        yield made


@pytest.fixture
def box(graph: GraphServer) -> GraphBox:
    return GraphBox(graph)


def made_by(server: str, number: int, body: str = "Good day.") -> bytes:
    """The same message, its parts parted in the server's own way."""
    line = f'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="{server}"\r\n\r\n'
    head = letter(number).partition(b"\r\n\r\n")[0]
    return head + f"\r\n{line}--{server}\r\nContent-Type: text/plain\r\n\r\n{body}\r\n--{server}--\r\n".encode()


def counts(report: RunReport) -> dict[str, int]:
    return {state: number for state, number in report.counts.items() if number and state != "offered"}


def captured(archive: MemoryArchive, box: GraphBox) -> dict[str, int]:
    return counts(archive.capture(box.source(held=partial(archive.ledger.capture.held_items, "director"))))


def captured_by_ews(archive: MemoryArchive, exchange: EwsState, messages: list[GraphMessage]) -> dict[str, int]:
    """The same mailbox as Exchange Web Services shows it: other MIME, under the ids that translate."""
    old = ews_boxes.Box(exchange)
    for number, message in enumerate(messages):
        item = old.mailbox.put("Inbox", made_by("ews", number))
        inbox = old.mailbox.folder("Inbox")
        del inbox.items[item.id]
        item.id = message.ews_id
        inbox.items[item.id] = item
    return counts(archive.capture(old.source(held=partial(archive.ledger.capture.held_items, "director"))))


def seen_by_graph(archive: MemoryArchive) -> Counter[str]:
    """How many records hold each message of the mailbox, by its id there."""
    found: Counter[str] = Counter()
    for record_id in archive.record_ids():
        places = archive.ledger.records.record(record_id).occurrences
        found.update({one.place.item_id for one in places if (one.identity or "").startswith("graph:")})
    return found


CHANGES = [{"isRead": True}, {"flag": {"flagStatus": "flagged"}}, {"categories": ["Hearing"]}, {"importance": "high"}, {}]


def test_a_move_from_exchange_web_services_captures_nothing_twice(
    archive: MemoryArchive, exchange: EwsState, box: GraphBox
) -> None:
    """Some were read, flagged or categorised since, as most of a mailbox is; two are as they came."""
    messages = [box.mailbox.add("Inbox", made_by("graph", number)) for number in range(12)]
    assert captured_by_ews(archive, exchange, messages) == {"archived": 12}
    before = archive.record_ids()
    box.mailbox.now += timedelta(days=1)
    for number, message in enumerate(messages[:10]):
        if change := CHANGES[number % len(CHANGES)]:
            box.mailbox.change(message, **change)
    assert captured(archive, box) == {"already_held": 12}
    assert archive.record_ids() == before
    assert seen_by_graph(archive) == dict.fromkeys(box.mailbox.messages, 1)
    assert sum(status(archive.ledger.records, archive.ledger.register, archive.ledger.outbox).twins.values()) == 0
    # What nobody changed is not even read, and from now on everything is known by the name that Graph gives it.
    assert [one.fetches for one in messages].count(0) == 4
    box.mailbox.generation += 1
    assert captured(archive, box) == {"already_held": 12}
    assert archive.record_ids() == before
    assert archive.verify().is_sound


def test_an_edit_and_what_came_between_two_captures_are_not_missed(
    archive: MemoryArchive, exchange: EwsState, box: GraphBox
) -> None:
    messages = [box.mailbox.add("Inbox", made_by("graph", number)) for number in range(4)]
    messages.append(box.mailbox.add("Inbox", made_by("graph", 4), {"isDraft": True}))
    captured_by_ews(archive, exchange, messages)
    box.mailbox.now += timedelta(days=1)
    box.mailbox.change(messages[0], made_by("graph", 0, "Good evening."))
    box.mailbox.change(messages[1], isRead=True)
    box.mailbox.add("Inbox", made_by("graph", 5))
    assert captured(archive, box) == {"archived": 2, "already_held": 4}
    assert seen_by_graph(archive) == dict.fromkeys(box.mailbox.messages, 1)


def test_where_ids_are_not_translated_twins_are_kept_and_counted(
    archive: MemoryArchive, exchange: EwsState, box: GraphBox
) -> None:
    messages = [box.mailbox.add("Inbox", made_by("graph", number)) for number in range(3)]
    captured_by_ews(archive, exchange, messages)
    box.server.fail("translateExchangeIds", times=None, status=403, code="Authorization_RequestDenied")
    source = box.source(held=partial(archive.ledger.capture.held_items, "director"))
    report = archive.capture(source)
    assert counts(report) == {"archived": 3}
    (note,) = report.notes
    assert note.code == "ids_not_translated"
    assert "kept twice" in note.reason
    assert archive.ledger.records.twins() == {"director": 6}


@pytest.mark.service
def test_a_move_from_imap_misses_nothing(archive: MemoryArchive, dovecot: Dovecot, box: GraphBox) -> None:
    """Nothing maps: identical bytes are one record, others are twins by their content, and are counted."""
    old = imap_boxes.Box(dovecot)
    old.put("INBOX", *(letter(number) for number in range(3)), *(made_by("imap", number) for number in range(3, 6)))
    assert counts(archive.capture(old.source(name="imap"))) == {"archived": 6}
    box.fill(Mail("INBOX", letter(number)) for number in range(3))
    box.fill(Mail("INBOX", made_by("graph", number)) for number in range(3, 7))
    assert captured(archive, box) == {"already_held": 3, "archived": 4}
    held = {record_id.partition("/")[2] for record_id in archive.record_ids()}
    assert held == {
        *(digest_of(letter(number)) for number in range(3)),
        *(digest_of(made_by("imap", number)) for number in range(3, 6)),
        *(digest_of(made_by("graph", number)) for number in range(3, 7)),
    }
    assert seen_by_graph(archive) == dict.fromkeys(box.mailbox.messages, 1)
    assert archive.ledger.records.twins() == {"director": 6}
    assert captured(archive, box) == {}
