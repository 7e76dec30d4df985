"""The fake ledger keeps what sources could not reach as the real ones do."""

from __future__ import annotations

import pytest

from tests.contracts.run_notes import RunNotesContract
from tests.fakes.ledger import FakeLedger


@pytest.fixture
def ledger() -> FakeLedger:
    return FakeLedger()


class TestRunNotes(RunNotesContract):
    pass
