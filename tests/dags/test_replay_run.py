"""A whole run of replay_classification on the embedded default, after a change of the register."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.dags.local import run_dags
from tests.dags.test_runs import TinyArchive, write_message

pytestmark = [pytest.mark.airflow, pytest.mark.slow]

HEADER = "official,office,position,category,account,addresses,from,until,acting,form,approved,cutoff"
ROW = "{name},Front Office,{position},{category},{account},,2019-01-01,,no,GRS 6.1-0900-2018-0001,2018-12-03,calendar"


def officials(home: Path, *, clerk: str) -> str:
    rows = [ROW.format(name="Ada Finch", position="Director", category="1", account="finch")]
    rows.append(ROW.format(name="Cy Lane", position="Clerk", category=clerk, account="lane"))
    (home / "officials.csv").write_text("\n".join([HEADER, *rows]) + "\n")
    return f"app.import_officials(open({str(home / 'officials.csv')!r}, 'rb').read(), app.person(None))"


def test_a_replay_brings_classes_and_index_in_line_with_the_register(tmp_path: Path) -> None:
    settings = '[agency]\nname = "Tiny agency"\n'
    for account in ("finch", "lane"):
        settings += f'[[sources]]\nname = "{account}"\nkind = "files"\naccount = "{account}"\npath = "mail/{account}"\n'
        write_message(tmp_path / "mail" / account / "1.eml", account, 1)
    (tmp_path / "capstone.toml").write_text(settings)
    tiny = TinyArchive(tmp_path)
    tiny.ask(
        f"app.init(); {officials(tmp_path, clerk='support')}; app.capture('finch'); app.capture('lane'); app.index_pending()"
    )
    assert tiny.found("class:permanent") == 1
    tiny.ask(officials(tmp_path, clerk="5"))

    done = run_dags(tmp_path, "replay_classification", more=tiny.settings)
    assert done.returncode == 0, done.stdout + done.stderr
    log = (tmp_path / "airflow" / "runs.log").read_text()
    table = {words[0]: words[1:] for line in log.splitlines() if (words := line.split())}
    assert table["finch"] == ["1", "0", "0", "0", "0", "0", "complete"]
    assert table["lane"] == ["1", "1", "1", "0", "0", "0", "complete"]
    assert table["all"] == ["2", "1", "1", "0", "0", "0", "0", "failed"]
    assert tiny.found("class:permanent") == 2
