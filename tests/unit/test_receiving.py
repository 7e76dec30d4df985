"""What is received is taken in between the batches of captures and replays, and the chain of manifests never forks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest

from capstone.domain.errors import AccountBusy, LedgerUnavailable, StoreUnavailable, UnknownAccount
from capstone.domain.fixity import digest_of
from capstone.domain.layout import NO_ACCOUNT
from capstone.domain.manifest import read_manifest
from capstone.domain.message import (
    Companion,
    CompanionKind,
    ItemState,
    Occurrence,
    OfferedItem,
    OfferedMessage,
    Place,
    RefusedItem,
)
from capstone.usecases.capture import CaptureParts
from capstone.usecases.rebuild import RebuildParts, rebuild_ledger
from capstone.usecases.receiving import Receiving
from tests.fakes.archive import Cut, MemoryArchive, PowerCut, a_message
from tests.fakes.ledger import FakeLedger
from tests.fakes.list_source import ListSource

ONE, TWO, THREE = a_message("Budget"), a_message("Travel"), a_message("Hiring")


def received(raw: bytes, item_id: str = "1") -> OfferedMessage:
    return OfferedMessage(Occurrence(Place("journal", "", item_id)), raw)


def receiving(archive: MemoryArchive) -> Receiving:
    return Receiving(lambda: archive.capturing, "journal", "journal")


def chain_is_whole(archive: MemoryArchive) -> bool:
    """By the keys in their order, as whoever makes a ledger anew reads them."""
    previous = None
    for key in archive.store.list_keys("manifests/director/"):
        raw = archive.store.get(key)
        if read_manifest(raw)[0].previous != previous:
            return False
        previous = digest_of(raw)
    return True


def test_what_was_received_is_durable_and_counted() -> None:
    archive = MemoryArchive()
    journal = receiving(archive)
    assert journal.take_in("director", [received(ONE), received(TWO, "2")]) == {"archived": 2}
    assert journal.take_in("director", [received(ONE)]) == {"already_held": 1}
    assert archive.ledger.records.record(f"director/{digest_of(ONE)}") is not None
    journal.close()
    [run] = archive.ledger.records.runs()
    assert (run.source, run.outcome, run.counts["archived"], run.counts["already_held"]) == ("journal", "complete", 2, 1)
    assert [one.event for one in archive.ledger.audit.entries()] == ["capture"]
    assert archive.verify().is_sound


def test_a_report_that_is_delivered_again_is_no_other_occurrence() -> None:
    """Its sender did not hear that it was taken."""
    archive = MemoryArchive()
    journal = receiving(archive)
    report = Companion(CompanionKind.ENVELOPE, "eml", b"the report")
    for minute in range(2):
        at = archive.clock.now() + timedelta(minutes=minute)
        seen = Occurrence(Place("journal", "", "1"), received_at=at, envelope=digest_of(report.raw))
        journal.take_in("director", [OfferedMessage(seen, ONE, companions=(report,))])
    assert len(archive.ledger.records.record(f"director/{digest_of(ONE)}").occurrences) == 1


def test_each_day_is_a_run_of_its_own() -> None:
    archive = MemoryArchive()
    journal = receiving(archive)
    journal.take_in("director", [received(ONE)])
    archive.clock.move(hours=24)
    journal.take_in("director", [received(TWO, "2")])
    assert [run.outcome for run in archive.ledger.records.runs()] == ["running", "complete"]


def test_an_account_that_nobody_registered_gets_nothing() -> None:
    archive = MemoryArchive()
    with pytest.raises(UnknownAccount):
        receiving(archive).take_in("stranger", [received(ONE)])
    assert [*archive.store.list_keys("records/")] == []


def test_what_names_no_account_is_quarantined_without_one() -> None:
    archive = MemoryArchive()
    journal = receiving(archive)
    refused = RefusedItem(Place("journal", "", "9"), ItemState.QUARANTINED, "no_account", "it names none", b"report")
    assert journal.take_in(NO_ACCOUNT, [refused]) == {"quarantined": 1}
    [kept] = archive.ledger.records.quarantine()
    assert (kept.account, kept.code) == (NO_ACCOUNT, "no_account")
    journal.close()
    assert archive.verify().is_sound


def test_receiving_goes_on_between_the_batches_of_a_capture() -> None:
    archive = MemoryArchive()
    journal = receiving(archive)

    class Long(ListSource):
        """A capture of several batches, while mail is received before and after each."""

        def items(self, cursors: Mapping[str, str]) -> Iterator[OfferedItem]:
            for number in range(3):
                journal.take_in("director", [received(a_message(f"Received {number}"), str(number))])
                archive.clock.move(seconds=1)
                for item in range(500):
                    yield received(a_message(f"Captured {number} {item}"), f"{number}-{item}")

    assert archive.capture(Long(name="mailbox")).counts["archived"] == 1500
    journal.take_in("director", [received(THREE, "3")])
    assert chain_is_whole(archive)
    assert archive.verify().checked == 1504
    assert archive.verify().is_sound


def test_whoever_has_the_turn_is_waited_for_and_then_told() -> None:
    archive = MemoryArchive()
    archive.ledger.capture.take_lease("director#turn", "another", archive.clock.now(), 60)
    with pytest.raises(AccountBusy, match="another writes account director until"):
        receiving(archive).take_in("director", [received(ONE)])


@pytest.mark.parametrize(("port", "method", "after"), [("capture", "commit", False), ("capture", "commit", True)])
def test_a_receiver_that_dies_leaves_a_manifest_that_a_running_capture_adopts(port: str, method: str, after: bool) -> None:
    archive = MemoryArchive()

    class Meanwhile(ListSource):
        """Between two batches of this capture a receiver dies in mid-batch."""

        def items(self, cursors: Mapping[str, str]) -> Iterator[OfferedItem]:
            for number in range(500):
                yield received(a_message(f"Captured {number}"), str(number))
            whole = archive.ledger.capture
            setattr(archive.ledger, port, Cut(whole, method, after=after))
            with pytest.raises(PowerCut):
                receiving(archive).take_in("director", [received(ONE, "x")])
            setattr(archive.ledger, port, whole)
            yield received(TWO, "y")

    assert archive.capture(Meanwhile(name="mailbox")).counts["archived"] == 501
    assert chain_is_whole(archive)
    assert archive.ledger.records.record(f"director/{digest_of(ONE)}") is not None
    assert archive.verify().is_sound


def test_after_a_failure_the_same_is_received_again_without_harm() -> None:
    archive = MemoryArchive()
    journal = receiving(archive)
    journal.take_in("director", [received(ONE)])
    store: Any = archive.store

    class Full:
        """Takes records, and no manifest."""

        def __getattr__(self, name: str) -> Any:
            return getattr(store, name)

        def put_all(self, requests: Any) -> Any:
            if any(one.key.startswith("manifests/") for one in requests):
                raise StoreUnavailable("full")
            return store.put_all(requests)

    archive.store = Full()
    broken = receiving(archive)
    with pytest.raises(StoreUnavailable):
        broken.take_in("director", [received(TWO, "2")])
    archive.store = store
    assert receiving(archive).take_in("director", [received(TWO, "2")]) == {"archived": 1}
    assert journal.take_in("director", [received(TWO, "2"), received(THREE, "3")]) == {"already_held": 1, "archived": 1}
    assert chain_is_whole(archive)
    assert archive.verify().is_sound


def test_what_cannot_be_noted_at_the_end_is_left_to_the_next_run() -> None:
    archive = MemoryArchive()
    journal = receiving(archive)
    journal.take_in("director", [received(ONE)])
    archive.store = Cut(archive.store, "nothing")
    whole = archive.ledger.capture

    class Lost:
        def __getattr__(self, name: str) -> Any:
            return getattr(whole, name)

        def finish_run(self, *_args: Any) -> Any:
            raise StoreUnavailable("lost")

    archive.ledger.capture = Lost()
    journal.close()
    archive.ledger.capture = whole
    receiving(archive).take_in("director", [received(TWO, "2")])
    assert [run.outcome for run in archive.ledger.records.runs()] == ["running", "abandoned"]


def test_the_end_needs_no_register() -> None:
    archive = MemoryArchive()
    is_down: list[bool] = []

    def parts() -> CaptureParts:
        if is_down:
            raise LedgerUnavailable("down")
        return archive.capturing

    journal = Receiving(parts, "journal", "journal")
    journal.take_in("director", [received(ONE)])
    is_down.append(True)
    journal.close()
    is_down.clear()
    assert journal.take_in("director", [received(TWO, "2")]) == {"archived": 1}
    assert [run.outcome for run in archive.ledger.records.runs()] == ["running", "abandoned"]


def test_a_receiver_that_received_nothing_leaves_no_run() -> None:
    archive = MemoryArchive()
    journal = receiving(archive)
    archive.ledger.capture.take_lease("director#turn", "another", archive.clock.now(), 60)
    with pytest.raises(AccountBusy):
        journal.take_in("director", [received(ONE)])
    journal.close()
    assert archive.ledger.records.runs() == []


def test_who_is_quicker_to_take_the_turn_of_a_dead_writer_sees_that_it_was_left() -> None:
    """Between ending the dead one's lease and taking it oneself another writer may come, who has adopted everything before."""
    archive = MemoryArchive()
    quick = receiving(archive)
    quick.take_in("director", [received(ONE)])
    whole = archive.ledger.capture
    archive.ledger.capture = Cut(whole, "commit")
    with pytest.raises(PowerCut):
        receiving(archive).take_in("director", [received(TWO, "2")])
    archive.ledger.capture = whole
    whole.take_lease("director#turn", "dead", archive.clock.now(), 900)
    archive.holders.gone.add("dead")

    class Between:
        """Lets the quick one in just when the dead one's lease was ended."""

        def __getattr__(self, name: str) -> Any:
            return getattr(whole, name)

        def take_lease(self, account: str, holder: str, now: Any, ttl_s: int) -> bool:
            answer = whole.take_lease(account, holder, now, ttl_s)
            if (holder, ttl_s) == ("dead", 0):
                archive.ledger.capture = whole
                quick.take_in("director", [received(THREE, "3")])
            return bool(answer)

    archive.ledger.capture = Between()
    receiving(archive).take_in("director", [received(a_message("Last"), "4")])
    assert chain_is_whole(archive)
    assert archive.ledger.records.record(f"director/{digest_of(TWO)}") is not None
    assert archive.verify().is_sound


