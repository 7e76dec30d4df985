"""Compare source, ledger, store and index by id; mend what can be mended without a decision, name the rest.

Mended: a lock or tags weaker than or different from what the class asks for, a document missing from or left over in the
index, a record in the store that no ledger knows (a crash between put and manifest). Never mended by itself: a missing record.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TypeVar

import structlog

from capstone.domain.errors import CapstoneError
from capstone.domain.fixity import digest_of
from capstone.domain.layout import digest_in_record_key, record_key
from capstone.domain.message import Occurrence, OfferedItem, OfferedMessage, Place
from capstone.domain.records import Lock, ObjectState, RecordEntry
from capstone.domain.retention import lock_for, tags_for
from capstone.ports import MailSource, Outbox, RecordLedger, RecordStore, SearchIndex
from capstone.usecases.capture import CaptureParts, capture_source

log = structlog.get_logger()

FROM_STORE = "store"
"""The source name under which records found in no manifest are taken in."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One id that is not where it should be, or was not: `where` is source, store, index or ledger."""

    where: str
    what: str
    id: str

    def as_dict(self) -> dict[str, str]:
        """As `--json` prints it."""
        return {"where": self.where, "what": self.what, "id": self.id}


@dataclass(slots=True)
class ReconcileReport:
    """All differences. `mended` ones need no more work but for a run of the index where they say so."""

    missing: list[Difference] = field(default_factory=list)
    unexpected: list[Difference] = field(default_factory=list)
    mended: list[Difference] = field(default_factory=list)
    compared: int = 0

    def as_dict(self) -> dict[str, object]:
        """As `--json` prints it."""
        lists = {"missing": self.missing, "unexpected": self.unexpected, "mended": self.mended}
        return {"compared": self.compared, **{name: [one.as_dict() for one in found] for name, found in lists.items()}}


@dataclass(frozen=True, slots=True)
class ReconcileParts:
    """What reconciliation works with."""

    capture: CaptureParts
    records: RecordLedger
    outbox: Outbox
    index: SearchIndex
    sources: tuple[tuple[str, MailSource], ...]
    """(account, source) of every configured source."""


def reconcile(parts: ReconcileParts) -> ReconcileReport:
    """Everything by id, in sorted streams: memory does not grow with the archive."""
    report = ReconcileReport()
    strays = _compare_store(parts, report)
    for account, digests in strays.items():
        _take_in(parts, report, account, digests)
    _compare_index(parts, report)
    for account, source in parts.sources:
        _compare_source(parts, report, account, source)
    return report


T = TypeVar("T")


def paired(ours: Iterable[tuple[str, T]], theirs: Iterable[str]) -> Iterator[tuple[str, T | None, bool]]:
    """(id, our value or None, whether they have it) of two sorted streams of ids."""
    left, right = iter(ours), iter(theirs)
    one, other = next(left, None), next(right, None)
    while one is not None or other is not None:
        if one is None or (other is not None and other < one[0]):
            yield str(other), None, True
            other = next(right, None)
        elif other is None or one[0] < other:
            yield one[0], one[1], False
            one = next(left, None)
        else:
            yield one[0], one[1], True
            one, other = next(left, None), next(right, None)


def _compare_store(parts: ReconcileParts, report: ReconcileReport) -> dict[str, list[str]]:
    """Ledger against store. Gives the digests, by account, that only the store knows."""
    strays: dict[str, list[str]] = {}
    entries = ((entry.record_id, entry) for entry in parts.records.records())
    stored = (f"{key.split('/')[1]}/{digest_in_record_key(key)}" for key in parts.capture.store.list_keys("records/"))
    for record_id, entry, is_stored in paired(entries, stored):
        report.compared += 1
        if entry is None:
            account, _, digest = record_id.partition("/")
            strays.setdefault(account, []).append(digest)
        elif not is_stored:
            report.missing.append(Difference("store", "record", record_id))
        else:
            _mend_guard(parts, report, entry)
    return strays


def _mend_guard(parts: ReconcileParts, report: ReconcileReport, entry: RecordEntry) -> None:
    """Lock and tags as the class asks for; a lock is only ever made stronger here."""
    store, guarding = parts.capture.store, parts.capture.guarding
    key = record_key(entry.account, entry.digest)
    state = store.state(key, entry.version_id)
    asked = lock_for(entry.classification, entry.captured_at, guarding.zone, guarding.minimum_days)
    tags = tags_for(entry.classification, entry.account)
    lock = _renewed(parts, entry, _stronger(state, asked))
    if lock != state.lock:
        store.relock(key, entry.version_id, lock)
        report.mended.append(Difference("store", "lock", entry.record_id))
    if tags != state.tags:
        store.relabel(key, entry.version_id, tags)
        report.mended.append(Difference("store", "tags", entry.record_id))


def _renewed(parts: ReconcileParts, entry: RecordEntry, lock: Lock) -> Lock:
    """A record that is due but not disposed of stays locked: its lock is renewed from now."""
    now, guarding = parts.capture.clock.now(), parts.capture.guarding
    if lock.hold or lock.retain_until is None or lock.retain_until > now:
        return lock
    fresh = lock_for(entry.classification, now, guarding.zone, guarding.minimum_days)
    return replace(lock, retain_until=fresh.retain_until)


def _stronger(state: ObjectState, asked: Lock) -> Lock:
    ends = [end for end in (state.lock.retain_until, asked.retain_until) if end is not None]
    return Lock(max(ends, default=None), state.lock.hold or asked.hold)


class _StoreSource:
    """Records that lie in the store and in no manifest, offered again as a source."""

    gives_same_bytes = True
    name = FROM_STORE

    def __init__(self, store: RecordStore, account: str, digests: list[str]) -> None:
        self._store, self._account, self._digests = store, account, digests

    def items(self, cursors: object) -> Iterator[OfferedItem]:
        """Only bytes that are what their key says: a damaged one must not become a record under another digest."""
        for place in self.places():
            raw = self._store.get(place.item_id)
            if digest_of(raw) == digest_in_record_key(place.item_id):
                yield OfferedMessage(Occurrence(place), raw)

    def places(self) -> Iterator[Place]:
        return (Place(FROM_STORE, "", record_key(self._account, digest)) for digest in self._digests)


def _take_in(parts: ReconcileParts, report: ReconcileReport, account: str, digests: list[str]) -> None:
    """Records without a manifest are captured again from where they lie. A damaged one gets no second chance here."""
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
    for record_id, entry, is_indexed in paired(entries, parts.index.ids()):
        if entry is None:
            left_over.append(record_id)
        elif not is_indexed:
            absent.append(record_id)
    parts.outbox.enqueue(absent)
    parts.index.remove(left_over)
    log.info("index_compared", absent=len(absent), pending=pending, left_over=len(left_over))
    report.mended += [Difference("index", "document is due", record_id) for record_id in absent]
    report.mended += [Difference("index", "left-over document", record_id) for record_id in left_over]


def _compare_source(parts: ReconcileParts, report: ReconcileReport, account: str, source: MailSource) -> None:
    """What the source shows and no run has taken in; the next capture does, so it is missing until then."""
    known = parts.records.places(account, source.name)
    try:
        for place in source.places():
            report.compared += 1
            if place not in known:
                report.missing.append(Difference(f"source {source.name}", "item", f"{account}: {place.item_id}"))
    except CapstoneError as exc:
        report.missing.append(Difference(f"source {source.name}", f"whole source ({exc.code})", account))
