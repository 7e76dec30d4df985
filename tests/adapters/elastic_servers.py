"""An index on the Elasticsearch of the tests, under a name of its own, taken away at the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from indexing.elastic import ElasticIndex, ElasticPlace
from servers.elasticsearch import ElasticsearchAccess


def place_on(server: ElasticsearchAccess, name: str, **changes: Any) -> ElasticPlace:
    """The place of an index of that name, with short pauses and limits unless told otherwise."""
    told: dict[str, Any] = {"url": server.url, "ca_file": server.ca_file, "api_key": server.api_key(), "name": f"test-{name}"}
    return ElasticPlace(**(told | changes))


@contextmanager
def an_index(server: ElasticsearchAccess, name: str, **changes: Any) -> Iterator[ElasticIndex]:
    """A fresh one."""
    made = ElasticIndex(place_on(server, name, **changes), threads=2)
    made.reset()
    try:
        yield made
    finally:
        made.close()
        swept(server, name)


def swept(server: ElasticsearchAccess, name: str) -> None:
    """Take away every index whose name begins so."""
    for index in server.ask("GET", f"/test-{name}*?expand_wildcards=all"):
        server.ask("DELETE", f"/{index}")


def emptied(index: ElasticIndex) -> ElasticIndex:
    """Without its documents; its yearly indices stay, as making them takes long."""
    index.create()
    index.remove(list(index.ids()))
    return index
