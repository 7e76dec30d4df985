"""A PST that is open in one process, or in several that read its items in turns. Answers come in the order of what was asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from connectors.mailboxes.outlook.reader_process import Message, ReaderEnded, ReaderProcess

_READ_AT_ONCE = 20
_SHARED_FROM = 4
"""Fewer items are read by the first process before another has opened the file."""
ENDED: Mapping[str, Any] = {"state": "ended"}
"""Told of an item that ended its process, or hung it."""


class PstNotOpened(Exception):
    """Nothing can be read from the file."""


class PstReading:
    """One file, from its opening to its end. It is listed by the first process; others open it where it has more to read."""

    def __init__(self, path: bytes, readers: Sequence[ReaderProcess], most_deaths: int) -> None:
        """`most_deaths`: how often the file may end one of the processes before it counts as one that cannot be read on."""
        self._path = path.decode("utf-8", "surrogateescape")
        self._readers, self._lives = tuple(readers), most_deaths
        self._open_in: list[ReaderProcess] = []
        self.has_password = False

    def open(self) -> None:
        """In the first process. Raises PstNotOpened."""
        self._open(self._readers[0])

    def listed(self, passed_over: Sequence[Sequence[int | str]]) -> Iterator[Mapping[str, Any]]:
        """What `pst_folders` tells. Raises ReaderEnded; the next call, if there is one, opens the file again and raises
        PstNotOpened where processes ended too often."""
        reader = self._readers[0]
        self._open(reader)
        try:
            reader.send({"do": "list", "passed_over": passed_over})
            while not (told := reader.receive()[0]).get("done"):
                yield told
        except ReaderEnded:
            self._ended(reader)
            raise

    def read(self, ids: Sequence[int], assure: Callable[[], None]) -> Iterator[Message]:
        """The answer for each, in their order. Each process works ahead while answers are taken, as far as its line holds them.

        `assure` is called before each is given. Raises PstNotOpened and what `assure` raises.
        """
        count = len(self._readers) if len(ids) >= _SHARED_FROM else 1
        shares = [_Share(reader, ids[turn::count]) for turn, reader in enumerate(self._readers[:count])]
        for share in shares:
            self._ask(share)
        for at in range(len(ids)):
            share = shares[at % count]
            self._ask(share)
            answer = share.take()
            if answer[0] is ENDED:
                self._ended(share.reader)
            assure()
            yield answer

    def close(self) -> None:
        """What was read to its end is not kept open until the next file."""
        for reader in self._open_in:
            with suppress(ReaderEnded):
                reader.send({"do": "close"})
                reader.receive()
        self._open_in.clear()

    def end(self) -> None:
        """End the processes: they may still have answers that nobody waits for."""
        for reader in self._readers:
            reader.close()

    def _open(self, reader: ReaderProcess) -> None:
        if reader in self._open_in:
            return
        if self._lives < 0:
            raise PstNotOpened
        try:
            reader.send({"do": "open", "path": self._path})
            told, _ = reader.receive()
        except ReaderEnded as exc:
            raise PstNotOpened from exc
        if not told["opened"]:
            raise PstNotOpened
        self.has_password = bool(told.get("has_password"))
        self._open_in.append(reader)

    def _ended(self, reader: ReaderProcess) -> None:
        self._open_in.remove(reader)
        self._lives -= 1

    def _ask(self, share: _Share) -> None:
        """For its next items, unless it has yet to answer for some. Where the asking fails none of them was tried."""
        while share.is_to_ask:
            self._open(share.reader)
            try:
                share.ask()
            except ReaderEnded:
                self._ended(share.reader)


class _Share:
    """The items that one of the processes is to read."""

    def __init__(self, reader: ReaderProcess, ids: Sequence[int]) -> None:
        self.reader = reader
        self._left = list(reversed(ids))
        self._asked = 0

    @property
    def is_to_ask(self) -> bool:
        """Whether there are items and none that it has yet to answer for."""
        return bool(self._left) and not self._asked

    def ask(self) -> None:
        """For the next ones. Raises ReaderEnded."""
        asked = self._left[: -_READ_AT_ONCE - 1 : -1]
        self.reader.send({"do": "read", "ids": asked})
        self._asked = len(asked)

    def take(self) -> Message:
        """The next answer; `ENDED` where the process ended over the item."""
        self._left.pop()
        try:
            answer = self.reader.receive()
        except ReaderEnded:
            self._asked = 0
            return ENDED, []
        self._asked -= 1
        return answer
