"""How fast facts are read from messages, beside a bare parse by the standard library, in one run on one core.

    python -m benchmarks.facts FOLDER [--times N]

FOLDER holds `.eml` files (or any files that are one message each). The bare parse is `email.message_from_bytes` and a walk over
the parts; it decodes nothing. The four take turns over small batches, so that a busy machine slows all of them alike.
"""

from __future__ import annotations

import argparse
import email
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

from capstone.domain.facts import capture_facts, index_facts, read_facts

_BATCH = 200


def bare_parse(raw: bytes) -> object:
    """What the standard library needs to find the parts, and nothing else."""
    return sum(1 for _ in email.message_from_bytes(raw).walk())


READERS: dict[str, Callable[[bytes], object]] = {
    "compat32 parse": bare_parse,
    "read_facts": read_facts,
    "index_facts": index_facts,
    "capture_facts": capture_facts,
}


def measured(raws: list[bytes], times: int) -> dict[str, float]:
    """Seconds of processor time that each reader needed for all messages, `times` over."""
    spent = dict.fromkeys(READERS, 0.0)
    for _ in range(times):
        for start in range(0, len(raws), _BATCH):
            for name, reader in READERS.items():
                began = time.process_time()
                for raw in raws[start : start + _BATCH]:
                    reader(raw)
                spent[name] += time.process_time() - began
    return spent


def main() -> None:
    """Print one line for each reader: messages and megabytes in a second, and the ratio to the bare parse."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder", type=Path)
    options.add_argument("--times", type=int, default=1)
    given = options.parse_args()
    raws = [path.read_bytes() for path in sorted(given.folder.rglob("*")) if path.is_file()]
    if not raws:
        sys.exit(f"no files in {given.folder}")
    spent = measured(raws, given.times)
    megabytes = sum(map(len, raws)) * given.times / 1e6
    count = len(raws) * given.times
    print(f"{len(raws)} messages, {megabytes / given.times:.1f} MB, {given.times} times over")
    for name, seconds in spent.items():
        ratio = spent["compat32 parse"] / seconds
        print(f"{name:16}{count / seconds:10,.0f} messages/s {megabytes / seconds:8.1f} MB/s {ratio:6.2f} x the bare parse")
    print(f"peak memory of the process {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MiB")


if __name__ == "__main__":
    main()
