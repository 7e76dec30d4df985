"""The officials file: what is read, what is refused with all rows named, what is only pointed out."""

from __future__ import annotations

import codecs
from datetime import date

import pytest

from capstone.domain.errors import BadOfficialsFile
from capstone.domain.officials import CutoffRule, Form
from capstone.domain.officials_csv import OfficialsFile, read_officials
from tests.builders import TODAY

COLUMNS = ("official", "office", "position", "category", "account", "addresses", "from", "until", "acting", "form", "approved")
MORE = (*COLUMNS, "record_group", "items", "cutoff", "transfer_years", "covers_from")
ADA = {
    "official": "Ada Brook",
    "office": "Office of the Director",
    "position": "Director",
    "category": "1",
    "account": "director",
    "addresses": "director@agency.example",
    "from": "2010-01-01",
    "until": "2014-12-31",
    "acting": "no",
    "form": "F-1",
    "approved": "2019-04-01",
    "cutoff": "tenure",
}
BEN = ADA | {"official": "Ben Carver", "from": "2015-01-01", "until": ""}


def a_file(*rows: dict[str, str], columns: tuple[str, ...] = MORE) -> bytes:
    lines = [",".join(columns)]
    lines += [",".join('"' + row.get(name, "").replace('"', '""') + '"' for name in columns) for row in rows]
    return "\r\n".join(lines).encode() + b"\r\n"


def read(*rows: dict[str, str], **options: object) -> OfficialsFile:
    return read_officials(a_file(*rows), frozenset(), **options)  # type: ignore[arg-type]


def refusal(*rows: dict[str, str]) -> str:
    with pytest.raises(BadOfficialsFile) as caught:
        read(*rows)
    assert "Nothing was imported" in caught.value.message
    return caught.value.message


def warnings(*rows: dict[str, str], today: date | None = None) -> list[str]:
    return [str(notice) for notice in read(*rows, today=today).warnings]


# --- what is read -----------------------------------------------------------------------------------


def test_a_row_says_who_held_which_role_with_which_account_and_under_which_form() -> None:
    row = ADA | {
        "addresses": " Director@Agency.Example  ada@agency.example director@agency.example ",
        "acting": "Yes",
        "record_group": "0999",
        "items": "010 011",
        "cutoff": "Fiscal",
        "transfer_years": "20",
        "covers_from": "2001-01-20",
    }
    found = read(row)
    assert (found.rows, found.warnings) == (1, ())
    (one,) = found.designations
    assert (one.official, one.office, one.position) == ("Ada Brook", "Office of the Director", "Director")
    assert (one.category, one.account, one.acting) == ("1", "director", True)
    assert one.addresses == ("director@agency.example", "ada@agency.example")
    assert (one.starts, one.ends) == (date(2010, 1, 1), date(2014, 12, 31))
    items = frozenset({"010", "011"})
    assert one.form == Form("F-1", "0999", date(2019, 4, 1), items, CutoffRule.FISCAL, 20, date(2001, 1, 20))
    assert len(one.designation_id) == 12


def test_the_optional_columns_may_be_missing_and_then_all_three_items_are_used() -> None:
    (one,) = read_officials(a_file(ADA, columns=COLUMNS)).designations
    assert one.form == Form("F-1", approved=date(2019, 4, 1))
    assert one.form.items == {"010", "011", "012"}


def test_columns_are_found_by_name_in_any_order_case_and_with_blanks() -> None:
    shuffled = tuple(reversed(COLUMNS))
    data = a_file(ADA, columns=shuffled).replace(b"category", b" Category ").replace(b"official,", b"OFFICIAL,")
    assert read_officials(data).designations == read_officials(a_file(ADA, columns=COLUMNS)).designations


def test_the_byte_order_mark_of_a_spreadsheet_and_empty_rows_are_passed_over() -> None:
    data = codecs.BOM_UTF8 + b"\r\n" + a_file(ADA) + b",,,,\r\n\r\n"
    found = read_officials(data)
    assert (len(found.designations), found.rows) == (1, 1)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_a_file_whose_mark_says_its_encoding_is_read_in_it(encoding: str) -> None:
    zoe = ADA | {"official": "Zo\u00eb \u6771"}
    assert read_officials(a_file(zoe).decode().encode(encoding)).designations == read(zoe).designations


