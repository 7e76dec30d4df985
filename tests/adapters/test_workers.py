"""Workers: the same answers in one process or several, also when a thing ends or hangs its process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from capstone.ports import Workers
from connectors.workers import InlineWorkers, ProcessWorkers
from servers.processes import wait_until
from tests.adapters.worker_tasks import length, pid_of, unknown

PATIENT_S, SHORT_S = 60, 4
"""How long work may take where nothing hangs, however busy the machine is, and where something does and is waited for."""


@pytest.fixture
def limit_s() -> float:
    return PATIENT_S


@pytest.fixture
def processes(limit_s: float) -> Iterator[ProcessWorkers]:
    workers = ProcessWorkers(2, limit_s)
    yield workers
    workers.close()


@pytest.fixture(params=["inline", "processes"])
def workers(request: pytest.FixtureRequest, processes: ProcessWorkers) -> Workers:
    return InlineWorkers() if request.param == "inline" else processes


def test_answers_come_in_order(workers: Workers) -> None:
    things = [b"x" * n for n in range(203)]
    assert list(workers.map(length, things, unknown)) == [(n, True) for n in range(203)]
    assert list(workers.map(length, [], unknown)) == []


def test_a_bug_goes_up(workers: Workers) -> None:
    with pytest.raises(ZeroDivisionError):
        list(workers.map(length, [b"fine", b"bug"], unknown))


LARGE = b"x" * 5_000_000


@pytest.mark.parametrize(
    "large",
    [LARGE + LARGE, ("record", LARGE + LARGE, ()), (LARGE, [(LARGE, ".eml")])],
    ids=["bytes", "among others", "together with what is beside them"],
)
def test_work_is_done_elsewhere_unless_it_is_large(processes: ProcessWorkers, large: object) -> None:
    small, ours = processes.map(pid_of, [("record", b"small", ()), large], lambda _thing: 0)
    assert small != os.getpid()
    assert ours == os.getpid()


@pytest.mark.parametrize("limit_s", [SHORT_S])
def test_work_begun_ahead_is_answered_when_another_thing_hangs_its_process(processes: ProcessWorkers) -> None:
    for _ in range(2):
        first = processes.map(length, [b"hang", *[b"x"] * 30], unknown)
        ahead = processes.map(length, [b"y" * n for n in range(300)], unknown)
        assert list(first) == [(4, False), *[(1, True)] * 30]
        assert [size for size, _ in ahead] == list(range(300))


def test_processes_that_cannot_start_are_an_error_and_no_message_is_blamed() -> None:
    # A program read from standard input cannot be imported again by the processes it starts.
    script = """
from capstone.domain.errors import WorkersUnavailable
from connectors.workers import ProcessWorkers
from tests.adapters.worker_tasks import length, unknown
try:
    print(list(ProcessWorkers(1, 20).map(length, [b"a"], unknown)))
except WorkersUnavailable as exc:
    print(exc.code)
"""
    done = subprocess.run([sys.executable, "-"], input=script, capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() == "E503"


@pytest.mark.parametrize(("hostile", "limit_s"), [(b"kill", PATIENT_S), (b"hang", SHORT_S)])
def test_a_thing_that_ends_or_hangs_its_process_is_answered_instead_and_no_other(
    processes: ProcessWorkers, hostile: bytes
) -> None:
    things = [b"a", hostile, b"ccc", *[b"x" * n for n in range(60)], hostile]
    answers = list(processes.map(length, things, unknown))
    assert answers == [(len(thing), thing != hostile) for thing in things]
    assert list(processes.map(length, [b"after"], unknown)) == [(5, True)]


KILLED_RUN = """
import os, signal, sys
from connectors.workers import ProcessWorkers
from tests.adapters.worker_tasks import pid_of, unknown
if __name__ == "__main__":
    pids = set(ProcessWorkers(2, limit_s=30).map(pid_of, [b""] * 100, unknown))
    print(*pids, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_processes_of_a_killed_run_end_with_it(tmp_path: Path) -> None:
    program, told = tmp_path / "killed_run.py", tmp_path / "told"
    program.write_text(KILLED_RUN)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with told.open("wb") as out:
        ended = subprocess.run([sys.executable, program], env=environment, stdout=out, timeout=60, check=False)
    assert ended.returncode == -signal.SIGKILL
    pids = [int(pid) for pid in told.read_text().split()]
    assert pids
    assert wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), 30)
