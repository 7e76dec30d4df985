"""The audit chain: any change to any entry shows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capstone.domain.events import GENESIS, AuditEntry, first_break, link

NOON = datetime(2031, 5, 6, 12, 0, 0, tzinfo=UTC)


def chain(length: int) -> list[AuditEntry]:
    entries: list[AuditEntry] = []
    for seq in range(1, length + 1):
        previous = entries[-1].digest if entries else GENESIS
        entries.append(link(seq, NOON + timedelta(seconds=seq), "robin", "search", {"query": "budget", "total": seq}, previous))
    return entries


def test_an_empty_chain_is_whole() -> None:
    assert first_break([]) is None


def test_a_chain_of_links_is_whole() -> None:
    assert first_break(chain(5)) is None


def test_equal_entries_have_equal_digests() -> None:
    assert chain(3) == chain(3)


def test_the_order_of_details_does_not_matter() -> None:
    one = link(1, NOON, "robin", "view", {"a": 1, "b": 2}, GENESIS)
    assert one.digest == link(1, NOON, "robin", "view", {"b": 2, "a": 1}, GENESIS).digest


@pytest.mark.parametrize(
    "change",
    [
        {"seq": 9},
        {"at": NOON + timedelta(microseconds=1)},
        {"actor": "alex"},
        {"event": "view"},
        {"details": {"query": "budget", "total": 4}},
        {"previous": "f" * 64},
        {"digest": "f" * 64},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_field_of_an_entry_is_guarded(change: dict[str, object]) -> None:
    entries = chain(4)
    entries[2] = replace(entries[2], **change)  # type: ignore[arg-type]
    assert first_break(entries) == entries[2].seq


@given(st.integers(2, 8), st.data())
def test_an_entry_taken_out_breaks_the_chain_where_it_was(length: int, data: st.DataObject) -> None:
    entries = chain(length)
    taken = data.draw(st.integers(0, length - 2))
    following = entries[taken + 1].seq
    del entries[taken]
    assert first_break(entries) == following


def test_entries_in_another_order_break_the_chain() -> None:
    entries = chain(4)
    entries[1], entries[2] = entries[2], entries[1]
    assert first_break(entries) == 3


def test_a_forged_entry_is_found_by_the_one_after_it() -> None:
    entries = chain(4)
    entries[1] = link(2, entries[1].at, "robin", "search", {"query": "other"}, entries[0].digest)
    assert first_break(entries) == 3


def test_a_chain_that_begins_anew_is_broken_at_its_begin() -> None:
    entries = chain(4)
    restarted = link(3, NOON, "robin", "search", {}, GENESIS)
    assert first_break([*entries[:2], restarted]) == 3


def test_a_chain_that_does_not_begin_at_genesis_is_broken() -> None:
    assert first_break(chain(4)[1:]) == 2
