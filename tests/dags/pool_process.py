"""Run by test_run_parts: a process as Celery's pool makes it, which starts a process that reads messages.

Exit code 0: it could; 3: Python refused.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from concurrent.futures import ProcessPoolExecutor

import billiard

from dags.task_process import allow_children


def work(is_allowed: bool) -> None:
    if is_allowed:
        allow_children()
    try:
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("forkserver")) as readers:
            assert readers.submit(os.getpid).result(30) != os.getpid()
    except (AssertionError, TypeError):
        raise SystemExit(3) from None


if __name__ == "__main__":
    process = billiard.Process(target=work, args=(sys.argv[1:] == ["allowed"],))
    process.daemon = True
    process.start()
    process.join(60)
    sys.exit(process.exitcode)
