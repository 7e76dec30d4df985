"""Records as they lie in the store: bytes that are never used before they are known to be the captured ones, and their guard."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from capstone.domain.envelopes import Envelope
from capstone.domain.errors import CapstoneError, FixityMismatch, ObjectMissing
from capstone.domain.fixity import digest_of
from capstone.domain.journal import envelope_of, merged
from capstone.domain.layout import quarantine_key, record_key
from capstone.domain.message import CompanionKind
from capstone.domain.records import KeptBeside, ObjectState, RecordEntry
from capstone.ports import ObjectRef, Quarantined, RecordLedger, RecordStore


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


def checked_companion(store: RecordStore, account: str, kept: KeptBeside) -> bytes:
    """The bytes of what is kept beside a record of the account. Raises FixityMismatch, ObjectMissing, StoreUnavailable."""
    raw = store.get(kept.key(account), kept.version_id)
    if digest_of(raw) != kept.digest:
        raise FixityMismatch(f"The stored bytes of {kept.key(account)} are not those that were kept; they were not used.")
    return raw


def checked_quarantined(store: RecordStore, item: Quarantined) -> bytes | CapstoneError:
    """The bytes of what lies in quarantine, as they came, or the error that says why not: damaged ones must not become a record.
    Raises StoreUnavailable and StoreUnfit where the whole store is away."""
    key = quarantine_key(item.source, item.digest)
    (found,) = store.get_all([ObjectRef(key)])
    if not isinstance(found, CapstoneError) and digest_of(found) != item.digest:
        return FixityMismatch(f"The stored bytes of {key} are not those that were quarantined; they were not used.")
    return found


def ref_of(entry: RecordEntry) -> ObjectRef:
    """Where the record lies: the very version that the ledger pins."""
    return ObjectRef(record_key(entry.account, entry.digest), entry.version_id)


def state_of(store: RecordStore, ref: ObjectRef) -> ObjectState:
    """Size, lock and tags of one version. Raises ObjectMissing, StoreUnavailable."""
    (state,) = store.states([ref])
    if state is None:
        raise ObjectMissing(f"The store has no object {ref.key}.")
    return state


@dataclass(slots=True)
class Envelopes:
    """The envelopes beside some records, by record id: their bytes with their suffixes, and what could not be read."""

    read: dict[str, list[tuple[bytes, str]]] = field(default_factory=dict)
    unread: dict[str, list[CapstoneError]] = field(default_factory=dict)


def envelopes_of(store: RecordStore, records: RecordLedger, entries: Sequence[RecordEntry]) -> Envelopes:
    """What is kept as envelope beside each of these records. Raises StoreUnavailable where the whole store is away."""
    beside = records.beside([entry.record_id for entry in entries])
    wanted = [
        (record_id, kept) for record_id, several in beside.items() for kept in several if kept.kind is CompanionKind.ENVELOPE
    ]
    refs = [ObjectRef(kept.key(record_id.partition("/")[0]), kept.version_id) for record_id, kept in wanted]
    found = Envelopes()
    for (record_id, kept), raw in zip(wanted, store.get_all(refs), strict=True):
        if isinstance(raw, CapstoneError):
            found.unread.setdefault(record_id, []).append(raw)
        elif digest_of(raw) != kept.digest:
            found.unread.setdefault(record_id, []).append(FixityMismatch(f"An envelope of {record_id} was altered."))
        else:
            found.read.setdefault(record_id, []).append((raw, kept.suffix))
    return found


def whole_envelope(envelopes: Sequence[tuple[bytes, str]]) -> Envelope | None:
    """What all of them say together; None where none says anything."""
    read = (envelope_of(raw, suffix) for raw, suffix in envelopes)
    return merged(one for one in read if one is not None)
