"""Runs DAGs as `make demo` does, in a process of their own: the script that users run is the one under test."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LONG_S = 540
"""A bound for what must not hang, just within that of a whole test."""
SCRIPT = ROOT / "scripts" / "airflow_local.py"
ONE_QUICK_RETRY = '''"""How long this installation waits before it tries a task again."""

from datetime import timedelta


def task_policy(task):
    task.retries, task.retry_delay = min(task.retries, 1), timedelta(seconds=1)
'''
"""The text of `config/airflow_local_settings.py` below the home of Airflow."""


def bare_environment(**more: str) -> dict[str, str]:
    """Nothing of Capstone, nothing of another Airflow; a home that does not exist."""
    return {"PATH": os.defpath, "HOME": "/nonexistent", "LANG": "C.UTF-8"} | more


def run_dags(home: Path, *dag_ids: str, more: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """One run of each DAG over the archive in `home`."""
    environment = bare_environment(CAPSTONE_HOME=str(home), **more)
    return subprocess.run(
        [sys.executable, str(SCRIPT), "run", *dag_ids], env=environment, capture_output=True, text=True, timeout=LONG_S
    )
