"""Speed on real servers, as ratios of one run: CORPUS FOLDER COUNT.

Starts the servers, does every piece of work in turns (BENCH_ROUNDS, usually 3), prints Markdown. BENCH_LARGE=1 measures memory
at 16,000 and 160,000 messages as well, which takes half an hour.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.mail import maildir
from benchmarks.measured import measure
from benchmarks.on_servers import memory, searches, tables
from benchmarks.on_servers.archive import ACCOUNT, CAPSTONE, Archive, put_into_mailbox
from benchmarks.on_servers.bare_bulk import write_documents
from benchmarks.on_servers.cluster import Cluster, fresh_folder, started
from benchmarks.on_servers.rounds import Rounds
from servers.errors import ProgramMissing


def main() -> int:
    """Print the tables; 0 also where a server is not to be had, as it is said which."""
    corpus, folder, count = Path(sys.argv[1]), Path(sys.argv[2]).absolute(), int(sys.argv[3])
    mail = maildir(corpus, folder, count)
    with fresh_folder(folder) as scratch:
        try:
            with started(scratch / "servers") as cluster:
                _measure(cluster, corpus, folder, scratch, mail)
        except ProgramMissing as missing:
            print(f"Not measured on real servers. {missing}")
    return 0


def _measure(cluster: Cluster, corpus: Path, folder: Path, scratch: Path, mail: Path) -> None:
    files = [entry.stat().st_size for entry in os.scandir(mail / "cur")]
    count, size = len(files), sum(files)
    print(f"\n## On real servers\n\n{count:,} messages, {size / 1e6:.1f} MB, {datetime.now(UTC):%Y-%m-%d}, {tables.machine()}.")
    print(f"`BENCH_MESSAGES={count} python -m benchmarks`; servers and ours share the processors.\n", flush=True)
    put_into_mailbox(cluster, mail)
    kept = Archive(cluster, scratch)  # a first run, which counts for nothing: the servers get warm
    first = kept.run("import", str(mail), "--account", ACCOUNT)
    kept.capture_alone()
    kept.run("index")
    with kept.client() as client:
        documents = write_documents(client, kept.name, scratch / "documents.jsonl")
    _show([f"First run: {json.dumps(first.told)}; {documents:,} documents.\n"])
    found = Rounds(cluster, scratch, mail, scratch / "documents.jsonl").results(int(os.environ.get("BENCH_ROUNDS", "3")))
    _show([*tables.works(found, count), "", *tables.ratios(found), ""])
    _show(_searched(kept))
    if os.environ.get("BENCH_LARGE") == "1":
        _show(["", *memory.table(cluster, corpus, scratch)])


def _searched(archive: Archive) -> list[str]:
    embedded = archive.with_embedded_index()
    measure([CAPSTONE, "rebuild", "--index", "--json"], embedded, (0, 1))
    command = [sys.executable, "-m", "benchmarks.on_servers.searches"]
    done = measure([*command, archive.environment["CAPSTONE_CONFIG"], embedded["CAPSTONE_CONFIG"]], archive.environment)
    told = json.loads(done.told)
    said = f"Twenty queries, ten times each, the engines in turns; {told['differ']} of them had another total on FTS5.\n"
    return [said, *searches.table(told)]


def _show(lines: list[str]) -> None:
    print("\n".join(lines), flush=True)


if __name__ == "__main__":
    sys.exit(main())
