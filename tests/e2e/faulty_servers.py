"""Captures on servers that fail: a command under way, a fault laid at a condition, and what must be whole at the end."""

from __future__ import annotations

import hashlib
import json
import subprocess
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from capstone.bootstrap import build_app
from connectors.ledger.engine import file_url
from connectors.ledger.ledger import open_ledger
from servers.processes import wait_until
from tests.e2e.conftest import CommandLine
from tests.e2e.on_servers import RealServers, bucket_of, line_on, plain_client, versions_of
from tests.e2e.power import cut_power
from tests.e2e.test_kills import QUERIES, STATES

NAMED = (0, 1, 3)
"""How a run may end, whatever its servers do: done, done with something missing, a named error."""
END_S = 240
"""No run takes longer, whatever its servers do. With the short limits of these tests none needs a tenth of it."""
_READERS = 8


LARGE = ("spamassassin", "sisimai-dsn", "james", "mail-gem")
"""About 1,500 messages, doubled and empty ones among them: four batches."""
SMALL = ("sisimai-dsn", "mail-gem", "spamassassin/spam-1")
"""About 680: two batches."""


@dataclass(frozen=True)
class Ended:
    """What a run left behind."""

    code: int
    told: dict[str, Any]
    log: str
    seconds: float

    @property
    def errors(self) -> dict[str, str]:
        """Code to message of every error that it told of: of the command, of a run, of the index."""
        parts = [self.told, *self.told.get("runs", []), self.told.get("index", {})]
        return {part["error"]["code"]: part["error"]["message"] for part in parts if part.get("error")}


class Run:
    """A command as the head of a process group of its own, watched while it works."""

    def __init__(self, archive: Archive, *arguments: object) -> None:
        line, self._began = archive.line, time.monotonic()
        self._out, self._log = (line.home / f"{name}-{self._began}" for name in ("out", "log"))
        with self._out.open("wb") as out, self._log.open("wb") as log:
            self._process = subprocess.Popen(
                line.command(*arguments, "--json"),
                env={**line.environment, **archive.hasty, "CAPSTONE_LOG": "info"},
                stdout=out, stderr=log, start_new_session=True,
            )  # fmt: skip

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait for the moment in the run at which something shall happen to it."""
        assert wait_until(lambda: self._process.poll() is not None or condition(), END_S, 0.01)
        assert self._process.poll() is None, f"the run was over before: {self._out.read_text()} {self._log.read_text()[-2000:]}"

    def has_logged(self, event: str) -> bool:
        return f'"{event}"' in self._log.read_text()

    def end(self) -> Ended:
        """Its end: in bounded time, and by a name."""
        try:
            code = self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        ended = Ended(code, {}, self._log.read_text(), time.monotonic() - self._began)
        assert code in NAMED, ended
        assert "Traceback" not in ended.log
        ended.told.update(json.loads(self._out.read_bytes()))
        assert "E000" not in ended.errors, ended
        return ended

    def kill(self) -> None:
        """At once, as a power cut would."""
        cut_power(self._process)


class Archive:
    """An archive with a bucket, a database and an index of its own. `hasty` are settings for the runs that meet a fault."""

    def __init__(self, servers: RealServers, folder: Path, more: str = "") -> None:
        self.servers = servers
        self.line = line_on(servers, folder, more)
        self.hasty: dict[str, str] = {}
        self.here = CommandLine(folder, here=True)
        self.here.environment = self.line.environment
        self.here.prepare()
        self.bucket, self.client = bucket_of(self.line), plain_client(servers.s3)
        self.ledger_url = (folder / "ledger-url").read_text()

    def count(self, prefix: str = "records/") -> int:
        """Objects below the prefix."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return sum(page["KeyCount"] for page in pages)

    def has(self, more: int, prefix: str = "records/") -> Callable[[], bool]:
        """A condition: so many more objects than now."""
        wanted = self.count(prefix) + more
        return lambda: self.count(prefix) >= wanted

    def written(self) -> int:
        """Documents written to the index, whether a search sees them yet or not."""
        told = self.servers.elasticsearch.ask("GET", f"/{self.bucket}-v*/_stats/indexing")
        return int(told["_all"]["primaries"].get("indexing", {}).get("index_total", 0))

    def digests(self) -> dict[str, str]:
        """Key to the SHA-256 of its bytes, read back by a plain client. Every key has one version."""
        versions = versions_of(self.client, self.bucket, "records/")
        assert len({version["Key"] for version in versions}) == len(versions)

        def digest(version: dict[str, Any]) -> str:
            of = {"Bucket": self.bucket, "Key": version["Key"], "VersionId": version["VersionId"]}
            return hashlib.sha256(self.client.get_object(**of)["Body"].read()).hexdigest()

        with ThreadPoolExecutor(_READERS) as pool:
            return dict(zip((version["Key"] for version in versions), pool.map(digest, versions), strict=True))


