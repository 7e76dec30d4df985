"""A record store in memory, for unit tests of the use cases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from capstone.domain.errors import FixityMismatch, ObjectLocked, ObjectMissing
from capstone.domain.fixity import digest_of
from capstone.domain.records import Lock, ObjectState, StoredVersion
from capstone.ports import PutRequest


class MemoryRecordStore:
    """RecordStore on two dictionaries. `damage` and `lose` are for tests of verification."""

    is_worm = False

    def __init__(self) -> None:
        self.raw: dict[str, bytes] = {}
        self.guard: dict[str, tuple[Lock, dict[str, str]]] = {}

    def check(self) -> None:
        return

    def put_all(self, requests: Sequence[PutRequest]) -> list[StoredVersion]:
        return [self._put(request) for request in requests]

    def _put(self, request: PutRequest) -> StoredVersion:
        if digest_of(request.raw) != request.digest:
            raise FixityMismatch("digest and bytes differ")
        is_new = request.key not in self.raw
        if not is_new and digest_of(self.raw[request.key]) != request.digest:
            raise FixityMismatch("other bytes are there")
        old = self.guard.get(request.key, (Lock(), {}))[0]
        self.raw.setdefault(request.key, bytes(request.raw))
        self.guard[request.key] = (_stronger(old, request.lock), dict(request.tags))
        return StoredVersion(request.key, "1", request.digest, is_new)

    def get(self, key: str, version_id: str | None = None) -> bytes:
        if key not in self.raw:
            raise ObjectMissing(key)
        return self.raw[key]

    def state(self, key: str, version_id: str | None = None) -> ObjectState:
        lock, tags = self.guard.get(key, (Lock(hold=True), {}))
        return ObjectState(key, "1", len(self.get(key)), lock, dict(tags))

    def relabel(self, key: str, version_id: str, tags: Mapping[str, str]) -> None:
        self.guard[key] = (self.state(key).lock, dict(tags))

    def relock(self, key: str, version_id: str, lock: Lock, *, allow_shorter: bool = False) -> None:
        state = self.state(key)
        if not allow_shorter and _stronger(state.lock, lock) != lock:
            raise ObjectLocked(key)
        self.guard[key] = (lock, state.tags)

    def list_keys(self, prefix: str) -> Iterator[str]:
        return iter(sorted(key for key in self.raw if key.startswith(prefix)))

    def delete(self, key: str, version_id: str, now: datetime) -> None:
        lock = self.state(key).lock
        if lock.hold or (lock.retain_until and lock.retain_until > now):
            raise ObjectLocked(key)
        del self.raw[key], self.guard[key]


def _stronger(one: Lock, other: Lock) -> Lock:
    ends = [lock.retain_until for lock in (one, other) if lock.retain_until is not None]
    return Lock(max(ends, default=None), one.hold or other.hold)
