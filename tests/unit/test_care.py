"""Verify, reconcile, rebuild: what is wrong is named, what can be mended is mended, and the store alone is enough."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from capstone.domain.errors import CapstoneError, FixityMismatch, MissingSecret, ObjectMissing, StoreUnavailable
from capstone.domain.events import link
from capstone.domain.fixity import digest_of
from capstone.domain.layout import record_key
from capstone.domain.manifest import read_manifest, write_manifest
from capstone.domain.message import ItemState, OfferedMessage
from capstone.domain.records import Lock, RecordEntry
from capstone.ports import ObjectRef, PutRequest, VersionSeen
from capstone.usecases import verify as verifying
from capstone.usecases.decisions import adopt_decisions
from capstone.usecases.differences import paired
from capstone.usecases.rebuild import RebuildParts, rebuild_index, rebuild_ledger
from capstone.usecases.reconcile import ReconcileParts, reconcile
from capstone.usecases.register import import_officials
from capstone.usecases.stored import state_of
from tests.builders import a_designation
from tests.fakes.archive import OFFICER, Cut, MemoryArchive, PowerCut, a_message
from tests.fakes.ledger import FakeLedger
from tests.fakes.list_source import ListSource, offered, refused
from tests.fakes.record_store import MemoryRecordStore

ONE, TWO, THREE = a_message("Budget"), a_message("Travel"), a_message("Hiring")
SOURCE = ListSource(offered(ONE), offered(TWO, "2"), refused(ItemState.QUARANTINED, b"box"), refused(ItemState.EXCLUDED))
KEY = record_key("director", digest_of(ONE))
RECORD = f"director/{digest_of(ONE)}"


@pytest.fixture
def archive() -> MemoryArchive:
    made = MemoryArchive()
    made.capture(SOURCE)
    made.capture(ListSource(offered(THREE, "3")))
    made.index_pending()
    return made


def without_officials() -> MemoryArchive:
    made = MemoryArchive()
    made.ledger, made.store = FakeLedger(), MemoryRecordStore()
    return made


class LateRecords:
    """A ledger whose first page of records was read before a capture committed."""

    def __init__(self, inner: Any) -> None:
        self._inner, self._pages = inner, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def records(self) -> Iterator[RecordEntry]:
        self._pages += 1
        found = list(self._inner.records())
        return iter(found[1:] if self._pages == 1 else found)


class Unreadable:
    """A store that cannot read one object."""

    def __init__(self, inner: Any, key: str) -> None:
        self._inner, self._key = inner, key

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def get(self, key: str, version_id: str | None = None) -> bytes:
        (found,) = self.get_all([ObjectRef(key, version_id)])
        if isinstance(found, CapstoneError):
            raise found
        return found

    def get_all(self, wanted: Sequence[ObjectRef]) -> Iterator[bytes | CapstoneError]:
        for ref, found in zip(wanted, self._inner.get_all(wanted), strict=True):
            yield StoreUnavailable("bad sector") if ref.key == self._key else found


class LateIds:
    """An index that tells its ids after `meanwhile`, when the ledger has been read already."""

    def __init__(self, inner: Any, meanwhile: Callable[[], object]) -> None:
        self._inner, self._meanwhile = inner, meanwhile

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def ids(self) -> Iterator[str]:
        self._meanwhile()
        yield from self._inner.ids()


# --- verify ----------------------------------------------------------------------------------------


def test_a_sound_archive_is_found_sound(archive: MemoryArchive) -> None:
    told: list[tuple[int, int]] = []
    report = archive.verify(progress=lambda *tell: told.append(tell))
    assert report.is_sound
    assert report.as_dict() == {
        "checked": 3, "damaged": [], "missing": [], "manifests": 2, "audit": {"entries": 2, "broken_at": None},
    }  # fmt: skip
    assert sum(size for _, size in told) == len(ONE) + len(TWO) + len(THREE)


def test_a_sample_checks_only_what_is_chosen(archive: MemoryArchive) -> None:
    assert archive.verify(choose=lambda record_id: record_id == RECORD).checked == 1


def test_a_sound_check_is_noted_and_its_head_is_anchored(archive: MemoryArchive) -> None:
    archive.verify()
    *_, last = archive.ledger.audit.entries()
    assert (last.event, last.details["checked"]) == ("fixity check", 3)
    assert any(key.endswith(f"{last.digest}.json") for key in archive.store.list_keys("audit/"))
    del archive.store.raw[KEY]
    archive.verify()
    assert list(archive.ledger.audit.entries())[-1] == last


def test_one_flipped_bit_is_found(archive: MemoryArchive) -> None:
    archive.store.raw[KEY] = bytes([ONE[0] ^ 1]) + ONE[1:]
    assert archive.verify().damaged == [RECORD]


def test_a_missing_record_is_found_also_when_the_ledger_forgot_it(archive: MemoryArchive) -> None:
    del archive.store.raw[KEY]
    assert archive.verify().missing == [RECORD]
    archive.ledger = FakeLedger()
    assert archive.verify().missing == [RECORD]


def test_a_record_that_cannot_be_read_counts_as_damaged(archive: MemoryArchive) -> None:
    archive.store = Unreadable(archive.store, KEY)
    assert archive.verify().damaged == [RECORD]


def test_quarantined_bytes_that_are_gone_or_changed_are_found_once_by_their_key(archive: MemoryArchive) -> None:
    archive.capture(ListSource(refused(ItemState.QUARANTINED, b"box")))
    (key,) = archive.store.list_keys("quarantine/")
    archive.store.raw[key] = b"bog"
    assert archive.verify().damaged == [key]
    del archive.store.raw[key]
    assert archive.verify(choose=lambda _record_id: False).missing == [key]


def test_a_decision_that_is_gone_or_damaged_or_cannot_be_read_is_found_by_its_number(archive: MemoryArchive) -> None:
    import_officials(archive.registering, CSV, OFFICER.name, frozenset())
    first, second = archive.store.list_keys("decisions/")
    assert archive.verify().is_sound
    whole = archive.store.raw[first]
    archive.store.raw[first] = archive.store.raw[second]
    assert archive.verify().damaged == ["decision 1"]
    archive.store.raw[first], sound = whole, archive.store
    archive.store = Unreadable(sound, second)
    assert archive.verify().damaged == ["decision 2"]
    archive.store = sound
    del archive.store.raw[first], archive.store.raw[second]
    assert archive.verify().missing == ["decision 1", "decision 2"]


def test_a_decision_that_the_ledger_has_not_adopted_yet_is_no_damage(archive: MemoryArchive) -> None:
    archive.ledger.register, whole = Cut(archive.ledger.register, "apply"), archive.ledger.register
    with pytest.raises(PowerCut):
        import_officials(archive.registering, CSV, OFFICER.name, frozenset())
    archive.ledger.register = whole
    assert len(list(archive.store.list_keys("decisions/"))) == 2
    assert archive.verify().is_sound


@pytest.mark.parametrize("account", ["director", "analyst"])
def test_a_capture_that_goes_on_during_a_check_is_no_damage(account: str) -> None:
    archive = MemoryArchive(a_designation("1"), replace(a_designation("1"), designation_id="d9", account="analyst"))
    archive.capture(SOURCE)
    late = [lambda: archive.capture(ListSource(offered(a_message("Late"), "8")), account)]

    def captures_once(_records: int, _bytes: int) -> None:
        for capture in late:
            late.remove(capture)
            capture()

    report = archive.verify(progress=captures_once)
    assert len(archive.record_ids()) == 3
    assert (report.missing, report.damaged) == ([], [])


def test_a_record_whose_manifests_are_all_lost_is_checked_all_the_same() -> None:
    archive = MemoryArchive(a_designation(), a_designation(account="aide"))
    for account, raw in (("aide", ONE), ("director", TWO)):
        archive.capture(ListSource(offered(raw)), account)
        archive.store.raw[record_key(account, digest_of(raw))] = b"altered"
    for key in [*archive.store.list_keys("manifests/aide/")]:
        del archive.store.raw[key]
    report = archive.verify()
    assert report.damaged == [f"director/{digest_of(TWO)}", f"aide/{digest_of(ONE)}"]
    assert [key.split("/")[1] for key in report.missing] == ["aide"]


def test_what_the_manifests_tell_is_kept_for_one_account_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    archive, kept = MemoryArchive(*(a_designation(account=f"a{number}") for number in range(5))), list[int]()
    for number in range(5):
        archive.capture(ListSource(offered(ONE), offered(TWO, "2")), f"a{number}")

    def counted(_parts: Any, _account: str, told: Any) -> Iterator[Any]:
        kept.append(len(told))
        return iter(())

    monkeypatch.setattr(verifying, "_in_no_manifest", counted)
    assert archive.verify().checked == 10
    assert kept == [2] * 5


def test_a_lost_or_damaged_manifest_is_found(archive: MemoryArchive) -> None:
    first, second = archive.store.list_keys("manifests/")
    whole = archive.store.raw.pop(first)
    report = archive.verify()
    assert report.missing == [f"a manifest before {second}"]
    assert report.checked == 3
    archive.store.raw[first] = whole[: len(whole) // 2]
    assert archive.verify().damaged == [first]


def test_a_lost_or_damaged_newest_manifest_is_found_as_the_ledger_knows_it(archive: MemoryArchive) -> None:
    _, newest = archive.store.list_keys("manifests/")
    whole = archive.store.raw.pop(newest)
    assert archive.verify().missing == [newest]
    archive.store.raw[newest] = whole[: len(whole) // 2]
    assert archive.verify().damaged == [newest]
    archive.store.raw[newest] = whole.replace(b'"source":"export"', b'"source":"expert"')
    assert archive.verify().damaged == [newest]
    archive.store.raw = {key: raw for key, raw in archive.store.raw.items() if not key.startswith("manifests/")}
    assert archive.verify().missing == [newest]


@pytest.mark.parametrize("which", [0, -1])
def test_a_manifest_that_cannot_be_read_is_damage_and_hides_no_other(archive: MemoryArchive, which: int) -> None:
    archive.store.raw[KEY] = b"altered"
    key = list(archive.store.list_keys("manifests/"))[which]
    archive.store = Unreadable(archive.store, key)
    report = archive.verify()
    assert sorted(report.damaged) == sorted([key, RECORD])
    assert report.missing == []


@pytest.mark.parametrize("raw", [b"{", b"[]", b'{"seq": Infinity}', b'{"seq": 1, "digest": "x", "at": "2026-01-01T00:00:00"}'])
def test_an_altered_anchor_is_a_break_of_the_chain(archive: MemoryArchive, raw: bytes) -> None:
    archive = rebuilt(archive)  # whose chain began anew: what was anchored before that instant need not be in it
    archive.store.raw[next(iter(archive.store.list_keys("audit/")))] = raw
    assert archive.verify().audit_break == 0


def test_an_anchor_that_cannot_be_read_is_a_break_of_the_chain_and_hides_nothing_else(archive: MemoryArchive) -> None:
    archive.store.raw[KEY] = b"altered"
    archive.store = Unreadable(archive.store, next(iter(archive.store.list_keys("audit/"))))
    report = archive.verify()
    assert (report.damaged, report.audit_break) == ([RECORD], 0)


def test_a_manifest_that_the_ledger_has_not_adopted_yet_is_no_damage(archive: MemoryArchive) -> None:
    whole = archive.ledger.capture
    archive.ledger.capture = Cut(whole, "commit")
    with pytest.raises(PowerCut):
        archive.capture(ListSource(offered(a_message("Late"), "8")))
    archive.ledger.capture = whole
    assert archive.verify().is_sound


def test_a_changed_audit_entry_is_found_and_so_is_a_chain_written_anew(archive: MemoryArchive) -> None:
    audit = archive.ledger.audit
    entries = list(audit.entries())

    class Told:
        def __init__(self, entries: list[Any]) -> None:
            self._entries = entries

        def entries(self, from_seq: int = 1) -> Any:
            return iter(self._entries)

    archive.ledger.audit = Told([replace(entries[0], actor="nobody"), entries[1]])
    assert archive.verify().audit_break == 1
    anew = link(1, entries[0].at, "nobody", "capture", {}, "0" * 64)
    archive.ledger.audit = Told([anew])
    assert archive.verify().audit_break == 1
    archive.ledger.audit = Told(entries[:1])
    assert archive.verify().audit_break == 2
    (anchor, _) = archive.store.list_keys("audit/")
    archive.store.raw[anchor] = b"[]"
    archive.ledger.audit = audit
    assert archive.verify().audit_break == 0


# --- reconcile -------------------------------------------------------------------------------------


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
    def unopened() -> ListSource:
        raise MissingSecret("[sources.box] password_env names the variable PASS, which is not set.")

    ledger, grown = archive.ledger, ListSource(offered(ONE), offered(a_message("New"), "7"))
    sources = (("director", "box", unopened), ("director", grown.name, lambda: grown))
    report = reconcile(ReconcileParts(archive.capturing, ledger.records, ledger.outbox, archive.index, sources))
    assert [(one.where, one.what, one.id) for one in report.missing] == [
        ("source box", "whole source (E002)", "director"), (f"source {grown.name}", "item", "director: 7"),
    ]  # fmt: skip


def test_two_sorted_streams_are_paired() -> None:
    assert list(paired([("a", 1), ("c", 3)], [("b", True), ("c", True), ("d", True)])) == [
        ("a", 1, None), ("b", None, True), ("c", 3, True), ("d", None, True),
    ]  # fmt: skip
    assert list(paired([], [])) == []


# --- rebuild ---------------------------------------------------------------------------------------

CSV = (
    b"official,office,position,category,account,addresses,from,until,acting,form,approved\n"
    b"Ada Brook,Office of the Director,Director,1,director,director@agency.example,2010-01-01,,no,F-1,2019-04-01\n"
)


def rebuilt(archive: MemoryArchive) -> MemoryArchive:
    other = MemoryArchive()
    other.store, other.ledger, other.clock = archive.store, FakeLedger(), archive.clock
    ledger = other.ledger
    rebuild_ledger(RebuildParts(other.store, ledger.capture, other.registering, ledger.audit, other.clock), OFFICER.name)
    return other


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


def test_a_run_that_was_cut_off_after_its_first_batch_goes_on_from_its_second_manifest() -> None:
    archive = MemoryArchive()
    source = ListSource(*(offered(a_message(f"Number {number}"), str(number)) for number in range(700)))
    whole = archive.ledger.capture
    archive.ledger.capture = Cut(whole, "commit", 2)
    with pytest.raises(PowerCut):
        archive.capture(source)
    archive.ledger.capture = whole
    archive.clock.move(hours=1)
    assert archive.capture(source).counts == {
        "archived": 0, "already_held": 700, "quarantined": 0, "excluded": 0, "failed": 0,
    }  # fmt: skip
    assert archive.verify().is_sound


# --- register --------------------------------------------------------------------------------------


def test_an_import_is_a_locked_decision_before_it_is_in_the_ledger() -> None:
    archive = without_officials()
    report = import_officials(archive.registering, CSV, OFFICER.name, frozenset())
    assert (report.rows, report.added, report.unchanged, report.superseded) == (1, 1, 0, 0)
    (key,) = archive.store.list_keys("decisions/")
    assert state_of(archive.store, ObjectRef(key)).lock == Lock(hold=True)
    again = import_officials(archive.registering, CSV, OFFICER.name, frozenset())
    assert again.as_dict() == {"rows": 1, "added": 0, "unchanged": 1, "superseded": 0, "warnings": list(again.warnings)}
    ended = CSV.replace(b"2010-01-01,,", b"2010-01-01,2020-01-01,")
    assert import_officials(archive.registering, ended, OFFICER.name, frozenset()).superseded == 1
    assert len(archive.ledger.register.designations()) == 1
    assert len(archive.ledger.register.designation_history()) == 2


@pytest.mark.parametrize("after", [False, True])
def test_a_power_cut_during_an_import_is_made_good_by_the_next_one(after: bool) -> None:
    archive = without_officials()
    whole = archive.ledger.register
    archive.ledger.register = Cut(whole, "apply", after=after)
    with pytest.raises(PowerCut):
        import_officials(archive.registering, CSV, OFFICER.name, frozenset())
    archive.ledger.register = whole
    assert import_officials(archive.registering, CSV, OFFICER.name, frozenset()).unchanged == 1
    assert len(list(archive.store.list_keys("decisions/"))) == 1


@pytest.mark.parametrize("raw", [b"{", b"[]", b'{"format": 2, "kind": "register_import"}', b'{"format": 1, "kind": "hold"}'])
def test_a_damaged_or_unknown_decision_is_named(raw: bytes) -> None:
    archive = without_officials()
    archive.store.raw["decisions/2026/01/000000001.json"] = raw
    with pytest.raises(FixityMismatch):
        adopt_decisions(archive.registering)


def test_a_decision_that_lacks_the_one_before_it_stops_the_rebuild_and_names_it(archive: MemoryArchive) -> None:
    import_officials(archive.registering, CSV, OFFICER.name, frozenset())
    del archive.store.raw[next(iter(archive.store.list_keys("decisions/")))]
    with pytest.raises(FixityMismatch, match="Decision 1 is missing"):
        rebuilt(archive)


def test_a_reset_of_the_index_that_is_cut_off_leaves_every_record_due(archive: MemoryArchive) -> None:
    with pytest.raises(PowerCut):
        rebuild_index(Cut(archive.index, "reset", after=True), archive.ledger.outbox)
    assert archive.ledger.outbox.pending() == 3


def test_an_offered_message_never_shows_its_bytes_by_accident() -> None:
    assert "Budget" not in repr(OfferedMessage(offered(ONE).occurrence, ONE))
