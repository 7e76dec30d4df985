"""What every ledger promises of batches: each is taken in whole, once, or not at all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from capstone.domain.errors import LedgerDamaged
from capstone.domain.message import Occurrence
from capstone.ports import CaptureBatch, Quarantined
from tests.contracts.ledger_answers import everything
from tests.contracts.ledger_values import (
    ACCOUNT,
    SOURCE,
    TEMPORARY,
    archived,
    batch,
    batch_of,
    digest,
    entry,
    manifest,
    permanent,
    place,
    reclassified,
    run,
    seen_again,
)


class BatchContract:
    """What a batch may change."""

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
