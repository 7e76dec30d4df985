"""replay_classification: bring classes, locks, tags and index in line with the register. Started by hand, after a preview."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import TriggerRule, dag, get_current_context, task

REPORTS = "reports"
"""XCom key of the counts. Pushed before a task fails, so that a failed account is counted too."""


@dag(
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    tags=["capstone", "replay"],
    default_args={"owner": "records", "retries": 2, "retry_delay": timedelta(seconds=30)},
    doc_md="""
    ### Replay classification
    Run it after a change of the register of officials, when `capstone officials preview` has shown what it does. Each account
    that has records is gone through: class, tags, lock and, at the end, the index follow the register. What is done already is
    passed over, so a run may be repeated at any time. One failed account does not stop the others; the run is red until it is
    mended.

    Locks become shorter only when a second person has approved the register (`capstone officials approve`); until then such
    records stay as they are. The log of `summary` counts them, account by account.
    """,
)
def replay_classification() -> None:
    """Accounts, one task for each, then the index and the summary."""

    @task
    def accounts() -> list[list[str]]:
        """Groups of accounts: of one account each, as long as Airflow can map so many tasks."""
        from airflow.sdk import conf

        from capstone.bootstrap import build_app
        from dags.run_errors import named_errors
        from dags.run_summary import groups_of

        with named_errors():
            return groups_of(build_app().accounts_to_replay(), conf.getint("core", "max_map_length", fallback=1024))

    @task(
        retries=3,
        retry_exponential_backoff=2,
        max_retry_delay=timedelta(minutes=10),
        max_active_tis_per_dag=4,
        doc_md="Replay the accounts of one group; the counts of all of them are kept, whatever happens to one.",
        map_index_template="{{ task.op_kwargs['group'] | join(', ') }}",
    )
    def replay(group: list[str]) -> None:
        from capstone.bootstrap import build_app
        from dags.replaying import replay_accounts
        from dags.run_errors import named_errors
        from dags.task_process import allow_children

        allow_children()
        with named_errors():
            rows, error = replay_accounts(build_app(), group)
            get_current_context()["ti"].xcom_push(key=REPORTS, value=rows)
            if error:
                raise error

    @task(trigger_rule=TriggerRule.ALL_DONE, retries=5, retry_exponential_backoff=2, max_retry_delay=timedelta(minutes=10))
    def index() -> dict[str, object]:
        """Index until nothing is due, also when an account failed: what changed in the others shall be found."""
        from capstone.bootstrap import build_app
        from dags.indexing_passes import index_all
        from dags.run_errors import named_errors
        from dags.task_process import allow_children

        allow_children()
        with named_errors():
            return index_all(build_app().index_pending)

    @task(trigger_rule=TriggerRule.ALL_DONE)
    def summary(groups: list[list[str]] | None) -> None:
        """Print the counts of the run; fail when any account failed, or when the accounts could not be listed."""
        from airflow.sdk.exceptions import AirflowFailException

        from dags.replaying import REPLAYS
        from dags.run_summary import HEADING, failed_accounts

        if groups is None:
            raise AirflowFailException("Nothing was replayed: the accounts could not be listed.")
        reports = get_current_context()["ti"].xcom_pull(task_ids=["replay"], key=REPORTS)
        rows = REPLAYS.with_unreported(
            (account for group in groups for account in group), (row for report in reports or () for row in report or ())
        )
        print(f"{HEADING}\n{REPLAYS.as_table(rows)}\n")  # noqa: T201 - the task's log is where operators read it
        if failed := failed_accounts(rows):
            raise AirflowFailException(f"Accounts that failed: {', '.join(failed)}. The others were replayed.")

    groups = accounts()
    # Both are last tasks: a run is red when either fails, and neither waits for the other.
    replay.expand(group=groups) >> [index(), summary(groups)]


replay_classification()
