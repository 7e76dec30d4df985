"""The index on a real Elasticsearch: the contract of the port."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from indexing.elastic import ElasticIndex
from servers.elasticsearch import ElasticsearchAccess
from tests.adapters.elastic_servers import an_index, emptied
from tests.contracts.search_index import SearchIndexContract

pytestmark = pytest.mark.service


@pytest.fixture(scope="module")
def kept(elasticsearch: ElasticsearchAccess) -> Iterator[ElasticIndex]:
    """One for all tests here: to make the indices of many years takes longer than to empty them."""
    with an_index(elasticsearch, "contract") as made:
        yield made


@pytest.fixture
def index(kept: ElasticIndex) -> ElasticIndex:
    return emptied(kept)


class TestElasticIndex(SearchIndexContract):
    pass
