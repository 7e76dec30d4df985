"""What a ledger in memory tells of records, runs and quarantine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime

from capstone.domain.message import ItemState, Place
from capstone.domain.records import Classification, KeptBeside, RecordClass, RecordEntry
from capstone.ports import REPLAY, AccountTotals, ItemOutcome, Quarantined, Run, SourceGap
from tests.fakes.ledger_state import LedgerState

REFUSED = (ItemState.EXCLUDED, ItemState.FAILED, ItemState.QUARANTINED)


class FakeRecordLedger:
    """A RecordLedger in memory."""

    def __init__(self, state: LedgerState) -> None:
        self._state = state

    def record(self, record_id: str) -> RecordEntry | None:
        return self._state.whole(record_id) if record_id in self._state.records else None

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

    def twins_of(self, record_id: str, limit: int = 100) -> list[RecordEntry]:
        one = self._state.records.get(record_id)
        others = () if one is None or not one.content_key else self.records(one.account)
        return [each for each in others if one and each.content_key == one.content_key and each.digest != one.digest][:limit]

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

    def gaps(self) -> list[SourceGap]:
        return self._state.gaps.in_order()

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
