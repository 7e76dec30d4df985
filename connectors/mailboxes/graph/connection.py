"""Microsoft Graph over HTTPS: tokens, at most so many requests at a time, bounded retries. Nothing that writes can be sent."""

from __future__ import annotations

import logging
import re
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, unquote, urlsplit

import httpx
import tenacity

from capstone.domain.errors import SourceRefused
from connectors.mailboxes.ahead import Stopped
from connectors.mailboxes.graph.answers import (
    code_in,
    is_told,
    json_in,
    json_or_none,
    list_or_none,
    mime_in,
    moment_in,
    seconds_in,
)
from connectors.mailboxes.graph.errors import NO_ANSWER, BrokenAnswer, GraphError, concerns_all, untrusted
from connectors.mailboxes.graph.line import Line
from connectors.mailboxes.graph.tokens import GraphLogin, Tokens
from connectors.mailboxes.losses import Losses

CLOUDS: Mapping[str, tuple[str, str]] = {
    "global": ("https://graph.microsoft.com", "https://login.microsoftonline.com"),
    "usgov": ("https://graph.microsoft.us", "https://login.microsoftonline.us"),
    "usgov-dod": ("https://dod-graph.microsoft.us", "https://login.microsoftonline.us"),
}
"""Cloud: where Graph answers, where tokens come from (/graph/deployments)."""

IMMUTABLE = 'IdType="ImmutableId"'
"""Asked for with every request, so that an item keeps its id when it moves to another folder."""

TRIES = 5
MOST_JSON_BYTES, MOST_MIME_BYTES = 64 * 1024**2, 512 * 1024**2
"""Larger answers are refused: Exchange Online takes messages up to 150 MB."""

LONGEST_PAUSE_S, _FIRST_PAUSE_S = 300.0, 1.0
BATCH = 20
"""Requests in one JSON batch (/graph/json-batching)."""

T = TypeVar("T")

_PASSING = (408, 409, 429)
"""Refusals that may pass, as every 5xx may."""

_MOVED = (301, 302, 307, 308)
_MOST_MOVES = 3
_OF_MAILBOX = re.compile(r"/(?:v1\.0|beta)/users(?:/|\(')([^/?]+?)(?:'\))?/")
_TALKERS = ("httpx", "httpcore")
"""They log the address of every request, in which mailboxes, messages and states are named."""


@dataclass(frozen=True, slots=True)
class GraphServer:
    """Where Graph is and how it is spoken to."""

    url: str
    authority: str
    resource: str
    """What permissions are granted for: the cloud's own address of Graph, also where a proxy stands before it."""
    ca_file: Path | None = None
    """The only authority trusted for both; None trusts those of the system."""
    connect_timeout_s: float = 10
    timeout_s: float = 60
    requests: int = 4
    """At a time; Graph bears four to a mailbox (/graph/throttling-limits)."""
    pause: Callable[[float], None] | None = field(default=None, repr=False)
    """Waits so many seconds; None: really."""

    @property
    def where(self) -> str:
        """For messages."""
        return urlsplit(self.url).netloc


