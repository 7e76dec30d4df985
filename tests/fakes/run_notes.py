"""The gaps that stand, in memory: see `CaptureLedger.finish_run`."""

from __future__ import annotations

from capstone.domain.coverage import still_stands
from capstone.ports import Noted, Run, SourceGap


class StandingGaps:
    """Of all accounts and sources."""

    def __init__(self) -> None:
        self._standing: list[SourceGap] = []

    def take_in(self, run: Run, noted: Noted) -> None:
        told = {(note.code, note.where) for note in noted.notes}
        self._standing = [
            gap
            for gap in self._standing
            if (gap.account, gap.source) != (run.account, run.source)
            or still_stands(gap.note.code, gap.note.where, told, is_whole=noted.is_whole)
        ]
        self._standing += [SourceGap(run.account, run.source, run.run_id, note) for note in noted.notes if note.is_gap]

    def in_order(self) -> list[SourceGap]:
        return sorted(self._standing, key=lambda gap: (gap.account, gap.source, gap.run_id))
