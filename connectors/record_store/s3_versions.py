"""The versions of a key. On S3 a name is not an object: others can lay versions and delete markers on top of ours."""

from __future__ import annotations

import base64
import hashlib
import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING

from capstone.domain.errors import ObjectMissing
from capstone.ports import ObjectRef, VersionSeen
from connectors.record_store.s3_place import Link
from connectors.record_store.s3_signature import quoted
from connectors.record_store.s3_wire import Ask

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import DeleteMarkerEntryTypeDef, ListObjectVersionsOutputTypeDef, ObjectVersionTypeDef

CHECKSUM = "x-amz-checksum-sha256"
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class _Listed:
    """An entry of a listing, in the order in which S3 means it: by key, of one key the newest first."""

    seen: VersionSeen
    order: tuple[str, bool, float]
    size_bytes: int = 0


def list_versions(link: Link, prefix: str) -> Iterator[VersionSeen]:
    """Every version and marker below the prefix, page by page."""
    return (listed.seen for listed in _listed(link, prefix))


def list_keys(link: Link, prefix: str) -> Iterator[str]:
    """Keys with a version that has bytes, whatever hides it."""
    last = None
    for seen in list_versions(link, prefix):
        if not seen.is_marker and seen.key != last:
            last = seen.key
            yield seen.key


def versions_of(link: Link, key: str) -> list[VersionSeen]:
    """The versions and markers of one key, oldest first. A PUT on top never comes before what it covers."""
    return [listed.seen for listed in reversed(_of_key(link, key))]


def pinned(link: Link, ref: ObjectRef) -> str:
    """The version that a reference means: where it names none, the oldest with bytes. Raises ObjectMissing."""
    if ref.version_id is not None:
        return ref.version_id
    for seen in versions_of(link, ref.key):
        if not seen.is_marker:
            return seen.version_id
    raise ObjectMissing(f"The store has no object {ref.key}.")


def version_holding(link: Link, key: str, digest: str, size_bytes: int) -> str | None:
    """The oldest version whose SHA-256 is the digest; None where there is none. No ETag is looked at."""
    for listed in reversed(_of_key(link, key)):
        if not listed.seen.is_marker and listed.size_bytes == size_bytes and _holds(link, listed.seen, digest):
            return listed.seen.version_id
    return None


def _holds(link: Link, seen: VersionSeen, digest: str) -> bool:
    query = f"versionId={quoted(seen.version_id)}"
    head = link.wire.ask(Ask("HEAD", seen.key, query, {"x-amz-checksum-mode": "ENABLED"})).headers
    told = head.get(CHECKSUM)
    if told and head.get("x-amz-checksum-type", "FULL_OBJECT") == "FULL_OBJECT" and "-" not in told:
        return base64.b64decode(told).hex() == digest
    body = link.client.get_object(Bucket=link.bucket, Key=seen.key, VersionId=seen.version_id)["Body"]
    found = hashlib.sha256()
    for chunk in body.iter_chunks(_CHUNK_BYTES):
        found.update(chunk)
    return found.hexdigest() == digest


def _of_key(link: Link, key: str) -> list[_Listed]:
    # Of all keys that begin with this one, it sorts first.
    return list(takewhile(lambda listed: listed.seen.key == key, _listed(link, key)))


def _listed(link: Link, prefix: str) -> Iterator[_Listed]:
    last = None
    for page in link.client.get_paginator("list_object_versions").paginate(Bucket=link.bucket, Prefix=prefix):
        for listed in _in_order(page):
            if listed != last:  # some servers begin a page with the last entry of the one before
                yield listed
            last = listed


def _in_order(page: ListObjectVersionsOutputTypeDef) -> Iterator[_Listed]:
    """boto3 gives versions and markers of a page apart, each in order."""
    versions = [_entry(found, found.get("Size", 0)) for found in page.get("Versions", ())]
    markers = [_entry(found, None) for found in page.get("DeleteMarkers", ())]
    return heapq.merge(versions, markers, key=lambda listed: listed.order)


def _entry(found: ObjectVersionTypeDef | DeleteMarkerEntryTypeDef, size_bytes: int | None) -> _Listed:
    seen = VersionSeen(found["Key"], found["VersionId"], found["IsLatest"], is_marker=size_bytes is None)
    return _Listed(seen, (seen.key, not seen.is_latest, -found["LastModified"].timestamp()), size_bytes or 0)
