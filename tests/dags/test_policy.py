"""What every DAG must have. The files are imported in a process with an empty environment, no settings and no network."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from capstone.usecases.index import CLAIM_S
from tests.dags.local import LONG_S, ROOT, bare_environment

DAG_FILES = sorted(path for path in (ROOT / "dags").glob("*.py") if "@dag(" in path.read_text())
DAG_IDS = {"capture_mail", "index_records", "replay_classification"}
BY_HAND = {"replay_classification"}
"""Started by a person, when a preview has shown what it does."""

PROBE = Path(__file__).parent / "probe.py"


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("airflow")
    done = subprocess.run(
        [sys.executable, str(PROBE), str(ROOT / "dags")],
        env=bare_environment(AIRFLOW_HOME=str(folder), AIRFLOW__CORE__LOAD_EXAMPLES="False"),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=LONG_S,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(params=sorted(DAG_IDS))
def dag(request: pytest.FixtureRequest, told: Any) -> Any:
    return told["dags"][request.param]


def test_all_dags_import_without_settings_secrets_or_network(told: Any) -> None:
    assert told["errors"] == {}
    assert set(told["dags"]) == DAG_IDS
    assert told["calls"] == []


def test_nothing_of_the_archive_is_loaded_while_a_dag_is_parsed(told: Any) -> None:
    assert told["loaded"] == []


def test_a_dag_file_has_the_name_of_its_dag_and_not_of_a_package(told: Any) -> None:
    assert {Path(dag["file"]).stem for dag in told["dags"].values()} == set(told["dags"]) == {path.stem for path in DAG_FILES}
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert not packages & {path.stem for path in (ROOT / "dags").glob("*.py")}


def test_every_dag_says_who_owns_it_and_what_it_does(dag: Any) -> None:
    assert dag["tags"]
    assert dag["owner"]
    assert dag["owner"] != "airflow"
    assert len(dag["doc"].split()) > 20


def test_every_dag_but_those_that_a_person_starts_has_a_schedule_and_all_run_once_at_a_time(dag: Any) -> None:
    assert bool(dag["schedule"]) is (Path(dag["file"]).stem not in BY_HAND)
    assert dag["active"] == 1
    assert dag["catchup"] is False


def test_retries_are_bounded_in_number_and_delay(dag: Any) -> None:
    for task in dag["tasks"]:
        assert 0 <= task["retries"] <= 5
        assert 0 < task["delay_s"] <= 60
        assert not task["exponential"] or task["most_s"] <= 600


@pytest.mark.parametrize("dag_id", ["index_records", "replay_classification"])
def test_the_tries_of_indexing_outlast_what_a_killed_task_had_claimed(told: Any, dag_id: str) -> None:
    (task,) = [task for task in told["dags"][dag_id]["tasks"] if task["id"] == "index"]
    assert sum(min(task["delay_s"] * 2**number, task["most_s"]) for number in range(task["retries"])) > CLAIM_S


def test_every_task_says_what_it_does(dag: Any) -> None:
    assert all(task["doc"] for task in dag["tasks"])


def test_capture_is_hourly_and_mapped_over_accounts(told: Any) -> None:
    dag = told["dags"]["capture_mail"]
    assert dag["schedule"] == "@hourly"
    assert [task["id"] for task in dag["tasks"] if task["is_mapped"]] == ["capture"]


def test_the_last_tasks_of_capture_run_whatever_happened_before_them(told: Any) -> None:
    """Both are leaves: Airflow takes a run for failed when a leaf failed, and an all_done leaf alone would hide a failure."""
    leaves = {task["id"]: task["rule"] for task in told["dags"]["capture_mail"]["tasks"] if task["is_leaf"]}
    assert leaves == {"announce": "all_done", "summary": "all_done"}


def test_one_task_announces_the_asset_that_starts_indexing(told: Any) -> None:
    outlets = {task["id"]: task["outlets"] for task in told["dags"]["capture_mail"]["tasks"] if task["outlets"]}
    assert outlets == {"announce": ["capstone_captured"]}
    assert told["dags"]["index_records"]["schedule"] == ["capstone_captured"]


def test_a_replay_is_mapped_over_accounts_and_its_last_tasks_run_whatever_happened_before_them(told: Any) -> None:
    dag = told["dags"]["replay_classification"]
    assert [task["id"] for task in dag["tasks"] if task["is_mapped"]] == ["replay"]
    assert {task["id"]: task["rule"] for task in dag["tasks"] if task["is_leaf"]} == {"index": "all_done", "summary": "all_done"}


@pytest.mark.parametrize("path", sorted((ROOT / "dags").glob("*.py")), ids=lambda path: path.name)
def test_nothing_runs_at_import_but_the_making_of_a_dag(path: Path) -> None:
    calls = [
        node.value.func
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    ]
    assert [call.id for call in calls if isinstance(call, ast.Name)] == ([path.stem] if path in DAG_FILES else [])
    assert len(calls) == (1 if path in DAG_FILES else 0)


@pytest.mark.parametrize("path", sorted((ROOT / "dags").glob("*.py")), ids=lambda path: path.name)
def test_no_provider_is_imported_and_airflow_only_through_its_sdk(path: Path) -> None:
    names = [name for node in ast.walk(ast.parse(path.read_text())) for name in _imported(node)]
    assert [name for name in names if name.startswith("airflow") and not name.startswith("airflow.sdk")] == []


@pytest.mark.parametrize("path", DAG_FILES, ids=lambda path: path.name)
def test_dag_files_stay_small(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 120


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
