"""Capture one source into one account: read, digest, facts, classify, store, manifest, ledger, cursor.

A crash anywhere leaves work to repeat, never work lost: the store write is the commit point, every step can run twice, and
a manifest that never reached the ledger is adopted by the next run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta

import structlog

from capstone.domain.classification import Rules
from capstone.domain.errors import CapstoneError, NoMailFound, ObjectMissing, UnknownAccount
from capstone.domain.facts import capture_facts
from capstone.domain.message import CaptureFacts, HeldItem, ItemState, OfferedItem, OfferedMessage, RefusedItem, SourceNote
from capstone.domain.records import RecordEntry
from capstone.domain.unread import unread_facts
from capstone.ports import (
    AuditLog,
    CaptureLedger,
    Clock,
    Holders,
    MailSource,
    Noted,
    ObjectRef,
    RecordLedger,
    RecordStore,
    Run,
    Workers,
)
from capstone.usecases.anchor import anchor
from capstone.usecases.batches import batched_by_size, begun_ahead
from capstone.usecases.decide import Decided, Guarding, Offered, decide_batch, is_noted
from capstone.usecases.stored import checked_all
from capstone.usecases.writing import Chain, become_writer

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
    notes: tuple[SourceNote, ...] = ()

    def as_counts(self) -> dict[str, object]:
        """Ids and counts only: what a task may hand on and `--json` prints."""
        by_state = {state.value: self.counts.get(state.value, 0) for state in ItemState}
        told: dict[str, object] = {"run": self.run, "account": self.account, "source": self.source, "outcome": self.outcome}
        told |= {"offered": sum(by_state.values()), **by_state, "bytes_archived": self.bytes_archived}
        told["error"] = self.error.as_dict() if self.error else None
        told["notes"] = [note.as_dict() for note in self.notes]
        return told

    @property
    def is_clean(self) -> bool:
        """Whether nothing failed, nothing was quarantined, and the source could reach all that it should."""
        refused = self.counts.get("failed") or self.counts.get("quarantined")
        return self.error is None and not refused and not any(note.is_gap for note in self.notes)


@dataclass(frozen=True, slots=True)
class CaptureParts:
    """What capture works with. `progress` is told how many items and bytes a batch had."""

    store: RecordStore
    ledger: CaptureLedger
    records: RecordLedger
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
    turn_wait_s: float = 60
    """How long a batch waits where another writer, such as the receiver of journals, has its turn."""


def capture_source(parts: CaptureParts, account: str, source: MailSource, *, is_whole: bool = True) -> RunReport:
    """One run. Raises UnknownAccount (nothing stored) and AccountBusy; any other named error is in the report.

    `is_whole`: whether `source` is all that there is under its name, and not one file or item of it.
    """
    if not parts.rules.roster.is_registered(account):
        raise UnknownAccount(f"The account {account!r} is not in the register of officials; nothing was stored.")
    holder = become_writer(parts.ledger, parts.holders, parts.clock, account, parts.lease_s)
    try:
        report = _Capture(parts, account, source, holder).run(is_whole=is_whole)
    finally:
        with suppress(CapstoneError):  # it ends by itself, and what the run met shall be told instead
            parts.ledger.give_back_lease(account, holder)
    counts = {**report.counts, "run": report.run, "account": account, "source": source.name, "outcome": report.outcome}
    if report.notes:
        counts["notes"] = [{"code": note.code, "where": note.where, **note.counts} for note in report.notes]
    anchor(parts.store, parts.audit.append(parts.clock.now(), ACTOR, "capture", counts))
    return report


class _Capture:
    """One run in progress: the chain of its manifests and its sums."""

    def __init__(self, parts: CaptureParts, account: str, source: MailSource, holder: str) -> None:
        self._parts, self._account, self._source, self._holder = parts, account, source, holder
        self._chain = chain_of(parts, account, source.name, holder)
        with self._chain.turn():  # what an earlier run left behind is adopted
            self._run_id = self._chain.begin()
        self._lease_until = parts.clock.now() + timedelta(seconds=parts.lease_s)
        self._sums: Counter[str] = Counter()
        self._bytes_archived = 0
        self._lost: list[CapstoneError] = []

    def run(self, *, is_whole: bool) -> RunReport:
        ledger, clock = self._parts.ledger, self._parts.clock
        ledger.start_run(Run(self._run_id, self._account, self._source.name, clock.now()))
        log.info("capture_started", run=self._run_id, account=self._account, source=self._source.name)
        try:
            self._read_all()
        except CapstoneError as exc:
            log.warning("capture_failed", run=self._run_id, account=self._account, code=exc.code)
            noted = Noted(tuple(self._source.notes()))  # what it did not come to may be as it was
            with suppress(CapstoneError):  # where it cannot be noted, the next run closes this one
                return self._report(ledger.finish_run(self._run_id, clock.now(), "failed", exc.code, noted), exc)
            raise
        outcome, noted = "failed" if self._sums["failed"] else "complete", Noted(tuple(self._source.notes()), is_whole)
        run = ledger.finish_run(self._run_id, clock.now(), outcome, None, noted)
        log.info("capture_ended", run=self._run_id, account=self._account, **dict(self._sums))
        return self._report(run, None)

    def _report(self, run: Run, error: CapstoneError | None) -> RunReport:
        return RunReport(run.run_id, run.account, run.source, run.outcome, run.counts, self._bytes_archived, error, run.notes)

    def _read_all(self) -> None:
        cursors = self._parts.ledger.cursors(self._account, self._source.name)
        batches = batched_by_size(self._source.items(cursors), _size_of, MOST_ITEMS, MOST_BYTES)
        for offered, facts in begun_ahead(map(Offered.of, batches), self._begin_facts):
            self._commit(offered, facts)
        if not cursors and self._sums["offered"] and self._sums["offered"] == self._sums["excluded"]:
            raise NoMailFound("The source holds no mail: everything it offered was excluded.")
        if self._lost:
            raise self._lost[0]  # only now: what is gone from the store must not keep other mail out

    def _begin_facts(self, offered: Offered) -> BegunFacts:
        return begin_facts(self._parts, self._account, offered)

    def _commit(self, offered: Offered, begun: BegunFacts) -> None:
        parts = self._parts
        parts.keep()
        self._keep_lease()
        count, size = len(offered.items), sum(map(_size_of, offered.items))
        with self._chain.turn():
            decided = take_in(parts, self._chain, offered, begun)
        self._sum_up(decided)
        self._lost += decided.lost
        parts.progress(count, size)

    def _keep_lease(self) -> None:
        """A writer that lost its lease while it was stopped must not go on: another run works on the account now."""
        now = self._parts.clock.now()
        if now > self._lease_until - timedelta(seconds=self._parts.lease_s / 2):
            self._parts.ledger.take_lease(self._account, self._holder, now, self._parts.lease_s)
            self._lease_until = now + timedelta(seconds=self._parts.lease_s)

    def _sum_up(self, decided: Decided) -> None:
        for line in decided.lines:
            self._sums[line.state.value] += 1
            self._sums["offered"] += 1
            self._bytes_archived += line.size_bytes if line.is_new else 0
            if line.state in (ItemState.QUARANTINED, ItemState.FAILED):
                log.warning("item_refused", run=self._run_id, account=self._account, state=line.state.value, code=line.code)


# --- one batch, for a run or for the receiver of journals ----------------------------------------------


BegunFacts = tuple[list[str], Iterator[CaptureFacts]]
"""Digests of messages whose facts are being read, and the facts in the same order."""


def chain_of(parts: CaptureParts, account: str, source: str, holder: str) -> Chain:
    """The chain of the account's manifests, for one run of the source."""
    return Chain(
        parts.store, parts.ledger, parts.clock, parts.holders, account, source, holder, parts.new_id()[:4], parts.turn_wait_s
    )


