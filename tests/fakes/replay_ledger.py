"""What a ledger in memory gives to a replay of classes and to a preview."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

from capstone.domain.message import Occurrence, Place
from capstone.domain.records import Learned, RecordEntry
from capstone.domain.sketches import Sketch, decided_of
from capstone.ports import HeldRecord
from tests.fakes.ledger_state import LedgerState


class FakeReplayLedger:
    """A ReplayLedger in memory."""

    def __init__(self, state: LedgerState) -> None:
        self._state = state

    def held(self, account: str, after: str = "", page_size: int = 1000) -> Iterator[HeldRecord]:
        for entry in sorted(self._of(account), key=lambda one: one.digest):
            if entry.digest > after:
                whole = self._state.whole(entry.record_id)
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
