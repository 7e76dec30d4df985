"""One connection of the receiver. aiosmtpd speaks the protocol; taking in the bytes and answering for them is done here.

aiosmtpd reads a message line by line and refuses long lines, and it answers 5xx to what it does not know. A journal may lose
nothing: here the bytes stay what they are, only CRLF.CRLF ends them, and whatever is not durable is answered 4xx.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address
from ssl import SSLContext
from typing import Any

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session

from capstone.domain.journal_sorting import Delivered
from capstone.ports import Clock

_END = b"\r\n.\r\n"
_READ = 1 << 20
_DOTS = 0.02
"""What dots at the start of lines may add on the way."""
_PATH = re.compile(r'<((?:"(?:[^"\\]|\\.)*"|[^<>"])*)>\s*(.*)|(\S+)\s*(.*)', re.DOTALL)
_SIZE = re.compile(r"(?:^|\s)SIZE=(\d{1,20})", re.IGNORECASE)
_ROUTE = re.compile(r"@[^:<>]*:")

OK, LATER = "250 2.6.0 kept", "451 4.3.0 not kept yet, try again later"
FULL = "452 4.3.1 too much mail at a time, try again later"
TOO_LARGE = "552 5.3.4 larger than this archive takes"
NOT_YOU = "554 5.7.1 this address may not deliver here"
NOT_CLEAR = "451 4.7.0 STARTTLS first"
TOO_MANY = "421 4.3.2 too many connections, try again later"
CLOSING = "421 4.3.2 closing, try again later"

logging.getLogger("mail.log").setLevel(logging.CRITICAL + 1)  # aiosmtpd tells it who writes to whom


@dataclass(frozen=True, slots=True)
class Line:
    """How the receiver listens and whom it takes mail from."""

    host: str
    port: int
    is_lmtp: bool = False
    allowed_peers: tuple[IPv4Network | IPv6Network, ...] = ()
    tls: SSLContext | None = None
    require_tls: bool = False
    size_limit_bytes: int = 150 * 1024 * 1024
    sessions: int = 100
    wait_s: float = 60
    """How long a sender waits for its answer."""
    idle_s: float = 300
    """How long a peer may be silent."""
    most_held_bytes: int = 512 * 1024 * 1024
    """Of all connections together: what more arrives is refused for now."""


@dataclass(slots=True)
class Desk:
    """What the connections share."""

    line: Line
    receive: Callable[[Delivered], Future[bool]]
    count: Callable[[str], None]
    clock: Clock
    sessions: set[JournalSession] = field(default_factory=set)
    held_bytes: int = 0
    is_closing: bool = False


class _Hooks:
    """What aiosmtpd asks."""

    async def handle_EHLO(  # noqa: N802  (aiosmtpd's name)
        self, _server: SMTP, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        """Nobody signs in here; commands may come together."""
        session.host_name = hostname
        told = [one for one in responses if one[4:8] not in ("AUTH", "HELP")]
        return [*told, "250 PIPELINING"]

    async def handle_exception(self, _error: Exception) -> str:
        """Whatever went wrong with a command, the mail is not lost."""
        return LATER


class JournalSession(SMTP):
    """One connection."""

    line_length_limit = 1 << 18
    """Of commands; also how much waits to be read."""
    command_size_limit = 1 << 17
    """Addresses that stand for X.500 names are far longer than the standard allows, and a refusal would be for good."""

    def __init__(self, desk: Desk) -> None:
        """Not connected yet."""
        line = desk.line
        super().__init__(
            _Hooks(),
            data_size_limit=line.size_limit_bytes,
            enable_SMTPUTF8=True,
            hostname="capstone",
            ident="journal",
            tls_context=line.tls,
            timeout=max(line.idle_s, line.wait_s * 2),
            auth_exclude_mechanism=("LOGIN", "PLAIN"),
            loop=asyncio.get_running_loop(),
        )
        self.command_size_limits = defaultdict(lambda: self.command_size_limit)  # after EHLO aiosmtpd's own would count: 512
        self._desk = desk
        self._is_refused = False
        self._heard_at = self.loop.time()
        self.is_busy = False

    # --- the connection ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let in whom the settings allow, as many as they allow."""
        if self._original_transport is None:
            answer = self._why_not(transport)
            if answer is not None:
                self._is_refused = True
                assert isinstance(transport, asyncio.WriteTransport)  # noqa: S101  (for the type checker)
                transport.write(answer.encode() + b"\r\n")
                transport.close()
                return
            self._desk.sessions.add(self)
        super().connection_made(transport)

    def _why_not(self, transport: asyncio.BaseTransport) -> str | None:
        if not self._is_allowed(transport.get_extra_info("peername")):
            self._desk.count("refused_peer")
            return NOT_YOU
        if len(self._desk.sessions) >= self._desk.line.sessions:
            self._desk.count("refused_sessions")
            return TOO_MANY
        return CLOSING if self._desk.is_closing else None

    def _is_allowed(self, peer: Any) -> bool:
        address = ip_address(peer[0].partition("%")[0])
        return any(address in network for network in self._desk.line.allowed_peers)

    def connection_lost(self, error: Exception | None) -> None:
        """Forget it."""
        self._desk.sessions.discard(self)
        if not self._is_refused:
            super().connection_lost(error)

    def data_received(self, data: bytes) -> None:
        """A peer that is slow is not silent."""
        if not self._is_refused:
            self._heard_at = self.loop.time()
            super().data_received(data)

    def eof_received(self) -> bool | None:
        """The peer has no more to say."""
        return False if self._is_refused else super().eof_received()

    def _timeout_cb(self) -> None:
        silent_s = self.loop.time() - self._heard_at
        if self.is_busy or silent_s < self._timeout_duration:
            self._reset_timeout(None if self.is_busy else self._timeout_duration - silent_s)
        else:
            self._hang_up()

    async def say_goodbye(self) -> None:
        """End the connection as one that may come again."""
        if self.transport is not None and not self.transport.is_closing():
            await self.push(CLOSING)
            self._hang_up()

    def _hang_up(self) -> None:
        """Close. In the midst of a TLS handshake nobody else would tell that the connection is over."""
        if self.transport is None or self.session is None:
            return
        self.transport.close()
        if self._original_transport is not None and self.session.ssl is None:
            self.connection_lost(None)

    # --- commands ---

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        """Any path is taken as it is written: a journal is full of addresses that no rule allows. Parameters of extensions that
        were not offered change nothing of the bytes; to refuse them would be to refuse the mail for good."""
        path, _ = _path_in(arg)
        return path, ""

    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802  (aiosmtpd's name)
        """Refuse what comes in the clear where it must not, and what says beforehand that it is too large."""
        # aiosmtpd would refuse LHLO too.
        if self._desk.line.require_tls and self._tls_protocol is None:
            self._desk.count("deferred")  # for good it would be lost with whoever tries in the clear what fails by TLS
            await self.push(NOT_CLEAR)
            return
        size = _SIZE.search(_path_in((arg or "").partition(":")[2])[1])
        if size is not None and int(size[1]) > self._desk.line.size_limit_bytes:
            self._desk.count("refused_size")
            await self.push(TOO_LARGE)
            return
        await super().smtp_MAIL(arg)

    async def smtp_DATA(self, arg: str | None) -> None:  # noqa: N802  (aiosmtpd's name)
        """Take a message and answer once it is known what became of it."""
        if await self.check_helo_needed():
            return
        envelope = self.envelope
        if envelope is None or not envelope.rcpt_tos or arg:
            await self.push("501 Syntax: DATA" if arg else "503 Error: need RCPT command")
            return
        self.is_busy = True
        try:
            await self.push("354 End data with <CR><LF>.<CR><LF>")
            answer = await self._deliver(envelope)
            for _ in range(self._answers(envelope)):
                await self.push(answer)
        finally:
            self.is_busy = False
            self._set_post_data_state()  # type: ignore[no-untyped-call]
        if self._desk.is_closing:
            await self.say_goodbye()

    def _answers(self, _envelope: Envelope) -> int:
        return 1

    async def _deliver(self, envelope: Envelope) -> str:
        """The answer to one message."""
        incoming = _Incoming(self._desk)
        self.is_busy = False  # while it arrives, silence counts
        try:
            await self._read_message(incoming)
            self.is_busy = True
            raw = incoming.message()
            if incoming.refusal is not None:
                self._desk.count("refused_size" if incoming.refusal == TOO_LARGE else "deferred")
                return incoming.refusal
            sender = None if envelope.mail_from in (None, "<>") else _text(str(envelope.mail_from))
            recipients = tuple(map(_text, envelope.rcpt_tos))
            return await self._answer_to(Delivered(raw, sender, recipients, self._desk.clock.now()))
        finally:
            incoming.drop()

    async def _answer_to(self, delivered: Delivered) -> str:
        try:
            is_kept = await asyncio.wait_for(asyncio.wrap_future(self._desk.receive(delivered)), self._desk.line.wait_s)
        except TimeoutError:
            is_kept = False
        if not is_kept:
            self._desk.count("deferred")
        return OK if is_kept else LATER

    async def _read_message(self, incoming: _Incoming) -> None:
        """Up to the line with the dot; what follows it is put back, as the next commands may come with it."""
        rest = None
        while rest is None:
            chunk = await self._reader.read(_READ)
            if not chunk:
                raise ConnectionResetError
            rest = incoming.take(chunk)
        if rest:  # the buffer is empty: more was asked for than it can hold
            self._reader.feed_data(rest)


class LmtpSession(JournalSession, LMTP):
    """One connection that speaks LMTP: an answer for each recipient."""

    def _answers(self, envelope: Envelope) -> int:
        return len(envelope.rcpt_tos)


def _path_in(arg: str) -> tuple[str | None, str]:
    """The path of a MAIL or RCPT command, without the route of old, and the parameters behind it. None: there is no path."""
    match = _PATH.fullmatch(arg.strip())
    if match is None:
        return None, ""
    angled, rest, bare, bare_rest = match.groups()
    if bare is not None:
        return bare, bare_rest
    return _ROUTE.sub("", angled, count=1) if angled.startswith("@") else angled or "<>", rest


class _Incoming:
    """A message as it arrives."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._buffer = bytearray(b"\r\n")  # so that a dot in the first line is one at the start of a line
        self._held = 0
        self.refusal: str | None = None

    def take(self, chunk: bytes) -> bytes | None:
        """Add what arrived. What came after the message's end; None while it has not ended."""
        begin = max(0, len(self._buffer) - len(_END) + 1)
        self._buffer += chunk
        end = self._buffer.find(_END, begin)
        rest = None
        if end >= 0:
            rest = bytes(self._buffer[end + len(_END) :])
            del self._buffer[end + 2 :]
        self._weigh()
        return rest

    def _weigh(self) -> None:
        desk, size = self._desk, len(self._buffer)
        if self.refusal is None:
            desk.held_bytes += size - self._held
            self._held = size
            if size > desk.line.size_limit_bytes * (1 + _DOTS) + 2 * len(_END):
                self.refusal = TOO_LARGE
            elif desk.held_bytes > desk.line.most_held_bytes:
                self.refusal = FULL
        if self.refusal is not None:
            self.drop()
            del self._buffer[: max(0, size - len(_END) + 1)]

    def message(self) -> bytes:
        """The bytes that the sender meant: without the dots that were added at the start of lines. Empty where refused."""
        del self._buffer[: 3 if self._buffer.startswith(b"\r\n.") else 2]
        raw = bytes(self._buffer)
        self._buffer.clear()  # first, so that there are never more than two of a large message
        raw = raw.replace(b"\r\n.", b"\r\n")
        if self.refusal is None and len(raw) > self._desk.line.size_limit_bytes:
            self.refusal = TOO_LARGE
        return raw

    def drop(self) -> None:
        """It is held no more."""
        self._desk.held_bytes -= self._held
        self._held = 0


def _text(address: str) -> str:
    return address.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
