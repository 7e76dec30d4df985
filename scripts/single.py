"""One of a kind at a time: a file that is locked while a program runs, and holds its number."""

from __future__ import annotations

import fcntl
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from servers.processes import wait_until
from servers.tree import Member, still_running, tree_of

_STOP_S = 120


class AlreadyRuns(Exception):
    """Another one runs on the same folder."""


@contextmanager
def only_one(file: Path) -> Iterator[None]:
    """Hold the file for as long as the block lasts. Raises AlreadyRuns."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a+") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRuns(f"It runs already on {file.parent}: stop it with 'make down', or look there.") from None
        held.truncate(0)
        held.write(str(os.getpid()))
        held.flush()
        yield


def stop_running(file: Path) -> bool:
    """Ask the program that holds the file to stop, and wait until it is gone. Whether there was one."""
    if not file.exists():
        return False
    with file.open("r+") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = int(held.read())
        else:
            return False
    program = {one for one in tree_of(pid) if one.pid == pid}
    os.kill(pid, signal.SIGTERM)
    return wait_until(lambda: _is_gone(program), _STOP_S, pause_s=0.2)


def _is_gone(program: set[Member]) -> bool:
    return not still_running(program)
