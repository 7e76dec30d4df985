"""Processes and their descendants, as /proc shows them. Standard library only: the guard runs it on its own."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

_PROC = Path("/proc")
_ENDED, _STOPPED = "ZX", "Tt"
_STILL_S, _PAUSE_S = 5, 0.002
_STATE, _PARENT, _GROUP, _BEGAN = 0, 1, 2, 19
"""Fields of /proc/PID/stat after the program's name."""


class Member(NamedTuple):
    """One process. Numbers are used again, so the moment of its start belongs to it."""

    pid: int
    began: int


def tree_of(pid: int) -> set[Member]:
    """The process, its group and all their descendants; empty when all are gone.

    The group alone is not enough: PostgreSQL gives every worker a group of its own.
    """
    fields = {int(entry.name): told for entry in _PROC.iterdir() if entry.name.isdigit() and (told := _fields(entry))}
    found = {one for one, told in fields.items() if pid in (one, int(told[_GROUP]))}
    while more := {one for one, told in fields.items() if int(told[_PARENT]) in found} - found:
        found |= more
    return {Member(one, int(fields[one][_BEGAN])) for one in found}


def still_running(members: Iterable[Member]) -> set[Member]:
    """Those that have not ended."""
    return {one for one in members if (told := _fields(_PROC / str(one.pid))) and int(told[_BEGAN]) == one.began}


def signal_all(members: Iterable[Member], number: signal.Signals) -> None:
    """Send the signal to those that still run."""
    for member in still_running(members):
        send(member.pid, number)


def frozen_tree(pid: int) -> set[Member]:
    """Hold the whole tree still, the leader first so that it starts no process meanwhile; the members.

    On return every thread stands: the signal alone leaves those on other processors running for a moment.
    """
    send(pid, signal.SIGSTOP)
    _await_still(pid)
    members = tree_of(pid)
    signal_all(members, signal.SIGSTOP)
    for member in members:
        _await_still(member.pid)
    return members


def send(pid: int, number: signal.Signals) -> None:
    """Send a signal to one process, if it is there."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _await_still(pid: int) -> None:
    deadline = time.monotonic() + _STILL_S
    while not _is_still(pid) and time.monotonic() < deadline:
        time.sleep(_PAUSE_S)


def _is_still(pid: int) -> bool:
    """Whether no thread of the process runs."""
    threads = (_fields(thread) for thread in (_PROC / str(pid) / "task").glob("*"))
    return all(told[_STATE] in _STOPPED for told in threads if told)


def _fields(entry: Path) -> list[str]:
    """What /proc tells of a process that runs; nothing of one that has ended."""
    try:
        told = (entry / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
    return [] if told[_STATE] in _ENDED else told
