"""Compare ledger and store: every version of every object, its lock, its hold flag and its tags.

The ledger pins one version of each record. Its lock is made as strong as its class asks for and its tags as they should be;
a delete marker is taken away; any other version is named and left as it is: it may be evidence.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TypeVar

import structlog

from capstone.domain.layout import digest_in_record_key
from capstone.domain.records import Lock, ObjectState, RecordEntry
from capstone.domain.retention import lock_for, tags_for
from capstone.ports import ObjectRef, RecordLedger, RecordStore, VersionSeen
from capstone.usecases.batches import batched_by_size
from capstone.usecases.decide import Guarding
from capstone.usecases.differences import Difference, ReconcileReport, paired
from capstone.usecases.stored import ref_of, state_of

_T = TypeVar("_T")

log = structlog.get_logger()

ALWAYS_HELD = ("manifests/", "decisions/", "audit/", "quarantine/")
"""Below these every object carries the hold flag (design.md 3)."""

_PAGE = 500
"""Objects whose state is asked for at a time."""


@dataclass(frozen=True, slots=True)
class StoreParts:
    """What the comparison works with."""

    store: RecordStore
    records: RecordLedger
    guarding: Guarding


def compare_store(parts: StoreParts, report: ReconcileReport) -> dict[str, list[str]]:
    """Ledger against store. Gives the digests, by account, that only the store knows."""
    strays: dict[str, list[str]] = {}
    for page in _pages(_ours(parts, report, strays)):
        _compare_guards(parts, report, page)
    for prefix in ALWAYS_HELD:
        for refs in _pages(_only_versions(parts, report, prefix)):
            _hold_all(parts, report, refs)
    return strays


def _ours(parts: StoreParts, report: ReconcileReport, strays: dict[str, list[str]]) -> Iterator[RecordEntry]:
    """The records that the ledger knows; what else lies below records/ is noted on the way."""
    entries = ((entry.record_id, entry) for entry in parts.records.records())
    stored = ((_record_id(key), (key, versions)) for key, versions in _by_key(parts.store, "records/"))
    for record_id, entry, found in paired(entries, stored):
        report.compared += 1
        if found is not None:
            key, versions = found
            pinned = entry.version_id if entry else _oldest(versions)
            _name_others(parts, report, key, versions, pinned)
            if entry is None and pinned is not None:
                account, _, digest = record_id.partition("/")
                strays.setdefault(account, []).append(digest)
        if entry is not None:
            yield entry


def _compare_guards(parts: StoreParts, report: ReconcileReport, page: list[RecordEntry]) -> None:
    """Ask the store for each pinned version itself: what a listing shows may be older than the ledger."""
    doubtful = []
    for entry, state in zip(page, parts.store.states([ref_of(entry) for entry in page]), strict=True):
        if state is None:
            report.missing.append(Difference("store", "record", entry.record_id))
        elif _wanted(parts, entry, state) != (state.lock, state.tags):
            doubtful.append(entry.record_id)
    # Read again: a capture may have changed a class since the page was read.
    for entry in parts.records.entries(doubtful):
        _mend_guard(parts, report, entry)


def _mend_guard(parts: StoreParts, report: ReconcileReport, entry: RecordEntry) -> None:
    ref = ref_of(entry)
    state = state_of(parts.store, ref)
    lock, tags = _wanted(parts, entry, state)
    if lock != state.lock:
        parts.store.relock(ref.key, entry.version_id, lock)
        report.mended.append(Difference("store", "lock", entry.record_id))
    if tags != state.tags:
        parts.store.relabel(ref.key, entry.version_id, tags)
        report.mended.append(Difference("store", "tags", entry.record_id))


def _wanted(parts: StoreParts, entry: RecordEntry, state: ObjectState) -> tuple[Lock, dict[str, str]]:
    """Lock and tags as the class asks for; a lock is only ever made stronger here."""
    guarding = parts.guarding
    asked = lock_for(entry.classification, entry.captured_at, guarding.zone, guarding.minimum_days)
    return _renewed(parts, entry, state.lock.at_least(asked)), tags_for(entry.classification, entry.account)


def _renewed(parts: StoreParts, entry: RecordEntry, lock: Lock) -> Lock:
    """A record that is due but not disposed of stays locked: its lock is renewed from now."""
    guarding = parts.guarding
    if lock.hold or lock.retain_until is None or lock.retain_until > guarding.now:
        return lock
    fresh = lock_for(entry.classification, guarding.now, guarding.zone, guarding.minimum_days)
    return replace(lock, retain_until=fresh.retain_until)


def _only_versions(parts: StoreParts, report: ReconcileReport, prefix: str) -> Iterator[ObjectRef]:
    """The first version of each object below the prefix: the one that this program wrote."""
    for key, versions in _by_key(parts.store, prefix):
        first = _oldest(versions)
        _name_others(parts, report, key, versions, first)
        if first is not None:
            yield ObjectRef(key, first)


def _hold_all(parts: StoreParts, report: ReconcileReport, refs: list[ObjectRef]) -> None:
    for ref, state in zip(refs, parts.store.states(refs), strict=True):
        if state is not None and not state.lock.hold:
            parts.store.relock(ref.key, state.version_id, replace(state.lock, hold=True))
            report.mended.append(Difference("store", "lock", ref.key))


def _name_others(parts: StoreParts, report: ReconcileReport, key: str, versions: list[VersionSeen], pinned: str | None) -> None:
    """Take away what hides an object; name every version that this program does not know."""
    for version in versions:
        if version.is_marker:
            parts.store.delete(key, version.version_id, parts.guarding.now)
            report.mended.append(Difference("store", "delete marker", key))
        elif version.version_id != pinned:
            log.warning("version_not_ours", key=key, version=version.version_id)
            report.unexpected.append(Difference("store", "version", f"{key}@{version.version_id}"))


def _by_key(store: RecordStore, prefix: str) -> Iterator[tuple[str, list[VersionSeen]]]:
    for key, versions in groupby(store.list_versions(prefix), key=lambda version: version.key):
        yield key, list(versions)


def _oldest(versions: list[VersionSeen]) -> str | None:
    """Listed newest first; None where only markers are left."""
    return next((version.version_id for version in reversed(versions) if not version.is_marker), None)


def _record_id(key: str) -> str:
    return f"{key.split('/')[1]}/{digest_in_record_key(key)}"


def _pages(things: Iterable[_T]) -> Iterator[list[_T]]:
    return batched_by_size(things, lambda _thing: 0, _PAGE, 1)