@dataclass(frozen=True)
class Undisturbed:
    """What an archive of the same mail holds to which nothing happened."""

    records: dict[str, Any]
    answers: list[tuple[str, int, list[str]]]


def nothing_happens(home: Path, *commands: Sequence[object]) -> Undisturbed:
    """What the commands make of an embedded archive."""
    line = CommandLine(home).prepare()
    for command in commands:
        line.run(*command, exit_code=(0, 1))
    return contents(line, file_url(line.home / "ledger.sqlite"))


def importing(corpus: Path, sets: Sequence[str], account: str = "director") -> list[object]:
    """The command that takes in these sets."""
    return ["import", *(corpus / name for name in sets), "--account", account]


def contents(line: CommandLine, ledger_url: str) -> Undisturbed:
    """Every record with its class, facts and places, without the times of capture; and what searches find."""
    ledger = open_ledger(ledger_url)
    records = {
        entry.record_id: (entry.classification, entry.content_key, entry.problems, sorted(map(repr, entry.occurrences)))
        for entry in ledger.records.records()
    }
    ledger.close()
    return Undisturbed(records, answers_of(line))


def answers_of(line: CommandLine) -> list[tuple[str, int, list[str]]]:
    """(query, total, first ids)."""
    with pytest.MonkeyPatch.context() as patched:
        for name, value in line.environment.items():
            patched.setenv(name, value)
        app = build_app()
        pages = [(query, app.search(app.person(None), query, 50).page) for query in QUERIES]
        app.close()
    return [(query, page.total, [hit.record_id for hit in page.hits]) for query, page in pages]


def assert_whole(archive: Archive, last: Ended, expected: Undisturbed) -> None:
    """The run to the end made the archive the same as if nothing had happened."""
    assert_complete(last)
    assert_same(archive, expected)


def assert_same(archive: Archive, expected: Undisturbed) -> None:
    """Records, places, bytes and answers are those of the other archive, and our own checks find nothing to say."""
    found = contents(archive.line, archive.ledger_url)
    assert found.records == expected.records
    assert found.answers == expected.answers
    assert archive.digests() == {
        f"records/{account}/{digest[:2]}/{digest}.eml": digest
        for account, _, digest in (record_id.partition("/") for record_id in expected.records)
    }
    verified = archive.here.json("verify")
    assert verified["checked"] == len(expected.records)
    assert (verified["damaged"], verified["missing"], verified["audit"]["broken_at"]) == ([], [], None)
    told = archive.here.json("reconcile")
    assert (told["missing"], told["unexpected"], told["mended"]) == ([], [], [])
    assert {run["outcome"] for run in archive.here.json("status")["runs"]} <= {"complete", "failed", "abandoned"}


def assert_complete(ended: Ended) -> None:
    """It told of no error, and its sums add up with nothing failed and nothing left to index."""
    assert (ended.errors, ended.code in (0, 1)) == ({}, True), ended
    for run in ended.told.get("runs", [ended.told]):
        assert run["offered"] == sum(run[state] for state in STATES) > 0
        assert run["failed"] == 0
    assert ended.told["index"]["pending"] == 0


def met(archive: Archive, arguments: Sequence[object], when: Callable[[], bool], lay: Callable[[], object]) -> Ended:
    """A run that meets a fault once `when` is true, and its end; the fault stays."""
    run = Run(archive, *arguments)
    run.until(when)
    lay()
    return run.end()
