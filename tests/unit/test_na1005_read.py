"""A whole form read: every field, every count, and everything odd about it said and not mended."""

from __future__ import annotations

from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capstone.domain.errors import BadForm
from capstone.domain.forms import Form, FormFile, Node, read_form
from capstone.domain.forms.findings import CODES, same_title, says_no_position
from capstone.domain.forms.values import CutoffChoice, Place, Scope
from connectors.forms.xml import tree_of
from tests.na1005 import NONE_HERE, ROWS, RULES, Rows, a_file, a_form, answers, template


def codes(form: Form) -> list[str]:
    return [one.code for one in form.findings]


def table(form: Form, number: str) -> list[tuple[str, int | None]]:
    category = next(one for one in form.categories if one.number == number)
    return [(position.title, position.accounts) for position in category.positions]


def test_a_form_without_fault_is_read_without_a_finding() -> None:
    form = a_form()

    assert form.findings == ()
    assert (form.number, form.agency, form.record_group, form.revision) == (
        "GRS 6.1-0999-2018-0001", "Agency for Example Affairs", "0999", "09-16",
    )  # fmt: skip
    assert (form.received, form.approved, form.denied, form.total_accounts) == (date(2018, 1, 25), date(2018, 4, 1), None, 6)
    assert (form.items, form.scope, form.scope_comments) == (("010", "011"), Scope.AGENCY_WIDE, "Covers headquarters.")
    assert (form.cutoff.rule, form.transfer.years, form.legacy.since_year) == (CutoffChoice.TENURE, 15, 2010)
    assert (form.supersedes, form.previous_number, form.has_classified_accounts) == (False, None, False)
    assert [(one.role, one.approved, one.day) for one in form.agency_approvals] == [
        ("Agency Records Officer", True, date(2017, 9, 20)),
        ("Senior Agency Official", True, date(2017, 9, 21)),
    ]
    assert [len(category.positions) for category in form.categories] == [1, 2, 0, 0, 1, 0, 0, 0, 0, 0]
    assert {category.reason for category in form.categories if not category.positions} == {NONE_HERE}


def test_positions_keep_the_order_of_the_form_with_the_total_between_them() -> None:
    form = a_form({"1": [("C", "1"), ("A", "2"), ("B", "3")]}, total="6")

    assert table(form, "1") == [("C", 1), ("A", 2), ("B", 3)]
    assert [position.title for position in form.positions()] == ["C", "A", "B"]


def test_all_items_are_one_box() -> None:
    assert a_form(**{"all": "1", "010": "0", "011": "0"}).items == ("010", "011", "012")
    assert a_form(**{"010": "0", "011": "0", "012": "1"}).items == ("012",)


@pytest.mark.parametrize(("yes", "no", "has"), [("1", "0", True), ("0", "1", False), ("0", "0", None), ("1", "1", None)])
def test_the_two_boxes_of_classified_accounts(yes: str, no: str, has: bool | None) -> None:
    form = a_form(classified=yes, classified_not=no)

    assert form.has_classified_accounts is has
    assert codes(form) == ([] if has is not None else ["classified_unclear"])


@pytest.mark.parametrize(
    ("yes", "no", "previous", "expected", "is_clear"),
    [
        ("1", "0", "GRS6.1-0999-2016-0001", (True, "GRS 6.1-0999-2016-0001"), True),
        ("0", "1", "N/A", (False, None), True),
        ("1", "0", "N/A", (True, None), False),
        ("0", "0", "", (None, None), False),
        ("0", "1", "GRS 6.1-0999-2018-0001", (False, None), False),
        ("1", "0", "GRS 6.1-0999-2018-0001", (True, "GRS 6.1-0999-2018-0001"), False),
    ],
)
def test_superseding(yes: str, no: str, previous: str, expected: tuple[bool | None, str | None], is_clear: bool) -> None:
    form = a_form(supersedes=yes, supersedes_not=no, previous=previous)

    assert (form.supersedes, form.previous_number, form.previous_text) == (*expected, previous)
    assert codes(form) == ([] if is_clear else ["supersedes_unclear"])


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"number": ""}, ["number_missing"]),
        ({"number": "GRS 6.1-0999-20018-0001"}, ["number_malformed"]),
        ({"record_group": ""}, ["record_group_missing"]),
        ({"record_group": "0998"}, ["record_group_differs"]),
        ({"received": "soon"}, ["date_not_read"]),
        ({"received": ""}, []),
        ({"010": "0", "011": "0"}, ["items_missing"]),
        ({"component": "1"}, ["scope_unclear"]),
        ({"component": "1", "agency_wide": "0"}, []),
        ({"cutoff": ""}, ["cutoff_not_read"]),
        ({"cutoff": "Cutoff of email will be annual."}, ["cutoff_annual"]),
        ({"cutoff": None, "comments": "Cutoff by employee tenure."}, ["cutoff_in_comments"]),
        ({"transfer": None}, ["transfer_not_read"]),
        ({"transfer": "Transfer when 12 years old"}, ["transfer_not_offered"]),
        ({"transfer": "Classified: transfer when 25 years old. Unclassified: transfer when 15 years old"}, ["transfer_differs"]),
        ({"transfer": None, "comments": "Transfer when 15 years old."}, ["transfer_in_comments"]),
        ({"legacy": "Mail prior to 2007 is not suitable."}, ["legacy_not_read"]),
        ({"legacy": ""}, []),
        ({"officer_approves": "0"}, ["agency_approval_missing"]),
        ({"senior_on": "later"}, ["date_not_read"]),
        ({"approved": "0", "decided_on": ""}, ["not_decided"]),
        ({"denied": "1"}, ["decision_unclear"]),
        ({"decided_on": ""}, ["decision_unclear"]),
        ({"approved": "0", "denied": "1", "denial": "Too many officials."}, ["denied"]),
        ({"total": "7.00000000"}, ["form_sum"]),
        ({"total": "many"}, ["total_not_read"]),
        ({"total": ""}, ["form_sum"]),
    ],
)  # fmt: skip
def test_whatever_is_odd_is_said(changes: dict[str, str | None], found: list[str]) -> None:
    assert codes(a_form(**changes)) == found


