"""A process of its own that reads hostile files for this one, so that what ends or hangs it ends nothing else.

Only JSON and bytes come back from it, never objects: what took it over could not take over who asks.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import select
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from capstone.domain.errors import WorkersUnavailable
from connectors.mortal import end_with_the_run

Message = tuple[Mapping[str, Any], list[bytes]]
"""What is told, and bytes that belong to it."""
Answers = Callable[[Mapping[str, Any], list[bytes]], Iterator[Message]]
"""What the process does with a message: any number of answers."""
_READY: Mapping[str, Any] = {"ready": True}
_START_LIMIT_S = 120.0
_NO_FRAME = (EOFError, OSError, ValueError, LookupError, TypeError, RecursionError, MemoryError)
"""What comes of a line that ended, and of one on which something else came than the process was made to tell."""


class ReaderEnded(Exception):
    """The process died, or did nothing for too long and was ended."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a reading process may take."""

    silence_s: float = 120.0
    """How long it may be without an answer."""
    memory_bytes: int = 4 * 1024**3


class ReaderProcess:
    """One such process, started at the first message, and again after it ended."""

    def __init__(self, begin: Callable[[], Answers], limits: Limits) -> None:
        """`begin` is called once in the new process; it has to be a function of a module."""
        self._begin, self._limits = begin, limits
        self._process: Any = None
        self._line: Connection | None = None
        self._answers = select.poll()

    def send(self, told: Mapping[str, Any], blobs: Sequence[bytes] = ()) -> None:
        """Raises ReaderEnded, WorkersUnavailable."""
        line = self._line or self._start()
        try:
            _send(line, told, blobs)
        except OSError as exc:
            self.close()
            raise ReaderEnded from exc

    def receive(self) -> Message:
        """The next answer. Raises ReaderEnded."""
        if self._line is None:
            raise ReaderEnded
        try:
            if self._answers.poll(self._limits.silence_s * 1000):
                return _receive(self._line, self._limits.memory_bytes)
        except _NO_FRAME as exc:
            self.close()
            raise ReaderEnded from exc
        self.close()
        raise ReaderEnded

    def close(self) -> None:
        """End the process."""
        process, line, self._process, self._line = self._process, self._line, None, None
        if line is not None:
            self._answers.unregister(line)
            line.close()
        if process is not None:
            process.kill()
            process.join()
            process.close()

    def _start(self) -> Connection:
        # A fresh interpreter, as in connectors.workers: a forked one would inherit connections and locks of this process.
        context = multiprocessing.get_context("forkserver")
        try:
            self._line, theirs = context.Pipe()
            self._answers.register(self._line, select.POLLIN)  # Made once: a list has more answers than it has messages.
            with theirs:
                process = context.Process(target=_run, args=(theirs, self._begin, self._limits.memory_bytes), daemon=True)
                process.start()
            self._process = process
            if self._line.poll(_START_LIMIT_S) and _receive(self._line, self._limits.memory_bytes)[0] == _READY:
                return self._line
        except _NO_FRAME as exc:
            self.close()
            raise WorkersUnavailable("The process that reads PST and MSG files ended at its start.") from exc
        self.close()
        raise WorkersUnavailable("The process that reads PST and MSG files did not start.")


def _run(line: Connection, begin: Callable[[], Answers], memory_bytes: int) -> None:
    """The life of the process: it ends with its line, with who asks, or with its work, whichever is first."""
    end_with_the_run()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        answers = begin()
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
        _send(line, _READY, ())
        while True:
            for told, blobs in answers(*_receive(line, memory_bytes)):
                _send(line, told, blobs)
    except (EOFError, OSError, MemoryError):
        pass
    finally:
        os._exit(0)  # Without clearing up: a library that was misled may not be fit to.


def _send(line: Connection, told: Mapping[str, Any], blobs: Sequence[bytes]) -> None:
    line.send_bytes(json.dumps({"told": told, "blobs": len(blobs)}).encode())
    for blob in blobs:
        line.send_bytes(blob)


def _receive(line: Connection, most_bytes: int) -> Message:
    """Raises one of `_NO_FRAME`."""
    frame = json.loads(line.recv_bytes(most_bytes))
    told: dict[str, Any] = {**frame["told"]}
    return told, [line.recv_bytes(most_bytes) for _ in range(frame["blobs"])]
