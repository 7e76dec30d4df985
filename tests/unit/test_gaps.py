"""What the register lacks: every gap by its code, with the ids that it is about; and nothing where nothing is lacking."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from capstone.domain.forms.registering import settled
from capstone.domain.gaps import CODES, Captured, Gap, GapRules, gaps
from capstone.domain.officials import Designation, Form
from capstone.domain.register_facts import FormPosition, RegisteredForm, RegisterState
from tests.builders import a_designation
from tests.na1005 import RULES

TODAY = date(2022, 6, 1)
NUMBER, NEWER = "GRS 6.1-0999-2018-0001", "GRS 6.1-0999-2021-0001"


def a_fact(*positions: FormPosition, number: str = NUMBER, approved: str | None = "2018-04-01", **changes: Any) -> RegisteredForm:
    day = None if approved is None else date.fromisoformat(approved)
    listed = positions or (FormPosition("1", "Director", 1),)
    return RegisteredForm(Form(number, "0999", day), positions=listed, **changes)


def director(starts: str = "2010-01-01", ends: str | None = None, **changes: Any) -> Designation:
    return a_designation("1", starts, ends, **{"form": Form(NUMBER), "position": "Director"} | changes)


def found(
    rows: list[Designation], forms: list[RegisteredForm] | None = None, held: list[Captured] | None = None, **changes: Any
) -> list[Gap]:
    """The gaps of a register in whose one account mail was captured today unless said otherwise."""
    chosen = {"today": TODAY, "windows": RULES.windows, "ending_days": 30, "capture_days": 7, "due_days": 60} | changes
    facts = settled({one.form.number: one for one in ([a_fact()] if forms is None else forms)}, RULES.windows)
    captured = [Captured("director", 3, 0, TODAY)] if held is None else held
    return gaps(RegisterState(tuple(rows), tuple(facts.values())), captured, GapRules(**chosen))


def codes(*arguments: Any, **changes: Any) -> list[tuple[str, tuple[str, ...]]]:
    return [(one.code, one.ids) for one in found(*arguments, **changes)]


def test_a_register_without_gaps_has_none() -> None:
    assert found([director()]) == []


def test_every_gap_says_what_to_do() -> None:
    (gap,) = found([director()], held=[Captured("director", 3, 2, TODAY)])
    assert gap.as_dict() == {
        "code": "unscheduled_mail",
        "what": "Account director holds 2 messages that no schedule covers.",
        "ids": ["director"],
        "next": CODES["unscheduled_mail"],
    }


# --- positions and forms ---------------------------------------------------------------------------


def test_a_position_that_nobody_holds_today() -> None:
    form = a_fact(FormPosition("1", "Director", 1), FormPosition("1", "Envoy", 0), FormPosition("2", "Deputy", 1))
    assert codes([director()], [form]) == [("position_without_official", (NUMBER,)), ("category_count", (NUMBER,))]
    assert codes([director(ends="2022-05-31")]) == [
        ("position_without_official", (NUMBER,)),
        ("category_count", (NUMBER,)),
        ("account_without_holder", ("director", director(ends="2022-05-31").designation_id)),
    ]


def test_a_designation_in_a_position_that_the_form_lacks() -> None:
    row, other = director(), director(position="Envoy", account="envoy")
    captured = [Captured("director", 3, 0, TODAY), Captured("envoy", 3, 0, TODAY)]
    assert codes([row, other], None, captured) == [
        ("position_not_on_form", (other.designation_id,)),
        ("category_count", (NUMBER, "director", "envoy")),
    ]


def test_a_category_with_another_number_of_accounts_than_the_form() -> None:
    (gap,) = found([director()], [a_fact(FormPosition("1", "Director", 2))])
    assert (gap.code, gap.what) == ("category_count", f"Category 1 of form {NUMBER}: 2 accounts on the form, 1 today.")


def test_a_form_that_designations_rest_on_and_nobody_registered() -> None:
    row, without = director(form=Form("F-9")), director("2011-01-01", form=Form(""), position="Envoy")
    assert codes([row, without], []) == [("form_not_registered", ("F-9", row.designation_id))]
    (gap,) = found([row], [])
    assert gap.what == "1 designation rests on form F-9, which is not registered."


def test_a_form_that_is_not_approved_counts_no_positions() -> None:
    assert codes([director()], [a_fact(approved=None)]) == [("form_not_approved", (NUMBER, director().designation_id))]


def test_a_form_that_is_withdrawn_matters_while_designations_rest_on_it() -> None:
    form = a_fact()
    withdrawn = replace(form, form=replace(form.form, withdrawn=TODAY))
    assert codes([director()], [withdrawn]) == [("form_withdrawn", (NUMBER, director().designation_id))]
    assert codes([director(form=Form(""))], [withdrawn]) == []


def test_a_form_that_is_superseded_matters_while_designations_name_it() -> None:
    newer = a_fact(number=NEWER, approved="2021-03-01", previous=NUMBER)
    assert codes([director()], [a_fact(), newer]) == [("form_superseded", (NUMBER, director().designation_id))]
    assert codes([director(form=Form(NEWER))], [a_fact(), newer]) == []


def test_a_form_is_due_before_its_window_opens_and_expired_once_it_is_missed() -> None:
    captured = [Captured("director", 3, 0, date(2027, 5, 1))]
    assert codes([director()], due_days=244) == [("form_due", (NUMBER,))]
    assert codes([director()], due_days=243) == []
    (expired,) = found([director()], held=captured, today=date(2027, 5, 1))
    assert (expired.code, expired.ids) == ("form_expired", (NUMBER, director().designation_id))
    (due,) = found(
        [director()], [a_fact(approved="2023-05-01")], today=date(2027, 1, 31), held=[Captured("director", 1, 0, None)]
    )
    assert due.what.endswith("between 2027-01-31 and 2027-04-30; the days are not announced yet.")


def test_a_form_whose_noted_days_no_longer_follow_from_windows_and_forms_is_told() -> None:
    (gap,) = found([director()], windows=RULES.windows[1:], due_days=0)
    assert (gap.code, gap.ids) == ("form_days_outdated", (NUMBER,))


# --- accounts --------------------------------------------------------------------------------------


def test_an_account_of_which_nothing_was_ever_captured() -> None:
    row = director()
    assert codes([row], held=[]) == [("account_never_captured", ("director", row.designation_id))]
    assert codes([row], held=[Captured("director", 5, 0, None)]) == []


def test_an_account_in_office_of_which_nothing_was_captured_lately() -> None:
    row = director()
    assert codes([row], held=[Captured("director", 3, 0, date(2022, 5, 24))]) == [
        ("capture_stopped", ("director", row.designation_id))
    ]
    assert codes([row], held=[Captured("director", 3, 0, date(2022, 5, 25))]) == []


def test_a_captured_account_that_is_nobodys() -> None:
    held = [Captured("director", 3, 0, TODAY), Captured("stray", 7, 7, TODAY)]
    assert codes([director()], held=held) == [("account_without_designation", ("stray",)), ("unscheduled_mail", ("stray",))]


def test_an_account_captured_after_its_last_designation_ended() -> None:
    row = director(ends="2021-12-31", form=Form(""))
    assert codes([row], []) == [("account_without_holder", ("director", row.designation_id))]
    assert codes([row], [], [Captured("director", 3, 0, date(2021, 12, 31))]) == []


def test_days_between_two_holders_of_an_account() -> None:
    first, second = director(ends="2014-12-31"), director("2015-02-01", official="Bo Lind")
    (gap,) = found([first, second])
    assert (gap.code, gap.ids) == ("vacancy", ("director", first.designation_id, second.designation_id))
    assert gap.what == "Account director has no holder from 2015-01-01 to 2015-01-31, between Ada Brook and Bo Lind."
    assert found([first, director("2015-01-01", official="Bo Lind")]) == []


def test_a_longer_designation_bridges_the_days_between_two_others() -> None:
    rows = [director(ends="2019-12-31"), director("2012-01-01", "2013-01-01", official="Cy Ames"), director("2020-01-01")]
    assert found(rows) == []


def test_a_vacancy_that_lies_ahead_is_none_yet() -> None:
    assert codes([director(), director("2030-01-01", official="Bo Lind", position="Director")]) == []
    assert codes([director(ends="2022-12-31"), director("2030-01-01", official="Bo Lind")]) == []


def test_designations_that_end_soon_come_in_the_order_of_their_days() -> None:
    later = director(ends="2022-07-01")
    sooner = director("2011-01-01", "2022-06-01", official="Bo Lind")
    assert codes([later, sooner]) == [
        ("designation_ending", (sooner.designation_id, "director")),
        ("designation_ending", (later.designation_id, "director")),
    ]
    assert codes([director(ends="2022-07-02")]) == []


def test_support_staff_are_asked_for_captures_and_not_for_positions() -> None:
    clerk = a_designation("support", account="clerk", position="Clerk", form=Form(NUMBER))
    assert codes([director(), clerk]) == [("account_never_captured", ("clerk", clerk.designation_id))]
