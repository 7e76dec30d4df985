"""A replay: store, manifest, ledger, account by account; shorter only with a second person."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from capstone.domain.errors import (
    AccountBusy,
    NothingToApprove,
    ObjectLocked,
    RegisterChanged,
    SecondPersonNeeded,
    StoreUnavailable,
)
from capstone.domain.fixity import digest_of
from capstone.domain.layout import companion_key, record_key
from capstone.domain.manifest import ReplayLine, read_manifest
from capstone.domain.message import Companion, CompanionKind, Occurrence, OfferedMessage, Place
from capstone.domain.records import Lock
from capstone.domain.register_facts import RegisterDecision
from capstone.usecases import replay
from capstone.usecases.approvals import approve
from capstone.usecases.rebuild import RebuildParts, rebuild_ledger
from capstone.usecases.receiving import Receiving
from tests.builders import a_designation
from tests.fakes.archive import Cut, MemoryArchive, PowerCut, a_message, enact
from tests.fakes.ledger import FakeLedger
from tests.fakes.list_source import ListSource
from tests.fakes.mail_source import FakeMailSource, Mail
from tests.fakes.record_store import MemoryRecordStore

OFFICIAL = a_designation("1", starts="2015-01-01")
ENDED = a_designation("1", starts="2015-01-01", ends="2018-12-31")
SUPPORT = a_designation("support", starts="2019-01-01")


def filled(*rows: Any, years: range = range(2017, 2026)) -> MemoryArchive:
    archive = MemoryArchive(*(rows or (OFFICIAL,)))
    mails = [Mail("Inbox", a_message(f"In {year}", f"03 Feb {year} 10:00:00 +0000")) for year in years]
    archive.capture(FakeMailSource("box", mails))
    return archive


def change(archive: MemoryArchive, *rows: Any, actor: str = "rosa") -> None:
    old = archive.ledger.register.designations()
    number = archive.ledger.register.next_decision()
    gone = {row.designation_id: "" for row in old if row not in rows}
    enact(archive.registering, RegisterDecision(number, archive.clock.now(), actor, "changed", rows, superseded=gone))


def classes(archive: MemoryArchive) -> list[str]:
    """By message date."""
    entries = sorted(archive.ledger.records.records(), key=lambda one: str(one.classification.message_date))
    return [entry.classification.record_class.value[0] for entry in entries]


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


def test_a_longer_keeping_needs_nobody_and_the_index_follows() -> None:
    archive = filled(SUPPORT)
    archive.index_pending()
    change(archive, OFFICIAL)
    done = archive.replay(actor="rosa")
    assert (done.changed, done.longer, done.waiting_for_approval) == (9, 7, 0)
    assert archive.ledger.outbox.pending() == 9
    archive.index_pending()
    assert {document.schedule_item for document in archive.index.documents.values()} == {"010"}
    [entry] = [one for one in archive.ledger.audit.entries() if one.event == "replay"]
    assert (entry.actor, entry.details["changed"], entry.details["error"]) == ("rosa", 9, None)
    assert done.as_counts() == {
        "account": "director", "checked": 9, "changed": 9, "longer": 7, "shorter": 0, "waiting_for_approval": 0, "failed": 0,
        "failures": {}, "error": None,
    }  # fmt: skip


def test_only_what_changes_is_told_the_store() -> None:
    archive = filled()
    told: list[Any] = []
    reguard = archive.store.reguard_all
    archive.store.reguard_all = lambda changes: told.extend(changes) or reguard(changes)
    change(archive, a_designation("1", starts="2014-01-01"))
    assert archive.replay().changed == 9
    assert told == []
    change(archive, a_designation("1", starts="2014-01-01", ends="2025-12-31"))
    assert archive.replay().changed == 9
    assert [(one.before, one.lock, one.allow_shorter, one.tags["cutoff"]) for one in told] == [
        (Lock(hold=True), Lock(hold=True), False, "2025-12-31")
    ] * 9


def test_each_change_stands_in_the_history_and_a_rebuilt_ledger_has_the_same() -> None:
    archive = filled()
    change(archive, ENDED, SUPPORT)
    approve(archive.registering, "sam", "seen", archive.approved_rules, 2)
    archive.replay()
    old = {one: archive.ledger.records.class_history(one) for one in archive.record_ids()}
    assert all(len(history) == 2 for history in old.values())

    archive.ledger = FakeLedger()
    rebuild_ledger(
        RebuildParts(archive.store, archive.ledger.capture, archive.registering, archive.ledger.audit, archive.clock), "rosa"
    )
    assert {one: archive.ledger.records.class_history(one) for one in archive.record_ids()} == old
    assert archive.verify().is_sound
    assert archive.replay().changed == 0


def test_a_manifest_of_a_replay_names_records_and_no_items_and_its_run_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "MOST_CHANGES", 4)
    archive = filled(SUPPORT)
    change(archive, OFFICIAL)
    archive.replay()
    manifests = [read_manifest(archive.store.raw[key]) for key in archive.store.list_keys("manifests/director/")][1:]
    assert [(head.source, head.number, len(lines)) for head, lines in manifests] == [
        ("replay", 0, 4), ("replay", 1, 4), ("replay", 2, 1)
    ]  # fmt: skip
    assert all(isinstance(line, ReplayLine) for _, lines in manifests for line in lines)
    run = archive.ledger.records.runs("director")[0]
    assert (run.source, run.outcome, sum(run.counts.values())) == ("replay", "complete", 0)


def test_a_replay_is_no_capture() -> None:
    archive = filled(SUPPORT)
    [before] = archive.ledger.records.totals()
    change(archive, OFFICIAL)
    archive.clock.move(days=10)
    archive.replay()
    [after] = archive.ledger.records.totals()
    assert after.last_capture == before.last_capture


def test_a_replay_that_changes_nothing_is_no_run() -> None:
    archive = filled()
    assert archive.replay().checked == 9
    assert [run.source for run in archive.ledger.records.runs()] == ["box"]


def test_a_record_whose_guard_cannot_be_changed_fails_alone_and_is_taken_up_again() -> None:
    archive = filled(SUPPORT)
    change(archive, OFFICIAL)
    broken = record_key(*archive.record_ids()[0].split("/"))
    real = archive.store.reguard

    def failing(one: Any) -> None:
        if one.key == broken:
            raise ObjectLocked(one.key)
        real(one)

    archive.store.reguard = failing
    done = archive.replay()
    assert (done.changed, done.failed, dict(done.failures), done.is_clean) == (8, 1, {"E203": 1}, False)
    assert archive.ledger.records.runs("director")[0].outcome == "failed"
    archive.store.reguard = real
    assert archive.replay().changed == 1


def test_where_no_guard_can_be_changed_no_manifest_is_written() -> None:
    archive = filled(SUPPORT)
    change(archive, OFFICIAL)

    def failing(one: Any) -> None:
        raise ObjectLocked(one.key)

    archive.store.reguard = failing
    assert archive.replay().failed == 9
    assert len(list(archive.store.list_keys("manifests/"))) == 1


def test_a_record_without_readable_bytes_fails_and_keeps_its_class() -> None:
    archive = filled()
    archive.ledger.capture._state.learned.clear()
    digest = archive.ledger.replaying.unlearned("director", 1)[0]
    raw = archive.store.raw.pop(record_key("director", digest))
    change(archive, a_designation("1", starts="2014-01-01"))
    done = archive.replay()
    assert (done.changed, done.failed, dict(done.failures)) == (8, 1, {"unreadable": 1})
    archive.store.raw[record_key("director", digest)] = raw
    assert archive.replay().changed == 1


def test_what_ends_an_account_is_in_its_report_and_the_lease_is_given_back() -> None:
    archive = filled(SUPPORT)
    change(archive, OFFICIAL)
    store = archive.store

    class Away:
        def __getattr__(self, name: str) -> Any:
            return getattr(store, name)

        def reguard_all(self, _changes: Any) -> Any:
            raise StoreUnavailable("The store does not answer.")

    archive.store = Away()
    done = archive.replay()
    assert (done.error and done.error.code, done.changed, done.is_clean) == ("E204", 0, False)
    assert done.as_counts()["error"]["code"] == "E204"  # type: ignore[index]
    archive.store = store
    assert archive.replay().changed == 9


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


def test_the_sums_are_those_of_all_accounts() -> None:
    one, other = replay.AccountReplay("a", checked=3, changed=2), replay.AccountReplay("b", checked=4, failed=1)
    assert replay.totals([one, other])["checked"] == 7
    assert [one.is_clean, other.is_clean] == [True, False]


# --- what is received meanwhile --------------------------------------------------------------------


class ReceivedMeanwhile:
    """The ledger of a replay, which receives a message anew after it has read all records and before it changes one."""

    def __init__(self, archive: MemoryArchive, *offered: Any) -> None:
        self._inner, self._archive, self._offered = archive.ledger.replaying, archive, offered

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def held(self, account: str) -> Any:
        yield from [*self._inner.held(account)]
        self._archive.clock.move(minutes=1)
        Receiving(lambda: self._archive.capturing, "journal", "journal").take_in(account, self._offered)


def again(raw: bytes, **seen: Any) -> OfferedMessage:
    return OfferedMessage(Occurrence(Place("journal", "", "1"), **seen), raw)


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


def test_what_is_kept_beside_a_record_follows_its_lock_in_both_directions() -> None:
    archive = MemoryArchive(OFFICIAL)
    raw = a_message("In 2020", "03 Feb 2020 10:00:00 +0000")
    native = Companion(CompanionKind.NATIVE, "msg", b"native")
    archive.capture(ListSource(replace(again(raw), companions=(native,))))
    key = companion_key(native.kind, "director", digest_of(native.raw), "msg")
    change(archive, ENDED, SUPPORT)
    approve(archive.registering, "sam", "compared with the form", archive.approved_rules, 2)
    assert archive.replay().shorter == 1
    assert archive.store.guard[key] == archive.store.guard[record_key("director", digest_of(raw))]
    assert not archive.store.guard[key][0].hold
    change(archive, OFFICIAL)
    assert archive.replay().longer == 1
    assert archive.store.guard[key] == archive.store.guard[record_key("director", digest_of(raw))]
    assert archive.store.guard[key][0].hold


def test_a_record_whose_companion_cannot_be_locked_anew_keeps_its_class() -> None:
    archive = MemoryArchive(OFFICIAL)
    raw = a_message("In 2020", "03 Feb 2020 10:00:00 +0000")
    native = Companion(CompanionKind.NATIVE, "msg", b"native")
    archive.capture(ListSource(replace(again(raw), companions=(native,))))
    del archive.store.raw[companion_key(native.kind, "director", digest_of(native.raw), "msg")]
    change(archive, ENDED, SUPPORT)
    approve(archive.registering, "sam", "compared with the form", archive.approved_rules, 2)
    report = archive.replay()
    assert (report.failed, report.changed, dict(report.failures)) == (1, 0, {"E202": 1})
    assert classes(archive) == ["p"]


def two_that_share(first_year: int, second_year: int) -> tuple[MemoryArchive, str, list[str]]:
    """Two records with the same native item, its key, and theirs."""
    archive = MemoryArchive(OFFICIAL)
    raws = [a_message(f"In {year}", f"03 Feb {year} 10:00:00 +0000") for year in (first_year, second_year)]
    native = Companion(CompanionKind.NATIVE, "msg", b"native")
    archive.capture(ListSource(*(replace(again(raw), companions=(native,)) for raw in raws)))
    keys = [record_key("director", digest_of(raw)) for raw in raws]
    return archive, companion_key(native.kind, "director", digest_of(native.raw), "msg"), keys


def mended(archive: MemoryArchive) -> list[tuple[str, str]]:
    return [(one.what, one.id) for one in archive.reconcile().mended if one.where == "store"]


@pytest.mark.parametrize("years", [(2017, 2020), (2020, 2017), (2016, 2017), (2020, 2021)])
def test_what_two_records_share_is_kept_as_long_as_the_one_that_is_kept_longest(years: tuple[int, int]) -> None:
    """The one of 2017 stays permanent, any later one becomes temporary."""
    archive, shared, keys = two_that_share(*years)
    change(archive, ENDED, SUPPORT)
    approve(archive.registering, "sam", "compared with the form", archive.approved_rules, 2)
    archive.replay()
    guards = [archive.store.guard[key] for key in keys]
    assert archive.store.guard[shared][0] == guards[0][0].at_least(guards[1][0])
    assert archive.store.guard[shared][1] in [
        tags for lock, tags in guards if lock.hold or not archive.store.guard[shared][0].hold
    ]
    assert mended(archive) == []
    change(archive, OFFICIAL)
    assert archive.replay().is_clean
    assert archive.store.guard[shared][0].hold
    assert mended(archive) == []


def test_a_shared_companion_that_cannot_be_locked_anew_leaves_all_their_classes() -> None:
    archive, shared, _ = two_that_share(2020, 2021)
    del archive.store.raw[shared]
    change(archive, ENDED, SUPPORT)
    approve(archive.registering, "sam", "compared with the form", archive.approved_rules, 2)
    report = archive.replay()
    assert (report.failed, report.changed, dict(report.failures)) == (2, 0, {"E202": 2})
    assert classes(archive) == list("pp")


def test_a_weak_lock_of_what_two_records_share_is_mended_once_as_the_stronger_one_asks() -> None:
    archive, shared, _ = two_that_share(2017, 2020)
    change(archive, ENDED, SUPPORT)
    approve(archive.registering, "sam", "compared with the form", archive.approved_rules, 2)
    archive.replay()
    right = archive.store.guard[shared]
    archive.store.guard[shared] = (Lock(), {})
    assert mended(archive) == [("lock", shared), ("tags", shared)]
    assert archive.store.guard[shared] == right
    assert mended(archive) == []


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
