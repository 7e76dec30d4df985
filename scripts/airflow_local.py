"""Airflow on this machine alone, for `make demo`, `make up` and the tests.

    python scripts/airflow_local.py run DAG...   run the DAGs once, one after the other; exit 1 if one is red
    python scripts/airflow_local.py up           start Airflow with the DAGs and stop it on Ctrl-C

Airflow's own home is CAPSTONE_HOME/airflow: SQLite, no examples, nothing that asks the network. Its log goes to a file there.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, MappingProxyType

from scripts.single import AlreadyRuns, only_one

ROOT = Path(__file__).resolve().parents[1]
USUAL_PORT, START_S, STOP_S = 8080, 180, 30
PASSWORDS = "simple_auth_manager_passwords.json.generated"
_LOG_PORTS = {"AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": 8793, "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": 8794}
_GREEN = "success"


def environment(
    home: Path, port: int = USUAL_PORT, inherited: Mapping[str, str] = os.environ, more: Mapping[str, str] = MappingProxyType({})
) -> dict[str, str]:
    """The whole environment for Airflow under `home`, and `more`. Settings of another Airflow on this machine are left out."""
    kept = {key: value for key, value in inherited.items() if not key.startswith("AIRFLOW")}
    return kept | {
        "AIRFLOW_HOME": str(home / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__PARALLELISM": "2",
        # Not the full name of the host, which would be asked of a name server.
        "AIRFLOW__CORE__HOSTNAME_CALLABLE": "socket.gethostname",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{port}",
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "30",
        # The programs of this environment first: Airflow starts its parts by the name `airflow`.
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", os.defpath)]),
        **more,
    }


def free_port(usual: int = USUAL_PORT) -> int:
    """The usual port, or another one that is free now."""
    for wanted in (usual, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", wanted))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise SystemExit("No port is free on 127.0.0.1.")


def run(home: Path, dag_ids: list[str]) -> int:
    """Run each DAG once in this process. Prints one line a DAG and its sums; of a red one, every account."""
    log = home / "airflow" / "runs.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    print(f"Airflow's log: {log}", flush=True)
    os.environ.clear()
    os.environ.update(environment(home, inherited=_INHERITED))
    states = {}
    for dag_id in dag_ids:
        began, start = time.monotonic(), log.stat().st_size if log.exists() else 0
        with _into(log):
            states[dag_id] = _run_once(dag_id)
        print(f"{dag_id}: {states[dag_id]}, {time.monotonic() - began:.0f} s", flush=True)
        table = counts_in(log.read_bytes()[start:].decode(errors="replace"))
        is_green = states[dag_id] == _GREEN
        for line in _columns_and_sums(table) if is_green else table:
            print(f"  {line}", flush=True)
    return 0 if all(state == _GREEN for state in states.values()) else 1


def counts_in(text: str) -> list[str]:
    """The last table of counts in a log, up to the empty line that ends it."""
    from dags.run_summary import HEADING

    lines = text.splitlines()
    starts = [number for number, line in enumerate(lines) if line.endswith(HEADING)]
    table = lines[starts[-1] + 1 :] if starts else []
    return table[: table.index("")] if "" in table else table


def _columns_and_sums(table: list[str]) -> list[str]:
    return [table[0], table[-1]] if table else []


def up(home: Path, more: Mapping[str, str] = MappingProxyType({})) -> int:
    """Start Airflow, with `more` settings; say where to look; stop it and all its parts on Ctrl-C or SIGTERM."""
    port, folder = free_port(), home / "airflow"
    log = folder / "standalone.log"
    folder.mkdir(parents=True, exist_ok=True)
    print(f"Starting Airflow; this takes about a minute. Log: {log}", flush=True)
    signal.signal(signal.SIGTERM, _interrupt)
    with log.open("ab") as out:
        # A session of its own: Ctrl-C reaches this script only, which then stops all parts in order.
        airflow = subprocess.Popen(
            [sys.executable, "-m", "airflow", "standalone"],
            stdout=out,
            stderr=out,
            env=environment(home, port, more=more) | {key: str(free_port(usual)) for key, usual in _LOG_PORTS.items()},
            cwd=folder,
            start_new_session=True,
        )
    try:
        _wait_until_healthy(airflow, port)
        print(where_to_look(folder, port), flush=True)
        return airflow.wait()
    except KeyboardInterrupt:
        print("Stopping Airflow.", flush=True)
        return 0
    finally:
        _stop(airflow)


def _run_once(dag_id: str) -> str:
    """The state in which one run of the DAG ended."""
    from airflow.dag_processing.dagbag import DagBag
    from airflow.utils import db

    db.initdb()
    bag = DagBag(str(ROOT / "dags"))
    if bag.import_errors:
        raise SystemExit(f"DAG files with errors: {', '.join(bag.import_errors)}")
    return str(bag.dags[dag_id].test().state)


@contextmanager
def _into(log: Path) -> Iterator[None]:
    """Send what this process and its children print to the log, on the level of file descriptors."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(1), os.dup(2)
    with log.open("ab") as out:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, copy in zip((1, 2), kept, strict=True):
            os.dup2(copy, number)
            os.close(copy)


def _wait_until_healthy(airflow: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_S
    while not is_healthy(port):
        if airflow.poll() is not None:
            raise SystemExit("Airflow ended while it started; its log says why.")
        if time.monotonic() > deadline:
            raise SystemExit(f"Airflow was not up after {START_S} s; its log says why.")
        time.sleep(1)


def is_healthy(port: int) -> bool:
    """Whether the database, the scheduler and the reader of DAG files all say so."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v2/monitor/health", timeout=5) as answer:
            parts = json.load(answer)
    except (OSError, urllib.error.URLError, ValueError):
        return False
    return all(parts[name]["status"] == "healthy" for name in ("metadatabase", "scheduler", "dag_processor"))


def where_to_look(folder: Path, port: int) -> str:
    """What a person is told once Airflow is up."""
    return "\n".join(
        [
            "",
            f"Airflow is up:  http://127.0.0.1:{port}",
            "user:           admin",
            f"password:       in {folder / PASSWORDS}",
            "DAGs:           capture_mail runs every hour, index_records after it. To run now: open capture_mail, press Trigger.",
            "                The log of its task `summary` shows what was offered and what became of it.",
            "stop:           Ctrl-C",
        ]
    )


def _stop(airflow: subprocess.Popen[bytes]) -> None:
    """Ask Airflow to stop its parts; end what is left of its session."""
    if airflow.poll() is None:
        airflow.send_signal(signal.SIGINT)
        try:
            airflow.wait(STOP_S)
        except subprocess.TimeoutExpired:
            print("Airflow did not stop in time; ending its processes.", flush=True)
    try:
        os.killpg(airflow.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


_INHERITED = dict(os.environ)


def main(arguments: list[str]) -> int:
    """Entry point. CAPSTONE_HOME must be set."""
    if "CAPSTONE_HOME" not in os.environ:
        print("Set CAPSTONE_HOME: the folder of the archive.", file=sys.stderr)
        return 2
    home = Path(os.environ["CAPSTONE_HOME"]).expanduser().absolute()
    match arguments:
        case ["run", *dag_ids] if dag_ids:
            return run(home, dag_ids)
        case ["up"]:
            try:
                with only_one(home / "running"):
                    return up(home)
            except AlreadyRuns as error:
                print(error, file=sys.stderr)
                return 1
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
