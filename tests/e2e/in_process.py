"""The command line without a process for each command, for tests that ask many questions."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import sys
from typing import Any

import pytest
import structlog

from capstone.__main__ import main
from tests.e2e.conftest import OFFICIALS, CommandLine


class InProcess:
    """An archive whose commands run in this process: the same entry point, without a start-up for each."""

    def __init__(self, line: CommandLine) -> None:
        self.line = line

    def ask(self, *arguments: object) -> tuple[int, dict[str, Any]]:
        """(exit code, the JSON object)."""
        said = io.StringIO()
        try:
            with pytest.MonkeyPatch.context() as patched, contextlib.redirect_stdout(said):
                for name, value in self.line.environment.items():
                    patched.setenv(name, value)
                patched.setattr(sys, "argv", ["capstone", *map(str, arguments), "--json"])
                with pytest.raises(SystemExit) as ended:
                    main()
        finally:
            structlog.reset_defaults()  # they name a standard error that pytest takes away after each test
        assert isinstance(ended.value.code, int)
        return ended.value.code, json.loads(said.getvalue())

    def prepare(self) -> InProcess:
        """Make the archive and register two accounts."""
        assert self.ask("init")[0] == 0
        (self.line.home / "officials.csv").write_text(OFFICIALS)
        assert self.ask("officials", "import", self.line.home / "officials.csv")[0] == 0
        return self

    def show(self, raw: bytes, account: str = "director") -> dict[str, Any]:
        code, told = self.ask("show", f"{account}/{hashlib.sha256(raw).hexdigest()}")
        assert code == 0, told
        return told

    def stored(self, raw: bytes, account: str = "director") -> bytes:
        digest = hashlib.sha256(raw).hexdigest()
        return (self.line.home / "store" / "objects" / "records" / account / digest[:2] / f"{digest}.eml").read_bytes()
