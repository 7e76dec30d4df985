"""Write the head of the audit chain to a locked object, so that a rewritten ledger cannot pass for the true one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime

from capstone.domain.errors import CapstoneError
from capstone.domain.events import AuditEntry
from capstone.domain.fixity import digest_of
from capstone.domain.layout import audit_key, is_audit_key
from capstone.domain.records import Lock
from capstone.ports import ObjectRef, PutRequest, RecordStore
from capstone.usecases.batches import batched_by_size

_PAGE = 500
"""Anchors read at a time."""


def anchor(store: RecordStore, head: AuditEntry) -> None:
    """Keep the entry's number and digest under audit/. Safe to repeat."""
    raw = json.dumps({"seq": head.seq, "digest": head.digest, "at": head.at.isoformat()}, sort_keys=True).encode()
    store.put_all([PutRequest(audit_key(head.digest, head.at), raw, digest_of(raw), Lock(hold=True), {})])


def anchors(store: RecordStore) -> Iterator[tuple[int, str, datetime]]:
    """(number, digest, instant) of every anchored head; one that is damaged or cannot be read has number 0.

    Raises StoreUnavailable, StoreUnfit where the whole store is away.
    """
    for keys in batched_by_size(filter(is_audit_key, store.list_keys("audit/")), lambda _key: 0, _PAGE, 1):
        for key, raw in zip(keys, store.get_all([ObjectRef(key) for key in keys]), strict=True):
            yield _anchored(raw) or (0, key, datetime.max.replace(tzinfo=UTC))


def _anchored(raw: bytes | CapstoneError) -> tuple[int, str, datetime] | None:
    """What an anchor says; None where it says nothing that this program wrote."""
    if isinstance(raw, CapstoneError):
        return None
    try:
        told = json.loads(raw)
        number, digest, at = int(told["seq"]), str(told["digest"]), datetime.fromisoformat(told["at"])
    except (ValueError, KeyError, TypeError, OverflowError):
        return None
    return (number, digest, at) if at.tzinfo else None
