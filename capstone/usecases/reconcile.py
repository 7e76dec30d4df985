"""Compare source, ledger, store and index by id; mend what can be mended without a decision, name the rest.

Mended: a lock or tags weaker than or different from what the class asks for, a document missing from or left over in the
index, a record in the store that no ledger knows (a crash between put and manifest). Never mended by itself: a missing record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import structlog

from capstone.domain.errors import CapstoneError, NoMailFound
from capstone.domain.fixity import digest_of
from capstone.domain.layout import digest_in_record_key, record_key
from capstone.domain.message import Occurrence, OfferedItem, OfferedMessage, Place, SourceNote
from capstone.ports import ObjectRef, Outbox, RecordLedger, RecordStore, SearchIndex
from capstone.usecases.anchor import anchor
from capstone.usecases.capture import CaptureParts, capture_source
from capstone.usecases.differences import Difference, ReconcileReport, paired
from capstone.usecases.reconcile_store import StoreParts, compare_store

log = structlog.get_logger()

ACTOR = "reconcile"
"""Who the audit chain names for a reconciliation."""

FROM_STORE = "store"
"""The source name under which records found in no manifest are taken in."""


@dataclass(frozen=True, slots=True)
class ReconcileParts:
    """What reconciliation works with."""

    capture: CaptureParts
    records: RecordLedger
    outbox: Outbox
    index: SearchIndex
    sources: tuple[tuple[str, str, Callable[[], Iterator[Place]]], ...]
    """Account, name and what shows its places, of every configured source."""


def reconcile(parts: ReconcileParts) -> ReconcileReport:
    """Everything by id, in sorted streams: memory does not grow with the archive."""
    report = ReconcileReport()
    strays = compare_store(StoreParts(parts.capture.store, parts.records, parts.capture.guarding), report)
    for account, digests in strays.items():
        _take_in(parts, report, account, digests)
    _compare_index(parts, report)
    for account, name, places in parts.sources:
        _compare_source(parts, report, account, name, places)
    capture = parts.capture
    anchor(capture.store, capture.audit.append(capture.clock.now(), ACTOR, "reconciliation", report.counts()))
    return report


class _StoreSource:
    """Records that lie in the store and in no manifest, offered again as a source."""

    gives_same_bytes = True
    name = FROM_STORE

    def __init__(self, store: RecordStore, account: str, digests: list[str]) -> None:
        self._store, self._account, self._digests = store, account, digests

    def items(self, cursors: object) -> Iterator[OfferedItem]:
        """Only bytes that are what their key says: a damaged one must not become a record under another digest.

        One that cannot be read keeps none of the others out. Raises StoreUnavailable, StoreUnfit where the whole store is away.
        """
        places = list(self.places())
        for place, raw in zip(places, self._store.get_all([ObjectRef(place.item_id) for place in places]), strict=True):
            if not isinstance(raw, CapstoneError) and digest_of(raw) == digest_in_record_key(place.item_id):
                yield OfferedMessage(Occurrence(place), raw)

    def places(self) -> Iterator[Place]:
        return (Place(FROM_STORE, "", record_key(self._account, digest)) for digest in self._digests)

    def notes(self) -> Sequence[SourceNote]:
        return ()


def _take_in(parts: ReconcileParts, report: ReconcileReport, account: str, digests: list[str]) -> None:
    """Records without a manifest are captured again from where they lie. A damaged one gets no second chance here."""
    known = {entry.digest for entry in parts.records.entries([f"{account}/{digest}" for digest in digests])}
    digests = [digest for digest in digests if digest not in known]  # a capture has taken these in meanwhile
    if not digests:
        return
    try:
        run = capture_source(parts.capture, account, _StoreSource(parts.capture.store, account, digests))
    except CapstoneError as exc:
        log.warning("strays_not_taken_in", account=account, code=exc.code)
        report.unexpected += [Difference("store", f"record ({exc.code})", f"{account}/{digest}") for digest in digests]
        return
    taken = {entry.record_id for entry in parts.records.entries([f"{account}/{digest}" for digest in digests])}
    for digest in digests:
        record_id = f"{account}/{digest}"
        found = report.mended if record_id in taken else report.unexpected
        found.append(Difference("ledger", "record" if run.error is None else f"record ({run.error.code})", record_id))


def _compare_index(parts: ReconcileParts, report: ReconcileReport) -> None:
    parts.index.check()
    pending = parts.outbox.pending()
    entries = ((entry.record_id, entry) for entry in parts.records.records())
    absent, left_over = [], []
    for record_id, entry, is_indexed in paired(entries, ((record_id, True) for record_id in parts.index.ids())):
        if entry is None:
            left_over.append(record_id)
        elif not is_indexed:
            absent.append(record_id)
    # Asked for again: a record may have been captured and indexed since its page of the ledger was read.
    known = {entry.record_id for entry in parts.records.entries(left_over)}
    left_over = [record_id for record_id in left_over if record_id not in known]
    parts.outbox.enqueue(absent)
    parts.index.remove(left_over)
    log.info("index_compared", absent=len(absent), pending=pending, left_over=len(left_over))
    report.mended += [Difference("index", "document is due", record_id) for record_id in absent]
    report.mended += [Difference("index", "left-over document", record_id) for record_id in left_over]


def _compare_source(
    parts: ReconcileParts, report: ReconcileReport, account: str, name: str, places: Callable[[], Iterator[Place]]
) -> None:
    """What the source shows and no run has taken in; the next capture does, so it is missing until then."""
    known = parts.records.places(account, name)
    try:
        for place in places():
            report.compared += 1
            if place not in known:
                report.missing.append(Difference(f"source {name}", "item", f"{account}: {place.item_id}"))
    except CapstoneError as exc:
        if isinstance(exc, NoMailFound) and parts.capture.ledger.cursors(account, name):
            return  # read before, and empty now: nothing of it can be missing
        log.warning("source_not_compared", account=account, source=name, code=exc.code)
        report.missing.append(Difference(f"source {name}", f"whole source ({exc.code})", account))
