"""What guards a version, as the server tells it. Deny by default: a lock that cannot be seen is not taken for none."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import cast
from xml.etree import ElementTree

from urllib3 import HTTPHeaderDict

from capstone.domain.errors import StoreUnavailable, StoreUnfit
from capstone.domain.records import Lock, ObjectState
from connectors.record_store.s3_errors import DENIED, INVALID, NO_LOCK, Refusal
from connectors.record_store.s3_lock import HOLD, MODE, UNTIL, Mode
from connectors.record_store.s3_place import Link
from connectors.record_store.s3_signature import quoted
from connectors.record_store.s3_wire import Ask

_RIGHTS = {"legal-hold": "s3:GetObjectLegalHold", "retention": "s3:GetObjectRetention"}


@dataclass(frozen=True, slots=True)
class Guard:
    """What guards a version. `at` is the server's clock."""

    size_bytes: int
    lock: Lock
    mode: Mode | None
    at: datetime

    @property
    def active(self) -> Lock:
        """The lock as it guards now: a retention that is over guards nothing."""
        until = self.lock.retain_until
        return self.lock if until is None or until > self.at else replace(self.lock, retain_until=None)


class States:
    """Reads the guards of the versions of one bucket."""

    def __init__(self, link: Link) -> None:
        """Asks nothing yet."""
        self._link = link
        self._seen: set[str] = set()

    def state(self, key: str, version_id: str) -> ObjectState:
        """Size, lock and tags. Raises Refusal where there is no such version."""
        guard = self.guard(key, version_id)
        return ObjectState(key, version_id, guard.size_bytes, guard.lock, self.tags(key, version_id))

    def tags(self, key: str, version_id: str) -> dict[str, str]:
        """The tags. Raises Refusal where there is no such version."""
        told = self._asked("tagging", key, version_id)
        return {tag.findtext("{*}Key", ""): tag.findtext("{*}Value", "") for tag in told.iterfind("{*}TagSet/{*}Tag")}

    def guard(self, key: str, version_id: str) -> Guard:
        """Size and lock. Raises Refusal, of status 405 for a marker; StoreUnfit where the credentials may not see locks."""
        query = f"versionId={quoted(version_id)}"
        try:
            headers = cast(HTTPHeaderDict, self._link.wire.ask(Ask("HEAD", key, query)).headers).copy()
        except Refusal as exc:
            raise self._reason(key, query, exc) from exc
        self._complete(headers, key, version_id)
        until, mode = headers.get(UNTIL), headers.get(MODE)
        return Guard(
            int(headers["content-length"]),
            Lock(datetime.fromisoformat(until) if until else None, headers.get(HOLD) == "ON"),
            None if mode is None else "COMPLIANCE" if mode == "COMPLIANCE" else "GOVERNANCE",
            parsedate_to_datetime(headers["date"]) if "date" in headers else datetime.now(UTC),
        )

    def _complete(self, headers: HTTPHeaderDict, key: str, version_id: str) -> None:
        """HEAD says nothing of a lock that is not there, nor of one that the credentials may not see; and some servers
        say nothing where another version lies on top. So a HEAD without any lock is not believed, and one with half of it
        only when these credentials were seen to be let in to the other half."""
        tells = HOLD in headers or UNTIL in headers
        if HOLD not in headers and not (tells and "legal-hold" in self._seen):
            headers[HOLD] = self._lock_part("legal-hold", key, version_id).get("Status", "OFF")
        if UNTIL not in headers and not (tells and "retention" in self._seen):
            found = self._lock_part("retention", key, version_id)
            if "RetainUntilDate" in found:
                headers[UNTIL], headers[MODE] = found["RetainUntilDate"], found.get("Mode", "GOVERNANCE")

    def _lock_part(self, part: str, key: str, version_id: str) -> dict[str, str]:
        try:
            told = self._asked(part, key, version_id)
            found = {child.tag.rpartition("}")[2]: child.text or "" for child in told}
        except Refusal as exc:
            if exc.code == DENIED:
                raise StoreUnfit("These credentials may not see locks.", f"Give them the right {_RIGHTS[part]}.") from exc
            if exc.code != NO_LOCK:
                raise
            found = {}
        self._seen.add(part)
        return found

    def _asked(self, part: str, key: str, version_id: str) -> ElementTree.Element:
        raw = self._link.wire.ask(Ask("GET", key, f"{part}=&versionId={quoted(version_id)}")).raw
        try:
            return ElementTree.fromstring(raw or b"")  # noqa: S314  (the store's own answer, as botocore reads it too)
        except ElementTree.ParseError as exc:
            raise StoreUnavailable(f"The record store's answer about {key} cannot be read.", "Run again.") from exc

    def _reason(self, key: str, query: str, refusal: Refusal) -> Exception:
        """An answer to HEAD has no body, so that a missing bucket and a missing object look alike: a GET tells them apart."""
        if refusal.status == HTTPStatus.METHOD_NOT_ALLOWED or refusal.may_pass:
            return refusal
        try:
            self._link.wire.ask(Ask("GET", key, query, at_most=0))
        except Refusal as exc:
            return Refusal("NoSuchVersion", exc.status) if exc.code == INVALID else exc
        return StoreUnavailable(f"The record store gave two answers about {key}.", "Run again.")
