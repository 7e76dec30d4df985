"""The parts of the tasks that do not need Airflow to run."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest
from airflow.sdk.exceptions import AirflowFailException
from hypothesis import given
from hypothesis import strategies as st

from capstone.domain.errors import AccountBusy, CapstoneError, IndexUnavailable, RunFailed, SourceMissing, SourceUnavailable
from dags.capturing import CAPTURES, capture_accounts
from dags.indexing_passes import index_all
from dags.run_errors import named_errors
from dags.run_summary import HEADING, failed_accounts, groups_of
from scripts.airflow_local import ROOT, counts_in
from tests.dags.local import LONG_S


@dataclass(frozen=True)
class SomeReport:
    account: str
    outcome: str = "complete"
    error: CapstoneError | None = None
    counts: Mapping[str, int] = field(default_factory=dict)

    def as_counts(self) -> Mapping[str, object]:
        counts = dict.fromkeys(CAPTURES.counts, 0) | dict(self.counts)
        return {"run": "r1", "account": self.account, "source": "export", **counts, "outcome": self.outcome, "error": None}


@dataclass
class SomeArchive:
    """Gives the answers it was made with, and notes who was asked for."""

    answers: Mapping[str, CapstoneError | Sequence[SomeReport]]
    asked: list[str] = field(default_factory=list)

    def capture(self, account: str) -> Sequence[SomeReport]:
        self.asked.append(account)
        answer = self.answers[account]
        if isinstance(answer, CapstoneError):
            raise answer
        return answer


@given(st.lists(st.text(min_size=1), max_size=60), st.integers(min_value=1, max_value=20))
def test_groups_hold_every_account_once_in_order_and_are_never_too_many(accounts: list[str], most: int) -> None:
    groups = groups_of(accounts, most)
    assert [account for group in groups for account in group] == accounts
    assert len(groups) <= most
    assert all(groups)


def test_an_account_has_a_task_of_its_own_as_long_as_airflow_can_map_so_many() -> None:
    names = [f"account-{number}" for number in range(1025)]
    assert groups_of(names[:1024], 1024) == [[name] for name in names[:1024]]
    assert max(map(len, groups_of(names, 1024))) == 2


def test_a_failed_account_does_not_stop_the_others_of_its_group() -> None:
    archive = SomeArchive(
        {"a": SourceMissing("The path is not there."), "b": [SomeReport("b", counts={"offered": 2, "archived": 2})]}
    )
    rows, error = capture_accounts(archive, ["a", "b"])
    assert archive.asked == ["a", "b"]
    assert [(row["account"], row["outcome"], row["archived"]) for row in rows] == [("a", "failed", 0), ("b", "complete", 2)]
    assert isinstance(error, SourceMissing)
    assert str(rows[0]["error"]).startswith("E102: The path is not there. ")


def test_a_source_that_failed_fails_the_account_and_its_counts_are_kept() -> None:
    failed = SomeReport("a", "failed", SourceMissing("Gone."), {"offered": 3, "archived": 3})
    rows, error = capture_accounts(SomeArchive({"a": [failed, SomeReport("a")]}), ["a"])
    assert [(row["outcome"], row["archived"], bool(row["error"])) for row in rows] == [
        ("failed", 3, True),
        ("complete", 0, False),
    ]
    assert error is failed.error


def test_items_that_failed_fail_the_account_without_a_named_error_of_the_source() -> None:
    _, error = capture_accounts(SomeArchive({"a": [SomeReport("a", "failed", counts={"failed": 4})]}), ["a"])
    assert isinstance(error, RunFailed)
    assert "4 items of a failed" in error.message


def test_an_error_that_a_retry_can_mend_decides_over_one_that_it_cannot() -> None:
    archive = SomeArchive({"a": SourceMissing("Gone."), "b": AccountBusy("Another run.")})
    assert isinstance(capture_accounts(archive, ["a", "b"])[1], AccountBusy)


def test_a_clean_run_has_no_error() -> None:
    assert capture_accounts(SomeArchive({"a": [SomeReport("a")]}), ["a"])[1] is None


def test_an_error_of_the_program_itself_is_not_swallowed() -> None:
    with pytest.raises(KeyError):
        capture_accounts(SomeArchive({}), ["a"])


def test_an_account_without_a_report_counts_as_failed() -> None:
    rows = CAPTURES.with_unreported(["b", "a", "c"], [CAPTURES.failed_row("b", "E102"), SomeReport("c").as_counts()])
    assert [row["account"] for row in rows] == ["a", "b", "c"]
    assert failed_accounts(rows) == ["a", "b"]


def test_the_table_sums_up_all_sources_and_says_why_an_account_failed() -> None:
    rows = [
        CAPTURES.failed_row("b", "E102: Gone."),
        SomeReport("c", counts={"offered": 5, "archived": 4, "excluded": 1}).as_counts(),
    ]
    lines = CAPTURES.as_table(rows).splitlines()
    assert lines[0].split() == ["account", "source", *CAPTURES.counts, "outcome"]
    assert lines[3].split() == ["all", "5", "4", "0", "0", "1", "0", "1", "failed"]
    assert lines[-1] == "b (-): E102: Gone."


def test_the_table_can_be_found_again_in_a_log() -> None:
    table = CAPTURES.as_table([SomeReport("a").as_counts()])
    log = f"before\n{HEADING}\nold\n\nbetween\n{HEADING}\n{table}\n\nafter\n"
    assert counts_in(log) == table.splitlines()
    assert counts_in("no table here\n") == []


@dataclass(frozen=True)
class SomePass:
    indexed: int
    pending: int

    def as_counts(self) -> Mapping[str, object]:
        return {"indexed": self.indexed, "failed": 0, "pending": self.pending}


def test_passes_are_repeated_until_nothing_is_due() -> None:
    passes = iter([SomePass(500, 700), SomePass(500, 200), SomePass(200, 0)])
    assert index_all(lambda: next(passes)) == {"indexed": 1200, "failed": 0, "pending": 0, "passes": 3}


def test_records_that_stay_due_fail_the_task_after_a_pass_that_got_nothing_done() -> None:
    passes = iter([SomePass(10, 2), SomePass(0, 2)])
    with pytest.raises(IndexUnavailable, match="2 records are due and could not be indexed; 10 were"):
        index_all(lambda: next(passes))


def test_an_error_that_a_retry_can_mend_goes_up_as_it_is() -> None:
    with pytest.raises(SourceUnavailable), named_errors():
        raise SourceUnavailable("No answer.")


def test_any_other_named_error_is_not_retried() -> None:
    with pytest.raises(AirflowFailException, match=r"E102: Gone\. Check the path") as caught, named_errors():
        raise SourceMissing("Gone.")
    assert isinstance(caught.value.__cause__, SourceMissing)


def test_other_errors_pass_through() -> None:
    with pytest.raises(ZeroDivisionError), named_errors():
        raise ZeroDivisionError


@pytest.mark.parametrize(("word", "exit_code"), [("allowed", 0), ("as it is", 3)])
def test_a_task_in_a_celery_worker_may_start_the_processes_that_read_messages(word: str, exit_code: int) -> None:
    done = subprocess.run([sys.executable, "-m", "tests.dags.pool_process", word], cwd=ROOT, capture_output=True, timeout=LONG_S)
    assert done.returncode == exit_code, done.stderr.decode()


def test_what_a_source_could_not_reach_is_told_below_the_table() -> None:
    gap = {"code": "archive_mailbox_refused", "where": "archive", "reason": "", "counts": {}, "is_gap": True}
    counted = {**gap, "code": "container", "is_gap": False}
    row = {**SomeReport("a").as_counts(), "notes": [gap, counted]}
    assert CAPTURES.as_table([row]).splitlines()[-1].endswith("not covered: archive: archive_mailbox_refused")
    assert "container" not in CAPTURES.as_table([row])


def test_a_name_of_a_folder_writes_no_line_of_its_own_below_the_table() -> None:
    gap = {"code": "folder_not_read", "where": "a\n\nb\x1b[31m", "reason": "", "counts": {}, "is_gap": True}
    row = {**SomeReport("a").as_counts(), "notes": [gap]}
    assert CAPTURES.as_table([row]).splitlines()[-1] == "a (export): not covered: a b [31m: folder_not_read"
