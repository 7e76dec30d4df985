"""Forms in the register, use case by use case: the file is kept, the decision is taken, the store gives all of it back."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from capstone.domain.errors import BadOfficialsFile, DecidedMeanwhile, UnknownForm
from capstone.domain.fixity import digest_of
from capstone.domain.forms import FormState, listing_csv, read_form
from capstone.domain.forms.registering import Outcome, forms_of
from capstone.domain.layout import FORM_FILES
from capstone.domain.officials import Form
from capstone.domain.records import Lock
from capstone.usecases.decisions import adopt_decisions
from capstone.usecases.forms import (
    FormParts,
    FormPlan,
    apply_change,
    export_positions,
    list_forms,
    plan_form,
    plan_positions,
    plan_resubmission,
    plan_withdrawal,
    take_in,
)
from capstone.usecases.gaps import GapParts, find_gaps
from tests.builders import ZONE, a_designation
from tests.fakes.archive import Cut as CutPower
from tests.fakes.archive import MemoryArchive, PowerCut
from tests.fakes.ledger import FakeLedger
from tests.fakes.mail_source import FakeMailSource, Mail
from tests.na1005 import RULES, a_file

NUMBER, NEWER = "GRS 6.1-0999-2018-0001", "GRS 6.1-0999-2021-0001"
PDF = b"%PDF-1.7 a form"
LIST = f"form,record_group,category,position,accounts,approved\r\n{NUMBER},0999,1,Director,2,2018-04-01\r\n".encode()


def parts_of(archive: MemoryArchive) -> FormParts:
    return FormParts(archive.registering, RULES)


def planned(archive: MemoryArchive, data: bytes = PDF, *, accepts: bool = False, **changes: Any) -> FormPlan:
    file = a_file(changes.pop("rows", None), changes.pop("totals", None), **changes)
    form = read_form(type(file)(file.answers, file.template, digest_of(data)), RULES)
    return plan_form(parts_of(archive), form, data, accepts=accepts)


def registered(archive: MemoryArchive, data: bytes = PDF, **changes: Any) -> FormPlan:
    return take_in(parts_of(archive), planned(archive, data, **changes), "rosa", "import of form.pdf")


def numbers(archive: MemoryArchive) -> list[str]:
    return list(forms_of(archive.ledger.register.state()))


@pytest.fixture
def archive() -> MemoryArchive:
    return MemoryArchive(a_designation(position="Director", form=Form(NUMBER)))


def test_of_two_plans_made_on_one_register_only_the_first_is_taken_in(archive: MemoryArchive) -> None:
    first, second = planned(archive), plan_positions(parts_of(archive), LIST)
    made = take_in(parts_of(archive), first, "rosa", "import of form.pdf")
    before = archive.ledger.register.state()
    with pytest.raises(DecidedMeanwhile, match="nothing was changed"):
        take_in(parts_of(archive), second, "robin", "import of list.csv")
    withdrawal = plan_withdrawal(parts_of(archive), NUMBER, date(2026, 1, 1))
    with pytest.raises(DecidedMeanwhile):
        apply_change(parts_of(archive), withdrawal, "robin", "letter", made.decision)
    assert archive.ledger.register.state() == before
    assert apply_change(parts_of(archive), withdrawal, "robin", "letter", 3) == 3


# --- taking in -------------------------------------------------------------------------------------


def test_a_form_is_kept_as_it_came_and_becomes_a_decision(archive: MemoryArchive) -> None:
    made = registered(archive)

    key = f"{FORM_FILES}{digest_of(PDF)}.pdf"
    assert archive.store.get(key) == PDF
    assert archive.store.guard[key][0] == Lock(hold=True)
    decision = archive.ledger.register.decisions()[-1]
    assert (decision.number, decision.actor, decision.reason) == (made.decision, "rosa", "import of form.pdf")
    assert [fact.form.number for fact in decision.facts] == [NUMBER]


def test_what_was_imported_is_told_as_promised(archive: MemoryArchive) -> None:
    told = json.loads(json.dumps(registered(archive).as_dict()))
    assert {name: told[name] for name in ("form", "agency", "record_group", "total_accounts", "cutoff", "transfer_years")} == {
        "form": NUMBER,
        "agency": "Agency for Example Affairs",
        "record_group": "0999",
        "total_accounts": 6,
        "cutoff": "tenure",
        "transfer_years": 15,
    }
    assert (told["outcome"], told["state"], told["expires"], told["decision"]) == ("added", "expired", "2023-05-01", 2)
    assert (told["findings"], told["warnings"], told["differences"]) == ([], [], [])


def test_the_same_file_twice_is_one_decision(archive: MemoryArchive) -> None:
    registered(archive)
    again = registered(archive)
    assert (again.as_dict()["outcome"], again.decision) == (Outcome.UNCHANGED, None)
    assert len(archive.ledger.register.decisions()) == 2


def test_sums_that_do_not_add_up_are_told_and_the_register_stays_as_it_is(archive: MemoryArchive) -> None:
    held = registered(archive, totals={"1": "3"})

    told = held.as_dict()
    assert (told["outcome"], told["decision"], numbers(archive)) == (Outcome.HELD_BACK, None, [])
    assert told["warnings"] == [
        "category 1: The accounts of a category's positions do not add up to its total. The form says '3'. Counted: 2."
        " (category_sum)",
        "form: The totals of the categories do not add up to the form's total. The form says '6.00000000'. Counted: 7."
        " (form_sum)",
    ]
    assert list(archive.store.list_keys(FORM_FILES)) == []


def test_a_form_whose_findings_a_person_accepts_says_so_in_its_decision(archive: MemoryArchive) -> None:
    registered(archive, totals={"1": "3"}, accepts=True)
    assert archive.ledger.register.decisions()[-1].reason == "import of form.pdf (accepted: category_sum, form_sum)"
    assert forms_of(archive.ledger.register.state())[NUMBER].total_accounts == 6


def test_a_form_without_a_number_is_told_and_not_registered(archive: MemoryArchive) -> None:
    told = registered(archive, number="", accepts=True).as_dict()
    assert (told["outcome"], told["state"], told["expires"], told["total_accounts"]) == (Outcome.HELD_BACK, None, None, 6)


def test_a_form_not_approved_yet_is_registered_as_submitted(archive: MemoryArchive) -> None:
    told = registered(archive, approved="0", decided_on="").as_dict()
    assert (told["outcome"], told["state"]) == (Outcome.ADDED, FormState.SUBMITTED)
    assert not forms_of(archive.ledger.register.state())[NUMBER].form.is_approved(date(2026, 3, 2))


def test_a_newer_form_changes_the_fact_of_the_one_it_supersedes_in_the_same_decision(archive: MemoryArchive) -> None:
    registered(archive)
    newer = {"number": NEWER, "supersedes": "1", "supersedes_not": "0", "previous": NUMBER, "decided_on": "2021-03-01"}
    made = registered(archive, b"%PDF newer", **newer)

    decision = archive.ledger.register.decisions()[-1]
    assert (decision.number, sorted(fact.form.number for fact in decision.facts)) == (made.decision, [NUMBER, NEWER])
    assert len(decision.superseded) == 1
    assert [(one.fact.form.number, one.state) for one in list_forms(parts_of(archive))] == [
        (NUMBER, FormState.SUPERSEDED),
        (NEWER, FormState.EXPIRED),
    ]


def test_a_newer_form_that_drops_a_position_in_use_is_held_back_with_the_designation(archive: MemoryArchive) -> None:
    registered(archive)
    newer = {"number": NEWER, "supersedes": "1", "supersedes_not": "0", "previous": NUMBER, "decided_on": "2021-03-01"}
    rows = {"2": [("Deputy", "1")]}

    held = registered(archive, b"%PDF newer", rows=rows, total="1", **newer)

    assert held.as_dict()["outcome"] is Outcome.HELD_BACK
    (found,) = (one for one in held.forms[0].findings if one.code == "position_in_use")
    assert archive.designations[0].designation_id in found.message
    assert numbers(archive) == [NUMBER]


# --- a CSV of positions ----------------------------------------------------------------------------


def test_a_list_of_positions_does_where_there_is_no_form(archive: MemoryArchive) -> None:
    plan = take_in(parts_of(archive), plan_positions(parts_of(archive), LIST), "rosa", "import of list.csv")
    told = plan.as_dict()
    assert (told["form"], told["total_accounts"], told["state"], told["outcome"]) == (NUMBER, 2, "expired", "added")
    assert told["categories"]["1"] == [{"position": "Director", "accounts": 2}]  # type: ignore[index]
    assert archive.store.get(f"{FORM_FILES}{digest_of(LIST)}.csv") == LIST


def test_several_forms_of_one_list_are_told_one_by_one(archive: MemoryArchive) -> None:
    two = LIST + b"F-2,0001,1,Chair,1,\r\n"
    told = take_in(parts_of(archive), plan_positions(parts_of(archive), two), "rosa", "").as_dict()
    assert [(one["form"], one["state"]) for one in told["forms"]] == [(NUMBER, "expired"), ("F-2", "submitted")]  # type: ignore[attr-defined]
    assert numbers(archive) == ["F-2", NUMBER]


def test_a_stated_total_that_is_not_the_sum_holds_a_list_back(archive: MemoryArchive) -> None:
    wrong = LIST.replace(b",approved", b",approved,total_accounts").replace(b"2018-04-01", b"2018-04-01,5")
    plan = plan_positions(parts_of(archive), wrong)
    assert plan.as_dict()["outcome"] is Outcome.HELD_BACK
    assert take_in(parts_of(archive), plan, "rosa", "").decision is None


def test_a_list_at_fault_changes_nothing(archive: MemoryArchive) -> None:
    with pytest.raises(BadOfficialsFile):
        plan_positions(parts_of(archive), LIST.replace(b"Director,2", b"Director,many"))


def test_what_was_exported_is_read_back_as_unchanged(archive: MemoryArchive) -> None:
    registered(archive)
    text = listing_csv(export_positions(parts_of(archive), None))
    plan = plan_positions(parts_of(archive), text.encode())
    assert [one.change.outcome for one in plan.forms] == [Outcome.UNCHANGED]
    assert plan.warnings == ()


def test_a_list_decides_what_could_not_be_read_on_the_form(archive: MemoryArchive) -> None:
    registered(archive, cutoff="See attached")
    text = listing_csv(export_positions(parts_of(archive), NUMBER))
    rows = list(csv.DictReader(io.StringIO(text)))
    for row in rows:
        row["cutoff"] = "fiscal"
    file = io.StringIO()
    writer = csv.DictWriter(file, rows[0].keys())
    writer.writeheader()
    writer.writerows(rows)

    plan = take_in(parts_of(archive), plan_positions(parts_of(archive), file.getvalue().encode()), "rosa", "letter of 2 March")

    assert plan.forms[0].change.differences == ("cutoff: nothing becomes fiscal",)
    fact = forms_of(archive.ledger.register.state())[NUMBER]
    assert (fact.form.cutoff, fact.cutoff_text) == ("fiscal", "See attached")


# --- later -----------------------------------------------------------------------------------------


def test_a_withdrawal_is_a_decision_of_its_own(archive: MemoryArchive) -> None:
    registered(archive)
    change = plan_withdrawal(parts_of(archive), "GRS6.1-0999-2018-0001", date(2026, 1, 1))
    assert apply_change(parts_of(archive), change, "rosa", "letter") == 3
    assert [one.state for one in list_forms(parts_of(archive))] == [FormState.DENIED]
    again = plan_withdrawal(parts_of(archive), NUMBER, date(2026, 1, 1))
    assert apply_change(parts_of(archive), again, "rosa", "letter") is None


def test_a_form_sent_in_anew_is_approved_again_until_the_next_window(archive: MemoryArchive) -> None:
    registered(archive)
    change = plan_resubmission(parts_of(archive), NUMBER, date(2023, 2, 1))
    apply_change(parts_of(archive), change, "rosa", "memo")
    (line,) = list_forms(parts_of(archive))
    told = line.as_dict()
    assert (told["state"], told["expires"], told["resubmitted"]) == ("approved", "2027-05-01", ["2023-02-01"])
    assert told["window_due"] == {"opens": "2027-01-31", "closes": "2027-04-30"}
    assert (told["positions"], told["accounts"], told["accounts_in_register"]) == (4, 6, 1)
    assert "categories" not in told
    apply_change(
        parts_of(archive), plan_resubmission(parts_of(archive), NUMBER, date(2023, 2, 1), is_undone=True), "rosa", "slip"
    )
    assert [one.state for one in list_forms(parts_of(archive))] == [FormState.EXPIRED]


def test_a_withdrawn_form_is_asked_for_no_more_and_exported_by_its_number_only(archive: MemoryArchive) -> None:
    registered(archive)
    apply_change(parts_of(archive), plan_withdrawal(parts_of(archive), NUMBER, date(2026, 1, 1)), "rosa", "letter")
    assert list_forms(parts_of(archive))[0].as_dict()["window_due"] is None
    assert export_positions(parts_of(archive), None) == []
    assert len(export_positions(parts_of(archive), NUMBER)) == 1


@pytest.mark.parametrize("number", [None, "F-9"])
def test_a_form_that_is_not_there_cannot_be_exported(archive: MemoryArchive, number: str | None) -> None:
    with pytest.raises(UnknownForm):
        export_positions(parts_of(archive), number)


def test_an_export_has_what_form_and_register_say(archive: MemoryArchive) -> None:
    registered(archive)
    ((fact, listed),) = export_positions(parts_of(archive), NUMBER)
    assert fact.form.number == NUMBER
    assert [(one.position, one.on_form, one.in_register) for one in listed][:2] == [
        ("Director", 2, 1),
        ("Associate Director, Operations", 1, 0),
    ]


def test_what_the_register_said_of_forms_on_a_past_day_can_be_asked(archive: MemoryArchive) -> None:
    parts = parts_of(archive)
    yesterday = archive.clock.now().astimezone(ZONE).date()
    registered(archive)
    archive.clock.move(days=1)
    apply_change(parts, plan_withdrawal(parts, NUMBER, yesterday), "rosa", "letter")

    assert [one.state for one in list_forms(parts)] == [FormState.DENIED]
    assert [one.state for one in list_forms(parts, yesterday)] == [FormState.EXPIRED]
    assert list_forms(parts, yesterday - timedelta(days=1)) == []
    assert [one.state for one in list_forms(parts, date.max)] == [FormState.DENIED]


# --- gaps ------------------------------------------------------------------------------------------


def test_gaps_look_at_what_was_captured(archive: MemoryArchive) -> None:
    registered(archive)
    parts = GapParts(parts_of(archive), archive.ledger.records)

    def codes() -> set[str]:
        return {one.code for one in find_gaps(parts, 90, 7, 365)}

    assert codes() == {"form_expired", "form_due", "position_without_official", "category_count", "account_never_captured"}
    archive.capture(FakeMailSource("mailbox", [Mail("Inbox", b"Subject: a\r\n\r\nb\r\n")]))
    assert "account_never_captured" not in codes()
    archive.clock.at += timedelta(days=9)
    assert "capture_stopped" in codes()


# --- the store -------------------------------------------------------------------------------------


def test_a_ledger_made_anew_has_the_same_forms(archive: MemoryArchive) -> None:
    registered(archive)
    apply_change(parts_of(archive), plan_withdrawal(parts_of(archive), NUMBER, date(2026, 1, 1)), "rosa", "letter")
    before = archive.ledger.register.state()

    archive.ledger = FakeLedger()
    assert adopt_decisions(archive.registering) == 3
    assert archive.ledger.register.state() == before


def test_power_lost_between_the_file_and_its_decision_leaves_the_register_as_it_was(archive: MemoryArchive) -> None:
    archive.store = CutPower(archive.store, "put_all", after=True)
    with pytest.raises(PowerCut):
        registered(archive)
    assert numbers(archive) == []
    assert archive.verify().is_sound
    assert registered(archive).decision == 2


def test_the_file_of_a_form_is_under_the_fixity_check(archive: MemoryArchive) -> None:
    registered(archive)
    assert archive.verify().is_sound
    key = f"{FORM_FILES}{digest_of(PDF)}.pdf"
    archive.store.raw[key] = b"%PDF-1.7 another"
    assert archive.verify().damaged == [key]
    del archive.store.raw[key]
    assert archive.verify().missing == [f"{FORM_FILES}{digest_of(PDF)}"]


def test_a_form_without_a_file_has_none_to_check(archive: MemoryArchive) -> None:
    plan = planned(archive)
    (fact,) = plan.change.facts
    apply_change(parts_of(archive), replace(plan.change, facts=(replace(fact, source_digest=""),)), "rosa", "by hand")
    assert archive.verify().is_sound
