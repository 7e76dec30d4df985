"""Locks, tags and the end of one version. Everything here names the version: a lock guards a version, not a name."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Literal

from botocore.exceptions import ClientError

from capstone.domain.errors import ObjectLocked
from capstone.domain.records import Lock
from connectors.record_store.s3_errors import DENIED, Refusal, refusal_in
from connectors.record_store.s3_lock import Mode, check_tags, rounded, whole_seconds
from connectors.record_store.s3_place import Link
from connectors.record_store.s3_state import Guard, States

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import TagTypeDef

_SOONEST = timedelta(seconds=5)
"""How far ahead a retention is set that shall end at once: S3 takes none that is over."""


class Guards:
    """Changes what guards the versions of one bucket."""

    def __init__(self, link: Link, states: States, mode: Mode) -> None:
        """`mode` is for versions that have no lock yet; one that is locked keeps its mode."""
        self._link, self._states, self._mode = link, states, mode

    def mend(self, key: str, version_id: str, lock: Lock, tags: Mapping[str, str]) -> None:
        """Make the lock at least as strong as asked for, and the tags those given."""
        guard = self._states.guard(key, version_id)
        self._change(key, version_id, guard, guard.lock.at_least(rounded(lock)))
        if dict(tags) != self._states.tags(key, version_id):
            self.relabel(key, version_id, tags)

    def relabel(self, key: str, version_id: str, tags: Mapping[str, str]) -> None:
        """See RecordStore."""
        check_tags(tags)
        told: list[TagTypeDef] = [{"Key": name, "Value": value} for name, value in tags.items()]
        self._link.client.put_object_tagging(Bucket=self._link.bucket, Key=key, VersionId=version_id, Tagging={"TagSet": told})

    def relock(self, key: str, version_id: str, lock: Lock, *, allow_shorter: bool) -> None:
        """See RecordStore. The flag goes on first and off last, so that a step that fails leaves more guarded, not less."""
        lock = rounded(lock)
        guard = self._states.guard(key, version_id)
        if not allow_shorter and lock.at_least(guard.active) != lock:
            raise ObjectLocked(f"The lock of {key} may not be shortened.")
        self._change(key, version_id, guard, lock)

    def found(self, key: str, version_id: str) -> Lock:
        """What guards the version now; a retention that is over guards nothing."""
        return self._states.guard(key, version_id).active

    def delete(self, key: str, version_id: str, now: datetime) -> None:
        """See RecordStore. Never past a lock: where the server's clock or lock says no, that stands."""
        try:
            _refuse_locked(key, self._states.guard(key, version_id).lock, now)
        except Refusal as exc:
            if exc.status != HTTPStatus.METHOD_NOT_ALLOWED:  # the answer for a marker, which has no bytes and no lock
                raise
        try:
            self._link.client.delete_object(Bucket=self._link.bucket, Key=key, VersionId=version_id)
        except ClientError as exc:
            if refusal_in(exc).code == DENIED:
                guard = self._states.guard(key, version_id)
                _refuse_locked(key, guard.lock, guard.at)
            raise

    def _change(self, key: str, version_id: str, guard: Guard, lock: Lock) -> None:
        found = guard.active
        until = lock.retain_until if lock.retain_until and lock.retain_until > guard.at else None
        is_shorter = found.retain_until is not None and (until is None or until < found.retain_until)
        if is_shorter and "COMPLIANCE" in (self._mode, guard.mode):
            raise ObjectLocked(f"The lock of {key} is in compliance mode and can never be shortened.")
        if lock.hold and not found.hold:
            self._hold(key, version_id, "ON")
        if is_shorter:
            self._shorten(key, version_id, max(until or guard.at, whole_seconds(guard.at + _SOONEST)))
        elif until is not None and until != found.retain_until:
            self._lengthen(key, version_id, until, guard.mode if found.retain_until and guard.mode else self._mode)
        if found.hold and not lock.hold:
            self._hold(key, version_id, "OFF")

    def _hold(self, key: str, version_id: str, status: Literal["ON", "OFF"]) -> None:
        self._link.client.put_object_legal_hold(
            Bucket=self._link.bucket,
            Key=key,
            VersionId=version_id,
            LegalHold={"Status": status},
        )

    def _lengthen(self, key: str, version_id: str, until: datetime, mode: Mode) -> None:
        """Without a bypass S3 itself refuses to shorten, should another have lengthened the lock meanwhile."""
        try:
            self._retain(key, version_id, until, mode, bypass=False)
        except ClientError as exc:
            if refusal_in(exc).code != DENIED:
                raise
            found = self._states.guard(key, version_id).active.retain_until
            if found is None or found < until:
                raise

    def _shorten(self, key: str, version_id: str, until: datetime) -> None:
        try:
            self._retain(key, version_id, until, "GOVERNANCE", bypass=True)
        except ClientError as exc:
            if refusal_in(exc).code != DENIED:
                raise
            raise ObjectLocked(
                f"The lock of {key} may not be shortened with these credentials.",
                "To shorten a lock they need the right s3:BypassGovernanceRetention.",
            ) from exc

    def _retain(self, key: str, version_id: str, until: datetime, mode: Mode, *, bypass: bool) -> None:
        self._link.client.put_object_retention(
            Bucket=self._link.bucket,
            Key=key,
            VersionId=version_id,
            Retention={"Mode": mode, "RetainUntilDate": until},
            BypassGovernanceRetention=bypass,
        )


def _refuse_locked(key: str, lock: Lock, now: datetime) -> None:
    if lock.hold or (lock.retain_until is not None and lock.retain_until > now):
        until = "a hold" if lock.hold else f"a lock until {lock.retain_until}"
        raise ObjectLocked(f"The object {key} is under {until}.")
