"""Bring classes, tags, locks and, by the outbox, the index in line with the register, account by account.

Store, manifest, ledger: a crash leaves work to repeat, as what is done is equal when it is looked at again. A lock becomes
shorter only when a second person has approved the register, and nothing of the record was found since; until then the record
keeps lock and class.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from capstone.domain.classification import Rules, classify, evidence_of
from capstone.domain.effects import Keeping, is_changed, keeping_change, lock_now, standing
from capstone.domain.errors import AccountBusy, CapstoneError
from capstone.domain.fixity import digest_of
from capstone.domain.layout import manifest_key, record_key, run_id_at, run_in_manifest_key
from capstone.domain.manifest import ManifestHead, ReplayLine, write_manifest
from capstone.domain.records import Classification, Lock
from capstone.domain.retention import LockStep, lock_change, tags_for
from capstone.ports import (
    REPLAY,
    AuditLog,
    CaptureLedger,
    Clock,
    GuardChange,
    HeldRecord,
    Holders,
    ManifestRef,
    PutRequest,
    RegisterLedger,
    Run,
)
from capstone.usecases.adopt import adopt_manifests
from capstone.usecases.anchor import anchor
from capstone.usecases.batches import batched_by_size
from capstone.usecases.decide import Guarding, batch_of
from capstone.usecases.learning import LearningParts, learn_missing
from capstone.usecases.writing import become_writer

log = structlog.get_logger()

MOST_CHANGES = 500
"""A batch: one manifest and one transaction."""
_LEASE_EVERY = 1000
"""Records between two looks at the clock, so that a long scan keeps its lease."""


@dataclass(frozen=True, slots=True)
class ReplayParts:
    """What a replay works with."""

    learning: LearningParts
    ledger: CaptureLedger
    register: RegisterLedger
    audit: AuditLog
    clock: Clock
    rules: Rules
    next_decision: int
    """The number that the register's next decision had when `rules` were made of it: they know nothing from there on."""
    approved_rules: str
    """See PreviewParts."""
    guarding: Guarding
    holders: Holders
    new_id: Callable[[], str]
    """Random hex digits, at least four."""
    lease_s: int = 300
    progress: Callable[[int, int], None] = lambda _records, _bytes: None


COUNTED = ("checked", "changed", "longer", "shorter", "waiting_for_approval", "failed")


@dataclass(slots=True)
class AccountReplay:
    """What became of one account. `failed` records keep their class; the next replay takes them up."""

    account: str
    checked: int = 0
    changed: int = 0
    longer: int = 0
    shorter: int = 0
    waiting_for_approval: int = 0
    failed: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    """By error code."""
    error: CapstoneError | None = None
    """What ended the account's replay before its end."""

    @property
    def is_clean(self) -> bool:
        """Whether nothing failed; what waits for approval is no failure."""
        return self.error is None and not self.failed

    def as_counts(self) -> dict[str, object]:
        """Ids, counts and codes: what a task may hand on and `--json` prints."""
        told: dict[str, object] = {"account": self.account} | {name: getattr(self, name) for name in COUNTED}
        error = self.error
        told["failures"] = dict(sorted(self.failures.items()))
        told["error"] = {"code": error.code, "message": error.message, "next": error.next_step} if error else None
        return told


def totals(accounts: Sequence[AccountReplay]) -> dict[str, int]:
    """The sums over several accounts."""
    return {name: sum(getattr(one, name) for one in accounts) for name in COUNTED}


def replay_account(parts: ReplayParts, account: str, actor: str = REPLAY) -> AccountReplay:
    """One account, under its lease; `actor` is the program where no person began it.

    Raises AccountBusy; any other named error is in the report, with what was done before.
    """
    holder = become_writer(parts.ledger, parts.holders, parts.clock, account, parts.lease_s)
    work = _Replay(parts, account, holder)
    try:
        work.run()
    except CapstoneError as exc:
        log.warning("replay_failed", account=account, code=exc.code)
        work.report.error = exc
    finally:
        with suppress(CapstoneError):  # it ends by itself, and what the replay met shall be told instead
            parts.ledger.give_back_lease(account, holder)
    work.close()
    _note(parts, work.report, actor)
    return work.report


def _note(parts: ReplayParts, report: AccountReplay, actor: str) -> None:
    counts = {name: value for name, value in report.as_counts().items() if name != "error"}
    details = {**counts, "error": report.error.code if report.error else None, "rules": parts.rules.version}
    log.info("account_replayed", **counts)
    anchor(parts.learning.store, parts.audit.append(parts.clock.now(), actor, REPLAY, details))


@dataclass(frozen=True, slots=True)
class _Change:
    """A record whose class is another now."""

    record: HeldRecord
    new: Classification
    keeping: Keeping


