"""A power cut: the end of a program and all that it started, in one instant."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

from servers.processes import wait_until
from servers.tree import Member, frozen_tree, signal_all, still_running

_TRACKER = b"multiprocessing.resource_tracker"
_END_S = 30


def cut_power(process: subprocess.Popen[bytes]) -> None:
    """Kill the whole tree at once.

    What its processes shared in memory would be gone as well: Python's tracker is left to take that away, and ends by itself.
    """
    members = frozen_tree(process.pid)
    trackers = {one for one in members if _TRACKER in _command_of(one)}
    signal_all(members - trackers, signal.SIGKILL)
    signal_all(trackers, signal.SIGCONT)
    process.wait()
    assert wait_until(lambda: not still_running(members), _END_S)


def _command_of(member: Member) -> bytes:
    try:
        return Path(f"/proc/{member.pid}/cmdline").read_bytes()
    except OSError:
        return b""
