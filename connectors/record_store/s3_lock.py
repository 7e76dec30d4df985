"""Keys, locks and tags as S3 takes them. No network here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Literal
from urllib.parse import quote

from capstone.domain.errors import StoreUnfit
from capstone.domain.records import Lock

Mode = Literal["GOVERNANCE", "COMPLIANCE"]

MODE = "x-amz-object-lock-mode"
UNTIL = "x-amz-object-lock-retain-until-date"
HOLD = "x-amz-object-lock-legal-hold"

_NOT_WORTH_A_LOCK = timedelta(minutes=1)
"""S3 refuses a retention that ends before the request is read."""
_MOST_TAGS, _LONGEST_NAME, _LONGEST_VALUE = 10, 128, 256
_LONGEST_KEY_BYTES = 1024
_KEY = re.compile(r"(?:(?!\.{1,2}(?:/|$))[^/\x00-\x1f\x7f]+(?:/(?!$)|$))+")
_TAG = re.compile(r"[\w .:/=+\-@]*")


def check_key(key: str) -> None:
    """Raise StoreUnfit for a key that servers and proxies may read in different ways: dots as folders, empty parts, controls."""
    if not _KEY.fullmatch(key) or len(key.encode()) > _LONGEST_KEY_BYTES:
        raise StoreUnfit(f"{key[:_LONGEST_KEY_BYTES]!r} is no key of this store.", "This is a fault of the program.")


def lock_headers(lock: Lock, mode: Mode, now: datetime) -> dict[str, str]:
    """For a PUT. S3 takes no retention that is over: it is left out, as it would guard nothing."""
    headers: dict[str, str] = {}
    if lock.retain_until is not None and lock.retain_until > now + _NOT_WORTH_A_LOCK:
        headers |= {MODE: mode, UNTIL: whole_seconds(lock.retain_until).strftime("%Y-%m-%dT%H:%M:%SZ")}
    if lock.hold:
        headers[HOLD] = "ON"
    return headers


def whole_seconds(moment: datetime) -> datetime:
    """The moment in UTC, rounded up: servers keep seconds, and a lock must not end early."""
    moment = moment.astimezone(UTC)
    return moment.replace(microsecond=0) + timedelta(seconds=1 if moment.microsecond else 0)


def rounded(lock: Lock) -> Lock:
    """The lock as servers keep it."""
    return replace(lock, retain_until=whole_seconds(lock.retain_until)) if lock.retain_until else lock


def tag_header(tags: Mapping[str, str]) -> dict[str, str]:
    """For a PUT. Raises StoreUnfit for tags that S3 does not take."""
    check_tags(tags)
    return (
        {"x-amz-tagging": "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in tags.items())}
        if tags
        else {}
    )


def check_tags(tags: Mapping[str, str]) -> None:
    """Raise StoreUnfit, naming the tag and never its value, unless S3 takes them all."""
    if len(tags) > _MOST_TAGS:
        raise StoreUnfit(
            f"An object on S3 has at most {_MOST_TAGS} tags; {len(tags)} were given.", "This is a fault of the program."
        )
    for name, value in tags.items():
        fits = 0 < len(name) <= _LONGEST_NAME and len(value) <= _LONGEST_VALUE and not name.lower().startswith("aws:")
        if not fits or not _TAG.fullmatch(name) or not _TAG.fullmatch(value):
            raise StoreUnfit(
                f"S3 does not take the tag {name[:_LONGEST_NAME]!r} as it is.", "Use letters, digits, blanks and + - = . _ : / @"
            )
