"""The command line keeps its promises: exit codes, one JSON object, named errors, the same sums everywhere."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from capstone.domain.manifest import classification_as_dict
from capstone.domain.recheck import recheck
from tests.e2e.conftest import OFFICIALS, CommandLine
from tests.fakes.archive import a_message

BUDGET = a_message("Budget for the coming year", To="staff@agency.example", Cc="ombudsman@agency.example")
TRAVEL = a_message("Travel", "Tue, 04 Feb 2020 09:00:00 -0500")
SHA = hashlib.sha256(BUDGET).hexdigest()


@pytest.fixture
def capstone(tmp_path: Path) -> CommandLine:
    """An empty home; commands run in this process, but where a test says otherwise."""
    return CommandLine(tmp_path / "home", here=True)


@pytest.fixture
def mail(tmp_path: Path) -> Path:
    folder = tmp_path / "mail"
    folder.mkdir()
    (folder / "budget.eml").write_bytes(BUDGET)
    (folder / "travel.eml").write_bytes(TRAVEL)
    (folder / "again.eml").write_bytes(BUDGET)
    (folder / "empty.eml").write_bytes(b"")
    (folder / "readme").write_text("{no mail}")
    return folder


@pytest.fixture
def filled(archive: CommandLine, mail: Path) -> CommandLine:
    archive.run("import", mail, "--account", "director", exit_code=1)
    return archive


def test_an_import_tells_what_became_of_every_item(archive: CommandLine, mail: Path) -> None:
    told = archive.json("import", mail, "--account", "director", exit_code=1)
    counts = {name: told[name] for name in ("offered", "archived", "already_held", "quarantined", "excluded", "failed")}
    assert counts == {"offered": 5, "archived": 2, "already_held": 1, "quarantined": 1, "excluded": 1, "failed": 0}
    assert told["account"] == "director"
    assert told["index"] == {"indexed": 2, "failed": 0, "pending": 0}
    again = archive.json("import", mail, "--account", "director", exit_code=1)
    assert (again["archived"], again["already_held"], again["offered"]) == (0, 3, 5)


def test_a_clean_import_ends_with_0(archive: CommandLine, mail: Path) -> None:
    assert archive.json("import", mail / "budget.eml", mail / "travel.eml", "--account", "director")["archived"] == 2


def test_an_unknown_account_is_an_error_and_nothing_is_stored(archive: CommandLine, mail: Path) -> None:
    told = archive.json("import", mail, "--account", "stranger", exit_code=3)
    assert told["error"]["code"] == "E007"
    assert set(told["error"]) == {"code", "message", "next"}
    assert archive.json("status")["totals"]["messages"] == 0


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["import", "/nowhere", "--account", "director"], "E102"), (["search", "colour:blue"], "E403"), (["search", "(a"], "E403"),
     (["show", "director/" + "0" * 64], "E404"), (["why", "x"], "E404"), (["search", "*", "--as", "nobody"], "E006"),
     (["capture", "--account", "director"], "E007"), (["demo", "report"], "E102"),
     (["officials", "import", "/nowhere.csv"], "E004"), (["quarantine", "show", "0"], "E404")],
)  # fmt: skip
def test_a_named_error_ends_with_3_and_says_the_next_step(archive: CommandLine, arguments: list[str], code: str) -> None:
    told = archive.json(*arguments, exit_code=3)
    assert told["error"]["code"] == code
    assert told["error"]["next"]
    plain = archive.run(*arguments, exit_code=3)
    assert plain.stdout == b""
    assert plain.stderr.decode().startswith(f"{code}: ")
    assert "Next: " in plain.stderr.decode()


@pytest.mark.parametrize(
    "arguments",
    [
        ["fly"],
        ["import"],
        ["search"],
        ["search", "a", "--limit", "many"],
        ["search", "a", "--limit", "9" * 20],
        ["search", "a", "--offset", "9" * 20],
        ["officials", "burn"],
    ],
)
def test_wrong_usage_ends_with_2(archive: CommandLine, arguments: list[str]) -> None:
    assert archive.json(*arguments, exit_code=2)["error"]["code"] == "E010"
    assert archive.run(*arguments, exit_code=2).stdout == b""


def test_help_is_there_for_every_command_with_an_example(archive: CommandLine) -> None:
    listed = archive.run("--help").stdout.decode()
    for name in ("init", "officials", "import", "capture", "search", "show", "why", "export", "status", "quarantine", "reconcile",
                 "verify", "rebuild", "demo"):  # fmt: skip
        assert name in listed
    for command in (["init"], ["import"], ["capture"], ["search"], ["show"], ["why"], ["export"], ["verify"], ["rebuild"]):
        assert "Example: " in archive.run(*command, "--help").stdout.decode()


def test_without_init_the_next_step_is_named(capstone: CommandLine) -> None:
    for arguments in (["status"], ["search", "x"], ["verify"], ["officials", "list"]):
        error = capstone.json(*arguments, exit_code=3)["error"]
        assert error["code"] in {"E005", "E006"}
        assert "capstone init" in error["next"]


def test_search_show_why_and_raw(filled: CommandLine) -> None:
    found = filled.json("search", 'subject:budget cc:ombudsman@agency.example "coming year"')
    assert found["total"] == 1
    (hit,) = found["hits"]
    assert hit["record_id"] == f"director/{SHA}"
    assert (hit["record_class"], hit["schedule_item"], hit["date"][:10]) == ("permanent", "010", "2020-02-03")
    assert found["coverage"]["indexed"] == 2
    shown = filled.json("show", hit["record_id"])
    assert shown["facts"]["subject"] == "Budget for the coming year"
    assert shown["sha256"] == SHA
    assert len(shown["occurrences"]) == 2
    assert filled.run("show", hit["record_id"], "--raw").stdout == BUDGET
    why = filled.json("why", hit["record_id"])
    assert (why["item"], why["official"], why["form"]) == ("010", "Ada Brook", "GRS 6.1-0999-2020-0001")
    assert any("Ada Brook" in sentence for sentence in why["sentences"])
    assert classification_as_dict(recheck(why["check"])) == why["rechecked"]
    assert (why["rechecked"]["item"], why["now"], why["holds"]) == ("010", None, [])
    assert "Budget" not in json.dumps(why["check"])
    assert "Ada Brook" in filled.run("why", hit["record_id"]).stdout.decode()
    assert "Budget" in filled.run("show", hit["record_id"]).stdout.decode()


def test_a_search_pages_through_all(filled: CommandLine) -> None:
    first = filled.json("search", "*", "--limit", "1")
    second = filled.json("search", "*", "--limit", "1", "--offset", "1")
    assert first["total"] == second["total"] == 2
    assert {first["hits"][0]["subject"], second["hits"][0]["subject"]} == {"Travel", "Budget for the coming year"}
    assert filled.json("search", "*", "--limit", "0")["total"] == 2


def test_an_export_holds_the_exact_bytes(filled: CommandLine, tmp_path: Path) -> None:
    told = filled.json("export", "*", "--to", tmp_path / "out", "--format", "eml")
    assert (told["exported"], told["bytes"]) == (2, len(BUDGET) + len(TRAVEL))
    assert (tmp_path / "out" / "director" / f"{SHA}.eml").read_bytes() == BUDGET
    assert Path(told["manifest"]).is_file()
    assert filled.json("export", "*", "--to", tmp_path / "out", exit_code=3)["error"]["code"] == "E502"
    assert filled.json("export", "*", "--to", tmp_path / "box", "--format", "mbox")["exported"] == 2


def test_status_sums_agree_with_the_import(filled: CommandLine) -> None:
    told = filled.json("status")
    by_account = {one["account"]: one for one in told["accounts"]}
    assert by_account["director"]["messages"] == by_account["director"]["permanent"] == told["totals"]["messages"] == 2
    assert by_account["analyst"]["messages"] == 0
    assert told["totals"]["quarantined"] == 1
    assert told["totals"]["bytes"] == len(BUDGET) + len(TRAVEL)


def test_a_retry_of_an_empty_quarantine_says_so(archive: CommandLine) -> None:
    assert "quarantine is empty" in archive.run("quarantine", "retry").stdout.decode()


def test_quarantine_keeps_what_was_empty(filled: CommandLine) -> None:
    (item,) = filled.json("quarantine", "list")["items"]
    assert item["digest"] == hashlib.sha256(b"").hexdigest()
    assert {"digest", "source", "reason", "tries"} <= set(item)
    assert filled.run("quarantine", "show", item["digest"], "--raw").stdout == b""
    assert filled.json("quarantine", "retry", exit_code=1)["runs"][0]["quarantined"] == 1
    assert filled.json("quarantine", "list")["items"][0]["tries"] == 2


def test_the_register_is_listed_with_its_history(archive: CommandLine) -> None:
    assert [row["account"] for row in archive.json("officials", "list")["officials"]] == ["analyst", "director"]
    ended = OFFICIALS.replace("1990-01-01,,no", "1990-01-01,2024-12-31,no", 1)
    (archive.home / "officials.csv").write_text(ended)
    told = archive.json("officials", "import", archive.home / "officials.csv")
    assert {name: told[name] for name in ("rows", "added", "unchanged", "superseded")} == {
        "rows": 2, "added": 0, "unchanged": 1, "superseded": 1,
    }  # fmt: skip
    assert len(archive.json("officials", "history")["history"]) == 3
    assert "Ada Brook" in archive.run("officials", "list").stdout.decode()
    assert "2024-12-31" in archive.run("officials", "history").stdout.decode()


def test_a_bad_officials_file_changes_nothing(archive: CommandLine, tmp_path: Path) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text(OFFICIALS + OFFICIALS.splitlines()[1].replace("1990-01-01,,", "2000-01-01,1999-01-01,") + "\n")
    error = archive.json("officials", "import", bad, exit_code=3)["error"]
    assert (error["code"], "row 4" in error["message"]) == ("E004", True)
    assert len(archive.json("officials", "list")["officials"]) == 2


def test_capture_reads_the_configured_sources_and_fails_loudly_where_one_is_missing(archive: CommandLine, mail: Path) -> None:
    settings = archive.home / "capstone.toml"
    settings.write_text(
        f'[[sources]]\nname = "export"\nkind = "files"\naccount = "director"\npath = "{mail}"\n'
        '[[sources]]\nname = "gone"\nkind = "files"\naccount = "analyst"\npath = "gone"\n'
    )
    archive.environment["CAPSTONE_CONFIG"] = str(settings)
    runs = {run["source"]: run for run in archive.json("capture", exit_code=1)["runs"]}
    assert runs["export"]["archived"] == 2
    assert runs["gone"]["error"]["code"] == "E102"
    assert archive.json("capture", "--account", "director", exit_code=1)["runs"][0]["archived"] == 0
    assert "E102" in archive.run("capture", exit_code=1).stdout.decode()


def test_verify_reconcile_and_rebuild_agree(filled: CommandLine) -> None:
    before = filled.json("search", "*")["hits"]
    assert filled.json("verify")["checked"] == 2
    assert filled.json("verify", "--sample", "1")["damaged"] == []
    assert filled.json("reconcile") == {"compared": 2, "missing": [], "unexpected": [], "mended": []}
    assert filled.json("rebuild", "--index")["indexed"] == 2
    assert filled.json("rebuild", "--ledger")["items"] == 5
    assert filled.json("rebuild")["documents_due"] == 2
    assert filled.json("search", "*")["hits"] == before
    assert filled.json("verify")["audit"]["broken_at"] is None
    assert filled.json("status")["totals"]["messages"] == 2
    for command in (["verify"], ["reconcile"], ["rebuild", "--index"], ["status"], ["search", "budget"]):
        filled.run(*command)


def test_a_ledger_that_cannot_be_made_whole_leaves_the_one_that_is_there(filled: CommandLine) -> None:
    """Half of it would go on with half a register."""
    (manifest,) = (filled.home / "store" / "objects" / "manifests").rglob("*.jsonl")
    raw = manifest.read_bytes()
    manifest.chmod(0o600)
    manifest.write_bytes(raw[:-40])
    assert filled.json("rebuild", "--ledger", exit_code=3)["error"]["code"] == "E201"
    assert filled.json("status")["totals"]["messages"] == 2
    assert list(filled.home.glob("ledger.sqlite.*.old*")) == []
    manifest.write_bytes(raw)
    assert filled.json("rebuild", "--ledger")["items"] == 5
    assert len(list(filled.home.glob("ledger.sqlite.*.old"))) == 1
    assert list(filled.home.glob("*.rebuilding*")) == []
    assert filled.json("verify")["checked"] == 2


def test_damage_is_found_and_named(filled: CommandLine) -> None:
    stored = filled.home / "store" / "objects" / "records" / "director" / SHA[:2] / f"{SHA}.eml"
    stored.chmod(0o600)
    stored.write_bytes(BUDGET[:-1] + b"?")
    assert filled.json("verify", exit_code=1)["damaged"] == [f"director/{SHA}"]
    stored.unlink()
    assert filled.json("verify", exit_code=1)["missing"] == [f"director/{SHA}"]
    assert filled.json("reconcile", exit_code=1)["missing"][0]["id"] == f"director/{SHA}"
    assert "Missing" in filled.run("verify", exit_code=1).stdout.decode()


@pytest.mark.parametrize("part", ["ledger.sqlite", "index.sqlite"])
@pytest.mark.parametrize("damage", ["missing", "garbage", "truncated"])
def test_a_missing_or_damaged_database_is_named_and_made_anew_from_the_store(filled: CommandLine, part: str, damage: str) -> None:
    file = filled.home / part
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    for end in ("-wal", "-shm"):
        file.with_name(part + end).unlink(missing_ok=True)
    if damage == "missing":
        file.unlink()
    elif damage == "garbage":
        file.write_bytes(b"This is no database at all. " * 1000)
    else:
        file.write_bytes(file.read_bytes()[:5000])
    error = filled.json("search", "budget", exit_code=3)["error"]
    assert error["code"] in ({"E005", "E302"} if part.startswith("ledger") else {"E401", "E402"})
    filled.run("rebuild", "--ledger" if part.startswith("ledger") else "--index")
    assert filled.json("search", "budget")["total"] == 1
    assert filled.json("verify")["checked"] == 2


def test_capture_goes_on_while_the_index_is_away(archive: CommandLine, mail: Path) -> None:
    (archive.home / "index.sqlite").write_bytes(b"garbage" * 1000)
    told = archive.json("import", mail / "budget.eml", "--account", "director", exit_code=1)
    assert told["archived"] == 1
    assert told["index"]["error"]["code"] == "E402"
    assert archive.json("rebuild", "--index")["indexed"] == 1
    assert archive.json("search", "budget")["total"] == 1


def test_a_missing_store_stops_the_import(archive: CommandLine, mail: Path) -> None:
    (archive.home / "store").rename(archive.home / "elsewhere")
    assert archive.json("import", mail, "--account", "director", exit_code=3)["error"]["code"] == "E205"


def test_bad_settings_are_named(archive: CommandLine, tmp_path: Path) -> None:
    archive.environment["CAPSTONE_LOCK__MINIMUM_DAYZ"] = "1"
    assert archive.json("status", exit_code=3)["error"]["code"] == "E001"
    del archive.environment["CAPSTONE_LOCK__MINIMUM_DAYZ"]
    settings = tmp_path / "capstone.toml"
    settings.write_text('[ledger]\nurl_env = "NOT_SET_ANYWHERE"\n')
    archive.environment["CAPSTONE_CONFIG"] = str(settings)
    assert archive.json("status", exit_code=3)["error"]["code"] == "E002"
    settings.write_text("")
    (tmp_path / "schedules").mkdir()
    (tmp_path / "schedules" / "grs-6.1.toml").write_text("[[items]]\nitem = 010\n")
    (tmp_path / "schedules" / "administrations.toml").write_text("")
    error = archive.json("import", tmp_path, "--account", "director", exit_code=3)["error"]
    assert (error["code"], '"010"' in error["message"] + error["next"]) == ("E003", True)


def test_mail_cannot_steer_the_terminal(archive: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "evil.eml").write_bytes(a_message("Bell \x1b]0;owned\x07 [red]markup[/red]"))
    archive.run("import", tmp_path / "evil.eml", "--account", "director")
    (hit,) = archive.json("search", "*")["hits"]
    for command in (["search", "*"], ["show", hit["record_id"]]):
        shown = archive.run(*command).stdout
        assert b"\x1b" not in shown
        assert b"\x07" not in shown
        assert b"[red]markup[/red]" in shown


def test_the_command_is_the_same_as_a_process_of_its_own(filled: CommandLine) -> None:
    apart = CommandLine(filled.home)
    for command in (["status"], ["search", "budget"], ["quarantine", "list"]):
        assert apart.run(*command, "--json").stdout == filled.run(*command, "--json").stdout
    for code, command in ((2, ["fly"]), (3, ["show", "x"]), (0, ["verify"])):
        assert apart.run(*command, exit_code=code).stderr == filled.run(*command, exit_code=code).stderr
    installed = Path(sys.executable).parent / "capstone"
    told = subprocess.run([installed, "status", "--json"], env=apart.environment, capture_output=True, check=True, timeout=120)
    assert told.stdout == apart.run("status", "--json").stdout


def test_every_answer_is_one_json_object_and_nothing_else(filled: CommandLine) -> None:
    for command in (["status"], ["search", "*"], ["quarantine", "list"], ["officials", "list"], ["verify"], ["reconcile"]):
        done = filled.run(*command, "--json")
        assert isinstance(json.loads(done.stdout), dict)
        assert done.stdout.count(b"\n") == 1
