"""Passes over the outbox until nothing is due."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from capstone.domain.errors import IndexUnavailable


class PassReport(Protocol):
    """What one pass did."""

    @property
    def indexed(self) -> int:
        """Records added to the index."""
        ...

    @property
    def pending(self) -> int:
        """Records still due."""
        ...

    def as_counts(self) -> Mapping[str, object]:
        """Counts."""
        ...


def index_all(index_pending: Callable[[], PassReport]) -> dict[str, object]:
    """Repeat the pass while it gets something done; the counts of all passes together.

    Raises IndexUnavailable when records stay due: a later try takes them up, as they stay in the outbox.
    """
    indexed, passes = 0, 0
    while True:
        report = index_pending()
        indexed, passes = indexed + report.indexed, passes + 1
        if not report.pending or not report.indexed:
            break
    if report.pending:
        raise IndexUnavailable(f"{report.pending} records are due and could not be indexed; {indexed} were.")
    return {**report.as_counts(), "indexed": indexed, "passes": passes}
