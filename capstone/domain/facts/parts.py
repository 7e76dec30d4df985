"""The parts of a message as the rest of this package sees them, whichever parser found them."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field

from capstone.domain.facts.headers import Headers
from capstone.domain.facts.mime_values import file_name, read_value
from capstone.domain.facts.tnef import Tnef

_COMMENT = re.compile(r"\([^()]*+\)")
MAX_DEPTH = 100
MAX_PARTS = 10_000
TEXT_TYPES = frozenset({"text/plain", "text/html", "text/enriched", "text/richtext"})
MESSAGE_TYPES = frozenset({"message/rfc822", "message/global"})


@dataclass(slots=True)
class Part:
    """One node of the tree: a container with children, or a leaf with decoded content."""

    number: str
    """As IMAP counts; "" for the message itself where it is a container."""
    content_type: str
    params: dict[str, str]
    disposition: str
    file_name: str
    encoding: str
    content: bytes = b""
    children: list[Part] = field(default_factory=list)
    message: Headers | None = None
    """The header of the message inside, where this part holds one; its body is the only child."""
    is_root: bool = False
    """Whether it is all that the message has: then a name makes no file of it."""
    tnef: Tnef | None = None
    """What is inside, where the part is Outlook's wrapping."""
    _digest: str = ""

    @property
    def is_leaf(self) -> bool:
        """Whether the part has content of its own."""
        return not self.children and self.message is None

    @property
    def is_attached(self) -> bool:
        """Whether the part wants to be seen as a file rather than as text of the message."""
        return self.disposition == "attachment" or (bool(self.file_name) and not self.is_root)

    @property
    def is_text(self) -> bool:
        """Whether the part is text of the message itself."""
        return self.content_type in TEXT_TYPES and not self.is_attached and self.is_leaf

    @property
    def digest(self) -> str:
        """SHA-256 of the decoded content, in hex; computed once."""
        if not self._digest:
            self._digest = hashlib.sha256(self.content).hexdigest()
        return self._digest

    def walked(self) -> list[Part]:
        """The part and all below it in reading order, those of messages inside included."""
        if not self.children:
            return [self]
        found, waiting = [], [self]
        while waiting:
            part = waiting.pop()
            found.append(part)
            if part.children:
                waiting.extend(reversed(part.children))
        return found


def new_part(number: str, content_type: str | None, disposition: str | None, encoding: str | None, default: str) -> Part:
    """A part from the values of its header fields; `default` is its type where it names none that can be read."""
    token, params = read_value(content_type) if content_type else ("", {})
    if "(" in token:
        token = _COMMENT.sub("", token).strip()
    if token.count("/") != 1:
        token = token if token in ("text", "multipart") else ""
        token = {"text": "text/plain", "multipart": "multipart/mixed"}.get(token, default)
    shown, shown_params = read_value(disposition) if disposition else ("", {})
    name = file_name(shown_params, params) if shown_params or params else ""
    return Part(number, token, params, shown, name, _encoding(encoding))


def part_of(headers: Headers, number: str, default: str) -> Part:
    """A part from its header block."""
    return new_part(
        number,
        headers.first("content-type"),
        headers.first("content-disposition"),
        headers.first("content-transfer-encoding"),
        default,
    )


def _encoding(value: str | None) -> str:
    if not value:
        return ""
    return value.partition(";")[0].partition("(")[0].strip().strip("\"'").lower()


def child_number(parent: str, position: int) -> str:
    """The number of a container's child, counted from 1."""
    return f"{parent}.{position}" if parent else str(position)
