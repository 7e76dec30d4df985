"""The list for the next submission: the form's order, the register's counts, read back as the same positions."""

from __future__ import annotations

import csv
import io
import json
from datetime import date
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from capstone.domain.forms import COLUMNS, LISTING_COLUMNS, listing, listing_csv, positions_csv
from capstone.domain.forms.cells import one_line
from capstone.domain.forms.listing import ListedPosition, registered_as_dict
from capstone.domain.forms.registering import registered
from capstone.domain.officials import Designation, Form
from capstone.domain.positions_csv import read_positions, stated
from capstone.domain.register_facts import FormPosition, RegisteredForm
from tests.builders import a_designation
from tests.na1005 import a_form

TODAY = date(2022, 6, 1)
NUMBER, NEWER = "GRS 6.1-0999-2018-0001", "GRS 6.1-0999-2021-0001"


def a_fact(*positions: tuple[str, str, int | None], number: str = NUMBER, previous: str | None = None) -> RegisteredForm:
    return RegisteredForm(Form(number, "0999"), positions=tuple(FormPosition(*one) for one in positions), previous=previous)


def held(position: str, account: str, category: str = "1", number: str = NUMBER, **changes: Any) -> Designation:
    return a_designation(category, position=position, account=account, form=Form(number), **changes)


def test_positions_stand_by_category_in_the_forms_order_and_new_ones_behind_each() -> None:
    fact = a_fact(("10", "Scientist", 1), ("2", "Deputy", 2), ("2", "Aide", None), ("1", "Director", 1))
    rows = [
        held("DIRECTOR", "director"),
        held("Deputy,", "deputy", "2"),
        held("Zoologist", "zoo", "2"),
        held("Auditor", "audit", "2"),
        held("Auditor", "audit-shared", "2", official="Bo Lind"),
        held("Clerk", "clerk", "support"),
        held("Director", "former", ends="2020-01-01"),
        held("Director", "elsewhere", number="F-2"),
    ]

    found = listing(fact, {NUMBER: fact}, rows, TODAY)

    assert [(one.category, one.position, one.on_form, one.in_register, one.is_on_form) for one in found] == [
        ("1", "Director", 1, 1, True),
        ("2", "Deputy", 2, 1, True),
        ("2", "Aide", None, 0, True),
        ("2", "Auditor", None, 2, False),
        ("2", "Zoologist", None, 1, False),
        ("10", "Scientist", 1, 0, True),
    ]
    assert [(one.accounts, one.note) for one in found] == [
        (1, ""),
        (2, "1 in the register"),
        (None, "no number on the form"),
        (2, "not on the form"),
        (1, "not on the form"),
        (1, "no official today"),
    ]


def test_designations_under_a_superseded_form_count_for_the_newer_one() -> None:
    old, new = a_fact(("1", "Director", 1)), a_fact(("1", "Director", 1), number=NEWER, previous=NUMBER)
    (found,) = listing(new, {NUMBER: old, NEWER: new}, [held("Director", "director")], TODAY)
    assert found == ListedPosition("1", "Director", 1, 1)


def test_the_csv_has_a_row_for_every_category_and_the_forms_values_on_each() -> None:
    fact = registered(a_form())
    header, *rows = csv.reader(io.StringIO(listing_csv([(fact, listing(fact, {NUMBER: fact}, [], TODAY))]), newline=""))
    assert tuple(header) == LISTING_COLUMNS
    assert [row[0] for row in rows] == ["1", "2", "2", "3", "4", "5", "6", "7", "8", "9", "10"]
    assert rows[3][:5] == ["3", "", "0", "0", "no position; the form asks for the reason"]
    assert {tuple(row[5:]) for row in rows} == {
        (NUMBER, "0999", "Agency for Example Affairs", "2018-04-01", "2018-01-25", "", "010 011", "tenure", "15", "", "")
    }


TITLES = st.text(st.characters(blacklist_categories=("Cs",)), max_size=30).map(one_line)
POSITIONS = st.lists(
    st.builds(
        FormPosition,
        st.sampled_from([str(number) for number in range(1, 11)]),
        TITLES.filter(lambda title: title and title == title.strip() and "\x00" not in title),
        st.integers(0, 2000) | st.none(),
    ),
    min_size=1,
)


@given(POSITIONS)
def test_a_list_that_is_read_back_gives_the_same_positions(positions: list[FormPosition]) -> None:
    ordered = tuple(sorted(positions, key=lambda one: int(one.category)))
    fact = RegisteredForm(Form(NUMBER, "0999"), positions=ordered, total_accounts=sum(one.accounts or 0 for one in ordered))

    text = listing_csv([(fact, listing(fact, {NUMBER: fact}, [], TODAY))])

    (read,) = read_positions(text.encode(), "ab" * 32).forms
    assert read.positions == ordered
    assert stated(read, fact) == fact


def test_what_the_csv_of_a_form_file_says_is_read_back_whole() -> None:
    form = a_form({"1": [("=Director", "2"), ("Deputy", "varies")]}, total="2")
    text = positions_csv(form)
    assert text.splitlines()[0] == ",".join(COLUMNS)
    (read,) = read_positions(text.encode(), "ab" * 32).forms
    assert stated(read, registered(form)) == registered(form)


def test_the_csv_of_a_form_without_a_number_has_what_stands_there() -> None:
    assert ",no number," in positions_csv(a_form(number="no number"))


def test_a_form_of_the_register_is_told_as_a_form_that_was_read() -> None:
    told = json.loads(json.dumps(registered_as_dict(registered(a_form()))))
    assert {name: told[name] for name in ("form", "record_group", "total_accounts", "cutoff", "transfer_years", "items")} == {
        "form": NUMBER,
        "record_group": "0999",
        "total_accounts": 6,
        "cutoff": "tenure",
        "transfer_years": 15,
        "items": ["010", "011"],
    }
    assert list(told["categories"]) == [str(number) for number in range(1, 11)]
    assert told["categories"]["1"] == [{"position": "Director", "accounts": 2}]
    assert (told["approved"], told["withdrawn"], told["resubmitted"]) == ("2018-04-01", None, [])
