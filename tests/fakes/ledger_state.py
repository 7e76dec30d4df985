"""What the ports of one ledger in memory share: its tables, as plain lists and dicts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime

from capstone.domain.message import ItemState, Occurrence
from capstone.domain.records import Classification, KeptBeside, Learned, RecordEntry
from capstone.ports import ItemOutcome, ManifestRef, Quarantined, Run
from tests.fakes.run_notes import StandingGaps


@dataclass
class Due:
    """One record that is due for the index, and who claimed it."""

    enqueued: int = 1
    tries: int = 0
    holder: str | None = None
    claimed: int | None = None
    until: datetime | None = None


@dataclass
class LedgerState:
    """The tables."""

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
    due: dict[str, Due] = field(default_factory=dict)
    learned: dict[str, Learned] = field(default_factory=dict)
    beside: dict[str, list[KeptBeside]] = field(default_factory=dict)
    gaps: StandingGaps = field(default_factory=StandingGaps)

    def enqueue(self, record_id: str) -> None:
        if record_id in self.due:
            self.due[record_id].enqueued += 1
            self.due[record_id].tries = 0
        else:
            self.due[record_id] = Due()

    def counts(self, run_id: str) -> dict[str, int]:
        found = Counter(outcome.state.value for one, outcome in self.items if one == run_id)
        return {state.value: found[state.value] for state in ItemState}

    def whole(self, record_id: str) -> RecordEntry:
        """The record with its occurrences."""
        return replace(self.records[record_id], occurrences=tuple(self.occurrences.get(record_id, ())))
