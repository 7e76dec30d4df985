"""What a message says of its own handling: list, automatic answer, importance, sensitivity."""

from __future__ import annotations

import re

from capstone.domain.facts.headers import Headers

_BRACKETED = re.compile(r"<([^<>]*)>")
_PRIORITIES = {
    "1": "high",
    "2": "high",
    "3": "normal",
    "4": "low",
    "5": "low",
    "urgent": "high",
    "non-urgent": "low",
    "highest": "high",
}
_IMPORTANCE_FIELDS = ("importance", "x-priority", "priority")
_IMPORTANCES = frozenset({"high", "normal", "low"})
_WORD = re.compile(r"[A-Za-z0-9-]+")


def list_id_of(headers: Headers) -> str | None:
    """The identifier of the mailing list (RFC 2919), lower case."""
    value = headers.first("list-id")
    if not value:
        return None
    found = _BRACKETED.search(value)
    return (found.group(1) if found else value).strip().lower() or None


def auto_submitted_of(headers: Headers) -> str | None:
    """The keyword of Auto-Submitted (RFC 3834), such as "auto-replied"; "no" stands for a person."""
    return _word(headers.first("auto-submitted"))


def importance_of(headers: Headers) -> str | None:
    """high, normal or low, from Importance, else from X-Priority or Priority; None where nothing readable is said."""
    for name in _IMPORTANCE_FIELDS:
        word = _word(headers.first(name)) if name in headers.fields else None
        found = word if word in _IMPORTANCES else _PRIORITIES.get(word or "")
        if found:
            return found
    return None


def sensitivity_of(headers: Headers) -> str | None:
    """The value of Sensitivity, such as "private" or "company-confidential"."""
    return _word(headers.first("sensitivity"))


def _word(value: str | None) -> str | None:
    found = _WORD.search(value) if value else None
    return found.group().lower() if found else None
