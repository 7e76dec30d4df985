"""A search request becomes a query of Elasticsearch, all of it as a filter: nothing is scored, answers are in order of date."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from capstone.domain.query import (
    ADDRESS_FIELDS,
    TEXT_FIELDS,
    And,
    Clause,
    DateRange,
    Everything,
    HasAttachment,
    Keyword,
    Not,
    Or,
    Scope,
    WholeAddress,
    Words,
)
from capstone.domain.tokens import words_of
from indexing.elastic_rows import key_of_address, plain

Query = dict[str, Any]

NEWEST_FIRST = ({"sent": {"order": "desc", "missing": "_last"}}, {"record_id": {"order": "asc"}})

_ALL: Query = {"match_all": {}}
_NOTHING: Query = {"match_none": {}}
_ALL_EXPANSIONS = 2**31 - 1
"""A phrase that ends in a prefix is cut off after this many words, in silence. Long before that the server refuses by name."""


def asked(clause: Clause, scope: Scope) -> Query:
    """The query for what the clause asks for, of what a viewer may know of."""
    return {"bool": {"filter": [within(scope), _query(clause)]}}


def within(scope: Scope) -> Query:
    """The query for what a viewer may know of."""
    if scope.accounts is None:
        return _ALL
    return {"terms": {"account": sorted(map(plain, scope.accounts))}} if scope.accounts else _NOTHING


def _query(clause: Clause) -> Query:
    match clause:
        case Words():
            return _words(clause)
        case WholeAddress(address, field):
            fields = ADDRESS_FIELDS if field is None else (field,)
            return {"terms": {"addresses": [key_of_address(name, address) for name in fields]}}
        case Keyword(field, value):
            return {"term": {field: plain(value)}}
        case DateRange():
            return _days(clause)
        case HasAttachment():
            return {"term": {"has_attachment": True}}
        case Everything():
            return _ALL
        case Not(inner):
            return {"bool": {"must_not": [_query(inner)]}}
        case And(clauses):
            return _all_of(clauses)
        case Or(clauses):
            return _any_of([_query(inner) for inner in clauses])


def _all_of(clauses: Sequence[Clause]) -> Query:
    """What is denied stands beside what is wanted: one level less than each Not for itself."""
    denied = [_query(inner.clause) for inner in clauses if isinstance(inner, Not)]
    wanted = [_query(inner) for inner in clauses if not isinstance(inner, Not)]
    return {"bool": {"filter": wanted or [_ALL], "must_not": denied}}


def _any_of(queries: Sequence[Query]) -> Query:
    if not queries:
        return _NOTHING
    return queries[0] if len(queries) == 1 else {"bool": {"should": queries, "minimum_should_match": 1}}


def _days(clause: DateRange) -> Query:
    limits = {"gte": clause.after, "lt": clause.before}
    told = {name: day.isoformat() for name, day in limits.items() if day is not None}
    return {"range": {"day": told}} if told else {"exists": {"field": "day"}}


def _words(clause: Words) -> Query:
    """Only folded words reach the engine, and it parts them at blanks: nothing in them has a meaning there."""
    words = words_of(" ".join(clause.words))
    if not words:
        return _NOTHING
    fields = TEXT_FIELDS if clause.field is None else (clause.field,)
    return _any_of([_in_field(field, words, clause.is_prefix) for field in fields])


def _in_field(field: str, words: Sequence[str], is_prefix: bool) -> Query:
    text = " ".join(words)
    if len(words) == 1:
        return {"prefix" if is_prefix else "term": {field: {"value": text}}}
    if is_prefix:
        return {"match_phrase_prefix": {field: {"query": text, "max_expansions": _ALL_EXPANSIONS}}}
    return {"match_phrase": {field: {"query": text}}}
