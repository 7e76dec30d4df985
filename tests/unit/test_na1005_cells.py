"""Single fields of a form: what is a count, a day, a box or a number, and what is not."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capstone.domain.forms.cells import box_of, count_of, day_of, form_number_of, one_line, record_group_of


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("12.00000000", 12), ("0.00000000", 0), ("1", 1), (" 58 ", 58), ("1,265", 1265), ("1,265.00000000", 1265), ("007", 7),
        ("", None), (None, None), ("2-3", None), ("varies", None), ("1 per office", None), ("12 (6 active)", None), ("1.5", None),
        ("-1", None), ("+1", None), ("1e3", None), ("12,65", None), ("two", None), ("٣", None), ("²", None), ("9" * 30, None),
        ("1 2", None), ("0x10", None), ("1_000", None), ("1.", None), ("1..0", None),
    ],
)  # fmt: skip
def test_only_a_plain_number_is_a_count(text: str | None, count: int | None) -> None:
    assert count_of(text) == count


@given(st.text())
def test_a_count_is_never_made_up(text: str) -> None:
    found = count_of(text)
    assert found is None or str(found) in text.replace(",", "").lstrip("0 ") + "0"


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2017-05-03", date(2017, 5, 3)), ("20170503", date(2017, 5, 3)), ("2017-05-03T00:00:00", date(2017, 5, 3)),
        ("08/11/2016", date(2016, 8, 11)), ("05-24-2017", date(2017, 5, 24)), ("11/9/2016", date(2016, 11, 9)),
        ("December 28, 2016", date(2016, 12, 28)), ("Sept 5, 2017", date(2017, 9, 5)), ("Dec. 30, 2016", date(2016, 12, 30)),
        ("May 3, 2017", date(2017, 5, 3)), ("3 May 2017", date(2017, 5, 3)), ("June 1st, 2018", date(2018, 6, 1)),
        ("2017-02-29", None), ("24-05-2017", None), ("13/13/2016", None), ("8/11/16", None), ("Smarch 3, 2017", None),
        ("Ju 3, 2017", None), ("May 2017", None), ("3 May 3, 2017", None), ("soon", None), ("", None), (None, None),
    ],
)  # fmt: skip
def test_days_are_read_as_the_forms_write_them(text: str | None, day: date | None) -> None:
    assert day_of(text) == day


@pytest.mark.parametrize(
    ("text", "is_ticked"),
    [("1", True), ("On", True), ("0", False), ("2", False), ("Off", False), ("", False), (None, None), ("maybe", None)],
)
def test_boxes(text: str | None, is_ticked: bool | None) -> None:
    assert box_of(text) is is_ticked


@pytest.mark.parametrize(
    "text",
    [
        "GRS 6.1-0999-2018-0001",
        "GRS6.1-0999-2018-0001",
        "6.1-0999-2018-0001",
        "GRS. 6.1-0999-2018-0001",
        "GRS-6.1-0999-2018-0001 ",
    ],
)
def test_a_number_has_one_form_however_it_was_typed(text: str) -> None:
    assert form_number_of(text) == "GRS 6.1-0999-2018-0001"


@pytest.mark.parametrize("text", ["", None, "N/A", "GRS 6.1-0999-20018-0001", "GRS 6.1-999-2018-0001", "GRS 5.2-0999-2018-0001"])
def test_what_is_no_number_is_none(text: str | None) -> None:
    assert form_number_of(text) is None


@pytest.mark.parametrize(("text", "group"), [("0563", "0563"), ("563 ", "0563"), ("RG 77", "0077"), ("", None), ("all", None)])
def test_record_groups_have_four_digits(text: str, group: str | None) -> None:
    assert record_group_of(text) == group


def test_a_title_over_several_lines_is_one_title() -> None:
    assert one_line(" Deputy Director, \r  Office of\r\nExamples\u2028") == "Deputy Director, Office of Examples"
    assert one_line("Director  (two blanks)") == "Director  (two blanks)"
    assert one_line(None) == ""