class GraphSession:
    """One reader of one server. Safe to use from several threads; `abort` ends what they wait for."""

    def __init__(self, server: GraphServer, login: GraphLogin) -> None:
        """Nothing is connected yet. Raises SourceRefused for a ca_file or a proxy that cannot be used."""
        for name in _TALKERS:
            logging.getLogger(name).setLevel(logging.WARNING)
        self._server = server
        timeout = httpx.Timeout(server.timeout_s, connect=server.connect_timeout_s)
        trust = _trust(server)
        try:
            self._http = httpx.Client(verify=trust, timeout=timeout, trust_env=True)
            self._line = Line(server.url, trust, server.requests, timeout.as_dict())
        except (ValueError, ImportError, httpx.InvalidURL) as exc:
            why = f"The proxy that the environment names for the mail server {server.where} cannot be used."
            raise SourceRefused(why, "Set HTTPS_PROXY to the address of an HTTP proxy, or name the server in NO_PROXY.") from exc
        self._slots = threading.BoundedSemaphore(server.requests)
        self._gate = threading.Lock()
        self._stopped = threading.Event()
        self._answered_at: dict[str, str] = {}
        self._tokens = Tokens(server.authority, server.resource, login, self._http)
        self.server_time = 0.0
        """The server's clock at its last answer, in seconds since 1970; 0 before."""
        self._dated = ""

    def close(self) -> None:
        """End every connection."""
        self._stopped.set()
        self._line.close()
        self._http.close()

    def abort(self) -> None:
        """Nobody takes what is read any more: pauses end, bodies are not read to their end."""
        self._stopped.set()

    def get(self, path: str, prefer: str = "", *, version: str = "v1.0") -> dict[str, Any]:
        """The JSON of a GET. `path` is what follows the version, or a link as `relative` gives it."""
        return self._told("GET", _rooted(path, version), prefer)

    def content(self, path: str) -> bytes:
        """The bytes of a GET."""
        target = _rooted(path, "v1.0")
        try:
            return self._tried(lambda: mime_in(*self._ask("GET", target, "", None, MOST_MIME_BYTES)))
        finally:
            self._answered_at.pop(target, None)

    def mailbox_of(self, path: str) -> str | None:
        """The mailbox that answered the last `get` of that path: the one that it names, or one that the server sent us on to."""
        target = _rooted(path, "v1.0")
        return mailbox_in(self._answered_at.pop(target, target))

    def translated(self, mailbox: str, ids: Sequence[str]) -> dict[str, str]:
        """EWS ids of immutable ids as far as the server knows them. It changes nothing (/graph/api/user-translateexchangeids)."""
        body = {"inputIds": list(ids), "sourceIdType": "restImmutableEntryId", "targetIdType": "ewsId"}
        told = self._told("POST", f"/v1.0/users/{mailbox}/translateExchangeIds", "", body)
        pairs = [(one.get("sourceId"), one.get("targetId")) for one in list_or_none(told.get("value")) if isinstance(one, dict)]
        return {source: target for source, target in pairs if isinstance(source, str) and isinstance(target, str)}

    def get_all(self, paths: Sequence[str], losses: Losses | None = None) -> list[dict[str, Any] | GraphError]:
        """The JSON of many small GETs, up to 20 in one request, in their order. One that the batch does not answer is asked
        for alone. With `losses`, one at which the server fails every time does not keep the others back."""
        found: list[dict[str, Any] | GraphError] = []
        for begin in range(0, len(paths), BATCH):
            part = paths[begin : begin + BATCH]
            answers = self.answered(part) if len(part) > 1 else {}
            found += [answers[path] if path in answers else self._alone(path, losses) for path in part]
        return found

    def answered(self, paths: Sequence[str], prefer: str = "") -> dict[str, dict[str, Any] | GraphError]:
        """Of up to 20 small GETs in one request, those that are answered for good, by path. What is put off is waited for, and
        may be asked for alone."""
        headers = {"Prefer": _prefer(prefer)}
        asked = {str(number): path for number, path in enumerate(paths)}
        requests = [{"id": one, "method": "GET", "url": path, "headers": headers} for one, path in asked.items()]
        try:
            told = self._told("POST", "/v1.0/$batch", prefer, {"requests": requests})
        except GraphError:
            return {}
        answers: dict[str, dict[str, Any] | GraphError] = {}
        longest = 0.0
        for one in list_or_none(told.get("responses")):
            if not isinstance(one, dict) or (path := asked.get(str(one.get("id")))) is None:
                continue
            status, body = one.get("status"), one.get("body")
            if status == 200 and is_told(body):
                answers[path] = body
            elif isinstance(status, int) and 400 <= status < 500 and status not in (401, *_PASSING):
                answers[path] = GraphError(status, code_in(body))
            elif isinstance(status, int) and (status >= 500 or status in _PASSING):
                longest = max(longest, _wait_in(one.get("headers")))
        if longest > LONGEST_PAUSE_S:
            raise GraphError(429, pause_s=longest)
        if longest:
            self._pause(longest)
        return answers

    # --- one request ---------------------------------------------------------------------------

    def _alone(self, path: str, losses: Losses | None) -> dict[str, Any] | GraphError:
        try:
            told = self.get(path)
        except GraphError as exc:
            if concerns_all(exc) or (losses is None and exc.status >= 500):
                raise
            if losses is not None and exc.status >= 500:
                losses.lost(exc, ())
            return exc
        if losses is not None:
            losses.answered()
        return told

    def _told(self, method: str, target: str, prefer: str, body: object = None) -> dict[str, Any]:
        return self._tried(lambda: json_in(self._ask(method, target, prefer, body, MOST_JSON_BYTES)[1]))

    def _tried(self, ask: Callable[[], T]) -> T:
        """Asked up to TRIES times while the line breaks, the answer is not whole or the server is busy."""
        asking = tenacity.Retrying(
            retry=tenacity.retry_if_exception(_may_pass),
            stop=tenacity.stop_after_attempt(TRIES),
            wait=_seconds_before,
            sleep=self._pause,
            reraise=True,
        )
        answer: T = asking(ask)
        return answer

    def _ask(self, method: str, target: str, prefer: str, body: object, most_bytes: int) -> tuple[httpx.Headers, bytes]:
        """The answer's headers and body; a token that was refused is renewed once."""
        self._wait_for_others()
        token = self._tokens.current()
        try:
            return self._follow(method, target, prefer, body, most_bytes, token)
        except GraphError as exc:
            if exc.status != 401:
                raise
        return self._follow(method, target, prefer, body, most_bytes, self._tokens.renewed(token))

    def _follow(
        self, method: str, target: str, prefer: str, body: object, most_bytes: int, token: str
    ) -> tuple[httpx.Headers, bytes]:
        """Redirects (an archive's folder may lie in another mailbox) are followed on this server only."""
        headers, asked = {"Authorization": f"Bearer {token}", "Prefer": _prefer(prefer)}, target
        for _ in range(_MOST_MOVES):
            status, told, raw = self._exchange(method, self._server.url + target, headers, body, most_bytes)
            if status not in _MOVED or "location" not in told:
                break
            target = "/" + _after_host(told["location"])
        if status >= 300:
            raise GraphError(status, code_in(json_or_none(raw)), seconds_in(told.get("retry-after")))
        if status != 200:
            raise BrokenAnswer  # Nothing, a part, or something later: none was asked for.
        if target != asked:
            self._answered_at[asked] = target
        return told, raw

    def _exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: object, most_bytes: int
    ) -> tuple[int, httpx.Headers, bytes]:
        with self._slots:
            self._wait_for_others()
            self._require_wanted()
            status, told, raw = self._line.exchange(method, url, headers, body, most_bytes, self._require_wanted)
        if (date := told.get("date", "")) != self._dated:  # many answers come within one second
            self.server_time, self._dated = moment_in(date) or self.server_time, date
        return status, told, raw

    def _require_wanted(self) -> None:
        if self._stopped.is_set():
            raise Stopped

    def _wait_for_others(self) -> None:
        """Who was told to wait holds the gate, so that everybody waits, also for a token."""
        with self._gate:
            pass

    def _pause(self, seconds: float) -> None:
        """Several that are told to wait at once wait at the same time."""
        until = time.monotonic() + seconds
        with self._gate:
            left = max(0.0, until - time.monotonic())
            if self._server.pause is not None:
                self._server.pause(left)
            elif self._stopped.wait(left):
                raise Stopped


