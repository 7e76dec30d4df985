"""What every ledger promises to a replay of classes. A subclass gives the fixture `ledger`, as in `tests.contracts.ledger`."""

from __future__ import annotations

from typing import Any

from capstone.domain.message import Occurrence
from capstone.domain.records import Learned
from capstone.domain.sketches import Sketch
from capstone.ports import HeldRecord
from tests.contracts.ledger_values import (
    ACCOUNT,
    TEMPORARY,
    after,
    archived,
    batch,
    batch_of,
    digest,
    entry,
    permanent,
    place,
    reclassified,
    seen_again,
)
from tests.fakes.replay_ledger import sketch_of

NAMES = "abcdefg"
IN_ORDER = sorted(digest(name) for name in NAMES)
FULL = Learned(after(-86400.5), after(-7), ("0123456789abcdef", "fedcba9876543210"), ("00000000ffffffff",))


class ReplayLedgerContract:
    """ReplayLedger."""

    def test_a_record_is_held_with_all_that_decides_on_its_class(self, ledger: Any) -> None:
        odd = Occurrence(place("a\x00", "In\udcff"), ("seen", "flagged"), after(-5.000001), after(-60), True, digest("envelope"))
        record = entry("a", permanent(form="NC\x00"))
        ledger.capture.commit(batch(1, [archived("a", odd)], [record], learned={digest("a"): FULL}))
        ledger.capture.commit(batch(2, [seen_again("a", Occurrence(place("a", "Sent")))]))
        [held] = ledger.replaying.held(ACCOUNT)
        assert held == HeldRecord(
            ACCOUNT, digest("a"), "v-a", after(1), record.classification, FULL, (odd, Occurrence(place("a", "Sent"))), after(2)
        )
        assert held.record_id == record.record_id

    def test_what_shows_nothing_new_of_a_record_is_no_newer_sight_of_it(self, ledger: Any) -> None:
        ledger.capture.commit(batch_of("ab"))
        before = [held.seen_at for held in ledger.replaying.held(ACCOUNT)]
        ledger.capture.commit(batch(2, [seen_again("a", Occurrence(place("a")))], reclassified=(reclassified("b", TEMPORARY),)))
        assert [held.seen_at for held in ledger.replaying.held(ACCOUNT)] == before == [after(1)] * 2

    def test_the_class_is_the_present_one(self, ledger: Any) -> None:
        ledger.capture.commit(batch_of("ab"))
        ledger.capture.commit(batch(2, reclassified=(reclassified("b", TEMPORARY),)))
        classes = {held.digest: held.classification for held in ledger.replaying.held(ACCOUNT)}
        assert classes == {digest("a"): entry("a").classification, digest("b"): TEMPORARY}

    def test_records_come_in_the_order_of_their_digests_from_any_place_and_in_pages_of_any_size(self, ledger: Any) -> None:
        ledger.capture.commit(batch_of(NAMES))
        ledger.capture.commit(batch_of("x", 2, account="another"))
        for size in (1, 3, 7, 100):
            assert [held.digest for held in ledger.replaying.held(ACCOUNT, page_size=size)] == IN_ORDER
            assert [held.digest for held in ledger.replaying.held(ACCOUNT, IN_ORDER[2], size)] == IN_ORDER[3:]
        assert list(ledger.replaying.held("nobody")) == []

    def test_what_the_bytes_say_is_noted_at_capture_or_later_and_is_missing_until_then(self, ledger: Any) -> None:
        some = {digest("a"): FULL, digest("b"): Learned()}
        ledger.capture.commit(batch_of("abcd", learned=some))
        left = sorted([digest("c"), digest("d")])
        assert ledger.replaying.unlearned(ACCOUNT, 10) == left
        assert ledger.replaying.unlearned(ACCOUNT, 1) == left[:1]
        assert ledger.replaying.unlearned(ACCOUNT, 1, left[0]) == left[1:]
        assert ledger.replaying.unlearned(ACCOUNT, 10, left[1]) == []
        ledger.replaying.learn(ACCOUNT, {left[0]: FULL})
        assert ledger.replaying.unlearned(ACCOUNT, 10) == left[1:]
        told = {held.digest: held.learned for held in ledger.replaying.held(ACCOUNT)}
        assert told == {**some, left[0]: FULL, left[1]: None}

    def test_noting_it_again_changes_nothing_and_a_newer_reading_stands(self, ledger: Any) -> None:
        ledger.capture.commit(batch_of("a"))
        for said in (Learned(), FULL, FULL):
            ledger.replaying.learn(ACCOUNT, {digest("a"): said})
        assert [held.learned for held in ledger.replaying.held(ACCOUNT)] == [FULL]

    def test_nothing_is_noted_of_what_is_no_record_of_the_account(self, ledger: Any) -> None:
        ledger.capture.commit(batch_of("a"))
        ledger.replaying.learn("another", {digest("a"): FULL})
        ledger.replaying.learn(ACCOUNT, {digest("z"): FULL})
        ledger.replaying.learn(ACCOUNT, {})
        assert ledger.replaying.unlearned(ACCOUNT, 10) == [digest("a")]

    def test_accounts_that_have_records_are_named_in_order(self, ledger: Any) -> None:
        assert list(ledger.replaying.accounts_held()) == []
        for number, account in enumerate(("b", "a-b", "a"), 1):
            ledger.capture.commit(batch_of("x", number, account=account))
        assert list(ledger.replaying.accounts_held()) == ["a", "a-b", "b"]

    def test_a_preview_reads_every_record_of_every_account_once_as_it_is_held(self, ledger: Any) -> None:
        odd = Occurrence(place("a\x00", "In\udcff"), ("seen",), after(-5.000001), after(-60), True, digest("envelope"))
        flagged = permanent(form="NC\x00", flags=("dates_apart", "roles_overlap"))
        ledger.capture.commit(batch(1, [archived("a", odd)], [entry("a", flagged)], learned={digest("a"): FULL}))
        ledger.capture.commit(batch(2, [seen_again("a", Occurrence(place("a", "Sent"), is_sent=True))]))
        ledger.capture.commit(batch_of("bcdef", 3, learned={digest("b"): Learned()}))
        ledger.capture.commit(batch_of("x", 4, account="another"))
        ledger.capture.commit(batch(5, reclassified=(reclassified("b", TEMPORARY),)))
        held = [one for account in ledger.replaying.accounts_held() for one in ledger.replaying.held(account)]
        for size in (1, 2, 100):
            assert sorted(map(told, ledger.replaying.sketches(size))) == sorted(told(sketch_of(one)) for one in held)


def told(sketch: Sketch) -> str:
    """What a sketch says. Of a record that was found in several places, those stand in `others`, in any order."""
    if not sketch.others:
        return repr(sketch)
    others = sorted(repr((one.place.folder, one.received_at, one.from_line_at, one.is_sent)) for one in sketch.others)
    return repr((sketch._replace(dates=(*sketch.dates[:2], None, None), is_sent=False, folder="", others=()), others))
