"""Entries of the audit chain: what happened, by whom, each bound to the one before it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One link. `details` holds ids, counts and codes; `query` texts are kept, message content never."""

    seq: int
    at: datetime
    actor: str
    event: str
    """A PREMIS event type label where one exists, else a plain verb: capture, search, view, export ..."""
    details: Mapping[str, object]
    previous: str
    digest: str


def link(seq: int, at: datetime, actor: str, event: str, details: Mapping[str, object], previous: str) -> AuditEntry:
    """The entry that follows `previous`, its digest taken over everything else in it."""
    return AuditEntry(seq, at, actor, event, details, previous, _digest(seq, at, actor, event, details, previous))


def first_break(entries: Iterable[AuditEntry]) -> int | None:
    """The sequence number of the first entry that does not follow from the one before it; None if all do."""
    previous, expected = GENESIS, 1
    for entry in entries:
        right = _digest(entry.seq, entry.at, entry.actor, entry.event, entry.details, previous)
        if entry.seq != expected or entry.previous != previous or entry.digest != right:
            return entry.seq
        previous, expected = entry.digest, expected + 1
    return None


def _digest(seq: int, at: datetime, actor: str, event: str, details: Mapping[str, object], previous: str) -> str:
    body = json.dumps([seq, at.isoformat(), actor, event, details, previous], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(body.encode()).hexdigest()
