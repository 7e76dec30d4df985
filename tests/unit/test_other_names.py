"""An item that another source called otherwise: its content is compared with what is held under that name too."""

from __future__ import annotations

from typing import Any

import pytest

from capstone.domain.fixity import digest_of
from capstone.domain.message import HeldItem, Occurrence, OfferedMessage, Place
from tests.builders import a_designation, a_form
from tests.fakes.archive import MemoryArchive
from tests.fakes.list_source import ListSource
from tests.unit.companions import ENVELOPE, with_boundary


def by_ews(raw: bytes, name: str = "ews:1") -> OfferedMessage:
    return OfferedMessage(Occurrence(Place("exchange", "Inbox", name), identity=name), raw)


def by_graph(raw: bytes, *also: str, folder: str = "Inbox", **seen: Any) -> OfferedMessage:
    occurrence = Occurrence(Place("graph", folder, "1"), identity="graph:1", envelope=digest_of(ENVELOPE.raw), **seen)
    return OfferedMessage(occurrence, raw, companions=(ENVELOPE,), digest=digest_of(raw), also=also or ("ews:1",))


def captured(archive: MemoryArchive, *items: OfferedMessage | HeldItem) -> tuple[int, int]:
    archive.clock.move(minutes=1)
    report = archive.capture(ListSource(*items))
    return report.counts["archived"], report.counts["already_held"]


def test_the_same_content_under_the_other_name_is_a_note_at_the_first_capture() -> None:
    archive = MemoryArchive()
    first, again = with_boundary("one"), with_boundary("two")
    captured(archive, by_ews(first))
    assert captured(archive, by_graph(again, flags=("\\Seen",))) == (0, 1)
    (entry,) = archive.ledger.records.records()
    noted = archive.ledger.records.record(entry.record_id).occurrences[-1]
    assert (noted.identity, noted.differs, noted.flags) == ("graph:1", digest_of(again), ("\\Seen",))
    assert archive.ledger.capture.held_items("director", ["graph:1", "ews:1"]) == {
        "ews:1": (digest_of(first),),
        "graph:1": (digest_of(first),),
    }
    # By now it is known by its own name.
    assert captured(archive, by_graph(with_boundary("three"), "ews:of another folder")) == (0, 1)


def test_other_content_under_the_other_name_is_another_record() -> None:
    archive = MemoryArchive()
    captured(archive, by_ews(with_boundary("one")))
    edited = with_boundary("two", "Something else.")
    assert captured(archive, by_graph(edited)) == (1, 0)
    assert captured(archive, by_graph(with_boundary("three"))) == (0, 1)
    assert captured(archive, by_graph(with_boundary("four", "Something else."))) == (0, 1)
    assert len(archive.record_ids()) == 2


def test_the_same_bytes_under_the_other_name_are_held_with_their_envelope() -> None:
    archive = MemoryArchive()
    raw = with_boundary("one")
    captured(archive, by_ews(raw))
    assert captured(archive, by_graph(raw)) == (0, 1)
    (record_id,) = archive.record_ids()
    assert [one.digest for one in archive.ledger.records.beside([record_id])[record_id]] == [digest_of(ENVELOPE.raw)]


def test_what_nobody_holds_under_the_other_name_is_archived() -> None:
    archive = MemoryArchive()
    captured(archive, by_ews(with_boundary("one"), "ews:2"))
    assert captured(archive, by_graph(with_boundary("two"))) == (1, 0)


def test_two_names_of_one_batch_meet() -> None:
    """The item is listed in two folders, of which the first alone gives it a name that the archive knows."""
    archive = MemoryArchive()
    captured(archive, by_ews(with_boundary("one")))
    moved = by_graph(with_boundary("three"), "ews:9", folder="Plans")
    assert captured(archive, by_graph(with_boundary("two")), moved) == (0, 2)


@pytest.mark.parametrize("is_first", [True, False])
def test_a_name_of_another_source_counts_for_an_item_without_one_of_its_own(is_first: bool) -> None:
    archive = MemoryArchive()
    captured(archive, *([by_ews(with_boundary("one"))] if is_first else []))
    nameless = OfferedMessage(Occurrence(Place("files", "", "1")), with_boundary("two"), also=("ews:1",))
    assert nameless.identities == ("ews:1",)
    assert captured(archive, nameless) == ((0, 1) if is_first else (1, 0))


def test_a_place_where_it_was_sent_changes_the_class_of_what_is_held_under_the_other_name() -> None:
    other = a_designation("1", account="deputy", addresses=("ada@agency.example",))
    archive = MemoryArchive(a_designation("support", form=a_form(approved="2019-04-01")), other)
    captured(archive, by_ews(with_boundary("one")))
    (record_id,) = archive.record_ids()
    before = archive.ledger.records.record(record_id).classification
    assert captured(archive, by_graph(with_boundary("two"), folder="Sent", is_sent=True)) == (0, 1)
    assert archive.ledger.records.record(record_id).classification != before