def test_every_finding_names_its_place_and_what_stands_there() -> None:
    (one,) = a_form(received="soon").findings

    assert (one.where, one.stated, one.message) == ("received date", "soon", CODES["date_not_read"])


def test_a_sum_that_does_not_add_up_is_reported_with_both_figures() -> None:
    form = a_form(totals={"2": "3.00000000"}, total="6")

    assert [(one.code, one.where, one.stated, one.counted) for one in form.findings] == [
        ("category_sum", "category 2", "3.00000000", 2),
        ("form_sum", "form", "6", 7),
    ]
    assert [category.stated_total for category in form.categories[:2]] == [2, 3]


def test_totals_that_add_up_to_a_sum_the_positions_do_not_reach() -> None:
    form = a_form(totals={"2": "3"}, total="7")

    assert [(one.code, one.counted) for one in form.findings] == [("category_sum", 2), ("positions_sum", 6)]


def test_a_total_that_is_no_number_is_not_taken_for_a_sum() -> None:
    form = a_form(totals={"2": "2-3"}, total="6")

    assert [(one.code, one.stated) for one in form.findings] == [("total_not_read", "2-3"), ("form_sum", "6")]


@pytest.mark.parametrize("count", ["2-3", "varies", "", "1 per office", "12 (6 active)"])
def test_a_count_that_is_no_number_stays_a_text(count: str) -> None:
    form = a_form({"1": [("Director", count), ("Deputy", "1")]}, {"1": "1"}, total="1")

    assert [(position.accounts, position.accounts_text) for position in form.positions()] == [(None, count), (1, "1")]
    assert [(one.code, one.where, one.stated) for one in form.findings] == [("count_not_read", "category 1, row 1", count)]


def test_a_row_of_several_lines_is_one_position() -> None:
    assert table(a_form({"1": [("Director,\rOffice of Examples", "1")]}, total="1"), "1") == [("Director, Office of Examples", 1)]


def test_a_title_and_its_count_in_two_rows_are_said_and_not_joined() -> None:
    form = a_form({"1": [("Deputy Assistant Director", ""), ("", "2")]}, total="2")

    assert table(form, "1") == [("Deputy Assistant Director", None), ("", 2)]
    assert codes(form) == ["count_not_read", "position_missing"]


def test_rows_never_filled_are_passed_over_and_keep_their_place() -> None:
    form = a_form({"1": [("A", "1"), ("", ""), (" ", "0"), ("B", "1")]}, total="2")

    assert [(position.row, position.title) for position in form.positions()] == [(1, "A"), (4, "B")]
    assert form.findings == ()


def test_a_vacant_position_of_no_account_is_a_position() -> None:
    form = a_form({"1": [("Director (vacant)", "0.00000000")]}, total="0")

    assert (table(form, "1"), form.findings) == ([("Director (vacant)", 0)], ())


def test_the_same_position_twice_is_kept_twice_and_said() -> None:
    form = a_form({"1": [("Chief, Staff", "1"), ("chief  staff ", "1")], "2": [("Chief, Staff", "1")]}, total="3")

    assert table(form, "1") == [("Chief, Staff", 1), ("chief  staff", 1)]
    assert [(one.code, one.where, one.stated) for one in form.findings] == [("duplicate_position", "category 1", "Chief, Staff")]


def test_a_reason_that_counts_accounts_is_kept_as_the_form_has_it() -> None:
    form = a_form({"6": [(NONE_HERE, "1.00000000")]}, total="1")

    assert table(form, "6") == [(NONE_HERE, 1)]
    assert [(one.code, one.where, one.counted) for one in form.findings] == [("reason_with_accounts", "category 6, row 1", 1)]


def test_an_empty_category_needs_a_reason() -> None:
    assert codes(a_form({"1": [("Director", "1")], "4": [("", "")]}, total="1")) == ["category_without_reason"]


