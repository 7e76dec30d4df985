"""Faults of an HTTP server, made on purpose: it answers 500 or 503 for a while, as busy services do."""

from __future__ import annotations

import http.client
import ssl
import threading
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "expect", "te", "trailer", "upgrade"}
_METHODS = ("GET", "PUT", "POST", "HEAD", "DELETE", "OPTIONS", "PATCH")


@dataclass(frozen=True)
class Fault:
    """An answer given in place of the server's, to so many matching requests."""

    status: int
    times: int
    method: str | None = None
    path: str = "/"
    query: str = ""
    retry_after_s: int | None = None
    body: bytes = b""
    after: int = 0
    """How many matching requests are answered in good order before."""
    after_server: bool = False
    """Whether the server does the work first: the client only loses the answer."""

    def matches(self, method: str, target: str) -> bool:
        """Whether this request is meant."""
        path, _, query = target.partition("?")
        return self.times > 0 and self.method in (None, method) and path.startswith(self.path) and self.query in query


class HttpFaults:
    """Stands before an HTTP server, speaks plain HTTP, and hands on every request word for word. Use as a context manager.

    The Host header stays the client's, so that signed requests stay valid.
    """

    def __init__(self, target_url: str, ca_file: Path | None = None) -> None:
        self._target = urlsplit(target_url)
        self._context = ssl.create_default_context(cafile=str(ca_file)) if self._target.scheme == "https" else None
        self._guarded = threading.Lock()
        self._faults: list[Fault] = []
        self.requests: list[tuple[str, str, int]] = []
        """Method, target and status of every request, in order of their answers."""
        handler = type("Handler", (_Handler,), {"faults": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def fail(self, status: int, times: int = 1, **matching: Any) -> None:
        """Answer `status` to the next requests that match; `matching` are the other fields of Fault."""
        with self._guarded:
            self._faults.append(Fault(status, times, **matching))

    def mend(self) -> None:
        """Forget every fault that is left."""
        with self._guarded:
            self._faults.clear()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def next_fault(self, method: str, target: str) -> Fault | None:
        """The fault for this request, counted as used."""
        with self._guarded:
            for number, fault in enumerate(self._faults):
                if fault.matches(method, target) and fault.after:
                    self._faults[number] = replace(fault, after=fault.after - 1)
                elif fault.matches(method, target):
                    self._faults[number] = replace(fault, times=fault.times - 1)
                    return fault
        return None

    def note(self, method: str, target: str, status: int) -> None:
        """Remember the answer."""
        with self._guarded:
            self.requests.append((method, target, status))

    def ask_server(
        self, method: str, target: str, body: bytes, headers: dict[str, str]
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        """Status, headers and body of the real answer."""
        where, port = self._target.hostname or "", self._target.port
        connection = (
            http.client.HTTPSConnection(where, port, timeout=60, context=self._context)
            if self._context
            else http.client.HTTPConnection(where, port, timeout=60)
        )
        try:
            connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
            for name, value in headers.items():
                connection.putheader(name, value)
            connection.endheaders(body or None)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()


class _Handler(BaseHTTPRequestHandler):
    """One client's connection."""

    faults: HttpFaults
    protocol_version = "HTTP/1.1"

    def handle_any(self) -> None:
        """Answer one request, by the server or by a fault."""
        body = self._body()
        fault = self.faults.next_fault(self.command, self.path)
        if fault is None or fault.after_server:
            kept = {name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP}
            if body:
                kept["Content-Length"] = str(len(body))
            try:
                status, headers, answer = self.faults.ask_server(self.command, self.path, body, kept)
            except OSError:
                status, headers, answer = int(http.client.BAD_GATEWAY), [], b""
        if fault:
            pause = [] if fault.retry_after_s is None else [("Retry-After", str(fault.retry_after_s))]
            status, headers, answer = fault.status, pause, fault.body
        self.faults.note(self.command, self.path, status)
        self._answer(status, headers, answer)

    def log_message(self, *_told: object) -> None:
        """Say nothing."""

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            return b"".join(iter(self._chunk, b""))
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _chunk(self) -> bytes:
        size = int(self.rfile.readline().partition(b";")[0], 16)
        chunk = self.rfile.read(size)
        self.rfile.readline()
        return chunk

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response_only(status)
        is_head = self.command == "HEAD"
        left_out = _HOP_BY_HOP if is_head else _HOP_BY_HOP | {"content-length"}
        for name, value in headers:
            if name.lower() not in left_out:
                self.send_header(name, value)
        if not is_head and status not in (http.client.NO_CONTENT, http.client.NOT_MODIFIED):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if not is_head:
            self.wfile.write(body)


for _method in _METHODS:
    setattr(_Handler, f"do_{_method}", _Handler.handle_any)
