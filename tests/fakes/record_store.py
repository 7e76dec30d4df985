"""A record store in memory, for unit tests of the use cases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from capstone.domain.effects import guarded
from capstone.domain.errors import CapstoneError, FixityMismatch, ObjectLocked, ObjectMissing, StoreUnavailable
from capstone.domain.fixity import digest_of
from capstone.domain.records import Lock, ObjectState, StoredVersion
from capstone.domain.retention import lock_change
from capstone.ports import GuardChange, ObjectRef, PutRequest, VersionSeen


class MemoryRecordStore:
    """RecordStore on two dictionaries, public so that a test can damage or lose what lies there.

    `on_top` holds versions and markers that somebody else laid over an object of ours, newest first.
    """

    is_worm = False

    def __init__(self) -> None:
        self.raw: dict[str, bytes] = {}
        self.guard: dict[str, tuple[Lock, dict[str, str]]] = {}
        self.on_top: dict[str, list[VersionSeen]] = {}

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
        self.guard[request.key] = (old.at_least(request.lock), dict(request.tags))
        return StoredVersion(request.key, "1", request.digest, is_new)

    def get(self, key: str, version_id: str | None = None) -> bytes:
        if key not in self.raw:
            raise ObjectMissing(key)
        return self.raw[key]

    def get_all(self, wanted: Sequence[ObjectRef]) -> Iterator[bytes | CapstoneError]:
        for ref in wanted:
            try:
                yield self.get(ref.key, ref.version_id)
            except (ObjectMissing, StoreUnavailable) as exc:
                self.check()
                yield exc

    def states(self, wanted: Sequence[ObjectRef]) -> list[ObjectState | None]:
        return [self._state(ref.key) if ref.key in self.raw else None for ref in wanted]

    def _state(self, key: str) -> ObjectState:
        lock, tags = self.guard.get(key, (Lock(hold=True), {}))
        return ObjectState(key, "1", len(self.get(key)), lock, dict(tags))

    def relabel(self, key: str, version_id: str, tags: Mapping[str, str]) -> None:
        self.guard[key] = (self._state(key).lock, dict(tags))

    def relock(self, key: str, version_id: str, lock: Lock, *, allow_shorter: bool = False) -> None:
        state = self._state(key)
        if not allow_shorter and lock.at_least(state.lock) != lock:
            raise ObjectLocked(key)
        self.guard[key] = (lock, state.tags)

    def reguard_all(self, changes: Sequence[GuardChange]) -> list[CapstoneError | None]:
        return [self._reguarded(change) for change in changes]

    def _reguarded(self, change: GuardChange) -> CapstoneError | None:
        try:
            self.reguard(change)
        except (ObjectMissing, ObjectLocked, StoreUnavailable) as exc:
            self.check()
            return exc
        return None

    def reguard(self, change: GuardChange) -> None:
        """One of them, so that a test can let some fail."""
        state = self._state(change.key)
        if lock_change(change.before, change.lock).is_shorter and not change.allow_shorter:
            raise ObjectLocked(change.key)
        lock = guarded(state.lock, change.before, change.lock, allow_shorter=change.allow_shorter)
        self.guard[change.key] = (lock, dict(state.tags if change.tags is None else change.tags))

    def list_keys(self, prefix: str) -> Iterator[str]:
        return iter(sorted(key for key in self.raw if key.startswith(prefix)))

    def list_versions(self, prefix: str) -> Iterator[VersionSeen]:
        for key in sorted({*self.raw, *self.on_top}):
            if key.startswith(prefix):
                others = self.on_top.get(key, [])
                yield from others
                yield from [VersionSeen(key, "1", is_latest=not others)] if key in self.raw else []

    def delete(self, key: str, version_id: str, now: datetime) -> None:
        if any(version.is_marker and version.version_id == version_id for version in self.on_top.get(key, [])):
            self.on_top[key] = [version for version in self.on_top[key] if version.version_id != version_id]
            return
        lock = self._state(key).lock
        if lock.hold or (lock.retain_until and lock.retain_until > now):
            raise ObjectLocked(key)
        del self.raw[key], self.guard[key]
