"""Pure work spread over processes of this machine, so that one hostile message cannot end or hang a run.

A message larger than a few megabytes is the exception: it is read in the run's own process, as a copy would double its memory.
"""

from __future__ import annotations

import gc
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from capstone.domain.errors import WorkersUnavailable
from connectors.mortal import end_with_the_run

T = TypeVar("T")
R = TypeVar("R")

_ENDED = (BrokenProcessPool, CancelledError, TimeoutError)
"""What is told of work whose process died, was ended with another's, or took too long."""

_CHUNK = 25
"""Things handed over at once: enough to spread the cost of a hand-over, few enough to keep all processes busy."""
_LARGE_BYTES = 8 * 1024 * 1024
"""Larger bytes are worked on here: copying them to another process would double the memory they take."""


class InlineWorkers:
    """Workers in this process: for tests, and where a scheduler already runs many processes."""

    def map(self, function: Callable[[T], R], things: Sequence[T], instead: Callable[[T], R]) -> Iterator[R]:
        """See Workers. Nothing can be ended here but the process itself."""
        return iter([function(thing) for thing in things])


class ProcessWorkers:
    """Workers in `processes` processes, started at the first use. A process that dies or hangs is replaced."""

    def __init__(self, processes: int, limit_s: float, preload: Sequence[str] = ()) -> None:
        """`limit_s`: how long a chunk of things may take before its process counts as hung. `preload`: modules to import once."""
        self._processes, self._limit_s, self._preload = processes, limit_s, list(preload)
        self._pool: ProcessPoolExecutor | None = None

    def map(self, function: Callable[[T], R], things: Sequence[T], instead: Callable[[T], R]) -> Iterator[R]:
        """See Workers."""
        chunks = list(_chunks(things))
        begun = [None if _is_large(chunk) else self._submit(function, chunk) for chunk in chunks]
        return self._answers(function, chunks, begun, instead)

    def close(self) -> None:
        """End the processes."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    def _answers(
        self,
        function: Callable[[T], R],
        chunks: Sequence[Sequence[T]],
        begun: Sequence[Future[list[R]] | None],
        instead: Callable[[T], R],
    ) -> Iterator[R]:
        for chunk, future in zip(chunks, begun, strict=True):
            if future is None:
                answers = [function(thing) for thing in chunk]
                gc.collect()  # a parser's objects hold on to one another, and with them to a large message
                yield from answers
                continue
            try:
                yield from future.result(self._limit_s)
            except _ENDED:
                self._end_pool()
                yield from (self._alone(function, thing, instead) for thing in chunk)

    def _alone(self, function: Callable[[T], R], thing: T, instead: Callable[[T], R]) -> R:
        try:
            return self._submit(function, [thing]).result(self._limit_s)[0]
        except _ENDED:
            self._end_pool()
            self._require_healthy()
            return instead(thing)

    def _require_healthy(self) -> None:
        """Tell a thing that ends its process from processes that cannot run at all: then nothing may be called unreadable."""
        try:
            self._submit(len, [b""]).result(self._limit_s)
        except _ENDED as exc:
            self._end_pool()
            raise WorkersUnavailable("The processes that read messages cannot be started.") from exc

    def _submit(self, function: Callable[[T], R], chunk: Sequence[T]) -> Future[list[R]]:
        if self._pool is None:
            # A fresh interpreter: a forked one would inherit connections and locks of this process.
            context = multiprocessing.get_context("forkserver")
            context.set_forkserver_preload(self._preload)
            self._pool = ProcessPoolExecutor(self._processes, mp_context=context, initializer=end_with_the_run)
        try:
            return self._pool.submit(_each, function, chunk)
        except BrokenProcessPool:
            self._pool = None
            return self._submit(function, chunk)

    def _end_pool(self) -> None:
        pool, self._pool = self._pool, None
        if pool is None:
            return
        for process in list((pool._processes or {}).values()):
            process.kill()  # A hung parser ends in no other way.
        pool.shutdown(wait=False, cancel_futures=True)


def _each(function: Callable[[T], R], chunk: Sequence[T]) -> list[R]:
    return [function(thing) for thing in chunk]


def _chunks(things: Sequence[T]) -> Iterator[Sequence[T]]:
    start = 0
    while start < len(things):
        end = start
        while end < len(things) and end - start < _CHUNK and not _is_large([things[end]]):
            end += 1
        end = max(end, start + 1)
        yield things[start:end]
        start = end


def _is_large(chunk: Sequence[object]) -> bool:
    return _bytes_in(chunk[0]) > _LARGE_BYTES


def _bytes_in(thing: object) -> int:
    """Of the thing, or of all its parts."""
    match thing:
        case bytes():
            return len(thing)
        case tuple() | list():
            return sum(map(_bytes_in, thing))
        case _:
            return 0
