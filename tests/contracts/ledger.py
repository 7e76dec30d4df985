"""What every ledger promises of capture and records: one class per port, run by the fake and by each real adapter.

`tests.contracts.register_outbox_audit` has the other three.

A subclass gives the fixture `ledger`: an empty one with `capture`, `records`, `register`, `outbox` and `audit`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta, timezone
from typing import Any

import pytest

from capstone.domain.errors import AccountBusy, LedgerDamaged
from capstone.domain.message import ItemState, Occurrence, Place
from capstone.ports import REPLAY, AccountTotals, CaptureBatch, ItemOutcome, Quarantined
from tests.contracts.ledger_values import (
    ACCOUNT,
    NATIVE,
    NOON,
    REPORT,
    RUN,
    SOURCE,
    TEMPORARY,
    UNSCHEDULED,
    after,
    archived,
    batch,
    batch_of,
    beside,
    digest,
    entry,
    manifest,
    permanent,
    place,
    reclassified,
    run,
    seen_again,
)

NO_ITEMS = {state.value: 0 for state in ItemState}


class CaptureLedgerContract:
    """CaptureLedger."""

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

    def test_items_are_found_by_what_their_source_calls_them(self, ledger: Any) -> None:
        long = "ews:" + "AAMk" * 2000
        for number, (name, identity) in enumerate([("b", "graph:1"), ("a", "graph:1"), ("c", long)], 1):
            ledger.capture.commit(batch(number, [archived(name, Occurrence(place(name), identity=identity))], [entry(name)]))
        again = Occurrence(place("b"), identity="graph:1", differs=digest("other bytes"))
        ledger.capture.commit(batch(4, [seen_again("b", again)]))
        found = ledger.capture.held_items(ACCOUNT, ["graph:1", long, "graph:2"])
        assert found == {"graph:1": (digest("b"), digest("a")), long: (digest("c"),)}
        assert ledger.capture.held_items("other", ["graph:1"]) == {}
        assert ledger.capture.held_items(ACCOUNT, []) == {}
        record = ledger.records.record(f"{ACCOUNT}/{digest('b')}")
        assert [(one.identity, one.differs) for one in record.occurrences] == [
            ("graph:1", None),
            ("graph:1", digest("other bytes")),
        ]
        [held] = [one for one in ledger.replaying.held(ACCOUNT) if one.digest == digest("b")]
        assert held.occurrences == record.occurrences

    def test_what_is_kept_beside_records_is_told_once_in_the_order_in_which_it_came(self, ledger: Any) -> None:
        ledger.capture.commit(batch_of("abc"))
        ledger.capture.commit(batch(2, [beside("b", REPORT), beside("a", REPORT)]))
        ledger.capture.commit(batch(3, [beside("b", NATIVE), beside("b", REPORT)]))
        ids = [f"{ACCOUNT}/{digest(name)}" for name in "abc"]
        assert ledger.records.beside([*ids, f"other/{digest('a')}"]) == {ids[0]: (REPORT,), ids[1]: (REPORT, NATIVE)}
        assert ledger.records.beside([]) == {}
        both = {REPORT.digest: tuple(sorted((digest("a"), digest("b"))))}
        assert ledger.records.records_beside(ACCOUNT, [REPORT.digest, digest("other")]) == both
        assert ledger.records.records_beside(ACCOUNT, [NATIVE.digest]) == {NATIVE.digest: (digest("b"),)}
        assert ledger.records.records_beside("other", [REPORT.digest]) == {}

    def test_a_record_that_got_an_envelope_is_due_for_the_index(self, ledger: Any) -> None:
        ledger.capture.commit(batch_of("ab"))
        ledger.outbox.done("me", ledger.outbox.claim("me", NOON, 10, 60))
        ledger.capture.commit(batch(2, [beside("b", REPORT)]))
        assert ledger.outbox.claim("me", NOON, 10, 60) == [f"{ACCOUNT}/{digest('b')}"]

    def test_accounts_have_leases_of_their_own(self, ledger: Any) -> None:
        ledger.capture.take_lease(ACCOUNT, "first", NOON, ttl_s=60)
        ledger.capture.take_lease("other", "second", NOON, ttl_s=60)
        with pytest.raises(AccountBusy):
            ledger.capture.take_lease("other", "first", NOON, ttl_s=60)

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

    def test_known_gives_back_exactly_what_was_committed(self, ledger: Any) -> None:
        occurrence = Occurrence(place("a"), ("seen", "draft"), after(-5.000001), after(-60), True, digest("envelope"))
        record = entry("a", permanent())
        ledger.capture.commit(batch(1, [archived("a", occurrence)], [record]))
        assert ledger.capture.known(ACCOUNT, [digest("a"), digest("b")]) == {
            digest("a"): replace(record, occurrences=(occurrence,))
        }

    def test_the_same_bytes_in_another_account_are_not_known(self, ledger: Any) -> None:
        ledger.capture.commit(batch_of("a"))
        assert ledger.capture.known("other", [digest("a")]) == {}

    def test_more_digests_than_a_database_takes_at_once_are_asked_for(self, ledger: Any) -> None:
        names = list(range(2000))
        ledger.capture.commit(batch_of(names))
        known = ledger.capture.known(ACCOUNT, (digest(name) for name in [*names, *range(5000, 40000)]))
        assert known.keys() == {digest(name) for name in names}
        assert all(len(one.occurrences) == 1 for one in known.values())

    def test_every_distinct_occurrence_is_kept(self, ledger: Any) -> None:
        first = Occurrence(place("a"), received_at=NOON)
        elsewhere = Occurrence(place("a", "Sent"), is_sent=True)
        other_time = replace(first, received_at=after(3600))
        other_flags = replace(first, flags=("seen",))
        ledger.capture.commit(batch(1, [archived("a", first)], [entry("a")]))
        ledger.capture.commit(batch(2, [seen_again("a", first), seen_again("a", elsewhere)]))
        ledger.capture.commit(batch(3, [seen_again("a", other_time), seen_again("a", other_flags), seen_again("a", first)]))
        occurrences = ledger.capture.known(ACCOUNT, [digest("a")])[digest("a")].occurrences
        assert occurrences[:2] == (first, elsewhere)
        assert set(occurrences[2:]) == {other_time, other_flags}
        assert len(occurrences) == 4

    def test_an_instant_in_another_zone_is_the_same_occurrence(self, ledger: Any) -> None:
        here = Occurrence(place("a"), received_at=NOON, from_line_at=NOON)
        zone = timezone(timedelta(hours=-5))
        there = replace(here, received_at=NOON.astimezone(zone), from_line_at=NOON.astimezone(zone))
        ledger.capture.commit(batch(1, [archived("a", here), seen_again("a", there)], [entry("a")]))
        assert ledger.capture.known(ACCOUNT, [digest("a")])[digest("a")].occurrences == (here,)

    def test_names_that_no_database_likes_are_given_back_exactly(self, ledger: Any) -> None:
        hostile = Place(SOURCE, "In\x00box/\udcff\x1a0000", "it's \\ \ud800 % ? :x ₿ 😀.eml")
        outcome = ItemOutcome(hostile, ItemState.FAILED, "E1", "not \x00 readable \udc80")
        ledger.capture.commit(batch(1, [archived("a", Occurrence(hostile, ("\x00\udcff",))), outcome], [entry("a")]))
        assert ledger.capture.known(ACCOUNT, [digest("a")])[digest("a")].occurrences[0].place == hostile
        assert ledger.records.refused([RUN]) == [(RUN, outcome)]

    def test_names_of_any_length_are_given_back_exactly(self, ledger: Any) -> None:
        """Random text, which no index can press into a page."""
        long = "".join(map(digest, range(200)))
        ledger.capture.start_run(run())
        seen = Occurrence(Place(SOURCE, long, long), (long,))
        kept = [Quarantined(digest("q"), SOURCE, ACCOUNT, long + ending, "E1", "empty", 0) for ending in "ab"]
        cursors = {long + "a": "1", long + "b": long}
        ledger.capture.commit(batch(1, [archived("a", seen)], [entry("a")], quarantined=tuple(kept), cursors=cursors))
        assert ledger.capture.known(ACCOUNT, [digest("a")])[digest("a")].occurrences == (seen,)
        assert ledger.records.quarantine() == kept
        assert ledger.capture.cursors(ACCOUNT, SOURCE) == cursors

    def test_dates_at_the_edge_of_time_are_taken_in(self, ledger: Any) -> None:
        first_day, last_day = NOON.replace(year=1, month=1, day=1), NOON.replace(year=9999, month=12, day=31)
        records = [entry("a", permanent(message_date=first_day)), entry("b", permanent(message_date=last_day))]
        ledger.capture.commit(batch(1, [], records))
        kept = [one.classification.message_date for one in ledger.records.entries([records[0].record_id, records[1].record_id])]
        assert kept == [first_day, last_day]

    def test_cursors_move_with_the_batch(self, ledger: Any) -> None:
        ledger.capture.start_run(run())
        ledger.capture.commit(batch(1, cursors={"Inbox": "10", "Sent": "3"}))
        ledger.capture.commit(batch(2, cursors={"Inbox": "20"}))
        ledger.capture.commit(batch(3))
        assert ledger.capture.cursors(ACCOUNT, SOURCE) == {"Inbox": "20", "Sent": "3"}
        assert ledger.capture.cursors(ACCOUNT, "other") == {}
        assert ledger.capture.cursors("other", SOURCE) == {}

    def test_the_last_manifest_is_the_accounts_own_newest(self, ledger: Any) -> None:
        assert ledger.capture.last_manifest(ACCOUNT) is None
        ledger.capture.commit(batch(2))
        ledger.capture.commit(batch(1))
        ledger.capture.commit(batch(3, account="other"))
        assert ledger.capture.last_manifest(ACCOUNT) == manifest(1)
        assert ledger.capture.last_manifest("other") == manifest(3, "other")

    def test_committing_a_manifest_again_changes_nothing(self, ledger: Any) -> None:
        ledger.capture.start_run(run())
        kept = Quarantined(digest("q"), SOURCE, ACCOUNT, "q", "E1", "empty", 0)
        full = batch_of("ab", cursors={"Inbox": "1"}, quarantined=(kept,), reclassified=(reclassified("a", TEMPORARY),))
        ledger.capture.commit(full)
        before = everything(ledger)
        ledger.capture.commit(full)
        ledger.capture.commit(replace(full, cursors={"Inbox": "2"}))
        assert everything(ledger) == before

    def test_a_known_manifest_with_another_content_is_an_incident(self, ledger: Any) -> None:
        ledger.capture.commit(batch_of("a"))
        before = everything(ledger)
        with pytest.raises(LedgerDamaged, match="another digest"):
            ledger.capture.commit(batch_of("b", manifest=manifest(1, content="!")))
        assert everything(ledger) == before

    def test_the_first_capture_of_a_record_stands(self, ledger: Any) -> None:
        ledger.capture.commit(batch_of("a"))
        other = replace(entry("a", permanent()), version_id="v-other", run_id="run-9")
        moved = Occurrence(place("a", "Moved"))
        ledger.capture.commit(batch(2, [archived("a", moved)], [other]))
        record = ledger.records.record(other.record_id)
        assert replace(record, occurrences=()) == entry("a")
        assert record.occurrences == (Occurrence(place("a")), moved)
        assert len(ledger.records.class_history(other.record_id)) == 1

    @pytest.mark.parametrize(
        "impossible",
        [
            batch(2, [archived("new"), seen_again("unknown", Occurrence(place("x")))], [entry("new")]),
            batch(2, [archived("new")], [entry("new")], reclassified=(reclassified("unknown", TEMPORARY),)),
            batch(2, [archived("new")], [entry("new")], run_id="never began", cursors={"Inbox": "9"}),
            batch(2, [archived("new")], [entry("new"), entry("x", account="other")]),
        ],
        ids=["occurrence of no record", "class of no record", "cursor of no run", "two accounts"],
    )
    def test_a_batch_is_taken_in_whole_or_not_at_all(self, ledger: Any, impossible: CaptureBatch) -> None:
        ledger.capture.start_run(run())
        ledger.capture.commit(batch_of("a"))
        before = everything(ledger)
        with pytest.raises((LookupError, ValueError)):
            ledger.capture.commit(impossible)
        assert everything(ledger) == before


class RecordLedgerContract:
    """RecordLedger."""

    def test_an_empty_ledger_knows_nothing(self, ledger: Any) -> None:
        assert ledger.records.record(f"{ACCOUNT}/{digest('a')}") is None
        assert ledger.records.record("no id at all") is None
        assert list(ledger.records.records()) == ledger.records.totals() == ledger.records.runs() == []
        assert ledger.records.entries(["no id at all"]) == ledger.records.class_history("a/b") == []
        assert ledger.records.refused([RUN]) == ledger.records.quarantine() == ledger.records.breakdown() == []

    @pytest.mark.parametrize("name", ["", "a\x00/b", "\udcff/\ud800", "a/%s", "a/b/c", "a/" + "b" * 100_000])
    def test_an_id_that_nothing_can_have_is_an_unknown_one(self, ledger: Any, name: str) -> None:
        ledger.capture.commit(batch_of("a"))
        assert ledger.records.record(name) is None
        assert ledger.records.entries([name, entry("a").record_id]) == [entry("a")]
        ledger.outbox.enqueue([name])
        ledger.outbox.done("me", [name])
        ledger.outbox.release("me", [name])
        assert ledger.outbox.pending() == 1

    def test_a_record_is_given_back_with_its_occurrences(self, ledger: Any) -> None:
        record = entry("a", permanent())
        ledger.capture.commit(batch(1, [archived("a")], [record]))
        assert ledger.records.record(record.record_id) == replace(record, occurrences=(Occurrence(place("a")),))

    def test_records_come_in_the_order_of_their_ids(self, ledger: Any) -> None:
        accounts = ["chief", "chief-2", "chief2", "b"]
        for account in accounts:
            ledger.capture.commit(batch_of(range(25), account=account))
        ids = [one.record_id for one in ledger.records.records(page_size=10)]
        assert ids == sorted(ids)
        assert len(set(ids)) == 100

    @pytest.mark.parametrize("page_size", [1, 4, 5, 6, 1000])
    def test_pages_neither_lose_nor_repeat_a_record(self, ledger: Any, page_size: int) -> None:
        ledger.capture.commit(batch_of(range(5)))
        ledger.capture.commit(batch_of("a", account="other"))
        found = list(ledger.records.records(ACCOUNT, page_size))
        assert found == sorted((entry(name) for name in range(5)), key=lambda one: one.digest)

    def test_entries_come_as_asked_without_the_unknown(self, ledger: Any) -> None:
        ledger.capture.commit(batch_of(range(1000)))
        wanted = [entry(name) for name in (7, 3, 999)]
        asked = [wanted[0].record_id, f"{ACCOUNT}/{digest('x')}", wanted[1].record_id, wanted[2].record_id, wanted[0].record_id]
        assert ledger.records.entries(asked) == wanted
        assert len(ledger.records.entries([entry(name).record_id for name in range(3000)])) == 1000

    def test_a_class_has_a_history_and_the_newest_is_the_present_one(self, ledger: Any) -> None:
        record = entry("a")
        ledger.capture.commit(batch(1, [archived("a")], [record]))
        ledger.capture.commit(batch(2, reclassified=(reclassified("a", TEMPORARY), reclassified("a", permanent()))))
        ledger.capture.commit(batch(3, reclassified=(reclassified("a", UNSCHEDULED),)))
        history = [(after(1), UNSCHEDULED), (after(2), TEMPORARY), (after(2), permanent()), (after(3), UNSCHEDULED)]
        assert ledger.records.class_history(record.record_id) == history
        assert ledger.records.record(record.record_id).classification == UNSCHEDULED

    def test_totals_add_up_by_account_and_class(self, ledger: Any) -> None:
        records = [entry("a", permanent(), size=1), entry("b", permanent(), size=20), entry("c", TEMPORARY, size=300)]
        kept = Quarantined(digest("q"), SOURCE, ACCOUNT, "q", "E1", "empty", 0)
        ledger.capture.commit(batch(1, [], records, quarantined=(kept,)))
        ledger.capture.commit(batch(2, [], [entry("a", account="other", size=4000)], account="other"))
        ledger.capture.commit(batch(3, reclassified=(reclassified("b", UNSCHEDULED),)))
        assert ledger.records.totals() == [
            AccountTotals(ACCOUNT, 3, 321, 1, 1, 1, 1, after(3)),
            AccountTotals("other", 1, 4000, 0, 0, 1, 0, after(2)),
        ]

    def test_a_complete_run_without_new_mail_is_a_capture(self, ledger: Any) -> None:
        ledger.capture.start_run(run("run-1"))
        ledger.capture.finish_run("run-1", after(50), "complete", None)
        ledger.capture.start_run(run("run-2"))
        ledger.capture.finish_run("run-2", after(90), "failed", "E101")
        assert [(one.account, one.last_capture) for one in ledger.records.totals()] == [(ACCOUNT, after(50))]

    def test_a_replay_is_no_capture(self, ledger: Any) -> None:
        ledger.capture.commit(batch(1, [], [entry("a")]))
        ledger.capture.start_run(run("run-r", source=REPLAY))
        ledger.capture.commit(replace(batch(70, reclassified=(reclassified("a", TEMPORARY),)), run_id="run-r"))
        ledger.capture.finish_run("run-r", after(90), "complete", None)
        assert [one.last_capture for one in ledger.records.totals()] == [after(1)]

    def test_quarantine_of_an_account_without_records_is_counted(self, ledger: Any) -> None:
        kept = Quarantined(digest("q"), SOURCE, "", "q", "E1", "no account", 7)
        ledger.capture.commit(batch(1, quarantined=(kept,)))
        assert ledger.records.totals()[0] == AccountTotals("", 0, 0, 0, 0, 0, 1, None)

    def test_bytes_quarantined_again_are_one_entry_with_more_tries(self, ledger: Any) -> None:
        kept = Quarantined(digest("q"), SOURCE, ACCOUNT, "q", "E1", "empty", 0)
        ledger.capture.commit(batch(1, quarantined=(kept, replace(kept, item_id="p"))))
        ledger.capture.commit(batch(2, quarantined=(replace(kept, code="E2", reason="still empty"),)))
        again = replace(kept, code="E2", reason="still empty", tries=2)
        assert ledger.records.quarantine() == [replace(kept, item_id="p"), again]

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

    def test_the_places_of_a_source_are_those_of_what_is_held(self, ledger: Any) -> None:
        elsewhere = Occurrence(Place("imap", "Inbox", "9"))
        failed = ItemOutcome(place("f"), ItemState.FAILED, "E113", "cut short")
        again = Occurrence(place("a"), ("seen",))
        ledger.capture.commit(batch(1, [archived("a"), seen_again("a", elsewhere), seen_again("a", again), failed], [entry("a")]))
        ledger.capture.commit(batch_of("b", 2, "other"))
        assert ledger.records.places(ACCOUNT, SOURCE) == {place("a")}
        assert ledger.records.places(ACCOUNT, "imap") == {elsewhere.place}
        assert ledger.records.places("nobody", SOURCE) == set()

    def test_records_with_the_content_of_another_are_counted(self, ledger: Any) -> None:
        same = [replace(entry(name), content_key="same") for name in "ab"]
        unread = [replace(entry(name), content_key="") for name in "cd"]
        elsewhere = replace(entry("a", account="other"), content_key="same")
        ledger.capture.commit(batch(1, [archived(name) for name in "abcde"], [*same, *unread, entry("e")]))
        ledger.capture.commit(batch(1, [archived("a")], [elsewhere], account="other"))
        assert ledger.records.twins() == {ACCOUNT: 2}

    def test_the_breakdown_counts_every_record_once(self, ledger: Any) -> None:
        records = [entry("a", permanent()), entry("b", permanent()), entry("c", TEMPORARY), entry("d"), entry("e")]
        ledger.capture.commit(batch(1, [], records))
        ledger.capture.commit(batch(2, reclassified=(reclassified("e", TEMPORARY),)))
        assert ledger.records.breakdown() == [
            (ACCOUNT, "permanent", "010", date(2031, 12, 31), date(2056, 12, 31), 2),
            (ACCOUNT, "temporary", "011", date(2031, 12, 31), None, 2),
            (ACCOUNT, "unscheduled", None, None, None, 1),
        ]


def everything(ledger: Any) -> list[object]:
    """All that a ledger answers, to see whether anything changed."""
    records = list(ledger.records.records())
    return [
        ledger.records.totals(),
        ledger.records.runs(),
        ledger.records.quarantine(),
        ledger.records.refused([RUN]),
        ledger.capture.known(ACCOUNT, [one.digest for one in records]),
        [ledger.records.class_history(one.record_id) for one in records],
        ledger.capture.cursors(ACCOUNT, SOURCE),
        ledger.capture.last_manifest(ACCOUNT),
        ledger.outbox.pending(),
    ]
