"""Run a command as a process and say what it took: wall time, processor time, peak memory of all its processes together."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

_PROC = Path("/proc")
_PARENT, _USER, _SYSTEM, _RESIDENT = 1, 11, 12, 21
"""Fields of /proc/PID/stat after the program's name."""
_EVERY_S, _TREE_EVERY = 0.05, 5


@dataclass(frozen=True, slots=True)
class Measured:
    """Figures of one finished run. `peak_bytes` is the largest sum of resident memory seen in its process tree."""

    wall_s: float
    cpu_s: float
    peak_bytes: int
    told: bytes = b""
    """What it wrote to its standard output."""


def measure(command: Sequence[str], environment: Mapping[str, str] | None = None, fine: Sequence[int] = (0,)) -> Measured:
    """Run to the end; raises CalledProcessError when it ends with a code that is not `fine`."""
    began = time.monotonic()
    process = subprocess.Popen(
        list(command), env={**os.environ, **(environment or {})}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    peak = _Peak(process.pid)
    peak.start()
    told, complained = process.communicate()
    wall = time.monotonic() - began
    peak.ended.set()
    peak.join()
    if process.returncode not in fine:
        raise subprocess.CalledProcessError(process.returncode, command, told, complained)
    return Measured(wall, peak.cpu_s, peak.bytes, told)


@contextmanager
def memory_here() -> Iterator[Callable[[], int]]:
    """Tells after the block the peak memory, in bytes, of this process and those that it started."""
    peak = _Peak(os.getpid())
    peak.start()
    try:
        yield lambda: peak.bytes
    finally:
        peak.ended.set()
        peak.join()


class _Peak(threading.Thread):
    """Samples a process tree twenty times a second; who belongs to it is asked less often, as that reads all of /proc."""

    def __init__(self, root: int) -> None:
        super().__init__(daemon=True)
        self.ended, self.bytes, self.cpu_s = threading.Event(), 0, 0.0
        self._root, self._page, self._tick = root, os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_CLK_TCK")
        self._cpu: dict[int, float] = {}
        self._members = {root}

    def run(self) -> None:
        for turn in count():
            if turn % _TREE_EVERY == 0:
                self._members = _tree(self._root)
            self._sample()
            if self.ended.wait(_EVERY_S):
                return

    def _sample(self) -> None:
        resident = 0
        for pid in self._members:
            if told := _fields(pid):
                resident += int(told[_RESIDENT]) * self._page
                self._cpu[pid] = (int(told[_USER]) + int(told[_SYSTEM])) / self._tick
        self.bytes = max(self.bytes, resident)
        self.cpu_s = sum(self._cpu.values())


def _tree(root: int) -> set[int]:
    parents = {int(entry.name): int(told[_PARENT]) for entry in _PROC.iterdir() if (told := _fields(entry.name))}
    found = {root}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def _fields(pid: int | str) -> list[str]:
    """What /proc tells of a process after its name; nothing where there is none."""
    try:
        return (_PROC / str(pid) / "stat").read_text().rpartition(") ")[2].split() if str(pid).isdigit() else []
    except OSError:
        return []
