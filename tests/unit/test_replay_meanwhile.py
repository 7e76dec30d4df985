"""A replay beside others: who writes takes turns, and what was received or written meanwhile is judged anew."""

from __future__ import annotations

from typing import Any

import pytest

from capstone.domain.errors import AccountBusy
from capstone.usecases import replay
from capstone.usecases.approvals import approve
from capstone.usecases.receiving import Receiving
from tests.fakes.archive import Cut, MemoryArchive, PowerCut, Wrapped, a_message
from tests.unit.replays import ENDED, OFFICIAL, SUPPORT, again, change, classes, filled


def test_two_replays_of_one_account_take_turns_and_one_that_died_is_followed() -> None:
    archive = filled(SUPPORT)
    change(archive, OFFICIAL)
    archive.ledger.capture.take_lease("director", "worker-x", archive.clock.now(), 3600)
    with pytest.raises(AccountBusy):
        archive.replay()
    archive.holders.gone.add("worker-x")
    assert archive.replay().changed == 9


def test_one_that_was_stopped_while_another_wrote_does_not_write_on() -> None:
    archive = filled(SUPPORT)
    change(archive, OFFICIAL)
    reguard = archive.store.reguard_all
    newest = archive.ledger.capture.last_manifest

    def stopped(changes: Any) -> Any:
        archive.ledger.capture.last_manifest = lambda _account: None
        return reguard(changes)

    archive.store.reguard_all = stopped
    done = archive.replay()
    assert (done.error and done.error.code, done.changed) == ("E303", 0)
    archive.ledger.capture.last_manifest = newest
    archive.store.reguard_all = reguard
    assert archive.replay().changed == 9


def test_no_lock_is_touched_by_one_that_was_stopped_before_it_while_another_wrote() -> None:
    archive = filled(OFFICIAL)
    change(archive, ENDED, SUPPORT)
    approve(archive.registering, "sam", "compared with the form", archive.approved_rules, 2)
    before, ledger = dict(archive.store.guard), archive.ledger.capture
    known = ledger.known

    def stopped(account: str, digests: Any) -> Any:
        found = known(account, digests)
        ledger.last_manifest = lambda _account: None
        return found

    ledger.known = stopped
    assert archive.replay().error is not None
    assert {key: archive.store.guard[key] for key in before} == before


def test_a_replay_adopts_the_manifest_of_one_that_was_cut_off_before_the_ledger() -> None:
    archive = filled(SUPPORT)
    change(archive, OFFICIAL)
    ledger = archive.ledger.capture
    archive.ledger.capture = Cut(ledger, "commit")
    with pytest.raises(PowerCut):
        archive.replay()
    archive.ledger.capture = ledger
    archive.clock.move(minutes=10)
    done = archive.replay()
    assert (done.changed, classes(archive)) == (0, list("ppppppppp"))


def test_a_long_scan_keeps_its_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "_LEASE_EVERY", 2)
    archive = filled()
    taken: list[Any] = []
    take = archive.ledger.capture.take_lease

    def noted(account: str, holder: str, now: Any, ttl_s: int) -> bool:
        if account == "director":
            taken.append(now)
            archive.clock.move(seconds=100)
        return bool(take(account, holder, now, ttl_s))

    archive.ledger.capture.take_lease = noted
    assert archive.replay().checked == 9
    assert len(taken) == 2, "at the beginning, and once more than half of the lease is over"


class ReceivedMeanwhile(Wrapped):
    """The ledger of a replay, which receives a message anew after it has read all records and before it changes one."""

    def __init__(self, archive: MemoryArchive, *offered: Any) -> None:
        super().__init__(archive.ledger.replaying)
        self._archive, self._offered = archive, offered

    def held(self, account: str) -> Any:
        yield from [*self._inner.held(account)]
        self._archive.clock.move(minutes=1)
        Receiving(lambda: self._archive.capturing, "journal", "journal").take_in(account, self._offered)


def test_an_approval_given_before_does_not_cover_what_is_received_during_the_replay() -> None:
    archive = filled(years=range(2020, 2021))
    change(archive, ENDED, SUPPORT)
    approve(archive.registering, "sam", "compared with the form", archive.approved_rules, 2)
    archive.designations[:] = [ENDED, SUPPORT]
    raw = a_message("In 2020", "03 Feb 2020 10:00:00 +0000")
    whole = archive.ledger.replaying
    archive.ledger.replaying = ReceivedMeanwhile(archive, again(raw))
    report = archive.replay()
    archive.ledger.replaying = whole
    assert (report.changed, report.waiting_for_approval) == (0, 1)
    assert classes(archive) == ["p"]
    assert archive.verify().is_sound


def test_a_record_that_got_the_class_meanwhile_is_left_as_it_is() -> None:
    archive = filled(SUPPORT, years=range(2020, 2021))
    change(archive, OFFICIAL)
    archive.designations[:] = [OFFICIAL]
    raw = a_message("In 2020", "03 Feb 2020 10:00:00 +0000")
    whole = archive.ledger.replaying
    archive.ledger.replaying = ReceivedMeanwhile(archive, again(raw))
    report = archive.replay()
    archive.ledger.replaying = whole
    assert (report.changed, report.is_clean, classes(archive)) == (0, True, ["p"])
    assert archive.replay().changed == 0


def test_a_record_that_was_received_again_meanwhile_is_judged_anew_and_changed() -> None:
    archive = filled(SUPPORT, years=range(2020, 2021))
    change(archive, OFFICIAL)
    raw = a_message("In 2020", "03 Feb 2020 10:00:00 +0000")
    whole = archive.ledger.replaying
    archive.ledger.replaying = ReceivedMeanwhile(archive, again(raw))
    report = archive.replay()
    archive.ledger.replaying = whole
    assert (report.changed, report.longer, classes(archive)) == (1, 1, ["p"])
    assert archive.replay().changed == 0
