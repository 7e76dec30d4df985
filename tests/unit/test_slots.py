"""Slots of a mail server: so many captures at a time, and none is lost with the process that had it."""

from __future__ import annotations

import pytest

from capstone.domain.errors import ServerBusy
from capstone.usecases.slots import SLOT_S, Slot
from tests.fakes.archive import NamedHolders
from tests.fakes.clock import SetClock
from tests.fakes.ledger import FakeLedger

SERVER = "mail.agency.example:993"


class Office:
    """Slots of one server that bears two captures."""

    def __init__(self) -> None:
        self.slots, self.clock, self.holders = FakeLedger().slots, SetClock(), NamedHolders()

    def slot(self) -> Slot:
        return Slot(self.slots, self.clock, self.holders, SERVER, 2)


def test_as_many_as_the_server_bears_read_from_it_and_no_more() -> None:
    office = Office()
    first, second, third = office.slot(), office.slot(), office.slot()
    first.take()
    second.take()
    with pytest.raises(ServerBusy):
        third.take()
    first.give_back()
    third.take()


def test_a_slot_that_is_kept_does_not_run_out() -> None:
    office = Office()
    first, second, third = office.slot(), office.slot(), office.slot()
    first.take()
    second.take()
    office.clock.move(seconds=SLOT_S - 1)
    first.keep()
    office.clock.move(seconds=2)
    third.take()
    first.keep()
    with pytest.raises(ServerBusy):
        second.keep()


def test_the_slot_of_a_process_that_died_is_taken_over_at_once() -> None:
    office = Office()
    for _ in range(2):
        office.slot().take()
    office.holders.gone.add(office.slots.slot_holders(SERVER)[0])
    office.slot().take()
    with pytest.raises(ServerBusy):
        office.slot().take()
