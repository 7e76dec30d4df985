"""Airflow in its separate parts, with Celery workers that take the tasks from Redis: what several machines run, on one machine.

The parts share a database, a broker, two secrets and the folder of the DAGs, nothing else. On machines of their own they get
the same environment.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from scripts.airflow_local import environment, free_port, is_healthy, where_to_look
from scripts.real_settings import kept_word
from servers.errors import ServerError
from servers.processes import Child, accepts, wait_until

WORKERS, START_S, STOP_S = 2, 300, 60
_MIGRATE_S = 300
API_SERVER, _ONCE = "api-server", ("scheduler", "dag-processor")
_DAYS_7_S = 7 * 24 * 3600


def up_with_workers(home: Path, more: Mapping[str, str], broker_url: str) -> int:
    """Start Airflow and its workers, say where to look, stop them on Ctrl-C or SIGTERM. Raises ServerError."""
    with started(home, more, broker_url) as port:
        print(where_to_look(home / "airflow", port), flush=True)
        while True:
            signal.pause()


@contextmanager
def started(home: Path, more: Mapping[str, str], broker_url: str, workers: int = WORKERS) -> Iterator[int]:
    """All parts, healthy; the port of the API server. Every part has a log of its own in `home/airflow`. Raises ServerError."""
    port, folder = free_port(), home / "airflow"
    folder.mkdir(parents=True, exist_ok=True)
    settings = environment(home, port, more={**more, **celery_settings(home, more, broker_url)})
    print(f"Starting Airflow and {workers} workers; this takes about a minute. Logs: {folder}/*.log", flush=True)
    _migrate(folder, settings)
    with ExitStack() as stopping:
        parts = _Parts(stopping, folder, settings)
        parts.start(API_SERVER, [API_SERVER])
        # The others ask it as soon as they have something to do.
        parts.wait(lambda: accepts(port))
        for name in _ONCE:
            parts.start(name, [name])
        for name in map(worker_name, range(1, workers + 1)):
            parts.start(name, ["celery", "worker", "--celery-hostname", name, "--skip-serve-logs"])
        parts.wait(lambda: is_healthy(port) and _listening(folder, workers))
        yield port


class _Parts:
    """The processes of Airflow, each with a log of its own; ended in the reverse order of their start."""

    def __init__(self, stopping: ExitStack, folder: Path, settings: Mapping[str, str]) -> None:
        self._stopping, self._folder, self._settings = stopping, folder, settings
        self._children: dict[str, Child] = {}

    def start(self, name: str, arguments: list[str]) -> None:
        """Start `airflow` with the arguments."""
        command, log = [sys.executable, "-m", "airflow", *arguments], self._folder / f"{name}.log"
        log.unlink(missing_ok=True)
        child = Child(command, log, self._settings, self._folder, signal.SIGTERM, is_own=True)
        self._stopping.callback(child.stop, STOP_S)
        self._children[name] = child

    def wait(self, condition: Callable[[], bool]) -> None:
        """Wait until it is true. Raises ServerError when that takes too long, or a part ends meanwhile."""
        wait_until(lambda: bool(self._ended()) or condition(), START_S, pause_s=1)
        for name in self._ended():
            raise ServerError(f"Airflow's {name} ended while it started; {self._folder / name}.log says why.")
        if not condition():
            raise ServerError(f"Airflow was not up after {START_S} s; the logs in {self._folder} say why.")

    def _ended(self) -> list[str]:
        return [name for name, child in self._children.items() if child.has_ended()]


def celery_settings(home: Path, more: Mapping[str, str], broker_url: str) -> dict[str, str]:
    """What the parts must agree on."""
    database = more["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
    return {
        "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
        "AIRFLOW__CELERY__BROKER_URL": broker_url,
        "AIRFLOW__CELERY__RESULT_BACKEND": f"db+{database}",
        # One task a worker at a time: a task has reading processes of its own.
        "AIRFLOW__CELERY__WORKER_CONCURRENCY": "1",
        "AIRFLOW__CELERY__WORKER_PREFETCH_MULTIPLIER": "1",
        # A capture that takes longer than this would be given to a second worker: the first one of a large account takes days.
        "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT": str(_DAYS_7_S),
        "AIRFLOW__API_AUTH__JWT_SECRET": kept_word(home, "airflow-jwt-secret"),
        "AIRFLOW__API__SECRET_KEY": kept_word(home, "airflow-api-secret"),
    }


def worker_name(number: int) -> str:
    """The name of a worker, and of its log."""
    return f"worker-{number}"


def _migrate(folder: Path, settings: Mapping[str, str]) -> None:
    with (folder / "migrate.log").open("ab") as out:
        command = [sys.executable, "-m", "airflow", "db", "migrate"]
        done = subprocess.run(command, stdout=out, stderr=out, env=settings, cwd=folder, timeout=_MIGRATE_S, check=False)
    if done.returncode:
        raise ServerError(f"Airflow's database could not be made; {folder / 'migrate.log'} says why.")


def _listening(folder: Path, workers: int) -> bool:
    """Whether every worker says that it takes tasks."""
    logs = [folder / f"{worker_name(number)}.log" for number in range(1, workers + 1)]
    return all(log.exists() and f"{log.stem} ready" in log.read_text(errors="replace") for log in logs)
