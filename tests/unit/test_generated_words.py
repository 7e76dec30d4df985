"""Encoded words of generated headers: where a text is cut, whatever is in it."""

from __future__ import annotations

import random
from base64 import b64decode

import pytest

from capstone.domain.generated.header_text import encoded_words

TEXTS = {
    "nothing": "",
    "ascii": "a" * 100,
    "two bytes": "ü" * 100,
    "three bytes": "語" * 100,
    "four bytes": "😀" * 100,
    "halves": "\ud83d" * 100,
    "halves in the wrong order": "\ude00\ud83d" * 30,
    "a half at a cut": "a" * 41 + "\ud83d" + "b" * 41,
    "an exact fit": "a" * 42,
    "one too many": "a" * 43,
    "two bytes across a cut": "a" * 41 + "ü" + "b" * 40,
    "three bytes across a cut": "a" * 40 + "語" + "b" * 40,
    "four bytes across a cut": "a" * 39 + "😀" + "b" * 42,
    "long": "Grüße 語 😀 " * 5_000,
    "anything": "".join(map(chr, random.Random(5).choices(range(0x11000), k=5_000))),
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_encoded_words_hold_as_many_whole_characters_as_they_may(text: str) -> None:
    words, chunk = [], b""
    for raw in (character.encode("utf-8", "replace") for character in text):
        if len(chunk) + len(raw) > 42:
            words.append(chunk)
            chunk = b""
        chunk += raw
    words += [chunk] if chunk else []
    found = encoded_words(text)
    assert [b64decode(word.removeprefix("=?utf-8?b?").removesuffix("?=")) for word in found] == words
    assert all(len(word) <= 75 for word in found)
