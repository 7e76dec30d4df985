"""Cut a stream into batches that bound memory, and look one batch ahead."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from capstone.domain.errors import CapstoneError

T = TypeVar("T")
R = TypeVar("R")


def batched_by_size(things: Iterable[T], size_of: Callable[[T], int], most_things: int, most_bytes: int) -> Iterator[list[T]]:
    """Lists of up to `most_things` things and about `most_bytes` bytes; a larger thing is a batch alone.

    Where the stream ends in a named error, what came before it is given first.
    """
    batch: list[T] = []
    size = 0
    try:
        for thing in things:
            grown = size + size_of(thing)
            if batch and (len(batch) >= most_things or grown > most_bytes):
                yield batch
                batch, grown = [], size_of(thing)
            batch.append(thing)
            size = grown
    except CapstoneError:
        yield from [batch] if batch else []
        raise
    if batch:
        yield batch


def begun_ahead(things: Iterable[T], begin: Callable[[T], R]) -> Iterator[tuple[T, R]]:
    """Each thing with what `begin` made of it, where the next is begun before the present one is given.

    Where the stream ends in a named error, what came before it is given first.
    """
    waiting: list[tuple[T, R]] = []
    try:
        for thing in things:
            waiting.append((thing, begin(thing)))
            if len(waiting) > 1:
                yield waiting.pop(0)
    except CapstoneError:
        yield from waiting
        raise
    yield from waiting
