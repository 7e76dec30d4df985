"""Rebuild: the store alone is enough for a ledger and an index, and what it lacks is named."""

from __future__ import annotations

from dataclasses import replace

import pytest

from capstone.domain.errors import FixityMismatch
from capstone.domain.manifest import read_manifest, write_manifest
from capstone.usecases.rebuild import rebuild_index
from capstone.usecases.register import import_officials
from tests.fakes.archive import OFFICER, Cut, MemoryArchive, PowerCut
from tests.fakes.list_source import ListSource, offered
from tests.unit.three_records import CSV, ONE, SOURCE, THREE, rebuilt, three_records, without_officials


@pytest.fixture
def archive() -> MemoryArchive:
    return three_records()


def test_the_ledger_is_made_anew_from_the_store_alone() -> None:
    archive = without_officials()
    import_officials(archive.registering, CSV, OFFICER.name, frozenset())
    archive.designations = archive.ledger.register.designations()
    archive.capture(SOURCE)
    archive.capture(ListSource(offered(ONE, "5"), offered(THREE, "3")))
    other = rebuilt(archive)
    assert other.ledger.register.designations() == archive.ledger.register.designations()
    for record_id in archive.record_ids():
        assert other.ledger.records.record(record_id) == archive.ledger.records.record(record_id)
        assert other.ledger.records.class_history(record_id) == archive.ledger.records.class_history(record_id)
    assert other.ledger.records.quarantine() == archive.ledger.records.quarantine()
    assert other.verify().is_sound
    assert {run.outcome for run in other.ledger.records.runs()} == {"rebuilt"}
    assert other.capture(SOURCE).counts["archived"] == 0
    assert other.verify().is_sound


def test_a_rebuild_without_any_decision_stops_instead_of_dropping_the_register(archive: MemoryArchive) -> None:
    archive.store.raw = {key: raw for key, raw in archive.store.raw.items() if not key.startswith("decisions/")}
    with pytest.raises(FixityMismatch):
        rebuilt(archive)


def test_the_index_is_made_anew_from_the_store_alone(archive: MemoryArchive) -> None:
    before = list(archive.index.ids())
    assert rebuild_index(archive.index, archive.ledger.outbox).as_dict()["documents_due"] == 3
    assert list(archive.index.ids()) == []
    archive.index_pending()
    assert list(archive.index.ids()) == before


def test_a_manifest_whose_record_lacks_its_class_stops_the_rebuild(archive: MemoryArchive) -> None:
    first = next(iter(archive.store.list_keys("manifests/")))
    head, lines = read_manifest(archive.store.raw[first])
    archive.store.raw[first] = write_manifest(head, [replace(lines[0], classification=None)])
    with pytest.raises(FixityMismatch):
        rebuilt(archive)


def test_a_decision_that_lacks_the_one_before_it_stops_the_rebuild_and_names_it(archive: MemoryArchive) -> None:
    import_officials(archive.registering, CSV, OFFICER.name, frozenset())
    del archive.store.raw[next(iter(archive.store.list_keys("decisions/")))]
    with pytest.raises(FixityMismatch, match="Decision 1 is missing"):
        rebuilt(archive)


def test_a_reset_of_the_index_that_is_cut_off_leaves_every_record_due(archive: MemoryArchive) -> None:
    with pytest.raises(PowerCut):
        rebuild_index(Cut(archive.index, "reset", after=True), archive.ledger.outbox)
    assert archive.ledger.outbox.pending() == 3
