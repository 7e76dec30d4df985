"""A flag is told by one word, the IMAP name, whatever source it comes from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from servers.certificates import certificates_in
from tests.adapters.ews_boxes import Box, messages_in, watched
from tests.adapters.graph_boxes import GraphBox
from tests.contracts.mail_source import letter
from tests.servers.ews_server import EwsState
from tests.servers.graph_server import GraphServer


@pytest.fixture
def exchange() -> Iterator[EwsState]:
    with watched() as state:
        yield state


@pytest.mark.parametrize("is_read", [True, False])
@pytest.mark.parametrize("is_flagged", [True, False])
def test_exchange_and_graph_say_the_same_of_the_same_message(
    exchange: EwsState, servers_folder: Path, is_read: bool, is_flagged: bool
) -> None:
    box = Box(exchange)
    box.mailbox.put("Inbox", letter(1), is_read=is_read, flag_status=2 if is_flagged else 0)
    (by_ews,) = messages_in(list(box.source().items({})))
    server = GraphServer(certificates_in(servers_folder / "graph"))
    try:
        graph = GraphBox(server)
        status = "flagged" if is_flagged else "notFlagged"
        graph.mailbox.add("Inbox", letter(1), {"isRead": is_read, "flag": {"flagStatus": status}})
        (by_graph,) = messages_in(list(graph.source().items({})))
    finally:
        server.close()
    assert by_ews.occurrence.flags == by_graph.occurrence.flags
    assert len(by_ews.occurrence.flags) == is_read + is_flagged


@pytest.mark.parametrize(("verb", "flags"), [(102, ("\\Answered",)), (103, ("\\Answered",)), (104, ("$Forwarded",)), (108, ())])
def test_what_was_done_with_a_message_has_its_imap_name(exchange: EwsState, verb: int, flags: tuple[str, ...]) -> None:
    box = Box(exchange)
    box.mailbox.put("Inbox", letter(1), last_verb=verb)
    (item,) = messages_in(list(box.source().items({})))
    assert item.occurrence.flags == flags


def test_a_draft_and_a_finished_task_are_told_from_others(exchange: EwsState) -> None:
    box = Box(exchange)
    box.mailbox.put("Inbox", letter(1), is_draft=True, flag_status=1)
    (item,) = messages_in(list(box.source().items({})))
    assert item.occurrence.flags == ("\\Draft", "complete")
