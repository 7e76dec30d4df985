"""S3 that is busy, refuses, or answers less than it should: the reason is said, nothing is doubled, no lock is weakened."""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic

import pytest

from capstone.domain.errors import (
    CapstoneError,
    FixityMismatch,
    ObjectLocked,
    ObjectTooLarge,
    StoreUnavailable,
    StoreUnfit,
)
from capstone.domain.fixity import digest_of
from capstone.domain.records import Lock
from capstone.ports import PutRequest
from connectors.record_store.s3 import S3RecordStore
from servers.http_faults import HttpFaults
from servers.versitygw import S3Access
from tests.adapters.s3_surroundings import opened, place_on, use_credentials
from tests.contracts.record_store import DATED, HELD, LONGER, NOW, RAW, ref, request, state_of

pytestmark = pytest.mark.service


@pytest.fixture(autouse=True)
def _credentials(versitygw: S3Access, monkeypatch: pytest.MonkeyPatch) -> None:
    use_credentials(versitygw, monkeypatch)


@pytest.fixture
def faults(versitygw: S3Access) -> Iterator[HttpFaults]:
    with HttpFaults(versitygw.endpoint_url) as made:
        yield made


@pytest.fixture
def store(versitygw: S3Access, faults: HttpFaults) -> Iterator[S3RecordStore]:
    with opened(place_on(versitygw, endpoint_url=faults.url, attempts=3), threads=4) as through:
        through.create()
        faults.requests.clear()
        yield through


def said(code: str) -> bytes:
    return f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>in words</Message></Error>".encode()


# --- answers --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (500, "InternalError"),
        (503, "SlowDown"),
        (503, ""),
        (502, ""),
        (504, ""),
        (429, ""),
        (408, ""),
        (400, "RequestTimeout"),
        (409, "ConditionalRequestConflict"),
        (409, "OperationAborted"),
        (307, "TemporaryRedirect"),
    ],
)
def test_an_answer_that_may_pass_is_asked_again_within_bounds(
    store: S3RecordStore, faults: HttpFaults, status: int, code: str
) -> None:
    body = said(code) if code else b""
    faults.fail(status, 2, method="PUT", body=body)
    (stored,) = store.put_all([request()])
    assert stored.is_new
    faults.fail(status, 2, method="GET", body=body)
    assert store.get(stored.key, stored.version_id) == RAW
    faults.requests.clear()
    faults.fail(status, 100, method="GET", query="versionId", body=body)
    with pytest.raises(StoreUnavailable) as caught:
        store.get(stored.key, stored.version_id)
    assert caught.value.retryable
    assert len(faults.requests) == 3


@pytest.mark.parametrize(
    ("status", "code", "error", "word"),
    [
        (403, "AccessDenied", StoreUnfit, "may not"),
        (403, "", StoreUnfit, "may not"),
        (403, "InvalidAccessKeyId", StoreUnfit, "credentials"),
        (400, "ExpiredToken", StoreUnfit, "credentials"),
        (403, "RequestTimeTooSkewed", StoreUnfit, "clocks"),
        (301, "PermanentRedirect", StoreUnfit, "region"),
        (400, "AuthorizationHeaderMalformed", StoreUnfit, "region"),
        (404, "NoSuchBucket", StoreUnfit, "no bucket"),
        (400, "EntityTooLarge", ObjectTooLarge, "large"),
        (507, "", StoreUnavailable, "full"),
        (403, "QuotaExceeded", StoreUnavailable, "full"),
        (400, "BadDigest", StoreUnavailable, "damaged on their way"),
        (501, "NotImplemented", StoreUnfit, "NotImplemented"),
        (418, "", StoreUnfit, "refused"),
        (499, "", StoreUnfit, "499"),
    ],
)
def test_a_refusal_is_named_by_its_meaning_and_not_asked_again(
    store: S3RecordStore, faults: HttpFaults, status: int, code: str, error: type[CapstoneError], word: str
) -> None:
    faults.fail(status, 1, method="PUT", body=said(code) if code else b"<html>secret words of a proxy</html>")
    with pytest.raises(error, match=word) as caught:
        store.put_all([request()])
    assert "in words" not in caught.value.message
    assert "secret" not in caught.value.message
    assert [method for method, _, _ in faults.requests] == ["PUT"]


def test_boto3s_calls_are_asked_again_and_named_in_the_same_way(store: S3RecordStore, faults: HttpFaults) -> None:
    (stored,) = store.put_all([request()])
    faults.fail(503, 2, query="tagging", method="PUT", body=said("SlowDown"))
    store.relabel(stored.key, stored.version_id, {"item": "011"})
    assert state_of(store, stored).tags == {"item": "011"}
    faults.fail(503, 100, query="tagging", method="PUT", body=said("SlowDown"))
    with pytest.raises(StoreUnavailable):
        store.relabel(stored.key, stored.version_id, {})
    faults.fail(403, 1, query="versions", body=said("AccessDenied"))
    with pytest.raises(StoreUnfit, match="may not"):
        list(store.list_keys(""))


def test_as_long_is_waited_as_the_server_asks_for(store: S3RecordStore, faults: HttpFaults) -> None:
    faults.fail(503, 1, method="PUT", retry_after_s=2)
    begun = monotonic()
    store.put_all([request()])
    assert monotonic() - begun >= 2


def test_a_put_whose_answer_was_lost_is_pinned_and_not_called_new(store: S3RecordStore, faults: HttpFaults) -> None:
    faults.fail(500, 1, method="PUT", after_server=True)
    (stored,) = store.put_all([request(lock=LONGER, item="011")])
    assert not stored.is_new
    assert [seen.version_id for seen in store.list_versions("")] == [stored.version_id]
    assert (state_of(store, stored).lock, state_of(store, stored).tags) == (LONGER, {"item": "011"})


