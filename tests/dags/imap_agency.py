"""An agency whose mail lies on Dovecot, whose records on S3, PostgreSQL and Elasticsearch, and whose Airflow on PostgreSQL.

Three groups of accounts: those on the mail server itself, those behind a line that can be cut, and those on a slow server,
which bears two captures at a time.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg

from scripts.airflow_local import counts_in
from servers.dovecot import Dovecot
from servers.proxy import FaultProxy
from tests.dags.imap_accounts import Account
from tests.dags.local import ONE_QUICK_RETRY, run_dags
from tests.e2e.conftest import CommandLine
from tests.e2e.on_servers import RealServers, bucket_of, line_on, plain_client, versions_of

COUNTS = ("offered", "archived", "already_held", "quarantined", "excluded", "failed")
_OFFICIALS = "official,office,position,category,account,addresses,from,until,acting,form,approved,cutoff\n"
_OFFICIAL = (
    "{name} Holder,Office,Director,1,{name},{name}@agency.example,1990-01-01,,no,GRS 6.1-0900-2018-0001,2018-12-03,tenure\n"
)
_SOURCE = """
[[sources]]
name = "{source}"
kind = "imap"
account = "{name}"
host = "127.0.0.1"
port = {port}
tls = "{tls}"
ca_file = "{ca_file}"
user = "{user}"
password_file = "password-{name}"
connections = 2
wait_s = 1
connect_timeout_s = 300
timeout_s = 300
"""
_TRIES = """
    SELECT r.id, t.rendered_map_index, t.try_number FROM task_instance t JOIN dag_run r USING (dag_id, run_id)
    WHERE t.dag_id = 'capture_mail' AND t.task_id = 'capture' ORDER BY r.start_date, r.id
"""


@dataclass(frozen=True)
class RunSeen:
    """One run of the DAGs: what it said, what a second client was shown before it, and what lay in the bucket after it."""

    exit_code: int
    said: str
    log: str
    rows: Mapping[str, Mapping[str, Any]]
    shown: Mapping[str, Counter[str]]
    held: Mapping[str, list[str]]
    """By account, the digest of the bytes of every version of every record."""
    records: Mapping[str, int]
    """By account, what the ledger counts."""
    touched: tuple[str, ...]
    """Accounts whose mailbox was not the same after the run: flags, counts, or the server's files."""

    def reasons(self, account: str) -> list[str]:
        """The lines below the table that say why the account failed."""
        return [line.strip() for line in counts_in(self.log) if line.strip().startswith(f"{account} (")]


@dataclass
class Agency:
    """All of it; `accounts` by name."""

    servers: RealServers
    line: CommandLine
    accounts: Mapping[str, Account]
    password: str
    proxies: Mapping[str, FaultProxy]
    """`slow` before the slow server; `once` and `always` cut lines."""
    airflow_url: str

    # --- a run ---

    def run(self, *dags: str) -> RunSeen:
        """Each DAG once, by Airflow, in a process of its own."""
        shown, before = self._shown(), self._traces()
        file = self.line.home / "airflow" / "runs.log"
        start = file.stat().st_size if file.exists() else 0
        given = {**self.servers.s3.environment(), "CAPSTONE_CONFIG": self.line.environment["CAPSTONE_CONFIG"]}
        done = run_dags(self.line.home, *dags, more=given)
        log = file.read_bytes()[start:].decode(errors="replace")
        after = self._traces()
        touched = tuple(name for name in self.accounts if before[name] != after[name])
        said = done.stdout + done.stderr
        return RunSeen(done.returncode, said, log, rows_in(log), shown, self._held(), self._records(), touched)

    def _shown(self) -> dict[str, Counter[str]]:
        return {name: account.look() for name, account in self.accounts.items()}

    def _traces(self) -> dict[str, object]:
        return {name: account.box.traces() for name, account in self.accounts.items()}

    def _held(self) -> dict[str, list[str]]:
        client, bucket = plain_client(self.servers.s3), bucket_of(self.line)

        def digest_of(version: Mapping[str, Any]) -> str:
            got = client.get_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
            return hashlib.sha256(got["Body"].read()).hexdigest()

        with ThreadPoolExecutor(4) as threads:
            return {name: list(threads.map(digest_of, versions_of(client, bucket, f"records/{name}/"))) for name in self.accounts}

    def _records(self) -> dict[str, int]:
        rows = self.ledger("SELECT account, count(*) FROM records GROUP BY account")
        return dict.fromkeys(self.accounts, 0) | {str(name): int(str(count)) for name, count in rows}

    # --- what else can be asked ---

    def ledger(self, query: str, *values: object) -> list[tuple[object, ...]]:
        """The rows of a query to the ledger, by a client that is not ours."""
        return asked((self.line.home / "ledger-url").read_text(), query, *values)

    def airflow(self, query: str) -> list[tuple[object, ...]]:
        """The rows of a query to Airflow's own database."""
        return asked(self.airflow_url, query)

    def tries(self) -> list[dict[str, int]]:
        """Of every run in turn: by account, how often its capture was tried."""
        runs: dict[object, dict[str, int]] = {}
        for run, account, tries in self.airflow(_TRIES):
            runs.setdefault(run, {})[str(account)] = int(str(tries))
        return list(runs.values())

    def lines(self) -> dict[str, int]:
        """How many connections came through each proxy until now."""
        return {name: proxy.connections for name, proxy in self.proxies.items()}

    def found(self, query: str) -> int:
        return int(self.line.json("search", query)["total"])

    # --- trouble ---

    def set_password(self, account: str, password: str) -> None:
        (self.line.home / f"password-{account}").write_text(password)

    def slots_taken(self) -> int:
        """How many captures read from the slow server now."""
        rows = self.ledger("SELECT count(*) FROM slots WHERE server = %s", f"127.0.0.1:{self.proxies['slow'].port}")
        return int(str(rows[0][0]))

    @contextmanager
    def captures_of(self, accounts: Sequence[str], wait_s: int) -> Iterator[list[subprocess.Popen[bytes]]]:
        """Captures by the command line, one process each; ended where they have not by themselves."""
        settings = self.line.home / f"waiting-{wait_s}.toml"
        text = (self.line.home / "capstone.toml").read_text()
        settings.write_text(text.replace("wait_s = 1\n", f"wait_s = {wait_s}\n"))
        environment = self.line.environment | {"CAPSTONE_CONFIG": str(settings)}
        with ExitStack() as ending:
            running = []
            for name in accounts:
                command = self.line.command("capture", "--account", name, "--json")
                one = ending.enter_context(subprocess.Popen(command, env=environment, stdout=subprocess.PIPE))
                ending.callback(one.kill)
                running.append(one)
            yield running


