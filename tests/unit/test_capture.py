"""Capture: every item ends in one state, nothing is stored twice, a crash anywhere loses nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from capstone.domain.errors import (
    AccountBusy,
    FixityMismatch,
    LedgerUnavailable,
    ObjectMissing,
    SourceUnavailable,
    StoreUnavailable,
    UnknownAccount,
)  # fmt: skip
from capstone.domain.fixity import digest_of
from capstone.domain.layout import quarantine_key, record_key
from capstone.domain.message import ItemState, Occurrence, OfferedItem, OfferedMessage, Place, RefusedItem, SourceNote
from capstone.domain.records import Lock, RecordClass
from capstone.ports import ObjectRef
from capstone.usecases.stored import state_of
from tests.builders import a_designation, a_form
from tests.fakes.archive import Cut, MemoryArchive, PowerCut, a_message, in_inbox
from tests.fakes.mail_source import FakeMailSource, Mail

ONE, TWO, THREE = a_message("Budget"), a_message("Travel"), a_message("Hiring")


class ListSource:
    """Offers exactly these items, then fails if it is told to."""

    gives_same_bytes = True

    def __init__(self, *items: OfferedItem, then: Exception | None = None, name: str = "export") -> None:
        self.name, self._items, self._then = name, items, then
        self.noted: tuple[SourceNote, ...] = ()

    def items(self, cursors: Mapping[str, str]) -> Iterator[OfferedItem]:
        yield from self._items
        if self._then is not None:
            raise self._then

    def places(self) -> Iterator[Place]:
        return (item.occurrence.place for item in self._items if isinstance(item, OfferedMessage) and item.raw)

    def notes(self) -> tuple[SourceNote, ...]:
        return self.noted


def offered(raw: bytes, item_id: str = "1", folder: str = "Inbox", **seen: Any) -> OfferedMessage:
    return OfferedMessage(Occurrence(Place("export", folder, item_id), **seen), raw)


def refused(state: ItemState, raw: bytes | None = None, code: str = "why") -> RefusedItem:
    return RefusedItem(Place("export", "", f"{state.value}.bin"), state, code, "because", raw)


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


def test_a_ledger_lost_in_the_middle_is_told_by_what_was_met_first() -> None:
    archive = MemoryArchive()
    inner = archive.ledger.capture

    class Lost:
        """Lost while a batch was taken in; nothing can be noted afterwards."""

        def __getattr__(self, name: str) -> Any:
            return getattr(inner, name)

        def commit(self, batch: Any) -> None:
            raise LedgerUnavailable("lost in the middle")

        def finish_run(self, *_args: Any) -> Any:
            raise LedgerUnavailable("takes no connection")

        def give_back_lease(self, *_args: Any) -> None:
            raise LedgerUnavailable("takes no connection")

    archive.ledger.capture = Lost()
    with pytest.raises(LedgerUnavailable, match="lost in the middle"):
        archive.capture(FakeMailSource("mailbox", in_inbox(a_message())))


def test_a_source_that_fails_halfway_loses_nothing_of_what_it_gave() -> None:
    archive = MemoryArchive()
    report = archive.capture(ListSource(offered(ONE), then=SourceUnavailable("the line dropped")))
    assert (report.outcome, report.counts["archived"]) == ("failed", 1)
    assert report.error is not None
    assert report.error.code == "E101"
    told = report.as_counts()["error"]
    assert isinstance(told, dict)
    assert told["next"]
    assert archive.capture(ListSource(offered(ONE), offered(TWO, "2"))).counts["archived"] == 1


def test_a_store_that_is_down_fails_the_run_and_the_next_run_is_complete() -> None:
    class Down:
        def __init__(self, inner: Any) -> None:
            self._inner = inner

        def __getattr__(self, name: str) -> Any:
            return getattr(self._inner, name)

        def put_all(self, requests: Any) -> Any:
            if any(request.key.startswith("records/") for request in requests):
                raise StoreUnavailable("full")
            return self._inner.put_all(requests)

    archive = MemoryArchive()
    whole, archive.store = archive.store, Down(archive.store)
    report = archive.capture(ListSource(offered(ONE)))
    assert (report.outcome, report.error.code if report.error else "") == ("failed", "E204")
    archive.store = whole
    assert archive.capture(ListSource(offered(ONE))).is_clean


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


# --- class and occurrences -------------------------------------------------------------------------


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

    class Forgetful:
        """Knows the record when facts are begun, and no more when the batch is decided."""

        def __init__(self, inner: Any) -> None:
            self._inner, self._asked = inner, 0

        def __getattr__(self, name: str) -> Any:
            return getattr(self._inner, name)

        def known(self, account: str, digests: Any) -> Any:
            self._asked += 1
            return self._inner.known(account, digests) if self._asked == 1 else {}

    archive.ledger.capture = Forgetful(parts.ledger)
    assert archive.capture(source).counts["archived"] == 1


# --- crashes ---------------------------------------------------------------------------------------

PORT_CALLS = [
    ("store", "put_all", 1, False),
    ("store", "put_all", 1, True),
    ("store", "put_all", 2, False),
    ("store", "put_all", 2, True),
    ("capture", "start_run", 1, True),
    ("capture", "take_lease", 2, False),
    ("capture", "commit", 1, False),
    ("capture", "commit", 1, True),
    ("capture", "finish_run", 1, False),
    ("capture", "finish_run", 1, True),
]


@pytest.mark.parametrize(("port", "method", "nth", "after"), PORT_CALLS)
def test_a_power_cut_at_any_step_is_made_good_by_the_next_run(port: str, method: str, nth: int, after: bool) -> None:
    archive, source = MemoryArchive(), ListSource(offered(ONE), offered(ONE, "2"), offered(TWO, "3"), offered(b"", "4"))
    whole_store, whole_ledger = archive.store, archive.ledger.capture
    if port == "store":
        archive.store = Cut(archive.store, method, nth, after=after)
    else:
        archive.ledger.capture = Cut(archive.ledger.capture, method, nth, after=after)
    with pytest.raises(PowerCut):
        archive.capture(source)
    archive.store, archive.ledger.capture = whole_store, whole_ledger
    archive.clock.move(hours=1)  # the lease of the dead run ends by itself
    assert archive.capture(source).as_counts()["offered"] == 4
    assert archive.record_ids() == sorted(f"director/{digest_of(raw)}" for raw in (ONE, TWO))
    assert archive.verify().is_sound
    assert not archive.reconcile(("director", source)).missing
    assert archive.capture(source).counts["archived"] == 0
    assert {run.outcome for run in archive.ledger.records.runs()} <= {"complete", "abandoned"}


def test_a_writer_that_lost_its_lease_does_not_fork_the_chain_of_manifests() -> None:
    archive = MemoryArchive()
    parts = archive.capturing

    class Stalled:
        """Takes so long over its first put that another writer takes the account over."""

        def __init__(self, inner: Any) -> None:
            self._inner, self._is_first = inner, True

        def __getattr__(self, name: str) -> Any:
            return getattr(self._inner, name)

        def put_all(self, requests: Any) -> Any:
            if self._is_first:
                self._is_first = False
                archive.clock.move(hours=2)
                parts.ledger.take_lease("director#turn", "another", archive.clock.now(), 3600)
            return self._inner.put_all(requests)

    archive.store = Stalled(archive.store)
    report = archive.capture(ListSource(offered(ONE)))
    assert report.error is not None
    assert report.error.code == "E303"
    assert list(archive.store.list_keys("manifests/")) == []


def test_a_writer_whose_account_was_written_meanwhile_goes_on_behind_it() -> None:
    archive = MemoryArchive()

    class Slow(ListSource):
        """So slow that another run takes the account, writes it and gives it back."""

        def items(self, cursors: Mapping[str, str]) -> Iterator[OfferedItem]:
            yield offered(ONE)
            archive.clock.move(hours=2)
            assert archive.capture(ListSource(offered(TWO, "2"))).is_clean

    assert archive.capture(Slow(name="slow")).counts["archived"] == 1
    assert archive.verify().is_sound
    assert archive.capture(ListSource(offered(ONE), offered(TWO, "2"))).counts["already_held"] == 2
    other = MemoryArchive()
    other.store.raw, other.store.guard = archive.store.raw, archive.store.guard
    assert other.capture(ListSource(offered(ONE), offered(TWO, "2"))).counts["already_held"] == 2, "adopted in their order"


def test_a_manifest_that_does_not_follow_the_last_one_stops_the_account() -> None:
    archive = MemoryArchive()
    archive.capture(ListSource(offered(ONE)))
    archive.capture(ListSource(offered(TWO, "2")))
    first, second = archive.store.list_keys("manifests/")
    other = MemoryArchive()
    other.store.raw = {second: archive.store.raw[second]}
    with pytest.raises(FixityMismatch):
        other.capture(ListSource(offered(THREE)))
    other.store.raw = {first: b"damaged"}
    with pytest.raises(FixityMismatch):
        other.capture(ListSource(offered(THREE)))


def test_many_messages_go_in_batches_of_bounded_size() -> None:
    archive = MemoryArchive()
    source = ListSource(*(offered(a_message(f"Number {number}"), str(number)) for number in range(1201)))
    told: list[tuple[int, int]] = []
    from dataclasses import replace

    from capstone.usecases.capture import capture_source

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

    class Slow:
        def __init__(self, inner: Any) -> None:
            self._inner = inner

        def __getattr__(self, name: str) -> Any:
            return getattr(self._inner, name)

        def put_all(self, requests: Any) -> Any:
            archive.clock.move(seconds=7)
            return self._inner.put_all(requests)

    archive.store = Slow(archive.store)
    assert archive.capture(ListSource(offered(ONE))).counts["archived"] == 1
    assert [one for one in archive.reconcile().mended if one.where == "store"] == []
