"""Message-IDs, references and the key of the thread."""

from __future__ import annotations

import hashlib
import re

MAX_REFERENCES = 1_000
_ID = re.compile(r"<([^<>]+)>")
_ONE_ID = re.compile(r"<([^<>\s]+)>")
_REPLY = re.compile(r"(?:(?:re|fwd?|aw|sv|antw|wg|tr)(?:\[\d+\])?\s*:\s*|\[[^\]]{1,64}\]\s*(?=\S))+", re.IGNORECASE)
_FORWARD_END = re.compile(r"\s*\(fwd\)\s*$", re.IGNORECASE)


def read_message_id(value: str) -> tuple[str | None, str | None]:
    """(the identifier without brackets, problem code). A malformed one is kept as far as it can be read."""
    usual = _ONE_ID.fullmatch(value)
    if usual:
        return usual.group(1), None
    found = _ID.search(value)
    text = "".join((found.group(1) if found else value.strip("<> \t")).split())
    return text or None, "malformed_message_id"


def read_references(value: str) -> tuple[str, ...]:
    """The identifiers of a References or In-Reply-To field in order; at most the last MAX_REFERENCES."""
    found = ["".join(text.split()) for text in _ID.findall(value)]
    return tuple(found[-MAX_REFERENCES:]) if found else ()


def thread_key(references: tuple[str, ...], in_reply_to: tuple[str, ...], message_id: str | None, subject: str) -> str:
    """First of References, else of In-Reply-To, else the message's own identifier, else the digest of the base subject."""
    if references:
        return references[0]
    if in_reply_to:
        return in_reply_to[0]
    return message_id or "subject:" + hashlib.sha256(base_subject(subject).encode("utf-8", "replace")).hexdigest()


def base_subject(subject: str) -> str:
    """The subject without reply and forward marks and list tags, blanks collapsed, lower case (after RFC 5256)."""
    text = " ".join(subject.split())
    begin = _REPLY.match(text)
    text = text[begin.end() :] if begin else text
    return _FORWARD_END.sub("", text).lower()
