"""A server that speaks Microsoft Graph (mail) and the token endpoint of Entra ID, over TLS on loopback.

Every answer follows a published page of learn.microsoft.com, named where it is made. Whatever would write is refused and noted
in `writes`; faults are switched on by `fail`. In-place archives answer under their MBX id on v1.0, as the service does.
"""

from __future__ import annotations

import json
import re
import ssl
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from servers.certificates import Certificates
from tests.servers.graph_server_answers import PAGE, TENANT, Answer, Request, error
from tests.servers.graph_server_mailboxes import GraphMailbox

_PART = b"x" * 65_536


@dataclass
class Fault:
    """What to answer instead, for requests whose path and query match."""

    match: re.Pattern[str]
    times: int | None
    status: int = 503
    code: str = "ServiceUnavailable"
    headers: Mapping[str, str] = field(default_factory=dict)
    after: int = 0
    """So many matching requests are answered rightly before."""
    cuts: bool = False
    """Begin the right answer and cut the line in its middle."""
    garbles: bool = False
    """Answer 200 with JSON that ends too early."""
    stall: Callable[[], object] | None = None
    """Call it before answering rightly."""
    body: Any = None
    """Answer with this, JSON or bytes."""
    ends_after: int | None = None
    """Begin the right answer without saying how long it is, and end the line after so many bytes of it."""

    @property
    def is_of_the_line(self) -> bool:
        """Whether the right answer is made and spoilt on its way."""
        return self.cuts or self.garbles or self.ends_after is not None


