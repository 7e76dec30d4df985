"""What stands ready for cases that only hostile mail or a later version of a library can bring about."""

from __future__ import annotations

import pytest
from luqum import tree

from capstone.domain import snippets, tokens
from capstone.domain.errors import BadQuery
from capstone.domain.fixity import digest_of
from capstone.domain.mbox import first_line
from capstone.domain.unread import unread_facts, unread_message
from capstone.usecases import query_language


def test_a_message_that_ended_its_reader_is_its_digest_and_size() -> None:
    facts = unread_facts(b"hostile")
    assert (facts.size_bytes, facts.content_key) == (7, digest_of(b"hostile"))
    assert (facts.header_date, facts.trace_date, facts.from_addresses) == (None, None, ())
    assert [problem.code for problem in facts.problems] == ["reader_ended"]
    assert unread_message(b"hostile").parser == "headers"


def test_the_first_line_of_a_file_is_an_mbox_line_or_none() -> None:
    line = b"From ada@agency.example Mon Feb  3 10:00:00 2020"
    assert first_line(line + b"\nSubject: x\n") is not None
    assert first_line(b"Subject: x\n") is None


def test_a_word_that_the_text_does_not_have_leaves_the_snippet_at_its_start() -> None:
    assert snippets._char_of_word("one two", 5) == 0


def test_what_characters_become_is_remembered_for_a_bounded_number_of_them() -> None:
    memo = tokens._Memo()
    for code in range(tokens._MAX_MEMO):
        memo._keep(code, "x")
    assert memo._keep(tokens._MAX_MEMO, "y") == "y"
    assert len(memo) == tokens._MAX_MEMO


def test_a_kind_of_query_that_a_later_grammar_may_know_is_refused() -> None:
    with pytest.raises(BadQuery):
        query_language._clause(tree.Item(), None, 0)
