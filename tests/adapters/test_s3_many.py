"""Many threads and processes on one bucket at once."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import timedelta

import pytest

from capstone.domain.errors import FixityMismatch
from capstone.domain.records import Lock, StoredVersion
from connectors.record_store.s3 import S3Place, S3RecordStore
from servers.versitygw import S3Access
from tests.adapters.s3_surroundings import fresh_store, opened, use_credentials
from tests.contracts.record_store import NOW, RAW, ref, request

pytestmark = pytest.mark.service
DAY = timedelta(days=1)


@pytest.fixture
def store(versitygw: S3Access, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3RecordStore]:
    use_credentials(versitygw, monkeypatch)
    with fresh_store(versitygw) as made:
        yield made


def _put_in_a_process(place: S3Place, number: int) -> list[StoredVersion]:
    with opened(place) as store:
        return store.put_all([request(f"ab/{n}", b"%d" % n, item=str(number)) for n in range(150)])


def test_of_two_processes_that_put_the_same_keys_each_object_is_new_once(store: S3RecordStore) -> None:
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        one, other = pool.map(_put_in_a_process, [store._place] * 2, (1, 2))
    assert [stored.version_id for stored in one] == [stored.version_id for stored in other]
    assert all(first.is_new != second.is_new for first, second in zip(one, other, strict=True))
    assert len(list(store.list_versions(""))) == 150


def test_of_two_threads_that_put_the_same_keys_the_stronger_lock_stays(store: S3RecordStore) -> None:
    together = threading.Barrier(2)
    locks = [Lock(NOW + DAY, hold=True), Lock(NOW + 2 * DAY)]

    def put(which: int) -> list[StoredVersion]:
        together.wait(60)
        return store.put_all([request(f"ab/{n}", b"%d" % n, locks[which]) for n in range(60)])

    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(put, (0, 1))
    assert all(first.is_new != second.is_new for first, second in zip(one, other, strict=True))
    assert {state.lock for state in store.states([ref(stored) for stored in one]) if state} == {Lock(NOW + 2 * DAY, hold=True)}


def test_objects_are_read_while_others_are_put(store: S3RecordStore) -> None:
    stored = store.put_all([request(f"aa/{n}", b"%d" % n) for n in range(100)])

    def put(batch: int) -> int:
        return sum(one.is_new for one in store.put_all([request(f"bb/{batch}-{n}", b"%d" % n) for n in range(50)]))

    with ThreadPoolExecutor(1) as pool:
        begun = [pool.submit(put, batch) for batch in range(4)]
        for _ in range(3):
            assert list(store.get_all([ref(one) for one in stored])) == [b"%d" % n for n in range(100)]
        assert [one.result() for one in begun] == [50] * 4


def test_a_closed_store_opens_again(store: S3RecordStore) -> None:
    store.put_all([request()])
    store.close()
    assert store.get(request().key) == RAW


def test_where_one_put_of_a_batch_fails_the_others_that_were_stored_are_found_by_the_rerun(store: S3RecordStore) -> None:
    store.put_all([request("ab/7", b"other")])
    batch = [request(f"ab/{n}", b"%d" % n) for n in range(20)]
    with pytest.raises(FixityMismatch):
        store.put_all(batch)
    del batch[7]
    assert {one.key for one in store.put_all(batch)} == {one.key for one in batch}
    assert len(list(store.list_versions(""))) == 20
