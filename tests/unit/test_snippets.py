"""What is shown of a hit."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capstone.domain.query import And, Everything, Not, Or, Words
from capstone.domain.snippets import SNIPPET_CHARS, safe_line, snippet_of, wanted_phrases
from capstone.domain.tokens import folded, words_of

ANY_TEXT = st.text(st.characters())
FILLER = "lorem ipsum dolor " * 300


def phrase(text: str, *, is_prefix: bool = False) -> Words:
    return Words(tuple(words_of(text)), None, is_prefix)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("plain", "plain"),
        ("two\r\n lines\tand  more ", "two lines and more"),
        ("\x1b[31mred\x07\x9b0m", "[31mred 0m"),
        ("abc\u202edef\u2066\u200f\ufeff\u200b", "abcdef"),
        ("a\u2028b\u2029c\x85d", "a b c d"),
        ("half \ud800", "half \ufffd"),
        ("tag\U000e0041s", "tags"),
        ("été 東京", "été 東京"),
    ],
)
def test_a_shown_line_is_one_line_without_control_characters(text: str, line: str) -> None:
    assert safe_line(text) == line


@given(ANY_TEXT, st.integers(1, 50))
def test_a_shown_line_keeps_its_limit_and_can_be_printed(text: str, limit: int) -> None:
    line = safe_line(text, limit)
    assert len(line) <= limit
    line.encode()
    assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for char in line)


def test_a_long_line_says_that_it_was_cut() -> None:
    assert safe_line("one two three", 8) == "one two…"
    assert safe_line("x" * 1000, 10) == "x" * 9 + "…"
    assert safe_line("x" + " " * 1000 + "y", 10) == "x …"


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("Needle", phrase("needle")),
        ("NEEDLE-work", phrase("needle work")),
        ("needles", phrase("need", is_prefix=True)),
        ("Nëédle", phrase("needle")),
        ("Straße", phrase("strasse")),
        ("the annual\n  budget", phrase("annual budget")),
        ("l’Été dernier", phrase("ete dernier")),  # noqa: RUF001
        ("İstanbul", phrase("istanbul")),
        ("京都東京大阪", phrase("東京")),
    ],
)
@pytest.mark.parametrize("before", ["", FILLER, "é" + FILLER])
def test_a_snippet_stands_around_what_was_asked_for(written: str, wanted: Words, before: str) -> None:
    snippet = snippet_of(f"{before} needled needl {written} {FILLER}", [wanted])
    assert " ".join(written.split()) in snippet
    assert snippet.startswith("…") is bool(before)
    assert snippet.endswith("…")
    assert len(snippet) <= SNIPPET_CHARS + 2


def test_whole_words_are_shown() -> None:
    inner = snippet_of(FILLER + "needle " + FILLER, [phrase("needle")]).strip("…").split()
    assert set(inner) == {"lorem", "ipsum", "dolor", "needle"}


def test_without_a_place_the_beginning_is_shown() -> None:
    for wanted in ([], [phrase("absent")]):
        snippet = snippet_of("First words. " + FILLER, wanted)
        assert snippet.startswith("First words.")
        assert snippet.endswith("…")
    assert snippet_of("Short.", []) == "Short."
    assert snippet_of(" \n ", [phrase("a")]) == ""


def test_a_phrase_across_two_windows_is_found() -> None:
    for length in range(1_985, 2_006):
        assert "ålpha beta" in snippet_of("x" * length + " ålpha beta " + FILLER, [phrase("alpha beta")])


def test_only_what_is_wanted_in_the_body_is_looked_for() -> None:
    budget, plan, fund = phrase("budget"), Words(("plan",), "body"), phrase("fund")
    clause = And((budget, Not(phrase("draft")), Or((plan, Everything())), Words(("re",), "subject"), fund))
    assert wanted_phrases(clause) == [budget, plan, fund]


@given(ANY_TEXT, st.lists(ANY_TEXT, max_size=3), st.booleans())
def test_a_snippet_of_anything_is_a_safe_line(text: str, asked: list[str], is_prefix: bool) -> None:
    wanted = [phrase(words, is_prefix=is_prefix) for words in asked if words_of(words)]
    snippet = snippet_of(text, wanted)
    assert snippet == safe_line(snippet)


@given(st.text(st.sampled_from("ab é東\n-")), st.text(st.sampled_from("abe東"), min_size=1, max_size=3))
def test_what_the_index_finds_the_snippet_shows(text: str, asked: str) -> None:
    wanted = phrase(asked)
    if f" {' '.join(wanted.words)} " in f" {folded(text)} ":
        assert f" {' '.join(wanted.words)} " in f" {folded(snippet_of(f'{FILLER}{text} {FILLER}', [wanted]))} "


@pytest.mark.parametrize("text", ["a" * 1_000_000, "xa " * 300_000, "é" * 300_000, "é- " * 300_000, "a " * 400_000 + "é"])
def test_hostile_text_takes_bounded_time(text: str) -> None:
    began = time.process_time()
    snippet_of(text, [phrase("a b"), phrase("é z")])
    assert time.process_time() - began < 5