class GraphServer:
    """Starts at once on a free port; `close` ends it."""

    def __init__(self, certificates: Certificates) -> None:
        self.mailboxes: dict[str, GraphMailbox] = {}
        self.writes: list[str] = []
        self.asked: list[str] = []
        """Method and path with query of every request, those in batches too."""
        self.plain_ids = 0
        """Requests that did not ask for immutable ids."""
        self.most_at_once = 0
        self.tokens: set[str] = set()
        self.assertions: list[Mapping[str, list[str]]] = []
        """What the token endpoint was sent."""
        self.page_most = 1000
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        self._now = 0
        self._http = _Http(("127.0.0.1", 0), _Handler)
        self._http.graph = self
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates.certificate, certificates.key)
        self._http.context = context
        self.ca_file = certificates.ca_file
        self.url = self.links_url = f"https://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def mailbox(self, address: str) -> GraphMailbox:
        if address not in self.mailboxes:
            self.mailboxes[address] = GraphMailbox(address)
        return self.mailboxes[address]

    def archive_of(self, address: str) -> GraphMailbox:
        """The user's in-place archive, made where there is none."""
        mailbox = self.mailbox(address)
        if mailbox.archive is None:
            mailbox.archive = self.mailbox(f"MBX:{len(self.mailboxes):08x}@{TENANT}")
        return mailbox.archive

    def fail(self, match: str, times: int | None = 1, **fault: Any) -> Fault:
        made = Fault(re.compile(match), times, **fault)
        self._faults.append(made)
        return made

    def mend(self) -> None:
        self._faults.clear()

    def count(self, match: str) -> int:
        return sum(re.search(match, one) is not None for one in self.asked)

    # --- one request ---------------------------------------------------------------------------

    @contextmanager
    def counted(self) -> Iterator[None]:
        with self._lock:
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
        try:
            yield
        finally:
            with self._lock:
                self._now -= 1

    def fault_for(self, target: str) -> Fault | None:
        with self._lock:
            for fault in self._faults:
                if fault.match.search(target) and fault.times != 0:
                    if fault.after:
                        fault.after -= 1
                        continue
                    if fault.times is not None:
                        fault.times -= 1
                    return fault
        return None

    def token(self, form: Mapping[str, list[str]]) -> Answer:
        """/entra/identity-platform/v2-oauth2-client-creds-grant-flow, 'Successful response' and 'Error response'."""
        self.assertions.append(form)
        is_known = form.get("client_secret") == ["right"] or "client_assertion" in form
        if form.get("grant_type") != ["client_credentials"] or not is_known:
            told = {
                "error": "invalid_client",
                "error_description": "AADSTS7000215: Invalid client secret.",
                "error_codes": [7000215],
            }
            return Answer(401, told)
        made = f"token-{len(self.assertions)}"
        self.tokens.add(made)
        return Answer(200, {"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599, "access_token": made})

    def discovery(self, tenant: str) -> Answer:
        """/entra/identity-platform/v2-protocols-oidc, 'Sample response'."""
        base = f"{self.url}/{tenant}"
        told = {"token_endpoint": f"{base}/oauth2/v2.0/token", "authorization_endpoint": f"{base}/oauth2/v2.0/authorize"}
        return Answer(200, told | {"issuer": f"{base}/v2.0", "jwks_uri": f"{base}/discovery/v2.0/keys"})

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: Any = None) -> Answer:
        """One request of Graph, alone or within a batch. A fault that was switched on has the body of /graph/errors; 429 and 503
        with Retry-After as /graph/throttling says."""
        self.asked.append(f"{method} {target}")
        if (fault := self.fault_for(target)) is not None:
            if fault.stall is not None:
                fault.stall()
            elif not fault.is_of_the_line:
                body = error(fault.code) if fault.body is None else fault.body
                return Answer(fault.status, body, fault.headers)
        return self._right(method, target, headers, body)

    def _right(self, method: str, target: str, headers: Mapping[str, str], body: Any) -> Answer:
        # OData takes a key as a part of the path or in brackets.
        parts = urlsplit(re.sub(r"\('([^']*)'\)", r"/\1", target))
        version, *path = [unquote(one) for one in parts.path.strip("/").split("/")]
        query = {key: values[0] for key, values in parse_qs(parts.query, keep_blank_values=True).items()}
        prefer = headers.get("prefer", "")
        immutable = 'idtype="immutableid"' in prefer.lower()
        self.plain_ids += not immutable
        if method == "POST" and path == ["$batch"]:
            return self._batch(version, body)
        if method != "GET" and not (method == "POST" and path[-1:] == ["translateExchangeIds"]):
            self.writes.append(f"{method} {target}")
            # /graph/errors: 'The HTTP method in the request isn't allowed on the resource'.
            return Answer(405, error("MethodNotAllowed"))
        mailbox = next((one for name, one in self.mailboxes.items() if path[1:2] and name.lower() == path[1].lower()), None)
        if path[:1] != ["users"] or mailbox is None:
            # /graph/errors; the code is the one that Exchange Online sends for an address without a mailbox.
            return Answer(404, error("ErrorInvalidUser"))
        size = re.search(r"odata\.maxpagesize=(\d+)", prefer)
        request = Request(
            self.links_url,
            mailbox, f"/{version}/users/{quote(path[1], safe='@:')}", query, immutable,
                           min(int(size[1]) if size else PAGE, self.page_most))  # fmt: skip
        return request.answer(version, path[2:], body)

    def _batch(self, version: str, body: Any) -> Answer:
        """/graph/json-batching: up to 20 requests, answers in any order, bodies of other types in base64."""
        if len(body["requests"]) > 20:
            return Answer(400, error("BadRequest"))
        responses = []
        for one in reversed(body["requests"]):
            given = {key.lower(): value for key, value in one.get("headers", {}).items()}
            answer = self.answer(one["method"], f"/{version}{one['url']}", given, one.get("body"))
            told = b64encode(answer.body).decode() if isinstance(answer.body, bytes) else answer.body
            responses.append({"id": one["id"], "status": answer.status, "headers": dict(answer.headers), "body": told})
        return Answer(200, {"responses": responses})


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    graph: GraphServer
    context: ssl.SSLContext

    def finish_request(self, request: Any, client_address: Any) -> None:
        """TLS begins in the thread of the connection, so that nobody waits for a client that says nothing."""
        try:
            with self.context.wrap_socket(request, server_side=True) as encrypted:
                self.RequestHandlerClass(encrypted, client_address, self)  # type: ignore[arg-type]
        except OSError:
            return


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Http

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""

    def _serve(self) -> None:
        graph = self.server.graph
        length = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(length)
        with graph.counted():
            answer = self._answer(graph, raw)
        self._send(answer, self._fault)

    def _answer(self, graph: GraphServer, raw: bytes) -> Answer:
        path = urlsplit(self.path).path
        self._fault: Fault | None = None
        if path.endswith("/v2.0/.well-known/openid-configuration"):
            return graph.discovery(path.split("/")[1])
        if path.endswith("/oauth2/v2.0/token"):
            graph.asked.append(f"{self.command} {self.path}")
            if (fault := graph.fault_for(self.path)) is not None:
                return Answer(fault.status, {"error": fault.code} if fault.body is None else fault.body, fault.headers)
            return graph.token(parse_qs(raw.decode()))
        if self.headers.get("Authorization", "").removeprefix("Bearer ") not in graph.tokens:
            # /graph/resolve-auth-errors, '401 Unauthorized'.
            graph.asked.append(f"{self.command} {self.path}")
            return Answer(401, error("InvalidAuthenticationToken"), {"WWW-Authenticate": "Bearer"})
        cutting = next(
            (one for one in graph._faults if one.is_of_the_line and one.times != 0 and one.match.search(self.path)), None
        )
        self._fault = cutting
        body = json.loads(raw) if raw else None
        headers = {key.lower(): ", ".join(self.headers.get_all(key) or ()) for key in self.headers}
        return graph.answer(self.command, self.path, headers, body)

    def _send(self, answer: Answer, fault: Fault | None) -> None:
        body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
        if fault is not None and fault.garbles:
            body = b'{"value":['
        self.send_response(answer.status)
        headers = {"Content-Type": "application/json", "Content-Length": str(answer.stream or len(body)), **answer.headers}
        if fault is not None and fault.ends_after is not None:
            del headers["Content-Length"]
            body = body[: fault.ends_after]
            self.close_connection = True
        for key, value in headers.items():
            self.send_header(key, value)
        self.end_headers()
        if answer.stream:
            left = answer.stream - self.wfile.write(body)
            while left:
                left -= self.wfile.write(_PART[:left])
            return
        if fault is not None and fault.cuts:
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
            return
        self.wfile.write(body)
        self.wfile.flush()

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _serve  # noqa: N815 named by the standard library

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The Date of every answer; mailboxes may live at another time than this machine."""
        moments = [mailbox.now.timestamp() for mailbox in self.server.graph.mailboxes.values()]
        return formatdate(max(moments, default=time.time()), usegmt=True)
