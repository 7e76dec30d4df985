"""The whole corpus in an archive, and what was told when it was made: the same for every kind of store, ledger and index."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from capstone.bootstrap import build_app
from tests.e2e.conftest import CommandLine
from tests.e2e.corpus_register import OFFICIALS, SETS, Expected, expected_of

STATES = ("offered", "archived", "already_held", "quarantined", "excluded", "failed")
CLEAN = (0, 1)
"""Exit codes of a run without a named error; 1: something lies in quarantine."""

QUERIES = (
    "energy", "contract AND agreement", '"credit support"', "budg*", "class:temporary", "class:unscheduled",
    "account:spamassassin free OR money", "from:apache.org", "has:attachment", "after:2001-10-01 before:2002-01-01",
    "subject:re NOT account:enron", "(guaranty OR collateral) AND account:enron", "Grüße OR información",
)  # fmt: skip


@dataclass
class CorpusArchive:
    """The archive after the first import of every set, and what the imports told."""

    line: CommandLine
    corpus: Path
    told: dict[str, dict[str, Any]]

    @cached_property
    def expected(self) -> dict[str, Expected]:
        return {account: expected_of(self.corpus / folder) for account, folder in SETS.items()}

    def objects(self, account: str) -> list[Path]:
        return sorted((self.line.home / "store" / "objects" / "records" / account).rglob("*.eml"))

    def standing(self) -> dict[str, Any]:
        """What `status` says of the accounts, less the times."""
        told = self.line.json("status")
        for one in told["accounts"]:
            del one["last_capture"]
        return {name: told[name] for name in ("accounts", "totals", "not_yet_indexed")}

    def answers(self) -> list[tuple[str, int, list[str]]]:
        """(query, total, first ids) of a dozen questions."""
        with pytest.MonkeyPatch.context() as patched:
            for name, value in self.line.environment.items():
                patched.setenv(name, value)
            app = build_app()
            viewer = app.person(None)
            pages = [(query, app.search(viewer, query, 50).page) for query in QUERIES]
        return [(query, page.total, [hit.record_id for hit in page.hits]) for query, page in pages]


def import_everything(line: CommandLine, corpus: Path) -> CorpusArchive:
    """Two imports at a time, each a process of its own and of another account."""
    line.prepare(OFFICIALS)

    def run(account: str) -> dict[str, Any]:
        return line.json("import", corpus / SETS[account], "--account", account, exit_code=CLEAN)

    with ThreadPoolExecutor(2) as two:
        return CorpusArchive(line, corpus, dict(zip(SETS, two.map(run, SETS), strict=True)))


def capture_everything(archive: CorpusArchive, settings: Path) -> dict[str, dict[str, Any]]:
    """A second run over everything, by `capture`: each set becomes a configured source. By account."""
    sources = (
        f'[[sources]]\nname = "{account}"\nkind = "files"\naccount = "{account}"\npath = "{archive.corpus / folder}"\n'
        for account, folder in SETS.items()
    )
    with settings.open("a") as file:
        file.writelines(sources)
    archive.line.environment["CAPSTONE_CONFIG"] = str(settings)
    return {run["account"]: run for run in archive.line.json("capture", exit_code=CLEAN)["runs"]}
