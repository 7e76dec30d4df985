"""Mailboxes on the Exchange server of the tests, and sources that read them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from typing import Any

from capstone.domain.message import OfferedItem, OfferedMessage, RefusedItem
from capstone.ports import HeldItems, holds_nothing
from connectors.mailboxes.ews.source import EwsChoice, EwsLogin, EwsServer, EwsSource, Trust
from tests.fakes.mail_source import Mail
from tests.servers.ews_mailboxes import Mailbox
from tests.servers.ews_server import EwsState, ews_server

_NUMBERS = count(1)
PASSWORD = "an invented password"
NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


class Box:
    """One mailbox on a server; every one is new and empty."""

    def __init__(self, state: EwsState, **more: Any) -> None:
        self.state = state
        self.mailbox = Mailbox(f"reader{next(_NUMBERS)}@agency.example", **more)
        state.mailboxes[self.mailbox.address] = self.mailbox
        state.sign_in.passwords["service"] = PASSWORD

    def source(self, *folders: str, held: HeldItems = holds_nothing, login: EwsLogin | None = None, **more: Any) -> EwsSource:
        choice = EwsChoice(folders, **{key: more.pop(key) for key in list(more) if key in EwsChoice.__dataclass_fields__})
        server = {"url": self.state.url, "trust": Trust(timeout_s=20), "patience_s": 20, "lost_pause_s": 0.01} | more
        now = server.pop("now", lambda: NOW)
        there = EwsServer(server.pop("mailbox", self.mailbox.address), **server)
        return EwsSource("mail", there, login or EwsLogin("basic", "service", PASSWORD), choice, held, now)

    def fill(self, mails: Sequence[Mail]) -> None:
        for mail in mails:
            self.mailbox.put(mail.folder, mail.raw)

    def empty(self) -> None:
        for folder in self.mailbox.folders.values():
            for item in list(folder.items.values()):
                self.mailbox.remove(item)


@contextmanager
def watched(make: Callable[[], Any] = ews_server) -> Iterator[EwsState]:
    """A server that nobody may write to."""
    with make() as state:
        yield state
        assert state.writes == []


def messages_in(items: Sequence[OfferedItem]) -> list[OfferedMessage]:
    return [item for item in items if isinstance(item, OfferedMessage)]


def refused_in(items: Sequence[OfferedItem]) -> list[RefusedItem]:
    return [item for item in items if isinstance(item, RefusedItem)]


def cursors_of(items: Sequence[OfferedItem]) -> dict[str, str]:
    return dict(item.cursor for item in items if item.cursor)
