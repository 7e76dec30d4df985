"""Import and index end to end, side by side with programs that index mail: CORPUS FOLDER COUNT [--alone].

Each program reads the same Maildir into an empty home of its own, in one run, one after the other. notmuch and mu keep no
copy of the mail; lei keeps it; this archive keeps it, classifies it, guards it, and accounts for every item.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.mail import maildir
from benchmarks.measured import Measured, measure

OFFICIALS = """official,office,position,category,account,addresses,from,until,acting,form,approved,cutoff,transfer_years
Ada Brook,Office of the Director,Director,1,bench,bench@agency.example,1990-01-01,,no,GRS 6.1-0999-2020-0001,2020-01-01,tenure,15
"""
QUERIES = (
    *("linux", "energy", "subject:meeting", "from:enron", '"master agreement"', "california AND power", "budg*", "list NOT spam"),
    *("message", "the", "apache", "agreement AND credit", "money", "unsubscribe", "houston", "error", "server AND httpd"),
    *("credit OR debit", "subject:re", "contract*"),
)


def ours(mail: Path, home: Path) -> Measured:
    """This archive: `capstone import`, which captures and indexes."""
    environment = {"CAPSTONE_HOME": str(home), "CAPSTONE_LOG": "critical"}
    capstone = str(Path(sys.executable).parent / "capstone")
    (home / "officials.csv").write_text(OFFICIALS)
    measure([capstone, "init"], environment)
    measure([capstone, "officials", "import", str(home / "officials.csv")], environment)
    return measure([capstone, "import", str(mail), "--account", "bench", "--json"], environment, (0, 1))


def notmuch(mail: Path, home: Path) -> Measured:
    """notmuch new: an index only."""
    config = home / "notmuch-config"
    (home / "xapian").mkdir()
    config.write_text(
        f"[database]\npath={home / 'xapian'}\nmail_root={mail}\n[user]\nname=x\nprimary_email=x@agency.example\n[new]\ntags=new\n"
    )
    return measure(["notmuch", "new", "--quiet"], {"NOTMUCH_CONFIG": str(config)})


def mu(mail: Path, home: Path) -> Measured:
    """mu index: an index only."""
    store = f"--muhome={home}"
    measure(["mu", "init", store, f"--maildir={mail}", "--quiet"])
    return measure(["mu", "index", store, "--quiet"])


def lei(mail: Path, home: Path) -> Measured:
    """lei import: exact copies and an index."""
    environment = {"HOME": str(home), "XDG_RUNTIME_DIR": str(home / "run"), "XDG_DATA_HOME": str(home / "data")}
    (home / "run").mkdir(mode=0o700)
    try:
        return measure(["lei", "import", f"maildir:{mail}"], environment)
    finally:
        subprocess.run(["lei", "daemon-kill"], env={**os.environ, **environment}, check=False, capture_output=True)


PEERS: dict[str, Callable[[Path, Path], Measured]] = {
    "capstone import": ours,
    "notmuch new": notmuch,
    "mu index": mu,
    "lei import": lei,
}


def main() -> None:
    """Print the table."""
    corpus, folder, wanted = Path(sys.argv[1]), Path(sys.argv[2]).absolute(), int(sys.argv[3])
    mail = maildir(corpus, folder, wanted)
    size = sum(entry.stat().st_size for entry in os.scandir(mail / "cur"))
    print(f"{wanted:,} messages, {size / 1e6:.1f} MB, {os.cpu_count()} processors\n")
    print("| program | messages/s | MB/s | processor s | peak memory, all processes | index bytes per mail byte |")
    print("|---|---:|---:|---:|---:|---:|")
    rates: dict[str, float] = {}
    homes: dict[str, Path] = {}
    for name, peer in PEERS.items():
        if name != "capstone import" and ("--alone" in sys.argv or not shutil.which(name.split()[0])):
            print(f"| {name} | not measured | | | | |")
            continue
        homes[name] = home = folder / f"home-{name.split()[0]}-{time.time_ns()}"
        home.mkdir(parents=True)
        found = peer(mail, home)
        rates[name] = wanted / found.wall_s
        index = _size(home / "index.sqlite") if peer is ours else _size(home)
        shown = f"{rates[name]:.0f} | {size / found.wall_s / 1e6:.1f} | {found.cpu_s:.1f} | {found.peak_bytes / 1e6:.0f} MB"
        print(f"| {name} | {shown} | {index / size:.2f} |", flush=True)
    for name in PEERS:
        if name in rates and name != "capstone import":
            print(f"\ncapstone import / {name}: {rates['capstone import'] / rates[name]:.2f}", end="")
    print("\n")
    _searches(homes, wanted)
    # Deleted only now: ext4 looks long for a free inode where files were deleted a moment ago, at the next one's expense.
    for home in homes.values():
        shutil.rmtree(home)


def _searches(homes: dict[str, Path], wanted: int) -> None:
    """p50 and p95 of searches: this engine in its process, notmuch as a process."""
    from capstone.domain.query import Scope
    from capstone.usecases.query_language import parse_query
    from indexing.fts5 import Fts5Index

    index = Fts5Index(homes["capstone import"] / "index.sqlite")
    clauses = [parse_query(query) for query in QUERIES]
    engine = _times(lambda number: index.search(clauses[number], Scope(None), 20))
    print(f"search over {wanted:,}: engine p50 {engine[0] * 1e3:.1f} ms, p95 {engine[1] * 1e3:.1f} ms", end="")
    if "notmuch new" in homes:
        config = homes["notmuch new"] / "notmuch-config"
        told = [query.replace(" NOT ", " AND NOT ") for query in QUERIES]
        environment = {**os.environ, "NOTMUCH_CONFIG": str(config)}
        other = _times(
            lambda number: subprocess.run(
                ["notmuch", "search", "--limit=20", told[number]], env=environment, check=True, capture_output=True
            )
        )
        print(f"; notmuch search p50 {other[0] * 1e3:.1f} ms, p95 {other[1] * 1e3:.1f} ms", end="")
    print()


def _times(search: Callable[[int], object]) -> tuple[float, float]:
    taken = []
    for _ in range(5):
        for number in range(len(QUERIES)):
            began = time.perf_counter()
            search(number)
            taken.append(time.perf_counter() - began)
    return statistics.median(taken), statistics.quantiles(taken, n=20)[-1]


def _size(path: Path) -> int:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files)


if __name__ == "__main__":
    main()
