"""A slot of a mail server: so many captures at a time read from it, whatever machine they run on."""

from __future__ import annotations

from dataclasses import dataclass, field

import structlog

from capstone.domain.errors import ServerBusy
from capstone.ports import Clock, Holders, ServerSlots

log = structlog.get_logger()

SLOT_S = 900
"""How long a slot lasts unless it is kept; longer than any batch takes, short enough that a dead machine frees it soon."""


@dataclass(slots=True)
class Slot:
    """One capture's place among the `most` that may read from the server."""

    slots: ServerSlots
    clock: Clock
    holders: Holders
    server: str
    most: int
    _holder: str = field(init=False)

    def __post_init__(self) -> None:
        self._holder = self.holders.name()

    def take(self) -> None:
        """Become one of those; slots of processes that died are freed first. Raises ServerBusy."""
        try:
            self.keep()
        except ServerBusy:
            gone = [holder for holder in self.slots.slot_holders(self.server) if self.holders.is_gone(holder)]
            if not gone:
                raise
            for holder in gone:
                log.warning("slot_taken_over", server=self.server, holder=holder)
                self.slots.give_back_slot(self.server, holder)
            self.keep()

    def keep(self) -> None:
        """Make the slot last from now on. Raises ServerBusy where it ran out and others took all."""
        self.slots.take_slot(self.server, self._holder, self.most, self.clock.now(), SLOT_S)

    def give_back(self) -> None:
        """Let another capture have it."""
        self.slots.give_back_slot(self.server, self._holder)