def begin_facts(parts: CaptureParts, account: str, offered: Offered) -> BegunFacts:
    """Start to read the facts of those messages whose class may change: new bytes, or known bytes in a new place."""
    known = parts.ledger.known(account, offered.named_digests())
    wanted: dict[str, bytes] = {}
    for item, digest in offered.messages():
        record = known.get(digest)
        if record is None or not is_noted(item.occurrence, record.occurrences):
            wanted.setdefault(digest, item.raw)
    return list(wanted), parts.workers.map(capture_facts, list(wanted.values()), unread_facts)


def take_in(parts: CaptureParts, chain: Chain, offered: Offered, begun: BegunFacts) -> Decided:
    """Decide on a batch and make it durable: store, manifest, ledger. To be called within the chain's turn."""
    now, account = parts.clock.now(), chain.account
    held = parts.ledger.held_items(account, offered.identities())
    known = parts.ledger.known(account, {*offered.named_digests(), *(digest for several in held.values() for digest in several)})
    facts = dict(zip(*begun, strict=True))
    facts |= _facts_of_held(parts, offered, held, known, facts)
    decided = decide_batch(account, offered, facts, known, held, parts.rules, replace(parts.guarding, now=now))
    versions = {put.key: put.version_id for put in parts.store.put_all(decided.puts)}
    decided = decided.without_classes(_strengthen(parts, account, decided))
    # Stored: their memory is free again before the ledger makes them due, and the index reads them beside this.
    offered.items.clear()
    decided.puts.clear()
    chain.require()
    decided = decided.with_versions(versions)
    head, manifest = chain.add([*decided.lines], now)
    parts.ledger.commit(decided.as_batch(head.run_id, head.at, manifest))
    chain.added(manifest)
    return decided


