"""Where records lie, and where exports go."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol

from capstone.domain.errors import CapstoneError
from capstone.domain.fixity import Buffer
from capstone.domain.records import Lock, ObjectState, StoredVersion


@dataclass(frozen=True, slots=True)
class PutRequest:
    """An object to store once. `digest` is the SHA-256 of `raw`, checked by the store."""

    key: str
    raw: Buffer = field(repr=False)
    digest: str
    lock: Lock
    tags: Mapping[str, str]


class ObjectRef(NamedTuple):
    """Which version of which object; None: the only or first one."""

    key: str
    version_id: str | None = None


@dataclass(frozen=True, slots=True)
class VersionSeen:
    """One version of a key as the store lists it. A marker has no bytes: it is what a DELETE without a version id lays on top."""

    key: str
    version_id: str
    is_latest: bool
    is_marker: bool = False


@dataclass(frozen=True, slots=True)
class GuardChange:
    """What shall guard a version from now on. Only what differs from what the caller knows of it is sent."""

    key: str
    version_id: str
    before: Lock
    """The lock that it has, as far as the caller knows. It may have a stronger one."""
    lock: Lock
    tags: Mapping[str, str] | None = None
    """The new tags; None: they stay."""
    allow_shorter: bool = False


class RecordStore(Protocol):
    """Object storage that can refuse a deletion. Keys are design.md 3's layout; a version id names exact bytes."""

    is_worm: bool
    """Whether the storage itself, not only this program, refuses to delete what is locked."""

    def check(self) -> None:
        """Raise StoreUnfit or StoreUnavailable unless the store can be used as it stands."""
        ...

    def put_all(self, requests: Sequence[PutRequest]) -> list[StoredVersion]:
        """Store each object under its lock; durable when this returns. Never overwrites: where the key holds these bytes
        already, the version that holds them is given and is not new. Raises FixityMismatch where it holds other bytes."""
        ...

    def get(self, key: str, version_id: str | None = None) -> bytes:
        """The stored bytes of that version (None: the only or first one). Raises ObjectMissing."""
        ...

    def get_all(self, wanted: Sequence[ObjectRef]) -> Iterator[bytes | CapstoneError]:
        """What `get` gives or raises for each, in order; several are read at once, so that a far store is not waited for
        one by one. Raises StoreUnavailable where the whole store is away."""
        ...

    def states(self, wanted: Sequence[ObjectRef]) -> list[ObjectState | None]:
        """Size, lock and tags of each version, in order; None where it is missing. Raises StoreUnavailable."""
        ...

    def relabel(self, key: str, version_id: str, tags: Mapping[str, str]) -> None:
        """Replace the tags. Raises ObjectMissing."""
        ...

    def relock(self, key: str, version_id: str, lock: Lock, *, allow_shorter: bool = False) -> None:
        """Set the lock. Raises ObjectLocked where that would free or shorten and `allow_shorter` is not set."""
        ...

    def reguard_all(self, changes: Sequence[GuardChange]) -> list[CapstoneError | None]:
        """Bring lock and tags of many objects from what is known of them to what they shall be, in the order of
        `retention.lock_change`; several at once. For each, None or why it was not done: ObjectMissing; ObjectLocked where
        the change would free or shorten and does not allow it. A hold of which the caller knows nothing stays on, and without
        `allow_shorter` a stronger lock stays as it is. Raises StoreUnavailable where the whole store is away."""
        ...

    def list_keys(self, prefix: str) -> Iterator[str]:
        """Keys below the prefix that have a version with bytes, sorted; also those that a delete marker hides."""
        ...

    def list_versions(self, prefix: str) -> Iterator[VersionSeen]:
        """Every version and marker below the prefix, by key; of one key the newest first."""
        ...

    def delete(self, key: str, version_id: str, now: datetime) -> None:
        """End one version, or take away one marker. Raises ObjectLocked while a hold or retain-until guards it; ObjectMissing."""
        ...


class ExportTarget(Protocol):
    """A new folder that an export is written to."""

    def begin(self) -> None:
        """Make the folder. Raises OutputExists where it holds anything."""
        ...

    def create(self, name: str, raw: bytes) -> None:
        """Write a file of this name ("account/digest.eml"), once. Raises OutputExists, changing nothing, where it is there."""
        ...

    def append(self, name: str, raw: bytes) -> None:
        """Add bytes to the file of this name ("account.mbox"), which grows message by message."""
        ...

    def finish(self) -> None:
        """Return when everything is on the disk. More may be written afterwards, and finished again."""
        ...
