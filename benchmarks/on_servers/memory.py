"""Peak memory of our processes with ten times as many messages: on the servers, and embedded. Asked for by BENCH_LARGE=1."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from benchmarks.end_to_end import ours
from benchmarks.mail import maildir
from benchmarks.on_servers.archive import ACCOUNT, Archive
from benchmarks.on_servers.cluster import Cluster

SIZES = (16_000, 160_000)


def table(cluster: Cluster, corpus: Path, folder: Path) -> list[str]:
    """A row for each kind of archive and number of messages."""
    rows = ["| archive | messages | messages/s | peak memory, all our processes |", "|---|---:|---:|---:|"]
    for count in SIZES:
        mail = maildir(corpus, folder, count)
        archive = Archive(cluster, folder)
        taken = archive.run("import", str(mail), "--account", ACCOUNT)
        archive.drop()
        rows.append(
            f"| S3, PostgreSQL, Elasticsearch | {count:,} | {count / taken.wall_s:.0f} | {taken.peak_bytes / 1e6:.0f} MB |"
        )
        home = folder / f"home-memory-{time.time_ns()}"
        home.mkdir()
        found = ours(mail, home)
        shutil.rmtree(home)
        rows.append(f"| embedded | {count:,} | {count / found.wall_s:.0f} | {found.peak_bytes / 1e6:.0f} MB |")
    return rows
