"""All that a ledger answers, to compare it before and after."""

from __future__ import annotations

from typing import Any

from tests.contracts.ledger_values import ACCOUNT, RUN, SOURCE


def everything(ledger: Any) -> list[object]:
    """All that a ledger answers, to see whether anything changed."""
    records = list(ledger.records.records())
    return [
        ledger.records.totals(),
        ledger.records.runs(),
        ledger.records.quarantine(),
        ledger.records.refused([RUN]),
        ledger.capture.known(ACCOUNT, [one.digest for one in records]),
        [ledger.records.class_history(one.record_id) for one in records],
        ledger.capture.cursors(ACCOUNT, SOURCE),
        ledger.capture.last_manifest(ACCOUNT),
        ledger.outbox.pending(),
    ]
