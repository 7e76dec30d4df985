"""Read from the stored bytes what the ledger has not noted of them: after a rebuild, and for records of an older version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from capstone.domain.classification import learned_of
from capstone.domain.errors import CapstoneError
from capstone.domain.facts import capture_facts
from capstone.domain.records import RecordEntry
from capstone.domain.unread import unread_facts
from capstone.ports import RecordLedger, RecordStore, ReplayLedger, Workers
from capstone.usecases.batches import batched_by_size
from capstone.usecases.stored import checked_all

log = structlog.get_logger()

MOST_RECORDS, MOST_BYTES = 500, 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class LearningParts:
    """What reading works with."""

    store: RecordStore
    records: RecordLedger
    replays: ReplayLedger
    workers: Workers


def learn_missing(parts: LearningParts, account: str) -> int:
    """Read and note all that is missing of the account; how many records that were. It changes nothing else.

    A record whose bytes are missing or damaged is passed over: it stays without, and its class cannot be judged.
    Raises StoreUnavailable, StoreUnfit where the whole store is away.
    """
    learned, after = 0, ""
    while digests := parts.replays.unlearned(account, MOST_RECORDS, after):
        entries = parts.records.entries([f"{account}/{digest}" for digest in digests])
        for some in batched_by_size(entries, lambda entry: entry.size_bytes, MOST_RECORDS, MOST_BYTES):
            learned += _learn(parts, account, some)
        after = digests[-1]
    return learned


def _learn(parts: LearningParts, account: str, entries: Sequence[RecordEntry]) -> int:
    read = []
    for entry, found in zip(entries, checked_all(parts.store, entries), strict=True):
        if isinstance(found, CapstoneError):
            log.error("record_unreadable_in_store", record_id=entry.record_id, code=found.code)
        else:
            read.append((entry.digest, found))
    facts = parts.workers.map(capture_facts, [raw for _, raw in read], unread_facts)
    parts.replays.learn(account, {digest: learned_of(one) for (digest, _), one in zip(read, facts, strict=True)})
    return len(read)
