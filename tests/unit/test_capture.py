"""Capture: every item ends in one state, nothing is stored twice, and what a run did is noted."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from capstone.domain.errors import AccountBusy, SourceUnavailable, UnknownAccount
from capstone.domain.fixity import digest_of
from capstone.domain.layout import quarantine_key, record_key
from capstone.domain.message import ItemState, OfferedMessage, SourceNote
from capstone.domain.records import Lock
from capstone.ports import ObjectRef
from capstone.usecases.capture import capture_source
from capstone.usecases.stored import state_of
from tests.builders import a_designation, a_form
from tests.fakes.archive import MemoryArchive, Wrapped, a_message, in_inbox
from tests.fakes.list_source import ListSource, offered, refused
from tests.fakes.mail_source import FakeMailSource, Mail

ONE, TWO, THREE = a_message("Budget"), a_message("Travel"), a_message("Hiring")


def test_every_item_ends_in_one_state_and_their_sum_is_what_was_offered() -> None:
    archive = MemoryArchive()
    source = ListSource(
        offered(ONE),
        offered(ONE, "2"),
        offered(TWO, "3"),
        offered(b"", "4"),
        refused(ItemState.QUARANTINED, b"container"),
        refused(ItemState.EXCLUDED),
        refused(ItemState.FAILED),
    )
    report = archive.capture(source)
    told = report.as_counts()
    assert {name: told[name] for name in ("offered", "archived", "already_held", "quarantined", "excluded", "failed")} == {
        "offered": 7, "archived": 2, "already_held": 1, "quarantined": 2, "excluded": 1, "failed": 1,
    }  # fmt: skip
    assert (report.outcome, report.is_clean) == ("failed", False)
    assert report.bytes_archived == len(ONE) + len(TWO)


def test_the_record_is_the_exact_bytes_under_the_lock_and_tags_of_its_class() -> None:
    archive = MemoryArchive()
    archive.capture(ListSource(offered(ONE)))
    key = record_key("director", digest_of(ONE))
    assert archive.store.get(key) == ONE
    state = state_of(archive.store, ObjectRef(key))
    assert state.lock == Lock(hold=True)
    assert state.tags == {"account": "director", "record-class": "permanent", "schedule-item": "010", "na1005-category": "1"}


def test_a_temporary_record_is_locked_until_it_may_be_destroyed() -> None:
    archive = MemoryArchive(a_designation("none"))
    archive.capture(ListSource(offered(a_message(date_text="Mon, 03 Feb 2025 10:00:00 -0500"))))
    (record_id,) = archive.record_ids()
    state = state_of(archive.store, ObjectRef(record_key(*record_id.split("/"))))
    assert state.lock == Lock(datetime(2032, 2, 4, 5, tzinfo=UTC))
    assert state.tags["eligible"] == "2032-02-03"


def test_a_second_run_archives_nothing_and_keeps_the_occurrences() -> None:
    archive, source = MemoryArchive(), ListSource(offered(ONE), offered(TWO, "2"))
    archive.capture(source)
    report = archive.capture(source)
    assert (report.counts["archived"], report.counts["already_held"]) == (0, 2)
    assert report.is_clean
    assert [len(archive.ledger.records.record(one).occurrences) for one in archive.record_ids()] == [1, 1]


def test_a_source_with_a_cursor_is_asked_only_for_what_is_new() -> None:
    archive = MemoryArchive()
    archive.capture(FakeMailSource("mailbox", in_inbox(ONE)))
    report = archive.capture(FakeMailSource("mailbox", in_inbox(ONE, TWO)))
    assert report.as_counts()["offered"] == report.counts["archived"] == 1
    assert archive.capture(FakeMailSource("mailbox", in_inbox(ONE, TWO))).as_counts()["offered"] == 0


def test_quarantined_bytes_are_kept_under_a_hold() -> None:
    archive = MemoryArchive()
    archive.capture(ListSource(refused(ItemState.QUARANTINED, b"container", "container_not_supported")))
    key = quarantine_key("export", digest_of(b"container"))
    assert archive.store.get(key) == b"container"
    assert state_of(archive.store, ObjectRef(key)).lock == Lock(hold=True)
    (item,) = archive.ledger.records.quarantine()
    assert (item.digest, item.code, item.account) == (digest_of(b"container"), "container_not_supported", "director")


def test_an_unknown_account_stores_nothing() -> None:
    archive = MemoryArchive()
    with pytest.raises(UnknownAccount):
        archive.capture(ListSource(offered(ONE)), account="stranger")
    assert {key.partition("/")[0] for key in archive.store.raw} == {"decisions"}
    assert archive.ledger.records.runs() == []


def test_one_writer_an_account_at_a_time() -> None:
    archive = MemoryArchive()
    archive.ledger.capture.take_lease("director", "another", archive.clock.now(), 3600)
    with pytest.raises(AccountBusy):
        archive.capture(ListSource(offered(ONE)))


def test_the_lease_of_a_process_that_died_is_taken_over_at_once() -> None:
    archive = MemoryArchive()
    archive.ledger.capture.take_lease("director", "dead", archive.clock.now(), 3600)
    archive.holders.gone.add("dead")
    assert archive.capture(ListSource(offered(ONE))).is_clean


def test_the_lease_is_given_back_also_after_a_failure() -> None:
    archive = MemoryArchive()
    archive.capture(ListSource(then=SourceUnavailable("down")))
    archive.ledger.capture.take_lease("director", "another", archive.clock.now(), 60)


def test_a_source_of_which_everything_is_excluded_is_implausible() -> None:
    report = MemoryArchive().capture(ListSource(refused(ItemState.EXCLUDED, code="not_mail")))
    assert report.outcome == "failed"
    assert report.error is not None
    assert report.error.code == "E103"
    assert report.counts["excluded"] == 1


def test_an_empty_source_of_a_quiet_account_is_fine_when_it_keeps_a_cursor() -> None:
    archive = MemoryArchive()
    source = FakeMailSource("mailbox", [Mail("Inbox", ONE), Mail("Drafts", TWO)])
    archive.capture(source)
    later = FakeMailSource("mailbox", [Mail("Inbox", ONE), Mail("Drafts", TWO), Mail("Drafts", THREE)])
    assert archive.capture(later).is_clean


def test_many_messages_go_in_batches_of_bounded_size() -> None:
    archive = MemoryArchive()
    source = ListSource(*(offered(a_message(f"Number {number}"), str(number)) for number in range(1201)))
    told: list[tuple[int, int]] = []
    report = capture_source(replace(archive.capturing, progress=lambda *tell: told.append(tell)), "director", source)
    assert report.counts["archived"] == 1201
    assert [count for count, _ in told] == [500, 500, 201]
    assert sum(size for _, size in told) == report.bytes_archived


def test_the_run_and_its_sums_are_in_the_audit_chain_and_its_head_is_in_the_store() -> None:
    archive = MemoryArchive()
    archive.capture(ListSource(offered(ONE)))
    (entry,) = archive.ledger.audit.entries()
    assert (entry.event, entry.details["archived"]) == ("capture", 1)
    assert [key.rpartition("/")[2] for key in archive.store.list_keys("audit/")] == [f"{entry.digest}.json"]


def test_nothing_of_a_messages_text_is_in_its_manifest() -> None:
    archive = MemoryArchive()
    archive.capture(ListSource(offered(a_message("Zanzibar", To="quagmire@agency.example"))))
    (key,) = archive.store.list_keys("manifests/")
    assert b"anzibar" not in archive.store.get(key)
    assert b"quagmire" not in archive.store.get(key)


def test_a_lock_counts_from_the_instant_that_the_ledger_calls_that_of_capture() -> None:
    """However long the batch took: what reconcile asks for is what capture did."""
    archive = MemoryArchive(a_designation("support", form=a_form(approved="2019-04-01")))

    class Slow(Wrapped):
        def put_all(self, requests: Any) -> Any:
            archive.clock.move(seconds=7)
            return self._inner.put_all(requests)

    archive.store = Slow(archive.store)
    assert archive.capture(ListSource(offered(ONE))).counts["archived"] == 1
    assert [one for one in archive.reconcile().mended if one.where == "store"] == []


def test_an_offered_message_never_shows_its_bytes_by_accident() -> None:
    assert "Budget" not in repr(OfferedMessage(offered(ONE).occurrence, ONE))


@pytest.mark.parametrize("is_gap", [True, False])
def test_what_a_source_has_to_say_is_in_the_report_and_the_audit_chain(is_gap: bool) -> None:
    archive = MemoryArchive()
    source, counts = ListSource(offered(ONE)), {"expected": 3, "unrecovered": int(is_gap)}
    source.noted = (SourceNote("container", "old.pst", "", counts),)
    report = archive.capture(source)
    assert report.is_clean is not is_gap
    assert report.as_counts()["notes"] == [
        {"code": "container", "where": "old.pst", "reason": "", "counts": counts, "is_gap": is_gap}
    ]
    entry = [*archive.ledger.audit.entries()][-1]
    assert entry.details["notes"] == [{"code": "container", "where": "old.pst", **counts}]
