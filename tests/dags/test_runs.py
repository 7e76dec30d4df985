"""Whole runs of both DAGs on the embedded default, through the script that `make demo` uses."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.dags.local import LONG_S, ROOT, bare_environment, run_dags

pytestmark = [pytest.mark.airflow, pytest.mark.slow]

OFFICIALS = """official,office,position,category,account,addresses,from,until,acting,form,approved,cutoff
Ada Finch,Front Office,Director,1,finch,ada.finch@agency.example,2019-01-01,,no,GRS 6.1-0900-2018-0001,2018-12-03,calendar
Bo Reed,Front Office,Deputy Director,3,reed,bo.reed@agency.example,2019-01-01,,no,GRS 6.1-0900-2018-0001,2018-12-03,calendar
Cy Lane,Front Office,Clerk,support,lane,cy.lane@agency.example,2019-01-01,,no,GRS 6.1-0900-2018-0001,2018-12-03,calendar
"""
SOURCES = """
[[sources]]
name = "{account}-mail"
kind = "files"
account = "{account}"
path = "mail/{account}"
"""


@dataclass(frozen=True)
class TinyArchive:
    """Three accounts, two messages each; `run` runs both DAGs over them."""

    home: Path

    @property
    def settings(self) -> dict[str, str]:
        return {"CAPSTONE_CONFIG": str(self.home / "capstone.toml")}

    def run(self) -> subprocess.CompletedProcess[str]:
        return run_dags(self.home, "capture_mail", "index_records", more=self.settings)

    def ask(self, code: str) -> str:
        """What a line of Python about `app` prints, in a process of its own."""
        lines = f"from capstone.bootstrap import build_app\napp = build_app()\n{code}"
        environment = bare_environment(CAPSTONE_HOME=str(self.home), CAPSTONE_WORKERS__PROCESSES="1", **self.settings)
        done = subprocess.run(
            [sys.executable, "-c", lines], env=environment, cwd=ROOT, capture_output=True, text=True, timeout=LONG_S
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def records(self) -> dict[str, int]:
        told = self.ask("print(*(f'{one.account}={one.messages}' for one in app.status().accounts))")
        return {account: int(number) for account, number in (word.split("=") for word in told.split())}

    def found(self, query: str) -> int:
        return int(self.ask(f"print(app.search(app.person(None), {query!r}, 10).page.total)"))


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> TinyArchive:
    home = tmp_path_factory.mktemp("archive")
    settings = '[agency]\nname = "Tiny agency"\n'
    for account in ("finch", "reed", "lane"):
        settings += SOURCES.format(account=account)
        for number in (1, 2):
            write_message(home / "mail" / account / f"{number}.eml", account, number)
    (home / "capstone.toml").write_text(settings)
    (home / "officials.csv").write_text(OFFICIALS)
    tiny = TinyArchive(home)
    tiny.ask(f"app.init(); app.import_officials(open({str(home / 'officials.csv')!r}, 'rb').read(), app.person(None))")
    return tiny


def write_message(path: Path, account: str, number: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f"From: {account}@agency.example\nTo: staff@agency.example\nSubject: Inventory {number}\n"
        f"Date: Mon, 4 May 2020 10:0{number}:00 -0400\nMessage-ID: <{account}-{number}@agency.example>\n"
        f"\nShelf {number} counted.\n"
    )


def test_a_missing_source_makes_the_run_red_while_the_others_are_captured_and_the_next_run_is_green(archive: TinyArchive) -> None:
    away = archive.home / "away"
    shutil.move(archive.home / "mail" / "reed", away)

    red = archive.run()
    assert red.returncode == 1, red.stdout + red.stderr
    assert "capture_mail: failed" in red.stdout
    assert "index_records: success" in red.stdout
    lines = [line.split() for line in red.stdout.splitlines() if line.startswith("  ")]
    table = {line[0]: line for line in lines if "(" not in line[1]}
    assert table["finch"][2:5] == ["2", "2", "0"]
    assert table["reed"][-1] == "failed"
    assert table["all"][-2:] == ["1", "failed"]
    assert "E102" in red.stdout
    assert archive.records() == {"finch": 2, "lane": 2, "reed": 0}
    assert archive.found("inventory") == 4

    shutil.move(away, archive.home / "mail" / "reed")
    green = archive.run()
    assert green.returncode == 0, green.stdout + green.stderr
    assert "capture_mail: success" in green.stdout
    assert archive.records() == {"finch": 2, "lane": 2, "reed": 2}
    assert archive.found("inventory") == 6

    write_message(archive.home / "mail" / "lane" / "3.eml", "lane", 3)
    again = archive.run()
    assert again.returncode == 0, again.stdout + again.stderr
    sums = next(line.split() for line in again.stdout.splitlines() if line.startswith("  all"))
    assert sums[2] == "1", "only the new message is archived"
    assert archive.records() == {"finch": 2, "lane": 3, "reed": 2}


def test_the_log_of_a_run_holds_no_words_of_the_mail(archive: TinyArchive) -> None:
    if not (archive.home / "airflow" / "runs.log").exists():
        archive.run()
    logs = [path.read_text(errors="replace") for path in (archive.home / "airflow").rglob("*.log")]
    assert logs
    assert not any("Shelf 1 counted" in log or "Inventory 1" in log or "staff@agency.example" in log for log in logs)


def test_a_run_with_nobody_to_capture_is_red_and_says_why(tmp_path: Path) -> None:
    (tmp_path / "capstone.toml").write_text('[agency]\nname = "Empty agency"\n')
    empty = TinyArchive(tmp_path)
    empty.ask("app.init()")
    done = run_dags(tmp_path, "capture_mail", more=empty.settings)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Nothing was captured: no registered account has a source" in (tmp_path / "airflow" / "runs.log").read_text()


def test_an_archive_that_was_never_made_is_a_named_error_that_is_not_retried(tmp_path: Path) -> None:
    (tmp_path / "capstone.toml").write_text('[agency]\nname = "No archive"\n')
    done = run_dags(tmp_path, "capture_mail", more={"CAPSTONE_CONFIG": str(tmp_path / "capstone.toml")})
    log = (tmp_path / "airflow" / "runs.log").read_text()
    assert done.returncode == 1, done.stdout + done.stderr
    assert "E005" in log
    assert "Run 'capstone init'" in log
