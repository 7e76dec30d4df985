"""What every record store promises. Each adapter's test gives a fixture `store`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from capstone.domain.errors import FixityMismatch, ObjectLocked, ObjectMissing
from capstone.domain.fixity import digest_of
from capstone.domain.records import Lock
from capstone.ports import PutRequest, RecordStore

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
RAW = b"From: a@agency.example\r\n\r\nbare CR \r, NUL \x00, 8-bit \xff\n"
HELD, DATED = Lock(hold=True), Lock(retain_until=NOW + timedelta(days=10))


def request(name: str = "ab/one", raw: bytes = RAW, lock: Lock = HELD, **tags: str) -> PutRequest:
    return PutRequest(f"records/hr-director/{name}.eml", raw, digest_of(raw), lock, tags)


class RecordStoreContract:
    def test_what_was_put_comes_back_byte_for_byte(self, store: RecordStore) -> None:
        (stored,) = store.put_all([request()])
        assert stored.is_new
        assert stored.digest == digest_of(RAW)
        assert store.get(stored.key, stored.version_id) == RAW
        assert store.get(stored.key) == RAW

    def test_lock_tags_and_size_come_with_the_put(self, store: RecordStore) -> None:
        (stored,) = store.put_all([request(lock=Lock(DATED.retain_until, hold=True), eligible="2033-01-01", account="x")])
        state = store.state(stored.key, stored.version_id)
        assert state.lock == Lock(DATED.retain_until, hold=True)
        assert state.tags == {"eligible": "2033-01-01", "account": "x"}
        assert state.size_bytes == len(RAW)

    def test_putting_the_same_again_is_not_new_and_gives_the_same_version(self, store: RecordStore) -> None:
        (first,) = store.put_all([request()])
        (second,) = store.put_all([request()])
        assert (second.is_new, second.version_id) == (False, first.version_id)

    def test_the_same_twice_in_one_batch_is_new_once(self, store: RecordStore) -> None:
        assert [stored.is_new for stored in store.put_all([request(), request()])] == [True, False]

    def test_putting_again_never_weakens_a_lock_and_mends_a_weak_one(self, store: RecordStore) -> None:
        (stored,) = store.put_all([request(lock=DATED)])
        store.put_all([request(lock=Lock())])
        assert store.state(stored.key, stored.version_id).lock == DATED
        store.put_all([request(lock=HELD)])
        assert store.state(stored.key, stored.version_id).lock == Lock(DATED.retain_until, hold=True)

    def test_other_bytes_under_a_taken_key_are_refused(self, store: RecordStore) -> None:
        store.put_all([request()])
        with pytest.raises(FixityMismatch):
            store.put_all([request(raw=b"other")])
        assert store.get(request().key) == RAW

    def test_bytes_that_do_not_match_their_digest_are_refused(self, store: RecordStore) -> None:
        with pytest.raises(FixityMismatch):
            store.put_all([PutRequest(request().key, b"flipped", digest_of(RAW), HELD, {})])
        assert list(store.list_keys("records/")) == []

    def test_a_hundred_objects_in_one_batch(self, store: RecordStore) -> None:
        requests = [request(f"{n % 7:02x}/{n}", b"%d" % n) for n in range(100)]
        assert all(stored.is_new for stored in store.put_all(requests))
        assert all(store.get(r.key) == r.raw for r in requests)

    def test_an_empty_batch_and_an_empty_object(self, store: RecordStore) -> None:
        assert store.put_all([]) == []
        (stored,) = store.put_all([request(raw=b"")])
        assert store.get(stored.key) == b""

    def test_a_memoryview_is_stored_like_bytes(self, store: RecordStore) -> None:
        store.put_all([PutRequest(request().key, memoryview(RAW), digest_of(RAW), HELD, {})])
        assert store.get(request().key) == RAW

    def test_keys_are_listed_sorted_below_a_folder(self, store: RecordStore) -> None:
        store.put_all([request("b/1"), request("a/2"), request("a-b/3"), request("a/10")])
        listed = list(store.list_keys("records/hr-director/"))
        assert listed == sorted(listed)
        assert len(listed) == 4
        assert list(store.list_keys("records/hr-director/a/")) == [f"records/hr-director/a/{n}.eml" for n in ("10", "2")]
        assert list(store.list_keys("manifests/")) == []

    def test_a_missing_object_is_named(self, store: RecordStore) -> None:
        for ask in (store.get, store.state):
            with pytest.raises(ObjectMissing):
                ask("records/hr-director/00/none.eml")

    def test_tags_are_replaced_and_the_lock_stays(self, store: RecordStore) -> None:
        (stored,) = store.put_all([request(item="011", cutoff="2020-12-31")])
        store.relabel(stored.key, stored.version_id, {"item": "010"})
        state = store.state(stored.key, stored.version_id)
        assert (state.tags, state.lock) == ({"item": "010"}, HELD)

    def test_a_lock_is_lengthened_freely_and_shortened_only_when_allowed(self, store: RecordStore) -> None:
        (stored,) = store.put_all([request(lock=DATED, item="011")])
        longer = Lock(NOW + timedelta(days=20), hold=True)
        store.relock(stored.key, stored.version_id, longer)
        for weaker in (DATED, HELD, Lock(longer.retain_until)):
            with pytest.raises(ObjectLocked):
                store.relock(stored.key, stored.version_id, weaker)
        assert store.state(stored.key, stored.version_id).lock == longer
        store.relock(stored.key, stored.version_id, DATED, allow_shorter=True)
        assert store.state(stored.key, stored.version_id).lock == DATED
        assert store.state(stored.key, stored.version_id).tags == {"item": "011"}

    @pytest.mark.parametrize("lock", [HELD, DATED, Lock(DATED.retain_until, hold=True)])
    def test_what_is_locked_or_held_cannot_be_deleted(self, store: RecordStore, lock: Lock) -> None:
        (stored,) = store.put_all([request(lock=lock)])
        with pytest.raises(ObjectLocked):
            store.delete(stored.key, stored.version_id, NOW)
        assert store.get(stored.key, stored.version_id) == RAW

    def test_what_is_free_can_be_deleted_and_is_gone(self, store: RecordStore) -> None:
        (stored,) = store.put_all([request(lock=Lock())])
        store.delete(stored.key, stored.version_id, NOW)
        with pytest.raises(ObjectMissing):
            store.get(stored.key, stored.version_id)
        assert list(store.list_keys("records/")) == []