def relative(link: str) -> str:
    """A link that the server gave, as a path on this server: a token is never sent to another host, whatever a link names."""
    path = "/" + _after_host(link)
    if not path.startswith(("/v1.0/", "/beta/")):
        raise BrokenAnswer
    return path


def mailbox_in(path: str) -> str | None:
    """The mailbox that a path on the server names, as one part of a path."""
    named = _OF_MAILBOX.match(path)
    return part(unquote(named[1])) if named else None


def part(text: str) -> str:
    """An id as one part of a path."""
    return quote(text, safe="@:=")


def _rooted(path: str, version: str) -> str:
    return path if path.startswith(("/v1.0/", "/beta/")) else f"/{version}{path}"


def _after_host(link: str) -> str:
    try:
        parts = urlsplit(link)
    except ValueError:
        raise BrokenAnswer from None
    path = parts.path.lstrip("/")
    # A proxy may put the service below a path of its own.
    marks = [at for mark in ("v1.0/", "beta/") if (at := path.find(mark)) >= 0]
    return (path[min(marks) :] if marks else path) + (f"?{parts.query}" if parts.query else "")


def _prefer(more: str) -> str:
    return f"{IMMUTABLE}, {more}" if more else IMMUTABLE


def _trust(server: GraphServer) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=server.ca_file)
    except OSError as exc:
        why = f"The ca_file for the mail server {server.where} cannot be read."
        raise SourceRefused(why, "Set ca_file of this source to a file of certificates in PEM form.") from exc


def _may_pass(error: BaseException) -> bool:
    """Asking again may help. A server that wants to be left alone for longer than LONGEST_PAUSE_S is left to the next run."""
    if isinstance(error, GraphError):
        return (error.status >= 500 or error.status in _PASSING) and (error.pause_s or 0.0) <= LONGEST_PAUSE_S
    return isinstance(error, NO_ANSWER) and untrusted(error) is None


def _seconds_before(state: tenacity.RetryCallState) -> float:
    """What Retry-After says, else longer each time."""
    error = state.outcome.exception() if state.outcome else None
    told = error.pause_s if isinstance(error, GraphError) else None
    return _FIRST_PAUSE_S * 2 ** (state.attempt_number - 1) if told is None else told


def _wait_in(headers: object) -> float:
    """The Retry-After among the headers of a part of a batch, which JSON may tell as a number; else the first pause."""
    given = headers if isinstance(headers, dict) else {}
    told = seconds_in(next((str(value) for name, value in given.items() if name.lower() == "retry-after"), None))
    return _FIRST_PAUSE_S if told is None else told
