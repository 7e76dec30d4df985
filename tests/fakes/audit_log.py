"""An audit chain in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from capstone.domain.events import GENESIS, AuditEntry, link


class FakeAuditLog:
    """An AuditLog in memory."""

    def __init__(self) -> None:
        self._entries: list[AuditEntry] = []

    def append(self, at: datetime, actor: str, event: str, details: Mapping[str, object]) -> AuditEntry:
        previous = self._entries[-1].digest if self._entries else GENESIS
        plain = json.loads(json.dumps(dict(details)))
        entry = link(len(self._entries) + 1, at.astimezone(UTC), actor, event, plain, previous)
        self._entries.append(entry)
        return entry

    def entries(self, from_seq: int = 1) -> Iterator[AuditEntry]:
        yield from self._entries[max(from_seq - 1, 0) :]
