"""A capture that breaks off anywhere, by source, store, ledger or power, loses nothing and forks no chain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from capstone.domain.errors import FixityMismatch, LedgerUnavailable, SourceUnavailable, StoreUnavailable
from capstone.domain.fixity import digest_of
from capstone.domain.message import OfferedItem
from tests.fakes.archive import Cut, MemoryArchive, PowerCut, Wrapped, a_message, in_inbox
from tests.fakes.list_source import ListSource, offered
from tests.fakes.mail_source import FakeMailSource

ONE, TWO, THREE = a_message("Budget"), a_message("Travel"), a_message("Hiring")
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
    class Down(Wrapped):
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


def test_a_ledger_lost_in_the_middle_is_told_by_what_was_met_first() -> None:
    archive = MemoryArchive()

    class Lost(Wrapped):
        """Lost while a batch was taken in; nothing can be noted afterwards."""

        def commit(self, batch: Any) -> None:
            raise LedgerUnavailable("lost in the middle")

        def finish_run(self, *_args: Any) -> Any:
            raise LedgerUnavailable("takes no connection")

        def give_back_lease(self, *_args: Any) -> None:
            raise LedgerUnavailable("takes no connection")

    archive.ledger.capture = Lost(archive.ledger.capture)
    with pytest.raises(LedgerUnavailable, match="lost in the middle"):
        archive.capture(FakeMailSource("mailbox", in_inbox(a_message())))


def test_a_run_that_was_cut_off_after_its_first_batch_goes_on_from_its_second_manifest() -> None:
    archive = MemoryArchive()
    source = ListSource(*(offered(a_message(f"Number {number}"), str(number)) for number in range(700)))
    whole = archive.ledger.capture
    archive.ledger.capture = Cut(whole, "commit", 2)
    with pytest.raises(PowerCut):
        archive.capture(source)
    archive.ledger.capture = whole
    archive.clock.move(hours=1)
    assert archive.capture(source).counts == {
        "archived": 0, "already_held": 700, "quarantined": 0, "excluded": 0, "failed": 0,
    }  # fmt: skip
    assert archive.verify().is_sound


def test_a_writer_that_lost_its_lease_does_not_fork_the_chain_of_manifests() -> None:
    archive = MemoryArchive()
    parts = archive.capturing

    class Stalled(Wrapped):
        """Takes so long over its first put that another writer takes the account over."""

        _is_first = True

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
