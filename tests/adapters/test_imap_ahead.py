"""Reading ahead: in order, bounded in bytes, and over when its taker is."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from connectors.mailboxes.ahead import ReadAhead, Stopped
from servers.processes import wait_until


class Producer:
    """Makes batches of the given sizes, asks for room before each, and may end in an error."""

    def __init__(self, ahead: ReadAhead[bytes], sizes: list[int], error: Exception | None = None) -> None:
        self.ahead, self.sizes, self.error = ahead, sizes, error
        self.made: list[int] = []
        self.was_closed = self.was_woken = False

    def make(self) -> Iterator[bytes]:
        try:
            for size in self.sizes:
                self.ahead.room_for(size)
                self.made.append(size)
                yield bytes(size)
            if self.error:
                raise self.error
        finally:
            self.was_closed = True

    def wake(self) -> None:
        self.was_woken = True


def test_batches_come_in_order_and_the_error_after_them() -> None:
    ahead = ReadAhead[bytes](10, len)
    producer = Producer(ahead, [1, 2, 30, 4], ZeroDivisionError("at the end"))
    taken = []
    with pytest.raises(ZeroDivisionError, match="at the end"):
        taken.extend(map(len, ahead.batches(producer.make, producer.wake)))
    assert taken == [1, 2, 30, 4]
    assert not producer.was_woken


def test_no_more_is_made_than_there_is_room_for() -> None:
    ahead = ReadAhead[bytes](10, len)
    producer = Producer(ahead, [4, 4, 4, 50, 50, 1])
    batches = ahead.batches(producer.make, producer.wake)
    made = []
    for number, batch in enumerate(batches):
        made.append(len(batch))
        assert sum(producer.made) - sum(made[:number]) <= max(10, len(batch))
    assert made == [4, 4, 4, 50, 50, 1]


def test_whoever_stops_taking_ends_the_thread() -> None:
    ahead = ReadAhead[bytes](10, len)
    producer = Producer(ahead, [4, 4, 4, 4])
    batches = ahead.batches(producer.make, producer.wake)
    next(batches)
    assert wait_until(lambda: producer.made == [4, 4], 5)
    batches.close()
    assert producer.was_closed
    assert producer.was_woken
    assert producer.made == [4, 4]
    with pytest.raises(Stopped):
        ahead.room_for(1)
    assert not [thread for thread in threading.enumerate() if thread.name == "read-ahead"]


def test_a_batch_that_is_ready_too_late_is_dropped() -> None:
    ahead = ReadAhead[bytes](10, len)
    may_go_on = threading.Event()

    def make() -> Iterator[bytes]:
        yield b"first"
        may_go_on.wait(10)
        yield b"second"
        raise AssertionError("nobody takes the second")

    batches = ahead.batches(make, may_go_on.set)
    assert next(batches) == b"first"
    batches.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "read-ahead"]
