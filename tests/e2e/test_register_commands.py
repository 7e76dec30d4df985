"""The register kept by commands: said, ended, corrected and taken back, under a name and a reason; asked as of any day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import OFFICIALS, CommandLine
from tests.e2e.in_process import InProcess

WHY = ("--reason", "the order says so")
FORM = "GRS 6.1-0999-2020-0001"
CARA = ("--official", "Cara Poe", "--position", "Deputy", "--category", "3", "--account", "deputy", "--form", FORM)


@pytest.fixture
def line(tmp_path: Path) -> InProcess:
    return InProcess(CommandLine(tmp_path / "home")).prepare()


def done(line: InProcess, *arguments: object) -> dict[str, Any]:
    code, told = line.ask("officials", *arguments)
    assert code == 0, told
    return told


def refused(line: InProcess, *arguments: object) -> tuple[str, str]:
    before = line.ask("officials", "history")
    code, told = line.ask("officials", *arguments)
    assert code == 3, told
    assert line.ask("officials", "history") == before
    return told["error"]["code"], told["error"]["message"]


def rows(line: InProcess, account: str) -> list[dict[str, Any]]:
    return [row for row in done(line, "list")["officials"] if row["account"] == account]


def test_a_designation_is_made_ended_corrected_and_taken_back_and_nothing_is_forgotten(line: InProcess) -> None:
    told = done(
        line, "designate", *CARA, "--from", "2024-01-02", "--acting", "--address", "Deputy@agency.example",
        "--decided", "order 7", "--decided-by", "the Secretary", "--evidence", "box 3", *WHY,
    )  # fmt: skip
    (made,) = rows(line, "deputy")
    assert told["decision"] == 2
    assert told["designations"] == [made]
    assert (made["decided"], made["decided_by"], made["evidence"], made["acting"]) == ("order 7", "the Secretary", "box 3", True)
    assert made["addresses"] == ["deputy@agency.example"]
    assert made["form"]["approved"] == "2020-01-01", "the form as the register knows it"
    done(line, "end", made["designation_id"], "--on", "2024-06-30", *WHY)
    (ended,) = rows(line, "deputy")
    assert ended["until"] == "2024-06-30"
    done(line, "correct", ended["designation_id"], "--from", "2023-11-01", "--until", "", "--permanent", *WHY)
    (corrected,) = rows(line, "deputy")
    assert (corrected["from"], corrected["until"], corrected["acting"]) == ("2023-11-01", None, False)
    done(line, "remove", corrected["designation_id"], "--reason", "another person")
    assert rows(line, "deputy") == []
    history = done(line, "history")["history"]
    mine = [one for one in history if one["decision"] > 1]
    assert [one.get("superseded_by") for one in mine] == [
        ended["designation_id"], corrected["designation_id"], "", None,
    ]  # fmt: skip
    assert mine[-1]["removed"] == corrected["designation_id"]
    assert {one["reason"] for one in mine} == {"the order says so", "another person"}


def test_accounts_addresses_rights_and_series_are_facts_with_days(line: InProcess) -> None:
    done(line, "account", "director-2", "--kind", "secondary", "--office", "Front Office", "--network", "closed", *WHY)
    given = done(line, "address", "Press@agency.example", "--account", "director", "--from", "2020-01-01", *WHY)["facts"][0]
    done(line, "end", given["fact_id"], "--on", "2020-12-31", *WHY)
    done(line, "address", "press@agency.example", "--account", "analyst", "--from", "2021-01-01", *WHY)
    told = done(line, "right", "analyst", "--on-behalf-of", "director", "--from", "2020-01-01", "--until", "2020-02-01", *WHY)
    done(line, "correct", told["facts"][0]["fact_id"], "--until", "2020-03-01", *WHY)
    done(line, "series", "opr-cases", "--account", "director", "--folder", "Cases", "--from", "2020-01-01", *WHY)
    facts = done(line, "list")["facts"]
    assert [(one["kind"], one.get("ends")) for one in facts] == [
        ("account", None), ("address", None), ("address", "2020-12-31"), ("sending_right", "2020-03-01"), ("series", None),
    ]  # fmt: skip
    assert facts[0]["account_kind"] == "secondary"


def test_the_same_fact_again_changes_nothing(line: InProcess) -> None:
    again = ("account", "director", "--kind", "primary", *WHY)
    assert done(line, *again)["decision"] == 2
    assert done(line, *again)["decision"] is None
    assert done(line, "account", "director", "--kind", "shared", *WHY)["superseded"] != {}
    assert len(done(line, "list")["facts"]) == 1


def test_an_address_in_two_hands_is_refused_whether_a_row_or_a_fact_holds_it(line: InProcess) -> None:
    done(line, "address", "press@agency.example", "--account", "director", "--from", "2020-01-01", *WHY)
    for text in ("press@agency.example", "director@agency.example"):
        code, message = refused(line, "address", text, "--account", "analyst", "--from", "2021-01-01", *WHY)
        assert code == "E012"
        assert "belongs to two accounts at once" in message
    file = line.line.home / "more.csv"
    header, ada, ben = OFFICIALS.splitlines()
    file.write_text("\n".join([header, ada, ben.replace("analyst@", "press@")]))
    assert refused(line, "import", file)[0] == "E012"


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("end", "0123456789ab", "--on", "2024-01-01"), "E011", "0123456789ab"),
        (("remove", "0123456789ab"), "E011", "0123456789ab"),
        (("designate", *CARA, "--from", "1/2/2024"), "E013", "it may mean 2024-01-02 or 2024-02-01"),
        (("designate", *CARA, "--from", "45292"), "E013", "probably means 2024-01-01"),
        (("designate", *CARA, "--from", "2024-01-02", "--until", "2024-01-01"), "E013", "is before from"),
        (("designate", *CARA, "--from", "2024-01-02", "--office", "=1+1"), "E013", "as a formula does"),
        (("designate", *CARA, "--from", "2024-01-02", "--category", "boss"), "E013", "category: 'boss'"),
        (("address", "nobody", "--account", "director", "--from", "2024-01-02"), "E013", "address: 'nobody'"),
        (("account", "director", "--kind", "big"), "E013", "kind: 'big' is not one of primary"),
        (("right", "Ana", "--on-behalf-of", "director", "--from", "2024-01-02"), "E013", "account: 'Ana'"),
    ],
)
def test_what_cannot_be_read_or_is_not_there_is_named_and_changes_nothing(
    line: InProcess, arguments: tuple[str, ...], code: str, told: str
) -> None:
    found, message = refused(line, *arguments, *WHY)
    assert found == code
    assert told in message


def test_an_end_before_the_first_day_and_a_second_open_interval_are_refused(line: InProcess) -> None:
    (director,) = rows(line, "director")
    code, message = refused(line, "end", director["designation_id"], "--on", "1980-01-01", *WHY)
    assert (code, "before from 1990-01-01" in message) == ("E012", True)
    again = ("--official", "Ada Brook", "--position", "Director", "--category", "1", "--account", "director", "--form", FORM)
    code, message = refused(line, "designate", *again, "--from", "2000-01-01", *WHY)
    assert (code, "two intervals without an end" in message) == ("E012", True)


def test_a_preview_says_what_would_change_and_changes_nothing(line: InProcess) -> None:
    before = line.ask("officials", "history")
    told = done(line, "designate", *CARA, "--from", "2024-01-02", "--preview", *WHY)
    assert told["decision"] is None
    assert len(told["designations"]) == 1
    assert "preview" in told
    assert line.ask("officials", "history") == before


def test_the_register_is_shown_as_it_was_known_on_a_day(line: InProcess) -> None:
    done(line, "designate", *CARA, "--from", "2024-01-02", *WHY)
    today = datetime.now(UTC).date()
    assert len(done(line, "list", "--as-known-on", today + timedelta(days=1))["officials"]) == 3
    assert done(line, "list", "--as-known-on", today - timedelta(days=2)) == {"officials": [], "facts": []}
    assert done(line, "history", "--as-known-on", today - timedelta(days=2)) == {"history": []}


def test_the_whole_register_is_judged_together(line: InProcess) -> None:
    assert done(line, "check")["errors"] == []
    done(line, "right", "aide", "--on-behalf-of", "director", "--from", "2020-01-01", *WHY)
    (note,) = [one for one in done(line, "check")["warnings"] if "names account aide" in one["message"]]
    assert len(note["ids"]) == 1


def test_only_the_keeper_of_the_register_changes_it(line: InProcess) -> None:
    roles = line.line.home / "roles.toml"
    roles.write_text(roles.read_text() + '\n"Ola" = ["records_staff"]\n')
    assert refused(line, "account", "director", "--kind", "primary", "--as", "Ola", *WHY)[0] == "E006"


def test_people_read_tables_and_the_next_step(line: InProcess) -> None:
    line.line.here = True
    said = line.line.run("officials", "designate", *CARA, "--from", "2024-01-02", *WHY).stdout.decode()
    assert "Decision 2: added" in said
    assert "Next: capstone replay" in said
    line.line.run("officials", "account", "director", "--kind", "primary", *WHY)
    assert "unchanged" in line.line.run("officials", "account", "director", "--kind", "primary", *WHY).stdout.decode()
    listed = line.line.run("officials", "list").stdout.decode()
    assert "Cara Poe" in listed
    assert "account kind primary" in listed
    (row,) = rows(line, "deputy")
    line.line.run("officials", "remove", row["designation_id"], *WHY)
    told = line.line.run("officials", "history").stdout.decode()
    assert "(removed)" in told
    assert "was entered by mistake" in told
    line.line.run("officials", "correct", row["designation_id"], *WHY, exit_code=2)
