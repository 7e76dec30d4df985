"""Run by test_policy in a bare process: parse the DAGs as Airflow does; tell what is there and what was asked of the outside."""

from __future__ import annotations

import json
import socket
import sys
from typing import Any

CALLS: list[str] = []


def refuse(*arguments: object, **_named: object) -> None:
    """Stands for the network: notes the call and refuses it."""
    CALLS.append(repr(arguments[1:]))
    raise OSError("the network is closed")


def task_told(task: Any) -> dict[str, object]:
    """What the policy asks of a task."""
    most = task.partial_kwargs.get("max_retry_delay") if task.is_mapped else task.max_retry_delay
    return {
        "id": task.task_id,
        "rule": task.trigger_rule.value,
        "retries": task.retries,
        "delay_s": task.retry_delay.total_seconds(),
        "exponential": task.retry_exponential_backoff,
        "most_s": most.total_seconds() if most else None,
        "is_leaf": not task.downstream_list,
        "is_mapped": bool(task.is_mapped),
        "outlets": [] if task.is_mapped else [asset.name for asset in task.outlets],
        "doc": bool(task.doc_md),
    }


def dag_told(dag: Any) -> dict[str, object]:
    """What the policy asks of a DAG."""
    return {
        "file": dag.fileloc,
        "tags": sorted(dag.tags),
        "owner": dag.owner,
        "doc": dag.doc_md or "",
        "catchup": dag.catchup,
        "schedule": dag.schedule if isinstance(dag.schedule, str) else [asset.name for asset in dag.schedule or ()],
        "active": dag.max_active_runs,
        "tasks": [task_told(task) for task in dag.tasks],
    }


def main(folder: str) -> None:
    """Print the findings as one line of JSON."""
    closed: Any = socket
    closed.socket.connect = closed.socket.connect_ex = closed.getaddrinfo = refuse
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(folder)
    loaded = [name for name in sys.modules if name.startswith(("capstone", "connectors", "indexing"))]
    dags = {key: dag_told(dag) for key, dag in bag.dags.items()}
    sys.stdout.write(json.dumps({"errors": bag.import_errors, "calls": CALLS, "loaded": loaded, "dags": dags}) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
