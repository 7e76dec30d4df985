"""A PST in two processes that read its items in turns: order, what a process that ends costs, and what is left behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from connectors.mailboxes.outlook.pst import nothing_to_assure
from connectors.mailboxes.outlook.pst_reading import ENDED, PstNotOpened, PstReading
from connectors.mailboxes.outlook.reader_process import Answers, Limits, Message, ReaderEnded, ReaderProcess

LARGE = b"x" * 1_000_000
"""More than a line between processes holds."""


def reads() -> Answers:
    """As `pst_child`, of a file whose items are numbers; 13 ends the process, 17 hangs it, items from 1,000 on are large."""
    path = ""

    def answer(told: Mapping[str, Any], _blobs: list[bytes]) -> Iterator[Message]:
        nonlocal path
        if told["do"] == "open":
            path = told["path"]
            yield {"opened": path != "never"}, []
        elif told["do"] == "close":
            path = ""
            yield {"closed": True}, []
        elif told["do"] == "list":
            yield {"at": 1}, []
            os.kill(os.getpid(), signal.SIGKILL)
        elif path:
            for number in told["ids"]:
                if number == 13:
                    os.kill(os.getpid(), signal.SIGKILL)
                if number == 17:
                    threading.Event().wait()
                yield {"id": number, "by": os.getpid()}, [LARGE] if number >= 1000 else []

    return answer


@contextmanager
def reading(count: int = 2, path: bytes = b"file", most_deaths: int = 5) -> Iterator[PstReading]:
    readers = [ReaderProcess(reads, Limits(silence_s=3)) for _ in range(count)]
    opened = PstReading(path, readers, most_deaths)
    try:
        opened.open()
        yield opened
    finally:
        opened.end()


def ids_of(answers: Iterator[Message]) -> list[int | None]:
    return [told.get("id") for told, _ in answers]


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("ids", [[], [1], [1, 2, 3], [4, 3, 2, 1], list(range(20, 125))])
def test_answers_come_in_the_order_of_what_was_asked(count: int, ids: list[int]) -> None:
    with reading(count) as opened:
        assert ids_of(opened.read(ids, nothing_to_assure)) == ids


def test_two_processes_read_in_turns_and_few_items_start_no_second() -> None:
    with reading() as opened:
        assert len({told["by"] for told, _ in opened.read([1, 2, 3], nothing_to_assure)}) == 1
        assert len(multiprocessing.active_children()) == 1
        by = [told["by"] for told, _ in opened.read(list(range(20, 30)), nothing_to_assure)]
        assert by == by[:2] * 5
        assert len(set(by)) == 2


def test_answers_that_a_line_does_not_hold_wait_for_their_turn() -> None:
    with reading() as opened:
        found = list(opened.read(list(range(1000, 1050)), nothing_to_assure))
    assert [told["id"] for told, _ in found] == list(range(1000, 1050))
    assert {bytes(blob) for _, blobs in found for blob in blobs} == {LARGE}


@pytest.mark.parametrize(("bad", "at"), [(13, 0), (13, 1), (13, 2), (13, 21), (13, 58), (13, 59), (17, 0), (17, 21)])
def test_an_item_that_ends_or_hangs_its_process_costs_itself_only(bad: int, at: int) -> None:
    ids = list(range(100, 160))
    ids[at] = bad
    with reading() as opened:
        answers = list(opened.read(ids, nothing_to_assure))
        assert [told is ENDED for told, _ in answers] == [number == bad for number in ids]
        assert [told["id"] for told, _ in answers if told is not ENDED] == [number for number in ids if number != bad]


@pytest.mark.parametrize("count", [1, 2])
def test_what_is_read_after_an_item_that_ended_its_process_and_was_the_last_one_is_there(count: int) -> None:
    with reading(count) as opened:
        read = opened.read([1, 2, 3, 13], nothing_to_assure)
        assert [told is ENDED for told, _ in (next(read) for _ in range(4))] == [False, False, False, True]
        assert ids_of(opened.read([5, 6, 7, 8], nothing_to_assure)) == [5, 6, 7, 8]


@pytest.mark.parametrize("count", [1, 2])
def test_a_file_that_ends_its_processes_too_often_is_given_up(count: int) -> None:
    with reading(count, most_deaths=1) as opened:
        read = opened.read([13, 1, 2, 13, 3, 4, 5, 6], nothing_to_assure)
        assert [told is ENDED for told, _ in (next(read) for _ in range(4))] == [True, False, False, True]
        with pytest.raises(PstNotOpened):
            list(read)


def test_a_file_of_which_every_list_ends_the_process_is_given_up() -> None:
    with reading(most_deaths=3) as opened:
        for _ in range(4):
            with pytest.raises(ReaderEnded):
                list(opened.listed([]))
        with pytest.raises(PstNotOpened):
            list(opened.listed([]))


def test_a_file_that_cannot_be_opened_is_said() -> None:
    with pytest.raises(PstNotOpened), reading(path=b"never"):
        pass


def test_the_file_is_found_unchanged_before_each_answer_is_given() -> None:
    assured = []
    with reading() as opened:
        for number, _ in enumerate(opened.read(list(range(20, 30)), lambda: assured.append(1)), 1):
            assert len(assured) == number


def test_nothing_is_left_of_a_reading_that_is_given_up_halfway() -> None:
    with reading() as opened:
        read = opened.read(list(range(1000, 1050)), nothing_to_assure)
        next(read)
        assert len(multiprocessing.active_children()) == 2
    assert not multiprocessing.active_children()


def test_processes_read_the_next_file_once_this_one_is_closed() -> None:
    readers = [ReaderProcess(reads, Limits(silence_s=3)) for _ in range(2)]
    try:
        for path in (b"one", b"two"):
            opened = PstReading(path, readers, 0)
            opened.open()
            assert ids_of(opened.read(list(range(20, 30)), nothing_to_assure)) == list(range(20, 30))
            opened.close()
        assert len(multiprocessing.active_children()) == 2
    finally:
        for reader in readers:
            reader.close()
