"""A change of the register before it is decided: what it adds and ends, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

import pytest

from capstone.domain import proposals
from capstone.domain.errors import BadRegisterEntry, RegisterContradiction, UnknownFact
from capstone.domain.officials import Form
from capstone.domain.register_change import Change, Planned, corrected, ended, named_in, planned, removed
from capstone.domain.register_facts import (
    AccountFact,
    AccountKind,
    AddressFact,
    RegisteredForm,
    RegisterState,
    SendingRight,
    SeriesAssignment,
    fact_id,
)
from tests.builders import a_designation, a_form

DAY, LATER = date(2012, 1, 1), date(2013, 1, 1)
ADA = a_designation()
ALIAS = AddressFact("press@agency.example", "director", DAY)
KIND = AccountFact("director", AccountKind.PRIMARY)
STATE = RegisterState((ADA,), (KIND, ALIAS))
NONE: frozenset[str] = frozenset()
CARA = {"official": "Cara Poe", "position": "Deputy", "category": "3", "account": "deputy", "from": "2024-01-02"}


# --- changes ---------------------------------------------------------------------------------------


def test_what_the_register_says_already_is_no_change() -> None:
    found = planned(STATE, Change((ADA,), (KIND, ALIAS)))
    assert found == Planned(Change())
    assert not found.change
    assert not planned(STATE, corrected(STATE, ADA.designation_id, ADA)).change


def test_a_fact_ends_the_one_about_the_same_subject() -> None:
    shared = replace(KIND, account_kind=AccountKind.SHARED)
    assert planned(STATE, Change(facts=(shared,))).change == Change((), (shared,), {fact_id(KIND): fact_id(shared)})
    moved = replace(ALIAS, starts=LATER)
    assert planned(STATE, Change(facts=(moved,))).change.superseded == {}


def test_an_end_is_a_new_row_or_fact_that_supersedes() -> None:
    change = planned(STATE, ended(STATE, ADA.designation_id, LATER)).change
    (row,) = change.designations
    assert (row, change.superseded) == (a_designation(ends="2013-01-01"), {ADA.designation_id: row.designation_id})
    change = planned(STATE, ended(STATE, fact_id(ALIAS), LATER)).change
    assert change.facts == (replace(ALIAS, ends=LATER),)
    with pytest.raises(RegisterContradiction, match="no days to end"):
        ended(STATE, fact_id(KIND), LATER)


def test_what_was_entered_by_mistake_gives_way_to_nothing() -> None:
    assert planned(STATE, removed(STATE, ADA.designation_id)).change == Change(superseded={ADA.designation_id: ""})


def test_a_row_that_was_removed_may_come_back() -> None:
    change = Change((ADA,), superseded={ADA.designation_id: ADA.designation_id})
    assert not planned(STATE, change).change
    assert planned(RegisterState(), Change((ADA,))).change.designations == (ADA,)


def test_what_is_not_in_force_cannot_be_changed() -> None:
    assert named_in(STATE, ADA.designation_id) == ADA
    for use in (lambda: ended(STATE, "x", DAY), lambda: removed(STATE, "x"), lambda: corrected(STATE, "x", ADA)):
        with pytest.raises(UnknownFact, match="'x'"):
            use()


def test_a_contradiction_is_refused_unless_it_stood_there_before() -> None:
    second = a_designation(starts="2012-01-01")
    with pytest.raises(RegisterContradiction, match=r"Nothing was changed\. Ada Brook as Director in account director has two"):
        planned(STATE, Change((second,)))
    broken = RegisterState((ADA, second), ())
    clerk = a_designation("support", account="clerk")
    assert planned(broken, Change((clerk,))).change.designations == (clerk,)


def test_of_very_many_contradictions_twenty_are_shown() -> None:
    backwards = [a_designation("none", "2012-01-01", "2011-01-01", account=f"a-{number}") for number in range(21)]
    with pytest.raises(RegisterContradiction) as caught:
        planned(RegisterState(), Change(tuple(backwards)))
    assert caught.value.message.endswith("and 1 more")


def test_only_what_the_change_brings_is_pointed_out() -> None:
    acting = a_designation("2", "2012-01-01", "2012-02-01", position="Deputy", acting=True)
    found = planned(STATE, Change((acting,)))
    assert [one.message.partition(" from")[0] for one in found.warnings] == ["account director has two roles at once"]
    after = RegisterState((ADA, acting), STATE.facts)
    assert planned(after, Change(facts=(SendingRight("director", "director", DAY),))).warnings == ()


# --- proposals -------------------------------------------------------------------------------------


def test_a_designation_stands_under_the_form_as_the_register_knows_it() -> None:
    def form_of(state: RegisterState, number: str) -> Form:
        (row,) = proposals.designation(CARA | {"form": number}, NONE)(state).designations
        return row.form

    registered = RegisterState((ADA,), (RegisteredForm(a_form(transfer_years=25)),))
    assert form_of(registered, "F-1") == a_form(transfer_years=25)
    assert form_of(STATE, "F-1") == ADA.form
    assert form_of(STATE, "F-9") == Form("F-9")
    assert proposals.designation(CARA, NONE)(STATE).designations[0].form == Form("")


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"category": "boss"}, "category: 'boss' is not one of"),
        ({"from": "45292"}, "from: '45292' is not a date such as 2024-01-31; it is a spreadsheet's number"),
        ({"official": ""}, "official: is empty"),
        ({"form": "=F"}, "form: begins with '='"),
    ],
)
def test_a_designation_that_cannot_be_read_is_named(told: Mapping[str, str], message: str) -> None:
    with pytest.raises(BadRegisterEntry, match="Nothing was changed") as caught:
        proposals.designation(CARA | dict(told), NONE)(STATE)
    assert message in caught.value.message


def test_a_correction_changes_what_it_names_and_nothing_else() -> None:
    def corrected_row(**told: str) -> object:
        return planned(STATE, proposals.correction(ADA.designation_id, told, NONE)(STATE)).change.designations[0]

    assert corrected_row(**{"from": "2009-05-01"}) == a_designation(starts="2009-05-01")
    assert corrected_row(until="2013-01-01", acting="yes") == a_designation(ends="2013-01-01", acting=True)
    assert corrected_row(form="F-9") == a_designation(form=Form("F-9"))
    assert corrected_row(form="F-1", office="Front") == a_designation(office="Front")
    reopened = RegisterState((a_designation(ends="2013-01-01"),), ())
    change = proposals.correction(reopened.designations[0].designation_id, {"until": ""}, NONE)(reopened)
    assert planned(reopened, change).change.designations == (ADA,)


def test_of_other_facts_the_days_can_be_corrected() -> None:
    change = proposals.correction(fact_id(ALIAS), {"from": "2013-01-01", "until": "2014-01-01"}, NONE)(STATE)
    assert change.facts == (replace(ALIAS, starts=LATER, ends=date(2014, 1, 1)),)
    change = proposals.correction(fact_id(ALIAS), {"until": ""}, NONE)(STATE)
    assert change.facts == (ALIAS,)
    for named, told in ((fact_id(ALIAS), {"account": "x"}), (fact_id(KIND), {"until": ""})):
        with pytest.raises(BadRegisterEntry, match="only the days"):
            proposals.correction(named, told, NONE)(STATE)


def test_an_end_and_a_removal_are_proposed_by_id() -> None:
    assert proposals.end(ADA.designation_id, "2013-01-01")(STATE) == ended(STATE, ADA.designation_id, LATER)
    assert proposals.removal(ADA.designation_id)(STATE) == removed(STATE, ADA.designation_id)
    with pytest.raises(BadRegisterEntry, match="on: 'soon' is not a date"):
        proposals.end(ADA.designation_id, "soon")


def test_facts_are_read_from_the_words_of_a_command() -> None:
    made = [
        proposals.account("aide", "delegate", "Front Office", "closed"),
        proposals.address(" Press@Agency.Example ", "aide", "2012-01-01", "", NONE),
        proposals.right("aide", "director", "2012-01-01", "2013-01-01"),
        proposals.series("opr", "aide", "2012-01-01", "", "Cases"),
    ]
    assert [proposal(STATE).facts for proposal in made] == [
        (AccountFact("aide", AccountKind.DELEGATE, "Front Office", "closed"),),
        (AddressFact("press@agency.example", "aide", DAY),),
        (SendingRight("aide", "director", DAY, LATER),),
        (SeriesAssignment("opr", "aide", DAY, folder="Cases"),),
    ]


@pytest.mark.parametrize(
    ("propose", "message"),
    [
        (lambda: proposals.account("aide", "huge"), "kind: 'huge' is not one of primary, secondary"),
        (lambda: proposals.account("Aide", "shared"), "account: 'Aide' is not an id"),
        (lambda: proposals.address("nobody", "aide", "2012-01-01", "", NONE), "address: 'nobody'"),
        (lambda: proposals.right("aide", "director", "2012-01-01", "x"), "until: 'x' is not a date"),
        (lambda: proposals.series("=opr", "aide", "2012-01-01", ""), "series: begins with '='"),
    ],
)
def test_a_fact_that_cannot_be_read_is_named(propose: object, message: str) -> None:
    with pytest.raises(BadRegisterEntry) as caught:
        propose()  # type: ignore[operator]
    assert message in caught.value.message
