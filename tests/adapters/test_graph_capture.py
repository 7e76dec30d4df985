"""A mailbox in Microsoft 365 captured into an archive: nothing is lost, and nothing is captured twice."""

from __future__ import annotations

from functools import partial

import pytest

from capstone.domain.fixity import digest_of
from capstone.usecases.capture import RunReport
from connectors.mailboxes.graph.source import GraphSource
from tests.adapters.graph_boxes import GraphBox
from tests.contracts.mail_source import letter
from tests.fakes.archive import MemoryArchive
from tests.fakes.mail_source import Mail
from tests.servers.graph_server import GraphServer


@pytest.fixture
def box(graph: GraphServer) -> GraphBox:
    return GraphBox(graph)


def source(box: GraphBox, archive: MemoryArchive) -> GraphSource:
    return box.source(held=partial(archive.ledger.capture.held_items, "director"))


def counts(report: RunReport) -> dict[str, int]:
    return {state: number for state, number in report.counts.items() if number and state != "offered"}


def regenerated(number: int, body: str = "Good day.") -> bytes:
    """The same message with another boundary at each fetch."""
    line = f'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b{number}"\r\n\r\n'
    return letter(5).partition(b"\r\n\r\n")[0] + f"\r\n{line}--b{number}\r\n\r\n{body}\r\n--b{number}--\r\n".encode()


def test_captures_of_a_changing_mailbox_lose_nothing_and_double_nothing(box: GraphBox) -> None:
    archive = MemoryArchive()
    box.fill([*(Mail("INBOX", letter(number)) for number in range(1, 8)), Mail("Plans", letter(8)), Mail("Drafts", letter(9))])
    assert counts(archive.capture(source(box, archive))) == {"archived": 8, "excluded": 1}
    assert counts(archive.capture(source(box, archive))) == {}
    box.mailbox.folder("Plans").name = "Old plans"
    assert counts(archive.capture(source(box, archive))) == {}
    first = next(iter(box.mailbox.messages.values()))
    box.mailbox.change(first, isRead=True)
    box.fill([Mail("INBOX", letter(10))])
    assert counts(archive.capture(source(box, archive))) == {"archived": 1, "already_held": 1}
    box.mailbox.generation += 1
    assert counts(archive.capture(source(box, archive))) == {"already_held": 9, "excluded": 1}
    assert counts(archive.capture(source(box, archive))) == {}
    held = {entry.record_id.partition("/")[2] for entry in archive.ledger.records.records()}
    assert held == {digest_of(letter(number)) for number in (*range(1, 9), 10)}


def test_mime_made_anew_is_no_new_record_and_a_changed_message_is_one(box: GraphBox) -> None:
    archive = MemoryArchive()
    message = box.mailbox.add("INBOX", regenerated)
    assert counts(archive.capture(source(box, archive))) == {"archived": 1}
    box.mailbox.change(message, isRead=True)
    assert counts(archive.capture(source(box, archive))) == {"already_held": 1}
    assert len(archive.record_ids()) == 1
    assert message.fetches == 2
    box.mailbox.change(message, regenerated(99, "Good evening."))
    assert counts(archive.capture(source(box, archive))) == {"archived": 1}
    assert len(archive.record_ids()) == 2


def test_one_message_that_fails_is_taken_up_by_the_next_run(box: GraphBox) -> None:
    archive = MemoryArchive()
    box.fill(Mail("INBOX", letter(number)) for number in range(1, 6))
    bad = list(box.mailbox.messages.values())[2]
    box.server.fail(rf"{bad.id}/\$value", times=None, status=500, code="ErrorInternalServerError")
    assert counts(archive.capture(source(box, archive))) == {"archived": 4, "failed": 1}
    assert counts(archive.capture(source(box, archive))) == {"failed": 1}
    box.server.mend()
    assert counts(archive.capture(source(box, archive))) == {"archived": 1}
    assert counts(archive.capture(source(box, archive))) == {}
