"""`make bench`: facts, classes, import, index and search, side by side with other programs, on mail made of the corpus.

Settings by variables: CAPSTONE_CORPUS (the corpus), BENCH_FOLDER (where mail and homes are made), BENCH_MESSAGES (how many),
BENCH_SERVER_MESSAGES (how many on real servers), BENCH_ROUNDS (how often the latter are measured in turns), BENCH_LEDGER_ROWS
(over how many records a change of the register is previewed), BENCH_REPLAYED (how many records are replayed).
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    """Run each benchmark as a process of its own; the sum of their exit codes."""
    corpus = Path(os.environ.get("CAPSTONE_CORPUS") or ROOT.parent / "shared" / "corpus").resolve()
    folder = Path(os.environ.get("BENCH_FOLDER") or ROOT / ".capstone" / "bench").resolve()
    wanted = os.environ.get("BENCH_MESSAGES", "16000")
    if not (corpus / "MANIFEST.sha256").is_file():
        sys.stderr.write(f"The mail corpus is not at {corpus}; set CAPSTONE_CORPUS.\n")
        return 2
    folder.mkdir(parents=True, exist_ok=True)
    rows = os.environ.get("BENCH_LEDGER_ROWS", "100000")
    steps = [
        ["benchmarks.mail", str(corpus), str(folder), wanted],
        ["benchmarks.facts", str(folder / f"mail-{wanted}" / "Maildir" / "cur")],
        ["benchmarks.classifier"],
        ["benchmarks.end_to_end", str(corpus), str(folder), wanted],
        ["benchmarks.previews", str(folder), rows],
        ["benchmarks.previews", str(folder), rows, "postgresql"],
        ["benchmarks.mail_sources", str(folder)],
        ["benchmarks.nothing_new", str(folder / "nothing-new")],
        ["benchmarks.outlook", str(corpus), str(folder)],
        ["benchmarks.journal_rate", str(folder)],
        ["benchmarks.on_servers.replays", str(folder), os.environ.get("BENCH_REPLAYED", "3200")],
        ["benchmarks.on_servers", str(corpus), str(folder), os.environ.get("BENCH_SERVER_MESSAGES", "8000")],
    ]
    return sum(subprocess.run([sys.executable, "-m", *step], cwd=ROOT, check=False).returncode for step in steps)


if __name__ == "__main__":
    sys.exit(main())
