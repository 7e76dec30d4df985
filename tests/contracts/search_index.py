"""What every search index answers: more than a hundred questions about an invented agency, with their known answers.

A suite for an index is a subclass of `SearchIndexContract` with a fixture `index` that gives an empty one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from capstone.domain.documents import TEXT_LIMIT_CHARS
from capstone.domain.errors import BadQuery
from capstone.domain.query import (
    MAX_DEPTH,
    And,
    Clause,
    Everything,
    IndexDocument,
    Keyword,
    Not,
    Or,
    Scope,
    SearchPage,
    WholeAddress,
    Words,
)
from capstone.domain.snippets import SNIPPET_CHARS
from capstone.domain.tokens import MAX_WORD_CHARS, words_of
from capstone.ports import SearchIndex
from capstone.usecases.query_language import MAX_WORDS, parse_query
from tests.contracts.agency_documents import ROWS, agency_documents, record_id_of
from tests.contracts.known_answers import KNOWN_ANSWERS, KNOWN_ANSWERS_IN_SCOPE

ALL = Scope(None)


def numbers_of(page: SearchPage) -> list[int]:
    return [int(hit.record_id.partition("/")[2]) for hit in page.hits]


def numbered(document: IndexDocument, number: int, **changes: Any) -> IndexDocument:
    """A document like it, of another record."""
    digest = f"{number:064x}"
    return replace(document, record_id=f"{document.account}/{digest}", digest=digest, **changes)


def numbers_in(text: str) -> list[int]:
    return [int(number) for number in text.split()]


class SearchIndexContract:
    """The promises of the port `SearchIndex`."""

    @pytest.fixture
    def filled(self, index: SearchIndex) -> SearchIndex:
        assert index.add(agency_documents()) == {}
        return index

    @pytest.fixture
    def find(self, filled: SearchIndex) -> Callable[[str], list[int]]:
        return lambda query: numbers_of(filled.search(parse_query(query), ALL, 100))

    def test_known_questions_have_their_known_answers(self, filled: SearchIndex) -> None:
        wrong = {}
        for query, expected in KNOWN_ANSWERS:
            page = filled.search(parse_query(query), ALL, 100)
            if (numbers_of(page), page.total) != (numbers_in(expected), len(expected.split())):
                wrong[query] = (numbers_of(page), page.total, expected)
        assert wrong == {}

    @pytest.mark.parametrize(("query", "accounts", "expected"), KNOWN_ANSWERS_IN_SCOPE)
    def test_a_scope_hides_every_other_account(self, filled: SearchIndex, query: str, accounts: str, expected: str) -> None:
        page = filled.search(parse_query(query), Scope(frozenset(accounts.split())), 100)
        assert numbers_of(page) == numbers_in(expected)
        assert page.total == len(page.hits)
        assert page.indexed == sum(row.account in accounts.split() for row in ROWS)

    def test_coverage_counts_what_was_not_searchable_within_the_scope_only(self, filled: SearchIndex) -> None:
        everywhere = filled.search(parse_query("nothinglikethis"), ALL, 10)
        assert everywhere.indexed == 42
        assert everywhere.unsearchable == {"encrypted": 1, "attachment_text": 2, "cut_off": 1, "headers_only": 1}
        assert filled.search(Everything(), Scope(frozenset({"counsel"})), 1).unsearchable == {"cut_off": 1, "attachment_text": 1}
        assert filled.search(Everything(), Scope(frozenset()), 1).unsearchable == {}

    def test_pages_join_without_gap_or_overlap(self, filled: SearchIndex) -> None:
        whole = numbers_of(filled.search(Everything(), ALL, 100))
        pages = [filled.search(Everything(), ALL, 5, offset) for offset in range(0, 50, 5)]
        assert [number for page in pages for number in numbers_of(page)] == whole
        assert {page.total for page in pages} == {42}
        assert pages[-1].hits == ()

    @pytest.mark.parametrize("query", ["*", "budget", "NOT budget", "nothinglikethis"])
    @pytest.mark.parametrize("accounts", [None, "director deputy", ""])
    def test_all_hits_at_once_are_those_of_the_pages_without_snippets(
        self, filled: SearchIndex, query: str, accounts: str | None
    ) -> None:
        scope = ALL if accounts is None else Scope(frozenset(accounts.split()))
        page = filled.search(parse_query(query), scope, 100)
        assert list(filled.hits(parse_query(query), scope)) == [replace(hit, snippet="") for hit in page.hits]

    def test_all_hits_are_those_of_the_moment_when_the_first_was_asked_for(self, filled: SearchIndex) -> None:
        expected = numbers_of(filled.search(Everything(), ALL, 100))
        streamed = filled.hits(Everything(), ALL)
        first = next(streamed)
        filled.remove([record_id_of(20)])
        filled.add([replace(agency_documents()[21], body="other", day=None, message_date=None)])
        filled.add([replace(agency_documents()[0], record_id="director/" + "f" * 64)])
        assert [int(hit.record_id.partition("/")[2]) for hit in (first, *streamed)] == expected

    def test_all_hits_may_be_left_alone_before_the_last(self, filled: SearchIndex) -> None:
        streamed = iter(filled.hits(Everything(), ALL))
        next(streamed)
        del streamed
        filled.add(agency_documents())
        filled.reset()

    def test_of_a_clause_nested_too_deeply_no_hit_is_given(self, filled: SearchIndex) -> None:
        clause: Clause = Words(("budget",))
        for _ in range(MAX_DEPTH):
            clause = Not(clause)
        with pytest.raises(BadQuery):
            next(iter(filled.hits(clause, ALL)))

    @pytest.mark.parametrize(
        ("limit", "offset", "expected"), [(5, 40, "41 40"), (5, 42, ""), (5, 2**40, ""), (2**31, 38, "1 42 41 40")]
    )
    def test_a_page_may_begin_or_end_behind_the_last_hit(
        self, filled: SearchIndex, limit: int, offset: int, expected: str
    ) -> None:
        page = filled.search(Everything(), ALL, limit, offset)
        assert (numbers_of(page), page.total) == (numbers_in(expected), 42)

    def test_a_limit_of_nothing_still_counts(self, filled: SearchIndex) -> None:
        page = filled.search(parse_query("budget"), ALL, 0)
        assert (page.total, page.hits) == (8, ())

    def test_an_empty_index_answers_nothing(self, index: SearchIndex) -> None:
        page = index.search(Everything(), ALL, 10)
        assert (page.total, page.hits, page.unsearchable, page.indexed) == (0, (), {}, 0)
        assert list(index.ids()) == []

    def test_a_fresh_index_passes_its_check(self, index: SearchIndex) -> None:
        index.check()

    # --- what a hit shows ------------------------------------------------------------------------------

    def test_a_hit_shows_what_was_given(self, filled: SearchIndex) -> None:
        (hit,) = filled.search(parse_query("workbook OR attachment:final"), ALL, 10).hits
        assert (hit.record_id, hit.account) == (record_id_of(14), "deputy")
        assert (hit.from_, hit.to, hit.subject) == ("Chidi Okafor", "Jane Smith", "Budget 2019")
        assert (hit.record_class, hit.schedule_item, hit.has_attachment) == ("permanent", "010", True)
        assert hit.message_date == datetime(2019, 1, 15, 12, tzinfo=UTC)
        assert hit.snippet == "The workbook is attached."

    def test_an_undated_hit_of_no_item_says_so(self, filled: SearchIndex) -> None:
        (hit,) = filled.search(parse_query("undated bluebird"), ALL, 10).hits
        assert (hit.message_date, hit.schedule_item) == (None, None)

    def test_no_control_character_reaches_a_reader(self, filled: SearchIndex) -> None:
        (hit,) = filled.search(parse_query("subject:alert"), ALL, 10).hits
        assert hit.subject == "[31mRed alert"
        assert hit.snippet == "Line one [2J line two."

    def test_a_snippet_stands_around_the_first_word_asked_for(self, index: SearchIndex) -> None:
        document = replace(agency_documents()[0], body="lorem " * 500 + "needle " + "ipsum " * 500)
        index.add([replace(document, shown_text=document.body.replace("needle", "Needle!"))])
        (hit,) = index.search(parse_query("NOT haystack needle"), ALL, 10).hits
        assert "Needle!" in hit.snippet
        assert hit.snippet.startswith("…lorem")
        assert hit.snippet.endswith("ipsum…")
        assert len(hit.snippet) <= 170

    def test_dates_are_compared_as_instants_whatever_their_zone(self, index: SearchIndex) -> None:
        first, second, *_ = agency_documents()
        east, west = timezone(timedelta(hours=10)), timezone(timedelta(hours=-10))
        earlier = replace(first, message_date=datetime(2020, 1, 2, 5, tzinfo=east), day=date(2020, 1, 1))
        later = replace(second, message_date=datetime(2020, 1, 1, 20, tzinfo=west), day=date(2020, 1, 1))
        index.add([earlier, later])
        assert numbers_of(index.search(Everything(), ALL, 10)) == [2, 1]
        assert index.search(Everything(), ALL, 10).hits[1].message_date == earlier.message_date

    @pytest.mark.parametrize("year", [1, 1600, 9999])
    def test_any_year_can_be_held(self, index: SearchIndex, year: int) -> None:
        at = datetime(year, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
        index.add([replace(agency_documents()[0], message_date=at, day=at.date())])
        assert [hit.message_date for hit in index.search(Everything(), ALL, 1).hits] == [at]
        assert index.search(parse_query(f"after:{at.date().isoformat()}"), ALL, 1).total == 1

    # --- changing the index ----------------------------------------------------------------------------

    def test_adding_again_changes_nothing(self, filled: SearchIndex) -> None:
        before = filled.search(Everything(), ALL, 100)
        filled.add(agency_documents())
        assert filled.search(Everything(), ALL, 100) == before

    def test_a_document_added_again_is_replaced_whole(self, filled: SearchIndex, find: Callable[[str], list[int]]) -> None:
        old = agency_documents()[13]
        new = replace(
            old, body="cancelled", subject="", addresses=(("from", "new@agency.example"),), attachment="", unsearchable=()
        )
        filled.add([replace(new, record_class="temporary", has_attachment=False)])
        assert find("workbook OR attachment:xlsx OR subject:2019") == [15]
        assert find("cancelled from:new@agency.example class:temporary -has:attachment") == [14]
        assert 14 not in find("from:chidi.okafor@agency.example")
        page = filled.search(Everything(), ALL, 1)
        assert (page.indexed, page.unsearchable["attachment_text"]) == (42, 1)

    @pytest.mark.parametrize("day", ["2016-12-31", "2019-01-15", "2023-06-01", None])
    def test_a_document_whose_date_changes_stands_at_its_new_date_only(self, filled: SearchIndex, day: str | None) -> None:
        before = filled.search(Everything(), ALL, 100)
        at = None if day is None else datetime.fromisoformat(day).replace(hour=12, tzinfo=UTC)
        moved = [replace(document, message_date=at, day=at and at.date()) for document in agency_documents()[12:16]]
        assert filled.add(moved) == {}
        page = filled.search(Everything(), ALL, 100)
        assert (page.total, page.indexed, len(page.hits)) == (42, 42, 42)
        assert list(filled.ids()) == sorted(document.record_id for document in agency_documents())
        found = filled.search(parse_query("NOT after:0001-01-01" if day is None else f"after:{day}"), ALL, 100)
        assert {13, 14, 15, 16} <= set(numbers_of(found))
        filled.add(agency_documents()[12:16])
        assert filled.search(Everything(), ALL, 100) == before

    def test_a_document_that_changed_its_date_leaves_nothing_behind_when_removed(self, filled: SearchIndex) -> None:
        at = datetime(2020, 1, 1, 12, tzinfo=UTC)
        filled.add([replace(agency_documents()[0], message_date=at, day=at.date())])
        filled.remove([record_id_of(1)])
        assert record_id_of(1) not in set(filled.ids())
        assert filled.search(Everything(), ALL, 100).indexed == 41

    def test_of_one_record_twice_in_a_batch_the_last_stands(self, index: SearchIndex) -> None:
        document = agency_documents()[0]
        index.add([replace(document, body="first"), replace(document, body="second")])
        assert [index.search(parse_query(f"body:{word}"), ALL, 1).total for word in ("first", "second")] == [0, 1]
        assert index.search(Everything(), ALL, 1).indexed == 1

    def test_adding_nothing_is_fine(self, filled: SearchIndex) -> None:
        assert filled.add([]) == {}
        filled.remove([])
        assert filled.search(Everything(), ALL, 1).total == 42

    def test_a_removed_document_leaves_nothing_behind(self, filled: SearchIndex, find: Callable[[str], list[int]]) -> None:
        filled.remove([record_id_of(14), record_id_of(40), "director/unknown", "\ud800"])
        assert find("budget") == [38, 16, 15, 3, 2, 1]
        assert find("workbook OR attachment:xlsx") == []
        page = filled.search(Everything(), ALL, 1)
        assert (page.total, page.indexed, page.unsearchable["attachment_text"]) == (40, 40, 1)
        assert record_id_of(14) not in set(filled.ids())

    def test_ids_come_sorted_and_each_once(self, filled: SearchIndex) -> None:
        filled.add(agency_documents()[:10])
        assert list(filled.ids()) == sorted(document.record_id for document in agency_documents())

    def test_a_reset_index_is_empty_and_usable(self, filled: SearchIndex) -> None:
        filled.reset()
        filled.check()
        assert filled.search(Everything(), ALL, 1).indexed == 0
        filled.add(agency_documents()[:3])
        assert numbers_of(filled.search(parse_query("budget"), ALL, 10)) == [3, 2, 1]

    def test_a_document_that_is_no_text_is_refused_and_the_others_are_taken(self, index: SearchIndex) -> None:
        good, other, *_ = agency_documents()
        assert index.add([replace(other, body="half \ud800"), good]) == {other.record_id: "not_text"}
        assert list(index.ids()) == [good.record_id]

    def test_shown_text_may_hold_anything(self, index: SearchIndex) -> None:
        bad = "\ud800 \x00 \x1b]0;title\x07 \u202e \ue000 text"
        document = replace(agency_documents()[0], shown_subject=bad, shown_from=bad, shown_to=bad, shown_text=bad)
        assert index.add([document]) == {}
        (hit,) = index.search(Everything(), ALL, 1).hits
        assert all(
            char.isprintable() or char == "\ue000" for line in (hit.subject, hit.from_, hit.to, hit.snippet) for char in line
        )

    # --- what is large or long -------------------------------------------------------------------------

    def test_a_phrase_that_ends_in_a_prefix_finds_every_word_that_begins_so(self, index: SearchIndex) -> None:
        base = agency_documents()[0]
        documents = [numbered(base, number, body=f"annual b{number} end") for number in range(3_000)]
        assert index.add(documents) == {}
        for words, total in ((("annual", "b"), 3_000), (("annual", "b29"), 111), (("b", "annual"), 0)):
            assert index.search(Words(words, "body", is_prefix=True), ALL, 0).total == total
            assert index.search(Words(words, None, is_prefix=True), ALL, 0).total == total
        assert index.search(Words(("b",), "body", is_prefix=True), ALL, 0).total == 3_000

    def test_a_phrase_does_not_run_from_one_field_or_person_into_another(self, index: SearchIndex) -> None:
        document = replace(agency_documents()[0], subject="one two", body="three four", from_="five", to="six")
        index.add([document])
        for wanted in ("two three", "four five", "five six", "six five"):
            assert index.search(Words(tuple(wanted.split())), ALL, 0).total == 0
        assert index.search(And((Words(("one", "two")), Words(("three", "four")))), ALL, 0).total == 1

    def test_the_longest_words_of_every_script_are_found_whole(self, index: SearchIndex) -> None:
        long_words = [char * MAX_WORD_CHARS for char in ("x", "é", "ж", "\U00010428", "\U0001e922", "\U00016f45")]
        folded_words = [word for text in long_words for word in words_of(text)]
        assert folded_words
        assert max(map(len, folded_words)) == MAX_WORD_CHARS
        index.add([replace(agency_documents()[0], body=" ".join(folded_words))])
        for word in folded_words:
            assert index.search(Words((word,), "body"), ALL, 0).total == 1
            assert index.search(Words((word[:-1],), "body"), ALL, 0).total == 0
            assert index.search(Words((word[:-1],), "body", is_prefix=True), ALL, 0).total == 1

    def test_a_document_of_a_million_characters_and_thousands_of_addresses_fits(self, index: SearchIndex) -> None:
        words = " ".join(f"w{number}" for number in range(170_000))[:TEXT_LIMIT_CHARS]
        addresses = tuple(("to", f"person{number}@agency.example") for number in range(5_000))
        large = replace(agency_documents()[0], body=words, shown_text="\x01é" * (TEXT_LIMIT_CHARS // 2), addresses=addresses)
        assert index.add([large, agency_documents()[1]]) == {}
        (hit,) = index.search(And((Words(("w99999",)), WholeAddress("person4999@agency.example", "to"))), ALL, 10).hits
        assert hit.record_id == large.record_id
        assert len(hit.snippet) <= SNIPPET_CHARS + 2

    def test_an_address_of_any_length_is_compared_whole(self, index: SearchIndex) -> None:
        long = "a" * 50_000 + "@agency.example"
        index.add([replace(agency_documents()[0], addresses=(("from", long), ("cc", "b@agency.example")))])
        for address, field, total in (
            (long, None, 1), (long.upper(), "from", 1), (long, "to", 0), (long[1:], None, 0), ("b@agency.example", "cc", 1),
            ("b@agency.example", "from", 0), ("b@agency.exampl", None, 0), ("", None, 0), ("\ud800", None, 0),
        ):  # fmt: skip
            assert index.search(WholeAddress(address, field), ALL, 0).total == total

    # --- clauses as values -----------------------------------------------------------------------------

    @pytest.mark.parametrize(
        ("clause", "total"),
        [
            (And(()), 42),
            (Or(()), 0),
            (Not(Everything()), 0),
            (Not(And((Words(("budget",)), Not(Words(("plan",)))))), 37),
            (And((Not(Words(("budget",))), Not(Words(("leap",))))), 31),
            (Or((Not(Words(("budget",))), Words(("plan",)))), 37),
            (Or((Words(("budget",), "subject"), And((Words(("leap",)), Keyword("item", "010"))))), 3),
            (WholeAddress(" MARIA.CHEN@agency.example "), sum("chen" in row.people for row in ROWS)),
            (Keyword("account", "' OR 1=1 --"), 0),
            (Keyword("account", "\ud800"), 0),
            (Words(('budget" OR "plan',)), 0),
        ],
    )
    def test_clauses_mean_what_they_say_however_they_are_joined(self, filled: SearchIndex, clause: Clause, total: int) -> None:
        assert filled.search(clause, ALL, 0).total == total

    def test_a_query_of_the_most_words_allowed_is_answered(self, filled: SearchIndex) -> None:
        words = tuple(Words((f"w{number}",)) for number in range(MAX_WORDS - 1))
        assert filled.search(Or((*words, Words(("budget",)))), ALL, 0).total == 8
        assert filled.search(And((*map(Not, words), Words(("budget",)))), ALL, 0).total == 8
        assert filled.search(And(tuple(Or((word, Everything())) for word in words)), ALL, 0).total == 42

    def test_the_deepest_query_is_answered_and_a_deeper_one_refused(self, filled: SearchIndex) -> None:
        clause: Clause = Words(("budget",))
        for step in range(18):
            inner = Words((f"w{step}",))
            clause = Or((clause, inner)) if step % 2 else And((clause, Not(inner)))
        assert filled.search(clause, ALL, 0).total == 8
        with pytest.raises(BadQuery):
            filled.search(Not(clause), ALL, 0)
