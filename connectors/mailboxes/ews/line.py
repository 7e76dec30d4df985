"""The line to an Exchange server: exchangelib's sessions with a trust, timeouts and a way to sign in of their own.

exchangelib keeps trust and timeouts in classes, for the whole process; here they belong to one source. It also caches sessions
by server and user, which is left out: a source closes what it opened.
"""

from __future__ import annotations

import logging
import socket
import ssl
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from exchangelib import errors as ews
from exchangelib.configuration import Configuration
from exchangelib.protocol import BaseProtocol, FaultTolerance
from exchangelib.transport import NOAUTH
from exchangelib.version import EXCHANGE_2013_SP1, Version
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from capstone.domain.errors import MissingSecret, SourceRefused
from connectors.mailboxes.ews.errors import Forbidden, NotThere

logging.getLogger("exchangelib").setLevel(logging.CRITICAL)
# It renders whole questions, answers and the headers that sign in; none belongs in a log. What goes wrong is raised.

_FIRST_VERSION = "Exchange2013_SP1"
"""What is asked for first; a server that is older says so, and exchangelib goes down from there."""


_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_CLEAR = "Passwords and tokens go over https only; plain http may be this machine's own addresses (127.0.0.1, localhost, ::1)."
_CLEAR_NEXT = "Give `url` and `authority` of this source with https, or correct what Autodiscover tells."


def keeps_secrets(url: str) -> bool:
    """Whether nobody on the way can read what is sent to this address."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom to believe, and how long to wait for the server."""

    ca_file: Path | None = None
    connect_timeout_s: float = 10
    timeout_s: float = 60

    @property
    def bundle(self) -> str | bool:
        """The certificates to trust: the given ones only, else those of the machine. Raises MissingSecret."""
        if self.ca_file is not None:
            if not self.ca_file.is_file():
                raise MissingSecret(f"The ca_file of this source, {self.ca_file.name!r}, is not there.", "Correct `ca_file`.")
            return str(self.ca_file)
        paths = ssl.get_default_verify_paths()
        return paths.cafile or paths.capath or True


class LineAdapter(HTTPAdapter):
    """Trusts whom its source trusts, whatever the environment says, and can end what is under way."""

    def __init__(self, trust: Trust, **more: Any) -> None:
        """As HTTPAdapter."""
        self._trust = trust
        self._open: weakref.WeakSet[Any] = weakref.WeakSet()
        super().__init__(**more)

    def send(self, request: Any, stream: bool = False, timeout: Any = None, *args: Any, **more: Any) -> requests.Response:
        """As HTTPAdapter, with the source's timeouts where none is given. Raises SourceRefused before a secret goes in clear."""
        if not keeps_secrets(str(request.url)):
            raise SourceRefused(f"{urlsplit(request.url).netloc} is no https address. {_CLEAR}", _CLEAR_NEXT)
        timeouts = timeout or (self._trust.connect_timeout_s, self._trust.timeout_s)
        return super().send(request, stream, timeouts, *args, **more)

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """As HTTPAdapter."""
        super().cert_verify(conn, url, self._trust.bundle, cert)

    def get_connection_with_tls_context(self, request: Any, verify: Any, proxies: Any = None, cert: Any = None) -> Any:
        """As HTTPAdapter; connections that the pool makes are remembered."""
        pool = super().get_connection_with_tls_context(request, self._trust.bundle, proxies, cert)
        if "ConnectionCls" not in vars(pool):
            pool.ConnectionCls = _remembering(pool.ConnectionCls, self._open.add)  # type: ignore[assignment]
        return pool

    def abort(self) -> None:
        """End what is under way: who waits for an answer gets an error."""
        for connection in list(self._open):
            line = getattr(connection, "sock", None)
            if line is not None:
                with suppress(OSError):
                    line.shutdown(socket.SHUT_RDWR)


def _remembering(make: Callable[..., Any], remember: Callable[[Any], None]) -> Callable[..., Any]:
    def connection(*args: Any, **more: Any) -> Any:
        made = make(*args, **more)
        remember(made)
        return made

    return connection


class OneTry(FaultTolerance):  # type: ignore[misc]
    """Tells what the server said, with its Retry-After, and tries nothing again: `EwsSession` decides that, within bounds."""

    @property
    def fail_fast(self) -> bool:
        """As FailFast."""
        return True

    def raise_response_errors(self, response: Any) -> None:
        """As RetryPolicy, which takes a refusal for a busy server where the server ends the line with it."""
        match response.status_code:
            case requests.codes.unauthorized:
                raise ews.UnauthorizedError("not signed in")
            case requests.codes.forbidden:
                raise Forbidden("not allowed")
            case requests.codes.not_found:
                raise NotThere("no such address")
            case requests.codes.too_many_requests:
                raise ews.ErrorServerBusy("throttled", back_off=_seconds(response.headers.get("Retry-After")))
            case requests.codes.service_unavailable if "Retry-After" in response.headers:
                raise ews.ErrorServerBusy("unavailable", back_off=_seconds(response.headers["Retry-After"]))
        super().raise_response_errors(response)


class Line(BaseProtocol):  # type: ignore[misc]
    """One connection to one server for one source."""

    def __init__(self, url: str, trust: Trust, auth: AuthBase) -> None:
        """Nothing is connected yet."""
        version = Version(build=EXCHANGE_2013_SP1, api_version=_FIRST_VERSION)
        super().__init__(
            Configuration(service_endpoint=url, auth_type=NOAUTH, version=version, retry_policy=OneTry(), max_connections=1)
        )
        self.TIMEOUT = (trust.connect_timeout_s, trust.timeout_s)
        self._trust, self.auth = trust, auth
        self._adapters: weakref.WeakSet[LineAdapter] = weakref.WeakSet()
        self.is_aborted = threading.Event()

    @property
    def version(self) -> Version:
        """What the server said last."""
        return self.config.version

    def get_auth_type(self) -> str:
        """None of exchangelib's: the session signs in by itself."""
        return str(NOAUTH)

    def create_session(self) -> requests.Session:
        """A new one, signed in at its first request."""
        adapter = LineAdapter(self._trust, pool_block=True, pool_connections=1, pool_maxsize=1, max_retries=0)
        self._adapters.add(adapter)
        session = session_with(adapter)
        session.headers.update({"Content-Type": "text/xml; charset=utf-8", "User-Agent": "capstone-archive"})
        session.auth = self.auth
        session.session_id, session.usage_count = 0, 0  # type: ignore[attr-defined]
        return session

    def close(self) -> None:
        """End the connection, and what signs in over one of its own."""
        super().close()
        if (close := getattr(self.auth, "close", None)) is not None:
            close()

    def abort(self) -> None:
        """End what is under way, and let nothing more begin."""
        self.is_aborted.set()
        for adapter in list(self._adapters):
            adapter.abort()


def session_with(adapter: HTTPAdapter) -> requests.Session:
    """A session that goes over this adapter only."""
    session = requests.Session()
    for scheme in ("https://", "http://"):
        session.mount(scheme, adapter)
    return session


def _seconds(text: str | None) -> float | None:
    """A Retry-After: seconds, or the moment until when (RFC 9110, 10.2.3)."""
    if not text or (text.isascii() and text.isdigit()):
        return float(text) if text else None
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return max(0.0, (until.replace(tzinfo=until.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
