"""S3 on a bad day: busy, refusing, hanging, cut off in mid-answer. Nothing is lost, nothing is doubled, the reason is said."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import Any

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
from capstone.domain.records import Lock, StoredVersion
from capstone.ports import ObjectRef, PutRequest
from connectors.record_store.s3 import S3RecordStore
from servers.http_faults import HttpFaults
from servers.proxy import FaultProxy
from servers.versitygw import S3Access, Versitygw
from tests.adapters.s3_surroundings import fresh_store, opened, place_on, use_credentials
from tests.contracts.record_store import DATED, HELD, NOW, RAW, ref, request, state_of
from tests.services import running

pytestmark = pytest.mark.service
SHORT = {"connect_timeout_s": 3, "read_timeout_s": 3, "attempts": 2}
LINE = {"connect_timeout_s": 10, "read_timeout_s": 10, "attempts": 2}
"""A line that is cut or refuses says so at once; the machine may be busy all the same."""
LONGER = Lock(NOW + timedelta(days=20), hold=True)
Put = list[StoredVersion]


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


# --- the line -------------------------------------------------------------------------------------


@pytest.fixture
def line(versitygw: S3Access) -> Iterator[FaultProxy]:
    host, _, port = versitygw.endpoint_url.rpartition("/")[2].rpartition(":")
    with FaultProxy(host, int(port)) as proxy:
        yield proxy


@pytest.fixture
def over_line(versitygw: S3Access, line: FaultProxy) -> Iterator[S3RecordStore]:
    with opened(place_on(versitygw, endpoint_url=f"http://127.0.0.1:{line.port}", **LINE), threads=4) as through:
        through.create()
        yield through


def test_a_line_cut_in_mid_answer_is_asked_again(over_line: S3RecordStore, line: FaultProxy) -> None:
    raw = bytes(range(256)) * 4096
    (stored,) = over_line.put_all([request(raw=raw)])
    line.drop_after(5000)
    assert over_line.get(stored.key, stored.version_id) == raw
    line.drop_after(5000)
    assert list(over_line.get_all([ref(stored)])) == [raw]
    line.drop_after(5000, times=100)
    with pytest.raises(StoreUnavailable):
        over_line.get(stored.key, stored.version_id)


@pytest.mark.parametrize("passed", [0, 20, 200])
def test_a_line_cut_in_mid_answer_to_a_put_leaves_one_version_pinned(
    over_line: S3RecordStore, line: FaultProxy, passed: int
) -> None:
    over_line.put_all([request("ab/first", b"opens the line")])
    line.drop_after(max(passed, 1))
    (stored,) = over_line.put_all([request(lock=DATED, item="011")])
    assert [seen.version_id for seen in over_line.list_versions("records/hr-director/ab/one")] == [stored.version_id]
    assert (state_of(over_line, stored).lock, state_of(over_line, stored).tags) == (DATED, {"item": "011"})


def asks_of(store: S3RecordStore, stored: StoredVersion) -> list[Callable[[], Any]]:
    return [
        store.check,
        lambda: store.put_all([request(f"cd/{n}") for n in range(10)]),
        lambda: store.get(stored.key, stored.version_id),
        lambda: list(store.get_all([ObjectRef(stored.key, stored.version_id)] * 10)),
        lambda: store.states([ref(stored)]),
        lambda: list(store.list_keys("")),
        lambda: store.relock(stored.key, stored.version_id, LONGER),
        lambda: store.relabel(stored.key, stored.version_id, {}),
    ]


def must_be_unavailable(ask: Callable[[], Any]) -> float:
    begun = monotonic()
    with pytest.raises(StoreUnavailable, match="does not answer") as caught:
        ask()
    assert caught.value.retryable
    return monotonic() - begun


@pytest.mark.parametrize("cut_after", [1, 20, 112, 223])
def test_an_answer_whose_headers_end_too_early_is_no_answer(over_line: S3RecordStore, line: FaultProxy, cut_after: int) -> None:
    line.drop_after(cut_after, reset=False)
    (stored,) = over_line.put_all([request(lock=DATED, item="011")])
    assert not stored.is_new
    for ask, expected in (
        (lambda: over_line.get(stored.key, stored.version_id), RAW),
        (lambda: state_of(over_line, stored).lock, DATED),
        (lambda: state_of(over_line, stored).tags, {"item": "011"}),
        (lambda: [seen.version_id for seen in over_line.list_versions("")], [stored.version_id]),
        (over_line.check, None),
    ):
        line.drop_after(cut_after, reset=False)
        assert ask() == expected
    line.drop_after(cut_after, times=100, reset=False)
    relabelled = len(asks_of(over_line, stored)) - 1
    for number, ask in enumerate(asks_of(over_line, stored)):
        if number != relabelled:  # what tells nothing but that it is done may be believed
            must_be_unavailable(ask)


def test_a_server_that_refuses_is_unavailable_until_it_is_back(over_line: S3RecordStore, line: FaultProxy) -> None:
    (stored,) = over_line.put_all([request()])
    line.refuse()
    for ask in asks_of(over_line, stored):
        must_be_unavailable(ask)
    line.pass_through()
    for ask in asks_of(over_line, stored):
        ask()


@pytest.mark.slow
def test_a_server_that_hangs_is_given_up_within_the_bounds_and_used_again(
    server_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(Versitygw(server_folder / "versitygw")) as server:
        use_credentials(server, monkeypatch)
        with opened(place_on(server, **SHORT), threads=10) as store:
            store.create()
            (stored,) = store.put_all([request()])
            server.freeze()
            try:
                with ThreadPoolExecutor(8) as pool:
                    waited = list(pool.map(must_be_unavailable, asks_of(store, stored)))
            finally:
                server.thaw()
            assert max(waited) < 60
            for ask in asks_of(store, stored):
                ask()
            keys = [seen.key for seen in store.list_versions("")]
            assert len(keys) == len(set(keys)) == 11


@pytest.mark.slow
def test_a_server_killed_and_started_again_in_mid_batch_has_every_object_once(
    server_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(Versitygw(server_folder / "versitygw")) as server:
        use_credentials(server, monkeypatch)
        with fresh_store(server, threads=4) as store:
            requests = [request(f"ab/{n}", b"%d" % n, DATED, item="011") for n in range(1500)]
            with ThreadPoolExecutor(1) as pool:
                begun = pool.submit(_put_until_stored, store, requests)
                while not next(store.list_keys("records/"), None):
                    assert not begun.done()
                server.kill()
                server.start()
                stored = begun.result()
            seen = {one.key: one.version_id for one in store.list_versions("")}
            assert seen == {one.key: one.version_id for one in stored}
            assert list(store.get_all([ref(one) for one in stored])) == [b"%d" % n for n in range(1500)]
            assert {state.lock for state in store.states([ref(one) for one in stored]) if state} == {DATED}


def _put_until_stored(store: S3RecordStore, requests: list[PutRequest]) -> Put:
    while True:
        try:
            return store.put_all(requests)
        except StoreUnavailable:
            continue  # what a later run does
