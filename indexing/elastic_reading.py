"""Searches on Elasticsearch: a page at a time, or everything in one consistent view, however much there is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from elasticsearch import Elasticsearch

from capstone.domain.errors import BadQuery, CapstoneError, IndexDamaged
from capstone.domain.query import MAX_DEPTH, Clause, Everything, Hit, Scope, SearchPage, depth_of
from indexing.elastic_errors import Refusal, kinds_of
from indexing.elastic_place import Connection
from indexing.elastic_query import NEWEST_FIRST, Query, asked, within
from indexing.elastic_rows import HIT_FIELDS, HIT_FIELDS_WITHOUT_TEXT, hit_of

_DEEPEST = 10_000
"""As far as the server pages by number (index.max_result_window), and the most it gives at once."""
_HITS_AT_ONCE, _IDS_AT_ONCE, _PLACES_AT_ONCE = 1_000, 10_000, 500
_KEPT = "15m"
"""How long the server keeps a view after the last question to it: whoever exports reads many records in between."""
_CODES = 100
_BY_ID = ({"record_id": {"order": "asc"}},)
_NO_PARTS = {"allow_partial_search_results": False}
"""An answer without one of the years would look complete."""


class View:
    """All documents as they stood when it was opened."""

    def __init__(self, connection: Connection, name: str) -> None:
        """Open it."""
        self._connection = connection
        opened = connection.ask(
            lambda client: client.open_point_in_time(index=name, keep_alive=_KEPT, allow_partial_search_results=False)
        )
        self._id: str = opened["id"]

    def close(self) -> None:
        """Let the server forget it; it does so by itself some time later."""
        with suppress(CapstoneError):
            self._connection.ask(lambda client: client.close_point_in_time(id=self._id))

    def rows(
        self, query: Query, sort: Sequence[Query], at_once: int, source: Sequence[str] = (), after: Sequence[Any] | None = None
    ) -> Iterator[dict[str, Any]]:
        """What is found, in order, asked for piece by piece; `after`: what follows the row with these values."""
        while True:
            found = self._piece(query, sort, at_once, source, after)
            yield from found
            if len(found) < at_once:
                return
            after = found[-1]["sort"]

    def after(self, query: Query, sort: Sequence[Query], count: int) -> Sequence[Any] | None:
        """The values after which the row with that number (from 0) comes; None where there is no such row."""
        after: Sequence[Any] | None = None
        while count:
            found = self._piece(query, sort, min(count, _DEEPEST), (), after)
            if not found:
                return None
            after, count = found[-1]["sort"], count - len(found)
        return after

    def _piece(
        self, query: Query, sort: Sequence[Query], size: int, source: Sequence[str], after: Sequence[Any] | None
    ) -> list[dict[str, Any]]:
        def question(client: Elasticsearch) -> dict[str, Any]:
            answer: dict[str, Any] = client.search(
                pit={"id": self._id, "keep_alive": _KEPT},
                query=query,
                sort=list(sort),
                size=size,
                search_after=list(after) if after is not None else None,
                source={"includes": list(source)} if source else False,
                track_total_hits=False,
                filter_path="pit_id,hits.hits.sort,hits.hits._source",
                allow_partial_search_results=False,
            ).body
            return answer

        answer = self._connection.ask(question)
        self._id = answer["pit_id"]
        found: list[dict[str, Any]] = answer.get("hits", {}).get("hits", [])
        return found


class Reading:
    """What can be asked of the index called `name`."""

    def __init__(self, connection: Connection, name: str) -> None:
        """Nothing is asked yet."""
        self._connection = connection
        self._name = name

    def refresh(self) -> None:
        """Let every search see what was written until now, by whomever. Nearly free where nothing was."""

        def question(client: Elasticsearch) -> None:
            if client.indices.refresh(index=self._name)["_shards"]["failed"]:
                raise Refusal(503, frozenset({"refresh_failed"}))

        self._connection.ask(question)

    def page(self, clause: Clause, scope: Scope, limit: int, offset: int) -> SearchPage:
        """See `SearchIndex.search`."""
        _refuse_if_too_deep(clause)
        self.refresh()
        is_near = offset + limit <= _DEEPEST
        query = asked(clause, scope)
        wanted = {"query": query, "sort": NEWEST_FIRST, "from": offset if is_near else 0, "size": limit if is_near else 0}
        hits, coverage = self._both(wanted, scope)
        rows = hits["hits"]["hits"] if is_near else self._far(query, limit, offset)
        return SearchPage(
            total=hits["hits"]["total"]["value"],
            hits=tuple(_hit(row["_source"], clause) for row in rows),
            unsearchable={one["key"]: one["doc_count"] for one in coverage["aggregations"]["codes"]["buckets"]},
            indexed=coverage["hits"]["total"]["value"],
        )

    def hits(self, clause: Clause, scope: Scope) -> Iterator[Hit]:
        """See `SearchIndex.hits`."""
        _refuse_if_too_deep(clause)
        self.refresh()
        with self._view() as view:
            for row in view.rows(asked(clause, scope), NEWEST_FIRST, _HITS_AT_ONCE, HIT_FIELDS_WITHOUT_TEXT):
                yield _hit(row["_source"], clause)

    def ids(self) -> Iterator[str]:
        """See `SearchIndex.ids`. Raises IndexDamaged where a record stands in two years."""
        self.refresh()
        last = None
        with self._view() as view:
            for row in view.rows(asked(Everything(), Scope(None)), _BY_ID, _IDS_AT_ONCE):
                record_id: str = row["sort"][0]
                if record_id == last:
                    raise IndexDamaged("A record stands in the index twice.")
                yield record_id
                last = record_id

    def places(self, record_ids: Sequence[str]) -> list[tuple[str, str]]:
        """(record id, index) wherever a search would find one of them."""
        found: list[tuple[str, str]] = []
        for start in range(0, len(record_ids), _PLACES_AT_ONCE):
            found += self._places(record_ids[start : start + _PLACES_AT_ONCE])
        return found

    def _places(self, record_ids: Sequence[str]) -> list[tuple[str, str]]:
        answer = self._connection.ask(
            lambda client: (
                client.search(
                    index=self._name,
                    query={"terms": {"record_id": list(record_ids)}},
                    sort="_doc",
                    size=_DEEPEST,
                    source=False,
                    track_total_hits=False,
                    filter_path="hits.hits._id,hits.hits._index",
                    allow_partial_search_results=False,
                ).body
            )
        )
        return [(row["_id"], row["_index"]) for row in answer.get("hits", {}).get("hits", [])]

    def _both(self, wanted: Query, scope: Scope) -> tuple[dict[str, Any], dict[str, Any]]:
        """The hits, and how complete they are, in one round trip. The server remembers the second until something changes."""
        coverage = {"query": within(scope), "size": 0, "aggs": {"codes": {"terms": {"field": "unsearchable", "size": _CODES}}}}
        hits = {"_source": HIT_FIELDS, **wanted}
        searches = [_NO_PARTS, hits | {"track_total_hits": True}, _NO_PARTS, coverage | {"track_total_hits": True}]

        def question(client: Elasticsearch) -> tuple[dict[str, Any], dict[str, Any]]:
            first, second = client.msearch(index=self._name, searches=searches).body["responses"]
            for answer in (first, second):
                if "error" in answer:
                    raise Refusal(answer["status"], kinds_of(answer["error"]))
            return first, second

        return self._connection.ask(question)

    def _far(self, query: Query, limit: int, offset: int) -> list[dict[str, Any]]:
        """A page beyond what the server counts off by itself."""
        found: list[dict[str, Any]] = []
        with self._view() as view:
            after = view.after(query, NEWEST_FIRST, offset)
            if limit and (after is not None or not offset):
                rows = view.rows(query, NEWEST_FIRST, min(limit, _HITS_AT_ONCE), HIT_FIELDS, after)
                found = [row for _, row in zip(range(limit), rows, strict=False)]
        return found

    @contextmanager
    def _view(self) -> Iterator[View]:
        view = View(self._connection, self._name)
        try:
            yield view
        finally:
            view.close()


def _refuse_if_too_deep(clause: Clause) -> None:
    if depth_of(clause) > MAX_DEPTH:
        raise BadQuery(f"the query is nested more than {MAX_DEPTH} levels deep")


def _hit(source: Mapping[str, Any], clause: Clause) -> Hit:
    try:
        return hit_of(source, clause)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        # Not chained: these errors may quote what was stored.
        raise IndexDamaged("the index holds documents that cannot be read") from None
