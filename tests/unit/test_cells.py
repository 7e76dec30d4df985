"""What cells and options may say: nothing is guessed; of a date as spreadsheets write it is told what it probably means."""

from __future__ import annotations

from datetime import date

import pytest

from capstone.domain import cells


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("45292", "it is a spreadsheet's number of a day and probably means 2024-01-01"),
        ("45292.0", "probably means 2024-01-01"),
        ("1/31/2024", "it probably means 2024-01-31"),
        ("31.1.2024", "it probably means 2024-01-31"),
        ("1/2/2024", "it may mean 2024-01-02 or 2024-02-01"),
        ("2/2/2024", "it probably means 2024-02-02"),
        ("2024/1/31", "it probably means 2024-01-31"),
        ("2024-01-31 00:00:00", "it probably means 2024-01-31"),
        ("1/31/2024 12:00:00 AM", "it probably means 2024-01-31"),
    ],
)
def test_a_date_as_spreadsheets_write_it_is_refused_with_the_day_that_it_probably_means(text: str, told: str) -> None:
    with pytest.raises(ValueError, match="is not a date such as 2024-01-31; ") as caught:
        cells.day(text)
    assert str(caught.value).endswith(told)


@pytest.mark.parametrize("text", ["2024", "soon", "1/31/24", "13/13/2024", "2024/13/13", "\u0662\u0660\u0662\u0664-01-01"])
def test_of_a_text_that_means_no_day_none_is_told(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a date such as 2024-01-31$"):
        cells.day(text)


def test_a_day_that_no_calendar_has_is_refused() -> None:
    assert cells.day("2024-02-29") == date(2024, 2, 29)
    with pytest.raises(ValueError, match="2023-02-29 is not in the calendar"):
        cells.day("2023-02-29")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", " =1", "\uff1d1"])
def test_what_a_spreadsheet_would_run_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="as a formula does"):
        cells.plain(text)


def test_signs_within_a_text_make_no_formula() -> None:
    assert cells.plain("Director (acting) = @ + -") == "Director (acting) = @ + -"
