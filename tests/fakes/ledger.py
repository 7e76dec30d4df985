"""A ledger in memory: plain lists and dicts, the same ports, the same promises."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

from capstone.domain.errors import AccountBusy, LedgerDamaged, ServerBusy
from capstone.domain.events import GENESIS, AuditEntry, link
from capstone.domain.message import ItemState, Occurrence, Place
from capstone.domain.records import Classification, KeptBeside, Learned, RecordClass, RecordEntry
from capstone.domain.sketches import Sketch, decided_of
from capstone.ports import REPLAY, AccountTotals, CaptureBatch, HeldRecord, ItemOutcome, ManifestRef, Quarantined, Run
from tests.fakes.culling import FakeProposalLedger
from tests.fakes.register_ledger import FakeRegisterLedger

REFUSED = (ItemState.EXCLUDED, ItemState.FAILED, ItemState.QUARANTINED)


@dataclass
class _Due:
    enqueued: int = 1
    tries: int = 0
    holder: str | None = None
    claimed: int | None = None
    until: datetime | None = None


@dataclass
class _State:
    leases: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    runs: dict[str, Run] = field(default_factory=dict)
    items: list[tuple[str, ItemOutcome]] = field(default_factory=list)
    records: dict[str, RecordEntry] = field(default_factory=dict)
    occurrences: dict[str, list[Occurrence]] = field(default_factory=dict)
    seen_at: dict[str, datetime] = field(default_factory=dict)
    classes: dict[str, list[tuple[datetime, Classification]]] = field(default_factory=dict)
    manifests: list[tuple[ManifestRef, datetime]] = field(default_factory=list)
    manifest_runs: dict[str, str] = field(default_factory=dict)
    cursors: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    quarantine: dict[tuple[str, str, str, str], Quarantined] = field(default_factory=dict)
    due: dict[str, _Due] = field(default_factory=dict)
    learned: dict[str, Learned] = field(default_factory=dict)
    beside: dict[str, list[KeptBeside]] = field(default_factory=dict)

    def enqueue(self, record_id: str) -> None:
        if record_id in self.due:
            self.due[record_id].enqueued += 1
            self.due[record_id].tries = 0
        else:
            self.due[record_id] = _Due()

    def counts(self, run_id: str) -> dict[str, int]:
        found = Counter(outcome.state.value for one, outcome in self.items if one == run_id)
        return {state.value: found[state.value] for state in ItemState}


class FakeLedger:
    """The ports of one ledger: `capture`, `records`, `register`, `replaying`, `culling`, `outbox`, `audit`, `slots`."""

    def __init__(self) -> None:
        state = _State()
        self.capture = FakeCaptureLedger(state)
        self.records = FakeRecordLedger(state)
        self.register = FakeRegisterLedger()
        self.replaying = FakeReplayLedger(state)
        self.culling = FakeProposalLedger(state.records.values, self.register.taken)
        self.outbox = FakeOutbox(state)
        self.audit = FakeAuditLog()
        self.slots = FakeServerSlots()

    def check(self, *, every_page: bool = False) -> None:
        """Always fit."""

    def is_empty(self) -> bool:
        """Whether nothing was taken in."""
        state = self.capture._state
        held = (state.runs, state.items, state.records, state.manifests, state.cursors, state.quarantine, state.due)
        return not (any(held) or self.register.next_decision() > 1 or [*self.audit.entries()])

    def close(self) -> None:
        """Nothing to close."""


class FakeCaptureLedger:
    """A CaptureLedger in memory."""

    def __init__(self, state: _State) -> None:
        self._state = state

    def take_lease(self, account: str, holder: str, now: datetime, ttl_s: int) -> bool:
        was_given_back = account not in self._state.leases
        other, until = self._state.leases.get(account, (holder, now))
        if other != holder and until > now:
            raise AccountBusy(f"{other} writes account {account.partition('#')[0]} until {until.isoformat()}.", other)
        self._state.leases[account] = (holder, now + timedelta(seconds=ttl_s))
        return was_given_back

    def give_back_lease(self, account: str, holder: str) -> None:
        if self._state.leases.get(account, ("", None))[0] == holder:
            del self._state.leases[account]

    def start_run(self, run: Run) -> None:
        for other in list(self._state.runs.values()):
            is_left = (other.account, other.source, other.outcome) == (run.account, run.source, "running")
            if is_left and other.run_id != run.run_id:
                self.finish_run(other.run_id, run.started_at, "abandoned", None)
        self._state.runs.setdefault(run.run_id, run)

    def finish_run(self, run_id: str, ended_at: datetime, outcome: str, error: str | None) -> Run:
        run = self._state.runs[run_id]
        closed = replace(run, ended_at=ended_at, outcome=outcome, error=error, counts=self._state.counts(run_id))
        self._state.runs[run_id] = closed
        return closed

    def known(self, account: str, digests: Iterable[str]) -> dict[str, RecordEntry]:
        ids = {digest: f"{account}/{digest}" for digest in digests}
        return {digest: _whole(self._state, one) for digest, one in ids.items() if one in self._state.records}

    def held_items(self, account: str, identities: Sequence[str]) -> dict[str, tuple[str, ...]]:
        found: dict[str, dict[str, None]] = {}
        for record_id, seen in self._state.occurrences.items():
            of_account, _, digest = record_id.partition("/")
            for identity in {one.identity for one in seen if of_account == account}.intersection(identities):
                found.setdefault(str(identity), {})[digest] = None
        return {identity: tuple(digests) for identity, digests in found.items()}

    def cursors(self, account: str, source: str) -> dict[str, str]:
        return dict(self._state.cursors.get((account, source), {}))

    def last_manifest(self, account: str) -> ManifestRef | None:
        return next((one for one, _ in reversed(self._state.manifests) if one.account == account), None)

    def commit(self, batch: CaptureBatch) -> None:
        held = {one.key: one.digest for one, _ in self._state.manifests}.get(batch.manifest.key)
        if held not in (None, batch.manifest.digest):
            raise LedgerDamaged(f"The manifest {batch.manifest.key} is in the ledger with another digest.")
        _refuse_impossible(self._state, batch)
        if held is None:
            _take_in(self._state, batch)


class FakeRecordLedger:
    """A RecordLedger in memory."""

    def __init__(self, state: _State) -> None:
        self._state = state

    def record(self, record_id: str) -> RecordEntry | None:
        return _whole(self._state, record_id) if record_id in self._state.records else None

    def records(self, account: str | None = None, page_size: int = 1000) -> Iterator[RecordEntry]:
        for record_id in sorted(self._state.records):
            if account in (None, self._state.records[record_id].account):
                yield self._state.records[record_id]

    def entries(self, record_ids: Sequence[str]) -> list[RecordEntry]:
        return [self._state.records[one] for one in dict.fromkeys(record_ids) if one in self._state.records]

    def beside(self, record_ids: Sequence[str]) -> dict[str, tuple[KeptBeside, ...]]:
        return {one: tuple(self._state.beside[one]) for one in record_ids if one in self._state.beside}

    def records_beside(self, account: str, digests: Sequence[str]) -> dict[str, tuple[str, ...]]:
        found: dict[str, set[str]] = {}
        for of_account, _, record in (one.partition("/") for one in self._state.beside):
            for kept in self._state.beside[f"{of_account}/{record}"] if of_account == account else ():
                found.setdefault(kept.digest, set()).add(record)
        return {kept: tuple(sorted(records)) for kept, records in found.items() if kept in digests}

    def class_history(self, record_id: str) -> list[tuple[datetime, Classification]]:
        return list(self._state.classes.get(record_id, []))

    def totals(self) -> list[AccountTotals]:
        replays = {run.run_id for run in self._state.runs.values() if run.source == REPLAY}
        captures = [(one.account, at) for one, at in self._state.manifests if self._state.manifest_runs[one.key] not in replays]
        complete = [run for run in self._state.runs.values() if run.outcome == "complete" and run.run_id not in replays]
        ended = [run for run in complete if run.ended_at is not None]
        captures += [(run.account, run.ended_at) for run in ended if run.ended_at is not None]
        accounts = {one.account for one in self._state.records.values()} | {account for account, _ in captures}
        accounts |= {kept.account for kept in self._state.quarantine.values()}
        return [self._totals_of(account, [at for one, at in captures if one == account]) for account in sorted(accounts)]

    def _totals_of(self, account: str, captures: list[datetime]) -> AccountTotals:
        held = [entry for entry in self._state.records.values() if entry.account == account]
        classes = Counter(entry.classification.record_class for entry in held)
        return AccountTotals(
            account,
            messages=len(held),
            bytes=sum(entry.size_bytes for entry in held),
            permanent=classes[RecordClass.PERMANENT],
            temporary=classes[RecordClass.TEMPORARY],
            unscheduled=classes[RecordClass.UNSCHEDULED],
            quarantined=sum(kept.account == account for kept in self._state.quarantine.values()),
            last_capture=max(captures, default=None),
        )

    def twins(self) -> dict[str, int]:
        keys = Counter((one.account, one.content_key) for one in self._state.records.values() if one.content_key)
        shared: Counter[str] = Counter()
        for (account, _), number in keys.items():
            shared[account] += number if number > 1 else 0
        return {account: number for account, number in sorted(shared.items()) if number}

    def runs(self, account: str | None = None, limit: int = 100) -> list[Run]:
        found = [run for run in self._state.runs.values() if account in (None, run.account)]
        newest = sorted(found, key=lambda run: (run.started_at, run.run_id), reverse=True)[:limit]
        return [run if run.counts else replace(run, counts=self._state.counts(run.run_id)) for run in newest]

    def refused(self, run_ids: Sequence[str]) -> list[tuple[str, ItemOutcome]]:
        of_them = [(run_id, one) for run_id, one in self._state.items if run_id in run_ids and one.state in REFUSED]
        return sorted(((run_id, replace(one, occurrence=None)) for run_id, one in of_them), key=lambda pair: pair[0])

    def places(self, account: str, source: str) -> set[Place]:
        of_account = (
            one for record_id, seen in self._state.occurrences.items() if record_id.startswith(f"{account}/") for one in seen
        )
        return {one.place for one in of_account if one.place.source == source}

    def quarantine(self) -> list[Quarantined]:
        return sorted(self._state.quarantine.values(), key=lambda one: (one.source, one.account, one.item_id, one.digest))

    def breakdown(self) -> list[tuple[str, str, str | None, date | None, date | None, int]]:
        counted = Counter(
            (entry.account, str(entry.classification.record_class), entry.classification.item, cutoff, eligible)
            for entry in self._state.records.values()
            for cutoff, eligible in [(entry.classification.cutoff, entry.classification.eligible)]
        )
        rows = [(*key, number) for key, number in counted.items()]
        return sorted(rows, key=lambda row: [(part is not None, part) for part in row])


class FakeReplayLedger:
    """A ReplayLedger in memory."""

    def __init__(self, state: _State) -> None:
        self._state = state

    def held(self, account: str, after: str = "", page_size: int = 1000) -> Iterator[HeldRecord]:
        for entry in sorted(self._of(account), key=lambda one: one.digest):
            if entry.digest > after:
                whole = _whole(self._state, entry.record_id)
                yield HeldRecord(
                    account, entry.digest, entry.version_id, entry.captured_at, entry.classification,
                    self._state.learned.get(entry.record_id), whole.occurrences,
                    max(entry.captured_at, self._state.seen_at.get(entry.record_id, entry.captured_at)),
                )  # fmt: skip

    def sketches(self, page_size: int = 10_000) -> Iterator[Sketch]:
        for account in self.accounts_held():
            yield from map(sketch_of, self.held(account))

    def unlearned(self, account: str, limit: int, after: str = "") -> list[str]:
        missing = (one.digest for one in self._of(account) if one.record_id not in self._state.learned)
        return sorted(digest for digest in missing if digest > after)[:limit]

    def learn(self, account: str, learned: Mapping[str, Learned]) -> None:
        known = {digest: said for digest, said in learned.items() if f"{account}/{digest}" in self._state.records}
        self._state.learned.update({f"{account}/{digest}": said for digest, said in known.items()})

    def accounts_held(self) -> Iterable[str]:
        return sorted({entry.account for entry in self._state.records.values()})

    def _of(self, account: str) -> list[RecordEntry]:
        return [entry for entry in self._state.records.values() if entry.account == account]


def sketch_of(held: HeldRecord) -> Sketch:
    """The record as a preview reads it."""
    learned, seen = held.learned or Learned(), held.occurrences
    first = seen[0] if seen else Occurrence(Place("", "", ""))
    dates = [_told(one) for one in (learned.header_date, learned.trace_date, first.received_at, first.from_line_at)]
    return Sketch(
        held.account, decided_of(held.classification), _told(held.classification.message_date), held.learned is not None,
        (dates[0], dates[1], dates[2], dates[3]), " ".join(learned.from_marks), " ".join(learned.sender_marks), first.is_sent,
        first.place.folder, seen if len(seen) != 1 else (),
    )  # fmt: skip


def _told(instant: datetime | None) -> str | None:
    return None if instant is None else instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


class FakeOutbox:
    """An Outbox in memory."""

    def __init__(self, state: _State) -> None:
        self._state = state

    def claim(self, holder: str, now: datetime, limit: int, ttl_s: int) -> list[str]:
        free = [one for one, due in self._state.due.items() if due.until is None or due.until <= now]
        order = list(self._state.records)
        chosen = sorted(free, key=lambda one: (self._state.due[one].tries, order.index(one)))[:limit]
        for one in chosen:
            due = self._state.due[one]
            due.holder, due.claimed, due.until = holder, due.enqueued, now + timedelta(seconds=ttl_s)
        return chosen

    def keep(self, holder: str, now: datetime, ttl_s: int) -> None:
        for due in self._state.due.values():
            if due.holder == holder:
                due.until = now + timedelta(seconds=ttl_s)

    def done(self, holder: str, record_ids: Sequence[str]) -> None:
        for one, due in self._mine(holder, record_ids):
            if due.claimed == due.enqueued:
                del self._state.due[one]
            else:
                due.holder = due.claimed = due.until = None

    def release(self, holder: str, record_ids: Sequence[str]) -> None:
        for _, due in self._mine(holder, record_ids):
            due.tries += 1
            due.holder = due.claimed = due.until = None

    def holders(self) -> list[str]:
        return sorted({due.holder for due in self._state.due.values() if due.holder is not None})

    def free(self, holder: str) -> None:
        for due in self._state.due.values():
            if due.holder == holder:
                due.holder = due.claimed = due.until = None

    def pending(self) -> int:
        return len(self._state.due)

    def enqueue(self, record_ids: Sequence[str]) -> None:
        for record_id in record_ids:
            if record_id in self._state.records and record_id not in self._state.due:
                self._state.enqueue(record_id)

    def enqueue_all(self) -> int:
        for record_id in self._state.records:
            self._state.enqueue(record_id)
        return len(self._state.records)

    def _mine(self, holder: str, record_ids: Sequence[str]) -> list[tuple[str, _Due]]:
        held = [(one, self._state.due[one]) for one in record_ids if one in self._state.due]
        return [(one, due) for one, due in held if due.holder == holder]


class FakeAuditLog:
    """An AuditLog in memory."""

    def __init__(self) -> None:
        self._entries: list[AuditEntry] = []

    def append(self, at: datetime, actor: str, event: str, details: Mapping[str, object]) -> AuditEntry:
        previous = self._entries[-1].digest if self._entries else GENESIS
        plain = json.loads(json.dumps(dict(details)))
        entry = link(len(self._entries) + 1, at.astimezone(UTC), actor, event, plain, previous)
        self._entries.append(entry)
        return entry

    def entries(self, from_seq: int = 1) -> Iterator[AuditEntry]:
        yield from self._entries[max(from_seq - 1, 0) :]


class FakeServerSlots:
    """ServerSlots in memory."""

    def __init__(self) -> None:
        self._until: dict[str, dict[str, datetime]] = {}

    def take_slot(self, server: str, holder: str, most: int, now: datetime, ttl_s: int) -> None:
        taken = self._until.setdefault(server, {})
        live = {one for one, until in taken.items() if until > now}
        if len(live - {holder}) >= most and holder not in live:
            raise ServerBusy(f"{len(live)} captures read from this mail server now.")
        self._until[server] = {one: until for one, until in taken.items() if one in live}
        self._until[server][holder] = now + timedelta(seconds=ttl_s)

    def give_back_slot(self, server: str, holder: str) -> None:
        self._until.get(server, {}).pop(holder, None)

    def slot_holders(self, server: str) -> list[str]:
        return sorted(self._until.get(server, {}))


def _whole(state: _State, record_id: str) -> RecordEntry:
    return replace(state.records[record_id], occurrences=tuple(state.occurrences.get(record_id, ())))


def _refuse_impossible(state: _State, batch: CaptureBatch) -> None:
    """What the tables of a database refuse, before anything is changed."""
    account = batch.manifest.account
    if any(one.account != account for one in (*batch.records, *batch.reclassified)):
        raise ValueError("a batch is of one account")
    held = state.records.keys() | {entry.record_id for entry in batch.records}
    named = [outcome.digest for outcome in batch.outcomes if outcome.digest and outcome.occurrence]
    for digest in [*named, *(change.digest for change in batch.reclassified)]:
        if f"{account}/{digest}" not in held:
            raise LookupError(f"no record {account}/{digest}")
    if batch.cursors and batch.run_id not in state.runs:
        raise LookupError(f"no run {batch.run_id}")


def _take_in(state: _State, batch: CaptureBatch) -> None:
    account = batch.manifest.account
    state.manifests.append((batch.manifest, batch.at))
    state.manifest_runs[batch.manifest.key] = batch.run_id
    for entry in batch.records:
        if entry.record_id not in state.records:
            state.records[entry.record_id] = replace(entry, occurrences=())
            state.classes[entry.record_id] = [(batch.at, entry.classification)]
            if entry.digest in batch.learned:
                state.learned[entry.record_id] = batch.learned[entry.digest]
            state.enqueue(entry.record_id)
    for outcome in batch.outcomes:
        state.items.append((batch.run_id, outcome))
        seen = state.occurrences.setdefault(f"{account}/{outcome.digest}", [])
        if outcome.occurrence is not None and outcome.digest is not None and outcome.occurrence not in seen:
            seen.append(outcome.occurrence)
            record_id = f"{account}/{outcome.digest}"
            state.seen_at[record_id] = max(batch.at, state.seen_at.get(record_id, batch.at))
        _keep_beside(state, f"{account}/{outcome.digest}", outcome.beside)
    for change in batch.reclassified:
        record_id = f"{account}/{change.digest}"
        state.records[record_id] = replace(state.records[record_id], classification=change.classification)
        state.classes[record_id].append((batch.at, change.classification))
        state.enqueue(record_id)
    for bad in batch.quarantined:
        key = (bad.digest, bad.source, bad.account, bad.item_id)
        before = state.quarantine.get(key)
        state.quarantine[key] = bad if before is None else replace(bad, tries=before.tries + bad.tries)
    if batch.cursors:
        state.cursors.setdefault((account, state.runs[batch.run_id].source), {}).update(batch.cursors)


def _keep_beside(state: _State, record_id: str, brought: Sequence[KeptBeside]) -> None:
    for kept in brought:
        beside = state.beside.setdefault(record_id, [])
        if (kept.kind, kept.digest) not in {(one.kind, one.digest) for one in beside}:
            beside.append(kept)
    if brought:
        state.enqueue(record_id)
