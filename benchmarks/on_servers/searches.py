"""Twenty queries on Elasticsearch and on FTS5, over the same records, in turns: in a process that has the archive's settings.

ELASTIC_CONFIG FTS5_CONFIG, two settings of one archive. Each engine is asked through its adapter, as `capstone search` asks it.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from collections.abc import Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from benchmarks.end_to_end import QUERIES
from capstone.bootstrap.places import new_index
from capstone.domain.query import Scope
from capstone.settings import read_settings
from capstone.usecases.query_language import parse_query

if TYPE_CHECKING:
    from collections.abc import Iterator

    from capstone.bootstrap.places import MadeIndex

_TIMES, _LIMIT, _MILLISECONDS = 10, 20, 1_000
ENGINES = ("Elasticsearch", "FTS5")


def main() -> None:
    """Print p50 and p95 of each engine in milliseconds, and how many queries had another total."""
    with _index(sys.argv[1]) as elastic, _index(sys.argv[2]) as embedded:
        clauses = [parse_query(query) for query in QUERIES]
        totals = [[engine.search(clause, Scope(None), _LIMIT).total for clause in clauses] for engine in (elastic, embedded)]
        taken: list[list[float]] = [[], []]
        for _ in range(_TIMES):
            for clause in clauses:
                for engine, times in zip((elastic, embedded), taken, strict=True):
                    began = time.perf_counter()
                    engine.search(clause, Scope(None), _LIMIT)
                    times.append(time.perf_counter() - began)
    print(
        json.dumps(
            {
                "records": totals[0][QUERIES.index("the")] if "the" in QUERIES else 0,
                "differ": sum(one != other for one, other in zip(*totals, strict=True)),
                "engines": {name: _spread(times) for name, times in zip(ENGINES, taken, strict=True)},
            }
        )
    )


def table(told: dict[str, dict[str, Sequence[float]]]) -> list[str]:
    """What `main` printed, as Markdown."""
    rows = ["| engine, asked through its adapter | p50 | p95 |", "|---|---:|---:|"]
    return rows + [f"| {name} | {p50:.1f} ms | {p95:.1f} ms |" for name, (p50, p95) in told["engines"].items()]


@contextmanager
def _index(config: str) -> Iterator[MadeIndex]:
    os.environ["CAPSTONE_CONFIG"] = config
    index = new_index(read_settings())
    try:
        yield index
    finally:
        index.close()


def _spread(times: Sequence[float]) -> tuple[float, float]:
    return statistics.median(times) * _MILLISECONDS, statistics.quantiles(times, n=20)[-1] * _MILLISECONDS


if __name__ == "__main__":
    main()
