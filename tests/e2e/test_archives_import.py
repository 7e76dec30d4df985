"""Archives of mail by the command line: what is imported, what is kept in quarantine, and that a retry makes no record of it."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.contracts.mail_source import letter
from tests.e2e.conftest import CommandLine


@pytest.fixture
def mail(tmp_path: Path) -> Path:
    """A ZIP with an encrypted letter and one whose name leads out, a TAR in it that is cut short, and a bomb."""
    folder = tmp_path / "mail"
    folder.mkdir()
    with tarfile.open(tmp_path / "cut.tar", "w") as tar:
        for number in (4, 5):
            (tmp_path / f"{number}.eml").write_bytes(letter(number, "x" * 4000))
            tar.add(tmp_path / f"{number}.eml", f"{number}.eml")
    with zipfile.ZipFile(folder / "a.zip", "w") as archive:
        archive.writestr("1.eml", letter(1))
        archive.writestr("2.eml", letter(2))
        archive.writestr("../3.eml", letter(3))
        archive.writestr("cut.tar", (tmp_path / "cut.tar").read_bytes()[:8000])
    raw = bytearray((folder / "a.zip").read_bytes())
    raw[6] |= 1
    raw[raw.index(b"PK\1\2") + 8] |= 1
    (folder / "a.zip").write_bytes(raw)
    with zipfile.ZipFile(folder / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("1.eml", letter(6))
        with archive.open("2.eml", "w") as file:
            for _ in range(560):
                file.write(bytes(1024 * 1024))
    return folder


def quarantined(line: CommandLine) -> dict[str, list[str]]:
    """Code: ids, without the folder."""
    found: dict[str, list[str]] = {}
    for item in line.json("quarantine", "list")["items"]:
        found.setdefault(item["code"], []).append(item["item_id"].rpartition("/mail/")[2])
    return found


def counts(told: dict[str, Any]) -> dict[str, int]:
    states = ("archived", "already_held", "quarantined", "excluded", "failed")
    return {state: told[state] for state in states if told[state]}


def test_what_can_be_read_is_archived_and_the_rest_is_named_and_kept(archive: CommandLine, mail: Path) -> None:
    told = archive.json("import", mail, "--account", "director", exit_code=1)
    assert counts(told) == {"archived": 3, "quarantined": 5}
    expected = {
        "archive_encrypted": ["a.zip!1.eml"],
        "archive_path_escape": ["a.zip!../3.eml"],
        "archive_member_damaged": ["a.zip!cut.tar!5.eml"],
        "archive_damaged": ["a.zip!cut.tar"],
        "archive_bomb": ["bomb.zip"],
    }
    assert quarantined(archive) == expected
    assert archive.json("search", "*")["total"] == 3

    retried = archive.json("quarantine", "retry", exit_code=1)
    assert all(run["archived"] == 0 for run in retried["runs"]), "what is kept of a member is no message"
    assert set(quarantined(archive)) >= {"archive_bomb", "archive_encrypted", "archive_path_escape"}
    assert archive.json("search", "*")["total"] == 3
    again = archive.json("import", mail, "--account", "director", exit_code=1)
    assert counts(again) == {"already_held": 3, "quarantined": 5}


def test_a_retry_goes_on_behind_a_name_that_no_file_could_have(archive: CommandLine, tmp_path: Path) -> None:
    folder = tmp_path / "mail"
    folder.mkdir()
    for name in ("1." + "x" * 241, "2.zip"):
        (folder / name).write_bytes(b"PK\3\4 and no more of " + name[:1].encode())
    archive.json("import", folder, "--account", "director", exit_code=1)
    retried = archive.json("quarantine", "retry", exit_code=1)
    assert [counts(run) for run in retried["runs"]] == [{"quarantined": 1}] * 2
    assert [item["tries"] for item in archive.json("quarantine", "list")["items"]] == [2, 2]
