"""Bring classes, tags, locks and, by the outbox, the index in line with the register, account by account.

Store, manifest, ledger: a crash leaves work to repeat, as what is done is equal when it is looked at again. A lock becomes
shorter only when a second person has approved the register, and nothing of the record was found since; until then the record
keeps lock and class.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog

from capstone.domain.classification import Rules, classify, evidence_of
from capstone.domain.effects import Keeping, is_changed, keeping_change, lock_now, longest_kept, standing
from capstone.domain.errors import CapstoneError
from capstone.domain.layout import record_key
from capstone.domain.manifest import ReplayLine
from capstone.domain.records import Classification, KeptBeside, Learned, Lock, RecordEntry
from capstone.domain.retention import LockStep, lock_change, tags_for
from capstone.ports import (
    REPLAY,
    AuditLog,
    CaptureLedger,
    Clock,
    GuardChange,
    HeldRecord,
    Holders,
    RegisterLedger,
    Run,
)
from capstone.usecases.anchor import anchor
from capstone.usecases.batches import batched_by_size
from capstone.usecases.decide import Guarding, batch_of
from capstone.usecases.learning import LearningParts, learn_missing
from capstone.usecases.writing import Chain, become_writer

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
    turn_wait_s: float = 60
    """See CaptureParts."""


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
        told["failures"] = dict(sorted(self.failures.items()))
        told["error"] = self.error.as_dict() if self.error else None
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


@dataclass(frozen=True, slots=True)
class _Shared:
    """What is kept beside several records, with all of these as the ledger has them."""

    key: str
    version_id: str
    entries: Sequence[RecordEntry]


class _Replay:
    """One account in progress: the chain of its manifests and its sums."""

    def __init__(self, parts: ReplayParts, account: str, holder: str) -> None:
        self._parts, self._account, self._holder = parts, account, holder
        self.report = AccountReplay(account)
        self._chain = Chain(
            parts.learning.store, parts.ledger, parts.clock, parts.holders, account, REPLAY, holder, parts.new_id()[:4],
            parts.turn_wait_s,
        )  # fmt: skip
        self._is_begun = False
        self._lease_until = parts.clock.now()

    def run(self) -> None:
        with self._chain.turn():
            pass  # Manifests left behind are adopted, and whoever wrote by the rules of before has ended its batch.
        learn_missing(self._parts.learning, self._account)
        approved_at = self._approved_at()
        for batch in batched_by_size(self._changes(approved_at), lambda _change: 0, MOST_CHANGES, 1):
            self._take_in(batch, approved_at)

    def _approved_at(self) -> datetime | None:
        """When a second person approved what the rules here were made of; None: nobody did."""
        found = standing(self._parts.register.decisions(), self._parts.approved_rules)
        return found.approved_at if found.newest is not None and found.newest < self._parts.next_decision else None

    def close(self) -> None:
        """End the run, if one was begun."""
        if self._is_begun:
            is_clean, code = self.report.is_clean, self.report.error.code if self.report.error else None
            with suppress(CapstoneError):  # where it cannot be noted, the next run closes this one
                self._parts.ledger.finish_run(
                    self._chain.run_id, self._parts.clock.now(), "complete" if is_clean else "failed", code
                )

    def _changes(self, approved_at: datetime | None) -> Iterator[_Change]:
        """Those that are to be changed; the others are counted on the way."""
        report, parts = self.report, self._parts
        for record in parts.learning.replays.held(self._account):
            report.checked += 1
            if report.checked % _LEASE_EVERY == 0:
                self._keep_lease()
                parts.progress(_LEASE_EVERY, 0)
            if record.learned is None:
                self._fail("unreadable")
            elif (change := self._change_of(record, approved_at)) is not None:
                yield change

    def _change_of(self, record: HeldRecord, approved_at: datetime | None) -> _Change | None:
        """An approval is not of what was found after it: another copy may give a message another date, or another role."""
        learned = record.learned or Learned()
        new = classify(evidence_of(self._account, learned, record.occurrences), self._parts.rules)
        if not is_changed(record.classification, new):
            return None
        keeping = keeping_change(record.classification, new)
        if keeping is Keeping.SHORTER and (approved_at is None or record.seen_at > approved_at):
            self.report.waiting_for_approval += 1
            return None
        return _Change(record, new, keeping)

    def _take_in(self, read: list[_Change], approved_at: datetime | None) -> None:
        """Store, manifest, ledger, in the account's turn. A record whose lock or tags could not be changed keeps its class."""
        self._keep_lease()
        with self._chain.turn():
            batch = self._as_of_now(read, approved_at)
            self._chain.require()  # before a lock becomes shorter than a class that was changed while this was stopped
            done = self._guarded(batch)
            if done:
                self._commit(done)

    def _as_of_now(self, read: list[_Change], approved_at: datetime | None) -> list[_Change]:
        """The same, where the receiver of journals found records again since they were read."""
        present = self._parts.ledger.known(self._account, [change.record.digest for change in read])
        batch = []
        for change in read:
            entry = present.get(change.record.digest)
            if entry is None or _is_as_read(change.record, entry):
                batch.append(change)
                continue
            seen_at = self._parts.clock.now()
            record = replace(change.record, classification=entry.classification, occurrences=entry.occurrences, seen_at=seen_at)
            if (again := self._change_of(record, approved_at)) is not None:
                batch.append(again)
        return batch

    def _guarded(self, batch: list[_Change]) -> list[_Change]:
        """Tell the store; those of which all that is stored has its new lock and tags."""
        now = self._parts.clock.now()
        beside = self._parts.learning.records.beside([change.record.record_id for change in batch])
        shared = self._shared(beside)
        refused = self._told([guard for change in batch for guard in self._guards_of(change, beside, shared, now)])
        done = {change.record.digest: change for change in batch if change.record.digest not in refused}
        # Afterwards: by then it is known which of those that share it have their new class.
        refused |= self._told([guard for several in shared.values() for guard in self._guards_of_shared(several, done, now)])
        for digest, error in refused.items():
            log.warning("record_not_replayed", record_id=f"{self._account}/{digest}", code=error.code)
            self._fail(error.code)
        return [change for change in batch if change.record.digest not in refused]

    def _told(self, guards: Sequence[tuple[Sequence[str], GuardChange]]) -> dict[str, CapstoneError]:
        """Why it was refused, by the digest of each record that it concerns."""
        answers = self._parts.learning.store.reguard_all([guard for _, guard in guards]) if guards else []
        pairs = zip(guards, answers, strict=True)
        return {digest: error for (digests, _), error in pairs if error is not None for digest in digests}

    def _shared(self, beside: Mapping[str, tuple[KeptBeside, ...]]) -> dict[str, _Shared]:
        """What is kept beside several records, by key: it is kept as long as any of them."""
        kept = {one.key(self._account): one for several in beside.values() for one in several}
        records = self._parts.learning.records.records_beside(self._account, sorted({one.digest for one in kept.values()}))
        shared = {key: records[one.digest] for key, one in kept.items() if len(records.get(one.digest, ())) > 1}
        entries = self._parts.ledger.known(self._account, {digest for several in shared.values() for digest in several})
        return {
            key: _Shared(key, kept[key].version_id, [entries[digest] for digest in digests]) for key, digests in shared.items()
        }

    def _guards_of(
        self, change: _Change, beside: Mapping[str, tuple[KeptBeside, ...]], shared: Mapping[str, _Shared], now: datetime
    ) -> Iterator[tuple[Sequence[str], GuardChange]]:
        """What must be told the store of the record, and of what is kept beside it alone; nothing where lock and tags stay."""
        record = change.record
        old, new = self._locks_of(change, now)
        tags = [tags_for(one, self._account) for one in (record.classification, change.new)]
        stored = [(record_key(self._account, record.digest), record.version_id)]
        stored += [(one.key(self._account), one.version_id) for one in beside.get(record.record_id, ())]
        for key, version_id in stored:
            if key not in shared:
                guard = _guard(key, version_id, (old, new), tags, allow_shorter=change.keeping is Keeping.SHORTER)
                yield from [([record.digest], guard)] if guard else []

    def _guards_of_shared(
        self, shared: _Shared, done: Mapping[str, _Change], now: datetime
    ) -> Iterator[tuple[Sequence[str], GuardChange]]:
        """The strongest of their locks, and the tags of the record that is kept longest."""
        old, new = Lock(), Lock()
        for entry in shared.entries:
            change = done.get(entry.digest)
            present = self._lock_of(entry.classification, entry.captured_at, now)
            before, after = self._locks_of(change, now) if change else (present, present)
            old, new = old.at_least(before), new.at_least(after)
        changes = [done[entry.digest] for entry in shared.entries if entry.digest in done]
        classes = [entry.classification for entry in shared.entries]
        after_all = [done[entry.digest].new if entry.digest in done else entry.classification for entry in shared.entries]
        tags = [tags_for(longest_kept(one), self._account) for one in (classes, after_all)]
        is_shorter = any(change.keeping is Keeping.SHORTER for change in changes)
        guard = _guard(shared.key, shared.version_id, (old, new), tags, allow_shorter=is_shorter)
        yield from [([change.record.digest for change in changes], guard)] if guard else []

    def _locks_of(self, change: _Change, now: datetime) -> tuple[Lock, Lock]:
        """Before and after; the lock is never weakened where the class does not say so."""
        record = change.record
        old = self._lock_of(record.classification, record.captured_at, now)
        new = self._lock_of(change.new, record.captured_at, now)
        return old, new if change.keeping is Keeping.SHORTER else new.at_least(old)

    def _lock_of(self, classification: Classification, captured_at: datetime, now: datetime) -> Lock:
        guarding = self._parts.guarding
        return lock_now(classification, captured_at, now, guarding.zone, guarding.minimum_days)

    def _commit(self, done: Sequence[_Change]) -> None:
        self._chain.require()
        self._begin()
        lines = [ReplayLine(change.record.digest, change.new) for change in done]
        head, manifest = self._chain.add([*lines], self._parts.clock.now())
        self._parts.ledger.commit(batch_of(head.run_id, head.at, manifest, lines))
        self._chain.added(manifest)
        for change in done:
            self.report.changed += 1
            self.report.longer += change.keeping is Keeping.LONGER
            self.report.shorter += change.keeping is Keeping.SHORTER

    def _begin(self) -> None:
        """A replay that changes nothing is no run."""
        if not self._is_begun:
            self._is_begun = True
            self._parts.ledger.start_run(Run(self._chain.begin(), self._account, REPLAY, self._parts.clock.now()))

    def _keep_lease(self) -> None:
        now = self._parts.clock.now()
        if now > self._lease_until - timedelta(seconds=self._parts.lease_s / 2):
            self._parts.ledger.take_lease(self._account, self._holder, now, self._parts.lease_s)
            self._lease_until = now + timedelta(seconds=self._parts.lease_s)

    def _fail(self, code: str) -> None:
        self.report.failed += 1
        self.report.failures[code] += 1


def _guard(
    key: str, version_id: str, locks: tuple[Lock, Lock], tags: Sequence[dict[str, str]], *, allow_shorter: bool
) -> GuardChange | None:
    """From the old ones to the new ones; None where lock and tags stay."""
    (old, new), (old_tags, new_tags) = locks, tags
    has_new_tags = new_tags != old_tags
    if not has_new_tags and not set(lock_change(old, new).steps) - {LockStep.TAGS}:
        return None
    return GuardChange(key, version_id, old, new, new_tags if has_new_tags else None, allow_shorter)


def _is_as_read(record: HeldRecord, entry: RecordEntry) -> bool:
    return entry.classification == record.classification and set(entry.occurrences) == set(record.occurrences)
