"""An archive in a folder of its own, driven by the command line as a person or a script would."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from capstone.__main__ import main

if TYPE_CHECKING:
    from tests.e2e.corpus_archive import CorpusArchive

OFFICIALS = """\
official,office,position,category,account,addresses,from,until,acting,form,approved,cutoff,transfer_years
Ada Brook,Front Office,Director,1,director,director@agency.example,1990-01-01,,no,GRS 6.1-0999-2020-0001,2020-01-01,tenure,15
Ben Ode,Front Office,Analyst,none,analyst,analyst@agency.example,1990-01-01,,no,GRS 6.1-0999-2020-0001,2020-01-01,tenure,15
"""


class CommandLine:
    """The `capstone` command with its home in a folder: a process of its own, or (`here`) its entry point in this process."""

    def __init__(self, home: Path, *, here: bool = False) -> None:
        self.home, self.here = home, here
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("CAPSTONE_")},
            "CAPSTONE_HOME": str(home),
        }

    def command(self, *arguments: object) -> list[str]:
        return [sys.executable, "-m", "capstone", *map(str, arguments)]

    def run(self, *arguments: object, exit_code: int | Sequence[int] = 0) -> subprocess.CompletedProcess[bytes]:
        done = self._run_here(*arguments) if self.here else self._run_apart(*arguments)
        allowed = [exit_code] if isinstance(exit_code, int) else exit_code
        assert done.returncode in allowed, f"exit {done.returncode}: {done.stdout[-2000:]!r} {done.stderr[-2000:]!r}"
        assert b"Traceback" not in done.stderr
        return done

    def _run_apart(self, *arguments: object) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(self.command(*arguments), env=self.environment, capture_output=True, timeout=600)

    def _run_here(self, *arguments: object) -> subprocess.CompletedProcess[bytes]:
        """Without the second that it takes to start a process; everything else is the same."""
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
        ours = [name for name in os.environ if name.startswith("CAPSTONE_")]
        with pytest.MonkeyPatch.context() as patched:
            for name in ours:
                patched.delenv(name)
            for name, value in self.environment.items():
                patched.setenv(name, value)
            patched.setattr(sys, "argv", ["capstone", *map(str, arguments)])
            patched.setattr(sys, "stdout", out)
            patched.setattr(sys, "stderr", err)
            with pytest.raises(SystemExit) as ended:
                main()
        structlog.reset_defaults()
        said, complained = (_bytes_of(stream) for stream in (out, err))
        assert isinstance(ended.value.code, int)
        return subprocess.CompletedProcess(list(map(str, arguments)), ended.value.code, said, complained)

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


def _bytes_of(stream: io.TextIOWrapper) -> bytes:
    stream.flush()
    inner = stream.buffer
    assert isinstance(inner, io.BytesIO)
    return inner.getvalue()


@pytest.fixture
def capstone(tmp_path: Path) -> CommandLine:
    """An empty home; each command is a process of its own."""
    return CommandLine(tmp_path / "home")


@pytest.fixture
def archive(capstone: CommandLine) -> CommandLine:
    """A home with two registered accounts."""
    return capstone.prepare()


@pytest.fixture(scope="session")
def embedded_corpus(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> CorpusArchive:
    """The whole corpus in the embedded archive; no test takes anything out of it."""
    from tests.e2e.corpus_archive import import_everything

    return import_everything(CommandLine(tmp_path_factory.mktemp("corpus") / "home"), corpus)
