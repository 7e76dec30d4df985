"""Where search looks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from capstone.domain.query import Clause, Hit, IndexDocument, Scope, SearchPage


class SearchIndex(Protocol):
    """A copy for retrieval that can always be rebuilt. No decision reads it."""

    def check(self) -> None:
        """Raise IndexUnavailable or IndexDamaged unless the index can be used."""
        ...

    def add(self, documents: Sequence[IndexDocument]) -> dict[str, str]:
        """Add or replace by record id. Gives {record id: reason} of those that were not taken. Durable on return."""
        ...

    def remove(self, record_ids: Sequence[str]) -> None:
        """Drop documents; unknown ids are no error."""
        ...

    def search(self, clause: Clause, scope: Scope, limit: int, offset: int = 0) -> SearchPage:
        """Newest first (undated last, then by record id). Totals, and everything else, within the scope only."""
        ...

    def hits(self, clause: Clause, scope: Scope) -> Iterator[Hit]:
        """Everything found, however much, in the order of `search` and without snippets: one view of the index, as it stood
        when the first was asked for. Memory does not grow with what is found."""
        ...

    def ids(self) -> Iterator[str]:
        """Every record id, sorted and each once, for reconciliation."""
        ...

    def reset(self) -> None:
        """Make it empty and of the present mapping version, even when damaged."""
        ...
