"""First rung: the tree of the fast parser. Refuses, by raising, what that parser reads otherwise than the mail world does."""

from __future__ import annotations

from functools import cached_property

from fast_mail_parser import PyLazyMimePart, parse_email_tree

from capstone.domain.facts.headers import read_headers
from capstone.domain.facts.parts import MAX_DEPTH, MAX_PARTS, MESSAGE_TYPES, Part, child_number, new_part

_Problems = list[tuple[str, str]]


_UNCHANGED_OR_CHECKED = frozenset({"", "7bit", "8bit", "binary", "base64"})
_READ_ALIKE = _UNCHANGED_OR_CHECKED | {"quoted-printable"}


_MOST_BOUNDARIES = 20
"""Each is looked for in the whole message: with more of them around empty parts the next rung reads it."""


class NotForFastParser(Exception):
    """The next rung must read this message."""


def fill_fast(root: Part, raw: bytes, problems: _Problems) -> bool:
    """Give `root`, which has its type and parameters, the parts below it. Raises ParseError or NotForFastParser.

    False where an empty part may be text that the parser lost, as it does where no empty line stands before it.
    """
    node = parse_email_tree(raw, mode="lazy")
    builder = _Builder(problems, raw)
    builder.fill(root, node, 0)
    return not builder.has_doubtful


class _Builder:
    def __init__(self, problems: _Problems, raw: bytes) -> None:
        self._problems = problems
        self._raw = raw
        # One byte is looked for much faster than two, and most messages have none.
        self._has_lf_ends = b"\r" not in raw or b"\r\n" not in raw
        self._count = 0
        self._pairs: dict[str, bool] = {}
        self.has_doubtful = False

    def fill(self, part: Part, node: PyLazyMimePart, depth: int) -> None:
        """Give the part what its node holds: children, a message, or content."""
        self._count += 1
        if part.content_type.startswith("multipart/"):
            self._fill_container(part, node, depth)
        elif part.content_type in MESSAGE_TYPES or node.is_message:
            self._fill_message(part, node, depth)
        else:
            part.content = self._content(part, node)

    def _fill_container(self, part: Part, node: PyLazyMimePart, depth: int) -> None:
        children = node.children
        if not children or depth >= MAX_DEPTH or not part.params.get("boundary"):
            raise NotForFastParser
        default = "message/rfc822" if part.content_type == "multipart/digest" else "text/plain"
        for position, child in enumerate(children, 1):
            if self._count >= MAX_PARTS:
                self._problems.append(("parts_cut_off", part.number))
                return
            inner = _part_of(child, child_number(part.number, position), default)
            self.fill(inner, child, depth + 1)
            if not inner.content and inner.is_leaf and not self._is_empty(child, part.params["boundary"]):
                self.has_doubtful = True
            part.children.append(inner)

    def _is_empty(self, node: PyLazyMimePart, boundary: str) -> bool:
        """Whether a part without content is so for certain: two boundary lines in a row."""
        if node.headers or self.has_doubtful or (boundary not in self._pairs and len(self._pairs) >= _MOST_BOUNDARIES):
            return False
        if boundary not in self._pairs:
            line = b"\n--" + boundary.encode("utf-8")
            raw = self._raw.replace(b"\r", b"")
            self._pairs[boundary] = line + line in raw or line + b"\n" + line in raw
        return self._pairs[boundary]

    def _fill_message(self, part: Part, node: PyLazyMimePart, depth: int) -> None:
        if not node.is_message or len(node.children) != 1 or depth >= MAX_DEPTH:
            raise NotForFastParser
        part.message = read_headers(node.content or b"")
        if not part.message.is_regular:
            raise NotForFastParser
        inner = _part_of(node.children[0], part.number, "text/plain")
        self.fill(inner, node.children[0], depth + 1)
        if not inner.children:
            inner.number = child_number(part.number, 1)
        part.children.append(inner)

    @cached_property
    def _has_coded_cr(self) -> bool:
        return b"=0D" in self._raw or b"=0d" in self._raw

    def _content(self, part: Part, node: PyLazyMimePart) -> bytes:
        content = node.content or b""
        encoding = part.encoding
        if encoding in _UNCHANGED_OR_CHECKED:
            return content
        # The parser ends decoded lines with CRLF whatever the message has; where it may not be undone, it is not used.
        if self._has_lf_ends and b"\r\n" in content:
            if self._has_coded_cr:
                raise NotForFastParser
            return content.replace(b"\r\n", b"\n")
        return content


def _part_of(node: PyLazyMimePart, number: str, default: str) -> Part:
    content_type = disposition = encoding = None
    for name, values in node.headers.items():
        name = name.lower()
        if name == "content-type":
            content_type = values[0]
        elif name == "content-disposition":
            disposition = values[0]
        elif name == "content-transfer-encoding":
            encoding = values[0]
            if encoding.lower() not in _READ_ALIKE:  # a blank behind the token is enough to leave the part coded
                raise NotForFastParser
    return new_part(number, content_type, disposition, encoding, default)
