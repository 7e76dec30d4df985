"""An archive in a folder of its own, driven by the command line as a person or a script would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

OFFICIALS = """\
official,office,position,category,account,addresses,from,until,acting,form,approved,cutoff,transfer_years
Ada Brook,Front Office,Director,1,director,director@agency.example,1990-01-01,,no,GRS 6.1-0999-2020-0001,2020-01-01,tenure,15
Ben Ode,Front Office,Analyst,none,analyst,analyst@agency.example,1990-01-01,,no,GRS 6.1-0999-2020-0001,2020-01-01,tenure,15
"""


class CommandLine:
    """The `capstone` command as a process of its own, with its home in a folder."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("CAPSTONE_")},
            "CAPSTONE_HOME": str(home),
        }

    def command(self, *arguments: object) -> list[str]:
        return [sys.executable, "-m", "capstone", *map(str, arguments)]

    def run(self, *arguments: object, exit_code: int | Sequence[int] = 0) -> subprocess.CompletedProcess[bytes]:
        done = subprocess.run(self.command(*arguments), env=self.environment, capture_output=True, timeout=600)
        allowed = [exit_code] if isinstance(exit_code, int) else exit_code
        assert done.returncode in allowed, f"exit {done.returncode}: {done.stdout[-2000:]!r} {done.stderr[-2000:]!r}"
        assert b"Traceback" not in done.stderr
        return done

    def json(self, *arguments: object, exit_code: int | Sequence[int] = 0) -> dict[str, Any]:
        done = self.run(*arguments, "--json", exit_code=exit_code)
        told: dict[str, Any] = json.loads(done.stdout)
        return told

    def prepare(self, officials: str = OFFICIALS) -> CommandLine:
        self.run("init")
        file = self.home / "officials.csv"
        file.write_text(officials)
        self.run("officials", "import", file)
        return self


@pytest.fixture
def capstone(tmp_path: Path) -> CommandLine:
    """An empty home."""
    return CommandLine(tmp_path / "home")


@pytest.fixture
def archive(capstone: CommandLine) -> CommandLine:
    """A home with two registered accounts."""
    return capstone.prepare()
