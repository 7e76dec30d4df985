"""The connections to one server: httpcore, which is what httpx rests on. Above it each message costs twice the time."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Mapping
from io import BytesIO
from urllib.parse import quote, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import httpcore
import httpx

from connectors.mailboxes.graph.errors import BrokenAnswer, GraphError

_USUAL = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "capstone-archive"}
"""Messages are nearly all of what comes, and packing them in would cost more than it saves."""
_STANDS = "!#$%&'()*+,/:;=?@[]~"
"""What may stand in an address beside letters, digits, `_`, `.` and `-` (RFC 3986, 2)."""


class Line:
    """Safe to use from several threads. It keeps no cookies, and goes where it is told: no redirect is followed."""

    def __init__(self, url: str, trust: ssl.SSLContext, connections: int, timeouts: Mapping[str, float | None]) -> None:
        """`url` names the server; `timeouts` are of `connect`, `read`, `write` and `pool`, in seconds. A proxy that the
        environment names is gone through. Raises ValueError for one that cannot be used."""
        self._extensions = {"timeout": dict(timeouts)}
        self._usual = [("Host", urlsplit(url).netloc), *_USUAL.items()]
        self._pool = _pool(proxy_for(url), trust, connections)

    def exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: object, most_bytes: int, may_go_on: Callable[[], None]
    ) -> tuple[int, httpx.Headers, bytes]:
        """Status, headers and body of the answer. `may_go_on` is called for each part of the body.

        Raises GraphError (413) for a body that is larger, BrokenAnswer for one that is packed and for an address that is none,
        and what `may_go_on` and httpcore raise.
        """
        if not url.isprintable():
            raise BrokenAnswer  # a link that the server gave
        content, told = None, [*self._usual, *headers.items()]
        if body is not None:
            content = json.dumps(body).encode()
            told += [("Content-Type", "application/json"), ("Content-Length", str(len(content)))]
        gathered = BytesIO()
        target = quote(url, safe=_STANDS)
        with self._pool.stream(method, target, headers=told, content=content, extensions=self._extensions) as response:
            for part in response.iter_stream():
                may_go_on()
                if gathered.tell() + len(part) > most_bytes:
                    raise GraphError(413, "tooLarge")
                gathered.write(part)
        answered = httpx.Headers(response.headers)
        if answered.get("content-encoding", "identity").lower() != "identity":
            raise BrokenAnswer
        return response.status, answered, gathered.getvalue()

    def close(self) -> None:
        """End every connection."""
        self._pool.close()


def proxy_for(url: str) -> str | None:
    """The proxy that the environment names for a server (`HTTPS_PROXY`, `ALL_PROXY`, less `NO_PROXY`)."""
    parts = urlsplit(url)
    if proxy_bypass(parts.netloc):
        return None
    named = getproxies()
    proxy = named.get(parts.scheme) or named.get("all")
    return proxy if proxy is None or "://" in proxy else f"http://{proxy}"


def _pool(proxy: str | None, trust: ssl.SSLContext, connections: int) -> httpcore.ConnectionPool:
    if proxy is None:
        return httpcore.ConnectionPool(trust, max_connections=connections, max_keepalive_connections=connections)
    parts = urlsplit(proxy)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("no proxy of HTTP")
    where = httpcore.URL(scheme=parts.scheme, host=parts.hostname, port=parts.port, target="/")
    user = (unquote(parts.username or ""), unquote(parts.password or "")) if parts.username else None
    return httpcore.HTTPProxy(
        where, proxy_auth=user, ssl_context=trust, max_connections=connections, max_keepalive_connections=connections
    )
