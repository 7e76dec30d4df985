"""A change of the register from preview to index, by the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.conftest import OFFICIALS, CommandLine
from tests.fakes.archive import a_message

HEADER, DIRECTOR, ANALYST = OFFICIALS.splitlines()
CLERK = DIRECTOR.replace(",Director,1,", ",Director,support,")
"""The director's row, corrected: a support position all along."""


@pytest.fixture
def filled(archive: CommandLine, tmp_path: Path) -> CommandLine:
    for year in (2016, 2020, 2025):
        (tmp_path / f"{year}.eml").write_bytes(a_message(f"In {year}", f"03 Feb {year} 10:00:00 +0000"))
    archive.json("import", *(tmp_path / f"{year}.eml" for year in (2016, 2020, 2025)), "--account", "director")
    roles = archive.home / "config" / "roles.toml"
    found = roles if roles.exists() else next(archive.home.rglob("roles.toml"))
    found.write_text(found.read_text() + 'sam = ["records_officer"]\n')
    return archive


def corrected(home: Path) -> Path:
    file = home / "corrected.csv"
    file.write_text("\n".join([HEADER, CLERK, ANALYST]) + "\n")
    return file


def test_a_change_is_previewed_imported_approved_and_replayed(filled: CommandLine) -> None:
    file = corrected(filled.home)
    foreseen = filled.json("officials", "preview", file)
    assert {name: foreseen[name] for name in ("checked", "changed", "reclassified", "shorter", "under_hold", "disposed")} == {
        "checked": 3, "changed": 3, "reclassified": 3, "shorter": 3, "under_hold": 0, "disposed": 0,
    }  # fmt: skip
    assert filled.json("officials", "preview")["changed"] == 0, "nothing was changed"

    filled.json("officials", "import", file)
    standing = filled.json("officials", "preview")
    assert standing["changes"] == foreseen["changes"]
    assert (foreseen["newest_decision"], standing["newest_decision"], standing["waiting_decisions"]) == (None, 2, [1, 2])
    assert standing["next"] == "capstone officials approve --decision 2 --reason TEXT"
    waiting = filled.json("replay")
    assert (waiting["totals"]["waiting_for_approval"], waiting["totals"]["changed"]) == (3, 0)
    assert filled.json("search", "class:permanent")["total"] == 3

    assert filled.json("officials", "approve", "--decision", 2, "--reason", "seen", exit_code=3)["error"]["code"] == "E016"
    by_sam = ("officials", "approve", "--as", "sam", "--reason", "seen", "--decision")
    assert filled.json(*by_sam, 1, exit_code=3)["error"]["code"] == "E020"
    assert filled.json(*by_sam, 2)["approves"] == 2
    done = filled.json("replay", "--account", "director")
    assert (done["totals"]["shorter"], done["index"]["indexed"]) == (3, 3)
    assert filled.json("search", "class:temporary")["total"] == 3
    assert filled.json("replay")["totals"]["changed"] == 0
    assert filled.json("verify")["damaged"] == []
    assert filled.json("reconcile")["mended"] == []


def test_a_person_reads_what_changes_and_who_must_approve(filled: CommandLine) -> None:
    said = filled.run("officials", "preview", corrected(filled.home)).stdout.decode()
    assert "permanent 010" in said
    assert "temporary 012" in said
    assert "Of 3 messages 3 change class; 0 more change dates or reasons only." in said
    assert "0 are kept longer, 3 shorter: these need a second person." in said
    filled.run("officials", "import", corrected(filled.home))
    assert "3 would be kept shorter and wait for a second person" in filled.run("replay").stdout.decode()
    command = "officials approve --decision 2 --reason"
    assert f"Next, by a second person: capstone {command} TEXT" in filled.run("officials", "preview").stdout.decode()
    assert "up to decision 2" in filled.run(*command.split(), "seen", "--as", "sam").stdout.decode()


def test_an_account_without_records_and_a_file_that_is_not_there_are_named_errors(filled: CommandLine) -> None:
    assert filled.json("replay", "--account", "stranger", exit_code=3)["error"]["code"] == "E007"
    assert filled.json("officials", "preview", filled.home / "none.csv", exit_code=3)["error"]["code"] == "E004"
