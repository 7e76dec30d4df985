"""Folding text into words."""

from __future__ import annotations

import time
from unicodedata import category

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capstone.domain.tokens import MAX_WORD_CHARS, folded, words_of

ANY_TEXT = st.text(st.characters())
"""Half characters (lone surrogates) included."""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ""),
        ("  \t\r\n ", ""),
        ("The QUICK fox.", "the quick fox"),
        ("don't e-mail me@agency.example!", "don t e mail me agency example"),
        ("snake_case $1,000.50", "snake case 1 000 50"),
        ("naïve café résumé ÅNGSTRÖM", "naive cafe resume angstrom"),
        ("e\u0301te\u0301", "ete"),
        ("Straße STRASSE ẞ", "strasse strasse ss"),
        ("Łódź Søren Æther œuvre Đorđe Þór", "lodz soren aether oeuvre dorde thor"),
        ("İstanbul \u0131rmak", "istanbul irmak"),
        ("ﬁn ² ½ Ⅳ ＡＢＣ ㎏ ™", "fin 2 1 2 iv abc kg tm"),  # noqa: RUF001
        ("Ёлка ещё йод", "елка еще иод"),
        ("ΣΊΣΥΦΟΣ Σίσυφος ᾳ", "σισυφοσ σισυφοσ α"),  # noqa: RUF001
        ("東京 tower東京", "東 京 tower 東 京"),
        ("ｶﾞｲﾄﾞ ガイド がぎ", "ガ イ ド ガ イ ド が ぎ"),
        ("か\u3099 タワー 時々", "が タ ワ ー 時 々"),
        ("서울 예산 한국", "서울 예산 한국"),
        ("हिन्दी ค้า", "हिन्दी ค้า"),
        ("شَدَّة أحمد كـتاب", "شدة احمد كتاب"),
        ("שָׁלוֹם", "שלום"),
        ("٣٤ ३४ ３４", "34 34 34"),  # noqa: RUF001
        ("co\u00adop\u200bera\u200dte \u202eabc\u202c \ufeffx", "coop erate abc x"),
        ("a\ud800b \udfff", "a b"),
        ("👍🏽 ❤️ ☃ → \ue000 \U000f0000", ""),
        ("a\x00b\x1b[31mc", "a b 31mc"),
        ("“quoted” – dash…", "quoted dash"),  # noqa: RUF001
    ],
)
def test_text_is_folded_as_documented(text: str, words: str) -> None:
    assert words_of(text) == words.split()


@given(ANY_TEXT)
def test_folding_what_is_folded_changes_nothing(text: str) -> None:
    assert words_of(folded(text)) == words_of(text)


def test_every_character_alone_or_beside_letters_is_folded_for_good() -> None:
    for char in map(chr, range(0x110000)):
        if category(char) not in {"Cn", "Co"}:
            once = folded(f"{char} a{char} {char}b")
            assert folded(once) == once, ascii(char)


@given(ANY_TEXT, ANY_TEXT)
def test_words_apart_stay_what_they_are_together(first: str, second: str) -> None:
    assert words_of(f"{first} {second}") == words_of(first) + words_of(second)


@given(st.text(st.characters(codec="ascii")))
def test_plain_text_is_cut_at_everything_but_letters_and_digits(text: str) -> None:
    spaced = "".join(char if char.isalnum() else " " for char in text)
    assert folded(text) == " ".join(spaced.lower().split())


@given(ANY_TEXT)
def test_words_can_be_stored_and_hold_no_blank(text: str) -> None:
    for word in words_of(text):
        assert word
        assert not any(char.isspace() for char in word)
        word.encode()


@pytest.mark.parametrize("letter", ["x", "é", "ж", "\U00010400"])
def test_a_very_long_word_is_cut(letter: str) -> None:
    (word,) = words_of(letter * 5000)
    assert len(word) == MAX_WORD_CHARS
    assert len(word.encode("utf-16-le")) // 2 <= 255
    assert words_of(word) == [word]


@pytest.mark.parametrize("text", ["a" * 1_000_000, "é" * 300_000, "\u0301" * 300_000, "\ufdfa" * 20_000, "漢" * 100_000])
def test_hostile_text_takes_bounded_time(text: str) -> None:
    began = time.process_time()
    words_of(text)
    assert time.process_time() - began < 5
