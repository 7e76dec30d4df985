"""`why`: what a record's class follows from, as it was known when the class was given, and what it would come to now."""

from __future__ import annotations

import json

import pytest

from capstone.domain.errors import FixityMismatch
from capstone.domain.fixity import digest_of
from capstone.domain.layout import record_key
from capstone.domain.officials import Designation
from capstone.domain.recheck import recheck
from capstone.domain.records import RecordClass
from capstone.domain.register_facts import RegisterDecision, RegisteredForm
from capstone.usecases.search import explain
from tests.builders import a_designation, a_form
from tests.fakes.archive import OFFICER, MemoryArchive, a_message, in_inbox
from tests.fakes.mail_source import FakeMailSource

BUDGET = a_message("Budget", Sender="director@agency.example")
DIRECTOR, CLERK = a_designation(decided="Order 12", decided_by="the Secretary"), a_designation("none", account="clerk")
RECORD = f"director/{digest_of(BUDGET)}"


@pytest.fixture
def archive() -> MemoryArchive:
    made = MemoryArchive(DIRECTOR, CLERK)
    made.capture(FakeMailSource("mailbox", in_inbox(BUDGET)))
    return made


def decided_later(
    archive: MemoryArchive, *rows: Designation, superseded: dict[str, str], facts: tuple[RegisteredForm, ...] = ()
) -> None:
    archive.clock.move(minutes=1)
    register = archive.ledger.register
    register.apply(
        RegisterDecision(
            register.next_decision(), archive.clock.now(), "rosa", "a correction", rows, facts, superseded=superseded
        )
    )


def test_an_explanation_names_the_designation_that_decided_and_who_entered_it(archive: MemoryArchive) -> None:
    found = explain(archive.reading, OFFICER, RECORD, archive.rules)
    assert found.designation == DIRECTOR
    assert found.form == DIRECTOR.form
    assert found.entered is not None
    assert (found.entered.number, found.entered.actor) == (1, "rosa")
    assert len(found.history) == 1
    assert found.now is None
    assert archive.ledger.audit._entries[-1].event == "explain"


def test_the_origin_is_that_of_the_row_that_decided_not_of_another_in_the_same_decision(archive: MemoryArchive) -> None:
    archive.capture(FakeMailSource("elsewhere", in_inbox(BUDGET)), "clerk")
    found = explain(archive.reading, OFFICER, f"clerk/{digest_of(BUDGET)}", archive.rules)
    assert found.designation == CLERK


def test_what_a_class_follows_from_gives_the_same_class_again(archive: MemoryArchive) -> None:
    found = explain(archive.reading, OFFICER, RECORD, archive.rules)
    assert recheck(json.loads(json.dumps(found.case))) == found.rechecked == found.entry.classification


def test_what_a_class_follows_from_holds_no_mail_content_and_no_address_of_the_message(archive: MemoryArchive) -> None:
    other = a_message("Travel", From_="Ann <ann@elsewhere.example>")
    archive.capture(FakeMailSource("elsewhere", in_inbox(other)))
    told = json.dumps(explain(archive.reading, OFFICER, f"director/{digest_of(other)}", archive.rules).case)
    assert "ann@elsewhere" not in told.lower()
    assert "Travel" not in told


def test_after_a_correction_the_class_is_explained_as_it_was_known_and_what_it_would_be_now_is_said(
    archive: MemoryArchive,
) -> None:
    plain = a_designation("none", position="Adviser")
    decided_later(archive, plain, superseded={DIRECTOR.designation_id: plain.designation_id})
    found = explain(archive.reading, OFFICER, RECORD, archive.rules)
    assert found.entry.classification.record_class is RecordClass.PERMANENT
    assert found.rechecked == found.entry.classification
    assert found.designation == DIRECTOR
    assert found.now is not None
    assert found.now.record_class is RecordClass.TEMPORARY


def test_the_form_is_told_as_the_register_holds_it_now(archive: MemoryArchive) -> None:
    held = RegisteredForm(a_form(transfer_years=25))
    decided_later(archive, superseded={}, facts=(held,))
    assert explain(archive.reading, OFFICER, RECORD, archive.rules).form == held.form


def test_a_class_without_a_designation_has_no_origin(archive: MemoryArchive) -> None:
    undated = a_message("Undated", date_text="")
    archive.capture(FakeMailSource("elsewhere", in_inbox(undated)))
    found = explain(archive.reading, OFFICER, f"director/{digest_of(undated)}", archive.rules)
    assert (found.designation, found.form, found.entered) == (None, None, None)


def test_a_designation_that_the_register_lost_is_told_as_unknown(archive: MemoryArchive) -> None:
    archive.ledger.register._decisions.clear()
    found = explain(archive.reading, OFFICER, RECORD, archive.rules)
    assert (found.designation, found.entered) == (None, None)


def test_altered_bytes_explain_nothing(archive: MemoryArchive) -> None:
    archive.store.raw[record_key("director", digest_of(BUDGET))] = BUDGET.replace(b"Budget", b"Gadget")
    with pytest.raises(FixityMismatch):
        explain(archive.reading, OFFICER, RECORD, archive.rules)
