"""A ledger in memory: plain lists and dicts behind the same ports, with the same promises."""

from __future__ import annotations

from tests.fakes.audit_log import FakeAuditLog
from tests.fakes.capture_ledger import FakeCaptureLedger
from tests.fakes.culling import FakeProposalLedger
from tests.fakes.ledger_state import LedgerState
from tests.fakes.outbox import FakeOutbox
from tests.fakes.record_ledger import FakeRecordLedger
from tests.fakes.register_ledger import FakeRegisterLedger
from tests.fakes.replay_ledger import FakeReplayLedger
from tests.fakes.server_slots import FakeServerSlots


class FakeLedger:
    """The ports of one ledger: `capture`, `records`, `register`, `replaying`, `culling`, `outbox`, `audit`, `slots`."""

    def __init__(self) -> None:
        state = LedgerState()
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
