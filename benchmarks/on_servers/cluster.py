"""The servers of a benchmark, and the processor time that each has used."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from servers.dovecot import Dovecot
from servers.elasticsearch import Elasticsearch
from servers.postgres import Postgres
from servers.processes import Server
from servers.tree import tree_of
from servers.versitygw import Versitygw

SERVERS = ("versitygw", "postgres", "elasticsearch", "dovecot")
_MEMORY, _NEEDED_BYTES = Path("/dev/shm"), 8 * 1024**3  # noqa: S108  (folders in it get names by chance)
_CPU_FIELDS = slice(11, 15)
"""utime, stime and those of ended children, in /proc/PID/stat after the program's name."""


@dataclass(frozen=True)
class Cluster:
    """One of each."""

    s3: Versitygw
    postgres: Postgres
    elasticsearch: Elasticsearch
    dovecot: Dovecot

    def cpu_s(self) -> dict[str, float]:
        """Processor seconds of each server since its start, ended processes included."""
        each: tuple[Server, ...] = (self.s3, self.postgres, self.elasticsearch, self.dovecot)
        return dict(zip(SERVERS, (_cpu_s(server.pid) for server in each), strict=True))


@contextmanager
def started(folder: Path) -> Iterator[Cluster]:
    """Healthy servers with their data below `folder`; stopped at the end. Raises ProgramMissing."""
    with ExitStack() as stack:
        yield Cluster(
            stack.enter_context(Versitygw.started(folder / "versitygw")),
            stack.enter_context(Postgres.started(folder / "postgres")),
            stack.enter_context(Elasticsearch.started(folder / "elasticsearch")),
            stack.enter_context(Dovecot.started(folder / "dovecot", needs_tls=True)),
        )


@contextmanager
def fresh_folder(usual: Path) -> Iterator[Path]:
    """A new folder that the servers' user can enter: in BENCH_FOLDER where it is set, else in memory, else in `usual`."""
    has_room = _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _NEEDED_BYTES
    parent = usual if os.environ.get("BENCH_FOLDER") or not has_room else _MEMORY
    folder = Path(tempfile.mkdtemp(prefix="capstone-bench-", dir=parent))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _cpu_s(pid: int) -> float:
    ticks = 0
    for member in tree_of(pid):
        try:
            fields = Path(f"/proc/{member.pid}/stat").read_text().rpartition(") ")[2].split()
        except OSError:
            continue
        ticks += sum(map(int, fields[_CPU_FIELDS]))
    return ticks / os.sysconf("SC_CLK_TCK")