@pytest.mark.parametrize(
    "reason",
    ["N/A", "N/A - covered in other categories.", "Not applicable.  No positions in this category exist.", "None", "n/a",
     "CFO, CIO and Deputies included in category 2", "Not applicable; covered under other categories. "],
)  # fmt: skip
def test_reasons_are_told_from_positions(reason: str) -> None:
    form = a_form({"5": [(reason, "0.00000000")]}, total="0")

    assert (form.categories[4].positions, form.categories[4].reason) == ((), reason.strip())


@pytest.mark.parametrize(
    "title", ["Director", "Northern Director", "Nonproliferation Chief", "Director of No-Fly Lists", "Natural Resources Chief"]
)
def test_titles_are_not_taken_for_reasons(title: str) -> None:
    assert not says_no_position(title)


def test_a_table_that_is_not_there_is_missed() -> None:
    data = answers()
    start, end = data.index(b"<Cat7>"), data.index(b"</Cat7>") + len(b"</Cat7>")
    file = FormFile(tree_of(data[:start] + data[end:], "data"), tree_of(template(), "pages"), "ab")

    assert [(one.code, one.where) for one in read_form(file, RULES).findings] == [("category_missing", "category 7")]


@pytest.mark.parametrize(
    ("printing", "revision", "found"),
    [("09-16", "09-16", []), ("03-16", "03-16", ["revision_older"]), ("02-22", "02-22", ["revision_unknown"])],
)
def test_the_printing_is_that_of_the_page_and_not_of_its_tooltips(printing: str, revision: str, found: list[str]) -> None:
    form = read_form(FormFile(a_file().answers, tree_of(template(printing), "pages"), "ab"), RULES)

    assert (form.revision, codes(form)) == (revision, found)


@pytest.mark.parametrize("pages", [None, Node("template"), tree_of(template(title="Form of another name"), "pages")])
def test_without_a_printing_the_form_is_read_and_says_so(pages: Node | None) -> None:
    form = read_form(FormFile(a_file().answers, pages, "ab"), RULES)

    assert (form.revision, codes(form)) == (None, ["revision_unknown"])


def test_an_older_printing_without_fields_for_instructions_is_read() -> None:
    form = a_form(cutoff=None, transfer=None, comments="Cutoff of email will be by employee tenure. Transfer when 15 years old.")

    assert (form.cutoff.rule, form.cutoff.place, form.transfer.years) == (CutoffChoice.TENURE, Place.COMMENTS, 15)


@pytest.mark.parametrize(
    "other",
    [
        Node("datasets"),
        Node("datasets", "", (Node("TextField1", "x"),)),
        Node("d", "", (Node("Table1", "", (Node("TextField1"),)),)),
    ],
)
def test_another_form_is_refused(other: Node) -> None:
    with pytest.raises(BadForm, match="not an NA-1005"):
        read_form(FormFile(other, None, "ab"), RULES)


def test_a_blank_form_is_refused() -> None:
    with pytest.raises(BadForm, match="blank"):
        a_form({str(number): [("", "")] for number in range(1, 11)}, number="", agency="", total="")


def test_a_form_of_which_only_the_tables_are_there_is_read() -> None:
    data = "<d><Table1><TextField1/></Table1><Cat1><R><TextField11>A</TextField11></R></Cat1></d>"

    form = read_form(FormFile(tree_of(data.encode(), "data"), None, "ab"), RULES)

    assert (form.number, form.approved, form.decision.name, form.items) == (None, None, "", ())
    assert {"number_missing", "not_decided", "items_missing", "count_not_read", "category_missing"} <= set(codes(form))


_titles = st.text(alphabet="ABC d", max_size=8)
_counts = st.one_of(st.integers(0, 99).map(str), st.sampled_from(["", "2-3", "varies"]))
_tables = st.dictionaries(st.sampled_from([str(n) for n in range(1, 11)]), st.lists(st.tuples(_titles, _counts), max_size=6))


@given(_tables, st.integers(0, 500))
def test_a_sum_is_reported_exactly_when_it_does_not_add_up(rows: dict[str, Rows], total: int) -> None:
    form = a_form(rows, total=str(total))

    counted = sum(int(count) for lines in rows.values() for _, count in lines if count.isdigit())
    assert sum(position.accounts or 0 for position in form.positions()) == counted
    assert ("form_sum" in codes(form)) == (counted != total)
    assert "category_sum" not in codes(form)


@given(_tables)
def test_no_position_is_lost_or_moved(rows: dict[str, Rows]) -> None:
    form = a_form(rows)

    for category in form.categories:
        lines = rows.get(category.number, [(NONE_HERE, "")])
        expected = [(" ".join(title.split("\r")).strip(), count) for title, count in lines]
        kept = [(title, count) for title, count in expected if title not in {"", NONE_HERE} or count not in {"", "0"}]
        assert [(one.title, one.accounts_text) for one in category.positions] == kept
        assert all(earlier.row < later.row for earlier, later in pairwise(category.positions))


def test_every_code_has_a_sentence() -> None:
    assert all(sentence.endswith(".") and code == code.lower() for code, sentence in CODES.items())
    assert same_title("Chief, Staff (2)") == "chief staff 2"
    assert set(ROWS) <= {str(number) for number in range(1, 11)}
