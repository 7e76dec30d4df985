"""The ledger in memory keeps every promise of the real ones."""

from __future__ import annotations

import pytest

from tests.contracts.culling import ProposalLedgerContract
from tests.contracts.ledger import CaptureLedgerContract, RecordLedgerContract
from tests.contracts.register_facts import RegisterFactsContract
from tests.contracts.register_outbox_audit import AuditLogContract, OutboxContract, RegisterLedgerContract
from tests.contracts.replaying import ReplayLedgerContract
from tests.contracts.server_slots import EmptinessContract, ServerSlotsContract
from tests.fakes.ledger import FakeLedger


@pytest.fixture
def ledger() -> FakeLedger:
    return FakeLedger()


class TestCaptureLedger(CaptureLedgerContract):
    pass


class TestRecordLedger(RecordLedgerContract):
    pass


class TestRegisterLedger(RegisterLedgerContract):
    pass


class TestRegisterFacts(RegisterFactsContract):
    pass


class TestReplayLedger(ReplayLedgerContract):
    pass


class TestProposalLedger(ProposalLedgerContract):
    pass


class TestOutbox(OutboxContract):
    pass


class TestAuditLog(AuditLogContract):
    pass


class TestServerSlots(ServerSlotsContract):
    pass


class TestEmptiness(EmptinessContract):
    pass
