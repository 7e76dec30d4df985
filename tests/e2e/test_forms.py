"""Forms NA-1005 on the command line: read, registered, listed, withdrawn, exported; and all eighteen real ones in one archive."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import OFFICIALS, CommandLine
from tests.na1005 import answers, pdf, template


@pytest.fixture
def line(tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path, here=True)


NUMBER, NEWER = "GRS 6.1-0999-2018-0001", "GRS 6.1-0999-2021-0001"
PUBLISHED = Path(__file__).parents[1] / "fixtures" / "na1005" / "published.toml"


def form_in(folder: Path, name: str = "form.pdf", revision: str = "09-16", **changes: Any) -> Path:
    file = folder / name
    file.write_bytes(pdf({"template": template(revision), "datasets": answers(**changes)}))
    return file


@pytest.fixture
def archive(line: CommandLine) -> CommandLine:
    """An archive without any registered official."""
    line.run("init")
    return line


def test_a_form_is_told_and_nothing_is_stored(line: CommandLine, tmp_path: Path) -> None:
    file = form_in(tmp_path)
    before = sorted(tmp_path.iterdir())
    told = line.json("officials", "form", file, exit_code=(0, 1))
    assert told["categories"].keys() == {str(number) for number in range(1, 11)}
    assert told["total_accounts"] == sum(one["accounts"] for rows in told["categories"].values() for one in rows)
    shown = line.run("officials", "form", file, exit_code=(0, 1)).stdout.decode()
    assert told["form"] in shown
    assert sorted(tmp_path.iterdir()) == before


def test_its_positions_come_as_csv_in_the_order_of_its_tables(line: CommandLine, tmp_path: Path) -> None:
    told = line.json("officials", "form", form_in(tmp_path), exit_code=(0, 1))
    rows = line.run("officials", "form", tmp_path / "form.pdf", "--csv", exit_code=(0, 1)).stdout.decode().splitlines()
    titles = [one["position"] for rows_of in told["categories"].values() for one in rows_of]
    assert rows[0].startswith("category,position,accounts,note,form,record_group,")
    assert [title for title in titles if not any(title in row for row in rows)] == []


def test_a_file_that_is_no_form_is_a_named_error(line: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "other.pdf"
    file.write_bytes(b"not a form")
    for path in (file, tmp_path / "none.pdf"):
        assert line.json("officials", "form", path, exit_code=3)["error"]["code"] == "E008"


# --- in the register -------------------------------------------------------------------------------


def test_a_form_goes_into_the_register_once(archive: CommandLine, tmp_path: Path) -> None:
    file = form_in(tmp_path)
    told = archive.json("officials", "import", file)
    assert (told["form"], told["outcome"], told["state"], told["decision"]) == (NUMBER, "added", "expired", 1)
    assert told["categories"]["1"] == [{"position": "Director", "accounts": 2}]
    assert archive.json("officials", "import", file)["outcome"] == "unchanged"
    assert b"in the register already" in archive.run("officials", "import", file).stdout
    (listed,) = archive.json("officials", "forms")["forms"]
    assert (listed["form"], listed["state"], listed["accounts"]) == (NUMBER, "expired", 6)
    assert NUMBER.encode() in archive.run("officials", "forms").stdout


def test_a_preview_of_a_form_leaves_the_register_as_it_is(archive: CommandLine, tmp_path: Path) -> None:
    told = archive.json("officials", "import", form_in(tmp_path), "--preview")
    assert (told["outcome"], told["decision"], told["preview"]["changed"]) == ("added", None, 0)
    assert b"Would be taken into the register" in archive.run("officials", "import", tmp_path / "form.pdf", "--preview").stdout
    assert archive.json("officials", "preview", tmp_path / "form.pdf")["changed"] == 0
    assert archive.json("officials", "forms")["forms"] == []


def test_a_form_that_does_not_add_up_waits_for_a_person(archive: CommandLine, tmp_path: Path) -> None:
    file = form_in(tmp_path, total="7")
    told = archive.json("officials", "import", file, exit_code=1)
    assert (told["outcome"], [one["code"] for one in told["findings"]]) == ("held_back", ["form_sum"])
    assert b"held back" in archive.run("officials", "import", file, exit_code=1).stdout
    assert archive.json("officials", "forms")["forms"] == []
    assert archive.json("officials", "import", file, "--accept-findings", "--reason", "seen")["outcome"] == "added"


@pytest.mark.parametrize("revision", ["12-13", "08-15"])
def test_a_printing_that_is_not_known_waits_for_a_person(archive: CommandLine, tmp_path: Path, revision: str) -> None:
    is_known = revision == "08-15"
    told = archive.json("officials", "import", form_in(tmp_path, revision=revision), exit_code=0 if is_known else 1)
    assert told["outcome"] == ("added" if is_known else "held_back")
    assert [one["code"] for one in told["findings"]] == ["revision_older" if is_known else "revision_unknown"]
    assert told["warnings"]


def test_a_file_that_is_no_form_leaves_the_register_as_it_is(archive: CommandLine, tmp_path: Path) -> None:
    whole = form_in(tmp_path).read_bytes()
    cut = {"cut.pdf": whole[: len(whole) // 2], "named.pdf": b"no form at all", "hidden.csv": b"%PDF-1.7 nothing"}
    for name, data in cut.items():
        (tmp_path / name).write_bytes(data)
        assert archive.json("officials", "import", tmp_path / name, exit_code=3)["error"]["code"] == "E008"
    assert archive.json("officials", "forms")["forms"] == []


def test_a_person_says_which_older_mail_a_form_covers(archive: CommandLine, tmp_path: Path) -> None:
    told = archive.json("officials", "import", form_in(tmp_path), "--covers-from", "2010-01-01")
    assert told["outcome"] == "added"
    assert archive.json("officials", "forms")["forms"][0]["covers_from"] == "2010-01-01"
    assert archive.json("officials", "import", tmp_path / "form.pdf")["outcome"] == "unchanged"


def test_a_form_is_known_by_its_content_whatever_its_name(archive: CommandLine, tmp_path: Path) -> None:
    assert archive.json("officials", "import", form_in(tmp_path, "list.csv"))["outcome"] == "added"


def test_a_list_of_positions_does_where_there_is_no_form(archive: CommandLine, tmp_path: Path) -> None:
    rows = archive.run("officials", "form", form_in(tmp_path), "--csv").stdout
    (tmp_path / "list.csv").write_bytes(rows)
    told = archive.json("officials", "import", tmp_path / "list.csv")
    assert (told["form"], told["outcome"], told["total_accounts"], told["cutoff"]) == (NUMBER, "added", 6, "tenure")
    archive.run("officials", "import", tmp_path / "list.csv", "--covers-from", "2010-01-01", exit_code=2)
    exported = archive.run("officials", "export", "--csv").stdout
    (tmp_path / "again.csv").write_bytes(exported)
    assert archive.json("officials", "import", tmp_path / "again.csv")["outcome"] == "unchanged"


def test_a_withdrawal_is_previewed_entered_and_taken_back(archive: CommandLine, tmp_path: Path) -> None:
    archive.run("officials", "import", form_in(tmp_path))
    command = ("officials", "withdraw", NUMBER, "--on", "2026-01-01", "--reason", "letter")

    assert archive.json(*command, "--preview")["preview"]["changed"] == 0
    assert b"no message changes" in archive.run(*command, "--preview").stdout
    told = archive.json(*command)
    assert (told["decision"], told["differences"]) == (2, ["withdrawn: nothing becomes 2026-01-01"])
    assert b"unchanged" in archive.run(*command).stdout
    assert archive.json("officials", "forms")["forms"][0]["state"] == "denied"
    assert archive.json("officials", "withdraw", NUMBER, "--undo", "--reason", "slip")["decision"] == 3
    assert archive.json("officials", "forms")["forms"][0]["state"] == "expired"
    archive.run("officials", "withdraw", NUMBER, "--reason", "neither", exit_code=2)
    assert archive.json("officials", "withdraw", "F-9", "--undo", "--reason", "x", exit_code=3)["error"]["code"] == "E009"


def test_a_form_sent_in_anew_does_not_expire_with_that_window(archive: CommandLine, tmp_path: Path) -> None:
    archive.run("officials", "import", form_in(tmp_path))
    said = archive.run("officials", "resubmitted", NUMBER, "--on", "2023-02-01", "--reason", "memo").stdout
    assert b"Decision 2" in said
    (listed,) = archive.json("officials", "forms")["forms"]
    assert (listed["state"], listed["expires"]) == ("approved", "2027-05-01")
    told = archive.json("officials", "resubmitted", NUMBER, "--on", "2024-02-01", "--reason", "late")
    assert len(told["warnings"]) == 1
    assert b"no known window" in archive.run("officials", "resubmitted", NUMBER, "--on", "2024-02-02", "--reason", "x").stdout


def test_gaps_name_what_is_missing_and_what_to_do(archive: CommandLine, tmp_path: Path) -> None:
    archive.run("officials", "import", form_in(tmp_path))
    (tmp_path / "officials.csv").write_text(OFFICIALS.replace("GRS 6.1-0999-2020-0001", NUMBER))
    archive.run("officials", "import", tmp_path / "officials.csv")
    told = archive.json("officials", "gaps")["gaps"]
    assert {one["code"] for one in told} >= {"form_expired", "position_without_official", "account_never_captured"}
    assert all(one["next"] and one["ids"] for one in told)
    assert b"account_never_captured" in archive.run("officials", "gaps").stdout
    shown = archive.run("officials", "export").stdout.decode()
    assert "Chief Information Officer" in shown
    (listed,) = archive.json("officials", "export", NUMBER)["forms"]
    assert listed["positions"][0] == {
        "category": "1", "position": "Director", "accounts": 2, "accounts_on_form": 2, "accounts_in_register": 1,
        "note": "1 in the register",
    }  # fmt: skip


def test_what_the_preview_of_a_withdrawal_says_is_what_the_replay_does(archive: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "officials.csv").write_text(OFFICIALS.replace("GRS 6.1-0999-2020-0001", NUMBER))
    archive.run("officials", "import", tmp_path / "officials.csv")
    archive.run("officials", "import", form_in(tmp_path))
    (tmp_path / "mail").mkdir()
    for account in ("director", "analyst"):
        message = f"From: a@x.example\r\nTo: {account}@agency.example\r\nDate: Mon, 03 Feb 2020 10:00:00 -0500\r\n\r\nhello\r\n"
        (tmp_path / "mail" / f"{account}.eml").write_text(message)
        archive.run("import", tmp_path / "mail" / f"{account}.eml", "--account", account)
    assert {one["account"]: one["unscheduled"] for one in archive.json("status")["accounts"]} == {"analyst": 0, "director": 0}

    command = ("officials", "withdraw", NUMBER, "--on", "2026-01-01", "--reason", "letter")
    expected = archive.json(*command, "--preview")["preview"]
    archive.run(*command)
    done = archive.json("replay")["totals"]

    assert (expected["changed"], expected["longer"], expected["shorter"]) == (2, done["longer"], done["shorter"])
    assert done["changed"] == 2
    assert {one["account"]: one["unscheduled"] for one in archive.json("status")["accounts"]} == {"analyst": 1, "director": 1}
    assert {"form_withdrawn", "unscheduled_mail"} <= {one["code"] for one in archive.json("officials", "gaps")["gaps"]}


def test_a_form_entered_by_mistake_is_removed_and_what_it_did_to_others_is_put_right(
    archive: CommandLine, tmp_path: Path
) -> None:
    archive.run("officials", "import", form_in(tmp_path))
    names = {"number": NEWER, "supersedes": "1", "supersedes_not": "0", "previous": NUMBER, "decided_on": "2021-03-01"}
    archive.run("officials", "import", form_in(tmp_path, "newer.pdf", **names))
    first, second = archive.json("officials", "forms")["forms"]
    assert (first["state"], first["superseded"], second["previous_form"]) == ("superseded", "2021-03-01", NUMBER)

    archive.run("officials", "remove", second["fact_id"], "--reason", "of another agency")
    assert "form_days_outdated" in {one["code"] for one in archive.json("officials", "gaps")["gaps"]}
    told = archive.json("officials", "import", tmp_path / "form.pdf")
    assert (told["outcome"], told["decision"]) == ("unchanged", 4)
    assert [one["superseded"] for one in archive.json("officials", "forms")["forms"]] == [None]
    assert "form_days_outdated" not in {one["code"] for one in archive.json("officials", "gaps")["gaps"]}


def test_only_the_keeper_of_the_register_may_change_forms(archive: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "roles.toml").write_text('[people]\nolga = ["records_staff"]\n')
    told = archive.json("officials", "import", form_in(tmp_path), "--as", "olga", exit_code=3)
    assert told["error"]["code"] == "E006"


# --- the real forms --------------------------------------------------------------------------------


@pytest.mark.corpus
@pytest.mark.slow
def test_all_real_forms_in_one_archive(archive: CommandLine, corpus: Path, tmp_path: Path) -> None:
    figures = {one["number"]: one for one in tomllib.loads(PUBLISHED.read_text())["forms"]}
    folder = Path(os.environ.get("CAPSTONE_FORMS", corpus.parent / "na1005"))
    for path in sorted(folder.glob("*.pdf")):
        told = archive.json("officials", "import", path)
        expected = figures[told["form"]]
        counted = sum(one["accounts"] for rows in told["categories"].values() for one in rows)
        assert (told["outcome"], counted, told["total_accounts"]) == ("added", expected["total"], expected["total"])

    before = archive.json("officials", "forms")["forms"]
    assert [one["form"] for one in before] == sorted(figures)
    assert sum(one["accounts"] for one in before) == sum(one["total"] for one in figures.values())
    for one in before:
        approved = figures[one["form"]].get("approved")
        assert one["approved"] == (None if approved is None else approved.isoformat())
        assert one["state"] == ("submitted" if approved is None else "expired")

    exported = archive.run("officials", "export", "--csv").stdout
    (tmp_path / "all.csv").write_bytes(exported)
    again = archive.json("officials", "import", tmp_path / "all.csv")["forms"]
    assert [one["outcome"] for one in again] == ["unchanged"] * len(figures)

    assert archive.json("verify")["missing"] == []
    assert archive.json("reconcile")["unexpected"] == []
    assert archive.json("rebuild", "--ledger")["decisions"] == len(figures)
    assert archive.json("officials", "forms")["forms"] == before
    assert archive.run("officials", "export", "--csv").stdout == exported
