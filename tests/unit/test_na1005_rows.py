"""A form handed on: JSON, rows for the next submission, and the value that decisions need."""

from __future__ import annotations

import csv
import io
import json
from datetime import date

import pytest

from capstone.domain import officials
from capstone.domain.forms import COLUMNS, as_decided, form_as_dict, position_rows, positions_csv
from tests.na1005 import NONE_HERE, a_form


def test_the_promised_json() -> None:
    data = json.loads(json.dumps(form_as_dict(a_form())))

    assert {
        key: data[key] for key in ("form", "agency", "record_group", "total_accounts", "cutoff", "transfer_years", "items")
    } == {
        "form": "GRS 6.1-0999-2018-0001",
        "agency": "Agency for Example Affairs",
        "record_group": "0999",
        "total_accounts": 6,
        "cutoff": "tenure",
        "transfer_years": 15,
        "items": ["010", "011"],
    }
    assert list(data["categories"]) == [str(number) for number in range(1, 11)]
    assert data["categories"]["2"] == [
        {"position": "Associate Director, Operations", "accounts": 1},
        {"position": "Associate Director, Research", "accounts": 1},
    ]
    assert (data["categories"]["3"], data["category_reasons"]["3"], data["category_totals"]["3"]) == ([], NONE_HERE, None)
    assert (data["received"], data["approved"], data["findings"]) == ("2018-01-25", "2018-04-01", [])
    assert data["transfer_periods"] == [
        {"years": 15, "counted_from": "cutoff", "accounts": None, "text": "Transfer 15 years after cutoff."}
    ]
    assert [one["date"] for one in data["approvals"]] == ["2017-09-20", "2017-09-21", "2018-04-01"]


def test_what_was_not_read_is_null_beside_the_words_of_the_form() -> None:
    form = a_form(
        {"1": [("Director", "2-3")]}, received="soon", decided_on="", cutoff="See attached", transfer="See attached", total="x"
    )

    data = form_as_dict(form)

    assert data["categories"]["1"] == [{"position": "Director", "accounts": None, "accounts_text": "2-3"}]  # type: ignore[index]
    assert (data["cutoff"], data["cutoff_text"], data["transfer_years"], data["transfer_text"]) == (
        None,
        "See attached",
        None,
        "See attached",
    )
    assert (data["received"], data["received_text"], data["approved"], data["total_accounts"]) == (None, "soon", None, None)
    assert data["findings"]


def test_rows_stand_in_the_order_of_the_form() -> None:
    form = a_form({"1": [("B", "1"), ("A", "varies"), ("C", "")]}, total="1")

    assert list(position_rows(form.categories))[:4] == [
        ("1", "B", "1", ""),
        ("1", "A", "", "not a number: varies"),
        ("1", "C", "", "not a number: nothing"),
        ("2", "", "0", NONE_HERE),
    ]


def test_the_csv_gives_back_the_rows_and_no_formula() -> None:
    form = a_form({"1": [('Chief "of" Staff, Office', "1"), ("=1+1", "1"), ("*Vice President", "1")]}, total="3")

    text = positions_csv(form)

    header, *rows = csv.reader(io.StringIO(text, newline=""))
    assert tuple(header) == COLUMNS
    assert {tuple(row[4:8]) for row in rows} == {("GRS 6.1-0999-2018-0001", "0999", "Agency for Example Affairs", "2018-04-01")}
    assert [row[1] for row in rows[:3]] == ['Chief "of" Staff, Office', "'=1+1", "*Vice President"]
    assert text.count("\r\n") == 13


def test_decisions_get_what_they_need() -> None:
    assert as_decided(a_form()) == officials.Form(
        number="GRS 6.1-0999-2018-0001",
        record_group="0999",
        approved=date(2018, 4, 1),
        items=frozenset({"010", "011"}),
        cutoff=officials.CutoffRule.TENURE,
        transfer_years=15,
    )


@pytest.mark.parametrize(
    ("cutoff", "rule"), [("Cut off in five-year blocks", officials.CutoffRule.OTHER), ("See attached", None)]
)
def test_a_cutoff_that_is_none_of_the_four_is_another_or_not_read(cutoff: str, rule: officials.CutoffRule | None) -> None:
    assert as_decided(a_form(cutoff=cutoff)).cutoff is rule


def test_blocks_and_the_review_that_transfer_waits_for_are_decided_too() -> None:
    text = "Transfer 25 years after cutoff in 5-year blocks, or after declassification review, whichever is later."
    decided = as_decided(a_form(transfer=text))
    assert (decided.transfer_years, decided.block_years, decided.after_declassification_review) == (25, 5, True)


@pytest.mark.parametrize(("day", "withdrawn"), [("2018-04-01", date(2018, 4, 1)), ("", date.min)])
def test_a_denied_form_is_never_approved(day: str, withdrawn: date) -> None:
    decided = as_decided(a_form(approved="0", denied="1", decided_on=day))
    assert (decided.approved, decided.withdrawn) == (None, withdrawn)


def test_nothing_is_decided_by_a_form_without_a_number() -> None:
    with pytest.raises(ValueError, match="no number"):
        as_decided(a_form(number=""))
