"""Mailboxes on a real IMAP server for tests: filled and looked at by a plain client of the standard library."""

from __future__ import annotations

import imaplib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any

from imapclient.imap_utf7 import encode  # type: ignore[import-untyped]

from capstone.domain.message import OfferedItem, OfferedMessage, RefusedItem
from connectors.mailboxes.imap.source import ImapLogin, ImapServer, ImapSource
from servers.dovecot import Dovecot
from tests.fakes.mail_source import Mail

_NUMBERS = count(1)


class Box:
    """One user's mailbox on a Dovecot; every one is new and empty."""

    def __init__(self, dovecot: Dovecot) -> None:
        self.dovecot = dovecot
        self.user = f"reader{next(_NUMBERS)}"

    def source(self, *folders: str, port: int = 0, timeout_s: float = 20, name: str = "mail") -> ImapSource:
        server = ImapServer("127.0.0.1", port or self.dovecot.port, "none", timeout_s=timeout_s, connect_timeout_s=timeout_s)
        return ImapSource(name, server, ImapLogin(self.user, self.dovecot.password), folders)

    @contextmanager
    def line(self) -> Iterator[imaplib.IMAP4]:
        with imaplib.IMAP4("127.0.0.1", self.dovecot.port, timeout=20) as line:
            line.login(self.user, self.dovecot.password)
            yield line

    def fill(self, mails: Sequence[Mail]) -> None:
        with self.line() as line:
            for folder in dict.fromkeys(mail.folder for mail in mails):
                line.create(wire(folder))
            for mail in mails:
                ok(line.append(wire(mail.folder), "", "", mail.raw))

    def put(self, folder: str, *raws: bytes) -> None:
        self.fill([Mail(folder, raw) for raw in raws])

    def delete(self, folder: str, *uids: int) -> None:
        with self.line() as line:
            ok(line.select(wire(folder)))
            ok(line.uid("STORE", ",".join(map(str, uids)), "+FLAGS", "(\\Deleted)"))
            ok(line.expunge())

    def empty(self) -> None:
        with self.line() as line:
            for row in ok(line.list()):
                state, (messages,) = line.select(bytes(row).rpartition(b' "/" ')[2].decode())
                if state == "OK" and int(messages):
                    ok(line.store("1:*", "+FLAGS", "(\\Deleted)"))
                    ok(line.expunge())

    def rename(self, before: str, after: str) -> None:
        with self.line() as line:
            ok(line.rename(wire(before), wire(after)))

    def bodies(self, folder: str) -> list[bytes]:
        """What the server gives a client that is not ours."""
        with self.line() as line:
            ok(line.select(wire(folder), readonly=True))
            rows = ok(line.uid("FETCH", "1:*", "(BODY.PEEK[])"))
            return [row[1] for row in rows if isinstance(row, tuple)]

    def traces(self) -> object:
        """Flags, order and counts as the server tells them, and every file of the Maildir that is mail."""
        with self.line() as line:
            names = [bytes(row).rpartition(b' "/" ')[2] for row in ok(line.list())]
            told = []
            for name in sorted(names):
                told.append((name, line.status(name.decode(), "(MESSAGES UIDNEXT UIDVALIDITY UNSEEN RECENT)")))
                if line.select(name.decode(), readonly=True)[0] == "OK":
                    told.append((name, line.uid("FETCH", "1:*", "(FLAGS INTERNALDATE)")))
        root = self.dovecot.mail_folder(self.user)
        files = [path for path in root.rglob("*") if path.is_file() and path.parent.name in ("cur", "new", "tmp")]
        return told, sorted((str(path), path.stat().st_mtime_ns, path.read_bytes()) for path in files)


def wire(folder: str) -> str:
    return '"' + encode(folder).decode().replace("\\", "\\\\").replace('"', '\\"') + '"'


def ok(answer: tuple[str, list[Any]]) -> list[Any]:
    assert answer[0] == "OK", answer
    return answer[1]


def messages_in(items: Sequence[OfferedItem]) -> list[OfferedMessage]:
    return [item for item in items if isinstance(item, OfferedMessage)]


def refused_in(items: Sequence[OfferedItem]) -> list[RefusedItem]:
    return [item for item in items if isinstance(item, RefusedItem)]


def cursors_of(items: Sequence[OfferedItem]) -> dict[str, str]:
    """What a ledger would keep after these items."""
    return dict(item.cursor for item in items if item.cursor is not None)
