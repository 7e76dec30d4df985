"""Faults of a line, made on purpose: a TCP proxy that refuses, hangs or cuts."""

from __future__ import annotations

import array
import contextlib
import fcntl
import select
import socket
import struct
import termios
import threading
from typing import Self

from servers.processes import wait_until

_CHUNK, _WAIT_S, _END_S = 65536, 0.05, 5
_RESET = struct.pack("ii", 1, 0)
"""Linger for no time: closing sends a reset, as a broken line does."""


class _Line:
    """One client, the server behind it, and how many bytes the client got since it was counted."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client, self.server, self.to_client = client, server, 0
        self.is_cut = False
        self._directions = 2

    def cut(self, *, reset: bool = True) -> None:
        """End both ends, as soon as what was sent has gone out. Closing alone would not wake the threads that read."""
        self.is_cut = True
        for end in (self.client, self.server):
            with contextlib.suppress(OSError):
                if reset:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                end.shutdown(socket.SHUT_RD if reset else socket.SHUT_RDWR)

    def send(self, sink: socket.socket, chunk: bytes) -> None:
        """Send all of it, unless the line is cut meanwhile. Raises OSError."""
        left, room = memoryview(chunk), select.poll()
        room.register(sink, select.POLLOUT)
        while left and not self.is_cut:
            if room.poll(_WAIT_S * 1000):
                left = left[sink.send(left, socket.MSG_DONTWAIT) :]

    def leave(self) -> bool:
        """One direction is done. Whether it was the last."""
        self._directions -= 1
        return self._directions == 0

    def close(self) -> None:
        """Both ends, once what was sent has gone out, for which a client that is gone is waited for a second."""
        if self.is_cut:
            wait_until(lambda: _unsent(self.client) == 0, 1, _WAIT_S)
        self.client.close()
        self.server.close()


class FaultProxy:
    """Passes bytes between clients and one server until told otherwise. Use as a context manager."""

    def __init__(self, target_host: str, target_port: int) -> None:
        self._target = (target_host, target_port)
        self._changed = threading.Condition()
        self._passes = True
        self._cut_after = 0
        self._cuts_left = 0
        self._resets = True
        self._lines: set[_Line] = set()
        self._listener: socket.socket | None = None
        self.port = 0
        self.connections = 0
        """How many clients came since the start."""
        self._listen()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.refuse()

    def pass_through(self) -> None:
        """Pass everything again; what was held back arrives now."""
        with self._changed:
            self._passes, self._cuts_left = True, 0
            self._changed.notify_all()
        self._listen()

    def refuse(self) -> None:
        """Refuse new connections and cut the present ones."""
        listener, self._listener = self._listener, None
        if listener:
            # Closing alone does not wake the thread that waits for a client.
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self.cut_all()

    def hang(self) -> None:
        """Take connections and pass nothing in either direction."""
        with self._changed:
            self._passes = False
        self._listen()

    def drop_after(self, bytes_to_client: int, times: int = 1, *, reset: bool = True) -> None:
        """Cut a connection when the client has got exactly so many more bytes on it; so many connections in all.

        Without a reset the line ends in good order, as when a server or something in between is shut down.
        """
        with self._changed:
            self._cut_after, self._cuts_left, self._resets = bytes_to_client, times, reset
            for line in self._lines:
                line.to_client = 0

    def cut_all(self) -> None:
        """Reset every connection that is open; they are gone on return."""
        with self._changed:
            for line in self._lines:
                line.cut()
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._lines, _END_S)

    def _listen(self) -> None:
        if self._listener:
            return
        listener = socket.create_server(("127.0.0.1", self.port), backlog=128)
        self.port, self._listener = listener.getsockname()[1], listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(self._target, timeout=10)
        except OSError:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            client.close()
            return
        line = _Line(client, server)
        for end in (client, server):
            end.settimeout(None)
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._changed:
            self._lines.add(line)
        threading.Thread(target=self._carry, args=(line, server, client), daemon=True).start()
        self._carry(line, client, server)

    def _carry(self, line: _Line, source: socket.socket, sink: socket.socket) -> None:
        """Carry one direction to its end."""
        try:
            while not line.is_cut and (chunk := source.recv(_CHUNK)):
                line.send(sink, self._allowed(line, chunk, to_client=sink is line.client))
                if self._is_spent(line):
                    line.cut(reset=self._resets)
            if not line.is_cut:
                sink.shutdown(socket.SHUT_WR)
        except OSError:
            line.cut()
        with self._changed:
            is_last = line.leave()
        if is_last:
            line.close()  # not under the lock: several that wait would keep every new line from its server's first word
        with self._changed:
            self._lines -= {line} if is_last else set()
            self._changed.notify_all()

    def _allowed(self, line: _Line, chunk: bytes, *, to_client: bool) -> bytes:
        """The part of the chunk that may pass, after waiting while nothing may."""
        with self._changed:
            self._changed.wait_for(lambda: self._passes or line.is_cut)
            if not to_client or line.is_cut:
                return chunk
            if self._cuts_left > 0:
                chunk = chunk[: self._cut_after - line.to_client]
            line.to_client += len(chunk)
            return chunk

    def _is_spent(self, line: _Line) -> bool:
        with self._changed:
            reached = self._cuts_left > 0 and line.to_client >= self._cut_after and not line.is_cut
            self._cuts_left -= reached
            return reached


def _unsent(end: socket.socket) -> int:
    """Bytes that the other side has not taken yet."""
    number = array.array("i", [0])
    with contextlib.suppress(OSError):
        fcntl.ioctl(end.fileno(), termios.TIOCOUTQ, number)
    return number[0]
