"""Run a command as a process and say what it took: wall time, processor time, peak memory of all its processes together."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Measured:
    """Figures of one finished run. `peak_bytes` is the largest sum of resident memory seen in its process tree."""

    wall_s: float
    cpu_s: float
    peak_bytes: int


def measure(command: Sequence[str], environment: Mapping[str, str] | None = None, fine: Sequence[int] = (0,)) -> Measured:
    """Run to the end; raises CalledProcessError when it ends with a code that is not `fine`."""
    began = time.monotonic()
    process = subprocess.Popen(
        list(command), env={**os.environ, **(environment or {})}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    peak = _Peak(process.pid)
    peak.start()
    _, told = process.communicate()
    wall = time.monotonic() - began
    peak.ended.set()
    peak.join()
    if process.returncode not in fine:
        raise subprocess.CalledProcessError(process.returncode, command, stderr=told)
    return Measured(wall, peak.cpu_s, peak.bytes)


class _Peak(threading.Thread):
    """Samples a process tree twenty times a second."""

    def __init__(self, root: int) -> None:
        super().__init__(daemon=True)
        self.ended, self.bytes, self.cpu_s = threading.Event(), 0, 0.0
        self._root, self._page, self._tick = root, os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_CLK_TCK")
        self._cpu: dict[int, float] = {}

    def run(self) -> None:
        while not self.ended.wait(0.05):
            tree = self._tree()
            self.bytes = max(self.bytes, sum(resident for resident, _ in tree.values()))
            self._cpu.update({pid: cpu for pid, (_, cpu) in tree.items()})
            self.cpu_s = sum(self._cpu.values())

    def _tree(self) -> dict[int, tuple[int, float]]:
        parents, figures = {}, {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    told = (entry / "stat").read_text().rpartition(") ")[2].split()
                except OSError:
                    continue
                pid = int(entry.name)
                parents[pid] = int(told[1])
                figures[pid] = (int(told[21]) * self._page, (int(told[11]) + int(told[12])) / self._tick)
        return {pid: figures[pid] for pid in figures if self._descends(pid, parents)}

    def _descends(self, pid: int, parents: Mapping[int, int]) -> bool:
        while pid in parents:
            if pid == self._root:
                return True
            pid = parents[pid]
        return False
