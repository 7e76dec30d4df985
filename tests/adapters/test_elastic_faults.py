"""A server that is down, frozen, busy, short of memory or cut off: a named error, and nothing that was taken is lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from capstone.domain.errors import BadQuery, IndexRefused, IndexUnavailable
from capstone.domain.query import Everything, Scope, Words
from indexing.elastic import ElasticIndex
from servers.elasticsearch import Elasticsearch, ElasticsearchAccess
from servers.http_faults import HttpFaults
from servers.proxy import FaultProxy
from tests.adapters.elastic_servers import an_index, emptied, place_on
from tests.contracts.agency_documents import agency_documents, record_id_of
from tests.contracts.search_index import numbered
from tests.services import fresh_folder, running

pytestmark = [pytest.mark.service, pytest.mark.slow]
ALL = Scope(None)


def every_use(index: ElasticIndex) -> tuple[Callable[[], object], ...]:
    return (
        index.check,
        lambda: index.search(Everything(), ALL, 1),
        lambda: list(index.hits(Everything(), ALL)),
        lambda: list(index.ids()),
        lambda: index.add(agency_documents()[:2]),
        lambda: index.remove([record_id_of(1)]),
        index.exists,
        index.create,
        index.reset,
    )


# --- answers that say: not now ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def kept(elasticsearch: ElasticsearchAccess) -> Iterator[ElasticIndex]:
    with an_index(elasticsearch, "faults") as made:
        yield made


@pytest.fixture
def index(kept: ElasticIndex) -> ElasticIndex:
    return emptied(kept)


@pytest.fixture
def faults(elasticsearch: ElasticsearchAccess) -> Iterator[HttpFaults]:
    with HttpFaults(elasticsearch.url, elasticsearch.ca_file) as made:
        yield made


@pytest.fixture
def behind(elasticsearch: ElasticsearchAccess, faults: HttpFaults, index: ElasticIndex) -> Iterator[ElasticIndex]:
    """The same index through the faults."""
    made = ElasticIndex(place_on(elasticsearch, "faults", url=faults.url, ca_file=None, attempts=3), threads=2)
    yield made
    made.close()


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_what_is_refused_for_a_moment_is_asked_again(behind: ElasticIndex, faults: HttpFaults, status: int) -> None:
    faults.fail(status, 2, method="PUT", path="/_bulk")
    assert behind.add(agency_documents()) == {}
    for path in ("/test-faults/_msearch", "/test-faults/_refresh", "/_search", "/test-faults/_pit"):
        faults.fail(status, 1, path=path)
    assert behind.search(Everything(), ALL, 0).indexed == 42
    assert len(list(behind.ids())) == 42
    faults.fail(status, 2, path="/_bulk")
    behind.remove([record_id_of(1)])
    assert behind.search(Everything(), ALL, 0).indexed == 41


def test_a_server_that_stays_busy_is_named_and_asked_no_more_than_told(behind: ElasticIndex, faults: HttpFaults) -> None:
    faults.fail(429, 100, path="/_bulk")
    with pytest.raises(IndexUnavailable):
        behind.add(agency_documents()[:1])
    assert [status for _, target, status in faults.requests if target.startswith("/_bulk")] == [429] * 3
    faults.mend()
    assert behind.add(agency_documents()) == {}


def test_a_pause_that_the_answer_asks_for_is_kept(behind: ElasticIndex, faults: HttpFaults) -> None:
    faults.fail(503, 1, path="/_bulk", retry_after_s=2)
    began = time.monotonic()
    assert behind.add(agency_documents()[:1]) == {}
    assert time.monotonic() - began >= 2


@pytest.mark.parametrize("status", [500, 501])
def test_an_error_of_the_server_is_named_and_not_asked_again(behind: ElasticIndex, faults: HttpFaults, status: int) -> None:
    faults.fail(status, 1, path="/test-faults/_msearch")
    with pytest.raises(IndexUnavailable, match=str(status)):
        behind.search(Everything(), ALL, 1)


def test_an_answer_that_was_lost_is_asked_for_again_and_nothing_stands_twice(behind: ElasticIndex, faults: HttpFaults) -> None:
    faults.fail(503, 1, path="/_bulk", after_server=True)
    assert behind.add(agency_documents()) == {}
    assert behind.search(Everything(), ALL, 0).indexed == 42


def test_a_place_that_is_no_elasticsearch_is_named(behind: ElasticIndex, faults: HttpFaults) -> None:
    faults.fail(200, 1, body=b"{}")
    with pytest.raises(IndexRefused, match="not Elasticsearch"):
        behind.check()


def test_a_line_that_is_cut_in_mid_answer_loses_and_doubles_nothing(index: ElasticIndex, elasticsearch: Elasticsearch) -> None:
    with FaultProxy("127.0.0.1", int(elasticsearch.url.rpartition(":")[2])) as proxy:
        cut_off = ElasticIndex(
            place_on(elasticsearch, "faults", url=f"{elasticsearch.url.partition(':')[0]}://127.0.0.1:{proxy.port}"), threads=2
        )
        cut_off.check()
        proxy.drop_after(50, 2)
        proxy.cut_all()
        assert cut_off.add(agency_documents()) == {}
        assert [hit.record_id for hit in cut_off.hits(Everything(), ALL)] == [
            hit.record_id for hit in index.hits(Everything(), ALL)
        ]
        proxy.refuse()
        for use in every_use(cut_off):
            with pytest.raises(IndexUnavailable, match="reached"):
                use()
        proxy.pass_through()
        assert cut_off.search(Everything(), ALL, 0).indexed == 42
        cut_off.close()


@pytest.mark.parametrize("cut_after", [20, 150])
def test_an_answer_whose_headers_end_too_early_is_no_answer(
    index: ElasticIndex, elasticsearch: ElasticsearchAccess, faults: HttpFaults, cut_after: int
) -> None:
    with FaultProxy("127.0.0.1", faults.port) as proxy:  # without TLS, which notices by itself
        place = place_on(elasticsearch, "faults", url=f"http://127.0.0.1:{proxy.port}", ca_file=None, attempts=2)
        cut_off = ElasticIndex(place, threads=2)
        proxy.drop_after(cut_after, reset=False)
        assert cut_off.add(agency_documents()) == {}
        proxy.drop_after(cut_after, reset=False)
        assert cut_off.search(Everything(), ALL, 0).indexed == 42
        for use in every_use(cut_off):
            proxy.drop_after(cut_after, 100, reset=False)
            with pytest.raises(IndexUnavailable, match="reached"):
                use()
        cut_off.close()
    assert index.search(Everything(), ALL, 0).indexed == 42


def test_a_server_that_hangs_is_given_up_after_one_time_limit(index: ElasticIndex, elasticsearch: Elasticsearch) -> None:
    with FaultProxy("127.0.0.1", int(elasticsearch.url.rpartition(":")[2])) as proxy:
        place = place_on(
            elasticsearch, "faults", url=f"{elasticsearch.url.partition(':')[0]}://127.0.0.1:{proxy.port}", timeout_s=4
        )
        hanging = ElasticIndex(place, threads=2)
        proxy.hang()
        for use in every_use(hanging):
            began = time.monotonic()
            with pytest.raises(IndexUnavailable, match="in time"):
                use()
            assert time.monotonic() - began < 10, "asked again"
        proxy.pass_through()
        assert hanging.add(agency_documents()) == {}
        hanging.close()


# --- a server of one's own -------------------------------------------------------------------------


def test_what_add_returned_for_survives_the_death_and_the_sleep_of_the_server(server_folder: Path) -> None:
    with running(Elasticsearch(server_folder)) as server:
        index, hasty = (ElasticIndex(place_on(server, "own", attempts=2, **limit), threads=2) for limit in ({}, {"timeout_s": 5}))
        index.create()
        assert index.add(agency_documents()) == {}
        streamed = index.hits(Everything(), ALL)
        next(streamed)
        server.kill()
        for use in every_use(index):
            with pytest.raises(IndexUnavailable):
                use()
        server.start()
        assert index.search(Everything(), ALL, 0).indexed == 42
        some = index.hits(Everything(), ALL)
        next(some)
        server.freeze()
        for use in (hasty.check, lambda: hasty.add(agency_documents()[:3])):
            with pytest.raises(IndexUnavailable, match="in time"):
                use()
        server.thaw()
        assert index.add(agency_documents()) == {}
        assert len(list(index.ids())) == 42
        index.close()
        hasty.close()


class TightElasticsearch(Elasticsearch):
    """One that takes little at a time and has little room for it."""

    def _prepare(self) -> None:
        super()._prepare()
        settings = self.folder / "config" / "elasticsearch.yml"
        with settings.open("a") as file:
            file.write("http.max_content_length: 300kb\nindexing_pressure.memory.limit: 600kb\n")


@pytest.fixture(scope="module")
def tight() -> Iterator[Elasticsearch]:
    with fresh_folder() as folder, running(TightElasticsearch(folder, heap_mb=256)) as server:
        yield server


def test_requests_too_large_for_the_server_are_cut_smaller_and_those_it_has_no_room_for_wait(tight: Elasticsearch) -> None:
    words = "word " * 4_000
    documents = [numbered(agency_documents()[0], number, body=words, shown_text=words) for number in range(100)]
    large = numbered(agency_documents()[0], 1_000, body="word " * 70_000, shown_text="")
    with an_index(tight, "tight", attempts=10) as index:
        assert index.add([*documents, large]) == {large.record_id: "too_large"}
        assert index.search(Words(("word",)), ALL, 0).total == 100


def test_a_phrase_with_a_prefix_of_too_many_words_is_refused_by_name_and_never_cut(tight: Elasticsearch) -> None:
    """How many words a server compares grows with its memory: this one has a quarter of a gigabyte."""
    with an_index(tight, "words", attempts=10) as index:
        assert index.add([numbered(agency_documents()[0], one, body=f"annual b{one}") for one in range(9_000)]) == {}
        for ask in (index.search, lambda clause, scope, _: next(index.hits(clause, scope))):
            with pytest.raises(BadQuery, match="more letters"):
                ask(Words(("annual", "b"), "body", is_prefix=True), ALL, 1)
        assert index.search(Words(("annual", "b1"), "body", is_prefix=True), ALL, 0).total == 1_111
        assert index.search(Words(("b",), "body", is_prefix=True), ALL, 0).total == 9_000


def test_a_cluster_that_takes_no_more_indices_is_named(tight: Elasticsearch) -> None:
    with an_index(tight, "full") as index:
        tight.ask("PUT", "/_cluster/settings", {"persistent": {"cluster.max_shards_per_node": 1}})
        try:
            with pytest.raises(IndexUnavailable):
                index.add(agency_documents())
        finally:
            tight.ask("PUT", "/_cluster/settings", {"persistent": {"cluster.max_shards_per_node": None}})
        assert index.add(agency_documents()) == {}
        assert index.add([replace(agency_documents()[0], body="again")]) == {}
