"""One tokeniser for every engine: text in, folded words out. Literal: no stemming, no stop words.

The engines get the words joined by blanks and split at blanks only, so all of them hold the same words. A word is a run
of letters, digits and the marks that belong to them. Folded together: compatibility forms (NFKC: "ﬁ" is "fi", "²" is
"2"), upper and lower case ("ß" is "ss"), accents ("é" is "e", "й" is "и"), letters with a stroke or tied together ("ø"
is "o", "ł" is "l", "æ" is "ae"), and the digits of all scripts. Marks that make another letter stay: vowel signs, virama
and nukta of the Indian scripts, Thai tone marks, the voicing of kana. Invisible characters (soft hyphen, joiners,
direction marks) vanish. Each Han, Hiragana and Katakana character is a word of its own.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

MAX_WORD_CHARS = 120
"""Longer words are cut here, in the index and in queries alike. Engines split or refuse from 255 UTF-16 units on."""

_BLANKS = str.maketrans({code: " " for code in range(128) if not chr(code).isalnum()})
_BETWEEN_WORDS = re.compile(r"[^0-9a-z\x80-\U0010ffff]+")
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]+")
_LETTERS = {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ħ": "h", "ŧ": "t", "\u0131": "i", "ŀ": "l"}
_OWN_WORDS = (
    (0x3005, 0x3007),  # iteration mark, closing mark, zero
    (0x3021, 0x3029),  # Hangzhou numerals
    (0x3031, 0x3035),  # kana repeat marks
    (0x3041, 0x3096),  # Hiragana
    (0x309D, 0x309F),
    (0x30A1, 0x30FA),  # Katakana
    (0x30FC, 0x30FF),
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),  # Han
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x1AFF0, 0x1B16F),  # older and small kana
    (0x20000, 0x3FFFD),  # Han of the further planes
)
_VANISHING = frozenset(
    [0x034F, 0x0640, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3099, 0x309A, *range(0x180B, 0x1810), *range(0xFE00, 0xFE10)]
)
_VANISHING_PLANE = range(0xE0000, 0xE1000)
_ZERO_WIDTH_SPACE = 0x200B
_MAX_MEMO = 150_000
_MAX_CACHED_CHARS = 32


def words_of(text: str) -> list[str]:
    """The folded words in their order. Never raises; `words_of(folded(text)) == words_of(text)`."""
    if not text.isascii():
        text = _BEYOND_ASCII.sub(_fold_match, text)
    text = text.lower()
    # translate is the quick way for ASCII and the slow one for all else.
    spaced = text.translate(_BLANKS) if text.isascii() else _BETWEEN_WORDS.sub(" ", text)
    words = spaced.split()
    if words and max(map(len, words)) > MAX_WORD_CHARS:
        return [word[:MAX_WORD_CHARS] for word in words]
    return words


def folded(text: str) -> str:
    """The words of the text joined by one blank: what an engine indexes."""
    return " ".join(words_of(text))


def _fold_match(match: re.Match[str]) -> str:
    """Fold a run beyond ASCII. Its neighbours cannot change it: what it may add to an ASCII letter is an accent, dropped."""
    piece = match.group()
    return _fold_cached(piece) if len(piece) <= _MAX_CACHED_CHARS else _fold(piece)


def _fold(piece: str) -> str:
    # The iota below vowels is dropped as an accent; case folding would make it a letter.
    apart = unicodedata.normalize("NFKD", piece).replace("\u0345", "")
    apart = unicodedata.normalize("NFKD", apart.casefold())
    # Put together first, so that voiced kana and Hangul syllables are looked at as one character.
    together = unicodedata.normalize("NFC", apart.translate(_ACCENTS))
    return together.translate(_CHARACTERS).lower()


_fold_cached = lru_cache(maxsize=50_000)(_fold)


class _Memo(dict[int, str]):
    """What each character becomes, worked out when first met; hostile text cannot make it grow without bound."""

    def _keep(self, code: int, becomes: str) -> str:
        if len(self) < _MAX_MEMO:
            self[code] = becomes
        return becomes


class _Accents(_Memo):
    def __missing__(self, code: int) -> str:
        return self._keep(code, "" if _is_accent(code) else chr(code))


class _Characters(_Memo):
    def __missing__(self, code: int) -> str:
        return self._keep(code, _character(code))


_ACCENTS, _CHARACTERS = _Accents(), _Characters()


def _is_accent(code: int) -> bool:
    """Marks placed on a letter: those with a position (200 and up), overlays, Hebrew, Arabic and Syriac points."""
    place = unicodedata.combining(chr(code))
    return place >= 200 or place == 1 or 10 <= place <= 36


def _character(code: int) -> str:
    """What a character becomes within words: itself, another, nothing, or a blank where it parts words."""
    char = chr(code)
    if code in _VANISHING or code in _VANISHING_PLANE:
        return ""
    if any(first <= code <= last for first, last in _OWN_WORDS):
        return f" {char} "
    category = unicodedata.category(char)
    if category == "Nd":
        return str(unicodedata.decimal(char))
    if category[0] in "LN" or category in {"Mn", "Mc"}:
        return _LETTERS.get(char, char)
    return "" if category in {"Me", "Cf"} and code != _ZERO_WIDTH_SPACE else " "
