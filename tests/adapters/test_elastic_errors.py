"""Which answers of Elasticsearch mean what; other errors go through."""

from __future__ import annotations

import pytest
from elastic_transport import ConnectionError as NoConnection
from elastic_transport import ConnectionTimeout

from capstone.domain.errors import BadQuery, CapstoneError, IndexDamaged, IndexRefused, IndexUnavailable
from indexing.elastic_errors import Refusal, asked_again, kinds_of, named_errors


@pytest.mark.parametrize(
    ("status", "kind", "named"),
    [
        (401, "security_exception", IndexRefused),
        (403, "security_exception", IndexRefused),
        (403, "cluster_block_exception", IndexUnavailable),
        (429, "cluster_block_exception", IndexUnavailable),
        (429, "es_rejected_execution_exception", IndexUnavailable),
        (400, "too_many_nested_clauses", BadQuery),
        (400, "strict_dynamic_mapping_exception", IndexDamaged),
        (400, "query_shard_exception", IndexDamaged),
        (400, "validation_exception", IndexUnavailable),
        (404, "index_not_found_exception", IndexUnavailable),
        (404, "search_context_missing_exception", IndexUnavailable),
        (500, "search_phase_execution_exception", IndexUnavailable),
        (503, "no_shard_available_action_exception", IndexUnavailable),
    ],
)
def test_an_answer_has_a_name(status: int, kind: str, named: type[CapstoneError]) -> None:
    with pytest.raises(named), named_errors():
        raise Refusal(status, frozenset({kind, "wrapping_exception"}))


@pytest.mark.parametrize("vendor", [NoConnection("no"), ConnectionTimeout("late")])
def test_a_server_that_cannot_be_reached_is_unavailable(vendor: Exception) -> None:
    with pytest.raises(IndexUnavailable), named_errors():
        raise vendor


@pytest.mark.parametrize("other", [ValueError("ours"), KeyError("ours"), MemoryError(), TypeError("ours")])
def test_other_errors_go_through(other: Exception) -> None:
    with pytest.raises(type(other)) as caught, named_errors():
        raise other
    assert caught.value is other


@pytest.mark.parametrize(
    ("met", "asked"),
    [
        (Refusal(429, frozenset()), 2),
        (NoConnection("no"), 2),
        (Refusal(429, frozenset({"cluster_block_exception"})), 1),
        (Refusal(400, frozenset()), 1),
        (ConnectionTimeout("late"), 1),
        (ValueError("ours"), 1),
    ],
)
def test_only_what_may_pass_is_asked_again_and_no_more_often_than_told(met: Exception, asked: int) -> None:
    questions = []

    def ask() -> None:
        questions.append(1)
        raise met

    with pytest.raises(type(met)):
        asked_again(2, ask)
    assert len(questions) == asked


def test_types_of_errors_are_found_wherever_they_stand() -> None:
    inner = {"type": "too_many_nested_clauses", "reason": "..."}
    body = {"error": {"type": "outer", "failed_shards": [{"reason": {"type": "middle", "caused_by": inner}}]}, "status": 400}
    assert kinds_of(body) == {"outer", "middle", "too_many_nested_clauses"}
    assert kinds_of("<html>") == kinds_of(None) == frozenset()