def _facts_of_held(
    parts: CaptureParts,
    offered: Offered,
    held: Mapping[str, tuple[str, ...]],
    known: Mapping[str, RecordEntry],
    read: Mapping[str, CaptureFacts],
) -> dict[str, CaptureFacts]:
    """Of records that an item names without bringing their bytes, in a place where they were not seen before."""
    wanted: dict[str, RecordEntry] = {}
    for item, digest in zip(offered.items, offered.digests, strict=True):
        if isinstance(item, RefusedItem):
            continue
        named = (digest,) if isinstance(item, HeldItem) else [one for name in item.identities for one in held.get(name, ())]
        entries = (known[one] for one in named if one in known and one not in read)
        wanted |= {entry.digest: entry for entry in entries if not is_noted(item.occurrence, entry.occurrences)}
    facts: dict[str, CaptureFacts] = {}
    for some in batched_by_size(wanted.values(), lambda entry: entry.size_bytes, MOST_ITEMS, MOST_BYTES):
        stored = zip((entry.digest for entry in some), checked_all(parts.store, some), strict=True)
        raws = {digest: raw for digest, raw in stored if not isinstance(raw, CapstoneError)}
        facts |= dict(zip(raws, parts.workers.map(capture_facts, [*raws.values()], unread_facts), strict=True))
    return facts


def _strengthen(parts: CaptureParts, account: str, decided: Decided) -> dict[str, ObjectMissing]:
    """Locks of known records whose class changed, and of what is kept beside them: never weaker than before; the flag goes on
    before the tags change. Those of which anything is gone are left as they are: by digest, what is gone."""
    if not decided.changes:
        return {}
    beside = parts.records.beside([f"{account}/{change.digest}" for change in decided.changes])
    lost: dict[str, ObjectMissing] = {}
    for change in decided.changes:
        kept = beside.get(f"{account}/{change.digest}", ())
        refs = [ObjectRef(change.key, change.version_id), *(ObjectRef(one.key(account), one.version_id) for one in kept)]
        states = dict(zip(refs, parts.store.states(refs), strict=True))
        gone = [ref.key for ref, state in states.items() if state is None]
        if gone:
            log.error("object_missing", record_id=f"{account}/{change.digest}", key=gone[0])
            lost[change.digest] = ObjectMissing(f"The store has no object {gone[0]}; its lock cannot follow its new class.")
            continue
        for state in filter(None, states.values()):
            parts.store.relock(state.key, state.version_id, change.lock.at_least(state.lock))
            parts.store.relabel(state.key, state.version_id, change.tags)
    return lost


def _size_of(item: OfferedItem) -> int:
    if isinstance(item, HeldItem):
        return 0
    beside = sum(len(one.raw) for one in item.companions) if isinstance(item, OfferedMessage) else 0
    return beside + (len(item.raw) if item.raw is not None else 0)
