"""The receiver: listens, and stops in good order."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path

from capstone.domain.errors import BadSettings
from capstone.domain.journal_sorting import Delivered
from capstone.ports import Clock
from connectors.journal.session import Desk, JournalSession, Line, LmtpSession

_BACKLOG = 256


def tls_context(certificate_file: Path, key_file: Path) -> ssl.SSLContext:
    """For STARTTLS. Raises BadSettings."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate_file, key_file)
    except (OSError, ssl.SSLError) as exc:
        raise BadSettings(f"{certificate_file} and {key_file} are no certificate with its key.") from exc
    return context


class Receiver:
    """A server on one port. For one event loop."""

    def __init__(
        self, line: Line, receive: Callable[[Delivered], Future[bool]], count: Callable[[str], None], clock: Clock
    ) -> None:
        """`receive` gives a future that says whether the mail is durable; `count` is told what else became of callers."""
        self._desk = Desk(line, receive, count, clock)
        self._server: asyncio.Server | None = None

    @property
    def host(self) -> str:
        """The address it listens on."""
        return self._desk.line.host

    @property
    def port(self) -> int:
        """Where it listens."""
        if self._server is None:
            return self._desk.line.port
        return int(self._server.sockets[0].getsockname()[1])

    async def start(self) -> None:
        """Listen. Raises BadSettings where the address cannot be had."""
        line, loop = self._desk.line, asyncio.get_running_loop()
        loop.set_exception_handler(_lost)
        kind = LmtpSession if line.is_lmtp else JournalSession
        try:
            self._server = await loop.create_server(lambda: kind(self._desk), line.host, line.port, backlog=_BACKLOG)
        except OSError as exc:
            reason = f"Nothing can listen on {line.host} port {line.port}: {exc.strerror}."
            raise BadSettings(reason, "Choose a free address in [journal], or end what listens there.") from exc

    async def stop(self) -> None:
        """No new connections; who waits for an answer gets it, everybody else is asked to come again."""
        self._desk.is_closing = True
        if self._server is not None:
            self._server.close()
        for session in list(self._desk.sessions):
            if not session.is_busy:
                with suppress(OSError):  # it went by itself
                    await session.say_goodbye()
        waited_s = 0.0
        while self._desk.sessions and waited_s < self._desk.line.wait_s:
            await asyncio.sleep(_PAUSE_S)
            waited_s += _PAUSE_S


_PAUSE_S = 0.05


def _lost(_loop: asyncio.AbstractEventLoop, _context: dict[str, object]) -> None:
    """A connection that broke is the peer's to tell; its mail was not answered and comes again."""
