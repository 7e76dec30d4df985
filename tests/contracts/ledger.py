"""What every ledger promises of capture and records: one class per port, run by the fake and by each real adapter.

The promises are in the modules imported here, one for each story; `tests.contracts.register_outbox_audit` has three other ports.

A subclass gives the fixture `ledger`: an empty one with `capture`, `records`, `register`, `outbox` and `audit`.
"""

from __future__ import annotations

from tests.contracts.ledger_batches import BatchContract
from tests.contracts.ledger_leases_and_runs import LeaseContract, RunContract, RunListingContract
from tests.contracts.ledger_occurrences import HostileValuesContract, KnownContract
from tests.contracts.ledger_records import RecordListingContract, SumsContract


class CaptureLedgerContract(LeaseContract, RunContract, KnownContract, HostileValuesContract, BatchContract):
    """CaptureLedger."""


class RecordLedgerContract(RecordListingContract, SumsContract, RunListingContract):
    """RecordLedger."""
