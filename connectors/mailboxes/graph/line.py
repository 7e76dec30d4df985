"""The connections to one server: httpx's transport without its client, whose layers take as long again for each message."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from contextlib import closing
from io import BytesIO
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from connectors.mailboxes.graph.errors import GraphError


class Line:
    """Safe to use from several threads. It keeps no cookies, and goes where it is told: no redirect is followed."""

    def __init__(
        self, url: str, trust: ssl.SSLContext, limits: httpx.Limits, timeout: httpx.Timeout, headers: Mapping[str, str]
    ) -> None:
        """`url` names the server; `headers` are sent with every request. A proxy that the environment names is gone through.

        Raises ValueError and ImportError for a proxy that cannot be used.
        """
        self._transport = httpx.HTTPTransport(verify=trust, limits=limits, proxy=proxy_for(url))
        self._extensions = {"timeout": timeout.as_dict()}
        self._headers = dict(headers)

    def exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: object, most_bytes: int, may_go_on: Callable[[], None]
    ) -> tuple[int, httpx.Headers, bytes]:
        """Status, headers and decoded body of the answer. `may_go_on` is called for each part of the body.

        Raises GraphError (413) for a body that is larger, what `may_go_on` and httpx raise.
        """
        request = httpx.Request(method, url, headers={**self._headers, **headers}, json=body, extensions=self._extensions)
        gathered = BytesIO()
        with closing(self._transport.handle_request(request)) as response:
            for part in response.iter_bytes():
                may_go_on()
                if gathered.tell() + len(part) > most_bytes:
                    raise GraphError(413, "tooLarge")
                gathered.write(part)
        return response.status_code, response.headers, gathered.getvalue()

    def close(self) -> None:
        """End every connection."""
        self._transport.close()


def proxy_for(url: str) -> str | None:
    """The proxy that the environment names for a server (`HTTPS_PROXY`, `ALL_PROXY`, less `NO_PROXY`)."""
    parts = urlsplit(url)
    if proxy_bypass(parts.netloc):
        return None
    named = getproxies()
    proxy = named.get(parts.scheme) or named.get("all")
    return proxy if proxy is None or "://" in proxy else f"http://{proxy}"
