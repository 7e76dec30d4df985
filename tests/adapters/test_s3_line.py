"""The line to an S3 server: cut in mid-answer, refused, hanging, killed and started again. Nothing is lost or doubled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from capstone.domain.errors import StoreUnavailable
from capstone.domain.records import StoredVersion
from capstone.ports import ObjectRef, PutRequest
from connectors.record_store.s3 import S3RecordStore
from servers.proxy import FaultProxy
from servers.versitygw import S3Access, Versitygw
from tests.adapters.s3_surroundings import fresh_store, opened, place_on, use_credentials
from tests.contracts.record_store import DATED, LONGER, RAW, ref, request, state_of
from tests.services import running

pytestmark = pytest.mark.service
SHORT = {"connect_timeout_s": 3, "read_timeout_s": 3, "attempts": 2}
LINE = {"connect_timeout_s": 10, "read_timeout_s": 10, "attempts": 2}
"""A line that is cut or refuses says so at once; the machine may be busy all the same."""


@pytest.fixture(autouse=True)
def _credentials(versitygw: S3Access, monkeypatch: pytest.MonkeyPatch) -> None:
    use_credentials(versitygw, monkeypatch)


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


def _put_until_stored(store: S3RecordStore, requests: list[PutRequest]) -> list[StoredVersion]:
    while True:
        try:
            return store.put_all(requests)
        except StoreUnavailable:
            continue  # what a later run does
