"""PST and MSG files that are imported again: by a later release that generates other bytes, and after a rebuild of the ledger."""

from __future__ import annotations

import os
from pathlib import Path
from shutil import copy

import pytest

from capstone.domain.generated import eml
from tests.corpus import corpus_root
from tests.e2e.conftest import CommandLine

LATER = eml.VERSION + 1


@pytest.fixture
def mail(tmp_path: Path) -> Path:
    folder = tmp_path / "mail"
    folder.mkdir()
    copy(corpus_root() / "tika/microsoft/testPST.pst", folder / "mail.pst")
    copy(corpus_root() / "msgreader/EmailWithInnerMailAndAttachments.msg", folder / "letter.msg")
    return folder


@pytest.fixture
def archive(tmp_path: Path) -> CommandLine:
    """A home with two registered accounts."""
    return CommandLine(tmp_path / "home", here=True).prepare()


@pytest.fixture
def later(archive: CommandLine, tmp_path: Path) -> CommandLine:
    """The same archive under a release of which the generator has the next version, also in the processes that read the files."""
    folder = tmp_path / "later"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(f"from capstone.domain.generated import eml\n\neml.VERSION = {LATER}\n")
    line = CommandLine(archive.home)
    line.environment["PYTHONPATH"] = str(folder) + os.pathsep + line.environment.get("PYTHONPATH", "")
    return line


def imported(line: CommandLine, mail: Path, account: str = "director") -> dict[str, int]:
    told = line.json("import", mail, "--account", account)
    return {state: told[state] for state in ("archived", "already_held", "quarantined", "excluded", "failed") if told[state]}


def versions(line: CommandLine, account: str) -> set[bytes]:
    stored = (line.home / "store" / "objects" / "records" / account).rglob("*.eml")
    return {path.read_bytes().partition(b";")[0] for path in stored}


def test_what_is_held_is_not_taken_again_by_a_later_generator_or_after_a_rebuild(
    archive: CommandLine, later: CommandLine, mail: Path
) -> None:
    assert imported(archive, mail) == {"archived": 8}
    assert imported(later, mail) == {"already_held": 8}
    assert imported(later, mail, "analyst") == {"archived": 8}, "who does not hold it gets what the later one generates"
    assert versions(archive, "director") == {b"X-Capstone-Generated: %d" % eml.VERSION}
    assert versions(archive, "analyst") == {b"X-Capstone-Generated: %d" % LATER}

    archive.run("rebuild", "--ledger")
    assert imported(later, mail) == {"already_held": 8}
    assert imported(archive, mail, "analyst") == {"already_held": 8}
