"""Records as they lie in the store: bytes that are never used before they are known to be the captured ones, and their guard."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from capstone.domain.errors import CapstoneError, FixityMismatch, ObjectMissing
from capstone.domain.fixity import digest_of
from capstone.domain.layout import record_key
from capstone.domain.records import ObjectState, RecordEntry
from capstone.ports import ObjectRef, RecordStore


def checked_bytes(store: RecordStore, entry: RecordEntry) -> bytes:
    """The record's bytes, with the digest they were captured with. Raises FixityMismatch, ObjectMissing, StoreUnavailable."""
    (found,) = checked_all(store, [entry])
    if isinstance(found, CapstoneError):
        raise found
    return found


def checked_all(store: RecordStore, entries: Sequence[RecordEntry]) -> Iterator[bytes | CapstoneError]:
    """For each record, in order, its bytes with the digest they were captured with, or the error that says why not.
    Raises StoreUnavailable and StoreUnfit where the whole store is away."""
    for entry, found in zip(entries, store.get_all([ref_of(entry) for entry in entries]), strict=True):
        if not isinstance(found, CapstoneError) and digest_of(found) != entry.digest:
            yield FixityMismatch(f"The stored bytes of {entry.record_id} are not the captured bytes; they were not used.")
        else:
            yield found


def ref_of(entry: RecordEntry) -> ObjectRef:
    """Where the record lies: the very version that the ledger pins."""
    return ObjectRef(record_key(entry.account, entry.digest), entry.version_id)


def state_of(store: RecordStore, ref: ObjectRef) -> ObjectState:
    """Size, lock and tags of one version. Raises ObjectMissing, StoreUnavailable."""
    (state,) = store.states([ref])
    if state is None:
        raise ObjectMissing(f"The store has no object {ref.key}.")
    return state
