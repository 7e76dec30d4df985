"""The servers that the tests and `make up` start: healthy when started, gone when stopped, the data still there."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from itertools import takewhile
from pathlib import Path

import pytest

from servers.dovecot import Dovecot
from servers.errors import ServerError
from servers.postgres import GivenPostgres, Postgres
from servers.processes import Server, accepts, wait_until
from servers.redis import Redis
from servers.tree import Member, frozen_tree, still_running, tree_of
from servers.versitygw import Versitygw
from tests.services import needed_programs

ROOT = Path(__file__).resolve().parents[2]
KINDS = [Versitygw, Postgres, Dovecot, Redis]
pytestmark = pytest.mark.service

STARTER = """
import sys
from itertools import takewhile
from pathlib import Path
from servers.{module} import {kind}
server = {kind}(Path(sys.argv[1]))
server.start()
print(server.pid, server.port, flush=True)
sys.stdin.read()
"""
BUSY = """
import hashlib, threading
def work():
    while True:
        hashlib.sha256(bytes(2**20))
for _ in range(8):
    threading.Thread(target=work, daemon=True).start()
print("busy", flush=True)
threading.Event().wait()
"""


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_is_healthy_when_started_and_gone_when_stopped(kind: type[Server], server_folder: Path) -> None:
    with needed_programs(), kind.started(server_folder / kind.name) as server:
        assert server.is_healthy()
        members = tree_of(server.pid)
        assert members
    assert not still_running(members)
    assert not server.is_healthy()


@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_server_starts_again_on_the_same_port(kind: type[Server], server_folder: Path) -> None:
    with needed_programs(), kind.started(server_folder / kind.name) as server:
        members, port = tree_of(server.pid), server.port
        server.kill()
        assert not still_running(members)
        assert not accepts(port)
        server.start()
        assert server.is_healthy()
        assert accepts(port)


@pytest.mark.parametrize("kind", [Versitygw, Postgres, Redis])
def test_a_frozen_server_takes_connections_and_does_not_answer_until_thawed(kind: type[Server], server_folder: Path) -> None:
    with needed_programs(), kind.started(server_folder / kind.name) as server:
        server.freeze()
        assert accepts(server.port)
        assert not server.is_healthy()
        server.thaw()
        assert wait_until(server.is_healthy, 10)


@pytest.mark.parametrize("kind", [Versitygw, Postgres, Dovecot])
@pytest.mark.parametrize("is_frozen", [False, True])
def test_a_server_ends_when_the_program_that_started_it_is_killed(
    kind: type[Server], is_frozen: bool, server_folder: Path
) -> None:
    code = STARTER.format(module=kind.__module__.rpartition(".")[2], kind=kind.__name__)
    with needed_programs():
        kind(server_folder / "data").command()
    starter = subprocess.Popen(
        [sys.executable, "-c", code, str(server_folder / "data")],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert starter.stdout
    assert starter.stdin
    told = starter.stdout.readline().split()
    pid, port = int(told[0]), int(told[1])
    members = tree_of(pid)
    assert members
    if is_frozen:
        members = frozen_tree(pid)
    starter.kill()
    starter.wait()
    starter.stdin.close()
    starter.stdout.close()
    assert wait_until(lambda: not still_running(members), 20)
    assert not accepts(port)


def test_a_server_that_ends_at_once_says_the_last_words_of_its_log(server_folder: Path) -> None:
    server = Dovecot(server_folder / "dovecot", extra="no_such_setting = yes")
    with needed_programs(), pytest.raises(ServerError, match="no_such_setting"):
        server.start()


def test_no_thread_of_a_frozen_program_runs() -> None:
    program = subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE, start_new_session=True)
    assert program.stdout
    try:
        assert program.stdout.readline() == b"busy\n"
        frozen_tree(program.pid)
        threads = list(Path(f"/proc/{program.pid}/task").iterdir())
        assert len(threads) == 9
        assert {(thread / "stat").read_text().rpartition(")")[2].split()[0] for thread in threads} == {"T"}
    finally:
        program.kill()
        program.wait()
        program.stdout.close()


def test_a_number_that_another_process_got_is_not_taken_for_the_old_one() -> None:
    here = next(one for one in tree_of(os.getpid()) if one.pid == os.getpid())
    assert still_running({here}) == {here}
    assert not still_running({Member(here.pid, here.began + 1)})


def test_a_port_on_which_nobody_listens_accepts_nothing() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        assert not accepts(bound.getsockname()[1])


def test_servers_for_a_session_of_work_say_where_they_are_and_end_in_good_order(server_folder: Path) -> None:
    with needed_programs():
        Postgres(server_folder / "postgres").command()
        Redis(server_folder / "redis").command()
    command = [sys.executable, "-m", "servers", str(server_folder), "postgres", "redis"]
    program = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert program.stdout
    lines = [line.strip() for line in takewhile(lambda line: "Ctrl-C" not in line, program.stdout)]
    told = dict(line.removeprefix("export ").split("=", 1) for line in lines if line.startswith("export "))
    assert set(told) == {"CAPSTONE_TEST_POSTGRES_URL", "CAPSTONE_TEST_REDIS_URL"}
    assert GivenPostgres(told["CAPSTONE_TEST_POSTGRES_URL"]).create_database("session").endswith("/session")
    members = tree_of(program.pid)
    program.terminate()
    assert program.wait(30) == 0
    program.stdout.close()
    assert not still_running(members)
