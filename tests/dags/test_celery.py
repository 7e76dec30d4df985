"""capture_mail by two Celery workers that take the accounts from Redis: what two machines run, on this one."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from scripts.airflow_celery import started, worker_name
from servers.dovecot import Dovecot
from servers.elasticsearch import ElasticsearchAccess
from servers.postgres import PostgresAccess
from servers.processes import wait_until
from servers.redis import RedisAccess
from servers.tree import still_running, tree_of
from servers.versitygw import S3Access
from tests.dags.imap_accounts import new_account
from tests.dags.imap_agency import Agency, made_agency
from tests.e2e.on_servers import RealServers

pytestmark = [pytest.mark.service, pytest.mark.airflow, pytest.mark.slow]

ACCOUNTS, MESSAGES, LONG_S = ("finch", "reed", "lane", "moss", "vale", "yew"), 12, 600
ENDED = {"success", "failed"}
STATES = "SELECT dag_id, state FROM dag_run"
WHO = "SELECT rendered_map_index, external_executor_id FROM task_instance WHERE task_id = 'capture'"


@dataclass(frozen=True)
class Seen:
    """What was there when both DAGs had run once."""

    agency: Agency
    states: dict[str, str]
    done_by: dict[str, set[str]]
    """By worker, the accounts that it captured."""
    said: str
    """What the task `summary` of the run said."""


@pytest.fixture(scope="module")
def agency(
    versitygw: S3Access,
    postgres: PostgresAccess,
    elasticsearch: ElasticsearchAccess,
    dovecot: Dovecot,
    tmp_path_factory: pytest.TempPathFactory,
) -> Agency:
    accounts = [new_account(name, dovecot, dovecot.tls_port) for name in ACCOUNTS]
    for account in accounts:
        account.fill("INBOX", [letter(account.name, number) for number in range(MESSAGES)])
    servers = RealServers(versitygw, postgres, elasticsearch)
    return made_agency(servers, tmp_path_factory.mktemp("workers"), accounts, {}, dovecot)


@pytest.fixture(scope="module")
def seen(agency: Agency, redis: RedisAccess) -> Seen:
    """The run that the schedule starts by itself as soon as Airflow is up, and the one that follows from it."""
    ours = {key: value for key, value in agency.line.environment.items() if key.startswith(("AWS_", "CAPSTONE_"))}
    database = agency.airflow_url.replace("postgresql://", "postgresql+psycopg2://")
    more = ours | {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database, "CAPSTONE_WORKERS__PROCESSES": "1"}
    with started(agency.line.home, more, redis.url):
        assert wait_until(lambda: set(states(agency)) == {"capture_mail", "index_records"}, LONG_S, pause_s=1)
        assert wait_until(lambda: set(states(agency).values()) <= ENDED, LONG_S, pause_s=1)
        found = Seen(agency, states(agency), done_by_worker(agency), said_by_summary(agency))
        assert parts_of_airflow()
    assert not parts_of_airflow(), "every part of Airflow ends with it"
    return found


def test_both_workers_capture_accounts_and_each_account_is_captured_by_one(seen: Seen) -> None:
    first, second = (seen.done_by[worker_name(number)] for number in (1, 2))
    assert first
    assert second
    assert not first & second
    assert first | second == set(ACCOUNTS)


def test_the_archive_is_complete_and_the_runs_are_green(seen: Seen) -> None:
    assert seen.states == {"capture_mail": "success", "index_records": "success"}, seen.said
    rows = seen.agency.ledger("SELECT account, count(*) FROM records GROUP BY account")
    assert {str(account): count for account, count in rows} == dict.fromkeys(ACCOUNTS, MESSAGES)
    assert seen.agency.found("inventory") == len(ACCOUNTS) * MESSAGES
    told = seen.agency.line.json("verify")
    assert (told["checked"], told["damaged"], told["missing"]) == (len(ACCOUNTS) * MESSAGES, [], [])


def states(agency: Agency) -> dict[str, str]:
    return {str(dag): str(state) for dag, state in agency.airflow(STATES)}


def said_by_summary(agency: Agency) -> str:
    logs = (agency.line.home / "airflow" / "logs").rglob("task_id=summary/*.log")
    return "\n".join(path.read_text() for path in logs)


def done_by_worker(agency: Agency) -> dict[str, set[str]]:
    """By the logs of the workers: each says the number of every task that it took and ended."""
    account_of = {str(number): str(account) for account, number in agency.airflow(WHO)}
    found = {}
    for worker in map(worker_name, (1, 2)):
        log = (agency.line.home / "airflow" / f"{worker}.log").read_text()
        numbers = re.findall(r"execute_workload\[([0-9a-f-]+)\] succeeded", log)
        found[worker] = {account_of[number] for number in numbers if number in account_of}
    return found


def parts_of_airflow() -> list[int]:
    """The processes below this one that are Airflow's."""
    commands = {one.pid: Path(f"/proc/{one.pid}/cmdline") for one in still_running(tree_of(os.getpid()))}
    return [pid for pid, path in commands.items() if path.exists() and b"-m\0airflow" in path.read_bytes()]


def letter(account: str, number: int) -> bytes:
    return (
        f"From: {account}@agency.example\r\nTo: staff@agency.example\r\nSubject: Inventory {number}\r\n"
        f"Date: Mon, 4 May 2020 10:{number:02}:00 -0400\r\nMessage-ID: <{account}-{number}@agency.example>\r\n"
        f"\r\nShelf {number} counted.\r\n"
    ).encode()
