"""What every ledger promises of register, outbox and audit: one class per port, as in `tests.contracts.ledger`.

A subclass gives the fixture `ledger`: an empty one with `capture`, `records`, `register`, `outbox` and `audit`.
"""

from __future__ import annotations

from datetime import date, timedelta, timezone
from typing import Any

import pytest

from capstone.domain.errors import LedgerDamaged
from capstone.domain.events import GENESIS, first_break
from capstone.domain.message import Occurrence
from tests.contracts.ledger_values import (
    NOON,
    TEMPORARY,
    after,
    batch,
    batch_of,
    decision,
    designation,
    entry,
    place,
    reclassified,
    seen_again,
)


class RegisterLedgerContract:
    """RegisterLedger."""

    def test_decisions_are_numbered_from_one(self, ledger: Any) -> None:
        assert ledger.register.next_decision() == 1
        ledger.register.apply(decision(1))
        assert ledger.register.next_decision() == 2

    def test_designations_are_given_back_exactly_and_in_order(self, ledger: Any) -> None:
        rows = [designation("c", starts=date(2031, 1, 1)), designation("b"), designation("a"), designation("d", "another")]
        ledger.register.apply(decision(1, rows))
        assert ledger.register.designations() == [rows[3], rows[2], rows[1], rows[0]]

    def test_the_register_is_known_as_it_was_on_a_day(self, ledger: Any) -> None:
        old, new = designation("old"), designation("new", ends=date(2030, 12, 31))
        ledger.register.apply(decision(1, [old]))
        ledger.register.apply(decision(2, [new], {"old": "new"}, at=after(60), actor="alex"))
        assert ledger.register.designations(after(-1)) == []
        assert ledger.register.designations(NOON) == [old]
        assert ledger.register.designations(after(59)) == [old]
        assert ledger.register.designations(after(60)) == ledger.register.designations() == [new]

    def test_nothing_that_was_taken_in_is_forgotten(self, ledger: Any) -> None:
        old, new = designation("old"), designation("new")
        ledger.register.apply(decision(1, [old]))
        ledger.register.apply(decision(2, [new], {"old": "new"}, at=after(60), actor="alex"))
        assert ledger.register.designation_history() == [(1, NOON, "robin", old, "new"), (2, after(60), "alex", new, None)]

    def test_a_correction_can_be_taken_back(self, ledger: Any) -> None:
        old, new = designation("old"), designation("new")
        ledger.register.apply(decision(1, [old]))
        ledger.register.apply(decision(2, [new], {"old": "new"}, at=after(1)))
        ledger.register.apply(decision(3, [old], {"new": "old"}, at=after(2)))
        assert ledger.register.designations() == [old]
        assert ledger.register.designations(after(1)) == [new]
        assert [(row[0], row[4]) for row in ledger.register.designation_history()] == [(1, "new"), (2, "old"), (3, None)]

    def test_a_decision_applied_twice_counts_once(self, ledger: Any) -> None:
        for _ in range(2):
            ledger.register.apply(decision(1, [designation("a")]))
        assert len(ledger.register.designation_history()) == 1

    def test_another_decision_of_the_same_number_is_refused(self, ledger: Any) -> None:
        ledger.register.apply(decision(1, [designation("a")]))
        with pytest.raises(LedgerDamaged, match="Decision 1"):
            ledger.register.apply(decision(1, [designation("b")]))
        with pytest.raises(LedgerDamaged, match="Decision 1"):
            ledger.register.apply(decision(1, [designation("a")], {"x": "a"}))
        assert ledger.register.designations() == [designation("a")]


