"""An embedded archive in a folder, for benchmarks, with one Capstone official for each account."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_COLUMNS = "official,office,position,category,account,addresses,from,until,acting,form,approved,cutoff\n"
_ROW = "{0},Front Office,Director {0},1,{0},{0}@agency.example,1990-01-01,,no,GRS 6.1-0900-2018-0001,2018-12-03,calendar\n"


def make(home: Path, accounts: Sequence[str], settings: str = "") -> None:
    """Create it; `settings` follow the agency's name in its settings file."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "capstone.toml").write_text(f'[agency]\nname = "Agency"\n{settings}')
    (home / "officials.csv").write_text(_COLUMNS + "".join(map(_ROW.format, accounts)))
    ask(home, "init")
    ask(home, "officials", "import", str(home / "officials.csv"))


def ask(home: Path, *words: str) -> dict[str, Any]:
    """What a command says with --json. Raises CalledProcessError where it does not end well."""
    told: dict[str, Any] = json.loads(
        subprocess.run(command(*words), env=environment(home), check=True, stdout=subprocess.PIPE).stdout
    )
    return told


def command(*words: str) -> list[str]:
    """The command line of the program."""
    return [sys.executable, "-m", "capstone", *words, "--json"]


def environment(home: Path) -> dict[str, str]:
    """With the variables that name the archive."""
    return os.environ | {"CAPSTONE_HOME": str(home), "CAPSTONE_CONFIG": str(home / "capstone.toml")}
