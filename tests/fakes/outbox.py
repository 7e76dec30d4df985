"""Records in memory that are due for the index, claimed by one holder at a time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from tests.fakes.ledger_state import Due, LedgerState


class FakeOutbox:
    """An Outbox in memory."""

    def __init__(self, state: LedgerState) -> None:
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

    def _mine(self, holder: str, record_ids: Sequence[str]) -> list[tuple[str, Due]]:
        held = [(one, self._state.due[one]) for one in record_ids if one in self._state.due]
        return [(one, due) for one, due in held if due.holder == holder]
