"""What every ledger promises of slots of mail servers, and of being empty. Run as in `tests.contracts.ledger`."""

from __future__ import annotations

from typing import Any

import pytest

from capstone.domain.errors import ServerBusy
from tests.contracts.ledger_values import ACCOUNT, NOON, after, batch, batch_of, decision, run

SERVER = "mail.agency.example:993"


class ServerSlotsContract:
    """ServerSlots."""

    def test_a_server_has_so_many_slots_and_no_more(self, ledger: Any) -> None:
        for holder in ("first", "second"):
            ledger.slots.take_slot(SERVER, holder, 2, NOON, 60)
        with pytest.raises(ServerBusy):
            ledger.slots.take_slot(SERVER, "third", 2, after(59), 60)
        assert ledger.slots.slot_holders(SERVER) == ["first", "second"]

    def test_a_slot_that_ran_out_is_anybodys(self, ledger: Any) -> None:
        ledger.slots.take_slot(SERVER, "first", 1, NOON, 60)
        ledger.slots.take_slot(SERVER, "second", 1, after(60), 60)
        assert ledger.slots.slot_holders(SERVER) == ["second"]
        with pytest.raises(ServerBusy):
            ledger.slots.take_slot(SERVER, "first", 1, after(61), 60)

    def test_the_holder_keeps_its_slot_by_taking_it_again(self, ledger: Any) -> None:
        ledger.slots.take_slot(SERVER, "first", 1, NOON, 60)
        ledger.slots.take_slot(SERVER, "first", 1, after(30), 60)
        with pytest.raises(ServerBusy):
            ledger.slots.take_slot(SERVER, "second", 1, after(89), 60)

    def test_who_came_back_too_late_takes_a_slot_that_is_still_free(self, ledger: Any) -> None:
        ledger.slots.take_slot(SERVER, "first", 1, NOON, 60)
        ledger.slots.take_slot(SERVER, "first", 1, after(600), 60)
        with pytest.raises(ServerBusy):
            ledger.slots.take_slot(SERVER, "second", 1, after(601), 60)

    def test_who_works_finishes_where_the_limit_was_lowered(self, ledger: Any) -> None:
        for holder in ("first", "second"):
            ledger.slots.take_slot(SERVER, holder, 2, NOON, 60)
        ledger.slots.take_slot(SERVER, "first", 1, after(30), 60)
        ledger.slots.give_back_slot(SERVER, "second")
        with pytest.raises(ServerBusy):
            ledger.slots.take_slot(SERVER, "third", 1, after(31), 60)

    def test_a_slot_that_is_given_back_is_free(self, ledger: Any) -> None:
        ledger.slots.take_slot(SERVER, "first", 1, NOON, 60)
        ledger.slots.give_back_slot(SERVER, "second")
        with pytest.raises(ServerBusy):
            ledger.slots.take_slot(SERVER, "second", 1, NOON, 60)
        ledger.slots.give_back_slot(SERVER, "first")
        ledger.slots.take_slot(SERVER, "second", 1, NOON, 60)

    def test_servers_have_slots_of_their_own(self, ledger: Any) -> None:
        ledger.slots.take_slot(SERVER, "first", 1, NOON, 60)
        ledger.slots.take_slot("other.agency.example:993", "first", 1, NOON, 60)
        ledger.slots.give_back_slot("other.agency.example:993", "first")
        assert ledger.slots.slot_holders(SERVER) == ["first"]
        assert ledger.slots.slot_holders("other.agency.example:993") == []

    def test_holders_of_run_out_slots_are_named(self, ledger: Any) -> None:
        ledger.slots.take_slot(SERVER, "first", 2, NOON, 60)
        assert ledger.slots.slot_holders(SERVER) == ["first"]


class EmptinessContract:
    """Whether anything is kept: a rebuild goes into an empty ledger only."""

    def test_who_works_now_is_nothing_that_is_kept(self, ledger: Any) -> None:
        assert ledger.is_empty()
        ledger.capture.take_lease(ACCOUNT, "me", NOON, 60)
        ledger.slots.take_slot(SERVER, "me", 1, NOON, 60)
        assert ledger.is_empty()

    @pytest.mark.parametrize(
        "use",
        [
            lambda ledger: ledger.capture.start_run(run()),
            lambda ledger: ledger.capture.commit(batch()),
            lambda ledger: ledger.capture.commit(batch_of("a")),
            lambda ledger: ledger.register.apply(decision(1)),
            lambda ledger: ledger.audit.append(NOON, "robin", "search", {}),
        ],
        ids=["run", "manifest", "record", "decision", "audit"],
    )
    def test_whatever_was_taken_in_is_kept(self, ledger: Any, use: Any) -> None:
        use(ledger)
        assert not ledger.is_empty()
