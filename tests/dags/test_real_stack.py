"""`make up SERVICES=real` as a person runs it: everything starts, the mail is captured by the schedule, one command stops all."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from scripts.demo_mail import accounts_of, messages_of
from servers import programs
from servers.processes import wait_until
from servers.tree import Member, still_running, tree_of
from tests.dags.local import ROOT, bare_environment
from tests.services import needed_programs

LONG_S = 900
pytestmark = [pytest.mark.service, pytest.mark.airflow, pytest.mark.slow, pytest.mark.timeout(3 * LONG_S)]
STACK = [sys.executable, "-m", "scripts.real_stack"]


class Home:
    """The folder of one demonstration, and what can be done with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        kept = {key: value for key, value in os.environ.items() if key in ("PATH", "HOME", "CAPSTONE_SERVERS", "ES_JAVA_HOME")}
        self.environment = bare_environment(**kept, CAPSTONE_HOME=str(folder))

    @contextmanager
    def running(self, *arguments: str, until: str) -> Iterator[set[Member]]:
        """The program, once it has said `until`; all its processes. It is stopped by `down`, as a person does."""
        log = self.folder / f"{arguments[0]}.out"
        with log.open("wb") as out:
            program = subprocess.Popen([*STACK, *arguments], env=self.environment, cwd=ROOT, stdout=out, stderr=out)
        try:
            assert wait_until(lambda: program.poll() is not None or until in log.read_text(), LONG_S, pause_s=0.5)
            assert program.poll() is None, log.read_text()
            yield tree_of(program.pid)
            assert "Stopped" in self.stack("down")
            assert program.wait(120) == 0, log.read_text()
        finally:
            program.terminate()
            program.wait(120)

    def stack(self, *arguments: str) -> str:
        return self._said([*STACK, *arguments], self.environment)

    def capstone(self, *arguments: str) -> Any:
        """What a command of the archive says, with the settings that the demonstration wrote."""
        key = (self.folder / "servers" / "versitygw" / "secret-key").read_text()
        more = {"AWS_ACCESS_KEY_ID": "capstone", "AWS_SECRET_ACCESS_KEY": key, "AWS_DEFAULT_REGION": "us-east-1"}
        settings = {"CAPSTONE_CONFIG": str(self.folder / "real.toml")}
        return json.loads(
            self._said([sys.executable, "-m", "capstone", *arguments, "--json"], self.environment | more | settings)
        )

    def airflow(self, query: str) -> list[tuple[Any, ...]]:
        port = (self.folder / "servers" / "postgres" / "port").read_text()
        password = (self.folder / "secrets" / "capstone_airflow-password").read_text()
        with psycopg.connect(f"postgresql://capstone_airflow:{password}@127.0.0.1:{port}/capstone_airflow") as connection:
            return connection.execute(query.encode()).fetchall()

    def _said(self, command: list[str], environment: dict[str, str]) -> str:
        done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=LONG_S)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def test_everything_starts_the_schedule_captures_and_one_command_stops_all(server_folder: Path) -> None:
    with needed_programs():
        fetch_programs()
    home = Home(server_folder)
    with home.running("up", until="Airflow is up") as first:
        assert wait_until(lambda: states(home) == {"capture_mail": "success", "index_records": "success"}, LONG_S, pause_s=1)
        assert records(home) == expected(home)
        assert home.capstone("search", "*")["total"] == sum(expected(home).values())
        refused = subprocess.run(
            [*STACK, "serve"], env=home.environment, cwd=ROOT, capture_output=True, text=True, timeout=LONG_S
        )
        assert refused.returncode == 1
        assert "runs already" in refused.stderr
    assert not still_running(first)
    assert "Nothing runs" in home.stack("down")

    with home.running("serve", until="stop: Ctrl-C") as second:
        assert home.capstone("capture")["runs"]
        assert sum(one["messages"] for one in home.capstone("status")["accounts"]) == 632, (
            "a second start goes on with the same data"
        )
        assert home.capstone("verify")["damaged"] == []
    assert not still_running(second)


def states(home: Home) -> dict[str, str]:
    found = dict(home.airflow("SELECT dag_id, state FROM dag_run"))
    assert "failed" not in found.values(), found
    return found


def records(home: Home) -> dict[str, int]:
    return {str(one["account"]): int(one["messages"]) for one in home.capstone("status")["accounts"]}


def expected(home: Home) -> dict[str, int]:
    """By account, how many different messages the demonstration has."""
    raws = {account: (message.raw for message in messages_of(home.folder, account)) for account in accounts_of(home.folder)}
    return {
        account: len({hashlib.sha256(raw.replace(b"\r\n", b"\n")).digest() for raw in found}) for account, found in raws.items()
    }


def fetch_programs() -> None:
    programs.versitygw()
    programs.elasticsearch_folder()
    programs.java_home()
    programs.postgres_folder()
    programs.system_program("dovecot", "dovecot-imapd")