class _Replay:
    """One account in progress: the chain of its manifests and its sums."""

    def __init__(self, parts: ReplayParts, account: str, holder: str) -> None:
        self._parts, self._account, self._holder = parts, account, holder
        self.report = AccountReplay(account)
        self._run_id: str | None = None
        self._number = 0
        self._last: ManifestRef | None = None
        self._lease_until = parts.clock.now()

    def run(self) -> None:
        parts = self._parts
        adopt_manifests(parts.learning.store, parts.ledger, self._account, parts.clock.now())
        learn_missing(parts.learning, self._account)
        self._last = parts.ledger.last_manifest(self._account)
        for batch in batched_by_size(self._changes(self._approved_at()), lambda _change: 0, MOST_CHANGES, 1):
            self._take_in(batch)

    def _approved_at(self) -> datetime | None:
        """When a second person approved what the rules here were made of; None: nobody did."""
        found = standing(self._parts.register.decisions(), self._parts.approved_rules)
        return found.approved_at if found.newest is not None and found.newest < self._parts.next_decision else None

    def close(self) -> None:
        """End the run, if one was begun."""
        if self._run_id is not None:
            is_clean, code = self.report.is_clean, self.report.error.code if self.report.error else None
            with suppress(CapstoneError):  # where it cannot be noted, the next run closes this one
                self._parts.ledger.finish_run(self._run_id, self._parts.clock.now(), "complete" if is_clean else "failed", code)

    def _changes(self, approved_at: datetime | None) -> Iterator[_Change]:
        """Those that are to be changed; the others are counted on the way.

        An approval is not of what was found after it: another copy may give a message another date, or another role.
        """
        report, parts = self.report, self._parts
        for record in parts.learning.replays.held(self._account):
            report.checked += 1
            if report.checked % _LEASE_EVERY == 0:
                self._keep_lease()
                parts.progress(_LEASE_EVERY, 0)
            if record.learned is None:
                self._fail("unreadable")
                continue
            new = classify(evidence_of(self._account, record.learned, record.occurrences), parts.rules)
            if is_changed(record.classification, new):
                keeping = keeping_change(record.classification, new)
                if keeping is Keeping.SHORTER and (approved_at is None or record.seen_at > approved_at):
                    report.waiting_for_approval += 1
                else:
                    yield _Change(record, new, keeping)

    def _take_in(self, batch: list[_Change]) -> None:
        """Store, manifest, ledger. A record whose lock or tags could not be changed keeps its class."""
        parts, now = self._parts, self._parts.clock.now()
        self._require_chain()
        guards = {change.record.digest: self._guard_of(change, now) for change in batch}
        wanted = [guard for guard in guards.values() if guard is not None]
        refused = dict(zip((guard.key for guard in wanted), parts.learning.store.reguard_all(wanted), strict=True))
        done = []
        for change in batch:
            guard = guards[change.record.digest]
            error = refused[guard.key] if guard is not None else None
            if error is None:
                done.append(change)
            else:
                log.warning("record_not_replayed", record_id=change.record.record_id, code=error.code)
                self._fail(error.code)
        if done:
            self._require_chain()
            self._commit(done, now)

    def _guard_of(self, change: _Change, now: datetime) -> GuardChange | None:
        """What must be told the store; None where lock and tags stay what they are."""
        old, new = self._lock_of(change.record.classification, change, now), self._lock_of(change.new, change, now)
        is_shorter = change.keeping is Keeping.SHORTER
        lock = new if is_shorter else new.at_least(old)
        tags = tags_for(change.new, self._account)
        has_new_tags = tags != tags_for(change.record.classification, self._account)
        steps = set(lock_change(old, lock).steps) - {LockStep.TAGS}
        if not steps and not has_new_tags:
            return None
        key = record_key(self._account, change.record.digest)
        return GuardChange(key, change.record.version_id, old, lock, tags if has_new_tags else None, is_shorter)

    def _lock_of(self, classification: Classification, change: _Change, now: datetime) -> Lock:
        guarding = self._parts.guarding
        return lock_now(classification, change.record.captured_at, now, guarding.zone, guarding.minimum_days)

    def _commit(self, done: Sequence[_Change], now: datetime) -> None:
        parts, run_id = self._parts, self._begun(now)
        head = ManifestHead(self._account, run_id, self._number, REPLAY, now, self._last.digest if self._last else None)
        lines = [ReplayLine(change.record.digest, change.new) for change in done]
        raw = write_manifest(head, lines)
        manifest = ManifestRef(self._account, manifest_key(self._account, run_id, self._number), digest_of(raw))
        tags = {"account": self._account}
        parts.learning.store.put_all([PutRequest(manifest.key, raw, manifest.digest, Lock(hold=True), tags)])
        parts.ledger.commit(batch_of(run_id, now, manifest, lines))
        self._last = manifest
        self._number += 1
        for change in done:
            self.report.changed += 1
            self.report.longer += change.keeping is Keeping.LONGER
            self.report.shorter += change.keeping is Keeping.SHORTER

    def _begun(self, now: datetime) -> str:
        """The run's id; a replay that changes nothing is no run."""
        if self._run_id is None:
            after = run_in_manifest_key(self._last.key) if self._last else None
            self._run_id = run_id_at(now, self._parts.new_id()[:4], after)
            self._parts.ledger.start_run(Run(self._run_id, self._account, REPLAY, now))
        return self._run_id

    def _keep_lease(self) -> None:
        now = self._parts.clock.now()
        if now > self._lease_until - timedelta(seconds=self._parts.lease_s / 2):
            self._parts.ledger.take_lease(self._account, self._holder, now, self._parts.lease_s)
            self._lease_until = now + timedelta(seconds=self._parts.lease_s)

    def _require_chain(self) -> None:
        """A writer that lost its lease while it was stopped must neither fork the chain of manifests nor act on old news."""
        self._parts.ledger.take_lease(self._account, self._holder, self._parts.clock.now(), self._parts.lease_s)
        if self._parts.ledger.last_manifest(self._account) != self._last:
            raise AccountBusy(f"Another run wrote account {self._account} while this one was stopped.")

    def _fail(self, code: str) -> None:
        self.report.failed += 1
        self.report.failures[code] += 1
