"""`capstone officials form`: what a form NA-1005 says, for people, for machines and as a list of positions."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.conftest import CommandLine
from tests.na1005 import answers, pdf, template


@pytest.fixture
def line(tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path, here=True)


def form_in(folder: Path, **changes: str | None) -> Path:
    file = folder / "form.pdf"
    file.write_bytes(pdf({"template": template(), "datasets": answers(**changes)}))
    return file


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
