"""The demonstration on real servers, for `make up SERVICES=real`: object storage, PostgreSQL, Elasticsearch, IMAP, Airflow.

    python -m scripts.real_stack up [--celery]   start everything, Airflow too, and stop it on Ctrl-C
    python -m scripts.real_stack serve           the same without Airflow
    python -m scripts.real_stack down            stop what runs for this folder

Everything lies below CAPSTONE_HOME; a second start goes on with the same data. With --celery two workers take the tasks
from Redis, instead of the scheduler.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from scripts import airflow_local
from scripts.demo_mail import accounts_of, load, messages_of
from scripts.real_settings import Stack, airflow_url, written_settings
from scripts.single import AlreadyRuns, only_one, stop_running
from servers.account import server_account
from servers.dovecot import Dovecot
from servers.elasticsearch import Elasticsearch
from servers.errors import ServerError
from servers.postgres import Postgres
from servers.processes import Server
from servers.redis import Redis
from servers.versitygw import Versitygw

ROOT = Path(__file__).resolve().parents[1]
CAPSTONE = Path(sys.executable).with_name("capstone")


def up(home: Path, with_airflow: bool, with_celery: bool) -> int:
    """Start everything, and stop it on Ctrl-C or SIGTERM. Raises ServerError, AlreadyRuns."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with only_one(home / "running"), _started(home, with_celery) as stack:
            settings = prepare(home, stack)
            if not with_airflow:
                print(_where_to_look(settings, stack), flush=True)
                return _until_interrupted()
            more = {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": airflow_url(home, stack)}
            if not stack.redis:
                return airflow_local.up(home, more)
            from scripts.airflow_celery import up_with_workers

            return up_with_workers(home, more, stack.redis.url)
    except KeyboardInterrupt:
        return 0


def prepare(home: Path, stack: Stack) -> Path:
    """Settings, mail, archive and register. Safe to repeat. The settings file; the environment names it from here on."""
    _run("demo", "generate", "--json", quiet=True)
    settings = written_settings(home, stack, accounts_of(home))
    os.environ.update(stack.versitygw.environment() | {"CAPSTONE_CONFIG": str(settings)})
    account = server_account()
    for name in accounts_of(home):
        load(messages_of(home, name), stack.dovecot.mail_folder(name), (account.uid, account.gid))
    _run("init")
    _run("officials", "import", str(home / "officials.csv"))
    return settings


@contextmanager
def _started(home: Path, with_redis: bool) -> Iterator[Stack]:
    """All servers at once: the slowest sets the pace."""
    folder = home / "servers"
    stack = Stack(
        Versitygw(folder / "versitygw"),
        Postgres(folder / "postgres"),
        Elasticsearch(folder / "elasticsearch"),
        Dovecot(folder / "dovecot", needs_tls=True),
        Redis(folder / "redis") if with_redis else None,
    )
    print(f"Starting {', '.join(one.name for one in stack.servers)}. Logs: {folder}/*/*.log", flush=True)
    with ExitStack() as stopping:
        for server in stack.servers:
            stopping.callback(server.stop)
        stopping.callback(lambda: print("Stopping the servers.", flush=True))
        _start_all(stack.servers)
        yield stack


def _start_all(servers: tuple[Server, ...]) -> None:
    errors: list[ServerError] = []

    def start(server: Server) -> None:
        began = time.monotonic()
        try:
            server.start()
        except ServerError as error:
            errors.append(error)
        else:
            print(f"  {server.name} is up after {time.monotonic() - began:.0f} s, on port {server.port}", flush=True)

    threads = [threading.Thread(target=start, args=(server,)) for server in servers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def _run(*arguments: str, quiet: bool = False) -> None:
    """One command of the archive. Raises SystemExit with its exit code when it fails."""
    done = subprocess.run([CAPSTONE, *arguments], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.returncode)
    if not quiet:
        print("\n".join(line for line in done.stdout.splitlines() if not line.startswith("Next:")), flush=True)


def _where_to_look(settings: Path, stack: Stack) -> str:
    keys = " ".join(f"{key}={value}" for key, value in stack.versitygw.environment().items())
    return f"\nThe servers are up. In another terminal:\nexport CAPSTONE_CONFIG={settings} {keys}\nstop: Ctrl-C"


def _until_interrupted() -> int:
    while True:
        signal.pause()


def _interrupt(*_arguments: object) -> None:
    raise KeyboardInterrupt


def main(arguments: list[str]) -> int:
    """Entry point. CAPSTONE_HOME must be set."""
    if "CAPSTONE_HOME" not in os.environ:
        print("Set CAPSTONE_HOME: the folder of the demonstration.", file=sys.stderr)
        return 2
    home = Path(os.environ["CAPSTONE_HOME"]).expanduser().absolute()
    try:
        match arguments:
            case ["up"] | ["up", "--celery"]:
                return up(home, with_airflow=True, with_celery="--celery" in arguments)
            case ["serve"]:
                return up(home, with_airflow=False, with_celery=False)
            case ["down"]:
                print(f"Stopped: {home}" if stop_running(home / "running") else f"Nothing runs for {home}.")
                return 0
    except (ServerError, AlreadyRuns) as error:
        print(error, file=sys.stderr)
        return 1
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
