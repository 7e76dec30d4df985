"""A mailbox on the Graph test server, and our source over it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from capstone.domain.message import HeldItem, OfferedItem, OfferedMessage, RefusedItem
from capstone.ports import HeldItems, holds_nothing
from connectors.mailboxes.graph.source import GraphLogin, GraphServer, GraphSource
from tests.contracts.mail_source import letter
from tests.fakes.mail_source import Mail
from tests.servers.graph_server import TENANT
from tests.servers.graph_server import GraphServer as Server

ADDRESS = "ada@agency.example"
DEFAULT_FOLDERS = ("INBOX", "Drafts", "Outbox", "Sent", "Deleted Items", "Junk")
VALUE = r"/messages/[^/]+/\$value"
"""Requests for the bytes of a message."""
EVERYTHING = [letter(number) for number in range(6)]
"""The messages of a filled box."""


class GraphBox:
    """One mailbox with the folders that everybody has."""

    def __init__(self, server: Server, address: str = ADDRESS) -> None:
        self.server = server
        self.mailbox = server.mailbox(address)
        self.pauses: list[float] = []
        for folder in DEFAULT_FOLDERS:
            self.mailbox.folder(folder)

    def fill(self, mails: Iterable[Mail]) -> None:
        for mail in mails:
            self.mailbox.add(mail.folder, mail.raw)

    def empty(self) -> None:
        for message in list(self.mailbox.messages.values()):
            self.mailbox.remove(message)

    def at(self, **changes: Any) -> GraphServer:
        told = {"url": self.server.url, "authority": self.server.url, "resource": "https://graph.microsoft.com"}
        return GraphServer(**(told | {"ca_file": self.server.ca_file, "pause": self.pauses.append} | changes))

    def source(
        self, *folders: str, held: HeldItems = holds_nothing, mailbox: str | None = None, login: GraphLogin | None = None,
        at: GraphServer | None = None, **parts: bool,
    ) -> GraphSource:  # fmt: skip
        login = login or GraphLogin(TENANT, "our-application", "right")
        return GraphSource("mail", at or self.at(), login, mailbox or self.mailbox.address, folders, held, **parts)


def filled_box(server: Server) -> GraphBox:
    made = GraphBox(server)
    made.fill(Mail("INBOX", raw) for raw in EVERYTHING)
    return made


def all_raw(box: GraphBox) -> list[bytes]:
    return [item.raw for item in messages_in(list(box.source().items({})))]


def messages_in(items: Sequence[OfferedItem]) -> list[OfferedMessage]:
    return [item for item in items if isinstance(item, OfferedMessage)]


def refused_in(items: Sequence[OfferedItem]) -> list[RefusedItem]:
    return [item for item in items if isinstance(item, RefusedItem)]


def held_in(items: Sequence[OfferedItem]) -> list[HeldItem]:
    return [item for item in items if isinstance(item, HeldItem)]


def cursors_of(items: Iterable[OfferedItem]) -> dict[str, str]:
    return dict(item.cursor for item in items if item.cursor)


def archive_of(items: Iterable[OfferedItem]) -> HeldItems:
    """What an archive answers that holds the messages among the items."""
    from capstone.domain.fixity import digest_of

    digests: dict[str, tuple[str, ...]] = {}
    for item in items:
        identity = item.occurrence.identity if isinstance(item, OfferedMessage) else None
        if identity is not None and isinstance(item, OfferedMessage):
            digests[identity] = (*digests.get(identity, ()), digest_of(item.raw))
    return lambda asked: {one: digests[one] for one in asked if one in digests}
