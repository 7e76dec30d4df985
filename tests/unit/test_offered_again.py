"""An item offered again: other bytes of the same content are a note, and what is held need not be read."""

from __future__ import annotations

from capstone.domain.fixity import digest_of
from capstone.domain.message import HeldItem, ItemState, Occurrence, Place
from tests.builders import a_designation, a_form
from tests.fakes.archive import MemoryArchive
from tests.unit.companions import ENVELOPE, ONE, capture, offered, with_boundary


def test_other_bytes_of_one_item_with_the_same_content_are_a_note_and_no_record() -> None:
    archive = MemoryArchive()
    first, again = with_boundary("one"), with_boundary("two")
    capture(archive, offered(first, identity="graph:1"))
    report = capture(archive, offered(again, ENVELOPE, identity="graph:1"))
    assert (report.counts["archived"], report.counts["already_held"]) == (0, 1)
    entry = archive.ledger.records.record(f"director/{digest_of(first)}")
    assert [one.differs for one in entry.occurrences] == [None, digest_of(again)]
    assert archive.ledger.records.record(f"director/{digest_of(again)}") is None
    assert not archive.ledger.records.beside([entry.record_id]), "the first capture stands, with what came with it"


def test_that_bytes_differ_is_noted_once_a_place() -> None:
    archive = MemoryArchive()
    for boundary in ("one", "two", "three", "four"):
        capture(archive, offered(with_boundary(boundary), identity="graph:1"))
    capture(archive, offered(with_boundary("five"), identity="graph:1", folder="Moved"))
    entry = archive.ledger.records.record(f"director/{digest_of(with_boundary('one'))}")
    assert [(one.place.folder, one.differs is None) for one in entry.occurrences] == [
        ("Inbox", True), ("Inbox", False), ("Moved", False),
    ]  # fmt: skip


def test_other_content_of_one_item_is_another_record() -> None:
    archive = MemoryArchive()
    capture(archive, offered(with_boundary("one"), identity="graph:1"))
    changed = with_boundary("one", "Something else.")
    report = capture(archive, offered(changed, identity="graph:1"))
    assert report.counts["archived"] == 1
    back = capture(archive, offered(with_boundary("three", "Something else."), identity="graph:1"))
    assert back.counts["already_held"] == 1
    entry = archive.ledger.records.record(f"director/{digest_of(changed)}")
    assert [one.differs is None for one in entry.occurrences] == [True, False]


def test_one_item_twice_in_a_batch_is_one_record() -> None:
    archive = MemoryArchive()
    first, again = with_boundary("one"), with_boundary("two")
    report = capture(archive, offered(first, identity="graph:1"), offered(again, identity="graph:1"))
    assert (report.counts["archived"], report.counts["already_held"]) == (1, 1)


def test_without_an_identity_other_bytes_are_another_record() -> None:
    archive = MemoryArchive()
    report = capture(archive, offered(with_boundary("one")), offered(with_boundary("two"), item_id="2"))
    assert report.counts["archived"] == 2


def test_bytes_that_nobody_can_read_are_never_taken_for_others() -> None:
    archive = MemoryArchive()
    report = capture(archive, offered(b"\x00\x01", identity="graph:1"), offered(b"\x00\x02", identity="graph:1"))
    assert report.counts["archived"] + report.counts["already_held"] == 2
    assert archive.verify().is_sound


def test_an_item_that_the_archive_holds_need_not_be_read_again() -> None:
    archive = MemoryArchive()
    capture(archive, offered(ONE, identity="pst:1"))
    digest = digest_of(ONE)
    report = capture(archive, HeldItem(Occurrence(Place("export", "Moved", "9"), identity="pst:1"), digest, ("c", "1")))
    assert report.counts["already_held"] == 1
    entry = archive.ledger.records.record(f"director/{digest}")
    assert [one.place.folder for one in entry.occurrences] == ["Inbox", "Moved"]
    assert archive.ledger.capture.cursors("director", "export") == {"c": "1"}


def test_a_place_that_makes_it_sent_changes_the_class_of_an_item_that_is_not_read_again() -> None:
    other = a_designation("1", account="deputy", addresses=("ada@agency.example",))
    archive = MemoryArchive(a_designation("support", form=a_form(approved="2019-04-01")), other)
    raw = with_boundary("one")
    capture(archive, offered(raw, identity="pst:1"))
    record_id = f"director/{digest_of(raw)}"
    before = archive.ledger.records.record(record_id).classification
    capture(archive, HeldItem(Occurrence(Place("export", "Sent", "9"), is_sent=True, identity="pst:1"), digest_of(raw)))
    assert archive.ledger.records.record(record_id).classification != before


def test_what_a_source_wrongly_thinks_is_held_is_named() -> None:
    archive = MemoryArchive()
    report = capture(archive, HeldItem(Occurrence(Place("export", "", "1")), "0" * 64))
    assert report.counts["failed"] == 1
    [(_, refused)] = archive.ledger.records.refused([report.run])
    assert (refused.state, refused.code) == (ItemState.FAILED, "not_held")