def test_how_a_designation_was_decided_is_kept() -> None:
    told = ADA | {"decided": "Order 7", "decided_by": "the Secretary", "evidence": "box 3"}
    (one,) = read_officials(a_file(told, columns=(*MORE, "decided", "decided_by", "evidence"))).designations
    assert (one.decided, one.decided_by, one.evidence) == ("Order 7", "the Secretary", "box 3")
    assert one.designation_id != read(ADA).designations[0].designation_id


def test_a_name_in_two_unicode_forms_is_one_name() -> None:
    composed, decomposed = ADA | {"official": "Zo\u00eb"}, ADA | {"official": "Zoe\u0308"}
    assert read(composed).designations == read(decomposed).designations


def test_an_internal_domain_is_no_error_when_it_is_named() -> None:
    row = ADA | {"addresses": "director@corp.local"}
    assert "addresses" in refusal(row)
    assert len(read_officials(a_file(row), frozenset({"local"})).designations) == 1


def test_the_rows_of_one_form_share_what_one_of_them_says_of_it() -> None:
    full = ADA | {"record_group": "0999", "items": "010", "transfer_years": "15"}
    clerk = ADA | {"account": "clerk", "addresses": "", "category": "none", "cutoff": ""}
    other_form = clerk | {"account": "other", "form": "F-2"}
    found = read(full, clerk, other_form)
    assert found.designations[0].form == found.designations[1].form
    assert found.designations[2].form == Form("F-2", approved=date(2019, 4, 1))


def test_rows_without_a_form_share_nothing() -> None:
    nameless = ADA | {"form": "", "approved": "", "record_group": "0999"}
    other = nameless | {"account": "other", "addresses": "", "record_group": "0001", "cutoff": ""}
    found = read(nameless, other)
    assert [row.form.record_group for row in found.designations] == ["0999", "0001"]
    assert [row.form.cutoff for row in found.designations] == [CutoffRule.TENURE, None]


# --- what is refused --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"until": "2009-12-31"}, "until: 2009-12-31 is before from 2010-01-01"),
        ({"from": ""}, "from: is empty"),
        ({"from": "1/20/2009"}, "'1/20/2009' is not a date such as 2024-01-31"),
        ({"from": "20100101"}, "is not a date"),
        ({"from": "40179"}, "it is a spreadsheet's number of a day and probably means 2010-01-01"),
        ({"until": "1/2/2014"}, "it may mean 2014-01-02 or 2014-02-01"),
        ({"official": "=cmd|' /C calc'!A0"}, "official: begins with '=', as a formula does"),
        ({"office": "+1 202 555 0100"}, "office: begins with '+'"),
        ({"until": "-"}, "until: begins with '-'"),
        ({"position": "@Director"}, "position: begins with '@'"),
        ({"addresses": "\tdirector@agency.example"}, "addresses: begins with '\\t'"),
        ({"until": "2014-02-30"}, "2014-02-30 is not in the calendar"),
        ({"official": " "}, "official: is empty"),
        ({"position": ""}, "position: is empty"),
        ({"position": "Head\nof it"}, "position: holds a control character"),
        ({"office": "A\x1b[31mB"}, "office: holds a control character"),
        ({"office": "x" * 4001}, "office: longer than 4000"),
        ({"category": "11"}, "'11' is not one of 1 to 10, support, none"),
        ({"category": "01"}, "not one of"),
        ({"category": ""}, "category: is empty"),
        ({"account": "Director"}, "is not an id of lower-case"),
        ({"account": "a" * 64}, "at most 63"),
        ({"account": "../x"}, "is not an id"),
        ({"addresses": "director(at)agency.example"}, "addresses: 'director(at)agency.example'"),
        ({"acting": "perhaps"}, "'perhaps' is neither yes nor no"),
        ({"approved": "soon"}, "approved: 'soon' is not a date"),
        ({"form": ""}, "a date without the form's number"),
        ({"items": "10"}, "a spreadsheet may have cut the zero"),
        ({"cutoff": "never"}, "'never' is not one of calendar, fiscal, tenure, administration"),
        ({"transfer_years": "0"}, "is not a number of years"),
        ({"transfer_years": "15.0"}, "is not a number of years"),
        ({"covers_from": "2001"}, "covers_from: '2001' is not a date"),
    ],
)
def test_a_cell_that_cannot_be_read_is_named_with_its_row(change: dict[str, str], told: str) -> None:
    message = refusal(ADA | {"account": "fine", "addresses": ""}, ADA | change)
    assert f"row 3: {next(iter(change))}" in message or "form" in change
    assert told in message


