"""What a person sees of a hit: one safe line, cut from the original text around what was asked for.

Mail may hold terminal escapes and direction marks that make a line read differently than it is; none of them is shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from capstone.domain.query import And, Clause, Or, Words
from capstone.domain.tokens import folded, words_of

SNIPPET_CHARS = 160
_LEAD_CHARS = 50
_LOOKED_AT_CHARS = 200_000
_WINDOW_CHARS, _OVERLAP_CHARS = 2_000, 300
_TRIED_PHRASES = 20
_IN_WORD, _BETWEEN_WORDS = re.compile(r"[0-9a-z\x80-\U0010ffff]"), r"[^0-9a-z\x80-\U0010ffff]"
_ELLIPSIS = "…"

_UNSEEN = dict.fromkeys([*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0x061C, 0xFEFF], "")
_BREAKS = dict.fromkeys([*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029], " ")
_TAGS = dict.fromkeys(range(0xE0000, 0xE0080), "")
_NO_TEXT = dict.fromkeys(range(0xD800, 0xE000), "\ufffd")
_SAFE = _UNSEEN | _BREAKS | _TAGS | _NO_TEXT
_PRINTABLE_ASCII = re.compile(r"[\x20-\x7e]*")
_CHUNK, _BLANK = re.compile(r"\S+"), re.compile(r"\s")


def safe_line(text: str, limit: int | None = None) -> str:
    """The text on one line without control characters, direction marks or half characters; longer than `limit`: cut, with …"""
    if limit is not None and len(text) > 4 * limit:
        text = text[: 4 * limit] + " …"
    if not _PRINTABLE_ASCII.fullmatch(text):
        text = text.translate(_SAFE)
    line = " ".join(text.split())
    if limit is None or len(line) <= limit:
        return line
    return line[: limit - 1].rstrip() + _ELLIPSIS


def wanted_phrases(clause: Clause) -> list[Words]:
    """The words a query asks for in the body, as far as they are wanted (not those under Not), in their order."""
    match clause:
        case Words(field=None | "body"):
            return [clause]
        case And(clauses) | Or(clauses):
            return [words for inner in clauses for words in wanted_phrases(inner)]
        case _:
            return []


def snippet_of(text: str, phrases: Sequence[Words], width: int = SNIPPET_CHARS) -> str:
    """About `width` characters of the text around the first phrase found in it, else its beginning; one safe line.

    Whole words where the text has blanks; an ellipsis stands where something was left out. Only the first 200,000
    characters are looked at.
    """
    looked_at = text[:_LOOKED_AT_CHARS]
    position = _position(looked_at, phrases[:_TRIED_PHRASES]) if phrases else 0
    start = _start_of_cut(looked_at, position)
    end = start + width
    if end < len(text):
        end = max(text.rfind(" ", position + width // 4, end), text.rfind("\n", position + width // 4, end), -1)
        end = end if end > start else start + width
    line = safe_line(text[start:end])
    before = _ELLIPSIS if text[:start].strip() else ""
    after = _ELLIPSIS if text[end:].strip() else ""
    return f"{before}{line}{after}" if line else ""


def _start_of_cut(text: str, position: int) -> int:
    """A little before the position, at the start of a word."""
    earliest = position - _LEAD_CHARS
    if earliest <= 0:
        return 0
    blank = _BLANK.search(text, earliest, position)
    return blank.end() if blank else earliest


def _position(text: str, phrases: Sequence[Words]) -> int:
    """Where one of the phrases stands in the text; 0 when none does."""
    lowered = text.lower()
    if len(lowered) == len(text):
        for phrase in phrases:
            for found in _plain_pattern(phrase).finditer(lowered):
                if not found.start() or not _IN_WORD.match(lowered[found.start() - 1]):
                    return found.start()
    return 0 if text.isascii() else next(_positions(text, phrases), 0)


@lru_cache(maxsize=256)
def _plain_pattern(phrase: Words) -> re.Pattern[str]:
    """Finds the phrase where it is written without accents and the like: nearly always, and fast, as it begins with letters."""
    end = "" if phrase.is_prefix else f"(?!{_IN_WORD.pattern})"
    return re.compile(f"{_BETWEEN_WORDS}+".join(map(re.escape, phrase.words)) + end)


def _positions(text: str, phrases: Sequence[Words]) -> Iterator[int]:
    """Where a phrase stands once the text is folded. Windows that cannot hold one are passed over quickly."""
    wanted = [" " + " ".join(phrase.words) + ("" if phrase.is_prefix else " ") for phrase in phrases]
    for start, window in _windows(text):
        spaced = f" {folded(window)} "
        places = [place for place in map(spaced.find, wanted) if place >= 0]
        if places:
            yield start + _char_of_word(window, spaced.count(" ", 0, min(places) + 1) - 1)


def _windows(text: str) -> Iterator[tuple[int, str]]:
    """(start, part) of the text: parts begin at blanks and overlap, so that no phrase is lost between two."""
    start = 0
    while start < len(text):
        end = start + _WINDOW_CHARS
        blank = _BLANK.search(text, end, end + _OVERLAP_CHARS)
        following = blank.start() if blank else end
        yield start, text[start : following + _OVERLAP_CHARS]
        start = following


def _char_of_word(window: str, number: int) -> int:
    """Where the word with that number (from 0) begins in the window."""
    seen = 0
    for chunk in _CHUNK.finditer(window):
        words = len(words_of(chunk.group()))
        if seen + words > number:
            return chunk.start() + (number - seen if words == len(chunk.group()) else 0)
        seen += words
    return 0
