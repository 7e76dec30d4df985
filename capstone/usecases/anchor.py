"""Write the head of the audit chain to a locked object, so that a rewritten ledger cannot pass for the true one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime

from capstone.domain.events import AuditEntry
from capstone.domain.fixity import digest_of
from capstone.domain.layout import audit_key, is_audit_key
from capstone.domain.records import Lock
from capstone.ports import PutRequest, RecordStore


def anchor(store: RecordStore, head: AuditEntry) -> None:
    """Keep the entry's number and digest under audit/. Safe to repeat."""
    raw = json.dumps({"seq": head.seq, "digest": head.digest, "at": head.at.isoformat()}, sort_keys=True).encode()
    store.put_all([PutRequest(audit_key(head.digest, head.at), raw, digest_of(raw), Lock(hold=True), {})])


def anchors(store: RecordStore) -> Iterator[tuple[int, str, datetime]]:
    """(number, digest, instant) of every anchored head; a damaged anchor has number 0."""
    for key in filter(is_audit_key, store.list_keys("audit/")):
        try:
            told = json.loads(store.get(key))
            yield int(told["seq"]), str(told["digest"]), datetime.fromisoformat(told["at"])
        except (ValueError, KeyError, TypeError):
            yield 0, key, datetime.max.replace(tzinfo=UTC)
