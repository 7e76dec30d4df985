"""Proposing and reviewing by commands: counted before it is done, two people, and the store as it was."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import CommandLine
from tests.e2e.in_process import InProcess

SHIPPED = Path(__file__).parents[2] / "config" / "culling.toml"
LIST_MAIL = b"""From: pat@project.example\r\nTo: dev@project.example\r\nList-Id: <dev.project.example>\r\nSubject: Patch %d\r\n\
Date: Mon, 03 Feb 2020 10:00:00 -0500\r\nMessage-ID: <%d@project.example>\r\n\r\nSee below.\r\n"""
WHY = ("--reason", "looked at all of them")


@pytest.fixture
def line(tmp_path: Path) -> InProcess:
    line = InProcess(CommandLine(tmp_path / "home")).prepare()
    roles = line.line.home / "roles.toml"
    roles.write_text(roles.read_text() + '"sam" = ["records_liaison_officer(Front Office)"]\n"cy" = ["records_staff"]\n')
    for number in range(3):
        (tmp_path / f"{number}.eml").write_bytes(LIST_MAIL % (number, number))
    assert line.ask("import", *(tmp_path / f"{number}.eml" for number in range(3)), "--account", "director")[0] == 0
    return line


def asked(line: InProcess, *arguments: object, code: int = 0) -> dict[str, Any]:
    found, told = line.ask("cull", *arguments)
    assert found == code, told
    return told


def stored(line: InProcess) -> dict[Path, bytes]:
    objects = line.line.home / "store" / "objects" / "records"
    return {file: file.read_bytes() for file in sorted(objects.rglob("*")) if file.is_file()}


def test_list_mail_is_proposed_counted_accepted_by_two_and_taken_back_and_no_record_changes(line: InProcess) -> None:
    before = stored(line)
    assert asked(line, "propose")["accounts"][0]["by_rule"] == {"list_mail": 3}
    told = asked(line, "list", "list_mail", "--state", "proposed", "--limit", 1)
    assert told["counts"] == [{"account": "director", "rule": "list_mail", "state": "proposed", "proposals": 3}]
    assert len(told["proposals"]) == 1
    counted = asked(line, "accept", "list_mail", "--account", "director", *WHY)
    assert (counted["applied"], counted["given"]) == (False, 3)
    assert asked(line, "accept", "list_mail", "--yes", *WHY)["states"] == {"second_needed": 3}
    assert asked(line, "accept", "list_mail", "--yes", *WHY, code=3)["error"]["code"] == "E016"
    assert asked(line, "accept", "list_mail", "--yes", "--as", "cy", *WHY, code=3)["error"]["code"] == "E006"
    assert asked(line, "accept", "list_mail", "--yes", "--as", "sam", *WHY)["states"] == {"accepted": 3}
    one = told["proposals"][0]["id"]
    assert asked(line, "take-back", one, "--yes", *WHY)["states"] == {"proposed": 1}
    assert asked(line, "refuse", one, "--yes", "--as", "sam", *WHY)["states"] == {"refused": 1}
    assert asked(line, "refuse", "ffffffffffffffff", "--yes", *WHY, code=3)["error"]["code"] == "E017"
    assert stored(line) == before
    assert line.ask("verify")[0] == 0
    assert line.ask("rebuild", "--ledger")[0] == 0
    for wanted in ({"withdrawn": 3}, {"accepted": 2, "refused": 1}):
        assert {row["state"]: row["proposals"] for row in asked(line, "list")["counts"]} == wanted
        asked(line, "propose")


def test_people_are_shown_the_count_and_asked(line: InProcess) -> None:
    run = line.line.run
    assert b"list mail" in run("cull", "propose", "--account", "director").stdout
    assert b"a mailing list sent it" in run("cull", "list").stdout
    command = line.line.command("cull", "accept", "list_mail", *WHY)
    no = subprocess.run(command, env=line.line.environment, input=b"n\n", capture_output=True, timeout=60, check=True)
    assert b"Would be given: accept on 3" in no.stdout
    assert b"Nothing was changed." in no.stdout
    done = run("cull", "accept", "list_mail", "--yes", *WHY).stdout
    assert b"accept on 3 (3 then second needed)" in done
    assert b"second person" in done
    run("cull", "accept", "list_mail", "spam", *WHY, exit_code=2)


def test_a_policy_beside_the_settings_takes_the_place_of_the_shipped_one(line: InProcess) -> None:
    home = line.line.home
    (home / "settings.toml").write_text("")
    line.line.environment["CAPSTONE_CONFIG"] = str(home / "settings.toml")
    text = SHIPPED.read_text("utf-8").replace("list_mail = 80\n", "")
    (home / "culling.toml").write_text(text, "utf-8")
    assert asked(line, "propose")["accounts"][0]["by_rule"] == {}
    (home / "culling.toml").write_bytes(text.encode("utf-16"))
    assert asked(line, "propose", code=3)["error"]["code"] == "E001"
    (home / "culling.toml").unlink()
    assert asked(line, "propose")["accounts"][0]["by_rule"] == {"list_mail": 3}


def test_an_account_that_fails_does_not_keep_the_others_from_being_looked_through(line: InProcess) -> None:
    told = asked(line, "propose", "--account", "nobody", "--account", "director", code=1)
    assert (told["errors"]["nobody"]["code"], told["accounts"][0]["account"]) == ("E007", "director")
    assert asked(line, "propose", "--account", "nobody", code=3)["error"]["code"] == "E007"
