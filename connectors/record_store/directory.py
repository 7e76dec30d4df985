"""The record store in a local folder: for one machine, a demonstration, a test. It is not WORM and says so.

An object lies at `objects/<key>`, its lock and tags beside it in `objects/<folder>/.<name>.json`. An object appears under
its name only when its bytes and its lock are on the disk, and is never overwritten: a hard link fails where a name is taken.
Whoever changes a lock or takes a key holds `guards.lock` from reading to writing, so that no process undoes another's hold.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import count
from pathlib import Path
from threading import Lock as Mutex
from time import time
from uuid import uuid4

from capstone.domain.effects import guarded
from capstone.domain.errors import CapstoneError, FixityMismatch, ObjectLocked, ObjectMissing, StoreUnavailable, StoreUnfit
from capstone.domain.fixity import digest_of
from capstone.domain.records import Lock, ObjectState, StoredVersion
from capstone.domain.retention import lock_change
from capstone.ports import GuardChange, ObjectRef, PutRequest, VersionSeen
from connectors.flush import flush_files, flush_folder
from connectors.record_store.errors import vendor_errors

ONLY_VERSION = "1"
"""A folder keeps one version of an object; the name stands where S3 has a version id."""

_FORMAT = {"format": "capstone-record-store", "version": 1}
_LOCK_FILE = "guards.lock"
_ABANDONED_AFTER_S = 24 * 3600
_KEY = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9._-]*/)*[A-Za-z0-9_][A-Za-z0-9._-]*")


class DirectoryRecordStore:
    """RecordStore on a folder. Raises StoreUnavailable for a full disk and the like, StoreUnfit for a folder that is not one."""

    is_worm = False

    def __init__(self, root: Path) -> None:
        """`root` is made by `create`; nothing is touched before the first call."""
        self._root = root
        self._objects = root / "objects"
        self._incoming = root / "incoming"
        self._durable: set[Path] = {self._objects}
        self._mutex = Mutex()
        self._names = (f"{uuid4().hex}-{number}" for number in count())

    def create(self) -> None:
        """Make the folder a store; safe to repeat. Raises StoreUnfit for a folder that holds something else."""
        with vendor_errors():
            if (self._root / "store.json").exists():
                self.check()
            elif self._holds_something_else():
                raise StoreUnfit(f"The folder {self._root} holds other files and is no record store.", "Name an empty folder.")
            missing = [folder for folder in (self._root, *self._root.parents) if not folder.exists()]
            for folder in (self._objects, self._incoming):
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with self._one_writer():
                self._describe()
            flush_folder(self._root)
            for folder in missing:
                flush_folder(folder)
            self._clear_incoming()

    def check(self) -> None:
        """Raise StoreUnfit unless this is a store of the present format."""
        with vendor_errors():
            try:
                found = json.loads((self._root / "store.json").read_text())
            except FileNotFoundError as exc:
                raise StoreUnfit(f"There is no record store in {self._root}.") from exc
            except ValueError as exc:
                raise StoreUnfit(f"The description of the record store in {self._root} is damaged.") from exc
            if found != _FORMAT or not self._objects.is_dir() or not self._incoming.is_dir():
                raise StoreUnfit(f"The record store in {self._root} is incomplete or of another format.")

    def put_all(self, requests: Sequence[PutRequest]) -> list[StoredVersion]:
        """See RecordStore. Two flushes a batch: bytes before they get their names, names before this returns."""
        with vendor_errors(), self._one_writer():
            fresh = {}
            for request in requests:
                if request.key not in fresh and not self._mended(request):
                    fresh[request.key] = request
            folders = self._make_folders(fresh)
            staged = {request.key: self._stage(request) for request in fresh.values()}
            flush_files([path for paths in staged.values() for path in paths])
            won = {key: self._publish(request, staged[key][0]) for key, request in fresh.items()}
            if won:
                flush_files([self._path(key) for key in won], folders_too=True, more_folders=folders)
                self._durable |= folders
        return [StoredVersion(r.key, ONLY_VERSION, r.digest, won.pop(r.key, False)) for r in requests]

    def get(self, key: str, version_id: str | None = None) -> bytes:
        """See RecordStore."""
        with vendor_errors():
            try:
                return Path(self._path(key)).read_bytes()
            except (FileNotFoundError, IsADirectoryError) as exc:
                raise ObjectMissing(f"The store has no object {key}.") from exc

    def get_all(self, wanted: Sequence[ObjectRef]) -> Iterator[bytes | CapstoneError]:
        """See RecordStore. One after the other: a folder answers at once."""
        for ref in wanted:
            try:
                yield self.get(ref.key, ref.version_id)
            except ObjectMissing as exc:
                yield exc
            except StoreUnavailable as exc:
                self.check()  # where the whole store is away, no single object is to blame
                yield exc

    def states(self, wanted: Sequence[ObjectRef]) -> list[ObjectState | None]:
        """See RecordStore. An object whose lock file is missing or damaged counts as held: deny by default."""
        with vendor_errors():
            return [self._state(ref.key) if os.path.exists(self._path(ref.key)) else None for ref in wanted]  # noqa: PTH110

    def relabel(self, key: str, version_id: str, tags: Mapping[str, str]) -> None:
        """See RecordStore."""
        with vendor_errors(), self._one_writer():
            self._set_guard(key, self._state(key).lock, tags)

    def relock(self, key: str, version_id: str, lock: Lock, *, allow_shorter: bool = False) -> None:
        """See RecordStore."""
        with vendor_errors(), self._one_writer():
            state = self._state(key)
            if not allow_shorter and lock != lock.at_least(state.lock):
                raise ObjectLocked(f"The lock of {key} may not be shortened.")
            self._set_guard(key, lock, state.tags)

    def reguard_all(self, changes: Sequence[GuardChange]) -> list[CapstoneError | None]:
        """See RecordStore. Two flushes for all of them, as in `put_all`."""
        with vendor_errors(), self._one_writer():
            told = [self._reguarded(change) for change in changes]
            staged = [(key, path) for one in told if isinstance(one, tuple) for key, path in [one]]
            flush_files([path for _, path in staged])
            for key, path in staged:
                Path(path).replace(self._guard_path(key))
            flush_files([self._guard_path(key) for key, _ in staged], folders_too=True)
        return [one if isinstance(one, CapstoneError) else None for one in told]

    def _reguarded(self, change: GuardChange) -> tuple[str, str] | CapstoneError | None:
        """(key, file that holds its new guard), why it may not be, or None where nothing changes."""
        if lock_change(change.before, change.lock).is_shorter and not change.allow_shorter:
            return ObjectLocked(f"The lock of {change.key} may not be shortened.")
        try:
            state = self._state(change.key)
        except ObjectMissing as exc:
            return exc
        lock = guarded(state.lock, change.before, change.lock, allow_shorter=change.allow_shorter)
        tags = state.tags if change.tags is None else dict(change.tags)
        if (lock, tags) == (state.lock, state.tags):
            return None
        staged = f"{self._incoming}/{next(self._names)}"
        _write(staged, _guard_bytes(lock, tags), 0o600)
        return change.key, staged

    def list_keys(self, prefix: str) -> Iterator[str]:
        """See RecordStore. `prefix` ends at a folder, as "records/" or "manifests/hr-director/"."""
        start = self._objects / prefix.rstrip("/") if prefix.rstrip("/") else self._objects
        with vendor_errors():
            yield from self._walk(start)

    def list_versions(self, prefix: str) -> Iterator[VersionSeen]:
        """See RecordStore. A folder has one version of each object and no markers."""
        return (VersionSeen(key, ONLY_VERSION, is_latest=True) for key in self.list_keys(prefix))

    def delete(self, key: str, version_id: str, now: datetime) -> None:
        """See RecordStore."""
        with vendor_errors(), self._one_writer():
            lock = self._state(key).lock
            if lock.hold or (lock.retain_until is not None and lock.retain_until > now):
                until = "a hold" if lock.hold else f"a lock until {lock.retain_until}"
                raise ObjectLocked(f"The object {key} is under {until}.")
            Path(self._path(key)).unlink()
            Path(self._guard_path(key)).unlink(missing_ok=True)
            flush_folder(Path(self._path(key)).parent)

    def close(self) -> None:
        """Nothing is held open between calls."""

    @contextmanager
    def _one_writer(self) -> Iterator[None]:
        """Wait until no other thread or process changes locks or takes keys in this store. Not re-entrant."""
        with self._mutex:
            descriptor = os.open(self._root / _LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                try:
                    yield
                finally:
                    # Closing alone would not free the lock if a process forked meanwhile has the descriptor too.
                    fcntl.flock(descriptor, fcntl.LOCK_UN)
            finally:
                os.close(descriptor)

    def _holds_something_else(self) -> bool:
        """Whether files lie here that are not what a `create` cut short left: its folders, and no object in them."""
        names = {path.name for path in self._root.iterdir()} if self._root.is_dir() else set()
        return not names <= {"objects", "incoming", _LOCK_FILE} or ("objects" in names and any(self._objects.iterdir()))

    def _describe(self) -> None:
        if not (self._root / "store.json").exists():
            staged = self._incoming / next(self._names)
            staged.write_text(json.dumps(_FORMAT) + "\n")
            flush_files([staged])
            staged.rename(self._root / "store.json")

    def _make_folders(self, keys: Iterable[str]) -> set[Path]:
        """Make the folders of the keys. Returns those, up to `objects`, that this process has not yet seen flushed."""
        new: set[Path] = set()
        for text in {self._path(key).rpartition("/")[0] for key in keys}:
            folder = Path(text)
            if folder not in self._durable:
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            while folder not in self._durable and folder not in new:
                new.add(folder)
                folder = folder.parent
        return new

    def _path(self, key: str) -> str:
        if not _KEY.fullmatch(key):
            raise StoreUnfit(f"{key!r} is no key of this store.")
        return f"{self._objects}/{key}"

    def _guard_path(self, key: str) -> str:
        folder, _, name = self._path(key).rpartition("/")
        return f"{folder}/.{name}.json"

    def _state(self, key: str) -> ObjectState:
        try:
            size = Path(self._path(key)).stat().st_size
        except FileNotFoundError as exc:
            raise ObjectMissing(f"The store has no object {key}.") from exc
        return ObjectState(key, ONLY_VERSION, size, *self._guard(key))

    def _guard(self, key: str) -> tuple[Lock, dict[str, str]]:
        try:
            told = json.loads(Path(self._guard_path(key)).read_bytes())
            until = told["retain_until"]
            return Lock(datetime.fromisoformat(until) if until else None, bool(told["hold"])), dict(told["tags"])
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return Lock(hold=True), {}

    def _set_guard(self, key: str, lock: Lock, tags: Mapping[str, str]) -> None:
        staged = self._incoming / next(self._names)
        staged.write_bytes(_guard_bytes(lock, tags))
        flush_files([staged])
        staged.replace(self._guard_path(key))
        flush_folder(Path(self._path(key)).parent)

    def _clear_incoming(self) -> None:
        """Remove what processes that died left unfinished; what is younger may belong to a living one."""
        for path in self._incoming.iterdir():
            if path.stat().st_mtime < time() - _ABANDONED_AFTER_S:
                path.unlink(missing_ok=True)

    def _mended(self, request: PutRequest) -> bool:
        """Whether the key is taken by these very bytes; then its lock is made at least as strong as asked for."""
        path = self._path(request.key)
        if not os.path.exists(path):  # noqa: PTH110  (a path of text: this runs for every message)
            return False
        with open(path, "rb") as stored:  # noqa: PTH123
            found = hashlib.file_digest(stored, "sha256").hexdigest()
        if found != request.digest:
            raise FixityMismatch(f"The store holds other bytes under {request.key}.")
        lock, tags = self._guard(request.key)
        wanted = lock.at_least(request.lock)
        if wanted != lock or tags != dict(request.tags):
            self._set_guard(request.key, wanted, request.tags)
        return True

    def _stage(self, request: PutRequest) -> tuple[str, str]:
        if digest_of(request.raw) != request.digest:
            raise FixityMismatch(f"The bytes given for {request.key} do not have the digest given with them.")
        guard, staged_object = self._guard_path(request.key), f"{self._incoming}/{next(self._names)}"
        _write(staged_object, request.raw, 0o400)
        # The object has no name yet, so nobody reads a lock that is half written; a torn one counts as a hold.
        # Nobody else can take the key before us either: the caller is the one writer.
        _write(guard, _guard_bytes(request.lock, request.tags), 0o600)
        return staged_object, guard

    def _publish(self, request: PutRequest, staged_object: str) -> bool:
        path = self._path(request.key)
        try:
            os.link(staged_object, path)
        except FileExistsError:
            return not self._mended(request)
        finally:
            os.unlink(staged_object)  # noqa: PTH108
        return True

    def _walk(self, folder: Path) -> Iterator[str]:
        try:
            with os.scandir(folder) as found:
                # A folder sorts as its name with "/", so that keys come out in the order of their text.
                names = sorted((entry.name + "/" if entry.is_dir() else entry.name) for entry in found if entry.name[0] != ".")
        except (FileNotFoundError, NotADirectoryError):
            return
        for name in names:
            if name.endswith("/"):
                yield from self._walk(folder / name)
            else:
                yield (folder / name).relative_to(self._objects).as_posix()


def _write(path: str, raw: bytes | memoryview, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        left = memoryview(raw)
        while left:
            left = left[os.write(descriptor, left) :]
    finally:
        os.close(descriptor)


def _guard_bytes(lock: Lock, tags: Mapping[str, str]) -> bytes:
    until = lock.retain_until.isoformat() if lock.retain_until else None
    return json.dumps({"retain_until": until, "hold": lock.hold, "tags": dict(tags)}, sort_keys=True).encode()
