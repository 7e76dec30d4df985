"""Microsoft Graph where a person names folders: nothing is asked for in which they cannot lie."""

from __future__ import annotations

import pytest

from tests.adapters.graph_boxes import ADDRESS, GraphBox, messages_in
from tests.contracts.mail_source import letter
from tests.fakes.archive import MemoryArchive
from tests.fakes.mail_source import Mail
from tests.servers.graph_server import GraphServer

ARCHIVED, DELETED = "In-Place Archive", "Recoverable Items"


@pytest.fixture
def box(graph: GraphServer) -> GraphBox:
    made = GraphBox(graph)
    made.fill([Mail("INBOX", letter(1)), Mail("Team/Sub", letter(2)), Mail(f"{DELETED}/Purges", letter(3))])
    archive = graph.archive_of(ADDRESS)
    archive.add("Old", letter(4))
    archive.add(f"{DELETED}/Purges", letter(5))
    return made


def test_a_run_over_named_folders_has_no_gap_elsewhere(box: GraphBox) -> None:
    box.server.fail(r"settings/exchange|MBX:|recoverableitems", times=None, status=403, code="Authorization_RequestDenied")
    report = MemoryArchive().capture(box.source("INBOX", "Team"))
    assert (report.outcome, report.is_clean, report.counts["archived"], report.notes) == ("complete", True, 2, ())
    assert box.source("INBOX").check().notes == ()
    assert box.server.count(r"settings/exchange|MBX:|recoverableitems") == 0


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        (DELETED, [3]),
        (f"{DELETED}/Purges", [3]),
        (ARCHIVED, [4, 5]),
        (f"{ARCHIVED}/Old", [4]),
        (f"{ARCHIVED}/{DELETED}", [5]),
        (f"{ARCHIVED}/{DELETED}/Purges", [5]),
    ],
)
def test_what_is_named_in_the_archive_or_among_the_deleted_is_read(box: GraphBox, named: str, expected: list[int]) -> None:
    items = messages_in(list(box.source(named).items({})))
    assert [item.raw for item in items] == [letter(number) for number in expected]


@pytest.mark.parametrize("named", [ARCHIVED, f"{ARCHIVED}/Old"])
def test_an_archive_that_is_named_and_not_told_of_is_a_gap(box: GraphBox, named: str) -> None:
    box.server.fail(r"settings/exchange", times=None, status=403, code="Authorization_RequestDenied")
    box.mailbox.add(named, letter(6))
    source = box.source(named)
    assert [item.raw for item in messages_in(list(source.items({})))] == [letter(6)]
    assert [note.code for note in source.notes()] == ["archive_mailbox_not_offered"]


def test_children_of_other_folders_are_not_asked_for(box: GraphBox) -> None:
    assert len(list(box.source("Team/Sub").items({}))) == 1
    asked = [box.server.count(f"{box.mailbox.folder(path).id}/childFolders") for path in ("INBOX", "Team", "Team/Sub")]
    assert asked == [0, 1, 1]
