"""Random questions about random documents: the plain search in memory, the embedded index and Elasticsearch answer alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from capstone.domain.query import (
    ADDRESS_FIELDS,
    TEXT_FIELDS,
    And,
    Clause,
    DateRange,
    Everything,
    HasAttachment,
    IndexDocument,
    Keyword,
    Not,
    Or,
    Scope,
    WholeAddress,
    Words,
)
from capstone.domain.tokens import folded
from capstone.ports import SearchIndex
from indexing.elastic import ElasticIndex
from indexing.fts5 import Fts5Index
from servers.elasticsearch import ElasticsearchAccess
from tests.adapters.elastic_servers import an_index, emptied
from tests.contracts.agency_documents import agency_documents
from tests.fakes.search_index import FakeSearchIndex

pytestmark = [pytest.mark.service, pytest.mark.slow]

# Few letters, so that words, prefixes and phrases meet often; and some that other tokenisers would part or drop.
WORDS = ("a", "ab", "abc", "b", "ba", "bab", "the", "1", "10", "é", "東", "京", "बजट", "\U00010428", "ß", "and")
ACCOUNTS = ("director", "deputy", "counsel")
ADDRESSES = ("a@agency.example", "ab@agency.example", "b@agency.example", "A@Agency.example")
CODES = ("encrypted", "cut_off", "attachment_text")
FIRST_DAY = date(2018, 12, 30)

words = st.sampled_from(WORDS)
texts = st.lists(words, max_size=6).map(lambda some: folded(" ".join(some)))
days = st.one_of(st.none(), st.integers(0, 4).map(lambda number: FIRST_DAY + timedelta(number)))


@st.composite
def documents(draw: st.DrawFn) -> list[IndexDocument]:
    """Some records, each in one of a few places in time."""
    made = []
    for number in range(draw(st.integers(1, 8))):
        day, account = draw(days), draw(st.sampled_from(ACCOUNTS))
        at = None if day is None else datetime(day.year, day.month, day.day, draw(st.integers(0, 1)), tzinfo=UTC)
        made.append(
            replace(
                agency_documents()[0],
                record_id=f"{account}/{number:064x}",
                account=account,
                message_date=at,
                day=day,
                record_class=draw(st.sampled_from(("permanent", "temporary"))),
                schedule_item=draw(st.sampled_from((None, "010", "011"))),
                has_attachment=draw(st.booleans()),
                unsearchable=tuple(draw(st.sets(st.sampled_from(CODES)))),
                addresses=tuple(
                    (field, draw(st.sampled_from(ADDRESSES[:3]))) for field in draw(st.sets(st.sampled_from(ADDRESS_FIELDS)))
                ),
                shown_text=draw(texts),
                **{{"from": "from_"}.get(field, field): draw(texts) for field in TEXT_FIELDS},
            )
        )
    return made


simple_clauses = st.one_of(
    st.builds(
        Words,
        st.lists(words, min_size=1, max_size=3).map(tuple),
        st.one_of(st.none(), st.sampled_from(TEXT_FIELDS)),
        st.booleans(),
    ),
    st.builds(WholeAddress, st.sampled_from(ADDRESSES), st.one_of(st.none(), st.sampled_from(ADDRESS_FIELDS))),
    st.builds(Keyword, st.just("account"), st.sampled_from(ACCOUNTS)),
    st.builds(Keyword, st.just("item"), st.sampled_from(("010", "012"))),
    st.builds(DateRange, days, days),
    st.just(HasAttachment()),
    st.just(Everything()),
)
clauses: st.SearchStrategy[Clause] = st.recursive(
    simple_clauses,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(And, st.lists(inner, max_size=3).map(tuple)),
        st.builds(Or, st.lists(inner, max_size=3).map(tuple)),
    ),
    max_leaves=8,
)
scopes = st.one_of(st.just(Scope(None)), st.sets(st.sampled_from(ACCOUNTS)).map(lambda some: Scope(frozenset(some))))
questions = st.tuples(clauses, scopes, st.integers(0, 5), st.integers(0, 4))


@pytest.fixture(scope="module")
def elastic(elasticsearch: ElasticsearchAccess) -> Iterator[ElasticIndex]:
    with an_index(elasticsearch, "agree") as made:
        yield made


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fts5Index]:
    made = Fts5Index(Path(tmp_path_factory.mktemp("agree")) / "search.db")
    made.reset()
    yield made
    made.close()


@given(documents(), documents(), st.lists(questions, min_size=1, max_size=12))
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_all_engines_give_the_same_answers(
    elastic: ElasticIndex,
    embedded: Fts5Index,
    first: list[IndexDocument],
    then: list[IndexDocument],
    asked: list[tuple[Clause, Scope, int, int]],
) -> None:
    plain = FakeSearchIndex()
    engines: tuple[SearchIndex, ...] = (plain, emptied(elastic), embedded)
    embedded.remove(list(embedded.ids()))
    for engine in engines:
        engine.add(first)
        engine.add(then)
        engine.remove([first[0].record_id])
    for clause, scope, limit, offset in asked:
        expected = plain.search(clause, scope, limit, offset)
        assert embedded.search(clause, scope, limit, offset) == expected
        assert elastic.search(clause, scope, limit, offset) == expected
        assert list(elastic.hits(clause, scope)) == list(embedded.hits(clause, scope)) == list(plain.hits(clause, scope))
    assert list(elastic.ids()) == list(embedded.ids()) == list(plain.ids())
