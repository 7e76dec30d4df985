"""Reads the answer about one large item while it comes in: its bytes are decoded as they arrive, so that they are held once."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from io import BytesIO
from typing import Any

import lxml.etree
from exchangelib.util import TNS

from connectors.mailboxes.ews.answers import TAIL_BYTES, must_be_sound, must_end
from connectors.mailboxes.ews.errors import Incomplete

_MIME = f"{{{TNS}}}MimeContent"
_GATHERED = 256 * 1024
_FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_WHITE = str.maketrans("", "", " \t\r\n")


class _Target:
    """Builds the tree of an answer, but for the text of MimeContent."""

    def __init__(self, content: Decoder) -> None:
        self._builder = lxml.etree.TreeBuilder()
        self._content, self._is_inside = content, False

    def start(self, tag: str, attributes: Any) -> None:
        self._is_inside = tag == _MIME
        self._content.is_there |= self._is_inside
        self._builder.start(tag, dict(attributes))

    def end(self, tag: str) -> None:
        self._is_inside = False
        self._builder.end(tag)

    def data(self, text: str) -> None:
        if self._is_inside:
            self._content.feed(text)
        else:
            self._builder.data(_FORBIDDEN.sub("", text))

    def close(self) -> Any:
        return self._builder.close()


class Decoder:
    """Base64 in pieces of any length."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._gathered: list[str] = []
        self._length = 0
        self._raw = BytesIO()
        self.is_there = False
        """Whether there was anything to decode, be it empty."""
        self._is_broken = False

    def feed(self, text: str) -> None:
        """The next piece."""
        self._gathered.append(text)
        self._length += len(text)
        if self._length >= _GATHERED:
            self._decode()

    def raw(self) -> bytes | None:
        """All of it; None where it is missing or cannot be decoded."""
        self._decode()
        is_whole = self.is_there and not self._gathered and not self._is_broken
        return self._raw.getvalue() if is_whole else None

    def _decode(self) -> None:
        text = "".join(self._gathered).translate(_WHITE)
        whole = len(text) // 4 * 4
        try:
            self._raw.write(base64.b64decode(text[:whole].encode("ascii"), validate=True))
        except (binascii.Error, ValueError):
            self._is_broken = True
        rest = text[whole:]
        self._gathered, self._length = ([rest] if rest else []), len(rest)


def read_large(pieces: Iterable[bytes]) -> tuple[Any, Decoder]:
    """The root of the answer, without the text of MimeContent, and that. Raises Incomplete."""
    content = Decoder()
    parser = lxml.etree.XMLParser(target=_Target(content), resolve_entities=False, no_network=True, huge_tree=True, recover=True)
    tail = b""
    try:
        for piece in pieces:
            parser.feed(piece)
            tail = (tail + piece)[-TAIL_BYTES:]
        must_end(tail)
        root = parser.close()
    except lxml.etree.LxmlError as exc:
        raise Incomplete(type(exc).__name__) from None
    must_be_sound(parser.feed_error_log)
    return root, content
