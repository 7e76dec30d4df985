"""What is wrong with a whole register, and what is worth a look."""

from __future__ import annotations

from datetime import date

from capstone.domain.register import Notice
from capstone.domain.register_checks import errors_in, warnings_in
from capstone.domain.register_facts import (
    AccountFact,
    AccountKind,
    AddressFact,
    RegisteredForm,
    RegisterFact,
    RegisterState,
    SendingRight,
    SeriesAssignment,
    fact_id,
)
from tests.builders import a_designation, a_form

DAY, LATER = date(2012, 1, 1), date(2013, 1, 1)
ADA = a_designation()
ALIAS = AddressFact("press@agency.example", "director", DAY, LATER)


def state(*facts: RegisterFact, rows: tuple[object, ...] = (ADA,)) -> RegisterState:
    return RegisterState(rows, facts)  # type: ignore[arg-type]


def messages(notices: list[Notice]) -> list[str]:
    return [notice.message for notice in notices]


def test_a_sound_register_has_neither_errors_nor_warnings() -> None:
    whole = state(AccountFact("director", AccountKind.PRIMARY), ALIAS, RegisteredForm(a_form()))
    assert errors_in(whole) == warnings_in(whole) == []


def test_an_address_in_two_hands_is_found_between_rows_and_facts_and_between_facts() -> None:
    clerk = a_designation("none", account="clerk", addresses=("press@agency.example",))
    (found,) = errors_in(state(ALIAS, rows=(ADA, clerk)))
    assert found.message == "address press@agency.example belongs to two accounts at once: clerk and director"
    assert set(found.ids) == {clerk.designation_id, fact_id(ALIAS)}
    other = AddressFact("press@agency.example", "clerk", LATER)
    assert messages(errors_in(state(ALIAS, other))) == [
        "address press@agency.example belongs to two accounts at once: director and clerk"
    ]
    assert errors_in(state(ALIAS, AddressFact("press@agency.example", "clerk", date(2013, 1, 2)))) == []


def test_reversed_dates_are_named() -> None:
    row = a_designation(starts="2012-01-01", ends="2011-12-31")
    rights = SendingRight("aide", "director", LATER, DAY), SeriesAssignment("opr", "director", LATER, DAY, "Cases")
    facts = (AddressFact("a@agency.example", "director", LATER, DAY), *rights)
    assert messages(errors_in(state(*facts, rows=(row,)))) == [
        "Ada Brook as Director in account director until 2011-12-31, which is before from 2012-01-01",
        "address a@agency.example director 2013-01-01 ends on 2012-01-01, which is before from 2013-01-01",
        "sending right aide director 2013-01-01 ends on 2012-01-01, which is before from 2013-01-01",
        "series opr director Cases 2013-01-01 ends on 2012-01-01, which is before from 2013-01-01",
    ]


def test_one_account_cannot_be_described_in_two_ways_nor_one_row_told_twice() -> None:
    two = AccountFact("director", AccountKind.PRIMARY), AccountFact("director", AccountKind.SHARED)
    assert messages(errors_in(state(*two))) == ["account director is told in two different ways"]
    assert "told in two different ways" in errors_in(state(rows=(ADA, a_designation("2"))))[0].message


def test_what_names_an_account_that_is_not_in_the_register_is_pointed_out() -> None:
    right = SendingRight("aide", "chief", DAY)
    found = warnings_in(state(right, SeriesAssignment("opr", "legal", DAY), AddressFact("a@agency.example", "press", DAY)))
    assert messages(found) == [
        "sending right aide chief 2012-01-01 names account aide, which is not in the register",
        "sending right aide chief 2012-01-01 names account chief, which is not in the register",
        "series opr legal 2012-01-01 names account legal, which is not in the register",
        "address a@agency.example press 2012-01-01 names account press, which is not in the register",
    ]
    assert found[0].ids == (fact_id(right),)


def test_an_account_that_is_not_described_is_pointed_out_where_others_are() -> None:
    found = warnings_in(state(AccountFact("aide", AccountKind.DELEGATE)))
    assert messages(found) == ["account director is not described, other accounts are"]
    assert found[0].ids == (ADA.designation_id,)


def test_a_form_that_the_register_lacks_or_describes_otherwise_is_pointed_out() -> None:
    other = RegisteredForm(a_form("F-2"))
    assert messages(warnings_in(state(other))) == ["form F-1 is not in the register; what the rows say of it decides"]
    otherwise = RegisteredForm(a_form(approved="2023-01-01", transfer_years=25))
    nameless = a_designation("none", account="clerk", form=a_form("", None))
    (found, *_) = [one for one in warnings_in(state(otherwise, rows=(ADA, nameless))) if "otherwise" in one.message]
    assert found.message == "form F-1 is described otherwise in rows (approved, transfer_years); the form in the register decides"
    assert found.ids == (ADA.designation_id,)


def test_overlaps_and_gaps_are_named_with_their_ids() -> None:
    late = a_designation(starts="2015-01-01", official="Ben Carver")
    left = a_designation(ends="2013-12-31")
    (gap,) = warnings_in(state(rows=(left, late)))
    assert gap.message.startswith("account director has no role from 2014-01-01 to 2014-12-31")
    assert gap.ids == (left.designation_id, late.designation_id)
    assert str(gap).endswith(f"(in the register: {left.designation_id}, {late.designation_id})")


def test_an_account_whose_addresses_are_facts_of_their_own_lacks_none() -> None:
    bare = a_designation(addresses=())
    assert "has no address here" in warnings_in(state(rows=(bare,)))[0].message
    assert warnings_in(state(ALIAS, rows=(bare,))) == []
