"""What every ledger promises of leases and runs: one writer an account, and a run has one end and the sums of its items."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from capstone.domain.errors import AccountBusy
from capstone.domain.message import ItemState
from capstone.ports import ItemOutcome
from tests.contracts.ledger_values import ACCOUNT, NOON, RUN, after, archived, batch, batch_of, digest, entry, place, run

NO_ITEMS = {state.value: 0 for state in ItemState}


class LeaseContract:
    """Who may write an account."""

    def test_a_lease_keeps_others_out_until_it_ends(self, ledger: Any) -> None:
        ledger.capture.take_lease(ACCOUNT, "first", NOON, ttl_s=60)
        with pytest.raises(AccountBusy, match="first writes account chief-of-staff until 2031-05-06T12:01:00"):
            ledger.capture.take_lease(ACCOUNT, "second", after(59), ttl_s=60)
        ledger.capture.take_lease(ACCOUNT, "second", after(60), ttl_s=60)
        with pytest.raises(AccountBusy, match="second"):
            ledger.capture.take_lease(ACCOUNT, "first", after(61), ttl_s=60)

    def test_the_holder_renews_a_lease(self, ledger: Any) -> None:
        ledger.capture.take_lease(ACCOUNT, "first", NOON, ttl_s=60)
        ledger.capture.take_lease(ACCOUNT, "first", after(30), ttl_s=60)
        with pytest.raises(AccountBusy):
            ledger.capture.take_lease(ACCOUNT, "second", after(80), ttl_s=60)

    def test_only_the_holder_gives_a_lease_back(self, ledger: Any) -> None:
        ledger.capture.take_lease(ACCOUNT, "first", NOON, ttl_s=60)
        ledger.capture.give_back_lease(ACCOUNT, "second")
        with pytest.raises(AccountBusy):
            ledger.capture.take_lease(ACCOUNT, "second", NOON, ttl_s=60)
        ledger.capture.give_back_lease(ACCOUNT, "first")
        ledger.capture.take_lease(ACCOUNT, "second", NOON, ttl_s=60)

    def test_a_lease_says_whether_whoever_had_it_gave_it_back(self, ledger: Any) -> None:
        assert ledger.capture.take_lease(ACCOUNT, "first", NOON, ttl_s=60)
        assert not ledger.capture.take_lease(ACCOUNT, "first", after(1), ttl_s=0)
        assert not ledger.capture.take_lease(ACCOUNT, "second", after(1), ttl_s=60), "left, and free at once"
        ledger.capture.give_back_lease(ACCOUNT, "second")
        assert ledger.capture.take_lease(ACCOUNT, "first", after(2), ttl_s=60)

    def test_accounts_have_leases_of_their_own(self, ledger: Any) -> None:
        ledger.capture.take_lease(ACCOUNT, "first", NOON, ttl_s=60)
        ledger.capture.take_lease("other", "second", NOON, ttl_s=60)
        with pytest.raises(AccountBusy):
            ledger.capture.take_lease("other", "first", NOON, ttl_s=60)


class RunContract:
    """What a run was and how it ended."""

    def test_a_run_left_running_is_abandoned_by_the_next_of_its_source(self, ledger: Any) -> None:
        ledger.capture.start_run(run("run-1"))
        ledger.capture.start_run(run("elsewhere", source="imap"))
        ledger.capture.start_run(run("stranger", account="other"))
        ledger.capture.commit(batch_of("a"))
        ledger.capture.start_run(run("run-2", started_at=after(90)))
        left = {one.run_id: one for one in ledger.records.runs()}
        assert left["run-1"].outcome == "abandoned"
        assert left["run-1"].ended_at == after(90)
        assert left["run-1"].counts == {**NO_ITEMS, "archived": 1}
        assert {left[one].outcome for one in ("run-2", "elsewhere", "stranger")} == {"running"}

    def test_a_run_that_is_begun_twice_is_one_run(self, ledger: Any) -> None:
        ledger.capture.start_run(run())
        ledger.capture.start_run(run())
        assert [one.outcome for one in ledger.records.runs()] == ["running"]

    def test_the_counts_of_a_run_are_the_sums_of_its_items(self, ledger: Any) -> None:
        ledger.capture.start_run(run())
        refused = [ItemOutcome(place(state), state, "code", "reason") for state in ItemState if state != ItemState.ARCHIVED]
        ledger.capture.commit(batch(1, [archived("a"), *refused], [entry("a")]))
        ledger.capture.commit(batch_of(["b", "c"], number=2))
        finished = ledger.capture.finish_run(RUN, after(90), "failed", "E101")
        expected = {"archived": 3, "already_held": 1, "quarantined": 1, "excluded": 1, "failed": 1}
        assert finished == replace(run(), ended_at=after(90), outcome="failed", error="E101", counts=expected)
        assert ledger.records.runs() == [finished]

    def test_a_run_that_never_began_cannot_be_finished(self, ledger: Any) -> None:
        with pytest.raises(LookupError):
            ledger.capture.finish_run("nobody", NOON, "complete", None)


class RunListingContract:
    """Which runs there were, and what they refused."""

    def test_the_newest_runs_come_first(self, ledger: Any) -> None:
        for number in range(5):
            account = "other" if number == 3 else ACCOUNT
            ledger.capture.start_run(run(f"run-{number}", account, f"source-{number}", after(number)))
        assert [one.run_id for one in ledger.records.runs(limit=3)] == ["run-4", "run-3", "run-2"]
        assert [one.run_id for one in ledger.records.runs(ACCOUNT, limit=2)] == ["run-4", "run-2"]

    def test_a_run_under_way_counts_what_it_has_done(self, ledger: Any) -> None:
        ledger.capture.start_run(run())
        ledger.capture.commit(batch_of("abc"))
        assert ledger.records.runs()[0].counts == {**NO_ITEMS, "archived": 3}

    def test_refused_items_are_listed_by_run(self, ledger: Any) -> None:
        failed = ItemOutcome(place("f"), ItemState.FAILED, "E113", "cut short")
        excluded = ItemOutcome(place("x"), ItemState.EXCLUDED, "folder_drafts", "by policy")
        quarantined = ItemOutcome(place("q"), ItemState.QUARANTINED, "E1", "empty", digest("q"))
        ledger.capture.commit(batch(1, [failed, archived("a"), excluded], [entry("a")], run_id="run-b"))
        ledger.capture.commit(batch(2, [quarantined], run_id="run-a"))
        ledger.capture.commit(batch(3, [failed], run_id="run-c"))
        found = ledger.records.refused(["run-b", "run-a"])
        assert found == [("run-a", quarantined), ("run-b", failed), ("run-b", excluded)]
