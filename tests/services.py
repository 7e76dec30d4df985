"""Fixtures of the real servers. One of each a session, started when a test first asks; stopped at the end.

A server that somebody else runs is used instead where its address is given: CAPSTONE_TEST_S3_URL (with the usual AWS_*
variables), CAPSTONE_TEST_POSTGRES_URL, CAPSTONE_TEST_ELASTICSEARCH_URL (with _API_KEY and _CA_FILE), CAPSTONE_TEST_REDIS_URL.
A test that stops or freezes its server starts one of its own in `server_folder`: the shared ones belong to everybody.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from servers.certificates import certificates_in
from servers.dovecot import Dovecot
from servers.elasticsearch import Elasticsearch, ElasticsearchAccess, GivenElasticsearch
from servers.errors import ProgramMissing
from servers.postgres import GivenPostgres, Postgres, PostgresAccess
from servers.processes import Server
from servers.redis import GivenRedis, Redis, RedisAccess
from servers.versitygw import GivenS3, S3Access, Versitygw
from tests.servers.graph_server import GraphServer

AnyServer = TypeVar("AnyServer", bound=Server)
_MEMORY, _NEEDED_BYTES = Path("/dev/shm"), 2 * 1024**3


@pytest.fixture(scope="session")
def servers_folder() -> Iterator[Path]:
    """A folder that the servers' user can reach, in memory where there is enough: small files on a disk are slow."""
    with fresh_folder() as folder:
        yield folder


@pytest.fixture
def server_folder() -> Iterator[Path]:
    """A folder for the servers of one test."""
    with fresh_folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def versitygw(servers_folder: Path) -> Iterator[S3Access]:
    """S3 with versions and Object Lock."""
    if url := os.environ.get("CAPSTONE_TEST_S3_URL"):
        yield GivenS3(url)
        return
    with running(Versitygw(servers_folder / "versitygw")) as server:
        yield server


@pytest.fixture(scope="session")
def postgres(servers_folder: Path) -> Iterator[PostgresAccess]:
    """PostgreSQL; every test makes a database of its own."""
    if url := os.environ.get("CAPSTONE_TEST_POSTGRES_URL"):
        yield GivenPostgres(url)
        return
    with running(Postgres(servers_folder / "postgres")) as server:
        yield server


@pytest.fixture(scope="session")
def elasticsearch(servers_folder: Path) -> Iterator[ElasticsearchAccess]:
    """Elasticsearch with security and TLS; every test names indices of its own."""
    if url := os.environ.get("CAPSTONE_TEST_ELASTICSEARCH_URL"):
        authority = os.environ.get("CAPSTONE_TEST_ELASTICSEARCH_CA_FILE")
        yield GivenElasticsearch(url, os.environ["CAPSTONE_TEST_ELASTICSEARCH_API_KEY"], Path(authority) if authority else None)
        return
    with running(Elasticsearch(servers_folder / "elasticsearch", is_brief=True)) as server:
        yield server


@pytest.fixture(scope="session")
def dovecot(servers_folder: Path) -> Iterator[Dovecot]:
    """IMAP; every test uses user names of its own."""
    with running(Dovecot(servers_folder / "dovecot")) as server:
        yield server


@pytest.fixture(scope="session")
def redis(servers_folder: Path) -> Iterator[RedisAccess]:
    """The broker of Celery."""
    if url := os.environ.get("CAPSTONE_TEST_REDIS_URL"):
        yield GivenRedis(url)
        return
    with running(Redis(servers_folder / "redis")) as server:
        yield server


@pytest.fixture
def graph(servers_folder: Path) -> Iterator[GraphServer]:
    """Microsoft Graph, a server of each test's own. Nothing may have been asked of it that writes."""
    with closing(GraphServer(certificates_in(servers_folder / "graph"))) as server:
        yield server
        assert server.writes == []


@contextmanager
def running(server: AnyServer) -> Iterator[AnyServer]:
    """Start and stop it. A program that is not to be had skips the test, or fails it where the services are required."""
    with needed_programs():
        server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def needed_programs() -> Iterator[None]:
    """Say which program is missing, in the way that CAPSTONE_SERVICES asks for."""
    try:
        yield
    except ProgramMissing as missing:
        if os.environ.get("CAPSTONE_SERVICES") == "required":
            pytest.fail(str(missing))
        pytest.skip(str(missing))


@contextmanager
def fresh_folder() -> Iterator[Path]:
    """A new folder outside pytest's own, which only the person who runs the tests can enter; removed at the end."""
    has_room = _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _NEEDED_BYTES
    folder = Path(tempfile.mkdtemp(prefix="capstone-servers-", dir=_MEMORY if has_room else None))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
