"""The parts of the replay's tasks that do not need Airflow to run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from capstone.domain.errors import AccountBusy, CapstoneError, RunFailed, StoreUnavailable, UnknownAccount
from capstone.usecases.replay import AccountReplay
from dags.replaying import REPLAYS, replay_accounts
from dags.run_summary import failed_accounts


@dataclass
class SomeArchive:
    """Gives the answers it was made with."""

    answers: Mapping[str, AccountReplay | CapstoneError]

    def replay(self, account: str) -> AccountReplay:
        answer = self.answers[account]
        if isinstance(answer, CapstoneError):
            raise answer
        return answer


def test_a_failed_account_does_not_stop_the_others_and_its_counts_are_kept() -> None:
    half = AccountReplay("b", checked=5, changed=2, error=StoreUnavailable("No answer."))
    rows, error = replay_accounts(SomeArchive({"a": UnknownAccount("Gone."), "b": half, "c": AccountReplay("c", 4)}), "abc")
    assert [(row["account"], row["outcome"], row["checked"], row["changed"]) for row in rows] == [
        ("a", "failed", 0, 0),
        ("b", "failed", 5, 2),
        ("c", "complete", 4, 0),
    ]
    assert error is half.error, "an error that a retry can mend decides"


def test_records_that_failed_fail_the_account() -> None:
    rows, error = replay_accounts(SomeArchive({"a": AccountReplay("a", checked=5, failed=3)}), ["a"])
    assert isinstance(error, RunFailed)
    assert "3 records of a could not be changed" in str(rows[0]["error"])


def test_what_waits_for_approval_is_no_failure() -> None:
    rows, error = replay_accounts(SomeArchive({"a": AccountReplay("a", checked=5, waiting_for_approval=3)}), ["a"])
    assert (error, failed_accounts(rows), rows[0]["waiting_for_approval"]) == (None, [], 3)


def test_an_account_without_a_report_counts_as_failed() -> None:
    rows = REPLAYS.with_unreported(["b", "a"], [REPLAYS.failed_row("b", "E303")])
    assert [row["account"] for row in rows] == failed_accounts(rows) == ["a", "b"]


def test_the_table_sums_up_all_accounts_and_says_why_one_failed() -> None:
    rows, _ = replay_accounts(SomeArchive({"a": AccountReplay("a", 7, 2, 1, 0, 4), "b": AccountBusy("Another run.")}), "ab")
    lines = REPLAYS.as_table(rows).splitlines()
    assert lines[0].split() == ["account", *REPLAYS.counts, "outcome"]
    assert lines[3].split() == ["all", "7", "2", "1", "0", "4", "0", "1", "failed"]
    assert lines[-1].startswith("b: E303: Another run.")
