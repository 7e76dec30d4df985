"""Elasticsearch away, frozen, busy or read-only while mail comes in: capture goes on, and the next index run completes it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from servers.elasticsearch import Elasticsearch
from servers.http_faults import HttpFaults
from servers.postgres import PostgresAccess
from servers.versitygw import S3Access
from tests.e2e.faulty_servers import (
    SMALL,
    Archive,
    Ended,
    Run,
    Undisturbed,
    assert_same,
    assert_whole,
    importing,
    met,
    nothing_happens,
)
from tests.e2e.on_servers import RealServers
from tests.services import fresh_folder, running

pytestmark = [pytest.mark.corpus, pytest.mark.slow, pytest.mark.service]

FOREVER = 1_000_000
BULK = {"method": "PUT", "path": "/_bulk"}


@pytest.fixture(scope="module")
def search_server() -> Iterator[Elasticsearch]:
    """This module's own."""
    with fresh_folder() as folder, running(Elasticsearch(folder / "elasticsearch", is_brief=True)) as server:
        yield server


@pytest.fixture(scope="module")
def servers(versitygw: S3Access, postgres: PostgresAccess, search_server: Elasticsearch) -> RealServers:
    return RealServers(versitygw, postgres, search_server)


@pytest.fixture(scope="module")
def expected(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    return nothing_happens(tmp_path_factory.mktemp("undisturbed") / "home", importing(corpus, SMALL))


def assert_captured(archive: Archive, ended: Ended, expected: Undisturbed, said: str) -> int:
    """Everything is in the archive, the index is named, and what it lacks is due; how much that is."""
    assert (ended.code, set(ended.errors)) == (1, {"E401"})
    assert said in ended.errors["E401"]
    assert (ended.told["outcome"], ended.told["failed"]) == ("complete", 0)
    standing = archive.here.json("status")
    assert standing["totals"]["messages"] == len(expected.records)
    due: int = standing["not_yet_indexed"]
    return due


def test_a_search_server_killed_in_mid_run_down_for_a_whole_run_and_read_only_afterwards(
    servers: RealServers, search_server: Elasticsearch, corpus: Path, expected: Undisturbed, tmp_path: Path
) -> None:
    command = importing(corpus, SMALL)
    half, none = Archive(servers, tmp_path / "half"), Archive(servers, tmp_path / "none")
    ended = met(half, command, lambda: half.written() > 0, search_server.kill)
    try:
        assert 0 < assert_captured(half, ended, expected, "cannot be reached") <= len(expected.records)
        ended = Run(none, *command).end()
        assert assert_captured(none, ended, expected, "cannot be reached") == len(expected.records)
        refused = Run(none, "search", "free").end()
        assert (refused.code, set(refused.errors)) == (3, {"E401"})
    finally:
        search_server.start()
    read_only(search_server, half, on=True)
    search_server.ask("PUT", "/_cluster/settings", {"persistent": {"cluster.blocks.read_only": True}})
    try:
        for archive in (half, none):
            ended = Run(archive, "index").end()
            assert (ended.code, set(ended.errors)) == (3, {"E401"})
            assert "read-only" in ended.errors["E401"]
    finally:
        search_server.ask("PUT", "/_cluster/settings", {"persistent": {"cluster.blocks.read_only": None}})
    ended = Run(half, *command).end()
    assert_captured(half, ended, expected, "read-only")
    assert Run(half, "search", "free").end().code == 0
    read_only(search_server, half, on=False)
    for archive in (half, none):
        ended = Run(archive, "index").end()
        assert (ended.code, ended.told["failed"], ended.told["pending"]) == (0, 0, 0)
        assert_same(archive, expected)


def read_only(server: Elasticsearch, archive: Archive, *, on: bool) -> None:
    """As a server does by itself when its disk is nearly full."""
    server.ask("PUT", f"/{archive.bucket}-v*/_settings", {"index.blocks.read_only_allow_delete": True if on else None})


def test_a_search_server_that_is_frozen_or_busy_is_named_or_outlasted(
    servers: RealServers, search_server: Elasticsearch, corpus: Path, expected: Undisturbed, tmp_path: Path
) -> None:
    archive, command = Archive(servers, tmp_path), importing(corpus, SMALL)
    archive.hasty = {"CAPSTONE_INDEX__TIMEOUT_S": "3", "CAPSTONE_INDEX__ATTEMPTS": "2"}
    ended = met(archive, command, lambda: archive.written() > 0, search_server.freeze)
    search_server.thaw()
    assert assert_captured(archive, ended, expected, "did not answer in time") > 0
    with HttpFaults(search_server.url, search_server.ca_file) as faults:
        archive.hasty = {"CAPSTONE_INDEX__URL": faults.url, "CAPSTONE_INDEX__ATTEMPTS": "2"}
        for status in (429, 503):
            faults.fail(status, FOREVER, **BULK)
            ended = Run(archive, *command).end()
            assert assert_captured(archive, ended, expected, str(status)) > 0
            faults.mend()
        archive.hasty = {"CAPSTONE_INDEX__URL": faults.url}
        faults.fail(429, 2, retry_after_s=1, **BULK)
        faults.fail(503, 1, **BULK)
        assert_whole(archive, Run(archive, *command).end(), expected)
        assert [status for _, path, status in faults.requests if path.startswith(BULK["path"])].count(429) >= 2
