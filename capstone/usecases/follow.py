"""Index what is captured while capture goes on: both wait for disk and other processes most of the time."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Thread
from typing import TypeVar

from capstone.domain.errors import CapstoneError
from capstone.usecases.index import IndexReport

T = TypeVar("T")

PAUSE_S = 0.2
"""How long the follower waits when nothing is due; new batches come a few times a second."""


def index_while(work: Callable[[], T], index_pending: Callable[[], IndexReport]) -> tuple[T, IndexReport | CapstoneError]:
    """What `work` gives, and what was indexed during and after it.

    The archive is complete without an index: a named error of indexing is given back, never raised. Named errors of
    `work` are raised after what was due then was indexed.
    """
    follower = _Follower(index_pending)
    follower.start()
    try:
        done = work()
    except CapstoneError:
        follower.finish()
        raise
    follower.finish()
    if follower.fault is not None:
        raise follower.fault
    return done, follower.error or follower.report


class _Follower(Thread):
    """A thread that indexes until it is told that no more comes, and then once more."""

    def __init__(self, index_pending: Callable[[], IndexReport]) -> None:
        super().__init__(name="index", daemon=True)
        self._index_pending = index_pending
        self._is_last = Event()
        self.report = IndexReport(0, 0, 0)
        self.error: CapstoneError | None = None
        self.fault: Exception | None = None

    def finish(self) -> None:
        """Wait for the last pass."""
        self._is_last.set()
        self.join()

    def run(self) -> None:
        """Pass after pass; a record that failed is not tried again before the last pass."""
        try:
            while True:
                is_last = self._is_last.is_set()
                found = self._index_pending()
                self.report = IndexReport(self.report.indexed + found.indexed, found.failed, found.pending)
                if is_last:
                    return
                self._is_last.wait(0 if found.indexed else PAUSE_S)
        except CapstoneError as exc:
            self.error = exc
        except Exception as exc:  # noqa: BLE001  (a worker boundary: the fault is raised where the work was asked for)
            self.fault = exc
