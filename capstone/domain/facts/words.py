"""RFC 2047 encoded words in header values. Never raises; takes linear time."""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable

from capstone.domain.facts.charsets import decoded

_WORD = re.compile(r"=\?([^?\s]{1,64})\?([bBqQ])\?([^?]*)\?=")
_Note = Callable[[str], None]


def unwrapped(value: str, note: _Note) -> str:
    """The value with its encoded words decoded. What is broken is noted: a charset guessed, what is no base64 kept as it is."""
    if "=?" not in value:
        return value
    out: list[str] = []
    charset, pieces, end = "", list[bytes](), 0
    for word in _WORD.finditer(value):
        gap = value[end : word.start()]
        end = word.end()
        found = _bytes_of(word)
        # Blanks between two encoded words are not text; a character may be cut in two by neighbours of one charset.
        joins = bool(pieces) and found is not None and not gap.strip()
        if not (joins and found and found[0] == charset):
            _flush(out, charset, pieces, note)
            out.append("" if joins else gap)
            pieces = []
        if found is None:
            note("malformed_encoded_word")
            out.append(word.group())
        else:
            charset = found[0]
            pieces.append(found[1])
    _flush(out, charset, pieces, note)
    out.append(value[end:])
    return "".join(out)


def _flush(out: list[str], charset: str, pieces: list[bytes], note: _Note) -> None:
    if not pieces:
        return
    text, problem = decoded(b"".join(pieces), charset)
    if problem in ("undecodable_text", "unknown_charset"):
        note("malformed_encoded_word")
    out.append(text.replace("\r", " ").replace("\n", " "))


def _bytes_of(word: re.Match[str]) -> tuple[str, bytes] | None:
    charset, encoding, text = word.groups()
    charset = charset.partition("*")[0].lower()  # RFC 2231: a language may follow the charset
    raw = text.encode("utf-8")
    if encoding in "qQ":
        return charset, binascii.a2b_qp(raw, header=True)
    try:
        return charset, binascii.a2b_base64(raw + b"=" * (-len(raw.rstrip(b"=")) % 4))
    except binascii.Error:
        return None
