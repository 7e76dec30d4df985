"""What a form does to the register: taken in once, in place of another, beside others, withdrawn, sent in anew."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capstone.domain import officials
from capstone.domain.errors import UnknownForm
from capstone.domain.forms import FormState
from capstone.domain.forms.comparing import differences, position_change
from capstone.domain.forms.findings import finding
from capstone.domain.forms.registering import (
    Arrival,
    FormChange,
    Outcome,
    all_taken_in,
    forms_of,
    is_in,
    line_of,
    registered,
    sent_in_anew,
    state_of_fact,
    taken_in,
    window_due,
    withdrawn,
)
from capstone.domain.register_facts import (
    AccountFact,
    AccountKind,
    FormPosition,
    RegisteredForm,
    RegisterState,
    fact_as_dict,
    fact_from_dict,
    fact_id,
)
from tests.builders import a_designation
from tests.na1005 import NONE_HERE, RULES, a_form

WINDOWS = RULES.windows
TODAY = date(2022, 6, 1)
NUMBER, NEWER = "GRS 6.1-0999-2018-0001", "GRS 6.1-0999-2021-0001"


def fact(number: str = NUMBER, approved: str | None = "2018-04-01", digest: str = "ab" * 32, **changes: Any) -> RegisteredForm:
    """A registered form with two positions."""
    own = {"positions": (FormPosition("1", "Director", 1), FormPosition("2", "Deputy", 2))} | changes
    day = None if approved is None else date.fromisoformat(approved)
    form = officials.Form(number, "0999", day, cutoff=officials.CutoffRule.TENURE, transfer_years=15)
    return RegisteredForm(form, **{"agency": "Agency for Example Affairs", "source_digest": digest} | own)


def after(state: RegisterState, change: FormChange) -> RegisterState:
    """The register once the change is in it."""
    kept = [one for one in state.facts if fact_id(one) not in change.superseded]
    return replace(state, facts=(*kept, *change.facts))


def register_of(*facts: RegisteredForm, designations: tuple[officials.Designation, ...] = ()) -> RegisterState:
    state = RegisterState(designations)
    for one in facts:
        state = after(state, taken_in(state, one, WINDOWS, TODAY))
    return state


# --- one form --------------------------------------------------------------------------------------


def test_a_form_becomes_a_fact_with_its_own_words() -> None:
    made = registered(a_form(supersedes="1", supersedes_not="0", previous="GRS 6.1-0999-2016-0001"), date(2010, 1, 1))

    assert (made.form.number, made.form.approved, made.form.covers_from) == (NUMBER, date(2018, 4, 1), date(2010, 1, 1))
    assert [(one.category, one.position, one.accounts) for one in made.positions] == [
        ("1", "Director", 2),
        ("2", "Associate Director, Operations", 1),
        ("2", "Associate Director, Research", 1),
        ("5", "Chief Information Officer", 2),
    ]
    assert NONE_HERE not in {one.position for one in made.positions}
    assert (made.total_accounts, made.previous, made.submitted) == (6, "GRS 6.1-0999-2016-0001", date(2018, 1, 25))
    assert (made.cutoff_text, made.transfer_text) == (
        "Cutoff of email will be by employee tenure",
        "Transfer 15 years after cutoff.",
    )
    assert made.source_digest == "ab" * 32


def test_a_fact_of_a_form_survives_its_way_through_a_decision() -> None:
    made = replace(registered(a_form({"1": [("Director", "varies")]})), resubmitted=(date(2023, 2, 1), date(2027, 2, 1)))
    assert fact_from_dict(fact_as_dict(made)) == made


def test_the_days_of_a_fact_are_a_list() -> None:
    with pytest.raises(ValueError, match="not a fact"):
        fact_from_dict({**fact_as_dict(fact()), "resubmitted": "2023-02-01"})


def test_a_new_form_is_added_with_the_day_on_which_it_expires() -> None:
    change = taken_in(RegisterState(), fact(), WINDOWS, TODAY)

    assert (change.outcome, change.superseded, change.findings, change.differences) == (Outcome.ADDED, {}, (), ())
    assert [one.form.expires for one in change.facts] == [date(2023, 5, 1)]


def test_the_same_file_again_changes_nothing() -> None:
    state = register_of(fact())
    assert taken_in(state, fact(), WINDOWS, TODAY) == FormChange(Outcome.UNCHANGED)


def test_a_day_from_which_mail_is_covered_is_a_change_of_the_same_file() -> None:
    covered = fact()
    covered = replace(covered, form=replace(covered.form, covers_from=date(2012, 1, 1)))

    change = taken_in(register_of(fact()), covered, WINDOWS, TODAY)

    assert (change.outcome, change.differences) == (Outcome.REPLACED, ("covers from: nothing becomes 2012-01-01",))
    assert taken_in(register_of(covered), fact(), WINDOWS, TODAY).outcome is Outcome.UNCHANGED


def test_another_file_of_the_number_supersedes_the_fact_and_says_what_differs() -> None:
    old = fact()
    state = register_of(old)
    new = fact(
        approved="2018-05-01", digest="cd" * 32, positions=(FormPosition("1", "DIRECTOR", 3), FormPosition("2", "Aide", 1))
    )

    change = taken_in(state, new, WINDOWS, TODAY)

    assert change.outcome is Outcome.REPLACED
    (made,) = change.facts
    assert change.superseded == {fact_id(state.facts[0]): fact_id(made)}
    assert change.differences == (
        "approved: 2018-04-01 becomes 2018-05-01",
        "1 positions added: Aide (category 2)",
        "1 positions dropped: Deputy (category 2)",
        "1 positions with another number of accounts: DIRECTOR (1 becomes 3)",
    )


@pytest.mark.parametrize("approved", ["2018-03-31", None])
def test_a_file_of_the_number_that_was_approved_before_is_not_taken_in(approved: str | None) -> None:
    older = fact(approved=approved, digest="cd" * 32)

    change = taken_in(register_of(fact()), older, WINDOWS, TODAY)

    assert (change.outcome, change.facts, [one.code for one in change.findings]) == (Outcome.OLDER, (), ["older_than_register"])
    assert taken_in(register_of(fact()), older, WINDOWS, TODAY, is_correction=True).outcome is Outcome.REPLACED


def test_what_the_register_learned_of_a_number_holds_for_its_next_file() -> None:
    state = register_of(fact())
    state = after(state, sent_in_anew(state, NUMBER, date(2023, 2, 1), WINDOWS))
    state = after(state, withdrawn(state, NUMBER, date(2018, 6, 1), WINDOWS))

    rescanned = after(state, taken_in(state, fact(digest="cd" * 32), WINDOWS, TODAY))
    renewed = after(state, taken_in(state, fact(approved="2018-07-01", digest="cd" * 32), WINDOWS, TODAY))

    assert forms_of(rescanned)[NUMBER].resubmitted == (date(2023, 2, 1),)
    assert forms_of(rescanned)[NUMBER].form.withdrawn == date(2018, 6, 1)
    assert forms_of(renewed)[NUMBER].form.withdrawn is None


# --- forms beside one another ----------------------------------------------------------------------


def test_a_newer_form_that_is_approved_supersedes_the_one_it_names_in_whichever_order_they_come() -> None:
    first = fact(submitted=date(2018, 1, 25))
    second = fact(NEWER, "2021-03-01", "cd" * 32, previous=NUMBER, submitted=date(2020, 12, 1))
    third = fact("GRS 6.1-0999-2024-0001", None, "ef" * 32, previous=NEWER, submitted=date(2023, 2, 15))

    states = [forms_of(register_of(*order)) for order in permutations((first, second, third))]

    assert all(one == states[0] for one in states)
    assert states[0][NUMBER].form.superseded == date(2021, 3, 1)
    assert states[0][NUMBER].form.expires is None
    assert (states[0][NEWER].form.superseded, states[0][NEWER].resubmitted) == (None, (date(2023, 2, 15),))
    assert states[0][NEWER].form.expires == date(2027, 5, 1)


FORMS = st.dictionaries(
    st.sampled_from([f"GRS 6.1-0999-{year}-0001" for year in range(2016, 2022)]),
    st.tuples(
        st.dates(date(2016, 1, 1), date(2026, 1, 1)).map(date.isoformat) | st.none(),
        st.sampled_from([f"GRS 6.1-0999-{year}-0001" for year in range(2016, 2022)]) | st.none(),
        st.dates(date(2022, 1, 1), date(2028, 1, 1)) | st.none(),
    ),
)


@given(FORMS, st.randoms(use_true_random=False))
def test_the_order_in_which_forms_are_taken_in_does_not_matter(told: dict[str, Any], chance: Any) -> None:
    every = [
        fact(number, approved, previous=previous, submitted=submitted) for number, (approved, previous, submitted) in told.items()
    ]
    shuffled = chance.sample(every, len(every))
    assert forms_of(register_of(*shuffled)) == forms_of(register_of(*every))
    assert all(all_taken_in(register_of(*every), [Arrival(one)], WINDOWS, TODAY)[1].facts == () for one in every)


def test_a_form_not_approved_is_submitted_and_supersedes_nothing() -> None:
    state = register_of(fact(), fact(NEWER, None, "cd" * 32, previous=NUMBER))

    assert forms_of(state)[NUMBER].form.superseded is None
    assert state_of_fact(forms_of(state)[NEWER], TODAY, WINDOWS) is FormState.SUBMITTED


def test_a_form_that_names_itself_supersedes_nothing() -> None:
    assert forms_of(register_of(fact(previous=NUMBER)))[NUMBER].form.superseded is None


def test_designations_may_name_any_form_of_the_line() -> None:
    forms = forms_of(register_of(fact(previous="GRS 6.1-0999-2016-0001"), fact(NEWER, "2021-03-01", previous=NUMBER)))
    assert line_of(forms[NEWER], forms) == {NEWER, NUMBER, "GRS 6.1-0999-2016-0001"}
    circle = forms_of(register_of(fact(previous=NEWER), fact(NEWER, previous=NUMBER)))
    assert line_of(circle[NEWER], circle) == {NEWER, NUMBER}


def test_a_form_whose_previous_one_is_not_there_is_pointed_out() -> None:
    change = taken_in(RegisterState(), fact(previous="GRS 6.1-0999-2016-0001"), WINDOWS, TODAY)
    assert [(one.code, one.stated) for one in change.findings] == [("previous_not_registered", "GRS 6.1-0999-2016-0001")]


def test_two_forms_in_force_for_one_record_group_are_pointed_out() -> None:
    state = register_of(fact())

    def codes(new: RegisteredForm, day: date = TODAY) -> list[str]:
        return [one.code for one in taken_in(state, new, WINDOWS, day).findings]

    assert codes(fact(NEWER, digest="cd" * 32)) == ["another_in_force"]
    assert codes(fact(NEWER, digest="cd" * 32, previous=NUMBER)) == []
    assert codes(fact(NEWER, digest="cd" * 32), date(2023, 5, 1)) == []
    elsewhere = fact(NEWER, digest="cd" * 32)
    assert codes(replace(elsewhere, form=replace(elsewhere.form, record_group=None))) == []
    assert codes(replace(elsewhere, form=replace(elsewhere.form, record_group="0001"))) == []
    assert [one.code for one in taken_in(register_of(fact(previous=NEWER)), elsewhere, WINDOWS, TODAY).findings] == []


def test_a_newer_form_that_drops_a_position_in_use_names_who_is_in_it() -> None:
    in_office = a_designation("2", official="Bo Lind", position="deputy", account="deputy", form=officials.Form(NUMBER))
    left = a_designation("2", ends="2020-01-01", position="Deputy", account="old", form=officials.Form(NUMBER))
    elsewhere = a_designation("2", position="Deputy", account="other", form=officials.Form("F-2"))
    state = register_of(fact(), designations=(in_office, left, elsewhere))
    newer = fact(NEWER, "2021-03-01", "cd" * 32, previous=NUMBER, positions=(FormPosition("1", "Director", 1),))

    (found,) = taken_in(state, newer, WINDOWS, TODAY).findings

    assert (found.code, found.where, found.counted) == ("position_in_use", "category 2, Deputy", 1)
    assert f"Bo Lind (account deputy, {in_office.designation_id})" in found.message
    assert is_in(in_office, {NUMBER}, FormPosition("2", "Deputy", 1))
    assert not is_in(in_office, {NUMBER}, FormPosition("3", "Deputy", 1))


# --- what a person must accept ---------------------------------------------------------------------


@pytest.mark.parametrize("code", ["category_sum", "form_sum", "positions_sum", "revision_unknown"])
def test_a_finding_of_weight_holds_a_form_back_until_a_person_accepts_it(code: str) -> None:
    arrival = Arrival(fact(), (finding(code, "form"),))

    told, whole = all_taken_in(RegisterState(), [arrival], WINDOWS, TODAY)
    assert (told[0].outcome, whole.outcome, whole.facts) == (Outcome.HELD_BACK, Outcome.HELD_BACK, ())

    told, whole = all_taken_in(RegisterState(), [arrival], WINDOWS, TODAY, accepts=True)
    assert (told[0].outcome, whole.outcome, len(whole.facts)) == (Outcome.ADDED, Outcome.ADDED, 1)


def test_other_findings_hold_nothing_back() -> None:
    _, whole = all_taken_in(RegisterState(), [Arrival(fact(), (finding("cutoff_not_read", "cutoff"),))], WINDOWS, TODAY)
    assert whole.outcome is Outcome.ADDED


def test_a_form_without_a_number_stays_out_whatever_a_person_accepts() -> None:
    _, whole = all_taken_in(RegisterState(), [Arrival(None)], WINDOWS, TODAY, accepts=True)
    assert (whole.outcome, whole.facts) == (Outcome.HELD_BACK, ())


def test_a_dropped_position_in_use_holds_an_approved_form_back_and_no_other() -> None:
    in_office = a_designation("2", position="Deputy", form=officials.Form(NUMBER))
    state = register_of(fact(), designations=(in_office,))

    def outcome(approved: str | None) -> Outcome:
        newer = fact(NEWER, approved, "cd" * 32, previous=NUMBER, positions=())
        return all_taken_in(state, [Arrival(newer)], WINDOWS, TODAY)[1].outcome

    assert outcome("2021-03-01") is Outcome.HELD_BACK
    assert outcome(None) is Outcome.ADDED


def test_the_forms_of_one_file_are_taken_in_together_or_not_at_all() -> None:
    account = AccountFact("director", AccountKind.PRIMARY)
    state = RegisterState(facts=(account, *register_of(fact()).facts))
    newer = fact(NEWER, "2021-03-01", "cd" * 32, previous=NUMBER)
    wrong = Arrival(fact("GRS 6.1-0001-2020-0001", digest="ef" * 32), (finding("form_sum", "form"),))

    told, whole = all_taken_in(state, [Arrival(fact()), Arrival(newer)], WINDOWS, TODAY)
    assert [one.outcome for one in told] == [Outcome.UNCHANGED, Outcome.ADDED]
    assert (whole.outcome, [one.form.number for one in whole.facts]) == (Outcome.REPLACED, [NUMBER, NEWER])

    told, whole = all_taken_in(state, [Arrival(fact()), Arrival(newer), wrong], WINDOWS, TODAY)
    assert [one.outcome for one in told] == [Outcome.UNCHANGED, Outcome.HELD_BACK, Outcome.HELD_BACK]
    assert (whole.facts, whole.superseded) == ((), {})

    assert all_taken_in(state, [Arrival(fact())], WINDOWS, TODAY)[1].outcome is Outcome.UNCHANGED


def test_windows_that_were_announced_since_are_written_with_the_next_file_even_one_that_is_there() -> None:
    told, whole = all_taken_in(register_of(fact()), [Arrival(fact())], WINDOWS[1:], TODAY)
    assert told[0].outcome is Outcome.UNCHANGED
    assert [one.form.expires for one in whole.facts] == [date(2027, 5, 1)]


# --- what happens to a form later ------------------------------------------------------------------


def test_a_withdrawn_form_is_denied_from_that_day_and_can_be_given_back() -> None:
    state = register_of(fact())

    change = withdrawn(state, NUMBER, date(2022, 1, 1), WINDOWS)
    taken = forms_of(after(state, change))[NUMBER]
    assert change.differences == ("withdrawn: nothing becomes 2022-01-01",)
    assert [state_of_fact(taken, day, WINDOWS) for day in (date(2021, 12, 31), date(2022, 1, 1))] == [
        FormState.APPROVED,
        FormState.DENIED,
    ]
    assert window_due(taken, TODAY, WINDOWS) is None

    undone = withdrawn(after(state, change), NUMBER, None, WINDOWS)
    assert forms_of(after(after(state, change), undone)) == forms_of(state)
    assert withdrawn(state, NUMBER, None, WINDOWS).outcome is Outcome.UNCHANGED


def test_a_form_denied_on_its_face_is_denied() -> None:
    denied = registered(a_form(approved="0", denied="1"))
    assert state_of_fact(denied, TODAY, WINDOWS) is FormState.DENIED
    again = replace(denied, source_digest="cd" * 32)
    assert taken_in(register_of(fact()), again, WINDOWS, TODAY).outcome is Outcome.REPLACED
    assert taken_in(register_of(fact(approved="2018-04-02")), again, WINDOWS, TODAY).outcome is Outcome.OLDER


def test_an_answered_window_moves_the_expiry_and_an_answer_can_be_taken_back() -> None:
    state = register_of(fact())

    change = sent_in_anew(state, NUMBER, date(2023, 2, 1), WINDOWS)
    taken = forms_of(after(state, change))[NUMBER]
    assert (taken.resubmitted, taken.form.expires, change.findings) == ((date(2023, 2, 1),), date(2027, 5, 1), ())
    assert window_due(taken, TODAY, WINDOWS) == WINDOWS[1]

    undone = sent_in_anew(after(state, change), NUMBER, date(2023, 2, 1), WINDOWS, is_undone=True)
    assert forms_of(after(after(state, change), undone)) == forms_of(state)


def test_a_day_that_answers_no_window_is_pointed_out() -> None:
    change = sent_in_anew(register_of(fact()), NUMBER, date(2024, 2, 1), WINDOWS)
    assert [one.code for one in change.findings] == ["answers_no_window"]


def test_what_happened_to_a_form_that_is_not_there_is_a_named_error() -> None:
    with pytest.raises(UnknownForm, match="F-9") as met:
        withdrawn(RegisterState(), "F-9", TODAY, WINDOWS)
    assert met.value.code == "E009"


# --- comparing -------------------------------------------------------------------------------------


def test_positions_named_twice_are_matched_in_their_order() -> None:
    old = [FormPosition("1", "Aide", 1), FormPosition("1", "Aide", 2)]
    change = position_change(old, [FormPosition("1", "aide", 1)])
    assert (change.added, change.dropped, change.recounted) == ((), (old[1],), ())


def test_a_long_list_of_differences_is_cut_and_counted() -> None:
    many = tuple(FormPosition("1", f"Aide {number}", 1) for number in range(12))
    (told,) = differences(fact(positions=()), fact(positions=many))
    assert told.startswith("12 positions added: Aide 0 (category 1); ")
    assert told.endswith("; and 2 more")


def test_differences_name_old_and_new() -> None:
    old, new = fact(), fact(agency="")
    new = replace(new, form=replace(new.form, items=frozenset({"010"}), cutoff=None), total_accounts=3)
    assert differences(old, new) == [
        "items: 010, 011, 012 becomes 010",
        "cutoff: tenure becomes nothing",
        "agency: 'Agency for Example Affairs' becomes nothing",
        "total accounts: nothing becomes 3",
    ]
    assert differences(fact(), replace(fact(), form=replace(fact().form, items=frozenset()))) == [
        "items: 010, 011, 012 becomes nothing"
    ]
