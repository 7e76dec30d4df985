"""An account with several sources: what was read is told, whatever becomes of the next one."""

from __future__ import annotations

from pathlib import Path

import pytest

from capstone.bootstrap import App, build_app
from capstone.domain.errors import AccountBusy
from capstone.settings import Source
from capstone.usecases.capture import RunReport

SETTINGS = "".join(
    f'[[sources]]\nname = "{name}"\nkind = "files"\naccount = "director"\npath = "{name}"\n' for name in ("one", "two", "three")
)


class BusyAt(App):
    """An archive in which somebody else has the account when a source's turn comes."""

    busy_at = ""

    def _captured(self, source: Source) -> RunReport:
        if source.name == self.busy_at:
            raise AccountBusy("somebody else writes it")
        return RunReport("run", source.account, source.name, "complete", {"archived": 1})


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BusyAt:
    (tmp_path / "capstone.toml").write_text(SETTINGS)
    monkeypatch.setenv("CAPSTONE_CONFIG", str(tmp_path / "capstone.toml"))
    return BusyAt(build_app().settings, lambda _count, _bytes: None)


def test_what_came_before_an_account_was_busy_is_told_and_the_other_sources_are_read(archive: BusyAt) -> None:
    archive.busy_at = "two"
    reports = archive.capture("director")
    assert [(one.source, one.outcome) for one in reports] == [("one", "complete"), ("two", "failed"), ("three", "complete")]
    assert isinstance(reports[1].error, AccountBusy)
    assert not reports[1].is_clean


def test_an_account_that_is_busy_from_the_first_is_an_error(archive: BusyAt) -> None:
    archive.busy_at = "one"
    with pytest.raises(AccountBusy):
        archive.capture("director")
