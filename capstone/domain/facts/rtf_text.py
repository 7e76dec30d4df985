"""The HTML or text that Outlook wrapped in RTF ([MS-OXRTFEX]), and the text of RTF that was nothing else. Never raises."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum

from capstone.domain.facts.charsets import codec_of, decoded
from capstone.domain.facts.codepages import charset_of

_TOKEN = re.compile(rb"\\(?:([a-zA-Z]{1,32})(-?\d{1,10})? ?|'([0-9a-fA-F]{2})|([^a-zA-Z']))|([{}])|([^\\{}\r\n]+)", re.DOTALL)
_FROM = re.compile(rb"\\from(html1|text)(?![a-z0-9])")
_MAX_DEPTH = 2_000
_SKIPPED = frozenset(
    {"fonttbl", "colortbl", "stylesheet", "info", "pict", "object", "header", "footer", "headerl", "headerr", "headerf",
     "footerl", "footerr", "footerf", "footnote", "listtable", "listoverridetable", "rsidtbl", "generator", "themedata",
     "colorschememapping", "latentstyles", "datastore", "xmlnstbl", "fldinst"}
)  # fmt: skip
"""Destinations whose text is none of the body."""
_SIGNS = {
    "par": "\r\n",
    "line": "\r\n",
    "sect": "\r\n",
    "page": "\r\n",
    "row": "\r\n",
    "tab": "\t",
    "cell": "\t",
    "lquote": "\u2018",
    "rquote": "\u2019",
    "ldblquote": "\u201c",
    "rdblquote": "\u201d",
    "bullet": "\u2022",
    "endash": "\u2013",
    "emdash": "\u2014",
    "emspace": "\u2003",
    "enspace": "\u2002",
    "zwj": "\u200d",
    "zwnj": "\u200c",
}
_SYMBOLS = {b"~": "\u00a0", b"_": "\u00ad", b"-": "", b"\n": "\r\n", b"\r": "\r\n", b"\\": "\\", b"{": "{", b"}": "}"}
_CHARSETS = {
    0: 1252, 128: 932, 129: 949, 134: 936, 136: 950, 161: 1253, 162: 1254, 163: 1258, 177: 1255, 178: 1256, 186: 1257, 204: 1251,
    222: 874, 238: 1250}  # fmt: skip
"""Windows codepage of a font's charset."""


class Wrapped(StrEnum):
    """What the RTF was made from."""

    HTML = "html"
    TEXT = "text"
    NOTHING = "nothing"


def unwrapped(rtf: bytes) -> tuple[Wrapped, str]:
    """What it was made from, and that: the HTML or the text; of mere RTF its text."""
    made_from = _FROM.search(rtf[:2000])
    kind = Wrapped.NOTHING if made_from is None else Wrapped.HTML if made_from[1] == b"html1" else Wrapped.TEXT
    return kind, _Reader(kind is Wrapped.HTML).read(rtf)


@dataclass(frozen=True, slots=True)
class _Group:
    """What counts until the group ends."""

    is_skipped: bool = False
    is_rtf_only: bool = False
    """Between `htmlrtf` and `htmlrtf0`: what an RTF reader sees instead of a tag."""
    codec: str = "cp1252"
    after_unicode: int = 1


class _Reader:
    """Walks the tokens once."""

    def __init__(self, is_html: bool) -> None:
        self._is_html = is_html
        self._out: list[str] = []
        self._bytes = bytearray()
        self._group, self._outer = _Group(), list[_Group]()
        self._to_skip = 0
        self._is_starred = self._in_fonts = False
        self._document = _Group().codec
        """What counts where no font tells otherwise."""
        self._fonts: dict[int, str] = {}
        self._font = 0

    def read(self, rtf: bytes) -> str:
        at = 0
        while found := _TOKEN.search(rtf, at):
            at = found.end()
            word, number, code, symbol, brace, text = found.groups()
            if brace:
                self._brace(brace)
            elif word:
                self._word(word.decode(), int(number) if number else None)
                at += max(0, int(number or 0)) if word == b"bin" else 0
            elif code:
                self._add_bytes(bytes([int(code, 16)]))
            elif symbol == b"*":
                self._is_starred = True
            elif symbol:
                self._add(_SYMBOLS.get(symbol, ""))
            else:
                self._add_bytes(text)
        self._flush()
        # A character beyond the 65,536th comes in two halves, each with its own word.
        return "".join(self._out).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")

    def _brace(self, brace: bytes) -> None:
        self._flush()
        self._to_skip = 0
        self._is_starred = False
        if brace == b"{" and len(self._outer) < _MAX_DEPTH:
            self._outer.append(self._group)
        elif brace == b"}" and self._outer:
            self._group = self._outer.pop()
            self._in_fonts = self._in_fonts and self._group.is_skipped

    def _word(self, word: str, number: int | None) -> None:
        starred, self._is_starred = self._is_starred, False
        if word == "u" and number is not None:
            self._unicode(number)
            return
        self._flush()
        if word in _SKIPPED:
            self._in_fonts = self._in_fonts or word == "fonttbl"
            self._group = replace(self._group, is_skipped=True)
        elif starred and word != "htmltag":
            self._group = replace(self._group, is_skipped=True)
        elif word == "htmlrtf":
            self._group = replace(self._group, is_rtf_only=number != 0)
        elif word == "plain":
            self._group = replace(self._group, codec=self._document)
        elif word in _SIGNS:
            self._add(_SIGNS[word])
        elif number is not None:
            self._numbered(word, number)

    def _numbered(self, word: str, number: int) -> None:
        if word == "ansicpg":
            self._document = _codec(number) or self._document
            self._group = replace(self._group, codec=self._document)
        elif word == "uc":
            self._group = replace(self._group, after_unicode=max(0, min(number, 10)))
        elif word == "f" and self._in_fonts:
            self._font = number
        elif word == "fcharset" and self._in_fonts and number in _CHARSETS:
            self._fonts[self._font] = _codec(_CHARSETS[number]) or "cp1252"
        elif word == "f":
            self._group = replace(self._group, codec=self._fonts.get(number, self._document))

    def _unicode(self, number: int) -> None:
        self._flush()
        self._to_skip = 0
        self._add(chr(number % 0x10000))
        self._to_skip = self._group.after_unicode

    def _add(self, text: str) -> None:
        self._flush()
        if self._to_skip:
            self._to_skip -= 1
        elif not (self._group.is_skipped or (self._group.is_rtf_only and self._is_html)):
            self._out.append(text)

    def _add_bytes(self, raw: bytes) -> None:
        """Text waits for what follows: a character of two bytes may be half escaped."""
        if self._to_skip:
            left = raw[self._to_skip :]
            self._to_skip = max(0, self._to_skip - len(raw))
            raw = left
        if not (self._group.is_skipped or (self._group.is_rtf_only and self._is_html)):
            self._bytes += raw

    def _flush(self) -> None:
        if self._bytes:
            self._out.append(decoded(bytes(self._bytes), self._group.codec)[0])
            self._bytes.clear()


def _codec(codepage: int) -> str | None:
    charset = charset_of(codepage)
    return codec_of(charset) if charset else None
