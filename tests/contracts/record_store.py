"""What every record store promises. Each adapter's test gives a fixture `store`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from capstone.domain.errors import FixityMismatch, ObjectLocked, ObjectMissing
from capstone.domain.fixity import digest_of
from capstone.domain.records import Lock, ObjectState, StoredVersion
from capstone.ports import GuardChange, ObjectRef, PutRequest, RecordStore, VersionSeen

NOW = datetime.now(UTC).replace(microsecond=0)
"""Storage that refuses a lock in the past goes by the clock."""
RAW = b"From: a@agency.example\r\n\r\nbare CR \r, NUL \x00, 8-bit \xff\n"
HELD, DATED = Lock(hold=True), Lock(retain_until=NOW + timedelta(days=10))
LONGER = Lock(NOW + timedelta(days=20), hold=True)
"""Guards more than either of the two."""


def request(name: str = "ab/one", raw: bytes = RAW, lock: Lock = HELD, **tags: str) -> PutRequest:
    return PutRequest(f"records/hr-director/{name}.eml", raw, digest_of(raw), lock, tags)


def ref(stored: StoredVersion) -> ObjectRef:
    return ObjectRef(stored.key, stored.version_id)


def state_of(store: RecordStore, stored: StoredVersion) -> ObjectState:
    (state,) = store.states([ref(stored)])
    assert state is not None
    return state


class RecordStoreContract:
    def test_what_was_put_comes_back_byte_for_byte(self, store: RecordStore) -> None:
        (stored,) = store.put_all([request()])
        assert stored.is_new
        assert stored.digest == digest_of(RAW)
        assert store.get(stored.key, stored.version_id) == RAW
        assert store.get(stored.key) == RAW

    def test_lock_tags_and_size_come_with_the_put(self, store: RecordStore) -> None:
        (stored,) = store.put_all([request(lock=Lock(DATED.retain_until, hold=True), eligible="2033-01-01", account="x")])
        state = state_of(store, stored)
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
        assert state_of(store, stored).lock == DATED
        store.put_all([request(lock=HELD)])
        assert state_of(store, stored).lock == Lock(DATED.retain_until, hold=True)

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
        with pytest.raises(ObjectMissing):
            store.get("records/hr-director/00/none.eml")
        with pytest.raises(ObjectMissing):
            store.relabel("records/hr-director/00/none.eml", "1", {})
        with pytest.raises(ObjectMissing):
            store.relock("records/hr-director/00/none.eml", "1", HELD)
        with pytest.raises(ObjectMissing):
            store.delete("records/hr-director/00/none.eml", "1", NOW)

    def test_tags_are_replaced_and_the_lock_stays(self, store: RecordStore) -> None:
        (stored,) = store.put_all([request(item="011", cutoff="2020-12-31")])
        store.relabel(stored.key, stored.version_id, {"item": "010"})
        state = state_of(store, stored)
        assert (state.tags, state.lock) == ({"item": "010"}, HELD)

    def test_a_lock_is_lengthened_freely_and_shortened_only_when_allowed(self, store: RecordStore) -> None:
        (stored,) = store.put_all([request(lock=DATED, item="011")])
        store.relock(stored.key, stored.version_id, LONGER)
        for weaker in (DATED, HELD, Lock(LONGER.retain_until)):
            with pytest.raises(ObjectLocked):
                store.relock(stored.key, stored.version_id, weaker)
        assert state_of(store, stored).lock == LONGER
        store.relock(stored.key, stored.version_id, DATED, allow_shorter=True)
        assert state_of(store, stored).lock == DATED
        assert state_of(store, stored).tags == {"item": "011"}

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

    def test_many_are_read_at_once_and_come_in_the_order_asked_for(self, store: RecordStore) -> None:
        stored = store.put_all([request(f"{n % 5:02x}/{n}", b"%d" % n * n) for n in range(150)])
        wanted = [ref(one) for one in reversed(stored)]
        assert list(store.get_all(wanted)) == [b"%d" % n * n for n in reversed(range(150))]

    def test_of_many_the_missing_one_is_named_in_its_place(self, store: RecordStore) -> None:
        first, last = store.put_all([request("ab/first", b"first"), request("ab/last", b"last")])
        gone = ObjectRef("records/hr-director/00/none.eml", first.version_id)
        before, missing, after = store.get_all([ref(first), gone, ref(last)])
        assert (before, after) == (b"first", b"last")
        assert isinstance(missing, ObjectMissing)

    def test_the_same_object_asked_for_twice_comes_twice_and_nothing_asked_for_is_nothing(self, store: RecordStore) -> None:
        (stored,) = store.put_all([request()])
        assert list(store.get_all([ref(stored), ObjectRef(stored.key)])) == [RAW, RAW]
        assert list(store.get_all([])) == []

    def test_a_reader_that_stops_early_leaves_the_store_usable(self, store: RecordStore) -> None:
        stored = store.put_all([request(f"ab/{n}", b"%d" % n) for n in range(80)])
        reading = store.get_all([ref(one) for one in stored])
        assert next(reading) == b"0"
        reading.close()  # type: ignore[attr-defined]
        assert list(store.get_all([ref(stored[7])])) == [b"7"]

    def test_objects_of_every_size_come_in_order(self, store: RecordStore) -> None:
        bodies = [b"small", bytes(3 << 20), b"", bytes(9 << 20), b"last"]
        stored = store.put_all([request(f"ab/{n}", body) for n, body in enumerate(bodies)])
        assert list(store.get_all([ref(one) for one in stored])) == bodies
        assert not any(again.is_new for again in store.put_all([request(f"ab/{n}", body) for n, body in enumerate(bodies)]))

    def test_states_are_told_in_order_and_none_stands_for_a_missing_object(self, store: RecordStore) -> None:
        held, dated = store.put_all([request("ab/held", b"1"), request("ab/dated", b"22", DATED, item="011")])
        gone = ObjectRef("records/hr-director/00/none.eml", held.version_id)
        first, missing, last = store.states([ref(dated), gone, ref(held)])
        assert missing is None
        assert first == ObjectState(dated.key, dated.version_id, 2, DATED, {"item": "011"})
        assert last == ObjectState(held.key, held.version_id, 1, HELD, {})
        assert store.states([]) == []

    def test_every_object_has_one_version_and_it_is_the_latest(self, store: RecordStore) -> None:
        requests = [request(f"{n % 3:02x}/{n}", b"%d" % n) for n in range(30)]
        stored = {one.key: one.version_id for one in store.put_all(requests)}
        store.put_all(requests[:10])
        assert list(store.list_versions("records/")) == [VersionSeen(key, stored[key], is_latest=True) for key in sorted(stored)]
        assert list(store.list_versions("manifests/")) == []

    def test_what_was_deleted_has_no_version_left_and_can_be_stored_anew(self, store: RecordStore) -> None:
        (stored,) = store.put_all([request(lock=Lock())])
        store.delete(stored.key, stored.version_id, NOW)
        assert list(store.list_versions("records/")) == []
        assert store.states([ref(stored)]) == [None]
        (again,) = store.put_all([request(lock=Lock())])
        assert again.is_new

    def test_tags_with_blanks_and_signs_come_back_as_they_were(self, store: RecordStore) -> None:
        tags = {"na1005-category": "3 + 4 = 7: a/b@c_d.e-f", "office": "Büro der Leitung", "empty": ""}
        (stored,) = store.put_all([request(**tags)])
        assert state_of(store, stored).tags == tags
        store.relabel(stored.key, stored.version_id, {})
        assert state_of(store, stored).tags == {}
        store.relabel(stored.key, stored.version_id, tags)
        assert state_of(store, stored).tags == tags

    def test_guards_of_many_are_changed_at_once_and_only_as_asked(self, store: RecordStore) -> None:
        one, two, three, four = store.put_all([
            request("ab/1", b"1", HELD, item="010"), request("ab/2", b"2", DATED, item="011"),
            request("ab/3", b"3", DATED, item="011"), request("ab/4", b"4", DATED, item="011"),
        ])  # fmt: skip
        later = Lock(NOW + timedelta(days=20))
        told = store.reguard_all(
            [
                change(one, HELD, HELD, {"item": "x"}),
                change(two, DATED, HELD, {"item": "010"}),
                change(three, DATED, later),
            ]
        )
        assert told == [None, None, None]
        assert [(state.lock, state.tags) for state in map(partial(state_of, store), (one, two, three, four))] == [
            (HELD, {"item": "x"}),
            (Lock(DATED.retain_until, hold=True), {"item": "010"}),
            (later, {"item": "011"}),
            (DATED, {"item": "011"}),
        ]

    def test_guards_are_freed_or_shortened_only_where_the_change_allows_it(self, store: RecordStore) -> None:
        held, dated = store.put_all([request("ab/1", b"1", HELD), request("ab/2", b"2", DATED)])
        sooner = Lock(NOW + timedelta(days=5))
        changes = [change(held, HELD, DATED, {"item": "011"}), change(dated, DATED, sooner, {"item": "011"})]
        assert all(isinstance(error, ObjectLocked) for error in store.reguard_all(changes))
        assert [(state_of(store, one).lock, state_of(store, one).tags) for one in (held, dated)] == [(HELD, {}), (DATED, {})]
        assert store.reguard_all([replace(one, allow_shorter=True) for one in changes]) == [None, None]
        assert [state_of(store, one).lock for one in (held, dated)] == [DATED, sooner]
        assert state_of(store, held).tags == {"item": "011"}

    def test_a_lock_that_is_stronger_than_was_known_is_not_weakened(self, store: RecordStore) -> None:
        much_later, later = Lock(NOW + timedelta(days=40)), Lock(NOW + timedelta(days=20))
        longer, held = store.put_all(
            [request("ab/1", b"1", much_later), request("ab/2", b"2", Lock(DATED.retain_until, hold=True))]
        )
        assert store.reguard_all([change(longer, DATED, later), change(held, DATED, later)]) == [None, None]
        assert state_of(store, longer).lock == much_later
        assert state_of(store, held).lock == Lock(later.retain_until, hold=True)
        sooner = Lock(NOW + timedelta(days=5))
        assert store.reguard_all([change(held, later, sooner, allow_shorter=True)]) == [None]
        assert state_of(store, held).lock == Lock(sooner.retain_until, hold=True)

    def test_the_same_change_of_guards_again_changes_nothing(self, store: RecordStore) -> None:
        (stored,) = store.put_all([request(lock=HELD)])
        wanted = change(stored, HELD, DATED, {"item": "011"}, allow_shorter=True)
        assert store.reguard_all([wanted]) == store.reguard_all([wanted]) == [None]
        assert (state_of(store, stored).lock, state_of(store, stored).tags) == (DATED, {"item": "011"})

    def test_of_many_guards_the_missing_object_is_named_in_its_place(self, store: RecordStore) -> None:
        first, last = store.put_all([request("ab/first", b"1"), request("ab/last", b"2")])
        gone = GuardChange("records/hr-director/00/none.eml", first.version_id, HELD, HELD, {"item": "010"})
        before, missing, after = store.reguard_all(
            [change(first, HELD, HELD, {"n": "1"}), gone, change(last, HELD, HELD, {"n": "2"})]
        )
        assert (before, after) == (None, None)
        assert isinstance(missing, ObjectMissing)
        assert [state_of(store, one).tags for one in (first, last)] == [{"n": "1"}, {"n": "2"}]
        assert store.reguard_all([]) == []


def change(
    stored: StoredVersion, before: Lock, lock: Lock, tags: Mapping[str, str] | None = None, *, allow_shorter: bool = False
) -> GuardChange:
    return GuardChange(stored.key, stored.version_id, before, lock, tags, allow_shorter)
