"""What counts as an answer of Microsoft Graph: JSON or MIME that came in whole. What says less than it should is no answer."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, TypeGuard

from connectors.mailboxes.graph.errors import BrokenAnswer

_FRAMES = ("content-length", "transfer-encoding")
_PAGES = {"text/html": b"<", "application/json": b"{"}
"""What something on the way answers with in the server's place, and how that begins. No message begins so."""

_SURROGATE = re.compile(rb"\\ud[89a-f]|\xed[\xa0-\xbf]", re.IGNORECASE)


def json_in(raw: bytes) -> dict[str, Any]:
    """The object that a success holds. Raises BrokenAnswer, also for an error that comes as a success."""
    told = json_or_none(raw)
    if not is_told(told):
        raise BrokenAnswer
    return told


def json_or_none(raw: bytes) -> Any:
    """Any JSON; halves of characters, as servers that cut names leave them, are told as U+FFFD: nothing could store them."""
    try:
        told = json.loads(raw)
        if _SURROGATE.search(raw):
            text = json.dumps(told, ensure_ascii=False)
            told = json.loads(text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace"))
    except (ValueError, RecursionError):
        return None
    return told


def is_told(body: object) -> TypeGuard[dict[str, Any]]:
    """Whether it is an object that tells no error."""
    return isinstance(body, dict) and "error" not in body


def mime_in(headers: Mapping[str, str], raw: bytes) -> bytes:
    """The bytes of a success. Raises BrokenAnswer where nobody said how many they are, as half of them may then pass for all,
    and for a page that something on the way made."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    begin = _PAGES.get(kind)
    if not any(name in headers for name in _FRAMES) or (begin is not None and raw.lstrip()[:1] == begin):
        raise BrokenAnswer
    return raw


def listed_in(page: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What a page lists, each with an id. Raises BrokenAnswer for a page without a list: it may hold what is not told."""
    listed = page.get("value")
    if not isinstance(listed, list) or not all(isinstance(one, dict) and isinstance(one.get("id"), str) for one in listed):
        raise BrokenAnswer
    return listed


def list_or_none(told: object) -> list[Any]:
    """A list; an empty one for anything else."""
    return told if isinstance(told, list) else []


def code_in(body: object) -> str:
    """The code of an error."""
    error = body.get("error") if isinstance(body, dict) else None
    return str(error.get("code", "")) if isinstance(error, dict) else ""


def seconds_in(text: str | None) -> float | None:
    """How long a Retry-After asks to wait; it tells seconds or a date."""
    if text is None:
        return None
    try:
        return max(0.0, float(text))
    except ValueError:
        moment = moment_in(text)
        return None if moment is None else max(0.0, moment - time.time())


def moment_in(text: str) -> float | None:
    """The date that a header tells, in seconds since 1970."""
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):
        return None
