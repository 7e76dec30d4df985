"""PST files into an embedded archive, beside `readpst -e`.

    python -m benchmarks.outlook CORPUS FOLDER

Two things are read by `readpst -e`, deleted items too, and taken in by `capstone import`, in turns, BENCH_ROUNDS times:
BENCH_COPIES (120) copies of the corpus's sample with the most messages, each told apart by bytes behind its end, so that its
mail is stored once; and a public mailbox of 2,178 small messages (`servers.public_psts`), all of which are stored. Needs
readpst, go and npm.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.embedded import command, environment, make
from benchmarks.measured import measure
from benchmarks.on_servers.cluster import fresh_folder
from servers.errors import ProgramMissing
from servers.public_psts import MAILBOX, public_psts

SAMPLE = "tika/microsoft/testPST.pst"
COPIES = int(os.environ.get("BENCH_COPIES", "120"))
FLOOR = 0.25


def main() -> int:
    """Print the figures; 1 where the floor is missed."""
    corpus, parent = Path(sys.argv[1]), Path(sys.argv[2]).absolute()
    if shutil.which("readpst") is None:
        sys.stderr.write("readpst is not installed (Debian: pst-utils).\n")
        return 2
    parent.mkdir(parents=True, exist_ok=True)
    try:
        public = public_psts()
    except ProgramMissing as missing:
        sys.stderr.write(f"{missing}\n")
        return 2
    small, mailbox = (corpus / SAMPLE).read_bytes(), public[MAILBOX].read_bytes()
    copies = [small + number.to_bytes(8, "big") for number in range(COPIES)]
    print("| what | readpst -e, messages/s | capstone import | peak memory | ratio | floor |")
    print("|---|---:|---:|---:|---:|---:|")
    is_met = [_measure(parent, f"{COPIES} copies of a file of 7 messages", copies), _measure(parent, "one mailbox", [mailbox])]
    return 0 if all(is_met) else 1


def _measure(parent: Path, what: str, files: list[bytes]) -> bool:
    with fresh_folder(parent) as folder:
        mail = folder / "mail"
        mail.mkdir()
        for number, raw in enumerate(files):
            (mail / f"{number:04}.pst").write_bytes(raw)
        rounds = [_round(folder / str(number), mail) for number in range(int(os.environ.get("BENCH_ROUNDS", "3")))]
    theirs, ours, peak = (statistics.median(column) for column in zip(*rounds, strict=True))
    print(f"| {what} | {theirs:.0f} | {ours:.0f} | {peak / 1e6:.0f} MB | {ours / theirs:.2f} | {FLOOR} |", flush=True)
    return bool(ours / theirs >= FLOOR)


def _round(folder: Path, mail: Path) -> tuple[float, float, float]:
    """Messages a second of each, and the peak memory of ours in bytes. Each rate is of what it gave itself."""
    files = sorted(mail.iterdir())
    began = time.perf_counter()
    for file in files:
        out = folder / "readpst" / file.stem
        out.mkdir(parents=True)
        subprocess.run(["readpst", "-D", "-e", "-q", "-o", str(out), str(file)], check=True, stdout=subprocess.DEVNULL)
    theirs_s = time.perf_counter() - began
    given = sum(path.suffix == ".eml" for path in (folder / "readpst").rglob("*"))
    home = folder / "home"
    make(home, ["ada"])
    measured = measure(command("import", str(mail), "--account", "ada"), environment(home), fine=(0, 1))
    told = json.loads(measured.told)
    kept = told["archived"] + told["already_held"]  # the copies hold the same mail
    shutil.rmtree(folder)
    return given / theirs_s, kept / measured.wall_s, float(measured.peak_bytes)


if __name__ == "__main__":
    sys.exit(main())
