"""Reconcile: what can be mended is mended, and what cannot is named and left as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from capstone.domain.errors import MissingSecret, ObjectMissing, StoreUnavailable
from capstone.domain.fixity import digest_of
from capstone.domain.layout import record_key
from capstone.domain.message import Place
from capstone.domain.records import Lock, RecordEntry
from capstone.ports import ObjectRef, PutRequest, VersionSeen
from capstone.usecases.decisions import adopt_decisions
from capstone.usecases.differences import paired
from capstone.usecases.reconcile import ReconcileParts, reconcile
from capstone.usecases.stored import state_of
from tests.builders import a_designation
from tests.fakes.archive import Cut, MemoryArchive, PowerCut, Wrapped, a_message
from tests.fakes.list_source import ListSource, offered
from tests.unit.three_records import KEY, ONE, RECORD, SOURCE, Unreadable, rebuilt, three_records


@pytest.fixture
def archive() -> MemoryArchive:
    return three_records()


class LateRecords(Wrapped):
    """A ledger whose first page of records was read before a capture committed."""

    _pages = 0

    def records(self) -> Iterator[RecordEntry]:
        self._pages += 1
        found = list(self._inner.records())
        return iter(found[1:] if self._pages == 1 else found)


class LateIds(Wrapped):
    """An index that tells its ids after `meanwhile`, when the ledger has been read already."""

    def __init__(self, inner: Any, meanwhile: Callable[[], object]) -> None:
        super().__init__(inner)
        self._meanwhile = meanwhile

    def ids(self) -> Iterator[str]:
        self._meanwhile()
        yield from self._inner.ids()


def test_an_archive_in_order_shows_no_differences(archive: MemoryArchive) -> None:
    report = archive.reconcile(("director", SOURCE))
    assert report.as_dict() == {"compared": 5, "missing": [], "unexpected": [], "mended": []}


def test_a_missing_record_is_named_and_never_hidden(archive: MemoryArchive) -> None:
    del archive.store.raw[KEY]
    assert [one.as_dict() for one in archive.reconcile().missing] == [{"where": "store", "what": "record", "id": RECORD}]


def test_a_weakened_lock_and_changed_tags_are_mended(archive: MemoryArchive) -> None:
    tags = archive.store.guard[KEY][1]
    archive.store.guard[KEY] = (Lock(), {"record-class": "temporary"})
    report = archive.reconcile()
    assert [one.what for one in report.mended] == ["lock", "tags"]
    assert archive.store.guard[KEY] == (Lock(hold=True), tags)


def test_changed_tags_alone_are_mended_and_the_lock_is_left(archive: MemoryArchive) -> None:
    lock, tags = archive.store.guard[KEY]
    archive.store.guard[KEY] = (lock, {})
    assert [one.what for one in archive.reconcile().mended] == ["tags"]
    assert archive.store.guard[KEY] == (lock, tags)


def test_the_lock_of_an_object_that_is_gone_is_asked_for_in_vain(archive: MemoryArchive) -> None:
    with pytest.raises(ObjectMissing, match="no object"):
        state_of(archive.store, ObjectRef("records/director/aa/gone.eml"))


def test_a_marker_that_hides_a_record_is_taken_away_and_a_version_laid_on_top_is_named(archive: MemoryArchive) -> None:
    archive.store.on_top[KEY] = [VersionSeen(KEY, "3", is_latest=True, is_marker=True), VersionSeen(KEY, "2", is_latest=False)]
    report = archive.reconcile()
    assert [(one.where, one.what, one.id) for one in report.mended] == [("store", "delete marker", KEY)]
    assert [(one.where, one.what, one.id) for one in report.unexpected] == [("store", "version", f"{KEY}@2")]
    assert archive.store.on_top[KEY] == [VersionSeen(KEY, "2", is_latest=False)]
    assert archive.reconcile().mended == []


def test_a_marker_without_any_version_below_is_taken_away_and_makes_no_record(archive: MemoryArchive) -> None:
    for key in (record_key("director", digest_of(b"gone")), "manifests/director/2026/01/gone-000000.jsonl"):
        archive.store.on_top[key] = [VersionSeen(key, "1", is_latest=True, is_marker=True)]
    report = archive.reconcile()
    assert [one.what for one in report.mended] == ["delete marker", "delete marker"]
    assert report.unexpected == report.missing == []


def test_a_manifest_a_decision_or_an_anchor_without_its_hold_gets_it_back(archive: MemoryArchive) -> None:
    keys = [key for key in archive.store.raw if key.partition("/")[0] in {"manifests", "decisions", "audit", "quarantine"}]
    for key in keys:
        archive.store.guard[key] = (Lock(), {})
    assert sorted(one.id for one in archive.reconcile().mended) == sorted(keys)
    assert {archive.store.guard[key][0] for key in keys} == {Lock(hold=True)}


def test_an_object_that_goes_while_its_hold_is_looked_at_is_left_to_the_fixity_check(archive: MemoryArchive) -> None:
    key = next(iter(archive.store.list_keys("manifests/")))
    archive.store.on_top[key] = [VersionSeen(key, "2", is_latest=True)]
    del archive.store.raw[key]
    assert archive.reconcile().mended == []
    assert not archive.verify().is_sound


def test_a_record_that_a_capture_took_in_meanwhile_is_no_stray(archive: MemoryArchive) -> None:
    listed, archive.ledger.records = archive.ledger.records, LateRecords(archive.ledger.records)
    report = archive.reconcile()
    assert report.mended == report.unexpected == report.missing == []
    archive.ledger.records = listed


def test_a_reconciliation_is_noted_in_the_audit_chain_with_its_counts(archive: MemoryArchive) -> None:
    archive.reconcile()
    last = list(archive.ledger.audit.entries())[-1]
    assert (last.actor, last.event) == ("reconcile", "reconciliation")
    assert dict(last.details) == {"compared": 3, "mended": 0, "missing": 0, "unexpected": 0}


def test_a_stronger_lock_is_left_alone(archive: MemoryArchive) -> None:
    stronger = Lock(archive.clock.now(), hold=True)
    archive.store.guard[KEY] = (stronger, archive.store.guard[KEY][1])
    assert archive.reconcile().mended == []


def test_a_due_record_that_is_not_disposed_of_gets_its_lock_renewed() -> None:
    archive = MemoryArchive(a_designation("none"))
    archive.capture(ListSource(offered(a_message(date_text="Tue, 07 Jan 2014 10:00:00 -0500"))))
    archive.index_pending()
    archive.clock.move(days=400)
    assert [one.what for one in archive.reconcile().mended] == ["lock"]
    (key,) = archive.store.list_keys("records/")
    assert archive.store.guard[key][0].retain_until > archive.clock.now()


def test_documents_missing_from_the_index_become_due_and_left_over_ones_go(archive: MemoryArchive) -> None:
    archive.index.remove([RECORD])
    report = archive.reconcile()
    assert [(one.where, one.what, one.id) for one in report.mended] == [("index", "document is due", RECORD)]
    assert archive.index_pending().indexed == 1
    other = MemoryArchive()
    other.index = archive.index
    assert {one.what for one in other.reconcile().mended} == {"left-over document"}
    assert list(other.index.ids()) == []


def test_a_record_that_was_captured_and_indexed_meanwhile_stays_in_the_index(archive: MemoryArchive) -> None:
    late = a_message("Late")

    def meanwhile() -> None:
        archive.index = index
        archive.capture(ListSource(offered(late, "9")))
        archive.index_pending()

    index, archive.index = archive.index, LateIds(archive.index, meanwhile)
    assert archive.reconcile().mended == []
    assert f"director/{digest_of(late)}" in set(index.ids())


def test_a_record_in_no_manifest_is_taken_in_from_where_it_lies(archive: MemoryArchive) -> None:
    archive.store = Cut(archive.store, "put_all", 1, after=True)
    stray = a_message("Stray")
    with pytest.raises(PowerCut):
        archive.capture(ListSource(offered(stray, "9")))
    archive.clock.move(hours=1)
    report = archive.reconcile()
    assert (report.mended[0].where, report.mended[0].id) == ("ledger", f"director/{digest_of(stray)}")
    assert archive.ledger.records.record(f"director/{digest_of(stray)}") is not None
    assert archive.verify().is_sound


def test_a_damaged_stray_and_one_of_no_known_account_are_named(archive: MemoryArchive) -> None:
    key = record_key("director", digest_of(b"good"))
    archive.store.raw[key] = b"bad"
    archive.store.raw[record_key("stranger", digest_of(b"x"))] = b"x"
    found = {(one.what, one.id) for one in archive.reconcile().unexpected}
    assert ("record (E007)", f"stranger/{digest_of(b'x')}") in found
    assert any(one == f"director/{digest_of(b'good')}" for _, one in found)
    assert len(archive.record_ids()) == 3


OF_OTHERS = (
    "audit/",
    "decisions/",
    "decisions/notes.txt",
    "manifests/director/",
    "records/director/",
    "records/director/ab/note.txt",
)


def test_what_others_put_beside_ours_is_named_and_left_as_it_is_and_stops_nothing(archive: MemoryArchive) -> None:
    for key in OF_OTHERS:
        archive.store.put_all([PutRequest(key, b"", digest_of(b""), Lock(), {})])
    report = archive.reconcile()
    assert sorted(one.id for one in report.unexpected) == sorted(OF_OTHERS)
    assert report.mended == report.missing == []
    assert not any(state_of(archive.store, ObjectRef(key)).lock.hold for key in OF_OTHERS)
    assert archive.verify().is_sound
    assert adopt_decisions(archive.registering) == 0
    again = rebuilt(archive)
    assert again.record_ids() == archive.record_ids()


def test_a_stray_that_cannot_be_read_keeps_no_other_one_out(archive: MemoryArchive) -> None:
    strays = [a_message("Stray"), a_message("Another")]
    for raw in strays:
        lock = Lock(hold=True)
        archive.store.put_all([PutRequest(record_key("director", digest_of(raw)), raw, digest_of(raw), lock, {})])
    unread, read = sorted(digest_of(raw) for raw in strays)
    archive.store = Unreadable(archive.store, record_key("director", unread))
    report = archive.reconcile()
    assert [one.id for one in report.unexpected] == [f"director/{unread}"]
    assert f"director/{read}" in {one.id for one in report.mended}


def test_what_a_source_shows_and_no_run_took_in_is_missing_until_the_next_run(archive: MemoryArchive) -> None:
    grown = ListSource(offered(ONE), offered(a_message("New"), "7"))
    assert [one.id for one in archive.reconcile(("director", grown)).missing] == ["director: 7"]

    class Closed(ListSource):
        def places(self) -> Any:
            raise StoreUnavailable("closed")

    (missing,) = archive.reconcile(("director", Closed())).missing
    assert missing.what == "whole source (E204)"


def test_a_source_that_cannot_be_opened_is_named_and_all_else_is_compared(archive: MemoryArchive) -> None:
    def unopened() -> Iterator[Place]:
        raise MissingSecret("[sources.box] password_env names the variable PASS, which is not set.")

    ledger, grown = archive.ledger, ListSource(offered(ONE), offered(a_message("New"), "7"))
    sources = (("director", "box", unopened), ("director", grown.name, grown.places))
    report = reconcile(ReconcileParts(archive.capturing, ledger.records, ledger.outbox, archive.index, sources))
    assert [(one.where, one.what, one.id) for one in report.missing] == [
        ("source box", "whole source (E002)", "director"), (f"source {grown.name}", "item", "director: 7"),
    ]  # fmt: skip


def test_two_sorted_streams_are_paired() -> None:
    assert list(paired([("a", 1), ("c", 3)], [("b", True), ("c", True), ("d", True)])) == [
        ("a", 1, None), ("b", None, True), ("c", 3, True), ("d", None, True),
    ]  # fmt: skip
    assert list(paired([], [])) == []
