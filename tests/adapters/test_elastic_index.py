"""What stands on the server: its names and mapping, what is refused and why, and who is let in."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from unicodedata import category

import pytest

from capstone.domain.errors import BadSettings, CapstoneError, IndexDamaged, IndexRefused, IndexUnavailable
from capstone.domain.query import Everything, IndexDocument, Scope, Words
from capstone.domain.tokens import folded
from indexing.elastic import ElasticIndex
from indexing.elastic_mapping import MAPPING_VERSION
from servers.certificates import certificates_in
from servers.elasticsearch import ElasticsearchAccess
from servers.errors import ServerError
from tests.adapters.elastic_servers import an_index, emptied, place_on, swept
from tests.contracts.agency_documents import agency_documents, record_id_of
from tests.contracts.search_index import numbered

pytestmark = pytest.mark.service
ALL = Scope(None)
LEAST_RIGHTS = ["read", "index", "delete", "maintenance", "manage"]


@pytest.fixture(scope="module")
def kept(elasticsearch: ElasticsearchAccess) -> Iterator[ElasticIndex]:
    with an_index(elasticsearch, "index") as made:
        yield made


@pytest.fixture
def index(kept: ElasticIndex, elasticsearch: ElasticsearchAccess) -> Iterator[ElasticIndex]:
    yield emptied(kept)
    try:
        kept.check()
    except CapstoneError:
        swept(elasticsearch, "index")
        kept.reset()


def at(year: int) -> dict[str, datetime | date]:
    instant = datetime(year, 6, 1, 12, tzinfo=UTC)
    return {"message_date": instant, "day": instant.date()}


def an_undated(number: int = 1) -> IndexDocument:
    return numbered(agency_documents()[39], number)


# --- names and mapping -----------------------------------------------------------------------------


def test_each_year_has_an_index_in_the_alias_and_so_have_the_undated(
    index: ElasticIndex, elasticsearch: ElasticsearchAccess
) -> None:
    index.reset()
    index.add([numbered(agency_documents()[0], year, **at(year)) for year in (1999, 2017, 2018)] + [an_undated()])
    expected = {f"test-index-v{MAPPING_VERSION}-{year}" for year in ("1999", "2017", "2018", "undated")}
    assert set(elasticsearch.ask("GET", "/_alias/test-index")) == expected
    index.check()


def test_every_index_is_strict_and_says_its_mapping_version(index: ElasticIndex, elasticsearch: ElasticsearchAccess) -> None:
    index.add([an_undated()])
    found = elasticsearch.ask("GET", "/test-index/_mapping")
    assert found
    for described in found.values():
        assert described["mappings"]["dynamic"] == "strict"
        assert described["mappings"]["_meta"] == {"mapping_version": MAPPING_VERSION}
    with pytest.raises(ServerError, match="strict_dynamic_mapping"):
        elasticsearch.ask("POST", f"/test-index-v{MAPPING_VERSION}-undated/_doc", {"newcomer": 1})


def test_creating_again_changes_nothing(index: ElasticIndex) -> None:
    index.add(agency_documents())
    index.create()
    assert index.search(Everything(), ALL, 0).indexed == 42


def test_what_was_never_made_is_unavailable_and_nothing_makes_it_but_create(elasticsearch: ElasticsearchAccess) -> None:
    none = ElasticIndex(place_on(elasticsearch, "never"))
    try:
        assert not none.exists()
        for use in (
            none.check,
            lambda: none.search(Everything(), ALL, 1),
            lambda: list(none.ids()),
            lambda: none.remove(["a/b"]),
        ):
            with pytest.raises(IndexUnavailable):
                use()
        assert not none.exists()
        none.create()
        assert none.exists()
        none.check()
    finally:
        none.close()
        swept(elasticsearch, "never")


@pytest.mark.parametrize(
    ("method", "path", "body", "told"),
    [
        (
            "PUT",
            "/test-index-v9-2020",
            {"aliases": {"test-index": {}}, "mappings": {"_meta": {"mapping_version": 9}}},
            "version 9",
        ),
        ("PUT", "/test-index-v1-2031/_doc/1", {"somebody": "else"}, "not in the alias"),
        ("PUT", "/test-index-v1-2032", {"aliases": {"test-index": {}, "test-index-2032": {}}}, "version none"),
        (
            "PUT",
            "/test-index-v1-2033",
            {"aliases": {"test-index": {}, "test-index-2033": {}}, "mappings": {"_meta": {"mapping_version": 1}}},
            "changed by others",
        ),
        ("PUT", "/test-index-stranger", {"aliases": {"test-index": {}}}, "version none"),
    ],
)
def test_what_others_made_under_our_names_is_damage_and_a_reset_mends_it(
    index: ElasticIndex, elasticsearch: ElasticsearchAccess, method: str, path: str, body: object, told: str
) -> None:
    index.add([an_undated()])
    elasticsearch.ask(method, path, body)
    with pytest.raises(IndexDamaged, match=told):
        index.check()
    with pytest.raises(IndexDamaged):
        index.create()
    index.reset()
    index.check()
    assert index.search(Everything(), ALL, 0).indexed == 0
    if "stranger" in path:
        assert elasticsearch.ask("GET", path) == {path[1:]: elasticsearch.ask("GET", path)[path[1:]]}
        elasticsearch.ask("DELETE", path)


def test_an_index_that_lost_an_alias_is_damage(index: ElasticIndex, elasticsearch: ElasticsearchAccess) -> None:
    index.add(agency_documents())
    elasticsearch.ask("DELETE", "/test-index-v1-2018/_alias/test-index-2018")
    with pytest.raises(IndexDamaged, match="changed by others"):
        index.check()


def test_an_index_that_has_the_name_of_the_alias_is_never_taken_away(elasticsearch: ElasticsearchAccess) -> None:
    elasticsearch.ask("PUT", "/test-taken/_doc/1", {"somebody": "else"})
    taken = ElasticIndex(place_on(elasticsearch, "taken"))
    try:
        for use in (taken.check, taken.create, taken.reset):
            with pytest.raises(IndexDamaged, match="where"):
                use()
        assert elasticsearch.ask("GET", "/test-taken/_doc/1")["_source"] == {"somebody": "else"}
    finally:
        taken.close()
        swept(elasticsearch, "taken")


def test_an_index_reset_by_another_process_is_filled_anew(index: ElasticIndex, elasticsearch: ElasticsearchAccess) -> None:
    index.add(agency_documents())
    other = ElasticIndex(place_on(elasticsearch, "index"))
    other.reset()
    assert index.search(Everything(), ALL, 0).indexed == 0
    assert index.add(agency_documents()) == {}
    assert other.search(Everything(), ALL, 0).indexed == 42
    other.check()
    other.close()


# --- documents -------------------------------------------------------------------------------------


def test_a_document_that_the_mapping_cannot_take_is_refused_alone_and_its_reason_quotes_nothing(index: ElasticIndex) -> None:
    bad = replace(agency_documents()[1], schedule_item="secret" * 10_000)
    refused = index.add([agency_documents()[0], bad, agency_documents()[2]])
    assert list(refused) == [bad.record_id]
    assert "secret" not in refused[bad.record_id]
    assert list(index.ids()) == [record_id_of(1), record_id_of(3)]


def test_a_refused_document_leaves_the_one_that_was_there(index: ElasticIndex) -> None:
    index.add(agency_documents()[:3])
    assert list(index.add([replace(agency_documents()[1], schedule_item="x" * 40_000, **at(2005))])) == [record_id_of(2)]
    assert index.search(Everything(), ALL, 10).total == 3


def test_a_year_changed_by_another_process_leaves_one_document(index: ElasticIndex, elasticsearch: ElasticsearchAccess) -> None:
    other = ElasticIndex(place_on(elasticsearch, "index"))
    document = agency_documents()[0]
    for number, year in enumerate((2001, 2002, 2001, 2003)):
        (index, other)[number % 2].add([replace(document, **at(year))])
        assert other.search(Everything(), ALL, 10).total == 1
    other.close()
    assert list(index.ids()) == [document.record_id]


def test_a_year_changed_by_another_process_before_anyone_searched_leaves_one_document(
    index: ElasticIndex, elasticsearch: ElasticsearchAccess
) -> None:
    other = ElasticIndex(place_on(elasticsearch, "index"))
    document = agency_documents()[0]
    for number, year in enumerate((2001, 2002, 2001, 2003, 2002)):
        (index, other)[number % 2].add([replace(document, **at(year))])
    other.close()
    assert list(index.ids()) == [document.record_id]
    assert index.search(Everything(), ALL, 10).total == 1


def test_a_record_that_stands_in_two_years_is_noticed(index: ElasticIndex, elasticsearch: ElasticsearchAccess) -> None:
    index.add([replace(agency_documents()[0], **at(2001)), replace(agency_documents()[1], **at(2002))])
    assert index.search(Everything(), ALL, 0).total == 2
    (row,) = elasticsearch.ask("GET", "/test-index-v1-2001/_search")["hits"]["hits"]
    elasticsearch.ask("PUT", f"/test-index-v1-2002/_doc/{row['_id'].replace('/', '%2F')}", row["_source"])
    with pytest.raises(IndexDamaged, match="twice"):
        list(index.ids())
    index.remove([record_id_of(1)])
    assert list(index.ids()) == [record_id_of(2)]


def test_what_another_process_added_is_found_at_once(index: ElasticIndex, elasticsearch: ElasticsearchAccess) -> None:
    other = ElasticIndex(place_on(elasticsearch, "index"))
    for number in range(20):
        index.add([an_undated(number)])
        assert other.search(Everything(), ALL, 0).indexed == number + 1
    other.remove([an_undated(0).record_id])
    assert index.search(Everything(), ALL, 0).indexed == 19
    other.close()


def test_several_add_at_once_and_nothing_is_lost(index: ElasticIndex, elasticsearch: ElasticsearchAccess) -> None:
    others = [ElasticIndex(place_on(elasticsearch, "index"), threads=2) for _ in range(3)]

    def fill(writer: int) -> None:
        mine = [index, *others][writer % 4]
        for first in range(0, 300, 50):
            numbers = range(1000 * writer + first, 1000 * writer + first + 50)
            assert mine.add([numbered(agency_documents()[0], one, **at(2010 + one % 3)) for one in numbers]) == {}

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(fill, range(6)))
    assert index.search(Everything(), ALL, 0).total == 1_800
    assert len(list(index.ids())) == 1_800
    for other in others:
        other.close()


@pytest.mark.slow
def test_the_engine_parts_folded_text_at_blanks_only_for_every_character_of_unicode(elasticsearch: ElasticsearchAccess) -> None:
    chars = (chr(code) for code in range(sys.maxunicode + 1))
    words = [
        word for char in chars if category(char) not in {"Cn", "Co"} for word in folded(f"q{char}z {char}").split(" ") if word
    ]
    for start in range(0, len(words), 9_000):
        some = words[start : start + 9_000]
        answer = elasticsearch.ask("POST", "/_analyze", {"analyzer": "whitespace", "text": " ".join(some)})
        assert [token["token"] for token in answer["tokens"]] == some


# --- an index that only reads ----------------------------------------------------------------------


@pytest.mark.parametrize("block", ["read_only_allow_delete", "write", "read_only"])
def test_a_read_only_index_answers_takes_nothing_and_says_so(
    index: ElasticIndex, elasticsearch: ElasticsearchAccess, block: str
) -> None:
    index.add(agency_documents())
    elasticsearch.ask("PUT", "/test-index/_settings", {f"index.blocks.{block}": True})
    try:
        changed = [replace(document, body="changed") for document in agency_documents()]
        for change in (lambda: index.add(changed), lambda: index.remove([record_id_of(1)])):
            with pytest.raises(IndexUnavailable, match="read-only"):
                change()
        index.check()
        assert index.search(Words(("budget",)), ALL, 10).total == 8
        assert len(list(index.ids())) == len(list(index.hits(Everything(), ALL))) == 42
    finally:
        elasticsearch.ask("PUT", "/test-index/_settings", {f"index.blocks.{block}": None})
    assert index.add(changed) == {}
    assert index.search(Words(("changed",)), ALL, 0).total == 42


# --- who is let in ---------------------------------------------------------------------------------


def a_key(server: ElasticsearchAccess, *privileges: str) -> str:
    return server.api_key(
        "few rights", {"few": {"indices": [{"names": ["test-index", "test-index-*"], "privileges": privileges}]}}
    )


def refusing(index: ElasticIndex) -> list[type[Exception]]:
    """What each use of an index raises, for those that raise."""
    met: list[type[Exception]] = []
    uses: tuple[Callable[[], object], ...] = (
        index.check,
        lambda: index.search(Everything(), ALL, 1),
        lambda: list(index.hits(Everything(), ALL)),
        lambda: list(index.ids()),
        lambda: index.add([an_undated(7)]),
        lambda: index.remove([an_undated(7).record_id]),
        index.reset,
    )
    for use in uses:
        try:
            use()
        except CapstoneError as exc:
            met.append(type(exc))
    index.close()
    return met


def test_a_wrong_key_is_refused_by_name(index: ElasticIndex, elasticsearch: ElasticsearchAccess) -> None:
    wrong = ElasticIndex(place_on(elasticsearch, "index", api_key="d3Jvbmc6d3Jvbmc="))
    assert refusing(wrong) == [IndexRefused] * 7
    assert not IndexRefused.retryable


def test_the_rights_that_the_error_names_are_enough(index: ElasticIndex, elasticsearch: ElasticsearchAccess) -> None:
    limited = ElasticIndex(place_on(elasticsearch, "index", api_key=a_key(elasticsearch, *LEAST_RIGHTS)))
    assert refusing(limited) == []


def test_a_right_that_is_missing_is_named(index: ElasticIndex, elasticsearch: ElasticsearchAccess) -> None:
    reader = ElasticIndex(
        place_on(elasticsearch, "index", api_key=a_key(elasticsearch, "read", "maintenance", "view_index_metadata"))
    )
    assert refusing(reader) == [IndexRefused] * 2  # adding and making anew; there is nothing to remove
    index.add([an_undated(7)])
    with pytest.raises(IndexRefused, match="right") as caught:
        reader.remove([an_undated(7).record_id])
    assert all(right in caught.value.next_step for right in LEAST_RIGHTS)
    reader.close()


def test_a_certificate_of_another_authority_is_not_trusted(
    index: ElasticIndex, elasticsearch: ElasticsearchAccess, server_folder: Path
) -> None:
    certificates_in(server_folder)
    wrong = ElasticIndex(place_on(elasticsearch, "index", ca_file=server_folder / "ca.pem"))
    with pytest.raises(IndexRefused, match="certificate"):
        wrong.check()
    assert refusing(wrong) == [IndexRefused] * 7
    assert refusing(ElasticIndex(place_on(elasticsearch, "index", ca_file=None))) == [IndexRefused] * 7


def test_an_address_without_tls_reaches_nothing(elasticsearch: ElasticsearchAccess) -> None:
    plain = ElasticIndex(
        place_on(elasticsearch, "index", url=elasticsearch.url.replace("https", "http"), ca_file=None, attempts=1)
    )
    with pytest.raises(IndexUnavailable):
        plain.check()
    plain.close()


def test_settings_that_cannot_be_used_are_named(elasticsearch: ElasticsearchAccess, tmp_path: Path) -> None:
    (tmp_path / "empty.pem").touch()
    for changes in ({"ca_file": tmp_path / "none.pem"}, {"ca_file": tmp_path / "empty.pem"}, {"url": "search.agency.example"}):
        with pytest.raises(BadSettings):
            ElasticIndex(place_on(elasticsearch, "index", **changes)).check()


def test_a_place_does_not_show_its_key(elasticsearch: ElasticsearchAccess) -> None:
    place = place_on(elasticsearch, "index", url="https://user:hidden@search.agency.example:9200", api_key="hidden")
    assert "hidden" not in repr(place)
    assert "test-index" in repr(place)
