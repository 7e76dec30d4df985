"""From bytes to text: charsets as mail names them. Never raises; what had to be guessed is said."""

from __future__ import annotations

import codecs
from functools import lru_cache

_ALIASES = {
    "x-gbk": "gb18030",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "x-sjis": "cp932",
    "shift_jis": "cp932",
    "ks_c_5601-1987": "cp949",
    "euc-kr": "cp949",
    "iso-8859-8-i": "iso-8859-8",
    "iso-8859-8-e": "iso-8859-8",
    "windows-874": "cp874",
    "unicode-1-1-utf-7": "utf-7",
    "utf8mb4": "utf-8",
    "utf-8mb4": "utf-8",
    "latin-1": "iso-8859-1",
    "ansi": "cp1252",
    "macintosh": "mac-roman",
    "x-mac-roman": "mac-roman",
}
"""Names that Python lacks, and names under which mail uses a larger set than the standard says."""

_NOT_FOR_MAIL = frozenset({"idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined", "mbcs", "oem"})
_NOT_ASCII_BASED = ("utf-7", "utf-16", "utf-32", "iso2022", "hz", "cp037", "cp1026", "cp1140", "cp273", "cp424", "cp500", "cp875")
_WIDE = ("utf-16", "utf-32")
_SURELY_NOT_WIDE = 16
"""So many bytes of wide text have a zero among them, or a byte above 127: without, the name is wrong."""
_NARROW = frozenset({"ascii", "iso8859-1"})
"""Charsets whose users in fact send windows-1252 or UTF-8."""


@lru_cache(maxsize=512)
def codec_of(charset: str) -> str | None:
    """Python's name of the codec for a charset as a header names it; None where it is unknown or no charset of mail."""
    name = charset.strip().strip("'\"").lower()
    try:
        info = codecs.lookup(_ALIASES.get(name, name))
    except (LookupError, ValueError, UnicodeError):
        return None
    is_text = getattr(info, "_is_text_encoding", True)
    return info.name if is_text and info.name.replace("_", "-") not in _NOT_FOR_MAIL else None


@lru_cache(maxsize=512)
def keeps_ascii(codec: str) -> bool:
    """Whether ASCII bytes mean the same in this codec, so that decoding them can neither fail nor change anything."""
    return not codec.startswith(_NOT_ASCII_BASED)


def guessed(raw: bytes) -> str:
    """Text of bytes without a usable charset: UTF-8 where it fits, else windows-1252."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")


def decoded(raw: bytes, charset: str) -> tuple[str, str | None]:
    """The text, free of NUL and lone surrogates, and the problem code of what had to be guessed. `charset` "" : none declared."""
    text, problem = _decoded(raw, charset)
    if "\0" in text:
        text = text.replace("\0", "")
    return text, problem


def _decoded(raw: bytes, charset: str) -> tuple[str, str | None]:
    codec = codec_of(charset) if charset else "ascii"
    if codec is None:
        return guessed(raw), "unknown_charset"
    if raw.isascii() and keeps_ascii(codec):
        return raw.decode("ascii"), None
    if codec in _NARROW:
        return _decoded_narrow(raw, codec)
    if codec.startswith(_WIDE):
        if len(raw) >= _SURELY_NOT_WIDE and raw.isascii() and b"\0" not in raw:
            return raw.decode("ascii"), "unknown_charset"
        codec = "utf-16-be" if codec == "utf-16" and raw[:1] == b"\0" else codec
    try:
        return without_surrogates(raw.decode(codec)), None
    except UnicodeError:
        return without_surrogates(raw.decode(codec, "replace")), "undecodable_text"


def _decoded_narrow(raw: bytes, codec: str) -> tuple[str, str | None]:
    if codec == "ascii":
        return guessed(raw), "undeclared_charset"
    try:
        return raw.decode("cp1252"), None
    except UnicodeDecodeError:
        return raw.decode("latin-1"), None


def without_surrogates(text: str) -> str:
    """The text with lone surrogates (UTF-7 and escaped bytes can give them) replaced: stores and indexes refuse them."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode("utf-8")
    return text
