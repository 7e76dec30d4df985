"""index_records: make what was captured findable. Starts when capture_mail announces that a run has ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import Asset, dag, task


@dag(
    schedule=[Asset("capstone_captured")],
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    tags=["capstone", "index"],
    # What a killed task had claimed is free again after ten minutes: the tries go on for longer than that.
    default_args={"owner": "records", "retries": 5, "retry_delay": timedelta(seconds=30)},
    doc_md="""
    ### Index records
    Takes the records that are due from the ledger's outbox, reads their stored bytes and adds them to the index. Capture goes on
    while the index is down: what is due stays due, and the next run takes it up. The task fails when records stay due.
    """,
)
def index_records() -> None:
    """One task."""

    @task(retry_exponential_backoff=2, max_retry_delay=timedelta(minutes=10))
    def index() -> dict[str, object]:
        """Index until nothing is due, or until a pass gets nothing done."""
        from capstone.bootstrap import build_app
        from dags.indexing_passes import index_all
        from dags.run_errors import named_errors
        from dags.task_process import allow_children

        allow_children()
        with named_errors():
            return index_all(build_app().index_pending)

    index()


index_records()
