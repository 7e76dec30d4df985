"""capture_mail: read every registered account that has a source, each in a mapped task of its own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import Asset, TriggerRule, dag, get_current_context, task

CAPTURED = Asset("capstone_captured")
"""Announced once a run, after all accounts; index_records starts on it."""

REPORTS = "reports"
"""XCom key of the counts. Pushed before a task fails, so that a failed account is counted too."""


@dag(
    schedule="@hourly",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    tags=["capstone", "capture"],
    default_args={"owner": "records", "retries": 2, "retry_delay": timedelta(seconds=30)},
    doc_md="""
    ### Capture mail
    Reads each registered account that has a source: mailbox, store, ledger. Nothing is captured twice, so a run may be repeated
    at any time. One failed account does not stop the others; the run is red until it is mended.

    The log of `summary` shows, account by account, what was offered and what became of it, and what to do about a failure.
    """,
)
def capture_mail() -> None:
    """Accounts, one task for each, then the announcement and the summary."""

    @task
    def accounts() -> list[list[str]]:
        """Groups of accounts: of one account each, as long as Airflow can map so many tasks."""
        from airflow.sdk import conf

        from capstone.bootstrap import build_app
        from dags.run_errors import named_errors
        from dags.run_summary import groups_of

        with named_errors():
            return groups_of(build_app().accounts_with_source(), conf.getint("core", "max_map_length", fallback=1024))

    @task(
        retries=3,
        retry_exponential_backoff=2,
        max_retry_delay=timedelta(minutes=10),
        max_active_tis_per_dag=4,
        doc_md="Capture the accounts of one group; the counts of all of them are kept, whatever happens to one.",
        map_index_template="{{ task.op_kwargs['group'] | join(', ') }}",
    )
    def capture(group: list[str]) -> None:
        from capstone.bootstrap import build_app
        from dags.capturing import capture_accounts
        from dags.run_errors import named_errors
        from dags.task_process import allow_children

        allow_children()
        with named_errors():
            rows, error = capture_accounts(build_app(), group)
            get_current_context()["ti"].xcom_push(key=REPORTS, value=rows)
            if error:
                raise error

    @task(outlets=[CAPTURED], trigger_rule=TriggerRule.ALL_DONE)
    def announce() -> None:
        """One event a run, also when an account failed: the others have mail to index."""

    @task(trigger_rule=TriggerRule.ALL_DONE)
    def summary(groups: list[list[str]] | None) -> None:
        """Print the counts of the run; fail when any account failed, or when there was none to read."""
        from airflow.sdk.exceptions import AirflowFailException

        from dags.capturing import CAPTURES
        from dags.run_summary import HEADING, failed_accounts

        if not groups:
            raise AirflowFailException("Nothing was captured: no registered account has a source, or they could not be listed.")
        reports = get_current_context()["ti"].xcom_pull(task_ids=["capture"], key=REPORTS)
        rows = CAPTURES.with_unreported(
            (account for group in groups for account in group), (row for report in reports or () for row in report or ())
        )
        print(f"{HEADING}\n{CAPTURES.as_table(rows)}\n")  # noqa: T201 - the task's log is where operators read it
        if failed := failed_accounts(rows):
            raise AirflowFailException(f"Accounts that failed: {', '.join(failed)}. The others were captured.")

    groups = accounts()
    # Both are last tasks: a run is red when either fails, and neither waits for the other.
    capture.expand(group=groups) >> [announce(), summary(groups)]


capture_mail()
