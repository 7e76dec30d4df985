"""What the command writes where no use case speaks: errors, on a terminal."""

from __future__ import annotations

from pathlib import Path

import pytest

from capstone.__main__ import run


def test_an_error_steers_no_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("CAPSTONE_CONFIG", raising=False)
    monkeypatch.setenv("CAPSTONE_HOME", str(tmp_path))
    (tmp_path / "roles.toml").touch()
    assert run(["search", "budget", "--as", "ann\x1b[2J\r\u202e\udcff"]) == 3
    said = capsys.readouterr().err
    assert "does not name ann [2J   ." in said
    assert all(line.isprintable() for line in said.splitlines())
