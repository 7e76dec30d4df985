"""The record store in a folder: the contract, and what only a folder can suffer."""

from __future__ import annotations

import multiprocessing
import os
import resource
import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from capstone.domain.errors import FixityMismatch, ObjectLocked, StoreUnavailable, StoreUnfit
from capstone.domain.records import Lock
from capstone.ports import ObjectRef
from capstone.usecases.stored import state_of
from connectors.record_store.directory import ONLY_VERSION, DirectoryRecordStore
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
    assert state_of(store, ObjectRef(stored.key)).lock == Lock(hold=True)
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


def _relabel_until_told(root: Path, started: Event, done: Event) -> None:
    other = DirectoryRecordStore(root)
    for number in range(1_000_000):
        other.relabel(request().key, ONLY_VERSION, {"round": str(number)})
        started.set()
        if done.is_set():
            return


def test_new_tags_from_one_process_never_undo_a_hold_set_by_another(store: DirectoryRecordStore, tmp_path: Path) -> None:
    store.put_all([request(lock=Lock())])
    context = multiprocessing.get_context("spawn")
    started, done = context.Event(), context.Event()
    worker = context.Process(target=_relabel_until_told, args=(tmp_path / "store", started, done), daemon=True)
    worker.start()
    try:
        assert started.wait(60)
        for number in range(150):
            # Free it, so that the other process may read "no hold" just before the hold is set.
            store.relock(request().key, ONLY_VERSION, Lock(), allow_shorter=True)
            for days in (number, number + 1):
                wanted = Lock(LATER + timedelta(days=days), hold=True)
                store.relock(request().key, ONLY_VERSION, wanted)
                assert state_of(store, ObjectRef(request().key)).lock == wanted
    finally:
        done.set()
        worker.join(60)
    assert worker.exitcode == 0
    assert state_of(store, ObjectRef(request().key)).lock == wanted
    assert state_of(store, ObjectRef(request().key)).tags.keys() == {"round"}


@pytest.mark.parametrize("shared", [True, False], ids=["one-store", "two-stores"])
def test_of_two_puts_at_once_the_stronger_lock_stays(store: DirectoryRecordStore, tmp_path: Path, shared: bool) -> None:
    stores = [store, store if shared else DirectoryRecordStore(tmp_path / "store")]
    together = threading.Barrier(2)

    def put(which: int, number: int) -> bool:
        together.wait(60)
        (stored,) = stores[which].put_all([request(f"ab/{number}", lock=Lock(hold=which == 0))])
        return stored.is_new

    with ThreadPoolExecutor(2) as pool:
        for number in range(50):
            new = list(pool.map(put, (0, 1), (number, number)))
            assert sorted(new) == [False, True]
            assert state_of(store, ObjectRef(request(f"ab/{number}").key)).lock == Lock(hold=True)


def test_every_new_folder_up_to_the_store_is_flushed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: set[int] = set()
    fsync = os.fsync

    def noted(descriptor: int) -> None:
        fsync(descriptor)
        flushed.add(os.fstat(descriptor).st_ino)

    monkeypatch.setattr(os, "fsync", noted)
    root = tmp_path / "new" / "deep" / "store"
    made = DirectoryRecordStore(root)
    made.create()
    assert flushed >= {path.stat().st_ino for path in (root / "store.json", root, *list(root.parents)[:3])}
    flushed.clear()
    made.put_all([request("a/b/c/d")])
    path = root / "objects" / request("a/b/c/d").key
    assert flushed >= {place.stat().st_ino for place in (path, *path.parents) if place.is_relative_to(root / "objects")}


def test_a_later_init_leaves_the_description_alone(store: DirectoryRecordStore, tmp_path: Path) -> None:
    description = tmp_path / "store" / "store.json"
    os.utime(description, (1, 1))
    before = description.stat()
    store.create()
    assert (description.stat().st_ino, description.stat().st_mtime) == (before.st_ino, 1)


def test_an_init_cut_short_can_be_repeated_but_objects_without_a_description_are_refused(tmp_path: Path) -> None:
    root = tmp_path / "store"
    for name in ("objects", "incoming"):
        (root / name).mkdir(parents=True)
    store = DirectoryRecordStore(root)
    store.create()
    store.put_all([request()])
    (root / "store.json").unlink()
    with pytest.raises(StoreUnfit):
        store.create()


def test_a_large_object_put_again_is_not_read_into_memory(store: DirectoryRecordStore) -> None:
    large = request(raw=bytes(16 << 20))
    store.put_all([large])
    tracemalloc.start()
    try:
        store.put_all([large])
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()
