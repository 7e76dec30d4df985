"""What no Debian package brings is fetched once, by the package clients, into a cache folder.

That is CAPSTONE_SERVERS, else /var/cache/capstone-archive for root (whose home other users cannot read), else
~/.cache/capstone-archive.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from servers.errors import ProgramMissing

_OWN_TOOLS = Path(__file__).resolve().parents[1] / ".tools" / "bin"
_FETCH_S, _LOG_END = 1200, 600


def cache_folder() -> Path:
    """Where fetched programs lie: readable by everybody, since servers of root run as another user."""
    named = os.environ.get("CAPSTONE_SERVERS")
    is_root = os.geteuid() == 0
    usual = Path("/var/cache/capstone-archive") if is_root else Path.home() / ".cache" / "capstone-archive"
    folder = Path(named).expanduser().absolute() if named else usual
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def fetched_once(wanted: Path) -> Iterator[Path | None]:
    """A fresh folder to fetch into, put in its place at the end; None when the program is there.

    Two processes may ask at once: the second waits. What is half fetched never stands under the final name.
    """
    if wanted.exists():
        yield None
        return
    cache = cache_folder()
    final = cache / wanted.relative_to(cache).parts[0]
    with (cache / f"{final.name}.lock").open("a") as lock, tempfile.TemporaryDirectory(dir=cache, prefix="fetching-") as scratch:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if wanted.exists():
            yield None
            return
        folder = Path(scratch) / "new"
        folder.mkdir()
        yield folder
        folder.chmod(0o755)
        folder.rename(final)


def tool(name: str, package: str, wanted_for: str) -> Path:
    """A package client. Raises ProgramMissing."""
    found = shutil.which(name) or shutil.which(name, path=str(_OWN_TOOLS))
    if not found:
        raise ProgramMissing(f"{wanted_for} is fetched by '{name}', which is not here: install the Debian package {package}.")
    return Path(found)


def fetch(command: list[str], folder: Path, more: dict[str, str] | None = None) -> None:
    """Run a package client in an empty folder. Raises ProgramMissing with the end of what it said."""
    environment = os.environ | (more or {})
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_FETCH_S
        )
    except subprocess.TimeoutExpired as exc:
        raise ProgramMissing(f"{Path(command[0]).name} had not fetched {folder.parent.name} after {_FETCH_S} s.") from exc
    if done.returncode:
        said = (done.stdout + done.stderr).strip()[-_LOG_END:]
        raise ProgramMissing(f"{Path(command[0]).name} could not fetch the program: {said}")
