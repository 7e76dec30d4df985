"""A replay: store, manifest, ledger, account by account; what fails fails alone and is taken up again."""

from __future__ import annotations

from typing import Any

import pytest

from capstone.domain.errors import ObjectLocked, StoreUnavailable
from capstone.domain.layout import record_key
from capstone.domain.manifest import ReplayLine, read_manifest
from capstone.domain.records import Lock
from capstone.usecases import replay
from capstone.usecases.approvals import approve
from capstone.usecases.rebuild import RebuildParts, rebuild_ledger
from tests.builders import a_designation
from tests.fakes.archive import Wrapped
from tests.fakes.ledger import FakeLedger
from tests.unit.replays import ENDED, OFFICIAL, SUPPORT, change, filled


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


def test_the_sums_are_those_of_all_accounts() -> None:
    one, other = replay.AccountReplay("a", checked=3, changed=2), replay.AccountReplay("b", checked=4, failed=1)
    assert replay.totals([one, other])["checked"] == 7
    assert [one.is_clean, other.is_clean] == [True, False]


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

    class Away(Wrapped):
        def reguard_all(self, _changes: Any) -> Any:
            raise StoreUnavailable("The store does not answer.")

    archive.store = Away(store)
    done = archive.replay()
    assert (done.error and done.error.code, done.changed, done.is_clean) == ("E204", 0, False)
    assert done.as_counts()["error"]["code"] == "E204"  # type: ignore[index]
    archive.store = store
    assert archive.replay().changed == 9
