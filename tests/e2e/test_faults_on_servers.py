"""Object storage and database that fail in mid-run, and runs that are killed: every run says what it met, the next one completes.

The servers are this module's own; only the search server, to which nothing happens here, is that of all tests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from servers.elasticsearch import ElasticsearchAccess
from servers.http_faults import HttpFaults
from servers.postgres import Postgres
from servers.proxy import FaultProxy
from servers.versitygw import Versitygw
from tests.e2e.faulty_servers import (
    LARGE,
    SMALL,
    Archive,
    Run,
    Undisturbed,
    assert_whole,
    importing,
    met,
    nothing_happens,
)  # fmt: skip
from tests.e2e.on_servers import RealServers
from tests.services import fresh_folder, running

pytestmark = [pytest.mark.corpus, pytest.mark.slow, pytest.mark.service]

FEW = ("james", "mail-gem")
"""About 240: one batch."""
FOREVER = 1_000_000
SLOW_DOWN = b"<Error><Code>SlowDown</Code></Error>"


# --- the servers, and archives of the same mail to which nothing happens ---------------------------


@pytest.fixture(scope="module")
def s3() -> Iterator[Versitygw]:
    with fresh_folder() as folder, running(Versitygw(folder / "s3")) as server:
        yield server


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with fresh_folder() as folder, running(Postgres(folder / "postgres")) as server:
        yield server


@pytest.fixture(scope="module")
def servers(s3: Versitygw, postgres: Postgres, elasticsearch: ElasticsearchAccess) -> RealServers:
    return RealServers(s3, postgres, elasticsearch)


@pytest.fixture(scope="module")
def large(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    return nothing_happens(tmp_path_factory.mktemp("large"), importing(corpus, LARGE))


@pytest.fixture(scope="module")
def small(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    return nothing_happens(tmp_path_factory.mktemp("small"), importing(corpus, SMALL))


@pytest.fixture(scope="module")
def few(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    return nothing_happens(tmp_path_factory.mktemp("few"), importing(corpus, FEW))


# --- object storage --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Store:
    """Object storage, and two ways to it that can fail: at the answers and at the line."""

    server: Versitygw
    answers: HttpFaults
    line: FaultProxy

    @property
    def urls(self) -> dict[str, str]:
        return {
            "server": self.server.endpoint_url,
            "answers": self.answers.url,
            "line": f"http://127.0.0.1:{self.line.port}",
        }


@pytest.fixture(scope="module")
def store(s3: Versitygw) -> Iterator[Store]:
    with HttpFaults(s3.endpoint_url) as answers, FaultProxy("127.0.0.1", s3.port) as line:
        yield Store(s3, answers, line)


@dataclass(frozen=True)
class StoreFault:
    way: str
    lay: Callable[[Store], object]
    lift: Callable[[Store], object]
    said: str


STORE_FAULTS = {
    "answers 500": StoreFault(
        "answers",
        lambda at: at.answers.fail(500, FOREVER, method="PUT"),
        lambda at: at.answers.mend(),
        "it answered InternalServerError",
    ),
    "answers 503": StoreFault(
        "answers",
        lambda at: at.answers.fail(503, FOREVER, body=SLOW_DOWN, retry_after_s=1),
        lambda at: at.answers.mend(),
        "it answered SlowDown",
    ),
    "is cut off in every answer": StoreFault(
        "line", lambda at: at.line.drop_after(20, FOREVER), lambda at: at.line.pass_through(), "does not answer"
    ),
    "is frozen": StoreFault("server", lambda at: at.server.freeze(), lambda at: at.server.thaw(), "does not answer"),
    "is stopped": StoreFault("server", lambda at: at.server.stop(), lambda at: at.server.start(), "does not answer"),
    "is killed": StoreFault("server", lambda at: at.server.kill(), lambda at: at.server.start(), "does not answer"),
}


@pytest.fixture
def stored(servers: RealServers, tmp_path: Path) -> Archive:
    """A new archive for every fault, so that it is met in mid-run however fast the machine is."""
    return Archive(servers, tmp_path)


@pytest.mark.parametrize("fault", STORE_FAULTS.values(), ids=STORE_FAULTS)
def test_a_store_that_fails_in_mid_run_is_named_and_the_next_run_completes_the_archive(
    stored: Archive, store: Store, corpus: Path, fault: StoreFault, large: Undisturbed
) -> None:
    limits = {"READ_TIMEOUT_S": "3", "CONNECT_TIMEOUT_S": "3", "ATTEMPTS": "2", "THREADS": "8"}
    settings = {"ENDPOINT_URL": store.urls[fault.way], **limits}
    stored.hasty = {f"CAPSTONE_STORE__{name}": value for name, value in settings.items()}
    try:
        ended = met(stored, importing(corpus, LARGE), stored.has(50), lambda: fault.lay(store))
    finally:
        fault.lift(store)
    assert (ended.code, set(ended.errors)) == (3, {"E204"})
    assert fault.said in ended.errors["E204"]
    last = stored.here.json("status")["runs"][0]
    assert (last["outcome"], last["error"]) == ("failed", "E204")
    stored.hasty = {}
    assert_whole(stored, Run(stored, *importing(corpus, LARGE)).end(), large)


def test_answers_of_a_busy_store_are_outlasted(
    servers: RealServers, store: Store, corpus: Path, few: Undisturbed, tmp_path: Path
) -> None:
    archive, faults, answered = Archive(servers, tmp_path), store.answers, len(store.answers.requests)
    archive.hasty = {"CAPSTONE_STORE__ENDPOINT_URL": faults.url}
    records = f"/{archive.bucket}/records/"
    faults.fail(500, 3, method="PUT", path=records)
    faults.fail(500, 3, method="GET", path=records)
    faults.fail(503, 3, method="PUT", path=records, after=30, body=SLOW_DOWN)
    faults.fail(503, 3, method="PUT", path=records, after=60, body=SLOW_DOWN, retry_after_s=1)
    faults.fail(500, 3, method="PUT", path=records, after=90, after_server=True)  # done, and the answer is lost
    ended = Run(archive, *importing(corpus, FEW)).end()
    statuses = [status for _, target, status in faults.requests[answered:] if target.startswith(records)]
    assert (statuses.count(500), statuses.count(503)) == (9, 6)
    assert_whole(archive, ended, few)


def test_a_line_that_is_cut_and_a_store_that_restarts_are_outlasted(
    servers: RealServers, store: Store, corpus: Path, large: Undisturbed, tmp_path: Path
) -> None:
    archive = Archive(servers, tmp_path)
    archive.hasty = {
        "CAPSTONE_STORE__ENDPOINT_URL": store.urls["line"],
        "CAPSTONE_STORE__ATTEMPTS": "9",
        "CAPSTONE_STORE__THREADS": "2",
    }
    run = Run(archive, *importing(corpus, LARGE))
    run.until(archive.has(50))
    store.line.cut_all()
    run.until(archive.has(50))
    store.line.drop_after(20, 8)  # the answers to eight puts that were done are lost
    run.until(archive.has(50))
    store.server.stop()
    store.server.start()
    run.until(archive.has(50))
    store.server.kill()
    store.server.start()
    assert_whole(archive, run.end(), large)


# --- the database ----------------------------------------------------------------------------------


def asked(postgres: Postgres, statement: str, archive: Archive) -> int:
    """A number that the server tells of the archive's database."""
    with psycopg.connect(postgres.superuser_url) as connection:
        row = connection.execute(statement, (archive.bucket,)).fetchone()
    assert row is not None
    return int(row[0])


