"""Documents go out in bulk requests, several at a time, and each one's own answer decides what becomes of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, wait
from itertools import count
from typing import Any, NamedTuple

from elasticsearch import ApiError, Elasticsearch

from indexing.elastic_errors import TOO_LARGE, Refusal, asked_again, is_passing

MOST_BYTES = 8 * 1024 * 1024
"""Of one request, unless a single document is larger. A server keeps all requests at once in a tenth of its memory."""
_FEWEST_BYTES = 128 * 1024
"""Smaller requests cost more than a thread for themselves gains."""
_ANSWER = "errors,items.*.status,items.*.error.type"
_MISSING = "index_not_found_exception"
_NOT_OURS = frozenset({"strict_dynamic_mapping_exception", "cluster_block_exception", "security_exception"})
"""Errors of a document that are not about the document."""
TOO_LARGE_REASON = "too_large"


class Action(NamedTuple):
    """One document to write or to take out."""

    record_id: str
    target: str
    """An index, or the alias for writing to one."""
    source: bytes | None
    """None: to be taken out."""

    def lines(self) -> bytes:
        """As the request holds it. A document is never written where no index of ours is: the server would make one up."""
        place = json.dumps({"_index": self.target, "_id": self.record_id} | ({"require_alias": True} if self.source else {}))
        if self.source is None:
            return b'{"delete":%s}\n' % place.encode()
        return b'{"index":%s}\n%s\n' % (place.encode(), self.source)


_Prepared = tuple[Action, bytes]


class Bulk:
    """Sends actions. `make` makes the index behind an alias for writing that is not there (any more)."""

    def __init__(self, client: Elasticsearch, pool: Executor, threads: int, attempts: int, make: Callable[[str], None]) -> None:
        """`pool` runs the requests; `attempts` bounds how often one is sent."""
        self._client = client
        self._pool = pool
        self._threads = threads
        self._attempts = attempts
        self._make = make

    def send(self, actions: Sequence[Action]) -> dict[str, str]:
        """{record id: reason} of what the server will never take. Durable on return, for all else that it did not raise for.

        Raises Refusal, ApiError and TransportError; what was taken until then stays taken.
        """
        # Each request touches few indices: every one of them writes to its disk for every request.
        prepared = [(action, action.lines()) for action in sorted(actions, key=lambda action: action.target)]
        size = sum(len(lines) for _, lines in prepared)
        parts = _parts(prepared, min(MOST_BYTES, max(_FEWEST_BYTES, -(-size // self._threads))))
        sent = [self._pool.submit(self._send_part, part) for part in parts]
        wait(sent)
        refused: dict[str, str] = {}
        for one in sent:
            refused |= one.result()
        return refused

    def _send_part(self, part: list[_Prepared]) -> dict[str, str]:
        refused: dict[str, str] = {}
        left = list(part)
        tries = count()

        def once() -> None:
            """In smaller pieces each time: a server that has no room for all of it may have room for some."""
            pieces = _halved(left, next(tries))
            left.clear()
            try:
                while pieces:
                    left.extend(self._sent_once(pieces[0], refused))
                    del pieces[0]
            finally:
                left.extend(one for piece in pieces for one in piece)
            if left:
                raise Refusal(429, frozenset({"not_taken"}))

        asked_again(self._attempts, once)
        return refused

    def _sent_once(self, part: list[_Prepared], refused: dict[str, str]) -> list[_Prepared]:
        """Those that may be taken a moment later. Adds to `refused` those that never will."""
        operations: Any = [lines for _, lines in part]  # the client passes bytes on as they are
        try:
            answer = self._client.bulk(operations=operations, filter_path=_ANSWER).body
        except ApiError as exc:
            if exc.status_code != TOO_LARGE:
                raise
            return self._sent_smaller(part, refused)
        if not answer["errors"]:
            return []
        left, missing = [], set[str]()
        for (action, lines), item in zip(part, answer["items"], strict=True):
            (told,) = item.values()
            kind = told.get("error", {}).get("type")
            if kind is None:
                continue
            if kind == _MISSING:
                missing.add(action.target)
            elif not is_passing(told["status"], frozenset({kind})):
                _refuse(action, told["status"], kind, refused)
                continue
            left.append((action, lines))
        for target in missing:
            self._make(target)
        return left

    def _sent_smaller(self, part: list[_Prepared], refused: dict[str, str]) -> list[_Prepared]:
        """A server, or a proxy before it, may take less at once than others do."""
        if len(part) > 1:
            return [one for piece in _halved(part, 1) for one in self._sent_once(piece, refused)]
        refused[part[0][0].record_id] = TOO_LARGE_REASON
        return []


def _halved(part: list[_Prepared], times: int) -> list[list[_Prepared]]:
    """The part in two, four, eight ... pieces, as far as it has so many documents."""
    size = max(1, -(-len(part) // 2**times))
    return [part[start : start + size] for start in range(0, len(part), size)]


def _refuse(action: Action, status: int, kind: str, refused: dict[str, str]) -> None:
    """Only what is about the document is its reason; the server's own words may quote it and are not kept."""
    if status != 400 or kind in _NOT_OURS or action.source is None:
        raise Refusal(status, frozenset({kind}))
    refused[action.record_id] = kind


def _parts(prepared: Iterable[_Prepared], most_bytes: int) -> Iterator[list[_Prepared]]:
    part: list[_Prepared] = []
    size = 0
    for action, lines in prepared:
        if part and size + len(lines) > most_bytes:
            yield part
            part, size = [], 0
        part.append((action, lines))
        size += len(lines)
    if part:
        yield part
