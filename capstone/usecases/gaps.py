"""What the register lacks today, beside what the archive holds. Read from the ledger alone: totals, no records."""

from __future__ import annotations

from dataclasses import dataclass

from capstone.domain.gaps import Captured, Gap, GapRules, gaps
from capstone.ports import RecordLedger
from capstone.usecases.forms import FormParts


@dataclass(frozen=True, slots=True)
class GapParts:
    """What gaps are found with."""

    forms: FormParts
    records: RecordLedger


def find_gaps(parts: GapParts, ending_days: int, capture_days: int, due_days: int) -> list[Gap]:
    """See `domain.gaps`. Days are those of the agency."""
    registering = parts.forms.registering
    rules = GapRules(parts.forms.today, parts.forms.rules.windows, ending_days, capture_days, due_days)
    captured = [
        Captured(
            one.account,
            one.messages,
            one.unscheduled,
            None if one.last_capture is None else one.last_capture.astimezone(registering.zone).date(),
        )
        for one in parts.records.totals()
    ]
    return gaps(parts.forms.state(), captured, rules)
