"""Reading what people type into the search."""

from __future__ import annotations

import threading
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capstone.domain.errors import BadQuery
from capstone.domain.query import (
    And,
    Clause,
    DateRange,
    Everything,
    HasAttachment,
    Keyword,
    Not,
    Or,
    WholeAddress,
    Words,
    depth_of,
)
from capstone.usecases.query_language import FIELDS, MAX_CHARS, MAX_WORDS, parse_query


def w(text: str, field: str | None = None, *, is_prefix: bool = False) -> Words:
    return Words(tuple(text.split()), field, is_prefix)


A, B, C, D = w("a"), w("b"), w("c"), w("d")


@pytest.mark.parametrize(
    ("text", "clause"),
    [
        ("budget", w("budget")),
        ("  Budget ", w("budget")),
        ("*", Everything()),
        ("a b", And((A, B))),
        ("a AND b", And((A, B))),
        ("a and b", And((A, w("and"), B))),
        ("a OR b", Or((A, B))),
        ("+a +b", And((A, B))),
        ("-a", Not(A)),
        ("NOT a", Not(A)),
        ("a -b", And((A, Not(B)))),
        ("a NOT b", And((A, Not(B)))),
        ("NOT NOT a", Not(Not(A))),
        ("-(a OR b)", Not(Or((A, B)))),
        ("a AND b OR c", Or((And((A, B)), C))),
        ("a OR b AND c", Or((A, And((B, C))))),
        ("a OR b c", And((Or((A, B)), C))),
        ("a b OR c d", And((A, Or((B, C)), D))),
        ("(a b) OR c", Or((And((A, B)), C))),
        ("((a))", A),
        ("to TO", And((w("to"), w("to")))),
        ('"annual budget"', w("annual budget")),
        ("“annual budget”", w("annual budget")),
        ('"a"', A),
        ("budg*", w("budg", is_prefix=True)),
        ('"annual budg*"', w("annual budg", is_prefix=True)),
        ("subject:budg*", w("budg", "subject", is_prefix=True)),
        (r"budg\*", w("budget"[:4])),
        ("e-mail", w("e mail")),
        ("don't", w("don t")),
        ("don’t", w("don t")),  # noqa: RUF001
        ("AC/DC", w("ac dc")),
        ("e-mai*", w("e mai", is_prefix=True)),
        ("café", w("cafe")),
        ("東京", w("東 京")),
        ("a\x00b", w("a b")),
        ('"what?"', w("what")),
        (r'"say \"yes\""', w("say yes")),
        ('"a: b (c) [d] ~ ^"', w("a b c d")),
        ("subject:a b", And((w("a", "subject"), B))),
        ("SUBJECT:a", w("a", "subject")),
        ("subject: a", w("a", "subject")),
        ('subject:"a b"', w("a b", "subject")),
        ("subject:(a OR b)", Or((w("a", "subject"), w("b", "subject")))),
        ("subject:(a -b)", And((w("a", "subject"), Not(w("b", "subject"))))),
        ("subject:-a", Not(w("a", "subject"))),
        ("-subject:a", Not(w("a", "subject"))),
        ("attachment:report.pdf", w("report pdf", "attachment")),
        ("from:Smith before:2024-01-01", And((w("smith", "from"), DateRange(before=date(2024, 1, 1))))),
        ("from:a OR from:b after:2024-01-01", And((Or((w("a", "from"), w("b", "from"))), DateRange(after=date(2024, 1, 1))))),
        ("after:2024-02-29", DateRange(after=date(2024, 2, 29))),
        ('before:"2024-01-01"', DateRange(before=date(2024, 1, 1))),
        ("from:Jo@Agency.example", WholeAddress("jo@agency.example", "from")),
        ("bcc:jo@agency.example", WholeAddress("jo@agency.example", "bcc")),
        ("to:(a@b.example OR c)", Or((WholeAddress("a@b.example", "to"), w("c", "to")))),
        ("jo@agency.example", Or((WholeAddress("jo@agency.example"), w("jo agency example")))),
        ("body:jo@agency.example", w("jo agency example", "body")),
        ('from:"jo@agency.example"', w("jo agency example", "from")),
        ("from:@agency.example", w("agency example", "from")),
        ("from:jo@agency*", w("jo agency", "from", is_prefix=True)),
        ("account:Director", Keyword("account", "director")),
        ("class:Permanent", Keyword("class", "permanent")),
        ("class:(permanent OR temporary)", Or((Keyword("class", "permanent"), Keyword("class", "temporary")))),
        ("item:010", Keyword("item", "010")),
        ("has:attachment", HasAttachment()),
        ("has:attachments", HasAttachment()),
        ("-has:attachment", Not(HasAttachment())),
        ("* -a", And((Everything(), Not(A)))),
    ],
)
def test_a_query_means_what_it_says(text: str, clause: Clause) -> None:
    assert parse_query(text) == clause


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        (" \t\n", "empty"),
        ("a~", "similar words"),
        ("a~0.5", "similar words"),
        ("a~.", "cannot be read"),
        ('"a b"~3', "near each other"),
        ("a^2", "weights"),
        ("[a TO b]", "ranges"),
        ("after:[2024-01-01 TO 2024-02-01]", "ranges"),
        ("after:>2024-01-01", "after:2024-01-01"),
        ("before:<=2024-01-01", "before:"),
        ("/a.*b/", "slashes"),
        ("b*d", "only at the end"),
        ("*ing", "only at the end"),
        ("wh?t", "only at the end"),
        ('"an* budget"', "only at the end"),
        ("subject:*", "takes no field"),
        ('"*"', "takes no field"),
        ("a-*", "follow a letter"),
        ("colour:red", "no field 'colour'"),
        ("10:30", "no field '10'"),
        ("re:budget", "put text that holds a colon into quotes"),
        ("subject:(from:a)", "inside subject:"),
        ("subject:from:a", "inside subject:"),
        ("before:yesterday", "year-month-day"),
        ("before:2024", "year-month-day"),
        ("after:2023-02-29", "calendar"),
        ("after:٢٠٢٤-٠١-٠١", "year-month-day"),  # noqa: RUF001
        ("before:2024*", "without '*'"),
        ("class:secret", "permanent, temporary, unscheduled"),
        ("has:virus", "has:attachment"),
        ("account:no_such/thing", "id of an account"),
        ("item:a|b", "schedule item"),
        ("item:010*", "without '*'"),
        ("...", "no letter or digit"),
        ('"?!"', "no letter or digit"),
        ('""', "no letter or digit"),
        ("a && b", "no letter or digit"),
        ("👍", "no letter or digit"),
        ("\ud800", "no letter or digit"),
        ('"a', "not closed"),
        ('5" b', "not closed"),
        ('5" b" c', "inside a word"),
        ("(a", "cannot be read"),
        ("a)", "cannot be read"),
        ("()", "cannot be read"),
        ("a OR", "cannot be read"),
        ("OR a", "cannot be read"),
        ("a AND OR b", "cannot be read"),
        ("'a'", "cannot be read near character 1"),
        ("subject:", "cannot be read"),
        ("-", "cannot be read"),
        ("budget - plan", "stands alone"),
        ("–plan", "plain hyphen"),  # noqa: RUF001
        ("a" * (MAX_CHARS + 1), "longer than 4,000"),
        ("(" * 60 + "a" + ")" * 60, "nested"),
        ("(" * 1900 + "a" + ")" * 1900, "nested"),
        ("-" * 30 + "a", "nested"),
        ("NOT " * 900 + "a", "nested"),
        ("a " * (MAX_WORDS + 1), "more than 300 words"),
        ("a-" * MAX_WORDS + "a", "more than 300 words"),
    ],
)
def test_what_is_not_offered_is_refused_and_the_answer_helps(text: str, said: str) -> None:
    with pytest.raises(BadQuery) as caught:
        parse_query(text)
    assert said in caught.value.message
    assert caught.value.code == "E403"
    caught.value.message.encode()


