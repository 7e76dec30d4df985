"""What is kept beside a record: under its lock, checked, mended, named and handed out with it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from capstone.domain.fixity import digest_of
from capstone.domain.layout import record_key
from capstone.domain.message import Companion, CompanionKind
from capstone.domain.records import Lock
from capstone.ports import ObjectRef, PutRequest, VersionSeen
from capstone.usecases.export import MANIFEST, export
from capstone.usecases.rebuild import RebuildParts, rebuild_ledger
from tests.builders import a_designation, a_form
from tests.fakes.archive import OFFICER, MemoryArchive
from tests.fakes.export_target import MemoryExport
from tests.unit.companions import ENVELOPE, NATIVE, ONE, TWO, capture, key_of, offered


def locks(archive: MemoryArchive, keys: Iterable[str]) -> list[Lock]:
    states = archive.store.states([ObjectRef(key) for key in keys])
    return [state.lock for state in states]


def test_what_comes_with_a_message_is_kept_under_its_lock_and_told_by_ledger_and_manifest() -> None:
    archive = MemoryArchive()
    assert capture(archive, offered(ONE, NATIVE, ENVELOPE)).counts["archived"] == 1
    record_id = f"director/{digest_of(ONE)}"
    kept = archive.ledger.records.beside([record_id])[record_id]
    assert [archive.store.get(one.key("director"), one.version_id) for one in kept] == [NATIVE.raw, ENVELOPE.raw]
    record, native, envelope = locks(archive, [record_key("director", digest_of(ONE)), key_of(NATIVE), key_of(ENVELOPE)])
    assert record == native == envelope
    entry = archive.ledger.records.record(record_id)
    assert entry.occurrences[0].envelope == digest_of(ENVELOPE.raw)
    assert archive.verify().is_sound


def test_a_second_envelope_of_a_known_message_is_kept_too() -> None:
    archive = MemoryArchive()
    capture(archive, offered(ONE, ENVELOPE))
    other = Companion(CompanionKind.ENVELOPE, "eml", b"another report")
    report = capture(archive, offered(ONE, other, item_id="2"), offered(ONE, other, item_id="2"))
    assert report.counts["already_held"] == 2
    record_id = f"director/{digest_of(ONE)}"
    assert [one.suffix for one in archive.ledger.records.beside([record_id])[record_id]] == ["json", "eml"]
    assert len(archive.ledger.records.record(record_id).occurrences) == 2


def test_what_is_kept_beside_a_new_record_of_the_same_batch_has_its_lock() -> None:
    archive = MemoryArchive()
    other = Companion(CompanionKind.ENVELOPE, "eml", b"another report")
    capture(archive, offered(ONE, ENVELOPE), offered(ONE, other, item_id="2"))
    record, first, second = locks(archive, [record_key("director", digest_of(ONE)), key_of(ENVELOPE), key_of(other)])
    assert record == first == second


def test_a_damaged_or_missing_companion_is_found() -> None:
    archive = MemoryArchive()
    capture(archive, offered(ONE, NATIVE, ENVELOPE))
    archive.store.raw[key_of(NATIVE)] = b"flipped"
    del archive.store.raw[key_of(ENVELOPE)]
    report = archive.verify()
    assert (report.damaged, report.missing) == ([key_of(NATIVE)], [key_of(ENVELOPE)])
    assert report.checked == 1


def test_a_lock_that_a_companion_lacks_is_mended() -> None:
    archive = MemoryArchive()
    capture(archive, offered(ONE, NATIVE))
    archive.store.guard[key_of(NATIVE)] = (Lock(), archive.store.guard[key_of(NATIVE)][1])
    report = archive.reconcile()
    assert [(one.what, one.id) for one in report.mended if one.where == "store"] == [("lock", key_of(NATIVE))]
    (mended,) = locks(archive, [key_of(NATIVE)])
    assert mended.hold


def test_a_class_that_changes_changes_the_lock_of_what_is_kept_beside() -> None:
    """Permanent by a second place."""
    archive = MemoryArchive(a_designation("support", form=a_form(approved="2019-04-01")))
    capture(archive, offered(ONE, NATIVE))
    (before,) = locks(archive, [key_of(NATIVE)])
    assert not before.hold
    archive.designations[:] = [a_designation("1")]
    capture(archive, offered(ONE, item_id="2"))
    record, native = locks(archive, [record_key("director", digest_of(ONE)), key_of(NATIVE)])
    assert record.hold
    assert native.hold


def test_a_ledger_made_anew_knows_what_is_kept_beside() -> None:
    archive = MemoryArchive()
    capture(archive, offered(ONE, NATIVE, ENVELOPE, identity="ews:AAMk"))
    record_id = f"director/{digest_of(ONE)}"
    before = archive.ledger.records.beside([record_id]), archive.ledger.records.record(record_id)
    other = MemoryArchive()
    other.store = archive.store
    other.ledger = type(archive.ledger)()
    rebuild_ledger(RebuildParts(other.store, other.ledger.capture, other.registering, other.ledger.audit, other.clock), "rosa")
    assert (other.ledger.records.beside([record_id]), other.ledger.records.record(record_id)) == before
    assert other.ledger.capture.held_items("director", ["ews:AAMk", "ews:other"]) == {"ews:AAMk": (digest_of(ONE),)}


def test_two_envelopes_whose_place_changes_the_class_have_both_the_new_lock() -> None:
    archive = MemoryArchive(a_designation("support", form=a_form(approved="2019-04-01")))
    capture(archive, offered(ONE))
    archive.designations[:] = [a_designation("1")]
    other = Companion(CompanionKind.ENVELOPE, "eml", b"another report")
    capture(archive, offered(ONE, ENVELOPE, item_id="2"), offered(ONE, other, item_id="3"))
    record, first, second = locks(archive, [record_key("director", digest_of(ONE)), key_of(ENVELOPE), key_of(other)])
    assert record.hold
    assert first == second == Lock(hold=True)


def test_what_lies_beside_no_record_is_named_and_what_hides_it_taken_away() -> None:
    archive = MemoryArchive()
    capture(archive, offered(ONE, NATIVE))
    stray = Companion(CompanionKind.ENVELOPE, "eml", b"a report whose batch came to no manifest")
    archive.store.put_all([PutRequest(key_of(stray), stray.raw, digest_of(stray.raw), Lock(hold=True), {})])
    archive.store.on_top[key_of(NATIVE)] = [VersionSeen(key_of(NATIVE), "m", is_latest=True, is_marker=True)]
    report = archive.reconcile()
    assert [(one.what, one.id) for one in report.unexpected] == [("object beside no record", key_of(stray))]
    assert ("delete marker", key_of(NATIVE)) in [(one.what, one.id) for one in report.mended]


def test_what_is_missing_is_named_once_while_the_rest_is_mended() -> None:
    archive = MemoryArchive()
    capture(archive, offered(ONE, NATIVE))
    del archive.store.raw[key_of(NATIVE)]
    key = record_key("director", digest_of(ONE))
    archive.store.guard[key] = (Lock(), archive.store.guard[key][1])
    archive.store.on_top[key_of(ENVELOPE)] = [VersionSeen(key_of(ENVELOPE), "m", is_latest=True, is_marker=True)]
    report = archive.reconcile()
    assert [(one.what, one.id) for one in report.missing] == [("object beside a record", key_of(NATIVE))]
    assert ("lock", f"director/{digest_of(ONE)}") in [(one.what, one.id) for one in report.mended]


def test_an_export_hands_out_what_is_kept_beside() -> None:
    archive = MemoryArchive()
    capture(archive, offered(ONE, NATIVE), offered(TWO, item_id="2"))
    archive.index_pending()
    target = MemoryExport()
    report = export(archive.reading, OFFICER, "*", target, "eml")
    name = f"director/{digest_of(ONE)}.native/{digest_of(NATIVE.raw)}.msg"
    assert target.files[name] == NATIVE.raw
    assert report.bytes == len(ONE) + len(TWO) + len(NATIVE.raw)
    rows = {row["record_id"]: row["beside"] for row in csv.DictReader(io.StringIO(target.files[MANIFEST].decode(), newline=""))}
    assert rows == {f"director/{digest_of(ONE)}": name, f"director/{digest_of(TWO)}": ""}
