"""The search index on Elasticsearch: an alias over one index for each year of messages. Safe to share between threads.

Nothing is read from the server before it is written, and nothing is made visible when it is written: whoever searches asks
for that first, which costs next to nothing where nothing was written.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from elasticsearch import ApiError, Elasticsearch

from capstone.domain.errors import IndexDamaged, IndexUnavailable
from capstone.domain.query import Clause, Hit, IndexDocument, Scope, SearchPage
from indexing.elastic_bulk import Action, Bulk
from indexing.elastic_errors import kinds_of, named_errors
from indexing.elastic_mapping import Names, what_is_wrong
from indexing.elastic_place import Connection, ElasticPlace
from indexing.elastic_reading import Reading
from indexing.elastic_rows import plain, source_of

__all__ = ["ElasticIndex", "ElasticPlace"]

_MOST_REMEMBERED = 50_000
_THERE_ALREADY = "resource_already_exists_exception"
_NO_INDEX_OF_OURS = "Name another index in [index] name, or take that one away yourself; it is not one of this program's."


class ElasticIndex:
    """`SearchIndex` on a server or a cluster."""

    def __init__(self, place: ElasticPlace, threads: int = 4) -> None:
        """Name the place; nothing is opened yet. `threads`: bulk requests at a time."""
        self._names = Names(place.name)
        self._connection = Connection(place, threads)
        self._reading = Reading(self._connection, place.name)
        self._guard = threading.Lock()
        self._made: set[str] = set()
        """Aliases for writing that were there when last looked at."""
        self._written: dict[str, str] = {}
        """Record id to alias for writing: what no search of this process need have seen yet."""

    # --- the index as a whole --------------------------------------------------------------------------

    def create(self) -> None:
        """Make an empty index where there is none. Safe to repeat. Raises as `check` does for what stands there."""
        if not self.exists():
            self._make(self._names.writing(None))
        self.check()

    def exists(self) -> bool:
        """Whether anything stands under its names, sound or not."""
        return bool(self._found())

    def check(self) -> None:
        """Raise IndexUnavailable, IndexRefused or IndexDamaged unless the index can be used. One short question."""
        found = self._found()
        if problem := what_is_wrong(self._names, found):
            raise IndexDamaged(f"The index cannot be used: {problem}.")
        if not any(self._names.alias in described.get("aliases", {}) for described in found.values()):
            raise IndexUnavailable("The index is not there.", "Run 'capstone init'.")

    def reset(self) -> None:
        """Make it empty and of the present mapping version, even when damaged or missing.

        Raises IndexDamaged, and takes nothing away, where an index that is not ours has its name.
        """
        found = self._found()
        if self._names.alias in found:
            raise IndexDamaged(f"An index called {self._names.alias} stands where the alias should be.", _NO_INDEX_OF_OURS)
        ours = sorted(index for index in found if self._names.is_ours(index))
        strangers = sorted(set(found) - set(ours))
        if strangers:
            leave = {"remove": {"indices": strangers, "alias": self._names.alias}}
            self._connection.ask(lambda client: client.indices.update_aliases(actions=[leave]))
        if ours:
            self._connection.ask(lambda client: client.indices.delete(index=ours, ignore_unavailable=True))
        with self._guard:
            self._made.clear()
            self._written.clear()
        self._make(self._names.writing(None))

    def close(self) -> None:
        """Give back connections and threads. The next call opens them again."""
        self._connection.close()

    # --- changing it -----------------------------------------------------------------------------------

    def add(self, documents: Sequence[IndexDocument]) -> dict[str, str]:
        """Add or replace by record id. Gives {record id: reason} of those that were not taken; durable on return.

        Raises IndexUnavailable, IndexRefused and IndexDamaged; then some may have been taken, and adding all again is right.
        """
        actions: dict[str, Action] = {}
        refused: dict[str, str] = {}
        for document in {document.record_id: document for document in documents}.values():
            try:
                source = source_of(document)
            except UnicodeEncodeError:
                refused[document.record_id] = "not_text"
            else:
                actions[document.record_id] = Action(document.record_id, self._names.writing(document.day), source)
        if actions:
            refused |= self._put(actions)
        return refused

    def remove(self, record_ids: Sequence[str]) -> None:
        """Drop documents; unknown ids are no error. Which years hold them is asked of the index first."""
        if not record_ids:
            return
        self._reading.refresh()
        places = self._reading.places(sorted({plain(record_id) for record_id in record_ids}))
        self._send([Action(record_id, index, None) for record_id, index in places])
        with self._guard:
            for record_id in record_ids:
                self._written.pop(record_id, None)

    # --- asking it -------------------------------------------------------------------------------------

    def search(self, clause: Clause, scope: Scope, limit: int, offset: int = 0) -> SearchPage:
        """Newest first, undated last, then by record id. Raises BadQuery when the clause is nested too deeply, or when a
        phrase ends in a prefix of more words than the server compares with; never leaves some of them out."""
        return self._reading.page(clause, scope, limit, offset)

    def hits(self, clause: Clause, scope: Scope) -> Iterator[Hit]:
        """Everything found, in the order of `search` and without snippets, as it stood when the first was asked for."""
        return self._reading.hits(clause, scope)

    def ids(self) -> Iterator[str]:
        """Every record id, sorted, in one consistent view."""
        return self._reading.ids()

    # --- what is behind --------------------------------------------------------------------------------

    def _put(self, actions: Mapping[str, Action]) -> dict[str, str]:
        """Write them, and meanwhile look whether one stands in another year; that one goes last."""
        self._make_all({action.target for action in actions.values()})
        with named_errors():
            looked_up = self._connection.pool.submit(self._places, list(actions))
            refused = self._send(list(actions.values()))
            places = looked_up.result()
        moved = [
            Action(record_id, index, None)
            for record_id, index in {*places, *self._remembered(actions)}
            if record_id not in refused and index != self._names.index_behind(actions[record_id].target)
        ]
        self._send(moved)
        self._remember({record_id: action.target for record_id, action in actions.items() if record_id not in refused})
        return refused

    def _places(self, record_ids: Sequence[str]) -> list[tuple[str, str]]:
        """Where they stand by now, whoever wrote them: once a batch, which costs less than once a second."""
        self._reading.refresh()
        return self._reading.places(record_ids)

    def _send(self, actions: Sequence[Action]) -> dict[str, str]:
        if not actions:
            return {}
        place, connection = self._connection.place, self._connection
        bulk = Bulk(connection.client, connection.pool, connection.threads, place.attempts, self._make)
        with named_errors():
            return bulk.send(actions)

    def _remembered(self, actions: Mapping[str, Action]) -> list[tuple[str, str]]:
        """Where this process wrote them a moment ago: a search need not see that yet."""
        with self._guard:
            known = [(record_id, self._written.get(record_id)) for record_id in actions]
        return [(record_id, self._names.index_behind(writing)) for record_id, writing in known if writing]

    def _remember(self, written: Mapping[str, str]) -> None:
        with self._guard:
            self._written.update(written)
            is_full = len(self._written) > _MOST_REMEMBERED
        if is_full:
            self._reading.refresh()
            with self._guard:
                self._written = dict(written)

    def _found(self) -> dict[str, Mapping[str, Any]]:
        """Every index that has one of our names or stands in the alias."""
        answer = self._connection.ask(
            lambda client: (
                client.indices.get(
                    index=self._names.all_versions(),
                    features=["aliases", "mappings"],
                    ignore_unavailable=True,
                    allow_no_indices=True,
                    expand_wildcards=["open", "closed"],
                ).body
            )
        )
        alias = self._names.alias
        return {
            index: described
            for index, described in answer.items()
            if index == alias or alias in described["aliases"] or self._names.is_ours(index)
        }

    def _make_all(self, writing: set[str]) -> None:
        """Make the indices that are not there, several at once; what is known to be there is not asked for."""
        with self._guard:
            unknown = writing - self._made
        if not unknown:
            return
        there = {alias for described in self._found().values() for alias in described["aliases"]}
        list(self._connection.pool.map(self._make, sorted(unknown - there)))
        with self._guard:
            self._made |= unknown

    def _make(self, writing: str) -> None:
        """Make the index behind an alias for writing, with both its aliases, at once or not at all. Another may be quicker."""

        def question(client: Elasticsearch) -> None:
            try:
                client.indices.create(index=self._names.index_behind(writing), **self._names.body(writing))
            except ApiError as exc:
                if _THERE_ALREADY not in kinds_of(exc.body):
                    raise

        self._connection.ask(question)
