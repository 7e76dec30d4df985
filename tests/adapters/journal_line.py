"""A receiver on a loopback port in a thread of its own, and an archive behind it that does as it is told."""

from __future__ import annotations

import asyncio
import select
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

from capstone.domain.journal_sorting import Delivered
from connectors.clock import SystemClock
from connectors.journal.receiver import Receiver
from connectors.journal.session import Line

LINE = Line("127.0.0.1", 0, allowed_peers=(ip_network("127.0.0.1/32"),))
WAIT_S = 20


class Archive:
    """Keeps what it is given and says so, or answers by hand."""

    def __init__(self, *, answers: bool | None = True) -> None:
        self.answers = answers
        self.received: list[Delivered] = []
        self.waiting: list[Future[bool]] = []
        self.counts: list[str] = []
        self.arrived = threading.Semaphore(0)

    def receive(self, delivered: Delivered) -> Future[bool]:
        answer: Future[bool] = Future()
        self.received.append(delivered)
        if self.answers is None:
            self.waiting.append(answer)
        else:
            answer.set_result(self.answers)
        self.arrived.release()
        return answer


class Running:
    """The receiver while it runs."""

    def __init__(self, receiver: Receiver, loop: asyncio.AbstractEventLoop) -> None:
        self._receiver, self._loop = receiver, loop
        self.port = receiver.port

    def begin_stop(self) -> Callable[[], None]:
        """Ask it to stop; gives what waits for that."""
        stopping = asyncio.run_coroutine_threadsafe(self._receiver.stop(), self._loop)
        return lambda: stopping.result(WAIT_S)

    def stop(self) -> None:
        self.begin_stop()()


@contextmanager
def receiving(archive: Archive, **changes: Any) -> Iterator[Running]:
    """A receiver that hands what it gets to the archive; `changes` are those of `Line`."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    receiver = Receiver(replace(LINE, **changes), archive.receive, archive.counts.append, SystemClock())
    try:
        asyncio.run_coroutine_threadsafe(receiver.start(), loop).result(WAIT_S)
        running = Running(receiver, loop)
        yield running
        running.stop()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(WAIT_S)
        loop.close()


class Wire:
    """A client that says word for word what a test wants."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self._socket = socket.create_connection((host, port), timeout=WAIT_S)
        self._lines = self._socket.makefile("rb")

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self._lines.close()
        self._socket.close()

    def answer(self) -> str:
        """The next answer, all its lines; "" where the line is closed."""
        told = ""
        while line := self._lines.readline().decode():
            told += line
            if line[3:4] != "-":
                break
        return told

    def say(self, *commands: bytes) -> list[str]:
        """The commands at once; an answer for each."""
        self.send(b"".join(command + b"\r\n" for command in commands))
        return [self.answer() for _ in commands]

    def send(self, raw: bytes) -> None:
        self._socket.sendall(raw)

    def closes_within(self, seconds: float) -> bool:
        """Whether the other side closed the line."""
        readable, _, _ = select.select([self._socket], [], [], seconds)
        return bool(readable) and self._socket.recv(1, socket.MSG_PEEK) == b""

    def greet(self, word: bytes = b"EHLO") -> str:
        assert self.answer().startswith("220 ")
        return self.say(word + b" mta.agency.example")[0]

    def begin(self, *recipients: bytes, sender: bytes = b"<s@x.example>", word: bytes = b"EHLO") -> None:
        """Up to the 354 of DATA."""
        self.greet(word)
        told = self.say(
            b"MAIL FROM:" + sender, *(b"RCPT TO:" + one for one in recipients or (b"<journal@agency.example>",)), b"DATA"
        )
        assert [one[:3] for one in told[:-1]] == ["250"] * (len(told) - 1)
        assert told[-1].startswith("354 ")
