"""An Exchange server for tests: Exchange Web Services over real HTTP, mailboxes in memory, faults by switch.

It follows the published pages that ews_answers.py names, closely enough that exchangelib cannot tell. It never changes a mailbox:
a request that would is refused and stands in `writes`, which every test compares with nothing.
"""

from __future__ import annotations

import re
import ssl
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

from lxml import etree

from tests.servers import ews_answers as answers
from tests.servers.ews_mailboxes import Box, Mailbox
from tests.servers.ews_operations import READS, answer_to
from tests.servers.ews_sign_in import SignIn, token_answer

EWS_PATH, AUTODISCOVER_PATH = "/EWS/Exchange.asmx", "/autodiscover/autodiscover.svc"


@dataclass
class Answer:
    """An answer in place of the real one. `is_cut`: the line ends instead."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    is_cut: bool = False
    sends_only: int = 0
    """The line ends behind so many bytes of the body."""
    waits_for: threading.Event | None = None
    """Nothing is answered before this is set."""


@dataclass
class EwsState:
    """What the server knows, and what was asked of it."""

    mailboxes: dict[str, Mailbox] = field(default_factory=dict)
    lists: dict[str, tuple[Box, ...]] = field(default_factory=dict)
    """Distribution lists by address."""
    sign_in: SignIn = field(default_factory=SignIn)
    impersonators: set[str] = field(default_factory=lambda: {"service"})
    delegates: set[tuple[str, str]] = field(default_factory=set)
    """(user, address of a mailbox that the user may open)."""
    script: dict[str, deque[Answer]] = field(default_factory=lambda: defaultdict(deque))
    """Answers that the next requests of an operation get."""
    has_other_boundaries: bool = False
    """MIME differs at each fetch."""
    gives_mime_as_published: bool = False
    """MIME is refused for kinds of items of which the published pages say so."""
    redirects: dict[str, str] = field(default_factory=dict)
    """Autodiscover: address to URL or other address."""
    told_urls: dict[str, str] = field(default_factory=dict)
    """Autodiscover: addresses of the service by setting, in place of the true one."""
    most_bytes: int = 1 << 40
    """A GetItem for more than this many bytes is answered as too large."""
    never_gives: set[str] = field(default_factory=set)
    """A GetItem that asks for one of these items gets a fault."""
    refused: dict[str, tuple[str, frozenset[str]]] = field(default_factory=dict)
    """By operation: an error code, and the ids of the folders about which it is answered."""
    altered: dict[str, tuple[bytes, bytes]] = field(default_factory=dict)
    """By operation: a pattern, and what its true answers have in place of each match. One that never matches is an error."""
    alterations: Counter[str] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)
    refusals: int = 0
    """Requests of nobody who may come in."""
    batches: list[int] = field(default_factory=list)
    """How many items each GetItem asked for."""
    writes: list[str] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    url: str = ""
    before: Callable[[str], None] = lambda _operation: None
    """Called before each answer, to change a mailbox between two requests."""

    def fail(self, operation: str, *given: Answer) -> None:
        self.script[operation].extend(given)


def busy(back_off_ms: int | None) -> Answer:
    """The fault of a throttled user: https://learn.microsoft.com/exchange/client-developer/exchange-web-services/ews-throttling-in-exchange"""
    return Answer(answers.fault("ErrorServerBusy", back_off_ms), status=500)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    @property
    def state(self) -> EwsState:
        return cast("_Server", self.server).state

    def setup(self) -> None:
        super().setup()
        self.dance: Any = None
        self.user: str | None = None

    def do_GET(self) -> None:
        document = token_answer(self.state.sign_in, self.path, b"", self._base())
        self._send(*(document or (404, b"")))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if (token := token_answer(self.state.sign_in, self.path, body, self._base())) is not None:
            self._send(*token)
            return
        if self.path.lower() not in (EWS_PATH.lower(), AUTODISCOVER_PATH):
            self._send(404, b"")
            return
        user, challenges = self.state.sign_in.user_of(self)
        if user is None:
            self.state.refusals += 1
            self._send(401, b"", *(("WWW-Authenticate", one) for one in challenges))
            return
        with self._counted():
            self._answer(user, etree.fromstring(body, etree.XMLParser(resolve_entities=False)))

    def _answer(self, user: str, request: Any) -> None:
        """What would write is refused by a fault: web-service-reference/responsecode, ErrorAccessDenied."""
        asked = next(one for one in request if etree.QName(one).localname == "Body")[0]
        operation = etree.QName(asked).localname.removesuffix("RequestMessage")
        state = self.state
        with state.lock:
            state.asked[operation] += 1
            state.before(operation)
            scripted = state.script[operation].popleft() if state.script[operation] else None
            if operation not in READS:
                state.writes.append(operation)
        if scripted is not None:
            self._scripted(scripted)
            return
        if operation not in READS:
            self._send(500, answers.fault("ErrorAccessDenied"))
            return
        code, folders = state.refused.get(operation, ("", frozenset()))
        if folders & {str(one.get("Id")) for one in asked.iter("{*}FolderId", "{*}DistinguishedFolderId")}:
            self._send(200, answers.response(operation, [answers.error(operation, code)]))
            return
        status, body = answer_to(state, user, operation, request, asked)
        if operation in state.altered:
            body, number = re.subn(*state.altered[operation], body)
            state.alterations[operation] += number
        self._send(status, body)

    def _scripted(self, given: Answer) -> None:
        if given.waits_for is not None:
            given.waits_for.wait(60)
        if given.is_cut:
            self.close_connection = True
            self.connection.close()
            return
        if given.sends_only:
            self.send_response(200)
            self.send_header("Content-Length", str(len(given.body)))
            self.end_headers()
            self.wfile.write(given.body[: given.sends_only])
            self.close_connection = True
            return
        self._send(given.status, given.body, *given.headers.items())

    @contextmanager
    def _counted(self) -> Iterator[None]:
        state = self.state
        with state.lock:
            state.at_once += 1
            state.most_at_once = max(state.most_at_once, state.at_once)
        try:
            yield
        finally:
            with state.lock:
                state.at_once -= 1

    def _send(self, status: int, body: bytes, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        kind = "application/json" if body[:1] == b"{" else "text/xml; charset=utf-8"
        for name, value in (("Content-Type", kind), ("Content-Length", str(len(body))), *headers):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _base(self) -> str:
        return self.state.url.removesuffix(EWS_PATH)

    def log_message(self, *_args: object) -> None:
        """Tests are quiet."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    state: EwsState

    def handle_error(self, _request: object, _address: object) -> None:
        """Clients that end the line are part of the tests."""


@contextmanager
def ews_server(context: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> Iterator[EwsState]:
    """A server that runs for as long as the block lasts."""
    server = _Server((host, 0), _Handler)
    server.state = state = EwsState()
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    scheme = "https" if context else "http"
    name = "localhost" if context else host
    state.url = f"{scheme}://{name}:{server.server_port}{EWS_PATH}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert all(state.alterations[operation] for operation in state.altered), "nothing of an answer was altered"


def wait_until(holds: Callable[[], bool], limit_s: float = 20) -> None:
    """Wait for something that other threads do."""
    end = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < end
        threading.Event().wait(0.005)