class OutboxContract:
    """Outbox."""

    def test_new_records_and_changed_classes_are_due(self, ledger: Any) -> None:
        ledger.capture.commit(batch_of("ab"))
        self.finish(ledger)
        ledger.capture.commit(batch(2, [seen_again("a", Occurrence(place("a", "Moved")))]))
        assert ledger.outbox.pending() == 0
        ledger.capture.commit(batch(3, reclassified=(reclassified("b", TEMPORARY),)))
        assert ledger.outbox.claim("me", NOON, 10, 60) == [entry("b").record_id]

    def test_what_is_claimed_is_nobody_elses_until_the_claim_ends(self, ledger: Any) -> None:
        ledger.capture.commit(batch_of("abc"))
        first = ledger.outbox.claim("first", NOON, 2, 60)
        assert ledger.outbox.claim("second", after(59), 10, 60) == [entry("c").record_id]
        assert ledger.outbox.claim("third", after(60), 10, 60) == first == [entry("a").record_id, entry("b").record_id]

    def test_claims_that_are_kept_last_from_then_on_and_nobody_elses_do(self, ledger: Any) -> None:
        ledger.capture.commit(batch_of("abc"))
        mine = ledger.outbox.claim("first", NOON, 2, 60)
        ledger.outbox.claim("second", NOON, 10, 60)
        ledger.outbox.keep("first", after(59), 60)
        assert ledger.outbox.claim("third", after(60), 10, 60) == [entry("c").record_id]
        assert ledger.outbox.claim("fourth", after(119), 10, 60) == mine

    def test_done_removes_only_what_the_holder_claimed(self, ledger: Any) -> None:
        ledger.capture.commit(batch_of("ab"))
        ids = ledger.outbox.claim("first", NOON, 10, 60)
        ledger.outbox.done("second", ids)
        assert ledger.outbox.pending() == 2
        ledger.outbox.done("first", [ids[0], "no id at all"])
        assert ledger.outbox.pending() == 1
        ledger.outbox.done("first", [])
        assert ledger.outbox.pending() == 1

    def test_a_change_made_while_indexing_stays_due(self, ledger: Any) -> None:
        ledger.capture.commit(batch_of("a"))
        ids = ledger.outbox.claim("first", NOON, 10, 60)
        ledger.capture.commit(batch(2, reclassified=(reclassified("a", TEMPORARY),)))
        assert ledger.outbox.claim("second", NOON, 10, 60) == []
        ledger.outbox.done("first", ids)
        assert ledger.outbox.claim("second", NOON, 10, 60) == ids
        ledger.outbox.done("second", ids)
        assert ledger.outbox.pending() == 0

    def test_what_failed_comes_after_what_was_not_tried(self, ledger: Any) -> None:
        ledger.capture.commit(batch_of("abc"))
        ledger.outbox.release("me", ledger.outbox.claim("me", NOON, 1, 60))
        ledger.outbox.release("me", [])
        ids = [entry(name).record_id for name in "abc"]
        assert ledger.outbox.claim("me", NOON, 10, 60) == [ids[1], ids[2], ids[0]]

    def test_all_claims_of_one_who_is_gone_are_freed_and_count_no_try(self, ledger: Any) -> None:
        ledger.capture.commit(batch_of("abc"))
        ledger.outbox.claim("gone", NOON, 2, 3600)
        ledger.outbox.claim("here", NOON, 1, 3600)
        assert ledger.outbox.holders() == ["gone", "here"]
        ledger.outbox.free("gone")
        assert ledger.outbox.holders() == ["here"]
        assert ledger.outbox.claim("me", NOON, 10, 60) == [entry("a").record_id, entry("b").record_id]

    def test_only_the_holder_releases(self, ledger: Any) -> None:
        ledger.capture.commit(batch_of("a"))
        ledger.outbox.release("second", ledger.outbox.claim("first", NOON, 1, 60))
        assert ledger.outbox.claim("second", NOON, 10, 60) == []

    def test_records_missing_in_the_index_can_be_made_due(self, ledger: Any) -> None:
        ledger.capture.commit(batch_of("ab"))
        self.finish(ledger)
        ledger.capture.commit(batch_of("c", number=2))
        ledger.outbox.claim("first", NOON, 10, 60)
        ledger.outbox.enqueue([entry(name).record_id for name in "acx"])
        ledger.outbox.enqueue([])
        assert ledger.outbox.claim("second", NOON, 10, 60) == [entry("a").record_id]
        assert ledger.outbox.pending() == 2

    def test_a_rebuild_makes_every_record_due(self, ledger: Any) -> None:
        ledger.capture.commit(batch_of("abc"))
        self.finish(ledger)
        ledger.capture.commit(batch_of("d", number=2))
        claimed = ledger.outbox.claim("me", NOON, 10, 60)
        assert ledger.outbox.enqueue_all() == 4
        assert ledger.outbox.pending() == 4
        ledger.outbox.done("me", claimed)
        assert ledger.outbox.pending() == 4

    @staticmethod
    def finish(ledger: Any) -> None:
        ledger.outbox.done("finisher", ledger.outbox.claim("finisher", NOON, 1000, 60))
        assert ledger.outbox.pending() == 0


class AuditLogContract:
    """AuditLog."""

    def test_the_chain_begins_at_genesis_and_adds_up(self, ledger: Any) -> None:
        added = [
            ledger.audit.append(after(number), "robin", "search", {"query": "budget", "total": number}) for number in range(3)
        ]
        kept = list(ledger.audit.entries())
        assert kept == added
        assert [one.seq for one in kept] == [1, 2, 3]
        assert kept[0].previous == GENESIS
        assert first_break(kept) is None

    def test_details_read_back_give_the_same_digest(self, ledger: Any) -> None:
        details = {"ids": ("a", "b"), "by number": {10: "x", 9: "y"}, "none": None, "share": 0.1, "text": 'é "\x00 \ud800'}
        zone = timezone(timedelta(hours=5, minutes=30))
        entry = ledger.audit.append(NOON.astimezone(zone), "a\x00b", "export", details)
        assert list(ledger.audit.entries()) == [entry]
        assert entry.at.isoformat() == NOON.isoformat()
        assert first_break(ledger.audit.entries()) is None

    def test_details_that_cannot_be_kept_are_refused(self, ledger: Any) -> None:
        with pytest.raises(TypeError):
            ledger.audit.append(NOON, "robin", "search", {"when": NOON})
        assert list(ledger.audit.entries()) == []

    def test_a_long_chain_is_read_from_any_entry(self, ledger: Any) -> None:
        for number in range(12):
            ledger.audit.append(after(number), "robin", "view", {})
        assert [one.seq for one in ledger.audit.entries(from_seq=10)] == [10, 11, 12]
        assert list(ledger.audit.entries(from_seq=13)) == []
