"""Names for those who hold leases and claims, so that the work of a process that died can be taken over at once.

A name tells machine, boot, process namespace, process and its start. Only a process of this very boot and namespace can be
known to be gone; any other holder keeps what it has until its time is over.
"""

from __future__ import annotations

import os
import socket
from functools import cached_property
from pathlib import Path
from uuid import uuid4

_PROC = Path("/proc")
_START_TIME = 19
"""Place of the start time in /proc/<pid>/stat, counted after the program's name."""


class ProcessHolders:
    """Holders that are processes of this machine."""

    def name(self) -> str:
        """A new name for a piece of work of this process."""
        return f"{self._here}/{os.getpid()}-{_started(os.getpid())}/{uuid4().hex[:8]}"

    def is_gone(self, holder: str) -> bool:
        """Whether the holder was a process of this machine, since it was started, that is no more."""
        where, _, rest = holder.rpartition("/")[0].rpartition("/")
        pid, _, start = rest.partition("-")
        if where != self._here or not pid.isdigit() or not start.isdigit():
            return False
        return not _lives(int(pid)) or _started(int(pid)) not in ("", start)

    @cached_property
    def _here(self) -> str:
        try:
            boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
            namespace = (_PROC / "self/ns/pid").readlink().name
        except OSError:  # no /proc here: nobody is ever known to be gone
            return f"{socket.gethostname()}/{uuid4().hex}"
        return f"{socket.gethostname()}/{boot}/{namespace}"


def _lives(pid: int) -> bool:
    """Whether there is such a process. One of which nothing may be known lives; a dead one that is not reaped does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    else:
        told = _stat(pid)
        return not told or told[0] not in "ZX"


def _started(pid: int) -> str:
    """When the process started, in ticks since boot; empty where that cannot be known."""
    told = _stat(pid)
    return told[_START_TIME] if len(told) > _START_TIME else ""


def _stat(pid: int) -> list[str]:
    try:
        return (_PROC / str(pid) / "stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return []
