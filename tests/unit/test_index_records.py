"""Indexing: what is due is read back from the store; what fails stays due; the index may be away for as long as it likes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from capstone.domain.errors import IndexUnavailable, StoreUnavailable
from capstone.domain.fixity import digest_of
from capstone.domain.layout import record_key
from capstone.domain.query import Everything, IndexDocument, Scope
from capstone.usecases import index
from capstone.usecases.index import IndexParts, index_pending
from tests.fakes.archive import MemoryArchive, a_message, in_inbox
from tests.fakes.mail_source import FakeMailSource
from tests.fakes.record_store import MemoryRecordStore

ONE, TWO = a_message("Budget"), a_message("Travel")


def captured() -> MemoryArchive:
    archive = MemoryArchive()
    archive.capture(FakeMailSource("mailbox", in_inbox(ONE, TWO)))
    return archive


def parts_of(archive: MemoryArchive, **changes: Any) -> IndexParts:
    ledger = archive.ledger
    values: dict[str, Any] = {
        "store": archive.store, "records": ledger.records, "outbox": ledger.outbox, "index": archive.index,
        "clock": archive.clock, "workers": Killed(), "guarding": archive.guarding, "holders": archive.holders, "text_limit": 1000,
    }  # fmt: skip
    return IndexParts(**(values | changes))


class Killed:
    """Workers in which every message ends its process."""

    def map(self, function: Callable[[Any], Any], things: Sequence[Any], instead: Callable[[Any], Any]) -> Iterator[Any]:
        return iter([instead(thing) for thing in things])


def test_what_is_captured_is_found() -> None:
    archive = captured()
    report = archive.index_pending()
    assert report.as_counts() == {"indexed": 2, "failed": 0, "pending": 0}
    page = archive.index.search(Everything(), Scope(None), 10)
    assert {hit.record_id for hit in page.hits} == set(archive.record_ids())
    assert archive.index_pending().indexed == 0


def test_a_changed_class_is_due_again() -> None:
    archive = captured()
    archive.index_pending()
    archive.ledger.outbox.enqueue(archive.record_ids()[:1])
    assert archive.ledger.outbox.pending() == 1
    assert archive.index_pending().indexed == 1


def test_a_record_missing_from_the_store_stays_due_and_does_not_stop_the_others() -> None:
    archive = captured()
    del archive.store.raw[record_key("director", digest_of(ONE))]
    report = archive.index_pending()
    assert report.as_counts() == {"indexed": 1, "failed": 1, "pending": 1}


def test_a_record_with_altered_bytes_is_not_indexed_stays_due_and_does_not_stop_the_others() -> None:
    archive = captured()
    archive.store.raw[record_key("director", digest_of(ONE))] = TWO
    assert archive.index_pending().as_counts() == {"indexed": 1, "failed": 1, "pending": 1}
    assert list(archive.index.ids()) == [f"director/{digest_of(TWO)}"]


class BadDisk(MemoryRecordStore):
    """A store in which one object cannot be read; with `is_away`, nothing can."""

    def __init__(self, inner: MemoryRecordStore, is_away: bool) -> None:
        super().__init__()
        self.raw, self.guard, self._is_away = inner.raw, inner.guard, is_away

    def check(self) -> None:
        if self._is_away:
            raise StoreUnavailable("the store is away")

    def get(self, key: str, version_id: str | None = None) -> bytes:
        if self._is_away or key == record_key("director", digest_of(ONE)):
            raise StoreUnavailable("input/output error")
        return super().get(key, version_id)


def test_a_record_that_cannot_be_read_stays_due_and_does_not_stop_the_others() -> None:
    archive = captured()
    archive.store = BadDisk(archive.store, is_away=False)
    assert archive.index_pending().as_counts() == {"indexed": 1, "failed": 1, "pending": 1}


def test_a_store_that_is_away_ends_the_pass_and_everything_stays_due() -> None:
    archive = captured()
    archive.store = BadDisk(archive.store, is_away=True)
    with pytest.raises(StoreUnavailable, match="the store is away"):
        archive.index_pending()
    assert archive.ledger.outbox.pending() == 2


def test_what_was_claimed_when_the_index_went_away_is_free_again_for_everybody() -> None:
    archive = captured()
    index = archive.index

    class Away:
        def __getattr__(self, name: str) -> Any:
            return getattr(index, name)

        def add(self, documents: Sequence[IndexDocument]) -> dict[str, str]:
            raise IndexUnavailable("gone")

    with pytest.raises(IndexUnavailable):
        index_pending(parts_of(archive, index=Away()))
    assert archive.ledger.outbox.holders() == []
    assert archive.index_pending().as_counts() == {"indexed": 2, "failed": 0, "pending": 0}


def test_a_document_that_the_index_refuses_stays_due() -> None:
    archive = captured()
    refused = f"director/{digest_of(ONE)}"

    class Picky:
        def __init__(self, inner: Any) -> None:
            self._inner = inner

        def __getattr__(self, name: str) -> Any:
            return getattr(self._inner, name)

        def add(self, documents: Sequence[IndexDocument]) -> dict[str, str]:
            self._inner.add([one for one in documents if one.record_id != refused])
            return {one.record_id: "too large" for one in documents if one.record_id == refused}

    archive.index = Picky(archive.index)
    assert archive.index_pending().as_counts() == {"indexed": 1, "failed": 1, "pending": 1}


def test_a_message_that_ends_its_reader_is_still_found_by_its_account_and_counted_as_not_searchable() -> None:
    archive = captured()
    assert index_pending(parts_of(archive)).indexed == 2
    page = archive.index.search(Everything(), Scope(None), 10)
    assert page.total == 2
    assert sum(page.unsearchable.values()) >= 2


def test_a_record_that_is_no_more_leaves_the_index() -> None:
    archive = captured()
    archive.index_pending()
    gone = archive.record_ids()[0]
    archive.ledger.outbox.enqueue([gone])
    records = archive.ledger.records

    class Without:
        def __getattr__(self, name: str) -> Any:
            return getattr(records, name)

        def entries(self, record_ids: Sequence[str]) -> Any:
            return [entry for entry in records.entries(record_ids) if entry.record_id != gone]

    assert index_pending(parts_of(archive, records=Without())).pending == 0
    assert gone not in list(archive.index.ids())


def test_claims_last_as_long_as_the_work_on_them_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever claimed them beside this pass might index a newer class before this pass adds the older one."""
    monkeypatch.setattr(index, "MOST_BYTES", 1)
    archive, overtaken = captured(), list[str]()
    archive.capture(FakeMailSource("more", in_inbox(a_message("Hiring"), a_message("Leave"))))

    class Slow(Killed):
        def map(self, function: Callable[[Any], Any], things: Sequence[Any], instead: Callable[[Any], Any]) -> Iterator[Any]:
            archive.clock.move(seconds=index.CLAIM_S * 2 / 3)
            overtaken.extend(archive.ledger.outbox.claim("other", archive.clock.now(), 10, 600))
            return super().map(function, things, instead)

    assert index_pending(parts_of(archive, workers=Slow())).as_counts() == {"indexed": 4, "failed": 0, "pending": 0}
    assert overtaken == []


def test_claims_of_a_process_that_died_are_freed_and_those_of_a_living_one_are_not() -> None:
    archive = captured()
    now, outbox = archive.clock.now(), archive.ledger.outbox
    outbox.claim("living", now, 1, 600)
    outbox.claim("dead", now, 1, 600)
    archive.holders.gone.add("dead")
    assert archive.index_pending().as_counts() == {"indexed": 1, "failed": 0, "pending": 1}
    assert outbox.holders() == ["living"]
