"""The record store in a folder: the contract, and what only a folder can suffer."""

from __future__ import annotations

import multiprocessing
import os
import resource
from datetime import UTC, datetime
from pathlib import Path

import pytest

from capstone.domain.errors import FixityMismatch, ObjectLocked, StoreUnavailable, StoreUnfit
from capstone.domain.records import Lock
from connectors.record_store.directory import DirectoryRecordStore
from tests.contracts.record_store import RAW, RecordStoreContract, request
from tests.fakes.record_store import MemoryRecordStore

LATER = datetime(2099, 1, 1, tzinfo=UTC)


class TestMemoryRecordStore(RecordStoreContract):
    @pytest.fixture
    def store(self) -> MemoryRecordStore:
        return MemoryRecordStore()


@pytest.fixture
def store(tmp_path: Path) -> DirectoryRecordStore:
    made = DirectoryRecordStore(tmp_path / "store")
    made.create()
    return made


class TestDirectoryRecordStore(RecordStoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> DirectoryRecordStore:
        made = DirectoryRecordStore(tmp_path / "store")
        made.create()
        return made


def test_it_says_that_it_is_not_worm(store: DirectoryRecordStore) -> None:
    assert store.is_worm is False


def test_creating_again_is_safe(store: DirectoryRecordStore) -> None:
    store.put_all([request()])
    store.create()
    store.check()
    assert store.get(request().key) == RAW


def test_a_folder_with_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.doc").write_text("mine")
    with pytest.raises(StoreUnfit):
        DirectoryRecordStore(tmp_path).create()


@pytest.mark.parametrize("content", ["", "{", '{"format": "other"}', '{"format": "capstone-record-store", "version": 99}'])
def test_a_damaged_or_foreign_description_is_refused(store: DirectoryRecordStore, tmp_path: Path, content: str) -> None:
    (tmp_path / "store" / "store.json").write_text(content)
    with pytest.raises(StoreUnfit):
        store.check()


def test_a_missing_store_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreUnfit):
        DirectoryRecordStore(tmp_path / "nowhere").check()


@pytest.mark.parametrize("key", ["", "/etc/passwd", "../up", "a/../b", "a//b", ".hidden", "a/.hidden", "a b", "a\nb", "a/"])
def test_a_key_cannot_leave_the_store(store: DirectoryRecordStore, key: str) -> None:
    with pytest.raises(StoreUnfit):
        store.get(key)


def test_an_object_without_its_lock_file_counts_as_held(store: DirectoryRecordStore, tmp_path: Path) -> None:
    (stored,) = store.put_all([request(lock=Lock())])
    path = tmp_path / "store" / "objects" / stored.key
    path.with_name(f".{path.name}.json").unlink()
    assert store.state(stored.key).lock == Lock(hold=True)
    with pytest.raises(ObjectLocked):
        store.delete(stored.key, stored.version_id, LATER)


def test_flipped_bytes_are_never_overwritten_by_a_new_put(store: DirectoryRecordStore, tmp_path: Path) -> None:
    (stored,) = store.put_all([request()])
    path = tmp_path / "store" / "objects" / stored.key
    path.chmod(0o600)
    path.write_bytes(RAW[:-1] + b"x")
    with pytest.raises(FixityMismatch):
        store.put_all([request()])
    assert path.read_bytes() == RAW[:-1] + b"x"


def test_objects_are_readable_by_their_owner_only(store: DirectoryRecordStore, tmp_path: Path) -> None:
    (stored,) = store.put_all([request()])
    path = tmp_path / "store" / "objects" / stored.key
    assert path.stat().st_mode & 0o777 == 0o400
    assert (tmp_path / "store" / "objects").stat().st_mode & 0o077 == 0


def _put_until_full(root: Path, answers: multiprocessing.SimpleQueue[str]) -> None:
    # A limit on file size fails a write in mid-object, as a full disk does.
    import signal

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
    try:
        DirectoryRecordStore(root).put_all([request("aa/small", b"small"), request("bb/big", b"x" * 1000)])
    except StoreUnavailable as exc:
        answers.put(exc.code)
    else:
        answers.put("stored")


def test_a_write_that_fails_halfway_leaves_no_object_behind(store: DirectoryRecordStore, tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    answers: multiprocessing.SimpleQueue[str] = context.SimpleQueue()
    worker = context.Process(target=_put_until_full, args=(tmp_path / "store", answers))
    worker.start()
    worker.join(60)
    assert answers.get() == "E204"
    assert list(store.list_keys("")) == []
    assert all(stored.is_new for stored in store.put_all([request("aa/small", b"small"), request("bb/big", b"x" * 1000)]))


def test_an_error_that_is_not_the_systems_passes_through(store: DirectoryRecordStore) -> None:
    with pytest.raises(AttributeError):
        store.put_all([object()])  # type: ignore[list-item]


def test_a_store_that_cannot_be_entered_is_unavailable(store: DirectoryRecordStore, tmp_path: Path) -> None:
    (tmp_path / "store" / "objects" / "records").write_text("a file where a folder should be")
    with pytest.raises(StoreUnavailable) as caught:
        store.put_all([request()])
    assert caught.value.retryable


def test_leftovers_of_a_dead_process_are_cleared_by_init_and_young_ones_kept(store: DirectoryRecordStore, tmp_path: Path) -> None:
    old, young = tmp_path / "store" / "incoming" / "old", tmp_path / "store" / "incoming" / "young"
    old.write_bytes(b"x")
    young.write_bytes(b"y")
    os.utime(old, (0, 0))
    store.create()
    assert (old.exists(), young.exists()) == (False, True)
