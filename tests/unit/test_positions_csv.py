"""A form's positions as CSV: told apart from officials, read whole or not at all, written so that no cell is a formula."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capstone.domain.errors import BadOfficialsFile
from capstone.domain.forms import positions_csv
from capstone.domain.forms.registering import registered
from capstone.domain.officials import CutoffRule
from capstone.domain.positions_csv import PositionsFile, is_pdf, is_positions_table, read_positions, stated
from capstone.domain.register_facts import FormPosition
from capstone.domain.spreadsheets import as_meant, csv_text, harmless, is_formula, table_of
from tests.na1005 import a_form

HEADER = "form,record_group,category,position,accounts"
ROW = "GRS 6.1-0999-2020-0001,0999,1,Director,2"


def read(*rows: str, header: str = HEADER) -> PositionsFile:
    return read_positions("\r\n".join((header, *rows)).encode(), "ab" * 32)


def refused(*rows: str, header: str = HEADER) -> str:
    with pytest.raises(BadOfficialsFile) as met:
        read(*rows, header=header)
    assert met.value.code == "E004"
    assert "Nothing was imported" in met.value.message
    return met.value.message


# --- reading ---------------------------------------------------------------------------------------


def test_a_list_is_a_form_with_its_positions_in_their_order() -> None:
    (form,) = read("GRS6.1-0999-2020-0001,RG 999,2,Aide,1", ROW).forms
    assert (form.form.number, form.form.record_group, form.form.items) == ("GRS 6.1-0999-2020-0001", "0999", frozenset())
    assert form.positions == (FormPosition("2", "Aide", 1), FormPosition("1", "Director", 2))
    assert (form.total_accounts, form.source_digest, form.form.approved) == (3, "ab" * 32, None)


def test_what_the_form_chose_stands_on_any_of_its_rows() -> None:
    columns = "approved,submitted,supersedes,items,cutoff,transfer_years,block_years,covers_from,total_accounts,agency"
    values = "2020-05-01,2020-01-15,GRS6.1-0999-2016-0001,010 011,Fiscal,25,5,2012-01-01,2,Agency for Example Affairs"
    (form,) = read(f"{ROW},,,,,,,,,,", f"{ROW},{values}", header=f"{HEADER},{columns}").forms
    chosen = form.form
    assert (chosen.approved, chosen.items, chosen.cutoff) == (date(2020, 5, 1), frozenset({"010", "011"}), CutoffRule.FISCAL)
    assert (chosen.transfer_years, chosen.block_years, chosen.covers_from) == (25, 5, date(2012, 1, 1))
    assert (form.submitted, form.previous) == (date(2020, 1, 15), "GRS 6.1-0999-2016-0001")
    assert (form.total_accounts, form.agency) == (2, "Agency for Example Affairs")


def test_several_forms_may_stand_in_one_file_under_any_number() -> None:
    file = read(ROW, "F-2,0001,1,Director,1")
    assert ([one.form.number for one in file.forms], file.rows) == (["GRS 6.1-0999-2020-0001", "F-2"], 2)


def test_an_empty_category_is_a_row_without_position() -> None:
    assert read(ROW, "GRS 6.1-0999-2020-0001,0999,2,,0").forms[0].positions == (FormPosition("1", "Director", 2),)


def test_a_number_of_accounts_may_be_unknown_and_is_pointed_out() -> None:
    file = read("F-1,0999,1,Director,")
    assert file.forms[0].positions == (FormPosition("1", "Director", None),)
    assert [str(notice) for notice in file.warnings] == ["row 2: no number of accounts"]


def test_a_formula_is_taken_as_text_and_pointed_out() -> None:
    file = read("F-1,0999,1,=1+1,1", "F-1,0999,1,'=2+2,1")
    assert [one.position for one in file.forms[0].positions] == ["=1+1", "=2+2"]
    assert [str(notice) for notice in file.warnings] == ["row 2: the position begins like a formula; it was taken as text"]


def test_columns_not_known_are_pointed_out_and_those_for_people_are_not() -> None:
    file = read(f"{ROW},x,y,1,", header=f"{HEADER},colour,note,accounts_in_register,")
    assert [str(notice) for notice in file.warnings] == ["row 1: columns not known and not read: colour, (no name)"]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (",0999,1,Director,1", "form: is empty"),
        ("F-1,many,1,Director,1", "record_group: 'many' is not a record group such as 0563"),
        ("F-1,0999,11,Director,1", "category: '11' is not one of 1 to 10"),
        ("F-1,0999,,Director,1", "category: is empty"),
        ("F-1,0999,1,,2", "position: is empty, and its row counts accounts"),
        ("F-1,0999,1,Director,two", "accounts: 'two' is not a number of accounts"),
        ("F-1,0999,1,Director,1,2", "6 cells where the header has 5"),
        (f"F-1,0999,1,{'x' * 4001},1", "position: longer than 4000 characters"),
    ],
)
def test_a_row_at_fault_is_named_and_nothing_is_imported(row: str, why: str) -> None:
    assert f"row 3: {why}" in refused(ROW, row)


@pytest.mark.parametrize(
    ("column", "text", "why"),
    [
        ("approved", "4/1/2019", "'4/1/2019' is not a date such as 2024-01-31"),
        ("approved", "2019-02-30", "2019-02-30 is not in the calendar"),
        ("items", "10", "'10' is not an item of three digits such as 010"),
        ("cutoff", "yearly", "'yearly' is not one of calendar, fiscal, tenure, administration, other"),
        ("transfer_years", "fifteen", "'fifteen' is not a number of years"),
    ],
)
def test_a_value_that_is_not_what_its_column_says_is_an_error(column: str, text: str, why: str) -> None:
    assert f"row 2: {column}: {why}" in refused(f"{ROW},{text}", header=f"{HEADER},{column}")


def test_a_form_described_in_two_ways_is_an_error() -> None:
    message = refused("F-1,0999,1,Director,1", "F-1,0998,1,Deputy,1", "F-1,,1,Aide,1")
    assert "rows 2, 3: the form is described in two ways (record_group)" in message


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"form,category,position\r\n", "Columns are missing: record_group, accounts."),
        (b"form,form,record_group,category,position,accounts\r\n", "Columns stand in the file twice: form."),
        (HEADER.encode(), "a header and no rows"),
        (b"", "The file is empty."),
        (f"{HEADER}\r\nF-1,0999,1,".encode() + b"Pr\xe9sident,1", "not UTF-8 (line 2)"),
        (f'{HEADER}\r\nF-1,0999,1,"Director,1'.encode(), "row 2: not CSV"),
        (b"x" * (16 * 1024 * 1024 + 1), "larger than 16 MiB"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_named_error(data: bytes, why: str) -> None:
    with pytest.raises(BadOfficialsFile) as met:
        read_positions(data, "")
    assert why in met.value.message


def test_a_byte_order_mark_and_empty_rows_do_not_matter() -> None:
    assert read_positions(f"\ufeff{HEADER}\r\n,,,,\r\n{ROW}\r\n".encode(), "").rows == 1


# --- telling files apart ---------------------------------------------------------------------------


def test_files_are_told_apart_by_what_they_hold() -> None:
    assert is_positions_table(f"{HEADER}\r\n{ROW}".encode())
    assert is_positions_table(b"position,accounts\r\n")
    assert not is_positions_table(f"official,{HEADER}\r\n".encode())
    assert not is_positions_table(b"position,account\r\n")
    assert not is_positions_table(b"\xff\xfe")
    assert is_pdf(b"\n%PDF-1.7", "form.csv")
    assert is_pdf(b"no form", "Form.PDF")
    assert not is_pdf(b"a,b", "form.csv")


# --- beside the register ---------------------------------------------------------------------------


def test_a_list_says_only_what_its_columns_say() -> None:
    known = registered(a_form())
    (same,) = read_positions(positions_csv(a_form()).encode(), "cd" * 32).forms
    assert stated(same, known) == known

    said = replace(same, form=replace(same.form, cutoff=CutoffRule.FISCAL, record_group=None))
    made = stated(said, known)
    assert (made.form.cutoff, made.form.record_group, made.cutoff_text) == (CutoffRule.FISCAL, "0999", known.cutoff_text)
    assert made.source_digest == "cd" * 32


def test_a_form_that_only_a_list_tells_of_uses_all_items_unless_it_says_which() -> None:
    (bare,) = read(ROW).forms
    assert stated(bare, None).form.items == {"010", "011", "012"}
    (chosen,) = read(f"{ROW},010", header=f"{HEADER},items").forms
    assert stated(chosen, None).form.items == {"010"}


# --- cells -----------------------------------------------------------------------------------------


@given(st.text())
def test_a_harmless_cell_is_no_formula_and_gives_back_what_was_meant(cell: str) -> None:
    assert not is_formula(harmless(cell))
    assert as_meant(harmless(cell)) == cell


CELLS = st.text(st.characters(blacklist_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1).map(str.strip).filter(bool)


@given(st.lists(st.tuples(CELLS, CELLS)))
def test_a_written_table_is_read_back(rows: list[tuple[str, str]]) -> None:
    table = table_of(csv_text(("one", "two"), rows).encode())
    assert table.columns == ("one", "two")
    assert [tuple(map(as_meant, cells)) for _, cells in table.rows] == rows
