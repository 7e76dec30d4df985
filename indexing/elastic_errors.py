"""What Elasticsearch and its client say, under our names, and whether asking again helps: decided here and nowhere else.

The server's own words are never passed on: they may quote mail, queries or addresses. Its types of errors may.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

from elastic_transport import ConnectionError as NoConnection
from elastic_transport import ConnectionTimeout, TransportError
from elasticsearch import ApiError, UnsupportedProductError
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_exponential_jitter

from capstone.domain.errors import BadQuery, CapstoneError, IndexDamaged, IndexRefused, IndexUnavailable

T = TypeVar("T")

PASSING = frozenset({429, 502, 503, 504})
"""Answers that say: not now."""
TOO_LARGE = 413
_LONGEST_WAIT_S, _LONGEST_ASKED_WAIT_S = 8.0, 30.0
_BLOCK = "cluster_block_exception"
_TOO_MANY_WORDS = frozenset({"too_many_clauses", "too_many_nested_clauses", "too_many_nested_clauses_exception"})
_NOT_THERE = frozenset({"index_not_found_exception", "alias_not_found_exception"})
_VIEW_LOST = "search_context_missing_exception"
_FULL = "validation_exception"
"""So the cluster says that it takes no more indices."""


class Refusal(Exception):
    """A part of an answer that is an error: one search of several, or documents that a bulk request did not take."""

    def __init__(self, status: int, kinds: frozenset[str]) -> None:
        """`kinds` are types of errors as the server names them."""
        super().__init__(status)
        self.status = status
        self.kinds = kinds


@contextmanager
def named_errors() -> Iterator[None]:
    """Raise errors of the server and its client under our names."""
    try:
        yield
    except Refusal as exc:
        raise _named(exc.status, exc.kinds) from None
    except UnsupportedProductError:
        raise IndexRefused("What answers at the address of the index is not Elasticsearch.") from None
    except ApiError as exc:
        raise _named(exc.status_code, kinds_of(exc.body)) from None
    except TransportError as exc:
        raise _unreached(exc) from exc


def asked_again(attempts: int, ask: Callable[[], T]) -> T:
    """What `ask` gives, tried again with growing pauses while the answer is "not now" or there is no connection.

    A server that let the whole time limit pass is not asked again: whoever waits has waited long enough.
    """
    return Retrying(retry=retry_if_exception(_is_passing), stop=stop_after_attempt(attempts), wait=_pause, reraise=True)(ask)


def kinds_of(body: object) -> frozenset[str]:
    """Every type of error named anywhere in the body of an answer."""
    found: set[str] = set()
    left = [body]
    while left:
        match left.pop():
            case Mapping() as inner:
                if isinstance(inner.get("type"), str):
                    found.add(inner["type"])
                left.extend(inner.values())
            case list() as items:
                left.extend(items)
    return frozenset(found)


def is_passing(status: int, kinds: frozenset[str]) -> bool:
    """Whether the same request may be taken a moment later. A block stays until someone lifts it."""
    return status in PASSING and _BLOCK not in kinds


def _is_passing(exc: BaseException) -> bool:
    match exc:
        case Refusal():
            return is_passing(exc.status, exc.kinds)
        case ApiError():
            return is_passing(exc.status_code, kinds_of(exc.body))
        case _:
            return isinstance(exc, NoConnection) and not _is_distrust(exc)


_backing_off = wait_exponential_jitter(multiplier=0.2, max=_LONGEST_WAIT_S, jitter=0.2)


def _pause(state: RetryCallState) -> float:
    """Longer from time to time, and at least as long as the answer asked for, within bounds."""
    exc = state.outcome.exception() if state.outcome else None
    asked = isinstance(exc, ApiError) and exc.meta.headers.get("retry-after")
    return max(_backing_off(state), min(float(asked), _LONGEST_ASKED_WAIT_S) if asked and asked.isdigit() else 0.0)


def _named(status: int, kinds: frozenset[str]) -> CapstoneError:
    told = f"{status}{''.join(f', {kind}' for kind in sorted(kinds))}"
    named: CapstoneError
    if _BLOCK in kinds:
        named = IndexUnavailable("The index is read-only for now.", _LIFT_BLOCK)
    elif kinds & _TOO_MANY_WORDS:
        named = BadQuery(
            "Too many different words of the index begin so, or the query asks too much: write more letters before *."
        )
    elif status == 401:
        named = IndexRefused("The index does not accept the API key.")
    elif status == 403:
        named = IndexRefused("The API key lacks a right that the index asks for.", _GIVE_RIGHTS)
    elif kinds & _NOT_THERE:
        named = IndexUnavailable("The index is not there.", "Run 'capstone init', then 'capstone rebuild --index'.")
    elif _VIEW_LOST in kinds:
        named = IndexUnavailable("The index was restarted while it was read.", "Ask again.")
    elif status in {400, 404} and _FULL not in kinds:
        # A request of ours that makes no sense to the server means that the index is not the one we made.
        named = IndexDamaged(f"The index does not understand what it is asked ({told}).")
    else:
        named = IndexUnavailable(f"The index cannot be used now ({told}).")
    return named


def _unreached(exc: TransportError) -> CapstoneError:
    if _is_distrust(exc):
        return IndexRefused("The certificate of the index is not trusted, or there is none.", _TRUST)
    if isinstance(exc, ConnectionTimeout):
        return IndexUnavailable("The index did not answer in time.")
    return IndexUnavailable("The index cannot be reached.")


def _is_distrust(exc: BaseException) -> bool:
    """Whether the certificate is to blame, or the want of one, and not a line that was cut during the handshake."""
    cause: BaseException | None = exc
    while cause is not None:
        if any(isinstance(part, ssl.SSLError) and part.reason in _DISTRUST for part in (cause, *cause.args)):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


_DISTRUST = frozenset({"CERTIFICATE_VERIFY_FAILED", "WRONG_VERSION_NUMBER"})
_LIFT_BLOCK = "Free disk space on its machines or lift the block (index.blocks); what is due stays due."
_GIVE_RIGHTS = (
    "Give the key the rights read, index, delete, maintenance and manage on every index whose name begins with that of [index]."
)
_TRUST = "Name the file of the authority that signed it as ca_file of [index], and an https address."
