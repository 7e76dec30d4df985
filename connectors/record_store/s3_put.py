"""One object stored once: bytes, tags, lock and checksum in one PUT that never lands on what is there."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

from capstone.domain.errors import FixityMismatch, ObjectTooLarge, StoreUnavailable, StoreUnfit
from capstone.domain.fixity import digest_of
from capstone.domain.records import StoredVersion
from capstone.ports import PutRequest
from connectors.record_store.s3_errors import OTHER_BYTES, PRECONDITION_FAILED, Refusal
from connectors.record_store.s3_guards import Guards
from connectors.record_store.s3_lock import Mode, check_key, lock_headers, tag_header
from connectors.record_store.s3_place import Link
from connectors.record_store.s3_versions import CHECKSUM, version_holding, versions_of
from connectors.record_store.s3_wire import Ask

LARGEST_BYTES = 5 * 1024**3
"""What S3 takes in one PUT. More would need parts, and those cannot be stored under one checksum and one condition."""

_LOOK_FIRST_BYTES = 8 << 20


class Putter:
    """Puts objects into one bucket."""

    def __init__(self, link: Link, guards: Guards, mode: Mode) -> None:
        """`mode` is that of new retentions."""
        self._link, self._guards, self._mode = link, guards, mode

    def put(self, request: PutRequest) -> StoredVersion:
        """Store, or find stored. An answer that was lost and asked for again counts as found: it is not said to be new."""
        check_key(request.key)
        if len(request.raw) > LARGEST_BYTES:
            raise ObjectTooLarge(f"{request.key} is larger than S3 takes in one request.")
        headers = self._headers(request)
        if len(request.raw) >= _LOOK_FIRST_BYTES:  # many bytes are not sent in vain
            found = self._found(request)
            if found:
                return found
        return self._put_or_find(request, headers)

    def _put_or_find(self, request: PutRequest, headers: dict[str, str]) -> StoredVersion:
        try:
            return self._send(request, headers)
        except Refusal as exc:
            if exc.code != PRECONDITION_FAILED:
                raise
        found = self._found(request)
        if found:
            return found
        versions = versions_of(self._link, request.key)
        if any(not seen.is_marker for seen in versions):
            raise FixityMismatch(f"The store holds other bytes under {request.key}.")
        if not versions:
            raise StoreUnavailable(f"The record store gave two answers about {request.key}.", "Run again.")
        # Nothing but a marker has the name, and some servers take that for an object. A PUT cannot overwrite: it adds a version.
        return self._send(request, {name: value for name, value in headers.items() if name != "if-none-match"})

    def _send(self, request: PutRequest, headers: dict[str, str]) -> StoredVersion:
        ask = Ask("PUT", request.key, headers=headers, raw=request.raw, digest=request.digest)
        try:
            answer = self._link.wire.ask(ask)
        except Refusal as exc:
            if exc.code in OTHER_BYTES and digest_of(request.raw) == request.digest:
                raise StoreUnavailable(f"The bytes of {request.key} were damaged on their way.", "Run again; use TLS.") from exc
            raise
        version_id = answer.headers.get("x-amz-version-id", "null")
        if version_id == "null":
            raise StoreUnfit("The bucket keeps no versions.", "Make a new bucket with 'capstone init'.")
        if answer.headers.get(CHECKSUM, headers[CHECKSUM]) != headers[CHECKSUM]:
            raise FixityMismatch(f"The store says another digest of {request.key} than that of the bytes sent.")
        return StoredVersion(request.key, version_id, request.digest, is_new=True)

    def _headers(self, request: PutRequest) -> dict[str, str]:
        checksum = base64.b64encode(bytes.fromhex(request.digest)).decode()
        return {
            CHECKSUM: checksum,
            "if-none-match": "*",
            **tag_header(request.tags),
            **lock_headers(request.lock, self._mode, datetime.now(UTC)),
        }

    def _found(self, request: PutRequest) -> StoredVersion | None:
        """The version that holds these bytes, its lock and tags mended; None where none does."""
        version_id = version_holding(self._link, request.key, request.digest, len(request.raw))
        if version_id is None:
            return None
        if digest_of(request.raw) != request.digest:
            raise FixityMismatch(f"The bytes given for {request.key} do not have the digest given with them.")
        self._guards.mend(request.key, version_id, request.lock, request.tags)
        return StoredVersion(request.key, version_id, request.digest, is_new=False)
