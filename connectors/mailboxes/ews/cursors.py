"""How far a folder was read: the text that the ledger keeps, and what it means for the next run."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.mailboxes.failed import failed_as_text, failed_in


@dataclass(frozen=True, slots=True)
class Position:
    """The sync state to go on with; opaque. "" is the beginning."""

    state: str
    failed: tuple[str, ...] = ()
    """Ids of items before it that were not given; the next run asks for them first."""

    def as_text(self) -> str:
        """The state; ids of items that failed follow as ` +id,id`. A state is Base64, which knows no space."""
        return f"{self.state} {failed_as_text(self.failed)}" if self.failed else self.state


def position_in(text: str) -> Position:
    """The position that a cursor tells; one of an earlier version is the state alone."""
    state, found, failed = text.rpartition(" +")
    return Position(state, failed_in(failed)) if found else Position(text)