def waiting(postgres: Postgres, archive: Archive) -> int:
    """How many sessions wait for a lock."""
    statement = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock'"
    return asked(postgres, statement, archive)


@contextmanager
def no_commits(archive: Archive) -> Iterator[None]:
    """No batch can be taken in: whoever tries waits in the middle of the transaction, the manifest in the store already."""
    connection = psycopg.connect(archive.ledger_url)
    try:
        connection.execute("LOCK TABLE manifests IN SHARE MODE")
        yield
    finally:
        with suppress(psycopg.OperationalError):
            connection.rollback()
        connection.close()


@pytest.fixture(scope="module")
def noted(servers: RealServers, tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """One archive that meets every fault of its database, one a run."""
    return Archive(servers, tmp_path_factory.mktemp("noted"))


AWAY: dict[str, tuple[Callable[[Postgres], object], Callable[[Postgres], object]]] = {
    "frozen": (Postgres.freeze, Postgres.thaw),
    "stopped": (Postgres.stop, Postgres.start),
    "killed": (Postgres.kill, Postgres.start),
}


@pytest.mark.parametrize(("lay", "lift"), AWAY.values(), ids=AWAY)
def test_a_database_that_is_away_from_mid_run_on_is_named(
    noted: Archive,
    postgres: Postgres,
    corpus: Path,
    lay: Callable[[Postgres], object],
    lift: Callable[[Postgres], object],
) -> None:
    noted.hasty = {"CAPSTONE_LEDGER__WAIT_S": "1"}
    run = Run(noted, *importing(corpus, FEW))
    try:
        run.until(lambda: run.has_logged("capture_started"))
        lay(postgres)
        ended = run.end()
    finally:
        lift(postgres)
    assert (ended.code, set(ended.errors)) == (3, {"E301"})
    assert noted.here.json("status")["runs"][0]["outcome"] == "running"  # nobody could note its end


def sessions_ended(postgres: Postgres, archive: Archive) -> None:
    asked(postgres, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = %s", archive)


def restarted(postgres: Postgres, _archive: Archive) -> None:
    postgres.stop()
    postgres.start()


def killed_and_started(postgres: Postgres, _archive: Archive) -> None:
    postgres.kill()
    postgres.start()


@pytest.mark.parametrize("broken", [sessions_ended, restarted, killed_and_started])
def test_a_database_that_drops_a_transaction_and_comes_back_is_named(
    noted: Archive, postgres: Postgres, corpus: Path, broken: Callable[[Postgres, Archive], None]
) -> None:
    noted.hasty = {}
    run = Run(noted, *importing(corpus, FEW))
    with no_commits(noted):
        run.until(lambda: waiting(postgres, noted) > 0)
        broken(postgres, noted)
    ended = run.end()
    assert (ended.code, set(ended.errors)) == (3, {"E301"})


def test_after_all_that_the_database_did_the_next_run_completes_the_archive(
    noted: Archive, corpus: Path, few: Undisturbed
) -> None:
    noted.hasty = {}
    assert_whole(noted, Run(noted, *importing(corpus, FEW)).end(), few)


def test_two_captures_at_once_outlive_a_restart_of_their_database(
    servers: RealServers, postgres: Postgres, corpus: Path, tmp_path: Path
) -> None:
    archive = Archive(servers, tmp_path / "servers")
    commands = [importing(corpus, FEW), importing(corpus, ["sisimai-dsn"], "analyst")]
    runs = [Run(archive, *command) for command in commands]
    with no_commits(archive):
        runs[0].until(lambda: waiting(postgres, archive) == len(runs))
        restarted(postgres, archive)
    assert [set(run.end().errors) for run in runs] == [{"E301"}, {"E301"}]
    runs = [Run(archive, *command) for command in commands]
    assert [run.end().errors for run in runs] == [{}, {}]
    assert_whole(archive, Run(archive, *commands[0]).end(), nothing_happens(tmp_path / "embedded", *commands))


# --- the archive's own processes -------------------------------------------------------------------


def test_runs_killed_while_they_store_while_they_commit_and_while_they_index_are_taken_up_by_the_next(
    servers: RealServers, postgres: Postgres, corpus: Path, small: Undisturbed, tmp_path: Path
) -> None:
    archive, command = Archive(servers, tmp_path), importing(corpus, SMALL)
    run = Run(archive, *command)
    run.until(archive.has(30))
    run.kill()
    taken_in = archive.count("manifests/")
    run = Run(archive, *command)
    with no_commits(archive):
        run.until(lambda: waiting(postgres, archive) > 0)
        run.kill()
    assert archive.count("manifests/") == taken_in + 1
    run = Run(archive, *command)
    run.until(lambda: archive.written() > 0)
    run.kill()
    assert run.has_logged("manifests_adopted")
    assert_whole(archive, Run(archive, *command).end(), small)
