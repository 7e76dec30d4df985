"""Mailboxes on the scripted IMAP server, and our source over them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from capstone.domain.errors import CapstoneError
from capstone.domain.message import OfferedItem
from connectors.mailboxes.imap.source import ImapLogin, ImapServer, ImapSource
from tests.adapters.imap_script import ScriptedFolder, ScriptedServer

LOGIN = ImapLogin("ada", "secret")


@contextmanager
def source_on(server: ScriptedServer, login: ImapLogin = LOGIN, tls: str = "none") -> Iterator[ImapSource]:
    with server.running():
        limits = {"connect_timeout_s": 5, "timeout_s": 5}
        yield ImapSource("mail", ImapServer("127.0.0.1", server.port, tls, **limits), login)  # type: ignore[arg-type]


def read(server: ScriptedServer, login: ImapLogin = LOGIN, cursors: dict[str, str] | None = None) -> list[OfferedItem]:
    with source_on(server, login) as source:
        return list(source.items(cursors or {}))


def failure(server: ScriptedServer, login: ImapLogin = LOGIN, tls: str = "none") -> CapstoneError:
    with source_on(server, login, tls) as source, pytest.raises(CapstoneError) as caught:
        list(source.items({}))
    return caught.value


def inbox(*raws: bytes | None, **told: object) -> ScriptedServer:
    return ScriptedServer({"INBOX": ScriptedFolder(dict(enumerate(raws, 1)))}, **told)  # type: ignore[arg-type]
