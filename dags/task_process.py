"""The process that a task runs in. Imported inside tasks only."""

from __future__ import annotations

import multiprocessing


def allow_children() -> None:
    """Let the task start the processes that read messages.

    Celery marks the processes of its pool as daemons, which Python lets have no children, lest these outlive them. A task's own
    process inherits the mark; it ends the processes that it started before it ends.
    """
    multiprocessing.current_process().daemon = False
