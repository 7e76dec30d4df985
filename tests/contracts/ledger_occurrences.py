"""What every ledger promises of what was taken in: known again exactly, with every place it was seen in and all beside it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta, timezone
from typing import Any

from capstone.domain.message import ItemState, Occurrence, Place
from capstone.ports import ItemOutcome, Quarantined
from tests.contracts.ledger_values import (
    ACCOUNT,
    NATIVE,
    NOON,
    REPORT,
    RUN,
    SOURCE,
    after,
    archived,
    batch,
    batch_of,
    beside,
    digest,
    entry,
    permanent,
    place,
    run,
    seen_again,
)


class KnownContract:
    """What is known, and by which names."""

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


class HostileValuesContract:
    """Names and dates that no database likes."""

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
