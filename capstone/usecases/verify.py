"""Fixity: read every record, and what is kept beside it, back and compare it with its digest; check quarantine, decisions,
manifests and the audit chain.

Works from the store's own manifests, so that an error in the ledger cannot hide a missing record; the ledger only adds names.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from operator import itemgetter

import structlog

from capstone.domain.errors import CapstoneError, FixityMismatch, ObjectMissing
from capstone.domain.events import AuditEntry, first_break
from capstone.domain.fixity import digest_of
from capstone.domain.layout import FORM_FILES, decision_number, is_manifest_key, quarantine_key, record_key
from capstone.domain.manifest import ManifestLine, read_manifest
from capstone.domain.message import ItemState
from capstone.domain.register_facts import RegisteredForm
from capstone.ports import AuditLog, CaptureLedger, Clock, ManifestRef, ObjectRef, RecordLedger, RecordStore, RegisterLedger
from capstone.usecases.anchor import anchor, anchors
from capstone.usecases.batches import batched_by_size
from capstone.usecases.decisions import read_any_decision

log = structlog.get_logger()


ACTOR = "verify"
"""Who the audit chain names for a fixity check."""

PAGE = 500
"""Records asked for at a time; the store bounds how many bytes of them are on their way."""


@dataclass(slots=True)
class VerifyReport:
    """What was checked and what was wrong. `checked` counts records. `damaged` and `missing` hold record ids, keys of other
    objects, or "decision <number>"."""

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
    register: RegisterLedger
    clock: Clock
    choose: Callable[[str], bool] = lambda _record_id: True
    progress: Callable[[int, int], None] = lambda _records, _bytes: None


@dataclass(frozen=True, slots=True)
class _Stored:
    """One object that must be there. `name`: a record id, or the key of what is kept beside a record."""

    name: str
    ref: ObjectRef
    digest: str
    is_record: bool = True


def _record(record_id: str, version_id: str) -> _Stored:
    account, _, digest = record_id.partition("/")
    return _Stored(record_id, ObjectRef(record_key(account, digest), version_id), digest)


def verify(parts: VerifyParts) -> VerifyReport:
    """A fixity check of every chosen record with what is kept beside it; of all that lies in quarantine; of all decisions; of
    all manifests and their chain; of the whole audit chain.

    A sound archive notes the check in the chain and anchors its head: what was noted before can no longer be cut off unseen.
    """
    report = VerifyReport()
    for page in _pages(_chosen(parts, report)):
        _check_stored(parts, report, page)
    _check_decisions(parts, report)
    _check_form_files(parts, report)
    _check_audit(parts, report)
    if report.is_sound:
        details = {"checked": report.checked, "manifests": report.manifests}
        anchor(parts.store, parts.audit.append(parts.clock.now(), ACTOR, "fixity check", details))
    return report


def _chosen(parts: VerifyParts, report: VerifyReport) -> Iterator[_Stored]:
    """Those records of the manifests that are in the sample, and what is kept beside them; then, account by account, what the
    ledger knows and no manifest names. Memory does not grow with the archive, only with its largest account."""
    unseen = {total.account for total in parts.records.totals()}
    for account, lines in groupby(_told_by_manifests(parts, report), itemgetter(0)):
        unseen.discard(account)
        told = set[str]()
        for _, line in lines:
            yield from _chosen_of(parts, account, line)
            if line.is_new and line.digest:
                told.add(line.digest)
        yield from _in_no_manifest(parts, account, told)
    for account in sorted(unseen):
        yield from _in_no_manifest(parts, account, set())


def _chosen_of(parts: VerifyParts, account: str, line: ManifestLine) -> Iterator[_Stored]:
    record_id = f"{account}/{line.digest}"
    if not parts.choose(record_id):
        return
    if line.is_new:
        yield _record(record_id, line.version_id or "")
    for kept in line.beside:
        key = kept.key(account)
        yield _Stored(key, ObjectRef(key, kept.version_id), kept.digest, is_record=False)


def _in_no_manifest(parts: VerifyParts, account: str, told: Set[str]) -> Iterator[_Stored]:
    for entry in parts.records.records(account):
        if entry.digest not in told:
            log.error("record_in_no_manifest", record_id=entry.record_id)
            yield _record(entry.record_id, entry.version_id)


def _pages(stored: Iterable[_Stored]) -> Iterator[list[_Stored]]:
    return batched_by_size(stored, lambda _one: 0, PAGE, 1)


def _told_by_manifests(parts: VerifyParts, report: VerifyReport) -> Iterator[tuple[str, ManifestLine]]:
    """(account, line) of every item by which something was stored, account after account; what was quarantined is checked too.

    What the ledger knows is taken first: a capture that goes on meanwhile adds manifests that no listing here has to show.
    """
    known, quarantined = _known_manifests(parts), set[str]()
    last: dict[str, ManifestRef] = {}
    for key in filter(is_manifest_key, parts.store.list_keys("manifests/")):
        raw = _read(parts, report, key, None, key)
        account = key.split("/")[1]
        before, last[account] = last.get(account), ManifestRef(account, key, digest_of(raw or b""))
        if raw is None:
            continue
        try:
            head, every = read_manifest(raw)
        except FixityMismatch:
            report.damaged.append(key)
            continue
        report.manifests += 1
        lines = [line for line in every if isinstance(line, ManifestLine)]
        if head.previous != (before.digest if before else None) and (before is None or before.key not in report.damaged):
            report.missing.append(f"a manifest before {key}")
        _check_quarantined(parts, report, lines, quarantined)
        yield from ((account, line) for line in lines if line.is_new or line.beside)
    _check_newest(report, known, last)


def _known_manifests(parts: VerifyParts) -> list[ManifestRef]:
    """The newest manifest of each account that the ledger has taken in by now."""
    stored = {key.split("/")[1] for key in parts.store.list_keys("manifests/") if is_manifest_key(key)}
    accounts = sorted(stored | {total.account for total in parts.records.totals()})
    return [known for account in accounts if (known := parts.capture.last_manifest(account)) is not None]


def _check_newest(report: VerifyReport, newest: Iterable[ManifestRef], stored: Mapping[str, ManifestRef]) -> None:
    """No later manifest names the newest one of an account; the ledger does. One that it has not adopted yet is newer still."""
    for known in newest:
        found = stored.get(known.account)
        if found is not None and found.key > known.key:
            continue
        if found is None or found.key < known.key:
            report.missing.append(known.key)
        elif found.digest != known.digest and known.key not in report.damaged:
            report.damaged.append(known.key)


def _check_quarantined(parts: VerifyParts, report: VerifyReport, lines: Iterable[ManifestLine], seen: set[str]) -> None:
    """Every kept item in full, once: `seen` holds the keys that were checked."""
    for line in lines:
        if line.state is not ItemState.QUARANTINED or line.digest is None:
            continue
        key = quarantine_key(line.place.source, line.digest)
        if key not in seen:
            seen.add(key)
            raw = _read(parts, report, key, None, key)
            if raw is not None and digest_of(raw) != line.digest:
                report.damaged.append(key)


def _check_decisions(parts: VerifyParts, report: VerifyReport) -> None:
    """Every decision that the ledger has taken in lies in the store, once, so that a ledger made anew has it too."""
    numbers = range(1, parts.register.next_decision())  # read first: decisions may be added meanwhile
    listed = [(decision_number(key), key) for key in parts.store.list_keys("decisions/")]
    keys, times = dict(listed), Counter(number for number, _ in listed)
    for number in numbers:
        name, key = f"decision {number}", keys.get(number)
        if key is None:
            report.missing.append(name)
        elif times[number] > 1:
            report.damaged.append(name)
        elif (raw := _read(parts, report, key, None, name)) is not None:
            try:
                read_any_decision(raw, key)
            except FixityMismatch:
                report.damaged.append(name)


def _check_form_files(parts: VerifyParts, report: VerifyReport) -> None:
    """Every file that a form was registered from lies in the store, and is what its name says."""
    facts = (fact for decision in parts.register.decisions() for fact in decision.facts)
    named = {fact.source_digest for fact in facts if isinstance(fact, RegisteredForm) and fact.source_digest}
    keys = {key.rpartition("/")[2].partition(".")[0]: key for key in parts.store.list_keys(FORM_FILES)}
    for digest in sorted(named):
        key = keys.get(digest)
        if key is None:
            report.missing.append(f"{FORM_FILES}{digest}")
        elif (raw := _read(parts, report, key, None, key)) is not None and digest_of(raw) != digest:
            report.damaged.append(key)


def _check_stored(parts: VerifyParts, report: VerifyReport, page: list[_Stored]) -> None:
    """Read the objects back, several at once, and compare each with its digest."""
    for one, found in zip(page, parts.store.get_all([one.ref for one in page]), strict=True):
        report.checked += one.is_record
        raw = _kept(report, one.name, found)
        if raw is not None and digest_of(raw) != one.digest:
            report.damaged.append(one.name)
        parts.progress(int(one.is_record), len(raw or b""))


def _read(parts: VerifyParts, report: VerifyReport, key: str, version_id: str | None, name: str) -> bytes | None:
    """The object's bytes; None, and its name in the report, where it is missing or cannot be read."""
    (found,) = parts.store.get_all([ObjectRef(key, version_id)])
    return _kept(report, name, found)


def _kept(report: VerifyReport, name: str, found: bytes | CapstoneError) -> bytes | None:
    if not isinstance(found, CapstoneError):
        return found
    log.warning("object_unreadable", name=name, code=found.code)
    (report.missing if isinstance(found, ObjectMissing) else report.damaged).append(name)
    return None


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
