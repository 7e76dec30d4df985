"""The pieces of work that are compared, done in turns: a machine that slows down meanwhile slows all of them alike."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from benchmarks.on_servers.archive import ACCOUNT, Archive, Taken, drop_bucket, taken_by
from benchmarks.on_servers.cluster import Cluster

PUTS, PUTS_2 = "bare PUTs, 1 process of 16 threads", "bare PUTs, 2 processes of 16 threads"
IMPORT, IMPORT_ALONE = "`capstone import`, index beside it", "import, capture alone"
IMAP, IMAP_ALONE = "`capstone capture` from IMAP, index beside it", "IMAP, capture alone"
INDEX = "`capstone index`, everything due"
BULK, BULK_YEARS = "bare bulk, one index", "bare bulk, an index for each year"
_BULK_THREADS = "4"

Named = Iterator[tuple[str, Taken]]


@dataclass(frozen=True)
class Rounds:
    """What all pieces of work share: servers, a folder for archives, the messages, their documents."""

    cluster: Cluster
    folder: Path
    mail: Path
    documents: Path

    def results(self, count: int) -> list[dict[str, Taken]]:
        """Round after round; every second one in the other order."""
        groups: list[Callable[[], Named]] = [self._puts, self._import, self._capture_then_index, self._imap, self._imap_alone]
        rounds = []
        for number in range(count):
            found: dict[str, Taken] = {}
            for group in groups if number % 2 == 0 else reversed(groups):
                for name, taken in group():
                    found[name] = taken
                    sys.stderr.write(f"round {number + 1}: {name}: {taken.wall_s:.1f} s\n")
            rounds.append(found)
        return rounds

    def _puts(self) -> Named:
        for name, processes in ((PUTS, 1), (PUTS_2, 2)):
            s3, bucket = self.cluster.s3, f"p{uuid4().hex[:10]}"
            command = [sys.executable, "-m", "benchmarks.on_servers.bare_puts", bucket, s3.endpoint_url, str(self.mail)]
            yield name, taken_by(self.cluster, [*command, str(processes), "16"], s3.environment())
            drop_bucket(self.cluster, bucket)

    def _import(self) -> Named:
        archive = Archive(self.cluster, self.folder)
        yield IMPORT, archive.run("import", str(self.mail), "--account", ACCOUNT)
        archive.drop()

    def _capture_then_index(self) -> Named:
        archive = Archive(self.cluster, self.folder)
        yield IMPORT_ALONE, archive.capture_alone(str(self.mail))
        yield INDEX, archive.run("index")
        for name, layout in ((BULK, "one"), (BULK_YEARS, "years")):
            yield name, self._bulk(archive, layout)
        archive.drop()

    def _imap(self) -> Named:
        archive = Archive(self.cluster, self.folder)
        yield IMAP, archive.run("capture")
        archive.drop()

    def _imap_alone(self) -> Named:
        archive = Archive(self.cluster, self.folder)
        yield IMAP_ALONE, archive.capture_alone()
        archive.drop()

    def _bulk(self, archive: Archive, layout: str) -> Taken:
        server = self.cluster.elasticsearch
        command = [sys.executable, "-m", "benchmarks.on_servers.bare_bulk", server.url, str(server.ca_file)]
        more = [str(archive.home / "index-key"), str(self.documents), layout, _BULK_THREADS]
        return taken_by(self.cluster, [*command, *more], {})
