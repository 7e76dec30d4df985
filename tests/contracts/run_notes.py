"""What every ledger promises of what sources could not reach. A subclass gives the fixture `ledger`, an empty one."""

from __future__ import annotations

from typing import Any

from capstone.domain.message import SourceNote
from capstone.ports import Noted, SourceGap
from tests.contracts.ledger_values import ACCOUNT, SOURCE, after, run

ARCHIVE = SourceNote("archive_mailbox_not_offered", "In-Place Archive", "The server does not tell or show it (403).")
FOLDER = SourceNote("folder_not_shown", "In\x00box/\udcff", "The server does not show it.")
TRANSLATED = SourceNote("ids_not_translated", "")
WHOLE_PST = SourceNote("container", "/mnt/old.pst", "", {"expected": 3, "emitted": 3, "unrecovered": 0})
HURT_PST = SourceNote("container", "/mnt/old.pst", "a part is lost", {"expected": 3, "emitted": 2, "unrecovered": 1})


class RunNotesContract:
    """CaptureLedger.finish_run, RecordLedger.runs and RecordLedger.gaps."""

    def test_the_notes_of_a_run_are_given_back_as_they_were_told(self, ledger: Any) -> None:
        told = (FOLDER, TRANSLATED, HURT_PST, FOLDER)
        finished = ended(ledger, "run-1", *told)
        ended(ledger, "run-2")
        assert finished.notes == told
        assert {one.run_id: one.notes for one in ledger.records.runs()} == {"run-1": told, "run-2": ()}
        assert [one.notes for one in ledger.records.runs(limit=1)] == [()]

    def test_only_gaps_are_gaps_and_they_come_by_account_source_and_run(self, ledger: Any) -> None:
        assert ledger.records.gaps() == []
        ended(ledger, "run-3", ARCHIVE, source="later")
        ended(ledger, "run-2", TRANSLATED, FOLDER, ARCHIVE, WHOLE_PST)
        ended(ledger, "run-1", HURT_PST, account="another")
        assert ledger.records.gaps() == [
            SourceGap("another", SOURCE, "run-1", HURT_PST),
            SourceGap(ACCOUNT, SOURCE, "run-2", FOLDER),
            SourceGap(ACCOUNT, SOURCE, "run-2", ARCHIVE),
            SourceGap(ACCOUNT, "later", "run-3", ARCHIVE),
        ]

    def test_a_run_that_read_all_closes_what_it_does_not_name_and_of_its_own_source_only(self, ledger: Any) -> None:
        ended(ledger, "run-1", ARCHIVE, FOLDER)
        ended(ledger, "run-2", ARCHIVE, account="another")
        ended(ledger, "run-3", ARCHIVE, source="another")
        ended(ledger, "run-4", ARCHIVE)
        assert [(gap.run_id, gap.note) for gap in ledger.records.gaps() if (gap.account, gap.source) == (ACCOUNT, SOURCE)] == [
            ("run-4", ARCHIVE)
        ]
        ended(ledger, "run-5")
        assert [gap.run_id for gap in ledger.records.gaps()] == ["run-2", "run-3"]

    def test_a_run_that_did_not_read_all_adds_and_renews_and_closes_nothing_else(self, ledger: Any) -> None:
        ended(ledger, "run-1", ARCHIVE)
        ended(ledger, "run-2", is_whole=False)
        ended(ledger, "run-3", FOLDER, is_whole=False)
        assert [(gap.run_id, gap.note) for gap in ledger.records.gaps()] == [("run-1", ARCHIVE), ("run-3", FOLDER)]
        ended(ledger, "run-4", ARCHIVE, is_whole=False)
        assert [(gap.run_id, gap.note) for gap in ledger.records.gaps()] == [("run-3", FOLDER), ("run-4", ARCHIVE)]

    def test_what_a_container_lacks_is_lacking_until_it_is_read_again(self, ledger: Any) -> None:
        ended(ledger, "run-1", HURT_PST)
        ended(ledger, "run-2", SourceNote("container", "/mnt/other.pst", "", {"unrecovered": 0}))
        assert [gap.note for gap in ledger.records.gaps()] == [HURT_PST]
        ended(ledger, "run-3", WHOLE_PST)
        assert ledger.records.gaps() == []

    def test_a_run_that_is_abandoned_or_taken_in_again_changes_no_gap(self, ledger: Any) -> None:
        ended(ledger, "run-1", ARCHIVE)
        ledger.capture.start_run(run("run-2"))
        ledger.capture.start_run(run("run-3"))
        ledger.capture.finish_run("run-3", after(9), "rebuilt", None)
        assert [one.outcome for one in ledger.records.runs()].count("abandoned") == 1
        assert [gap.note for gap in ledger.records.gaps()] == [ARCHIVE]

    def test_a_run_that_is_closed_twice_has_its_notes_once(self, ledger: Any) -> None:
        ended(ledger, "run-1", ARCHIVE, FOLDER)
        again = ledger.capture.finish_run("run-1", after(9), "complete", None, Noted((ARCHIVE, FOLDER), is_whole=True))
        assert again.notes == (ARCHIVE, FOLDER)
        assert [gap.note for gap in ledger.records.gaps()] == [ARCHIVE, FOLDER]


def ended(
    ledger: Any, run_id: str, *notes: SourceNote, account: str = ACCOUNT, source: str = SOURCE, is_whole: bool = True
) -> Any:
    """A run with these notes."""
    ledger.capture.start_run(run(run_id, account, source))
    return ledger.capture.finish_run(run_id, after(9), "complete", None, Noted(notes, is_whole))
