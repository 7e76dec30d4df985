"""A machine that dies at any instant leaves work to repeat, never work lost, doubled or half told."""

from __future__ import annotations

import random
import shutil
import subprocess
import threading
import time
from collections import Counter
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from capstone.bootstrap import build_app
from connectors.ledger.engine import file_url
from connectors.ledger.ledger import open_ledger
from tests.e2e.conftest import CommandLine
from tests.e2e.power import cut_power

pytestmark = [pytest.mark.corpus, pytest.mark.slow]

SETS = ("spamassassin", "sisimai-dsn", "james", "mail-gem")
"""About 1,500 messages, doubled and empty ones among them."""

KILLS, SEED = 20, 61
PATIENCE_S, LIMIT_S = 240, 1800
"""How long kills go on on a slow machine, as long as each phase was hit often enough; and what must not hang."""
STATES = ("archived", "already_held", "quarantined", "excluded", "failed")
QUERIES = (
    "free",
    "subject:delivery",
    "from:mailer",
    '"unsubscribe"',
    "mess*",
    "class:permanent",
    "has:attachment",
    "before:2003-01-01",
)


class Run:
    """An import as the head of a process group of its own; knows when its capture ended and its indexing began."""

    def __init__(self, line: CommandLine, paths: list[Path]) -> None:
        self.began = time.monotonic()
        self._process = subprocess.Popen(
            line.command("import", *paths, "--account", "director", "--json"),
            env={**line.environment, "CAPSTONE_LOG": "info"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self.captured = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as stream:
            for told in stream:
                if b'"capture_ended"' in told:
                    self.captured.set()
        self.captured.set()

    def ends_within(self, timeout_s: float) -> bool:
        try:
            code = self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return False
        assert code in (0, 1), f"an import after a kill ended with {code}"
        self._reader.join()
        return True

    def kill(self) -> None:
        """At once, as a power cut would."""
        cut_power(self._process)
        self._reader.join()


@dataclass(frozen=True)
class Undisturbed:
    """An archive of the same mail that nothing happened to, and how long its making took."""

    records: dict[str, Any]
    objects: set[str]
    answers: list[tuple[str, int, list[str]]]
    capture_s: float
    index_s: float


def records_of(line: CommandLine) -> dict[str, Any]:
    """Every record: its class, facts and places, without the times of capture."""
    ledger = open_ledger(file_url(line.home / "ledger.sqlite"))
    found = {
        entry.record_id: (entry.classification, entry.content_key, entry.problems, sorted(map(repr, entry.occurrences)))
        for entry in ledger.records.records()
    }
    ledger.close()
    return found


def objects_of(line: CommandLine) -> set[str]:
    return {path.name for path in (line.home / "store" / "objects" / "records").rglob("*.eml")}


def answers_of(line: CommandLine) -> list[tuple[str, int, list[str]]]:
    with pytest.MonkeyPatch.context() as patched:
        for name, value in line.environment.items():
            patched.setenv(name, value)
        app = build_app()
        pages = [(query, app.search(app.person(None), query, 50).page) for query in QUERIES]
    return [(query, page.total, [hit.record_id for hit in page.hits]) for query, page in pages]


@pytest.fixture(scope="module")
def paths(corpus: Path) -> list[Path]:
    return [corpus / name for name in SETS]


@pytest.fixture(scope="module")
def undisturbed(paths: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    line = CommandLine(tmp_path_factory.mktemp("undisturbed") / "home").prepare()
    run = Run(line, paths)
    run.captured.wait()
    captured = time.monotonic()
    assert run.ends_within(300)
    ended = time.monotonic()
    return Undisturbed(records_of(line), objects_of(line), answers_of(line), captured - run.began, ended - captured)


@pytest.mark.timeout(LIMIT_S)
def test_twenty_kills_at_random_instants_change_nothing(paths: list[Path], undisturbed: Undisturbed, tmp_path: Path) -> None:
    chance = random.Random(SEED)
    hit: Counter[str] = Counter()
    began = time.monotonic()

    def is_enough() -> bool:
        is_late = time.monotonic() - began > PATIENCE_S
        return (is_late or hit.total() >= KILLS) and min(hit["capture"], hit["indexing"]) >= KILLS // 5

    empty = CommandLine(tmp_path / "empty").prepare()
    for number in count():
        line = CommandLine(tmp_path / str(number))
        shutil.copytree(empty.home, line.home)
        while not is_enough() and (phase := killed(line, paths, undisturbed, chance, hit)):
            hit[phase] += 1
        is_last = is_enough()
        assert_whole(line, paths, undisturbed, is_complete=not is_last)
        if is_last:
            break


def killed(
    line: CommandLine, paths: list[Path], undisturbed: Undisturbed, chance: random.Random, hit: Counter[str]
) -> str | None:
    """Kill one import at a random instant of the phase that was hit less; says where it was, None where it was done before."""
    aims_at_indexing = hit["indexing"] < hit["capture"]
    run = Run(line, paths)
    if aims_at_indexing:
        run.captured.wait()
    if run.ends_within(chance.uniform(0, undisturbed.index_s if aims_at_indexing else undisturbed.capture_s)):
        return None
    phase = "indexing" if run.captured.is_set() else "capture"
    run.kill()
    return phase


def assert_whole(line: CommandLine, paths: list[Path], undisturbed: Undisturbed, *, is_complete: bool) -> None:
    """A run to the end makes the archive the same as if nothing had happened; a further one finds nothing to do."""
    for finds_nothing in (True,) if is_complete else (False, True):
        told = line.json("import", *paths, "--account", "director", exit_code=(0, 1))
        assert told["offered"] == sum(told[state] for state in STATES)
        assert (told["failed"], told["error"]) == (0, None)
        assert told["index"]["pending"] == 0
        assert (told["archived"], told["index"]["indexed"]) == (0, 0) or not finds_nothing
    assert records_of(line) == undisturbed.records
    assert objects_of(line) == undisturbed.objects
    assert answers_of(line) == undisturbed.answers
    verified = line.json("verify")
    assert verified["checked"] == len(undisturbed.records)
    assert (verified["damaged"], verified["missing"], verified["audit"]["broken_at"]) == ([], [], None)
    told = line.json("reconcile")
    assert (told["missing"], told["unexpected"], told["mended"]) == ([], [], [])