def test_a_run_that_met_an_error_is_closed_and_the_next_batch_begins_another() -> None:
    archive = MemoryArchive()
    journal = receiving(archive)
    journal.take_in("director", [received(ONE)])
    whole = archive.ledger.capture

    class Down:
        def __getattr__(self, name: str) -> Any:
            return getattr(whole, name)

        def commit(self, _batch: Any) -> None:
            raise LedgerUnavailable("down")

    archive.ledger.capture = Down()
    late = Receiving(lambda: archive.capturing, "journal", "journal")
    with pytest.raises(LedgerUnavailable):
        late.take_in("director", [received(TWO, "2")])
    archive.ledger.capture = whole
    archive.clock.move(minutes=1)
    late.take_in("director", [received(TWO, "2"), received(THREE, "3")])
    late.close()
    newest, failed, *_ = archive.ledger.records.runs()
    assert (newest.outcome, newest.counts["archived"] + newest.counts["already_held"]) == ("complete", 2)
    assert failed.outcome in ("failed", "abandoned")
    assert chain_is_whole(archive)
    assert archive.verify().is_sound


def test_a_run_that_could_not_be_noted_does_not_keep_others_from_their_end() -> None:
    archive = MemoryArchive()
    whole = archive.ledger.capture

    class NoRuns:
        def __getattr__(self, name: str) -> Any:
            return getattr(whole, name)

        def start_run(self, _run: Any) -> None:
            raise LedgerUnavailable("down")

    archive.ledger.capture = NoRuns()
    journal = receiving(archive)
    with pytest.raises(LedgerUnavailable):
        journal.take_in("director", [received(ONE)])
    archive.ledger.capture = whole
    journal.take_in("director", [received(ONE)])
    journal.close()
    assert [run.outcome for run in archive.ledger.records.runs()] == ["complete"]


def test_a_ledger_is_made_anew_also_where_nothing_but_mail_for_nobody_came() -> None:
    archive = MemoryArchive()
    refused = RefusedItem(Place("journal", "", "9"), ItemState.QUARANTINED, "no_registered_account", "it names none", b"report")
    receiving(archive).take_in(NO_ACCOUNT, [refused])
    for key in [*archive.store.list_keys("decisions/")]:
        del archive.store.raw[key]
    archive.ledger = FakeLedger()
    ledger = archive.ledger
    report = rebuild_ledger(RebuildParts(archive.store, ledger.capture, archive.registering, ledger.audit, archive.clock), "rosa")
    assert report.items == 1
    assert [kept.account for kept in archive.ledger.records.quarantine()] == [NO_ACCOUNT]
