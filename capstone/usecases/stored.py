"""The stored bytes of a record, never used before they are known to be the captured ones."""

from __future__ import annotations

from capstone.domain.errors import FixityMismatch
from capstone.domain.fixity import digest_of
from capstone.domain.layout import record_key
from capstone.domain.records import RecordEntry
from capstone.ports import RecordStore


def checked_bytes(store: RecordStore, entry: RecordEntry) -> bytes:
    """The record's bytes, with the digest they were captured with. Raises FixityMismatch, ObjectMissing, StoreUnavailable."""
    raw = store.get(record_key(entry.account, entry.digest), entry.version_id)
    if digest_of(raw) != entry.digest:
        raise FixityMismatch(f"The stored bytes of {entry.record_id} are not the captured bytes; they were not used.")
    return raw
