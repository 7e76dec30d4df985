"""A replay keeps for a shorter time only what a second person approved, by the rules and of the copies that they saw."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from capstone.domain.errors import NothingToApprove, RegisterChanged, SecondPersonNeeded
from capstone.domain.records import Lock
from capstone.usecases import replay
from capstone.usecases.approvals import approve
from tests.builders import a_designation
from tests.fakes.archive import MemoryArchive, a_message
from tests.fakes.ledger import FakeLedger
from tests.fakes.mail_source import FakeMailSource, Mail
from tests.fakes.record_store import MemoryRecordStore
from tests.unit.replays import ENDED, OFFICIAL, SUPPORT, change, classes, filled


def test_locks_become_shorter_only_after_a_second_person_approved() -> None:
    archive = filled()
    change(archive, ENDED, SUPPORT)
    first = archive.replay()
    assert (first.checked, first.changed, first.waiting_for_approval, first.shorter) == (9, 2, 7, 0)
    assert classes(archive) == list("ppppppppp")
    assert all(lock == Lock(hold=True) for key, (lock, _) in archive.store.guard.items() if key.startswith("records/"))

    approve(archive.registering, "sam", "compared with the form", archive.approved_rules, 2)
    second = archive.replay()
    assert (second.changed, second.shorter, second.waiting_for_approval, second.is_clean) == (7, 7, 0, True)
    assert classes(archive) == list("ppttttttt")
    guards = [guard for key, guard in archive.store.guard.items() if key.startswith("records/")]
    assert sorted((lock.hold, tags["schedule-item"]) for lock, tags in guards) == [(False, "012")] * 7 + [(True, "010")] * 2


def test_nobody_approves_what_they_changed() -> None:
    archive = filled()
    change(archive, ENDED, actor="sam")
    with pytest.raises(SecondPersonNeeded, match="sam made decision 2"):
        approve(archive.registering, "sam", "fine", archive.approved_rules, 2)
    decision = approve(archive.registering, "kim", "fine", archive.approved_rules, 2)
    assert (decision.number, decision.approves, decision.reason) == (3, 2, "fine")


def test_an_approval_names_the_newest_change_and_is_refused_where_another_came_after_the_preview() -> None:
    archive = filled()
    change(archive, ENDED, SUPPORT)
    shown = archive.preview()
    assert (shown.newest_decision, shown.next_step) == (2, "capstone officials approve --decision 2 --reason TEXT")
    change(archive, ENDED)
    with pytest.raises(RegisterChanged, match="decision 3, not 2"):
        approve(archive.registering, "sam", "seen", archive.approved_rules, 2)
    assert archive.replay().shorter == 0
    approve(archive.registering, "sam", "seen", archive.approved_rules, 3)
    archive.replay()
    assert (archive.preview().next_step, archive.preview().waiting) == (None, ())


def test_a_register_without_changes_has_nothing_to_approve() -> None:
    archive = MemoryArchive(OFFICIAL)
    archive.ledger, archive.store = FakeLedger(), MemoryRecordStore()
    with pytest.raises(NothingToApprove):
        approve(archive.registering, "sam", "seen", archive.approved_rules, 1)
    assert archive.preview().next_step is None


class OldCopies(FakeMailSource):
    """An MBOX whose From lines all say one day."""

    def items(self, cursors: Any) -> Any:
        for item in super().items(cursors):
            yield replace(item, occurrence=replace(item.occurrence, from_line_at=datetime(2018, 2, 3, 15, tzinfo=UTC)))


def test_an_approval_is_not_of_a_copy_that_is_found_after_it_until_it_is_renewed() -> None:
    support, official = a_designation("support", starts="2015-01-01", ends="2018-12-31"), a_designation("1", starts="2019-01-01")
    archive = filled(support, official, years=range(2020, 2023))
    approve(archive.registering, "sam", "seen", archive.approved_rules, 1)
    archive.clock.move(minutes=1)
    archive.capture(OldCopies("backup", [Mail("Old", a_message("In 2020", "03 Feb 2020 10:00:00 +0000"))]))
    foreseen = archive.preview()
    assert (foreseen.total("shorter"), foreseen.waiting) == (1, ())
    assert foreseen.next_step == "capstone officials approve --decision 1 --reason TEXT"
    waiting = archive.replay()
    assert (waiting.shorter, waiting.waiting_for_approval, classes(archive)) == (0, 1, list("ppp"))
    with pytest.raises(SecondPersonNeeded):
        approve(archive.registering, "rosa", "my own", archive.approved_rules, 1)
    approve(archive.registering, "sam", "the copy is right", archive.approved_rules, 1)
    assert (archive.replay().shorter, classes(archive)) == (1, list("tpp"))


def test_rules_made_before_a_change_that_was_approved_meanwhile_shorten_nothing() -> None:
    archive = filled()
    change(archive, ENDED, SUPPORT)
    approve(archive.registering, "sam", "seen", archive.approved_rules, 2)
    early = archive.replaying
    change(archive, OFFICIAL)
    approve(archive.registering, "sam", "seen", archive.approved_rules, 4)
    done = replay.replay_account(early, "director")
    assert (done.shorter, done.waiting_for_approval) == (0, 7)
    assert archive.replay().shorter == 0


def test_other_rules_or_schedules_must_be_approved_anew_before_they_shorten_a_lock() -> None:
    archive = filled()
    change(archive, ENDED, SUPPORT)
    approve(archive.registering, "sam", "seen", archive.approved_rules, 2)
    archive.approved_rules = "rules, schedules that keep for less long"
    assert archive.preview().waiting == (1, 2)
    assert (archive.replay().shorter, archive.replay().waiting_for_approval) == (0, 7)
    with pytest.raises(SecondPersonNeeded):
        approve(archive.registering, "rosa", "seen", archive.approved_rules, 2)
    approve(archive.registering, "sam", "seen again", archive.approved_rules, 2)
    assert archive.replay().shorter == 7
