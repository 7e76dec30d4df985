"""Thirty thousand documents: pages far behind the first ten thousand, streams in one view, prefixes of very many words."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest

from capstone.domain.query import Everything, IndexDocument, Scope, Words
from indexing.elastic import ElasticIndex
from servers.elasticsearch import ElasticsearchAccess
from tests.adapters.elastic_servers import an_index
from tests.contracts.agency_documents import agency_documents
from tests.contracts.search_index import numbered

pytestmark = [pytest.mark.service, pytest.mark.slow]
ALL = Scope(None)
COUNT = 30_000


def small(number: int) -> IndexDocument:
    """Of three years and undated; many share an instant."""
    at = None if number % 7 == 0 else datetime(2017 + number % 3, 1, 1, tzinfo=UTC) + timedelta(hours=number % 5_000)
    changes = {"message_date": at, "day": at and at.date(), "shown_text": "", "addresses": ()}
    return numbered(agency_documents()[0], number, body=f"annual n{number}", **changes)


@pytest.fixture(scope="module")
def documents() -> list[IndexDocument]:
    return [small(number) for number in range(COUNT)]


@pytest.fixture(scope="module")
def in_order(documents: list[IndexDocument]) -> list[str]:
    latest = datetime.max.replace(tzinfo=UTC)
    newest_first = sorted(
        documents, key=lambda one: (latest - one.message_date if one.message_date else timedelta.max, one.record_id)
    )
    return [document.record_id for document in newest_first]


@pytest.fixture(scope="module")
def index(elasticsearch: ElasticsearchAccess, documents: list[IndexDocument]) -> Iterator[ElasticIndex]:
    with an_index(elasticsearch, "paging") as made:
        shuffled = random.Random(7).sample(documents, COUNT)
        for start in range(0, COUNT, 5_000):
            assert made.add(shuffled[start : start + 5_000]) == {}
        yield made


@pytest.mark.parametrize("offset", [0, 9_990, 9_999, 10_000, 19_999, 20_000, 25_700, COUNT - 5, COUNT, COUNT + 5])
def test_a_page_at_any_depth_holds_what_stands_there(index: ElasticIndex, in_order: list[str], offset: int) -> None:
    page = index.search(Everything(), ALL, 20, offset)
    assert [hit.record_id for hit in page.hits] == in_order[offset : offset + 20]
    assert (page.total, page.indexed) == (COUNT, COUNT)


def test_a_page_larger_than_the_server_gives_at_once_is_whole(index: ElasticIndex, in_order: list[str]) -> None:
    assert [hit.record_id for hit in index.search(Everything(), ALL, 12_345, 100).hits] == in_order[100 : 100 + 12_345]


def test_all_hits_and_all_ids_come_in_order_and_each_once(index: ElasticIndex, in_order: list[str]) -> None:
    assert [hit.record_id for hit in index.hits(Everything(), ALL)] == in_order
    assert list(index.ids()) == sorted(in_order)


def test_streams_keep_their_view_while_much_changes(
    index: ElasticIndex, in_order: list[str], documents: list[IndexDocument]
) -> None:
    hits, ids = index.hits(Everything(), ALL), index.ids()
    seen = [hit.record_id for hit in islice(hits, 10)], list(islice(ids, 10))
    moved = [replace(document, message_date=None, day=None, body="moved") for document in documents[:3_000]]
    index.add(moved)
    index.remove([document.record_id for document in documents[3_000:6_000]])
    assert seen[0] + [hit.record_id for hit in hits] == in_order
    assert seen[1] + list(ids) == sorted(in_order)
    page = index.search(Words(("moved",)), ALL, 0)
    assert (page.total, page.indexed) == (3_000, COUNT - 3_000)
    assert index.add(documents[:6_000]) == {}
    assert [hit.record_id for hit in index.hits(Everything(), ALL)] == in_order


def test_a_prefix_of_any_number_of_words_finds_them_all(index: ElasticIndex) -> None:
    assert index.search(Words(("n",), "body", is_prefix=True), ALL, 0).total == COUNT
    assert index.search(Words(("n",), is_prefix=True), ALL, 0).total == COUNT


def test_a_phrase_that_ends_in_a_prefix_of_thousands_of_words_finds_them_all(index: ElasticIndex) -> None:
    for prefix, total in (("n", COUNT), ("n1", 11_111), ("n299", 111)):
        assert index.search(Words(("annual", prefix), "body", is_prefix=True), ALL, 0).total == total