def test_an_unknown_field_is_answered_with_all_fields() -> None:
    with pytest.raises(BadQuery) as caught:
        parse_query("sujet:a")
    assert all(f"{field}:" in caught.value.message for field in FIELDS)


def test_as_many_words_as_allowed_are_read() -> None:
    assert len(parse_query("a OR " * (MAX_WORDS - 1) + "a").clauses) == MAX_WORDS  # type: ignore[union-attr]


PIECES = st.sampled_from(
    [
        *'()[]{}"*?:~^/\\+-!&|<>=.,@ \t\n\x00',
        " AND ",
        " OR ",
        " NOT ",
        " TO ",
        "a",
        "é",
        "東",
        "\ud800",
        "from:",
        "after:",
        "2024-01-01",
        "class:",
        "has:",
        "a@b.example",
        "“",
        "–",  # noqa: RUF001
    ]
)


@given(st.one_of(st.text(st.characters()), st.lists(PIECES, max_size=30).map("".join)))
def test_any_text_is_a_query_or_a_named_error(text: str) -> None:
    try:
        clause = parse_query(text)
    except BadQuery as exc:
        exc.message.encode()
    else:
        assert depth_of(clause) <= 20


def test_threads_do_not_disturb_one_another() -> None:
    wrong: list[object] = []

    def ask(number: int) -> None:
        for step in range(100):
            if number % 2:
                clause = parse_query(f"w{number} OR (x{step} y)")
                if clause != Or((w(f"w{number}"), And((w(f"x{step}"), w("y"))))):
                    wrong.append(clause)
            else:
                with pytest.raises(BadQuery):
                    parse_query("((a OR")

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
