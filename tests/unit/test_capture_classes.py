"""Class and occurrences: another place may lengthen the keeping, never shorten it, and the lock follows."""

from __future__ import annotations

from typing import Any

import pytest

from capstone.domain.errors import ObjectMissing
from capstone.domain.fixity import digest_of
from capstone.domain.layout import record_key
from capstone.domain.records import RecordClass
from capstone.ports import ObjectRef
from capstone.usecases.stored import state_of
from tests.builders import a_designation, a_form
from tests.fakes.archive import MemoryArchive, Wrapped, a_message
from tests.fakes.list_source import ListSource, offered

ONE = a_message("Budget")


def test_a_new_occurrence_may_lengthen_the_keeping_and_the_lock_follows() -> None:
    official = a_designation("1", account="director")
    assistant = a_designation("none", account="assistant", official="Ben Ode", position="Assistant")
    archive = MemoryArchive(official, assistant)
    raw = a_message(From="director@agency.example", Sender="")
    archive.capture(ListSource(offered(raw)), "assistant")
    record_id = f"assistant/{digest_of(raw)}"
    assert archive.ledger.records.record(record_id).classification.record_class is RecordClass.TEMPORARY
    archive.capture(ListSource(offered(raw, "2", "Sent", is_sent=True)), "assistant")
    entry = archive.ledger.records.record(record_id)
    assert entry.classification.reason == "sent_for_official"
    state = state_of(archive.store, ObjectRef(record_key("assistant", digest_of(raw))))
    assert state.lock.hold
    assert state.lock.retain_until is not None
    assert state.tags["record-class"] == "permanent"
    assert len(archive.ledger.records.class_history(record_id)) == 2


def test_a_message_offered_again_is_never_kept_for_a_shorter_time_without_a_replay() -> None:
    archive = MemoryArchive(a_designation("1"))
    archive.capture(ListSource(offered(ONE)))
    archive.designations = [a_designation("none")]
    archive.capture(ListSource(offered(ONE, "2")))
    (record_id,) = archive.record_ids()
    entry = archive.ledger.records.record(record_id)
    assert (entry.classification.record_class, len(entry.occurrences)) == (RecordClass.PERMANENT, 2)


def test_a_class_that_changes_while_the_object_is_gone_ends_the_run_by_name() -> None:
    archive = MemoryArchive(a_designation("none", account="assistant"), a_designation("1"))
    raw = a_message(From="director@agency.example")
    archive.capture(ListSource(offered(raw)), "assistant")
    del archive.store.raw[record_key("assistant", digest_of(raw))]
    report = archive.capture(ListSource(offered(raw, "2", "Sent", is_sent=True)), "assistant")
    assert (report.outcome, report.error and report.error.code) == ("failed", ObjectMissing.code)


def test_an_object_that_is_gone_keeps_no_other_mail_out() -> None:
    """Its record keeps its class, which a replay looks at again, and the place where it was seen is noted."""
    archive = MemoryArchive(a_designation("none", account="assistant"), a_designation("1"))
    raws = [a_message(subject, From="director@agency.example") for subject in ("Gone", "There")]
    archive.capture(ListSource(*(offered(raw, subject) for raw, subject in zip(raws, "ab", strict=True))), "assistant")
    del archive.store.raw[record_key("assistant", digest_of(raws[0]))]
    sent = [offered(raw, f"{number} again", "Sent", is_sent=True) for number, raw in enumerate(raws)]
    report = archive.capture(ListSource(*sent, offered(a_message("New"), "3")), "assistant")
    assert (report.outcome, report.error and report.error.code) == ("failed", ObjectMissing.code)
    assert (report.counts["archived"], report.counts["already_held"]) == (1, 2)
    gone, there = (archive.ledger.records.record(f"assistant/{digest_of(raw)}") for raw in raws)
    assert (gone.classification.record_class, len(gone.occurrences)) == (RecordClass.TEMPORARY, 2)
    assert (there.classification.record_class, len(there.occurrences)) == (RecordClass.PERMANENT, 2)
    assert archive.reconcile().missing


def test_a_new_occurrence_that_changes_nothing_leaves_one_class_in_the_history() -> None:
    archive = MemoryArchive()
    archive.capture(ListSource(offered(ONE)))
    archive.capture(ListSource(offered(ONE, "2"), offered(ONE, "3")))
    (record_id,) = archive.record_ids()
    assert len(archive.ledger.records.class_history(record_id)) == 1
    assert len(archive.ledger.records.record(record_id).occurrences) == 3


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_class_does_not_depend_on_which_occurrence_came_first(order: tuple[int, int]) -> None:
    archive = MemoryArchive(a_designation("none", account="assistant"), a_designation("1"))
    raw = a_message(From="director@agency.example")
    places = [offered(raw), offered(raw, "2", "Sent", is_sent=True)]
    for number in order:
        archive.capture(ListSource(places[number]), "assistant")
    (record_id,) = archive.record_ids()
    assert archive.ledger.records.record(record_id).classification.record_class is RecordClass.PERMANENT


def test_an_account_without_an_approved_form_is_unscheduled_and_held() -> None:
    archive = MemoryArchive(a_designation(form=a_form(approved=None)))
    archive.capture(ListSource(offered(ONE)))
    (record_id,) = archive.record_ids()
    assert archive.ledger.records.record(record_id).classification.record_class is RecordClass.UNSCHEDULED
    assert state_of(archive.store, ObjectRef(record_key(*record_id.split("/")))).lock.hold


def test_a_record_that_left_the_ledger_while_its_batch_was_read_is_archived_anew() -> None:
    archive = MemoryArchive()
    source = ListSource(offered(ONE))
    archive.capture(source)
    parts = archive.capturing

    class Forgetful(Wrapped):
        """Knows the record when facts are begun, and no more when the batch is decided."""

        _asked = 0

        def known(self, account: str, digests: Any) -> Any:
            self._asked += 1
            return self._inner.known(account, digests) if self._asked == 1 else {}

    archive.ledger.capture = Forgetful(parts.ledger)
    assert archive.capture(source).counts["archived"] == 1
