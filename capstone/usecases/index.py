"""Bring the index in line with the store: every record in the outbox is read back, made a document and added.

The document is built from the stored bytes, never from what capture had in hand, so that what is found is what is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import structlog

from capstone.domain.documents import document_of
from capstone.domain.errors import CapstoneError
from capstone.domain.facts import index_facts
from capstone.domain.query import IndexDocument
from capstone.domain.records import RecordEntry
from capstone.domain.unread import unread_message
from capstone.ports import Clock, Holders, Outbox, RecordLedger, RecordStore, SearchIndex, Workers
from capstone.usecases.batches import batched_by_size, begun_ahead
from capstone.usecases.decide import Guarding
from capstone.usecases.stored import checked_all, envelopes_of, whole_envelope

log = structlog.get_logger()

MOST_RECORDS, MOST_BYTES = 2_000, 32 * 1024 * 1024
CLAIM_S = 600


@dataclass(frozen=True, slots=True)
class IndexReport:
    """What one pass did. `failed` records stay in the outbox; `pending` says how many are due now."""

    indexed: int
    failed: int
    pending: int

    def as_counts(self) -> dict[str, object]:
        """Counts only."""
        return {"indexed": self.indexed, "failed": self.failed, "pending": self.pending}


@dataclass(frozen=True, slots=True)
class IndexParts:
    """What indexing works with."""

    store: RecordStore
    records: RecordLedger
    outbox: Outbox
    index: SearchIndex
    clock: Clock
    workers: Workers
    guarding: Guarding
    holders: Holders
    text_limit: int
    progress: Callable[[int, int], None] = lambda _records, _bytes: None


def index_pending(parts: IndexParts) -> IndexReport:
    """Index all that is due and not claimed by another; what fails is tried once a pass and stays due.

    A record whose object is missing, damaged or unreadable fails alone.
    Raises IndexUnavailable, IndexDamaged; StoreUnavailable and StoreUnfit where the whole store cannot be used.
    """
    parts.index.check()
    holder = parts.holders.name()
    for other in parts.outbox.holders():
        if parts.holders.is_gone(other):
            parts.outbox.free(other)
    failed = set[str]()
    try:
        indexed = _index_all(parts, holder, failed)
    except CapstoneError:
        # Due again at once: other machines cannot know that nobody works on these any more.
        with suppress(CapstoneError):
            parts.outbox.free(holder)
        raise
    parts.outbox.release(holder, sorted(failed))
    return IndexReport(indexed, len(failed), parts.outbox.pending())


def _index_all(parts: IndexParts, holder: str, failed: set[str]) -> int:
    """Index what can be claimed; how many records that were. Adds to `failed` those that could not be indexed."""
    indexed = 0
    for entries, documents in begun_ahead(_claimed(parts, holder, failed), partial(_begin_documents, parts, failed)):
        built = list(documents)
        refused = parts.index.add(built)
        for record_id, reason in refused.items():
            log.warning("record_not_indexed", record_id=record_id, reason=reason)
        failed.update(refused)
        done = [document.record_id for document in built if document.record_id not in refused]
        parts.outbox.done(holder, done)
        indexed += len(done)
        parts.progress(len(entries), sum(entry.size_bytes for entry in entries))
    return indexed


def _claimed(parts: IndexParts, holder: str, failed: set[str]) -> Iterator[list[RecordEntry]]:
    """Batches of due records. What failed stays claimed until the end, so that no pass meets it twice."""
    while record_ids := parts.outbox.claim(holder, parts.clock.now(), MOST_RECORDS, CLAIM_S):
        entries = parts.records.entries(record_ids)
        gone = set(record_ids) - {entry.record_id for entry in entries}
        if gone:
            parts.index.remove(sorted(gone))
            parts.outbox.done(holder, sorted(gone))
        sizes = _sizes_with_what_is_beside(parts, record_ids)
        for number, batch in enumerate(batched_by_size(entries, sizes, MOST_RECORDS, MOST_BYTES)):
            if number:  # who claimed what ran out meanwhile could be overtaken: an older class would replace a newer one
                parts.outbox.keep(holder, parts.clock.now(), CLAIM_S)
            yield batch


def _sizes_with_what_is_beside(parts: IndexParts, record_ids: Sequence[str]) -> Callable[[RecordEntry], int]:
    """A journal report holds the whole message once more."""
    beside = parts.records.beside(record_ids)
    more = {record_id: sum(kept.size_bytes for kept in several) for record_id, several in beside.items()}
    return lambda entry: entry.size_bytes + more.get(entry.record_id, 0)


def _begin_documents(parts: IndexParts, failed: set[str], entries: list[RecordEntry]) -> Iterator[IndexDocument]:
    things = []
    envelopes = envelopes_of(parts.store, parts.records, entries)
    for entry, found in zip(entries, checked_all(parts.store, entries), strict=True):
        if isinstance(found, CapstoneError):
            log.error("record_unreadable_in_store", record_id=entry.record_id, code=found.code)
            failed.add(entry.record_id)
        elif any(error.retryable for error in envelopes.unread.get(entry.record_id, ())):
            failed.add(entry.record_id)  # its document would lack people; the next pass asks again
        else:
            things.append((entry, found, envelopes.read.get(entry.record_id, ())))
    build = partial(_document, parts.guarding, parts.text_limit)
    return parts.workers.map(build, things, partial(_document_of_unread, parts.guarding, parts.text_limit))


_Thing = tuple[RecordEntry, bytes, Sequence[tuple[bytes, str]]]
"""A record, its bytes, and the envelopes beside it with their suffixes."""


def _document(guarding: Guarding, text_limit: int, thing: _Thing) -> IndexDocument:
    entry, raw, envelopes = thing
    return document_of(entry, index_facts(raw), guarding.zone, text_limit, whole_envelope(envelopes))


def _document_of_unread(guarding: Guarding, text_limit: int, thing: _Thing) -> IndexDocument:
    """A message that ended its reader is still found by its account, class and date, and counted as not searchable."""
    entry, raw, _envelopes = thing
    return document_of(entry, unread_message(raw), guarding.zone, text_limit)
