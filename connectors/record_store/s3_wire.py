"""The requests that are sent for every message, signed by botocore and sent over kept connections: boto3 costs thrice as much.

What an answer means is the same as for boto3 (see s3_errors); what may pass is tried again within bounds, by tenacity.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Protocol, cast
from urllib.parse import urlsplit

import urllib3
from botocore.utils import get_environ_proxies
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential
from urllib3.util import Timeout, make_headers

from capstone.domain.fixity import Buffer
from connectors.record_store.s3_errors import Refusal
from connectors.record_store.s3_signature import EMPTY_DIGEST, Signer, quoted, signed
from connectors.record_store.s3_whole import POOLS

_CODE = re.compile(rb"<Code>\s*([A-Za-z0-9.]+)\s*</Code>")
_SLICE_BYTES = 1 << 20
_LONGEST_PAUSE_S = 20.0
_STATUSES = {int(status) for status in HTTPStatus}
_PAUSE = wait_random_exponential(multiplier=0.1, max=5)


class SignerSource(Protocol):
    """Gives the credentials of the moment; they may be renewed between two requests."""

    def __call__(self) -> Signer:
        """See the class."""
        ...


@dataclass(frozen=True, slots=True)
class Address:
    """Where requests go: `base_url` is the bucket's, without a slash at its end."""

    base_url: str
    connect_timeout_s: float
    read_timeout_s: float
    attempts: int
    connections: int
    ca_file: str | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """One request about a key. `query` is sorted and quoted; header names are in lower case."""

    method: str
    key: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: Buffer = field(default=b"", repr=False)
    digest: str = EMPTY_DIGEST
    at_most: int | None = None
    """Do not read a longer answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A success. `raw` is None where it is longer than was asked for."""

    headers: Mapping[str, str]
    raw: bytes | None = field(repr=False)


class Wire:
    """Kept connections to one bucket, for use by many threads."""

    def __init__(self, address: Address, signer: SignerSource) -> None:
        """Opens nothing before the first request."""
        parts = urlsplit(address.base_url)
        self._signer, self._host, self._base = signer, parts.netloc, f"{parts.scheme}://{parts.netloc}"
        manager = _manager(address)
        manager.pool_classes_by_scheme = POOLS
        self._pool = manager.connection_from_url(address.base_url)
        self._manager = manager
        self._path = parts.path
        # A proxy for plain HTTP is told the whole address; through one for HTTPS a tunnel leads.
        self._before = self._base if manager.proxy and parts.scheme == "http" else ""
        self._short = Timeout(connect=address.connect_timeout_s, read=address.read_timeout_s)
        # A large body is sent in slices, and urllib3 gives each slice the time that it gives a connection.
        self._patient = Timeout(connect=address.read_timeout_s, read=address.read_timeout_s)
        self._retrying = Retrying(
            stop=stop_after_attempt(address.attempts), wait=_pause, retry=retry_if_exception(_may_pass), reraise=True
        )

    def ask(self, ask: Ask) -> Answer:
        """The answer. Raises Refusal, or urllib3's error where there is none; both after the attempts that make sense."""
        return self._retrying(self._once, ask)

    def close(self) -> None:
        """Close the connections."""
        self._manager.clear()

    def _once(self, ask: Ask) -> Answer:
        target = self._path + "/" + quoted(ask.key, "/") + ("?" + ask.query if ask.query else "")
        told = {"host": self._host, **ask.headers}
        headers = signed(self._signer(), ask.method, self._base + target, told, ask.digest)
        is_large = len(ask.raw) > _SLICE_BYTES
        if is_large:  # of whole bytes urllib3 says the length itself
            headers["Content-Length"] = str(len(ask.raw))
        # urllib3 takes views as well as bytes, but does not say so.
        body = cast("Iterator[bytes] | bytes | None", _slices(ask.raw) if is_large else ask.raw if ask.method == "PUT" else None)
        response = self._pool.urlopen(
            ask.method,
            self._before + target,
            body=body,
            headers=headers,
            timeout=self._patient if is_large else self._short,
            retries=False,
            redirect=False,
            assert_same_host=False,
            decode_content=False,
            preload_content=ask.at_most is None,
        )
        return _answer(ask, response)


def _answer(ask: Ask, response: urllib3.BaseHTTPResponse) -> Answer:
    if response.status >= HTTPStatus.MULTIPLE_CHOICES:
        found = _CODE.search(response.data)
        code = found[1].decode() if found else _phrase(response.status)
        raise Refusal(code, response.status, _seconds(response.headers.get("retry-after")))
    if ask.at_most is None:
        return Answer(response.headers, response.data)
    if int(response.headers.get("content-length", "0")) > ask.at_most:
        response.close()
        return Answer(response.headers, None)
    raw = response.read()
    response.release_conn()
    return Answer(response.headers, raw)


def _manager(address: Address) -> urllib3.PoolManager:
    """Through the proxy that the usual variables name, or directly. `ca_file` None: the authorities that this machine trusts."""
    size, ca_file = address.connections, address.ca_file
    proxy = get_environ_proxies(address.base_url).get(urlsplit(address.base_url).scheme)
    if not proxy:
        return urllib3.PoolManager(maxsize=size, ca_certs=ca_file)
    named = urllib3.util.parse_url(proxy if "://" in proxy else f"http://{proxy}")
    headers = make_headers(proxy_basic_auth=named.auth) if named.auth else None
    return urllib3.ProxyManager(named._replace(auth=None).url, proxy_headers=headers, maxsize=size, ca_certs=ca_file)


def _slices(raw: Buffer) -> Iterator[memoryview]:
    view = memoryview(raw)
    return (view[start : start + _SLICE_BYTES] for start in range(0, len(view), _SLICE_BYTES))


def _may_pass(exc: BaseException) -> bool:
    if isinstance(exc, Refusal):
        return exc.may_pass
    return isinstance(exc, urllib3.exceptions.HTTPError) and not isinstance(exc, urllib3.exceptions.SSLError)


def _pause(state: RetryCallState) -> float:
    """Longer and longer, by chance; at least as long as the server asks for, within reason."""
    failed = state.outcome.exception() if state.outcome else None
    asked_s = failed.retry_after_s if isinstance(failed, Refusal) else 0.0
    return max(_PAUSE(state), min(asked_s, _LONGEST_PAUSE_S))


def _phrase(status: int) -> str:
    """As S3 would name the error, where an answer has no body: that to HEAD, or one of something in between."""
    return HTTPStatus(status).phrase.replace(" ", "") if status in _STATUSES else str(status)


def _seconds(text: str | None) -> float:
    return float(text) if text and text.isdecimal() else 0.0
