"""What every search index answers: more than a hundred questions about an invented agency, with their known answers.

A suite for an index is a subclass of `SearchIndexContract` with a fixture `index` that gives an empty one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from capstone.domain.errors import BadQuery
from capstone.domain.query import And, Clause, Everything, Keyword, Not, Or, Scope, SearchPage, WholeAddress, Words
from capstone.domain.tokens import MAX_WORD_CHARS
from capstone.ports import SearchIndex
from capstone.usecases.query_language import MAX_WORDS, parse_query
from tests.contracts.agency_documents import ROWS, agency_documents, record_id_of

ALL = Scope(None)

# (query, numbers of the documents it finds, in order)
KNOWN_ANSWERS = (
    ("*", "39 38 37 36 35 33 34 32 31 30 29 28 27 26 25 24 23 22 21 20 19 18 17 16 15 14 13 12 11 10 9 8 7 6 5 4 3 2 1 42 41 40"),
    ("welcome", "2 1"),
    ("budget", "38 16 15 14 3 2 1 40"),
    ("Budget", "38 16 15 14 3 2 1 40"),
    ("BUDGET", "38 16 15 14 3 2 1 40"),
    ("annual budget", "2 1"),
    ('"annual budget"', "2 1"),
    ('"budget annual"', ""),
    ('"budget plan"', "3"),
    ("plan budget", "16 3 2"),
    ("budget -plan", "38 15 14 1 40"),
    ("budget NOT plan", "38 15 14 1 40"),
    ("NOT budget", "39 37 36 35 33 34 32 31 30 29 28 27 26 25 24 23 22 21 20 19 18 17 13 12 11 10 9 8 7 6 5 4 42 41"),
    ("-subject:budget budget", "38 16 2 1 40"),
    ("budget OR leap", "38 33 32 31 16 15 14 3 2 1 40"),
    ("budget AND plan", "16 3 2"),
    ("(budget OR plan) annual", "2 1"),
    ("budget OR plan annual", "2 1"),
    ("leap AND day OR budget AND plan", "33 32 31 16 3 2"),
    ('"leap day"', "33 32 31"),
    ('"the leap day"', "33 32 31"),
    ('leap -"leap day"', ""),
    ("budg*", "38 16 15 14 3 2 1 40"),
    ('"annual budg*"', "2 1"),
    ('"annual re*"', "39"),
    ("budgie*", "15"),
    ("b*", "38 31 24 23 22 17 16 15 14 11 3 2 1 42 40"),
    ("subject:budget", "15 14 3"),
    ("subject:(budget OR leap)", "33 32 31 15 14 3"),
    ('subject:"leap day"', "32"),
    ("body:budget", "38 16 15 3 2 1 40"),
    ("subject:budget body:budget", "15 3"),
    ("subject:budget OR body:minutes", "36 15 14 3"),
    ("from:smith", "25 24 15 13 12 8 2 42"),
    ("from:jane", "25 24 15 13 12 8 2 42"),
    ('from:"jane smith"', "25 24 15 13 12 8 2 42"),
    ("from:smythe", "13"),
    ("from:jane.smith@agency.example", "25 24 15 12 8 2 42"),
    ("from:JANE.SMITH@AGENCY.EXAMPLE", "25 24 15 12 8 2 42"),
    ("from:jane.smith@agency.example.net", "13"),
    ("to:maria.chen@agency.example", "23 9 8 6 5 4 2 42 41"),
    ("cc:maria.chen@agency.example", "12"),
    ("bcc:maria.chen@agency.example", "11"),
    ("cc:chen", "12"),
    ("bcc:chen", "11"),
    ("jane.smith@agency.example body:call", "18"),
    ("jane.smith@agency.example -from:smith -to:smith", "3"),
    ("from:@partner.example", "9"),
    ("from:partner", "9"),
    ("from:(chen OR okafor) to:ito", "7"),
    ("to:all-staff@lists.agency.example", "33 34 32 31 19"),
    ("to:all*", "33 34 32 31 19"),
    ("naïve", "10 9"),
    ("naive", "10 9"),
    ("NAIVE café", "10 9"),
    ("resume", "10 9"),
    ("Łódź", "10 9"),
    ("lodz", "10 9"),
    ("strasse", "10 9"),
    ("straße", "10 9"),
    ("coeur", "27"),
    ("fin", "27"),
    ("deja", "27"),
    ('"déjà vu"', "27"),
    ("ёлка", "25"),
    ("елка", "25"),
    ("σισυφος", "26"),
    ("ΣΊΣΥΦΟΣ", "26"),
    ("東京", "7 6"),
    ("東", "7 6"),
    ('"東京タワー"', "6"),
    ("京東", ""),
    ("京都", "7"),
    ("ガイド", "7 6"),
    ("ｶﾞｲﾄﾞ", "7 6"),
    ("カイト", ""),
    ("予算", "6"),
    ("서울", "30"),
    ("예산", "30"),
    ("हिन्दी", "29"),
    ("बजट", "29"),
    ("h2o", "28"),
    ("102", "28"),
    ("5", "28"),
    ("34", "28"),
    ("iv", "28"),
    ("e-mail", "4"),
    ("email", "5"),
    ("don't", "4"),
    ('"42-B/7"', "17"),
    ("42-b", "17"),
    ("1,000.50", "17"),
    ("202-555-0100", "18"),
    ("and", "39 28 24 19 15 7 2"),
    ('"AND OR NOT"', "19"),
    ("after:2020-02-29", "39 38 37 36 35 33 34 32"),
    ("before:2017-01-20", "1"),
    ("after:2020-02-29 before:2020-03-01", "32"),
    ("after:2019-01-01 before:2019-02-01", "15 14"),
    ("after:2020-03-01 before:2020-03-01", ""),
    ("after:2021-07-01", ""),
    ("NOT after:2017-01-02", "42 41 40"),
    ("NOT before:2021-01-01", "39 38 42 41 40"),
    ("undated", "42 41 40"),
    ("undated OR after:2021-01-01", "39 38 42 41 40"),
    ("class:permanent after:2019-01-01", "39 38 20 19 18 17 16 15 14"),
    ("class:temporary budget", ""),
    ("class:unscheduled", "37 36 35 33 34 32 31 42 41 40"),
    ("class:(permanent OR unscheduled) undated", "42 41 40"),
    ("item:011 hold", "23 22"),
    ("NOT item:010 NOT item:011", "37 36 35 33 34 32 31 42 41 40"),
    ("item:012", ""),
    ("account:counsel bluebird", "23 22 42"),
    ("account:(counsel OR deputy) undated", "42 41"),
    ("-account:director budget", "16 15 14"),
    ("has:attachment", "36 27 21 14"),
    ("has:attachment budget", "14"),
    ("NOT has:attachment workbook", ""),
    ("attachment:budget", "14"),
    ("attachment:scan*", "21"),
    ("attachment:reponse", "27"),
    ("scan", "21"),
    ("minutes", "36"),
    ("project bluebird", "23 22"),
    ('"project bluebird"', "23 22"),
    ('"blue bird"', "24"),
    ("bluebird -project", "42"),
    ("NOT (account:director OR account:deputy OR account:counsel)", "37 36 35 33 34 32 31"),
    ("(leap OR undated) (day OR note) -before:2020-03-01", "33 42 41 40"),
    ("((budget OR plan) -(annual OR director)) OR (from:smith after:2019-04-01)", "38 25 24 16 15 14 3 40"),
    ("budget (from:chen OR (from:okafor -subject:plan)) -undated", "38 14 3 1"),
    ("counterrevolutionary", "20"),
    ("antidis*", "20"),
    ("+budget +plan", "16 3 2"),
    ("nothinglikethis", ""),
    ("nothinglikethis OR undated", "42 41 40"),
    ("nothinglikethis budget", ""),
    ("budget -nothinglikethis", "38 16 15 14 3 2 1 40"),
    ("-nothinglikethis after:2021-01-01", "39 38"),
    ("x" * (MAX_WORD_CHARS - 1) + "yz", "20"),
    ("x" * (MAX_WORD_CHARS - 1) + "z", ""),
)

# (query, accounts, numbers found, in order)
KNOWN_ANSWERS_IN_SCOPE = (
    ("*", "director", "39 38 10 9 8 7 6 5 4 3 2 1 40"),
    ("budget", "director", "38 3 2 1 40"),
    ("budget", "deputy", "16 15 14"),
    ("budget", "deputy director", "38 16 15 14 3 2 1 40"),
    ("budget", "counsel", ""),
    ("NOT budget", "deputy", "20 19 18 17 13 12 11 41"),
    ("undated", "counsel", "42"),
    ("account:director budget", "deputy", ""),
    ("account:deputy OR account:counsel bluebird", "counsel", "23 22 42"),
    ("-account:director", "director deputy", "20 19 18 17 16 15 14 13 12 11 41"),
    ("from:jane.smith@agency.example", "director", "8 2"),
    ("*", "nobody", ""),
    ("*", "", ""),
)


def numbers_of(page: SearchPage) -> list[int]:
    return [int(hit.record_id.partition("/")[2]) for hit in page.hits]


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
