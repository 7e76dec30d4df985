"""Capture one source into one account: read, digest, facts, classify, store, manifest, ledger, cursor.

A crash anywhere leaves work to repeat, never work lost: the store write is the commit point, every step can run twice, and
a manifest that never reached the ledger is adopted by the next run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from capstone.domain.classification import Rules
from capstone.domain.errors import AccountBusy, CapstoneError, NoMailFound, ObjectMissing, UnknownAccount
from capstone.domain.facts import capture_facts
from capstone.domain.fixity import digest_of
from capstone.domain.layout import manifest_key, run_id_at, run_in_manifest_key
from capstone.domain.manifest import ManifestHead, write_manifest
from capstone.domain.message import CaptureFacts, ItemState, OfferedItem, OfferedMessage
from capstone.domain.records import Lock
from capstone.domain.unread import unread_facts
from capstone.ports import (
    AuditLog,
    CaptureLedger,
    Clock,
    Holders,
    MailSource,
    ManifestRef,
    ObjectRef,
    PutRequest,
    RecordStore,
    Run,
    Workers,
)
from capstone.usecases.adopt import adopt_manifests
from capstone.usecases.anchor import anchor
from capstone.usecases.batches import batched_by_size, begun_ahead
from capstone.usecases.decide import Decided, Guarding, decide_batch
from capstone.usecases.writing import become_writer

log = structlog.get_logger()

ACTOR = "capture"
"""Who the audit chain names for a run: the program, whoever or whatever started it."""

MOST_ITEMS, MOST_BYTES = 500, 32 * 1024 * 1024
"""A batch: large enough to spread the cost of a flush and a transaction, small enough to bound memory."""


@dataclass(frozen=True, slots=True)
class RunReport:
    """What one run offered and what became of it; `offered` is always the sum of the other five."""

    run: str
    account: str
    source: str
    outcome: str
    counts: Mapping[str, int]
    bytes_archived: int = 0
    error: CapstoneError | None = None

    def as_counts(self) -> dict[str, object]:
        """Ids and counts only: what a task may hand on and `--json` prints."""
        by_state = {state.value: self.counts.get(state.value, 0) for state in ItemState}
        told: dict[str, object] = {"run": self.run, "account": self.account, "source": self.source, "outcome": self.outcome}
        told |= {"offered": sum(by_state.values()), **by_state, "bytes_archived": self.bytes_archived}
        told["error"] = (
            {"code": self.error.code, "message": self.error.message, "next": self.error.next_step} if self.error else None
        )
        return told

    @property
    def is_clean(self) -> bool:
        """Whether nothing failed and nothing was quarantined."""
        return self.error is None and not self.counts.get("failed") and not self.counts.get("quarantined")


@dataclass(frozen=True, slots=True)
class CaptureParts:
    """What capture works with. `progress` is told how many items and bytes a batch had."""

    store: RecordStore
    ledger: CaptureLedger
    audit: AuditLog
    clock: Clock
    workers: Workers
    rules: Rules
    guarding: Guarding
    holders: Holders
    new_id: Callable[[], str]
    """Random hex digits, at least four."""
    lease_s: int = 300
    progress: Callable[[int, int], None] = lambda _items, _bytes: None
    keep: Callable[[], None] = lambda: None
    """Called before each batch is taken in, to keep what else the run depends on, such as a slot of the mail server."""


def capture_source(parts: CaptureParts, account: str, source: MailSource) -> RunReport:
    """One run. Raises UnknownAccount (nothing stored) and AccountBusy; any other named error is in the report."""
    if not parts.rules.roster.is_registered(account):
        raise UnknownAccount(f"The account {account!r} is not in the register of officials; nothing was stored.")
    holder = become_writer(parts.ledger, parts.holders, parts.clock, account, parts.lease_s)
    try:
        adopt_manifests(parts.store, parts.ledger, account, parts.clock.now())
        report = _Capture(parts, account, source, holder).run()
    finally:
        with suppress(CapstoneError):  # it ends by itself, and what the run met shall be told instead
            parts.ledger.give_back_lease(account, holder)
    counts = {**report.counts, "run": report.run, "account": account, "source": source.name, "outcome": report.outcome}
    anchor(parts.store, parts.audit.append(parts.clock.now(), ACTOR, "capture", counts))
    return report


class _Capture:
    """One run in progress: the chain of its manifests and its sums."""

    def __init__(self, parts: CaptureParts, account: str, source: MailSource, holder: str) -> None:
        self._parts, self._account, self._source, self._holder = parts, account, source, holder
        self._last = parts.ledger.last_manifest(account)
        after = run_in_manifest_key(self._last.key) if self._last else None
        self._run_id = run_id_at(parts.clock.now(), parts.new_id()[:4], after)
        self._number = 0
        self._sums: Counter[str] = Counter()
        self._bytes_archived = 0

    def run(self) -> RunReport:
        ledger, clock = self._parts.ledger, self._parts.clock
        ledger.start_run(Run(self._run_id, self._account, self._source.name, clock.now()))
        log.info("capture_started", run=self._run_id, account=self._account, source=self._source.name)
        try:
            self._read_all()
        except CapstoneError as exc:
            log.warning("capture_failed", run=self._run_id, account=self._account, code=exc.code)
            with suppress(CapstoneError):  # where it cannot be noted, the next run closes this one
                return self._report(ledger.finish_run(self._run_id, clock.now(), "failed", exc.code), exc)
            raise
        run = ledger.finish_run(self._run_id, clock.now(), "failed" if self._sums["failed"] else "complete", None)
        log.info("capture_ended", run=self._run_id, account=self._account, **dict(self._sums))
        return self._report(run, None)

    def _report(self, run: Run, error: CapstoneError | None) -> RunReport:
        return RunReport(run.run_id, run.account, run.source, run.outcome, run.counts, self._bytes_archived, error)

    def _read_all(self) -> None:
        cursors = self._parts.ledger.cursors(self._account, self._source.name)
        batches = batched_by_size(self._source.items(cursors), _size_of, MOST_ITEMS, MOST_BYTES)
        for (items, digests), facts in begun_ahead(map(_with_digests, batches), self._begin_facts):
            self._commit(items, digests, facts)
        if not cursors and self._sums["offered"] and self._sums["offered"] == self._sums["excluded"]:
            raise NoMailFound("The source holds no mail: everything it offered was excluded.")

    def _begin_facts(self, batch: tuple[list[OfferedItem], list[str]]) -> tuple[list[int], Iterator[CaptureFacts]]:
        """Start to read the facts of those messages whose class may change: new bytes, or known bytes in a new place."""
        items, digests = batch
        known = self._parts.ledger.known(self._account, {digest for digest in digests if digest})
        wanted = []
        for number, (item, digest) in enumerate(zip(items, digests, strict=True)):
            if isinstance(item, OfferedMessage) and item.raw:
                record = known.get(digest)
                if record is None or item.occurrence not in record.occurrences:
                    wanted.append(number)
        raws = [item.raw for item in (items[number] for number in wanted) if isinstance(item, OfferedMessage)]
        return wanted, self._parts.workers.map(capture_facts, raws, unread_facts)

    def _commit(self, items: list[OfferedItem], digests: list[str], begun: tuple[list[int], Iterator[CaptureFacts]]) -> None:
        parts, now = self._parts, self._parts.clock.now()
        wanted, answers = begun
        facts = dict(zip((digests[number] for number in wanted), answers, strict=True))
        known = parts.ledger.known(self._account, {digest for digest in digests if digest})
        decided = decide_batch(self._account, items, digests, facts, known, parts.rules, replace(parts.guarding, now=now))
        versions = {put.key: put.version_id for put in parts.store.put_all(decided.puts)}
        _strengthen(parts.store, decided)
        count, size = len(items), sum(map(_size_of, items))
        # Stored: their memory is free again before the ledger makes them due, and the index reads them beside this.
        items.clear()
        decided.puts.clear()
        parts.keep()
        # A writer that lost its lease while it was stopped must not fork the chain of manifests.
        parts.ledger.take_lease(self._account, self._holder, parts.clock.now(), parts.lease_s)
        if parts.ledger.last_manifest(self._account) != self._last:
            raise AccountBusy(f"Another run wrote account {self._account} while this one was stopped.")
        self._take_in(decided.with_versions(versions), now)
        self._sum_up(decided)
        parts.progress(count, size)

    def _take_in(self, decided: Decided, now: datetime) -> None:
        parts = self._parts
        previous = self._last.digest if self._last else None
        head = ManifestHead(self._account, self._run_id, self._number, self._source.name, now, previous)
        raw = write_manifest(head, decided.lines)
        manifest = ManifestRef(self._account, manifest_key(self._account, self._run_id, self._number), digest_of(raw))
        parts.store.put_all([PutRequest(manifest.key, raw, manifest.digest, Lock(hold=True), {"account": self._account})])
        parts.ledger.commit(decided.as_batch(self._run_id, now, manifest))
        self._last = manifest
        self._number += 1

    def _sum_up(self, decided: Decided) -> None:
        for line in decided.lines:
            self._sums[line.state.value] += 1
            self._sums["offered"] += 1
            self._bytes_archived += line.size_bytes if line.is_new else 0
            if line.state in (ItemState.QUARANTINED, ItemState.FAILED):
                log.warning("item_refused", run=self._run_id, account=self._account, state=line.state.value, code=line.code)


def _strengthen(store: RecordStore, decided: Decided) -> None:
    """Locks of known records whose class changed: never weaker than before; the flag goes on before the tags change."""
    states = store.states([ObjectRef(change.key, change.version_id) for change in decided.changes])
    for change, state in zip(decided.changes, states, strict=True):
        if state is None:
            raise ObjectMissing(f"The store has no object {change.key}; its lock cannot follow its new class.")
        store.relock(change.key, change.version_id, change.lock.at_least(state.lock))
        store.relabel(change.key, change.version_id, change.tags)


def _with_digests(items: list[OfferedItem]) -> tuple[list[OfferedItem], list[str]]:
    return items, [digest_of(item.raw) if item.raw is not None else "" for item in items]


def _size_of(item: OfferedItem) -> int:
    return len(item.raw) if item.raw is not None else 0
