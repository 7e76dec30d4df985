"""The time, and who does the work."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Clock(Protocol):
    """Where the time comes from."""

    def now(self) -> datetime:
        """The present instant, aware, UTC."""
        ...


class Holders(Protocol):
    """Names for those who hold leases and claims."""

    def name(self) -> str:
        """A new name for a piece of work of this process."""
        ...

    def is_gone(self, holder: str) -> bool:
        """Whether the holder is known to work no more. False where that cannot be known."""
        ...


class Workers(Protocol):
    """Pure work on many things, in this process or several."""

    def map(self, function: Callable[[T], R], things: Sequence[T], instead: Callable[[T], R]) -> Iterator[R]:
        """`function` of each, in order; the work has begun when this returns. Where a thing ends or hangs the process
        that works on it (hostile mail), `instead` of it answers for it, here; errors of `function` itself go up."""
        ...
