"""Tokens of an application, by msal: with a certificate or a secret, kept until shortly before they run out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from capstone.domain.errors import SourceRefused
from connectors.mailboxes.graph.answers import json_or_none, seconds_in
from connectors.mailboxes.graph.errors import BrokenAnswer, GraphError, TokenRefused

_EARLY_S = 300
"""A token is renewed so long before it runs out; one that lives for less than twice as long, at half its life."""


@dataclass(frozen=True, slots=True)
class GraphLogin:
    """Which application reads. A secret, or a PEM file that holds a certificate and its private key."""

    tenant: str
    client_id: str
    secret: str | None = field(default=None, repr=False)
    certificate_file: Path | None = None


class Tokens:
    """The application's token for one server; the same for all threads."""

    def __init__(
        self, authority: str, resource: str, login: GraphLogin, http: httpx.Client,
        *, lock: AbstractContextManager[object] | None = None, monotonic: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        """`resource` is Graph's own address: permissions are those granted for it. `lock` lets one thread ask at a time."""
        self._authority = f"{authority.rstrip('/')}/{login.tenant}"
        self._scope, self._login, self._http = f"{resource}/.default", login, _MsalHttp(http)
        self._lock, self._monotonic = lock or threading.Lock(), monotonic
        self._app: Any = None
        self._token, self._until = "", 0.0
        self._failures, self._failure = 0, GraphError(503, "token")

    def current(self) -> str:
        """A token that is good for a while. Raises SourceRefused, TokenRefused, GraphError, BrokenAnswer, and what the line
        raises."""
        failures = self._failures
        with self._lock:
            if self._monotonic() >= self._until:
                self._renew_unless_failed(failures)
            return self._token

    def renewed(self, refused: str) -> str:
        """Another token than the one that was refused, whatever that one's time."""
        failures = self._failures
        with self._lock:
            if self._token == refused:
                self._renew_unless_failed(failures)
            return self._token

    def _renew_unless_failed(self, failures: int) -> None:
        """Who waited while another was told to wait is told so too, and does not ask at once."""
        if failures != self._failures:
            raise GraphError(self._failure.status, self._failure.code, self._failure.pause_s)
        try:
            self._renew()
        except GraphError as exc:
            self._failures, self._failure = failures + 1, exc
            raise

    def _renew(self) -> None:
        from jwt import PyJWTError

        try:
            told = self._asked_anew()
        except (ValueError, TypeError, OverflowError, PyJWTError) as exc:
            why = "The application cannot sign in: its certificate or key, the tenant or the authority's address cannot be used."
            raise SourceRefused(why, "certificate_file is PEM: a certificate and its RSA key without passphrase.") from exc
        if "access_token" not in told:
            raise TokenRefused(str(told.get("error", "")), str(told.get("error_description", "")))
        token = told["access_token"]
        if not (isinstance(token, str) and token.isascii() and token.isprintable()):
            raise BrokenAnswer
        self._token = token
        life = max(0.0, float(told.get("expires_in", 0)))
        self._until = self._monotonic() + max(life - _EARLY_S, life / 2)

    def _asked_anew(self) -> Mapping[str, Any]:
        from msal import ConfidentialClientApplication  # type: ignore[import-untyped]

        if self._app is None:
            # Without instance discovery no other host is asked than the authority that the settings name.
            self._app = ConfidentialClientApplication(
                self._login.client_id,
                client_credential=_credential(self._login),
                authority=self._authority,
                instance_discovery=False,
                http_client=self._http,
            )
        self._app.remove_tokens_for_client()
        told: Mapping[str, Any] = self._app.acquire_token_for_client([self._scope])
        return told


def _credential(login: GraphLogin) -> object:
    if login.certificate_file is None:
        return login.secret
    try:
        pem = login.certificate_file.read_text()
    except (OSError, UnicodeDecodeError) as exc:
        raise SourceRefused("The certificate_file of this source cannot be read.", "Give a PEM file.") from exc
    # msal computes the thumbprint (SHA-256) from the certificate.
    return {"private_key": pem, "public_certificate": pem}


class _MsalHttp:
    """The same line for msal: same trusted authority, same time limits."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def get(self, url: str, *, params: Any = None, headers: Any = None, **_more: object) -> httpx.Response:
        return _answered(self._http.get(url, params=params, headers=headers))

    def post(self, url: str, *, params: Any = None, data: Any = None, headers: Any = None, **_more: object) -> httpx.Response:
        # httpx would write bytes, as msal gives an assertion, as Python shows them.
        plain = {key: value.decode() if isinstance(value, bytes) else value for key, value in (data or {}).items()}
        return _answered(self._http.post(url, params=params, data=plain, headers=headers))

    def close(self) -> None:
        """The line belongs to the session."""


def _answered(response: httpx.Response) -> httpx.Response:
    """Raises GraphError and BrokenAnswer where asking again may help: msal would keep a refusal and give it again, and log
    what it cannot read, which may be the most of a token."""
    if response.status_code == 429 or response.status_code >= 500:
        raise GraphError(response.status_code, "token", seconds_in(response.headers.get("retry-after")))
    if not isinstance(json_or_none(response.content), dict):
        raise BrokenAnswer
    return response
