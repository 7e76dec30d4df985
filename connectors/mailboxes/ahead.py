"""Reads batches ahead in a thread of its own, so that waiting for a server and working on its mail overlap."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Stopped(Exception):
    """Nobody takes what is read ahead any more."""


class ReadAhead(Generic[T]):
    """Batches made in a thread, at most about `most_bytes` ahead of who takes them; a larger one is made when all are taken."""

    def __init__(self, most_bytes: int, size_of: Callable[[T], int]) -> None:
        """`size_of` tells the bytes of a batch."""
        self._most_bytes, self._size_of = most_bytes, size_of
        self._changed = threading.Condition()
        self._ready: deque[tuple[T, int]] = deque()
        self._ahead_bytes = 0
        self._is_ended = self._is_stopped = False
        self._error: BaseException | None = None

    def room_for(self, size: int) -> None:
        """Wait until so many bytes more may be read. For the thread. Raises Stopped."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._is_stopped or not self._ahead_bytes or self._ahead_bytes + size <= self._most_bytes
            )
            if self._is_stopped:
                raise Stopped

    def batches(self, make: Callable[[], Iterator[T]], wake: Callable[[], None]) -> Generator[T, None, None]:
        """What `make` gives, in its order, and then its error if it raises one. When this is closed before the end, `wake`
        is called, which must end what the thread waits for; the thread has ended when this has."""
        thread = threading.Thread(target=self._run, args=(make,), name="read-ahead", daemon=True)
        thread.start()
        try:
            while (ready := self._next()) is not None:
                batch, size = ready
                del ready
                yield batch
                del batch
                self._taken(size)
        finally:
            with self._changed:
                self._is_stopped = True
                is_ended = self._is_ended
                self._changed.notify_all()
            if not is_ended:
                wake()
            thread.join()
        if self._error is not None:
            raise self._error

    def _next(self) -> tuple[T, int] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._ready or self._is_ended)
            return self._ready.popleft() if self._ready else None

    def _taken(self, size: int) -> None:
        with self._changed:
            self._ahead_bytes -= size
            self._changed.notify_all()

    def _run(self, make: Callable[[], Iterator[T]]) -> None:
        try:
            for batch in make():
                with self._changed:
                    if self._is_stopped:
                        break
                    size = self._size_of(batch)
                    self._ready.append((batch, size))
                    self._ahead_bytes += size
                    self._changed.notify_all()
                del batch
        except BaseException as exc:  # noqa: BLE001 it is raised again where the batches are taken
            self._error = exc
        finally:
            with self._changed:
                self._is_ended = True
                self._changed.notify_all()
