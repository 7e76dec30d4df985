"""Processes that do not outlive the run that began them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from multiprocessing.connection import wait


def end_with_the_run() -> None:
    """Let this process end when the run that began it does, however that ends: a run that is killed leaves nobody behind."""
    run = multiprocessing.parent_process()
    if run is not None:
        threading.Thread(target=_end_after, args=(run.sentinel,), daemon=True).start()


def _end_after(sentinel: int) -> None:
    wait([sentinel])
    os.kill(os.getpid(), signal.SIGKILL)
