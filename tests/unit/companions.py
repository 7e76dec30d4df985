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
