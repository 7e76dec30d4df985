"""Fixity: read every record back and compare it with its digest; check the manifests and the audit chain.

Works from the store's own manifests, so that an error in the ledger cannot hide a missing record; the ledger only adds names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from capstone.domain.errors import CapstoneError, FixityMismatch, ObjectMissing
from capstone.domain.events import AuditEntry, first_break
from capstone.domain.fixity import digest_of
from capstone.domain.layout import record_key
from capstone.domain.manifest import read_manifest
from capstone.ports import AuditLog, CaptureLedger, Clock, ManifestRef, RecordLedger, RecordStore
from capstone.usecases.anchor import anchor, anchors

log = structlog.get_logger()


ACTOR = "verify"
"""Who the audit chain names for a fixity check."""


@dataclass(slots=True)
class VerifyReport:
    """What was checked and what was wrong. `damaged` and `missing` hold record ids, or keys of other objects."""

    checked: int = 0
    damaged: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    manifests: int = 0
    audit_entries: int = 0
    audit_break: int | None = None

    @property
    def is_sound(self) -> bool:
        """Nothing damaged, missing or broken."""
        return not self.damaged and not self.missing and self.audit_break is None

    def as_dict(self) -> dict[str, object]:
        """As `--json` prints it."""
        audit = {"entries": self.audit_entries, "broken_at": self.audit_break}
        told = {"checked": self.checked, "damaged": self.damaged, "missing": self.missing}
        return {**told, "manifests": self.manifests, "audit": audit}


@dataclass(frozen=True, slots=True)
class VerifyParts:
    """What verification works with. `choose` says of a record whether it is in the sample."""

    store: RecordStore
    records: RecordLedger
    audit: AuditLog
    capture: CaptureLedger
    clock: Clock
    choose: Callable[[str], bool] = lambda _record_id: True
    progress: Callable[[int, int], None] = lambda _records, _bytes: None


def verify(parts: VerifyParts) -> VerifyReport:
    """A fixity check of every chosen record; of all manifests and their chain; of the whole audit chain.

    A sound archive notes the check in the chain and anchors its head: what was noted before can no longer be cut off unseen.
    """
    report = VerifyReport()
    told = set()
    for record_id, version_id in _told_by_manifests(parts, report):
        told.add(record_id)
        if parts.choose(record_id):
            _check(parts, report, record_id, version_id)
    for entry in parts.records.records():
        if entry.record_id not in told:
            log.error("record_in_no_manifest", record_id=entry.record_id)
            _check(parts, report, entry.record_id, entry.version_id)
    _check_audit(parts, report)
    if report.is_sound:
        details = {"checked": report.checked, "manifests": report.manifests}
        anchor(parts.store, parts.audit.append(parts.clock.now(), ACTOR, "fixity check", details))
    return report


def _told_by_manifests(parts: VerifyParts, report: VerifyReport) -> Iterator[tuple[str, str]]:
    """(record id, version id) of every record that a manifest says was made."""
    last: dict[str, ManifestRef] = {}
    for key in parts.store.list_keys("manifests/"):
        raw = parts.store.get(key)
        account = key.split("/")[1]
        before, last[account] = last.get(account), ManifestRef(account, key, digest_of(raw))
        try:
            head, lines = read_manifest(raw)
        except FixityMismatch:
            report.damaged.append(key)
            continue
        report.manifests += 1
        if head.previous != (before.digest if before else None) and (before is None or before.key not in report.damaged):
            report.missing.append(f"a manifest before {key}")
        yield from ((f"{head.account}/{line.digest}", line.version_id or "") for line in lines if line.is_new)
    _check_newest(parts, report, last)


def _check_newest(parts: VerifyParts, report: VerifyReport, stored: Mapping[str, ManifestRef]) -> None:
    """No later manifest names the newest one of an account; the ledger does. One that it has not adopted yet is newer still."""
    for account in sorted({total.account for total in parts.records.totals()} | stored.keys()):
        known, found = parts.capture.last_manifest(account), stored.get(account)
        if known is None or (found is not None and found.key > known.key):
            continue
        if found is None or found.key < known.key:
            report.missing.append(known.key)
        elif found.digest != known.digest and known.key not in report.damaged:
            report.damaged.append(known.key)


def _check(parts: VerifyParts, report: VerifyReport, record_id: str, version_id: str) -> None:
    account, _, digest = record_id.partition("/")
    report.checked += 1
    size = 0
    try:
        raw = parts.store.get(record_key(account, digest), version_id)
        size = len(raw)
        if digest_of(raw) != digest:
            report.damaged.append(record_id)
    except ObjectMissing:
        report.missing.append(record_id)
    except CapstoneError as exc:
        log.warning("record_unreadable", record_id=record_id, code=exc.code)
        report.damaged.append(record_id)
    parts.progress(1, size)


def _check_audit(parts: VerifyParts, report: VerifyReport) -> None:
    """The chain in itself, and against its heads in the store: a chain that was written anew lacks them.

    A rebuilt ledger begins a new chain; heads from before that are not in it.
    """
    heads = {digest: (number, at) for number, digest, at in anchors(parts.store)}
    begins: list[datetime] = []

    def counted() -> Iterator[AuditEntry]:
        for entry in parts.audit.entries():
            if entry.seq == 1 and entry.event == "rebuild":
                begins.append(entry.at)
            report.audit_entries += 1
            heads.pop(entry.digest, None)
            yield entry

    broken = first_break(counted())
    lost = [number for number, at in heads.values() if not begins or at > begins[0]]
    report.audit_break = min((number for number in (broken, *lost) if number is not None), default=None)
