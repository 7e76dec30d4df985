"""Indexing beside capture: nothing that is due at the end is left, and the index may be away."""

from __future__ import annotations

from threading import Event

import pytest

from capstone.domain.errors import IndexUnavailable, UnknownAccount
from capstone.usecases.follow import index_while
from capstone.usecases.index import IndexReport


class Due:
    """An outbox of numbers; each pass takes what is there."""

    def __init__(self) -> None:
        self.waiting, self.passes, self.first_pass = 0, 0, Event()

    def index(self) -> IndexReport:
        taken, self.waiting = self.waiting, 0
        self.passes += 1
        self.first_pass.set()
        return IndexReport(taken, 0, self.waiting)


def test_what_becomes_due_during_and_at_the_end_of_the_work_is_indexed() -> None:
    due = Due()

    def work() -> str:
        due.waiting += 3
        assert due.first_pass.wait(10)
        due.waiting += 4
        return "done"

    assert index_while(work, due.index) == ("done", IndexReport(7, 0, 0))
    assert due.passes >= 2


def test_an_index_that_is_away_is_told_and_the_work_goes_on() -> None:
    def away() -> IndexReport:
        raise IndexUnavailable("away")

    done, told = index_while(lambda: "done", away)
    assert done == "done"
    assert isinstance(told, IndexUnavailable)


def test_a_named_error_of_the_work_is_raised_after_a_last_pass() -> None:
    due = Due()

    def work() -> None:
        due.waiting += 1
        raise UnknownAccount("who?")

    with pytest.raises(UnknownAccount):
        index_while(work, due.index)
    assert due.waiting == 0


def test_a_fault_of_the_indexing_program_is_not_hidden() -> None:
    def broken() -> IndexReport:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        index_while(lambda: "done", broken)