def test_all_rows_at_fault_are_told_at_once_in_order() -> None:
    message = refusal(
        ADA | {"category": "boss"},
        BEN,
        BEN | {"from": "2016-01-01"},
        ADA | {"until": "x", "account": "?", "position": "p"},
    )
    places = [message.index(told) for told in ("row 2: category", "rows 3, 4:", "row 5: until", "row 5: account")]
    assert places[0] < places[1] < min(places[2:])


def test_of_very_many_faults_twenty_are_shown() -> None:
    message = refusal(*[ADA | {"category": "boss"}] * 30)
    assert message.count("row ") == 20
    assert message.endswith("and 10 more")
    assert "more" not in refusal(*[ADA | {"category": "boss"}] * 20)


def test_two_open_intervals_of_one_official_in_one_position_and_account_contradict_each_other() -> None:
    message = refusal(BEN, BEN | {"from": "2016-01-01"})
    assert "rows 2, 3: Ben Carver as Director in account director has two intervals without an end" in message
    assert read(BEN, BEN | {"from": "2016-01-01", "position": "Chairman"}).rows == 2


def test_one_row_told_in_two_ways_is_a_contradiction() -> None:
    assert "rows 2, 3: Ada Brook as Director in account director from 2010-01-01 is told" in refusal(ADA, ADA | {"until": ""})


def test_an_address_cannot_be_in_two_accounts_at_once() -> None:
    deputy = ADA | {"account": "deputy", "from": "2014-12-31", "until": ""}
    message = refusal(ADA, deputy)
    assert "rows 2, 3: address director@agency.example belongs to two accounts at once: director and deputy" in message
    assert read(ADA, deputy | {"from": "2015-01-01"}).rows == 2
    assert read(ADA, BEN).rows == 2


def test_an_address_is_followed_through_many_accounts() -> None:
    long = ADA | {"account": "a", "from": "2000-01-01", "until": "2020-12-31"}
    short = ADA | {"account": "a", "position": "p", "from": "2001-01-01", "until": "2002-01-01"}
    third = ADA | {"account": "b", "from": "2021-01-01", "until": "2021-12-31"}
    fourth = ADA | {"account": "c", "from": "2022-01-01", "until": "2022-12-31"}
    assert read(long, short, third, fourth).rows == 4
    message = refusal(long, short, third, fourth | {"from": "2005-01-01"})
    assert "rows 2, 5:" in message
    assert "rows 4, 5:" in message


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"approved": ""}, "(approved)"),
        ({"approved": "2020-01-01", "cutoff": "calendar"}, "(approved, cutoff)"),
        ({"items": "010", "transfer_years": "20", "record_group": "1"}, "(record_group, items, transfer_years)"),
    ],
)
def test_one_form_cannot_be_described_in_two_ways(change: dict[str, str], told: str) -> None:
    full = ADA | {"items": "010 011", "transfer_years": "15", "record_group": "2"}
    message = refusal(full, BEN | {"items": "010 011"} | change)
    assert "rows 2, 3: form F-1 is described in two ways" in message
    assert told in message


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "empty"),
        (b"\r\n , ,\r\n", "empty"),
        (a_file(), "a header and no rows"),
        (codecs.BOM_UTF16_LE + b"\x00", "not UTF-16 (line 1)"),
        (a_file(ADA).decode().encode("utf-16-le"), "not UTF-8 (line 1 holds a NUL)"),
        (a_file(ADA).decode().replace("Brook", "Bröok").encode("latin-1"), "not UTF-8 (line 2)"),
        (a_file(ADA).decode().replace("Brook", "Bro\u2019ok").encode("cp1252"), "not UTF-8 (line 2)"),
        (b"sep=;\r\n" + a_file(ADA), "parted by commas, not by semicolons"),
        (a_file(ADA).replace(b'"', b"").replace(b",", b"\t"), "parted by commas, not by tabs"),
        (a_file(ADA).replace(b"Ada Brook", b"Ad\xe9"), "not UTF-8 (line 2)"),
        (a_file(ADA).replace(b"official,", b"name,"), "Columns are missing: official."),
        (a_file(ADA).replace(b'"', b"").replace(b",", b";"), "parted by commas, not by semicolons"),
        (b"official\r\nAda\r\n", "Columns are missing: office"),
        (a_file(ADA, columns=(*MORE, "form")), "twice: form"),
        (a_file(ADA) + b'"a","b"\r\n', "row 3: 2 cells where the header has 16"),
        (a_file(ADA) + b'"a"b,', "row 3: not CSV"),
        (a_file(ADA) + b'"a', "row 3: not CSV"),
        (a_file(ADA | {"office": "x" * 140_000}), "row 2: not CSV"),
        (b"a" * (16 * 1024 * 1024 + 1), "larger than 16 MiB"),
    ],
)
def test_a_file_that_is_no_such_table_is_refused(data: bytes, told: str) -> None:
    with pytest.raises(BadOfficialsFile) as caught:
        read_officials(data)
    assert told in caught.value.message


