"""The process that reads hostile files: what it may answer, and what happens where it cannot be started."""

from __future__ import annotations

import errno
import multiprocessing.context
from collections.abc import Iterator, Mapping
from multiprocessing.connection import Connection
from typing import Any

import pytest

from capstone.domain.errors import WorkersUnavailable
from connectors.mailboxes.outlook import reader_process
from connectors.mailboxes.outlook.reader_process import Answers, Limits, Message, ReaderEnded, ReaderProcess

FRAMES = {
    "no json": b"\0\1\2",
    "no text": b'"\xff',
    "a list": b"[]",
    "no keys": b"{}",
    "no mapping": b'{"told": 1, "blobs": 0}',
    "no number": b'{"told": {}, "blobs": "x"}',
    "without end": b"[" * 500_000,
}


def garbling() -> Answers:
    """Answers with the frame that it is asked for; with nothing told, as it should."""
    send = reader_process._send

    def garbled(line: Connection, told: Mapping[str, Any], blobs: Any) -> None:
        frame = FRAMES.get(told.get("frame", ""))
        if frame is None:
            send(line, told, blobs)
        else:
            line.send_bytes(frame)

    def answers(told: Mapping[str, Any], _blobs: list[bytes]) -> Iterator[Message]:
        yield told, []

    reader_process._send = garbled
    return answers


@pytest.mark.parametrize("frame", FRAMES)
def test_an_answer_that_is_none_ends_the_reader_and_the_next_is_started(frame: str) -> None:
    reader = ReaderProcess(garbling, Limits(silence_s=20))
    try:
        reader.send({"frame": frame})
        with pytest.raises(ReaderEnded):
            reader.receive()
        reader.send({"well": True})
        assert reader.receive() == ({"well": True}, [])
    finally:
        reader.close()


def no_server(_process: object) -> None:
    raise EOFError


def no_room(_process: object) -> None:
    raise OSError(errno.EAGAIN, "no processes left")


@pytest.mark.parametrize("start", [no_server, no_room])
def test_where_no_process_can_be_started_it_is_said(monkeypatch: pytest.MonkeyPatch, start: Any) -> None:
    reader = ReaderProcess(garbling, Limits())
    monkeypatch.setattr(multiprocessing.context.ForkServerProcess, "start", start)
    for _ in range(2):
        with pytest.raises(WorkersUnavailable):
            reader.send({"well": True})
    monkeypatch.undo()
    reader.send({"well": True})
    assert reader.receive() == ({"well": True}, [])
    reader.close()
