"""Second rung: the standard library's parser with policy compat32, fed in pieces to keep its memory low."""

from __future__ import annotations

from email.message import Message
from email.parser import BytesFeedParser
from email.policy import compat32
from typing import TypeAlias

from capstone.domain.facts.charsets import guessed
from capstone.domain.facts.headers import Headers, read_headers
from capstone.domain.facts.parts import MAX_DEPTH, MAX_PARTS, MESSAGE_TYPES, Part, child_number, part_of
from capstone.domain.facts.transfer import transfer_decoded

_FEED = 1 << 16
_Problems = list[tuple[str, str]]
_CompatMessage: TypeAlias = "Message[str, str]"


def fill_compat(root: Part, raw: bytes, problems: _Problems) -> None:
    """Give `root`, which has its type and parameters, the parts below it. May raise RecursionError or MemoryError."""
    _Builder(problems).fill(root, _parsed(raw), 0)


def _parsed(raw: bytes) -> _CompatMessage:
    parser = BytesFeedParser(policy=compat32)
    for start in range(0, len(raw), _FEED):
        parser.feed(raw[start : start + _FEED])
    return parser.close()


class _Builder:
    def __init__(self, problems: _Problems) -> None:
        self._problems = problems
        self._count = 0

    def fill(self, part: Part, node: _CompatMessage, depth: int) -> None:
        """Give the part what its node holds: children, a message, or content."""
        self._count += 1
        if depth >= MAX_DEPTH:
            self._problems.append(("nested_too_deep", part.number))
        elif part.content_type.startswith("multipart/"):
            self._fill_container(part, node, depth)
        elif part.content_type in MESSAGE_TYPES:
            self._fill_message(part, node, depth)
        else:
            part.content = self._decoded(part, node)

    def _fill_container(self, part: Part, node: _CompatMessage, depth: int) -> None:
        children = _children(node)
        if not children:
            self._problems.append(("no_boundary", part.number))
            part.content_type = "text/plain"
            part.number = part.number or "1"
            part.content = self._decoded(part, node)
            return
        default = "message/rfc822" if part.content_type == "multipart/digest" else "text/plain"
        for position, child in enumerate(children, 1):
            if self._count >= MAX_PARTS:
                self._problems.append(("parts_cut_off", part.number))
                return
            inner = part_of(_headers_of(child), child_number(part.number, position), default)
            self.fill(inner, child, depth + 1)
            part.children.append(inner)

    def _fill_message(self, part: Part, node: _CompatMessage, depth: int) -> None:
        found = _children(node)
        if found and part.encoding in ("", "7bit", "8bit", "binary"):
            inner_node = found[0]
            part.message = _headers_of(inner_node)
        else:  # encoded against the rules: the parser took the code for the message
            raw = self._decoded(part, found[0] if found else node)
            part.message = read_headers(raw)
            inner_node = _parsed(raw)
        inner = part_of(_headers_of(inner_node), part.number, "text/plain")
        self.fill(inner, inner_node, depth + 1)
        if not inner.children:
            inner.number = child_number(part.number, 1)
        part.children.append(inner)

    def _decoded(self, part: Part, node: _CompatMessage) -> bytes:
        content, problem = transfer_decoded(_raw_payload(node), part.encoding)
        if problem:
            self._problems.append((problem, part.number))
        return content


def _children(node: _CompatMessage) -> list[_CompatMessage]:
    """The parts that the parser found in the node; none where it is text to the parser."""
    payload = node.get_payload()
    return [child for child in payload if isinstance(child, Message)] if isinstance(payload, list) else []


def _raw_payload(node: _CompatMessage) -> bytes:
    """The bytes of a leaf, not decoded. The parser decodes by the field only, and splits message/delivery-status."""
    children = _children(node)
    if children:
        return b"\n".join(_block(child) for child in children)
    del node["content-transfer-encoding"]
    payload = node.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _block(node: _CompatMessage) -> bytes:
    """A block of fields as it was written, up to the blanks after its colons and its line ends."""
    lines = [f"{name}: {value}\n" for name, value in node.raw_items()]
    payload = _raw_payload(node)
    return "".join(lines).encode("utf-8", "surrogateescape") + (b"\n" + payload if payload else b"")


def _text(value: str) -> str:
    value = " ".join(value.splitlines()) if "\n" in value or "\r" in value else value
    return value if value.isascii() else guessed(value.encode("utf-8", "surrogateescape"))


def _headers_of(node: _CompatMessage) -> Headers:
    headers = Headers()
    for name, value in node.raw_items():
        headers.fields.setdefault(name.lower(), []).append(_text(str(value)).strip())
    return headers
