"""The record store on S3 with Object Lock: what is locked is refused deletion by the storage itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime
from threading import Lock as Mutex
from typing import Literal, TypeVar

from capstone.domain.errors import CapstoneError, StoreUnavailable
from capstone.domain.records import Lock, ObjectState, StoredVersion
from capstone.ports import GuardChange, ObjectRef, PutRequest, VersionSeen
from connectors.record_store.s3_bucket import check_bucket, create_bucket
from connectors.record_store.s3_errors import vendor_errors
from connectors.record_store.s3_guards import Guards
from connectors.record_store.s3_lock import Mode, check_key
from connectors.record_store.s3_place import Link, S3Place, open_link
from connectors.record_store.s3_put import Putter
from connectors.record_store.s3_reading import Reader
from connectors.record_store.s3_reguard import Reguarder
from connectors.record_store.s3_state import States
from connectors.record_store.s3_versions import list_keys, list_versions

__all__ = ["S3Place", "S3RecordStore"]

T = TypeVar("T")
R = TypeVar("R")

_OWN_CONNECTIONS = 4
"""Beside one for each thread: for calls that the caller's own threads make."""


@dataclass(frozen=True, slots=True)
class _Open:
    """Everything that works on an open link."""

    link: Link
    guards: Guards
    reguarder: Reguarder
    putter: Putter
    reader: Reader
    put_threads: ThreadPoolExecutor
    read_threads: ThreadPoolExecutor


class S3RecordStore:
    """RecordStore on a bucket. Any thread may call at any time: puts and reads have threads of their own."""

    is_worm = True

    def __init__(self, place: S3Place, mode: Literal["governance", "compliance"] = "governance", threads: int = 16) -> None:
        """Nothing is opened before the first call. `mode`: that of new retentions; compliance can never be shortened."""
        self._place, self._threads = place, threads
        self._mode: Mode = "COMPLIANCE" if mode == "compliance" else "GOVERNANCE"
        self._mutex = Mutex()
        self._opened: _Open | None = None

    def create(self) -> None:
        """Make the bucket; safe to repeat. Raises StoreUnfit, saying what is wrong, for one that is there and unfit."""
        with vendor_errors(f"the bucket {self._place.bucket}"):
            create_bucket(self._open().link)
        self.check()

    def check(self) -> None:
        """See RecordStore."""
        with vendor_errors(f"the bucket {self._place.bucket}"):
            check_bucket(self._open().link)

    def put_all(self, requests: Sequence[PutRequest]) -> list[StoredVersion]:
        """See RecordStore. Where one fails, those that were begun are finished first: a rerun finds them."""
        opened = self._open()
        first = {request.key: number for number, request in reversed(list(enumerate(requests)))}
        stored = dict(zip(first.values(), self._put_each([requests[number] for number in first.values()]), strict=True))
        for number, request in enumerate(requests):
            if number not in stored:  # a key that stood in the batch before
                stored[number] = _put(opened.putter, request)
        return [stored[number] for number in range(len(requests))]

    def get(self, key: str, version_id: str | None = None) -> bytes:
        """See RecordStore. Without a version id the oldest version with bytes: what lies on top came from somebody else."""
        return self._open().reader.get(ObjectRef(key, version_id))

    def get_all(self, wanted: Sequence[ObjectRef]) -> Iterator[bytes | CapstoneError]:
        """See RecordStore."""
        opened = self._open()
        return opened.reader.get_all(wanted, opened.read_threads)

    def states(self, wanted: Sequence[ObjectRef]) -> list[ObjectState | None]:
        """See RecordStore. Raises StoreUnfit where the credentials may not see locks."""
        opened = self._open()
        return opened.reader.states(wanted, opened.read_threads)

    def relabel(self, key: str, version_id: str, tags: Mapping[str, str]) -> None:
        """See RecordStore."""
        with vendor_errors(key, asks_version=True):
            check_key(key)
            self._open().guards.relabel(key, version_id, tags)

    def relock(self, key: str, version_id: str, lock: Lock, *, allow_shorter: bool = False) -> None:
        """See RecordStore. A retention that shall end at once ends some seconds later; in compliance mode none is shortened."""
        with vendor_errors(key):
            check_key(key)
            self._open().guards.relock(key, version_id, lock, allow_shorter=allow_shorter)

    def reguard_all(self, changes: Sequence[GuardChange]) -> list[CapstoneError | None]:
        """See RecordStore. An object is not asked for its state: the storage itself refuses to shorten without a bypass."""
        opened = self._open()
        told = _spread(opened.put_threads, lambda change: _reguard(opened.reguarder, change), changes)
        if any(isinstance(one, StoreUnavailable) for one in told):
            self.check()  # where the whole store is away, no single object is to blame
        return told

    def list_keys(self, prefix: str) -> Iterator[str]:
        """See RecordStore."""
        with vendor_errors():
            yield from list_keys(self._open().link, prefix)

    def list_versions(self, prefix: str) -> Iterator[VersionSeen]:
        """See RecordStore."""
        with vendor_errors():
            yield from list_versions(self._open().link, prefix)

    def delete(self, key: str, version_id: str, now: datetime) -> None:
        """See RecordStore. No bypass is ever used."""
        with vendor_errors(key):
            check_key(key)
            self._open().guards.delete(key, version_id, now)

    def close(self) -> None:
        """End the threads and connections; the next call opens new ones."""
        with self._mutex:
            opened, self._opened = self._opened, None
        if opened is not None:
            for threads in (opened.put_threads, opened.read_threads):
                threads.shutdown(cancel_futures=True)
            opened.link.wire.close()
            opened.link.client.close()

    def _open(self) -> _Open:
        with self._mutex:
            if self._opened is None:
                link = open_link(self._place, 2 * self._threads + _OWN_CONNECTIONS)
                states = States(link)
                guards = Guards(link, states, self._mode)
                self._opened = _Open(
                    link,
                    guards,
                    Reguarder(link, guards, self._mode),
                    Putter(link, guards, self._mode),
                    Reader(link, states, 2 * self._threads),
                    ThreadPoolExecutor(self._threads, "capstone-put"),
                    ThreadPoolExecutor(self._threads, "capstone-read"),
                )
            return self._opened

    def _put_each(self, requests: Sequence[PutRequest]) -> list[StoredVersion]:
        opened = self._open()
        return _spread(opened.put_threads, lambda request: _put(opened.putter, request), requests)


def _put(putter: Putter, request: PutRequest) -> StoredVersion:
    with vendor_errors(request.key):
        return putter.put(request)


def _reguard(reguarder: Reguarder, change: GuardChange) -> CapstoneError | None:
    try:
        with vendor_errors(change.key, asks_version=True):
            check_key(change.key)
            reguarder.reguard(change)
    except CapstoneError as exc:
        return exc
    return None


def _spread(threads: ThreadPoolExecutor, function: Callable[[T], R], things: Sequence[T]) -> list[R]:
    """The answers in order. After the first failure nothing more is begun."""
    begun = [threads.submit(function, thing) for thing in things]
    wait(begun, return_when=FIRST_EXCEPTION)
    for future in begun:
        future.cancel()
    wait(begun)
    for future in begun:
        if not future.cancelled():
            failed = future.exception()
            if failed is not None:
                raise failed
    return [future.result() for future in begun]
