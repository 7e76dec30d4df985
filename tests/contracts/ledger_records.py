"""What every ledger promises of its records: each is found, in order, with its history, and every sum is theirs."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from capstone.domain.message import ItemState, Occurrence, Place
from capstone.ports import REPLAY, AccountTotals, ItemOutcome, Quarantined
from tests.contracts.ledger_values import (
    ACCOUNT,
    RUN,
    SOURCE,
    TEMPORARY,
    UNSCHEDULED,
    after,
    archived,
    batch,
    batch_of,
    digest,
    entry,
    permanent,
    place,
    reclassified,
    run,
    seen_again,
)


class RecordListingContract:
    """Which records there are."""

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

    def test_the_places_of_a_source_are_those_of_what_is_held(self, ledger: Any) -> None:
        elsewhere = Occurrence(Place("imap", "Inbox", "9"))
        failed = ItemOutcome(place("f"), ItemState.FAILED, "E113", "cut short")
        again = Occurrence(place("a"), ("seen",))
        ledger.capture.commit(batch(1, [archived("a"), seen_again("a", elsewhere), seen_again("a", again), failed], [entry("a")]))
        ledger.capture.commit(batch_of("b", 2, "other"))
        assert ledger.records.places(ACCOUNT, SOURCE) == {place("a")}
        assert ledger.records.places(ACCOUNT, "imap") == {elsewhere.place}
        assert ledger.records.places("nobody", SOURCE) == set()

    def test_bytes_quarantined_again_are_one_entry_with_more_tries(self, ledger: Any) -> None:
        kept = Quarantined(digest("q"), SOURCE, ACCOUNT, "q", "E1", "empty", 0)
        ledger.capture.commit(batch(1, quarantined=(kept, replace(kept, item_id="p"))))
        ledger.capture.commit(batch(2, quarantined=(replace(kept, code="E2", reason="still empty"),)))
        again = replace(kept, code="E2", reason="still empty", tries=2)
        assert ledger.records.quarantine() == [replace(kept, item_id="p"), again]


class SumsContract:
    """How many there are, by account and class."""

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

    def test_records_with_the_content_of_another_are_counted_and_named(self, ledger: Any) -> None:
        same = [replace(entry(name), content_key="same") for name in "ab"]
        unread = [replace(entry(name), content_key="") for name in "cd"]
        elsewhere = replace(entry("a", account="other"), content_key="same")
        ledger.capture.commit(batch(1, [archived(name) for name in "abcde"], [*same, *unread, entry("e")]))
        ledger.capture.commit(batch(1, [archived("a")], [elsewhere], account="other"))
        assert ledger.records.twins() == {ACCOUNT: 2}
        named = {name: [one.digest for one in ledger.records.twins_of(f"{ACCOUNT}/{digest(name)}")] for name in "abcdex"}
        assert named == {"a": [digest("b")], "b": [digest("a")], "c": [], "d": [], "e": [], "x": []}
        assert ledger.records.twins_of(f"{ACCOUNT}/{digest('a')}") == ledger.records.entries([f"{ACCOUNT}/{digest('b')}"])
        assert ledger.records.twins_of(f"{ACCOUNT}/{digest('a')}", limit=0) == []

    def test_the_breakdown_counts_every_record_once(self, ledger: Any) -> None:
        records = [entry("a", permanent()), entry("b", permanent()), entry("c", TEMPORARY), entry("d"), entry("e")]
        ledger.capture.commit(batch(1, [], records))
        ledger.capture.commit(batch(2, reclassified=(reclassified("e", TEMPORARY),)))
        assert ledger.records.breakdown() == [
            (ACCOUNT, "permanent", "010", date(2031, 12, 31), date(2056, 12, 31), 2),
            (ACCOUNT, "temporary", "011", date(2031, 12, 31), None, 2),
            (ACCOUNT, "unscheduled", None, None, None, 1),
        ]
