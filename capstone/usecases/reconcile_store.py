"""Compare ledger and store: every version of every object, its lock, its hold flag and its tags.

The ledger pins one version of each record. Its lock is made as strong as its class asks for and its tags as they should be;
a delete marker is taken away; any other version is named and left as it is: it may be evidence.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import NamedTuple, TypeVar

import structlog

from capstone.domain.effects import longest_kept
from capstone.domain.layout import FORM_FILES, decision_number, digest_in_record_key, is_audit_key, is_manifest_key, record_key
from capstone.domain.message import CompanionKind
from capstone.domain.records import KeptBeside, Lock, ObjectState, RecordEntry
from capstone.domain.retention import lock_for, tags_for
from capstone.ports import ObjectRef, RecordLedger, RecordStore, VersionSeen
from capstone.usecases.batches import batched_by_size
from capstone.usecases.decide import Guarding
from capstone.usecases.differences import Difference, ReconcileReport, paired
from capstone.usecases.stored import ref_of

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
    for kind in CompanionKind:
        for keys in _pages(_companions(parts, report, f"{kind.value}/")):
            _name_unknown(parts, report, keys)
    for prefix in ALWAYS_HELD:
        for refs in _pages(_only_versions(parts, report, prefix)):
            _hold_all(parts, report, refs)
    return strays


def _ours(parts: StoreParts, report: ReconcileReport, strays: dict[str, list[str]]) -> Iterator[RecordEntry]:
    """The records that the ledger knows; what else lies below records/ is noted on the way."""
    entries = ((entry.record_id, entry) for entry in parts.records.records())
    for record_id, entry, found in paired(entries, _stored_records(parts, report)):
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


def _stored_records(parts: StoreParts, report: ReconcileReport) -> Iterator[tuple[str, tuple[str, list[VersionSeen]]]]:
    """What lies where a record lies, by record id; anything else is named."""
    for key, versions in _by_key(parts.store, "records/"):
        account, digest = key.split("/")[1], digest_in_record_key(key)
        if key == record_key(account, digest):
            yield f"{account}/{digest}", (key, versions)
        else:
            report.unexpected.append(Difference("store", "object", key))


class _Guarded(NamedTuple):
    """An object that has the lock and tags of a record: the record itself, or what is kept beside it and maybe others."""

    name: str
    ref: ObjectRef
    entries: Sequence[RecordEntry]


def _compare_guards(parts: StoreParts, report: ReconcileReport, page: list[RecordEntry]) -> None:
    """Ask the store for each pinned version itself: what a listing shows may be older than the ledger."""
    doubtful = []
    guarded = _guarded_with(parts, page)
    for one, state in zip(guarded, parts.store.states([one.ref for one in guarded]), strict=True):
        if state is None:
            what = "record" if one.name == one.entries[0].record_id else "object beside a record"
            report.missing.append(Difference("store", what, one.name))
        elif _wanted(parts, one.entries, state) != (state.lock, state.tags):
            doubtful += [entry.record_id for entry in one.entries]
    # Read again: a capture may have changed a class since the page was read.
    present = _guarded_with(parts, parts.records.entries(list(dict.fromkeys(doubtful))))
    for one, state in zip(present, parts.store.states([one.ref for one in present]), strict=True):
        if state is not None:
            _mend_guard(parts, report, one, state)


def _guarded_with(parts: StoreParts, entries: list[RecordEntry]) -> list[_Guarded]:
    guarded = {entry.record_id: _Guarded(entry.record_id, ref_of(entry), [entry]) for entry in entries}
    by_account: dict[str, dict[str, KeptBeside]] = {}
    for record_id, several in parts.records.beside([*guarded]).items():
        account = record_id.partition("/")[0]
        by_account.setdefault(account, {}).update((kept.key(account), kept) for kept in several)
    for account, kept_there in by_account.items():
        sharing = parts.records.records_beside(account, sorted({kept.digest for kept in kept_there.values()}))
        ids = sorted({f"{account}/{digest}" for several in sharing.values() for digest in several})
        known = {entry.digest: entry for entry in parts.records.entries(ids)}
        for key, kept in kept_there.items():
            guarded[key] = _Guarded(key, ObjectRef(key, kept.version_id), [known[digest] for digest in sharing[kept.digest]])
    return list(guarded.values())


def _mend_guard(parts: StoreParts, report: ReconcileReport, one: _Guarded, state: ObjectState) -> None:
    lock, tags = _wanted(parts, one.entries, state)
    if lock != state.lock:
        parts.store.relock(one.ref.key, state.version_id, lock)
        report.mended.append(Difference("store", "lock", one.name))
    if tags != state.tags:
        parts.store.relabel(one.ref.key, state.version_id, tags)
        report.mended.append(Difference("store", "tags", one.name))


def _wanted(parts: StoreParts, entries: Sequence[RecordEntry], state: ObjectState) -> tuple[Lock, dict[str, str]]:
    """The strongest lock that the classes of these records ask for, and the tags of the one that is kept longest; a lock is
    only ever made stronger here. One that is due but not disposed of stays locked: its lock is renewed from now."""
    guarding, lock = parts.guarding, state.lock
    for entry in entries:
        asked = entry.classification, entry.captured_at
        lock = lock.at_least(lock_for(*asked, guarding.zone, guarding.minimum_days))
    if not lock.hold and lock.retain_until is not None and lock.retain_until <= guarding.now:
        for entry in entries:
            lock = lock.at_least(lock_for(entry.classification, guarding.now, guarding.zone, guarding.minimum_days))
    return lock, tags_for(longest_kept(entry.classification for entry in entries), entries[0].account)


def _companions(parts: StoreParts, report: ReconcileReport, prefix: str) -> Iterator[str]:
    """The keys below the prefix that hold anything; what hides them is taken away, other versions are named."""
    for key, versions in _by_key(parts.store, prefix):
        first = _oldest(versions)
        _name_others(parts, report, key, versions, first)
        if first is not None:
            yield key


def _name_unknown(parts: StoreParts, report: ReconcileReport, keys: list[str]) -> None:
    """What no manifest names, after a crash between put and manifest: its record came again with other bytes, or never. It is
    named and left as it is."""
    by_account: dict[str, dict[str, str]] = {}
    for key in keys:
        by_account.setdefault(key.split("/")[1], {})[key.rpartition("/")[2].partition(".")[0]] = key
    for account, of_account in by_account.items():
        known = parts.records.records_beside(account, [*of_account])
        unknown = (key for digest, key in of_account.items() if digest not in known)
        report.unexpected += [Difference("store", "object beside no record", key) for key in unknown]


def _only_versions(parts: StoreParts, report: ReconcileReport, prefix: str) -> Iterator[ObjectRef]:
    """The first version of each object below the prefix: the one that this program wrote."""
    for key, versions in _by_key(parts.store, prefix):
        if not _is_ours(key):
            report.unexpected.append(Difference("store", "object", key))
            continue
        first = _oldest(versions)
        _name_others(parts, report, key, versions, first)
        if first is not None:
            yield ObjectRef(key, first)


def _is_ours(key: str) -> bool:
    """Whether what this program puts there may have the key. What others put beside it is not held: they may take it away."""
    match key.partition("/")[0]:
        case "manifests":
            return is_manifest_key(key)
        case "decisions":
            return key.startswith(FORM_FILES) or decision_number(key) is not None
        case "audit":
            return is_audit_key(key)
        case _:
            return True


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


def _pages(things: Iterable[_T]) -> Iterator[list[_T]]:
    return batched_by_size(things, lambda _thing: 0, _PAGE, 1)
