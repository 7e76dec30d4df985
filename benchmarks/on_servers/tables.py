"""The results as Markdown."""

from __future__ import annotations

import os
import statistics
from collections.abc import Sequence
from pathlib import Path

from benchmarks.on_servers import rounds as work
from benchmarks.on_servers.archive import Taken
from benchmarks.on_servers.cluster import SERVERS

Rounds = Sequence[dict[str, Taken]]

_RATIOS = (
    ("import with the index beside it", work.IMPORT, (work.PUTS, work.PUTS_2), "the better of the bare PUTs", 0.7),
    ("import, capture alone", work.IMPORT_ALONE, (work.PUTS, work.PUTS_2), "the better of the bare PUTs", None),
    ("IMAP capture with the index beside it", work.IMAP, (work.IMPORT,), "import with the index beside it", 0.8),
    ("IMAP, capture alone", work.IMAP_ALONE, (work.IMPORT_ALONE,), "import, capture alone", 0.8),
    ("index from the outbox", work.INDEX, (work.BULK, work.BULK_YEARS), "the better of the bare bulks", 0.5),
    ("index from the outbox", work.INDEX, (work.BULK_YEARS,), "bare bulk, an index for each year", None),
)


def machine() -> str:
    """What the figures were taken on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown processor")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return f"{os.cpu_count()} processors ({model}), {memory:.0f} GB"


def works(rounds: Rounds, messages: int) -> list[str]:
    """A row for each piece of work: the median over the rounds, and where the processor time went."""
    heads = ["work", "messages/s", "all rounds", "seconds", "ours", *SERVERS, "processors used", "peak memory, ours"]
    rows = [_row(heads), _row(["---", *["---:"] * (len(heads) - 1)])]
    for name in rounds[0]:
        each = [found[name] for found in rounds]
        middle = sorted(each, key=lambda taken: taken.wall_s)[(len(each) - 1) // 2]
        rates = sorted(messages / taken.wall_s for taken in each)
        spent = [middle.servers_s[server] for server in SERVERS]
        used = (middle.ours_s + sum(spent)) / middle.wall_s
        figures = [f"{messages / middle.wall_s:.0f}", f"{rates[0]:.0f} to {rates[-1]:.0f}", f"{middle.wall_s:.1f}"]
        seconds = [f"{middle.ours_s:.1f}", *(f"{one:.1f}" for one in spent)]
        rows.append(_row([name, *figures, *seconds, f"{used:.2f}", f"{middle.peak_bytes / 1e6:.0f} MB"]))
    return rows


def ratios(rounds: Rounds) -> list[str]:
    """Each ratio is taken within a round; the median of the rounds counts."""
    rows = [_row(["rate of", "beside", "ratio", "all rounds", "floor"]), _row(["---", "---", "---:", "---:", "---:"])]
    for what, ours, theirs, beside, floor in _RATIOS:
        each = sorted(min(found[one].wall_s for one in theirs) / found[ours].wall_s for found in rounds)
        ratio = statistics.median(each)
        verdict = "" if floor is None else f"{floor} {'met' if ratio >= floor else 'not met'}"
        rows.append(_row([what, beside, f"{ratio:.2f}", f"{each[0]:.2f} to {each[-1]:.2f}", verdict]))
    return rows


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
