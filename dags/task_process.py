"""The process that a task runs in. Imported inside tasks only."""

from __future__ import annotations

import multiprocessing
import sys
from multiprocessing.process import BaseProcess


def allow_children() -> None:
    """Let the task start the processes that read messages.

    Celery makes the processes of its pool by a library of its own. They are marked as daemons, which Python lets have no child,
    lest one outlive them, and carry a key that Python does not hand on. A task's process inherits both. Its children are
    ended before it ends, so the mark serves nothing here.
    """
    process = multiprocessing.current_process()
    # Python's own setters, as the process may be of the other library's class.
    BaseProcess.daemon.__set__(process, False)  # type: ignore[attr-defined]
    BaseProcess.authkey.__set__(process, bytes(process.authkey))  # type: ignore[attr-defined]
    # A child begins with the main program of its parent. Here that is Airflow, which asks for a database that no task may reach.
    sys.modules["__main__"].__file__ = None
