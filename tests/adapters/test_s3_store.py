"""The record store on S3: the contract, and the traps of versions, markers, locks and many writers."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from capstone.domain.errors import FixityMismatch, ObjectLocked, ObjectMissing, ObjectTooLarge, StoreUnfit
from capstone.domain.fixity import digest_of
from capstone.domain.records import Lock, StoredVersion
from capstone.ports import ObjectRef, PutRequest, VersionSeen
from connectors.record_store import s3_put
from connectors.record_store.s3 import S3RecordStore
from servers.versitygw import S3Access
from tests.adapters.s3_surroundings import fresh_store, opened, outside_client, use_credentials
from tests.contracts.record_store import DATED, HELD, NOW, RAW, RecordStoreContract, ref, request, state_of

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

pytestmark = pytest.mark.service
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _credentials(versitygw: S3Access, monkeypatch: pytest.MonkeyPatch) -> None:
    use_credentials(versitygw, monkeypatch)


@pytest.fixture
def store(versitygw: S3Access) -> Iterator[S3RecordStore]:
    with fresh_store(versitygw) as made:
        yield made


@dataclass(frozen=True)
class Outside:
    """The same bucket through a client that is not ours."""

    client: S3Client
    bucket: str

    def lay_on_top(self, key: str, raw: bytes) -> str:
        return self.client.put_object(Bucket=self.bucket, Key=key, Body=raw)["VersionId"]

    def hide(self, key: str) -> str:
        return self.client.delete_object(Bucket=self.bucket, Key=key)["VersionId"]

    def head(self, stored: StoredVersion) -> dict[str, Any]:
        found = self.client.head_object(Bucket=self.bucket, Key=stored.key, VersionId=stored.version_id, ChecksumMode="ENABLED")
        return dict(found)


@pytest.fixture
def outside(store: S3RecordStore, versitygw: S3Access) -> Iterator[Outside]:
    with outside_client(versitygw) as client:
        yield Outside(client, store._place.bucket)


class TestS3RecordStore(RecordStoreContract):
    pass


def test_it_says_that_it_is_worm(store: S3RecordStore) -> None:
    assert store.is_worm is True


def test_a_client_that_is_not_ours_sees_bytes_lock_tags_and_checksum(store: S3RecordStore, outside: Outside) -> None:
    (stored,) = store.put_all([request(lock=Lock(DATED.retain_until, hold=True), item="011")])
    head = outside.head(stored)
    assert (head["ObjectLockMode"], head["ObjectLockRetainUntilDate"]) == ("GOVERNANCE", DATED.retain_until)
    assert head["ObjectLockLegalHoldStatus"] == "ON"
    assert head["ChecksumSHA256"] == base64.b64encode(hashlib.sha256(RAW).digest()).decode()
    body = outside.client.get_object(Bucket=outside.bucket, Key=stored.key, VersionId=stored.version_id)["Body"].read()
    assert hashlib.sha256(body).hexdigest() == stored.digest
    assert outside.client.get_object_tagging(Bucket=outside.bucket, Key=stored.key)["TagSet"] == [{"Key": "item", "Value": "011"}]


# --- what others lay on top -----------------------------------------------------------------------


def test_a_key_that_a_delete_marker_hides_is_found_pinned_and_listed(store: S3RecordStore, outside: Outside) -> None:
    (stored,) = store.put_all([request()])
    marker = outside.hide(stored.key)
    assert store.put_all([request()]) == [StoredVersion(stored.key, stored.version_id, stored.digest, is_new=False)]
    assert store.get(stored.key) == store.get(stored.key, stored.version_id) == RAW
    assert list(store.get_all([ObjectRef(stored.key), ref(stored)])) == [RAW, RAW]
    assert list(store.list_keys("records/")) == [stored.key]
    assert list(store.list_versions("records/")) == [
        VersionSeen(stored.key, marker, is_latest=True, is_marker=True),
        VersionSeen(stored.key, stored.version_id, is_latest=False),
    ]


def test_a_marker_can_be_taken_away_and_frees_nothing(store: S3RecordStore, outside: Outside) -> None:
    (stored,) = store.put_all([request()])
    marker = outside.hide(stored.key)
    store.delete(stored.key, marker, NOW)
    assert list(store.list_versions("records/")) == [VersionSeen(stored.key, stored.version_id, is_latest=True)]
    with pytest.raises(ObjectMissing):
        store.get(stored.key, marker)


def test_a_put_on_top_changes_nothing_of_what_is_pinned(store: S3RecordStore, outside: Outside) -> None:
    (stored,) = store.put_all([request(lock=DATED)])
    above = outside.lay_on_top(stored.key, b"forged")
    assert store.get(stored.key) == store.get(stored.key, stored.version_id) == RAW
    (again,) = store.put_all([request(lock=HELD, item="011")])
    assert (again.version_id, again.is_new) == (stored.version_id, False)
    state = state_of(store, stored)
    assert (state.lock, state.tags) == (Lock(DATED.retain_until, hold=True), {"item": "011"})
    assert outside.client.get_object_tagging(Bucket=outside.bucket, Key=stored.key, VersionId=above)["TagSet"] == []
    seen = [VersionSeen(stored.key, above, is_latest=True), VersionSeen(stored.key, stored.version_id, is_latest=False)]
    assert list(store.list_versions("records/")) == seen


def test_the_same_bytes_on_top_do_not_become_the_pinned_version(store: S3RecordStore, outside: Outside) -> None:
    (stored,) = store.put_all([request()])
    outside.lay_on_top(stored.key, RAW)
    assert store.put_all([request()])[0].version_id == stored.version_id


def test_our_bytes_on_top_of_others_are_found_and_mended(store: S3RecordStore, outside: Outside) -> None:
    outside.lay_on_top(request().key, b"x" * len(RAW))
    ours = outside.lay_on_top(request().key, RAW)  # without a SHA-256: the bytes themselves must be read
    outside.hide(request().key)
    (stored,) = store.put_all([request(lock=HELD, item="011")])
    assert (stored.version_id, stored.is_new) == (ours, False)
    assert (state_of(store, stored).lock, state_of(store, stored).tags) == (HELD, {"item": "011"})


def test_other_bytes_hidden_by_a_marker_are_an_incident(store: S3RecordStore, outside: Outside) -> None:
    outside.lay_on_top(request().key, b"forged")
    outside.hide(request().key)
    with pytest.raises(FixityMismatch):
        store.put_all([request()])


def test_a_lone_marker_does_not_keep_a_record_out(store: S3RecordStore, outside: Outside) -> None:
    (gone,) = store.put_all([request(lock=Lock())])
    marker = outside.hide(gone.key)
    store.delete(gone.key, gone.version_id, NOW)
    with pytest.raises(ObjectMissing):
        store.get(request().key)
    assert list(store.list_keys("records/")) == []
    (stored,) = store.put_all([request()])
    assert stored.is_new
    assert store.get(stored.key) == RAW
    assert [seen.version_id for seen in store.list_versions("records/")] == [stored.version_id, marker]


def test_versions_are_listed_by_key_and_the_newest_first_over_many_pages(store: S3RecordStore, outside: Outside) -> None:
    stored = store.put_all([request(f"{n:04d}", b"%d" % n, Lock()) for n in range(1100)])
    above = [outside.lay_on_top(stored[n].key, b"forged") for n in (0, 700, 1099)]
    marker = outside.hide(stored[0].key)
    seen = list(store.list_versions("records/"))
    assert [one.key for one in seen] == sorted(one.key for one in seen)
    assert [one.version_id for one in seen[:3]] == [marker, above[0], stored[0].version_id]
    assert [one.version_id for one in seen if one.is_latest] == [
        marker,
        *(one.version_id for one in stored[1:700]),
        above[1],
        *(one.version_id for one in stored[701:1099]),
        above[2],
    ]
    assert list(store.list_keys("records/")) == [one.key for one in stored]


def test_keys_come_in_the_order_of_their_utf8_bytes(store: S3RecordStore) -> None:
    keys = ["k/2", "k/10", "k-a/1", "k.b", "kä/1", "kz/1", "k\U0001f4e7", "k\uffed"]
    store.put_all([PutRequest(key, RAW, digest_of(RAW), Lock(), {}) for key in keys])
    assert list(store.list_keys("k")) == sorted(keys, key=str.encode)


@pytest.mark.parametrize(
    "key", ["a b", "a+b=c&d", "100%", "%41", "q?x=1", "q#x", "it's(1)!*~", "ä/ö", "a;b,c:d@e$", 'a"<b>|c^`{}[]', "€.eml"]
)
def test_keys_with_special_characters_are_put_read_found_and_deleted(store: S3RecordStore, key: str) -> None:
    asked = PutRequest(f"x/{key}", RAW, digest_of(RAW), Lock(), {"item": "011"})
    (stored,) = store.put_all([asked])
    assert store.put_all([asked])[0] == StoredVersion(asked.key, stored.version_id, stored.digest, is_new=False)
    assert list(store.list_keys("x/")) == [asked.key]
    assert store.get(asked.key) == RAW
    assert state_of(store, stored).tags == {"item": "011"}
    store.relock(asked.key, stored.version_id, HELD)
    store.relock(asked.key, stored.version_id, Lock(), allow_shorter=True)
    store.delete(asked.key, stored.version_id, NOW)
    assert store.states([ref(stored)]) == [None]


@pytest.mark.parametrize("key", ["", "/a", "a//b", "a/", "a/../b", "./a", "a\nb", "a\x00b", "x" * 1025])
def test_a_key_that_servers_read_in_different_ways_is_refused(store: S3RecordStore, key: str) -> None:
    for ask in (lambda: store.get(key), lambda: store.put_all([PutRequest(key, RAW, digest_of(RAW), Lock(), {})])):
        with pytest.raises(StoreUnfit):
            ask()


def test_a_version_id_that_no_server_gave_is_missing(store: S3RecordStore) -> None:
    (stored,) = store.put_all([request()])
    for version_id in ("1", "a b&c", stored.version_id[:-1]):
        with pytest.raises(ObjectMissing):
            store.get(stored.key, version_id)
        assert store.states([ObjectRef(stored.key, version_id)]) == [None]
        with pytest.raises(ObjectMissing):
            store.delete(stored.key, version_id, NOW)


# --- locks ----------------------------------------------------------------------------------------


def test_the_storage_itself_refuses_to_delete_what_is_locked(store: S3RecordStore, outside: Outside) -> None:
    for stored in store.put_all([request("ab/dated", lock=DATED), request("ab/held", lock=HELD)]):
        with pytest.raises(ClientError, match="AccessDenied"):
            outside.client.delete_object(Bucket=outside.bucket, Key=stored.key, VersionId=stored.version_id)


def test_a_lock_that_the_callers_clock_believes_over_still_guards(store: S3RecordStore) -> None:
    (stored,) = store.put_all([request(lock=DATED)])
    with pytest.raises(ObjectLocked):
        store.delete(stored.key, stored.version_id, NOW + 20 * DAY)
    assert store.get(stored.key, stored.version_id) == RAW


def test_a_lock_that_is_over_is_left_out_of_a_put_and_of_a_new_lock(store: S3RecordStore) -> None:
    (stored,) = store.put_all([request(lock=Lock(NOW - DAY, hold=True))])
    assert state_of(store, stored).lock == HELD
    store.relock(stored.key, stored.version_id, Lock(NOW - DAY, hold=True))
    assert state_of(store, stored).lock == HELD
    assert store.put_all([request(lock=Lock(NOW - DAY))])[0].version_id == stored.version_id


def test_a_lock_never_ends_before_the_moment_asked_for(store: S3RecordStore) -> None:
    moment = NOW + DAY + timedelta(microseconds=1)
    (stored,) = store.put_all([request(lock=Lock(moment))])
    assert state_of(store, stored).lock == Lock(NOW + DAY + timedelta(seconds=1))
    store.relock(stored.key, stored.version_id, Lock(moment + DAY))
    assert state_of(store, stored).lock == Lock(NOW + 2 * DAY + timedelta(seconds=1))
    store.relock(stored.key, stored.version_id, Lock(moment + DAY))  # the same again is no change


def test_a_lock_shortened_with_a_bypass_by_others_is_seen_and_mended(store: S3RecordStore, outside: Outside) -> None:
    (stored,) = store.put_all([request(lock=DATED)])
    outside.client.put_object_retention(
        Bucket=outside.bucket,
        Key=stored.key,
        VersionId=stored.version_id,
        Retention={"Mode": "GOVERNANCE", "RetainUntilDate": NOW + DAY},
        BypassGovernanceRetention=True,
    )
    assert state_of(store, stored).lock == Lock(NOW + DAY)
    store.put_all([request(lock=DATED)])
    assert state_of(store, stored).lock == DATED


def test_a_hold_taken_off_and_tags_changed_by_others_are_seen_and_mended(store: S3RecordStore, outside: Outside) -> None:
    (stored,) = store.put_all([request(lock=HELD, item="010")])
    where = {"Bucket": outside.bucket, "Key": stored.key, "VersionId": stored.version_id}
    outside.client.put_object_legal_hold(**where, LegalHold={"Status": "OFF"})  # type: ignore[arg-type]
    outside.client.put_object_tagging(**where, Tagging={"TagSet": [{"Key": "item", "Value": "999"}]})  # type: ignore[arg-type]
    assert (state_of(store, stored).lock, state_of(store, stored).tags) == (Lock(), {"item": "999"})
    store.put_all([request(lock=HELD, item="010")])
    assert (state_of(store, stored).lock, state_of(store, stored).tags) == (HELD, {"item": "010"})


def test_a_lock_that_is_taken_off_altogether_ends_within_seconds(store: S3RecordStore) -> None:
    (stored,) = store.put_all([request(lock=Lock(DATED.retain_until, hold=True))])
    store.relock(stored.key, stored.version_id, Lock(), allow_shorter=True)
    lock = state_of(store, stored).lock
    assert not lock.hold
    assert lock.retain_until is not None
    assert lock.retain_until < NOW + DAY


def test_from_a_date_to_a_hold_the_flag_is_on_at_every_moment(store: S3RecordStore) -> None:
    (stored,) = store.put_all([request(lock=DATED)])
    store.relock(stored.key, stored.version_id, HELD, allow_shorter=True)
    assert state_of(store, stored).lock.hold
    with pytest.raises(ObjectLocked):
        store.delete(stored.key, stored.version_id, NOW + 20 * DAY)


def test_in_compliance_mode_a_lock_is_lengthened_and_never_shortened(versitygw: S3Access) -> None:
    soon = Lock(NOW + timedelta(minutes=10))
    with fresh_store(versitygw, mode="compliance") as store, outside_client(versitygw) as client:
        (stored,) = store.put_all([request(lock=soon)])
        assert Outside(client, store._place.bucket).head(stored)["ObjectLockMode"] == "COMPLIANCE"
        longer = Lock(NOW + timedelta(minutes=11), hold=True)
        store.relock(stored.key, stored.version_id, longer)
        with pytest.raises(ObjectLocked):
            store.relock(stored.key, stored.version_id, Lock(soon.retain_until, hold=True), allow_shorter=True)
        store.relock(stored.key, stored.version_id, Lock(longer.retain_until), allow_shorter=True)
        assert state_of(store, stored).lock == Lock(longer.retain_until)


def test_a_version_in_compliance_mode_keeps_it_in_a_governance_store(
    store: S3RecordStore, versitygw: S3Access, outside: Outside
) -> None:
    with opened(store._place, mode="compliance") as strict:
        (stored,) = strict.put_all([request(lock=Lock(NOW + timedelta(minutes=10)))])
    store.relock(stored.key, stored.version_id, Lock(NOW + timedelta(minutes=11)))
    assert outside.head(stored)["ObjectLockMode"] == "COMPLIANCE"
    with pytest.raises(ObjectLocked):
        store.relock(stored.key, stored.version_id, Lock(), allow_shorter=True)


# --- limits ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "tags",
    [
        {f"tag-{n}": "x" for n in range(11)},
        {"x" * 129: "x"},
        {"": "x"},
        {"name": "x" * 257},
        {"name": "line\nbreak"},
        {"name": "ampersand & co"},
        {"aws:own": "x"},
    ],
    ids=["eleven", "long-name", "no-name", "long-value", "line-break", "sign", "reserved"],
)
def test_tags_that_s3_does_not_take_are_refused_before_anything_is_stored(store: S3RecordStore, tags: dict[str, str]) -> None:
    with pytest.raises(StoreUnfit):
        store.put_all([PutRequest(request().key, RAW, digest_of(RAW), HELD, tags)])
    assert list(store.list_keys("")) == []
    (stored,) = store.put_all([request()])
    with pytest.raises(StoreUnfit):
        store.relabel(stored.key, stored.version_id, tags)


def test_the_longest_tags_that_s3_takes_are_kept(store: S3RecordStore) -> None:
    tags = {f"{n}{'n' * 127}": "v" * 256 for n in range(5)} | {f"ä{n}": "ß c" for n in range(5)}
    (stored,) = store.put_all([PutRequest(request().key, RAW, digest_of(RAW), HELD, tags)])
    assert state_of(store, stored).tags == tags


def test_what_one_put_cannot_carry_is_named(store: S3RecordStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_put, "LARGEST_BYTES", 3)
    with pytest.raises(ObjectTooLarge):
        store.put_all([request()])


@pytest.mark.slow
def test_a_message_of_150_mb_is_stored_in_one_request_and_not_sent_twice(store: S3RecordStore) -> None:
    raw = bytes(150 << 20)
    large = PutRequest(request().key, raw, digest_of(raw), HELD, {})
    (stored,) = store.put_all([large])
    assert stored.is_new
    (found,) = store.get_all([ref(stored)])
    assert found == raw
    assert store.put_all([large]) == [StoredVersion(stored.key, stored.version_id, stored.digest, is_new=False)]