# --- what is pointed out ----------------------------------------------------------------------------


def test_a_plain_file_has_no_warnings() -> None:
    assert warnings(ADA, BEN, today=TODAY) == []


def test_an_overlap_of_roles_is_accepted_and_pointed_out() -> None:
    chair = ADA | {"position": "Chairman", "from": "2012-01-01", "until": "2012-12-31"}
    assert warnings(ADA, chair, BEN) == [
        "rows 2, 3: account director has two roles at once from 2012-01-01; the longer keeping wins"
    ]


def test_two_roles_that_share_one_day_overlap() -> None:
    assert warnings(ADA, BEN | {"from": "2014-12-31"}) == [
        "rows 2, 3: account director has two roles at once from 2014-12-31; the longer keeping wins"
    ]


def test_a_gap_between_two_holders_is_pointed_out_but_not_under_a_longer_role() -> None:
    late = BEN | {"from": "2015-02-01"}
    short = ADA | {"position": "Chairman", "from": "2012-01-01", "until": "2012-12-31"}
    assert warnings(ADA, late) == [
        "rows 2, 3: account director has no role from 2015-01-01 to 2015-01-31; its mail of these days is unscheduled"
    ]
    assert sum("has no role" in text for text in warnings(short, ADA, late)) == 1


def test_a_form_that_is_not_approved_is_pointed_out() -> None:
    assert warnings(ADA | {"approved": ""}) == ["row 2: form F-1 is not approved; mail under it is unscheduled and kept"]
    assert warnings(ADA | {"approved": "", "form": ""})[0].startswith("row 2: form (none) is not approved")
    ahead = warnings(ADA | {"approved": "2030-01-01"}, today=TODAY)
    assert ahead == ["row 2: form F-1 is approved only from 2030-01-01, which lies ahead"]


def test_an_unknown_cutoff_of_a_capstone_official_is_pointed_out() -> None:
    assert warnings(ADA | {"cutoff": ""}) == ["row 2: no cutoff is known for category 1; transfer dates stay empty"]
    assert warnings(ADA | {"cutoff": "", "category": "none"}) == []


def test_an_account_without_addresses_is_pointed_out() -> None:
    assert warnings(ADA | {"addresses": ""}) == [
        "row 2: account director has no address here; mail it sent for an official is known by its Sent folder only"
    ]


def test_dates_ahead_of_today_are_pointed_out() -> None:
    found = warnings(BEN | {"from": "2026-06-02", "until": "2027-01-01"}, today=TODAY)
    assert found == ["row 2: from 2026-06-02 lies ahead", "row 2: until 2027-01-01 lies ahead"]
    assert warnings(BEN | {"from": "2026-06-01", "until": "2026-06-01", "approved": "2026-06-01"}, today=TODAY) == []


def test_the_same_row_twice_counts_once_and_is_pointed_out() -> None:
    found = read(ADA, BEN, ADA)
    assert (found.rows, len(found.designations)) == (3, 2)
    assert [str(notice) for notice in found.warnings] == ["rows 2, 4: the same row twice; it counts once"]


def test_columns_that_nobody_knows_are_pointed_out_and_not_read() -> None:
    data = a_file(ADA, columns=(*MORE, "phone", ""))
    assert [str(notice) for notice in read_officials(data).warnings] == [
        "row 1: columns not known and not read: phone, (no name)"
    ]