def made_agency(
    servers: RealServers, folder: Path, accounts: Sequence[Account], proxies: Mapping[str, FaultProxy], dovecot: Dovecot
) -> Agency:
    """Settings, register, archive and Airflow's own settings; the mailboxes are filled by the caller."""
    line = line_on(servers, folder, "".join(_source_of(account, dovecot.ca_file) for account in accounts))
    line.prepare(_OFFICIALS + "".join(_OFFICIAL.format(name=account.name) for account in accounts))
    airflow_url = servers.postgres.create_database(f"airflow{uuid4().hex[:8]}")
    _write_airflow_settings(folder / "airflow", airflow_url)
    named = {account.name: account for account in accounts}
    agency = Agency(servers, line, named, dovecot.password, proxies, airflow_url)
    for account in accounts:
        agency.set_password(account.name, dovecot.password)
    return agency


def _source_of(account: Account, ca_file: Path) -> str:
    return _SOURCE.format(
        source=account.source, name=account.name, user=account.box.user, port=account.port, tls=account.tls, ca_file=ca_file
    )


def _write_airflow_settings(home: Path, url: str) -> None:
    """Its database, and a policy of the installation that makes a run with failures short."""
    (home / "config").mkdir(parents=True)
    place = url.replace("postgresql://", "postgresql+psycopg2://").replace("%", "%%")
    (home / "airflow.cfg").write_text(f"[database]\nsql_alchemy_conn = {place}\n")
    (home / "config" / "airflow_local_settings.py").write_text(ONE_QUICK_RETRY)


def rows_in(log: str) -> dict[str, dict[str, Any]]:
    """The table of the summary: by account, and `all` for the sums."""
    rows: dict[str, dict[str, Any]] = {}
    for words in (line.split() for line in counts_in(log)[1:]):
        if words[0] == "all":
            rows["all"] = dict(zip(COUNTS, map(int, words[1:7]), strict=True)) | {"outcome": " ".join(words[7:])}
        elif len(words) == 9 and words[2].isdigit():
            rows[words[0]] = dict(zip(COUNTS, map(int, words[2:8]), strict=True)) | {"outcome": words[8]}
    return rows


def asked(url: str, query: str, *values: object) -> list[tuple[object, ...]]:
    """The rows that a database answers."""
    with psycopg.connect(url) as connection:
        return list(connection.execute(query.encode(), values))


def told_by(capture: subprocess.Popen[bytes], seconds: float) -> tuple[int, dict[str, Any]]:
    """Exit code and report of a capture by the command line, when it has ended."""
    out, _ = capture.communicate(timeout=seconds)
    told: dict[str, Any] = json.loads(out)
    return capture.returncode, told["runs"][0]
