"""Messages that come with something to be kept beside them, captured a minute apart."""

from __future__ import annotations

from typing import Any

from capstone.domain.fixity import digest_of
from capstone.domain.layout import companion_key
from capstone.domain.message import Companion, CompanionKind, Occurrence, OfferedItem, OfferedMessage, Place
from tests.fakes.archive import MemoryArchive, a_message
from tests.fakes.list_source import ListSource

ONE, TWO = a_message("Budget"), a_message("Travel")
NATIVE = Companion(CompanionKind.NATIVE, "msg", b"the native item")
ENVELOPE = Companion(CompanionKind.ENVELOPE, "json", b'{"said":"so"}')


def offered(raw: bytes, *companions: Companion, item_id: str = "1", folder: str = "Inbox", **seen: Any) -> OfferedMessage:
    seen |= dict.fromkeys(["envelope"] if ENVELOPE in companions else [], digest_of(ENVELOPE.raw))
    return OfferedMessage(Occurrence(Place("export", folder, item_id), **seen), raw, companions=companions)


def capture(archive: MemoryArchive, *items: OfferedItem, **more: Any) -> Any:
    archive.clock.move(minutes=1)
    return archive.capture(ListSource(*items, **more))


def key_of(companion: Companion) -> str:
    return companion_key(companion.kind, "director", digest_of(companion.raw), companion.suffix)


def with_boundary(boundary: str, text: str = "Good day.") -> bytes:
    """One message as a server makes it anew at each fetch."""
    return (
        "From: ada@agency.example\r\nTo: ben@agency.example\r\nSubject: Plan\r\nDate: Thu, 2 Jan 2020 10:00:00 +0000\r\n"
        f'Message-ID: <plan@agency.example>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="{boundary}"\r\n\r\n'
        f"--{boundary}\r\nContent-Type: text/plain\r\n\r\n{text}\r\n--{boundary}--\r\n"
    ).encode()
