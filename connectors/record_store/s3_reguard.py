"""Locks and tags of many versions changed by the calls that change something, and no other.

What an object has is not asked first: that would cost as much as changing it. A retention is only ever shortened by a request
that says so (the bypass), and a hold taken off only where the change knows of it; S3 itself refuses everything else.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from xml.sax.saxutils import escape

from capstone.domain.errors import ObjectLocked
from capstone.domain.records import Lock
from capstone.domain.retention import LockStep, lock_change
from capstone.ports import GuardChange
from connectors.record_store.s3_errors import DENIED, Refusal
from connectors.record_store.s3_guards import Guards
from connectors.record_store.s3_lock import Mode, check_tags, rounded, whole_seconds
from connectors.record_store.s3_place import Link
from connectors.record_store.s3_signature import quoted
from connectors.record_store.s3_versions import CHECKSUM
from connectors.record_store.s3_wire import Ask

_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_BYPASS = {"x-amz-bypass-governance-retention": "true"}
_SOONEST = timedelta(seconds=5)
"""How far ahead a retention is set that shall end at once: S3 takes none that is over."""


class Reguarder:
    """Changes guards of one bucket without looking at them first."""

    def __init__(self, link: Link, guards: Guards, mode: Mode) -> None:
        """`guards` for the rare object whose lock is not what the ledger led to. `mode` is that of new retentions."""
        self._link, self._guards, self._mode = link, guards, mode

    def reguard(self, change: GuardChange) -> None:
        """All steps of one change. Raises ObjectLocked where it may not be shortened, Refusal for the rest."""
        found = lock_change(change.before, change.lock)
        if found.is_shorter and not change.allow_shorter:
            raise ObjectLocked(f"The lock of {change.key} may not be shortened.")
        if found.is_shorter and self._mode == "COMPLIANCE":
            raise ObjectLocked(f"The lock of {change.key} is in compliance mode and can never be shortened.")
        for step in found.steps:
            if step is LockStep.RETENTION:
                self._retain(change)
            elif step is not LockStep.TAGS:
                status = "ON" if step is LockStep.HOLD_ON else "OFF"
                self._put(change, "legal-hold", f'<LegalHold xmlns="{_NAMESPACE}"><Status>{status}</Status></LegalHold>')
            elif change.tags is not None:
                self._put(change, "tagging", _tagging(change.tags))

    def _retain(self, change: GuardChange) -> None:
        soonest = whole_seconds(datetime.now(UTC) + _SOONEST)
        until = rounded(change.lock).retain_until
        wanted = soonest if until is None else max(until, soonest)
        mode = "GOVERNANCE" if change.allow_shorter else self._mode
        body = f"<Mode>{mode}</Mode><RetainUntilDate>{wanted:%Y-%m-%dT%H:%M:%SZ}</RetainUntilDate>"
        headers = _BYPASS if change.allow_shorter else {}
        try:
            self._put(change, "retention", f'<Retention xmlns="{_NAMESPACE}">{body}</Retention>', headers)
        except Refusal as exc:
            if exc.code != DENIED:
                raise
            self._retain_as_it_stands(change, wanted)

    def _retain_as_it_stands(self, change: GuardChange, until: datetime) -> None:
        """It has another lock than was thought: a longer one, which stays, or one in compliance mode."""
        found = self._guards.found(change.key, change.version_id)
        lock = Lock(until, found.hold)
        wanted = lock if change.allow_shorter else lock.at_least(found)
        self._guards.relock(change.key, change.version_id, wanted, allow_shorter=change.allow_shorter)

    def _put(self, change: GuardChange, part: str, body: str, headers: Mapping[str, str] | None = None) -> None:
        raw = f'<?xml version="1.0" encoding="UTF-8"?>{body}'.encode()
        digest = hashlib.sha256(raw)
        told = {CHECKSUM: base64.b64encode(digest.digest()).decode(), "x-amz-sdk-checksum-algorithm": "SHA256", **(headers or {})}
        query = f"{part}=&versionId={quoted(change.version_id)}"
        self._link.wire.ask(Ask("PUT", change.key, query, dict(sorted(told.items())), raw, digest.hexdigest()))


def _tagging(tags: Mapping[str, str]) -> str:
    check_tags(tags)
    told = "".join(f"<Tag><Key>{escape(name)}</Key><Value>{escape(value)}</Value></Tag>" for name, value in tags.items())
    return f'<Tagging xmlns="{_NAMESPACE}"><TagSet>{told}</TagSet></Tagging>'