def test_bytes_that_are_not_those_of_the_digest_are_called_so_and_not_sent_again(
    store: S3RecordStore, faults: HttpFaults
) -> None:
    with pytest.raises(FixityMismatch):
        store.put_all([PutRequest(request().key, b"flipped", digest_of(RAW), HELD, {})])
    assert len(faults.requests) == 1


def test_one_object_that_cannot_be_read_is_blamed_alone(store: S3RecordStore, faults: HttpFaults) -> None:
    stored = store.put_all([request(f"ab/{n}", b"%d" % n) for n in range(20)])
    for status, error in ((500, StoreUnavailable), (403, StoreUnfit)):
        faults.fail(status, 3, path=f"/{store._place.bucket}/{stored[7].key}")
        found = list(store.get_all([ref(one) for one in stored]))
        assert isinstance(found[7], error)
        assert [raw for raw in found if isinstance(raw, bytes)] == [b"%d" % n for n in range(20) if n != 7]
        faults.mend()


def test_a_missing_bucket_is_not_taken_for_missing_objects(store: S3RecordStore, faults: HttpFaults) -> None:
    (stored,) = store.put_all([request()])
    faults.fail(404, 100, body=said("NoSuchBucket"))
    for ask in (lambda: store.states([ref(stored)]), lambda: list(store.get_all([ref(stored)]))):
        with pytest.raises(StoreUnfit, match="no bucket"):
            ask()


@pytest.mark.parametrize("part", ["legal-hold", "retention"])
def test_locks_that_the_credentials_may_not_see_are_not_taken_for_none(
    store: S3RecordStore, faults: HttpFaults, part: str
) -> None:
    (stored,) = store.put_all([request(lock=DATED if part == "legal-hold" else HELD)])
    faults.fail(403, 1, method="GET", query=part, body=said("AccessDenied"))
    with pytest.raises(StoreUnfit, match="may not see locks"):
        store.states([ref(stored)])
    assert state_of(store, stored).lock == (DATED if part == "legal-hold" else HELD)


def test_an_answer_about_tags_that_cannot_be_read_is_a_fault_of_the_store(store: S3RecordStore, faults: HttpFaults) -> None:
    (stored,) = store.put_all([request()])
    faults.fail(200, 1, method="GET", query="tagging", body=b"<html>")
    with pytest.raises(StoreUnavailable):
        store.states([ref(stored)])


def test_other_errors_pass_through(store: S3RecordStore) -> None:
    with pytest.raises(AttributeError):
        store.put_all([object()])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="fromhex"):
        store.put_all([PutRequest(request().key, RAW, "no digest", HELD, {})])


# --- the order of locks ---------------------------------------------------------------------------


def changes(faults: HttpFaults) -> list[str]:
    return [
        target.partition("?")[2].partition("=")[0].partition("&")[0] for method, target, _ in faults.requests if method == "PUT"
    ]


def test_to_lengthen_the_flag_goes_on_first_and_to_shorten_it_goes_off_last(store: S3RecordStore, faults: HttpFaults) -> None:
    (stored,) = store.put_all([request(lock=DATED)])
    faults.requests.clear()
    store.relock(stored.key, stored.version_id, LONGER)
    assert changes(faults) == ["legal-hold", "retention"]
    faults.requests.clear()
    store.relock(stored.key, stored.version_id, DATED, allow_shorter=True)
    assert changes(faults) == ["retention", "legal-hold"]


def test_a_change_that_breaks_off_leaves_the_record_guarded_and_can_be_repeated(store: S3RecordStore, faults: HttpFaults) -> None:
    (stored,) = store.put_all([request(lock=DATED)])
    faults.fail(500, 100, method="PUT", query="retention")
    with pytest.raises(StoreUnavailable):
        store.relock(stored.key, stored.version_id, LONGER)
    assert state_of(store, stored).lock == Lock(DATED.retain_until, hold=True)
    faults.mend()
    store.relock(stored.key, stored.version_id, LONGER)
    faults.fail(500, 100, method="PUT", query="legal-hold")
    with pytest.raises(StoreUnavailable):
        store.relock(stored.key, stored.version_id, DATED, allow_shorter=True)
    assert state_of(store, stored).lock == Lock(DATED.retain_until, hold=True)
    with pytest.raises(ObjectLocked):
        store.delete(stored.key, stored.version_id, NOW)


def test_a_lock_that_these_credentials_may_not_shorten_is_said_so(store: S3RecordStore, faults: HttpFaults) -> None:
    (stored,) = store.put_all([request(lock=DATED)])
    faults.fail(403, 1, method="PUT", query="retention", body=said("AccessDenied"))
    with pytest.raises(ObjectLocked) as caught:
        store.relock(stored.key, stored.version_id, Lock(), allow_shorter=True)
    assert "BypassGovernanceRetention" in caught.value.next_step
    faults.fail(403, 1, method="PUT", query="retention", body=said("AccessDenied"))
    with pytest.raises(StoreUnfit, match="may not"):
        store.relock(stored.key, stored.version_id, LONGER)


def test_a_deletion_that_these_credentials_may_not_make_is_not_called_a_lock(store: S3RecordStore, faults: HttpFaults) -> None:
    (stored,) = store.put_all([request(lock=Lock())])
    faults.fail(403, 1, method="DELETE", body=said("AccessDenied"))
    with pytest.raises(StoreUnfit, match="may not"):
        store.delete(stored.key, stored.version_id, NOW)
