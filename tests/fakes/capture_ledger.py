"""Leases, runs and batches in memory: a batch is taken in whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from capstone.domain.errors import AccountBusy, LedgerDamaged
from capstone.domain.records import KeptBeside, RecordEntry
from capstone.ports import NOTHING_NOTED, CaptureBatch, ManifestRef, Noted, Run
from tests.fakes.ledger_state import LedgerState


class FakeCaptureLedger:
    """A CaptureLedger in memory."""

    def __init__(self, state: LedgerState) -> None:
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

    def finish_run(self, run_id: str, ended_at: datetime, outcome: str, error: str | None, noted: Noted = NOTHING_NOTED) -> Run:
        run, counts = self._state.runs[run_id], self._state.counts(run_id)
        closed = replace(run, ended_at=ended_at, outcome=outcome, error=error, counts=counts, notes=run.notes or noted.notes)
        self._state.runs[run_id] = closed
        self._state.gaps.take_in(closed, noted)
        return closed

    def known(self, account: str, digests: Iterable[str]) -> dict[str, RecordEntry]:
        ids = {digest: f"{account}/{digest}" for digest in digests}
        return {digest: self._state.whole(one) for digest, one in ids.items() if one in self._state.records}

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


def _refuse_impossible(state: LedgerState, batch: CaptureBatch) -> None:
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


def _take_in(state: LedgerState, batch: CaptureBatch) -> None:
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


def _keep_beside(state: LedgerState, record_id: str, brought: Sequence[KeptBeside]) -> None:
    for kept in brought:
        beside = state.beside.setdefault(record_id, [])
        if (kept.kind, kept.digest) not in {(one.kind, one.digest) for one in beside}:
            beside.append(kept)
    if brought:
        state.enqueue(record_id)
