"""The fake keeps the contract of the search index."""

from __future__ import annotations

import pytest

from capstone.ports import SearchIndex
from tests.contracts.search_index import SearchIndexContract
from tests.fakes.search_index import FakeSearchIndex


class TestFakeSearchIndex(SearchIndexContract):
    @pytest.fixture
    def index(self) -> SearchIndex:
        return FakeSearchIndex()
