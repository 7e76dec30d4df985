"""What is kept beside a record, and items that a source gives other bytes at each fetch."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Any

import pytest

from capstone.domain.envelopes import Envelope, ListMembers, ReceivedAs, Recipient, read_envelope, write_envelope
from capstone.domain.errors import CapstoneError, FixityMismatch, ObjectMissing, StoreUnavailable, UnknownRecord
from capstone.domain.facts import read_facts
from capstone.domain.fixity import digest_of
from capstone.domain.layout import companion_key, record_key
from capstone.domain.message import (
    Companion,
    CompanionKind,
    HeldItem,
    ItemState,
    Occurrence,
    OfferedItem,
    OfferedMessage,
    Place,
    SourceNote,
)
from capstone.domain.records import Lock
from capstone.ports import PutRequest, VersionSeen
from capstone.usecases.export import MANIFEST, export
from capstone.usecases.rebuild import RebuildParts, rebuild_ledger
from capstone.usecases.search import search, show, show_beside
from tests.builders import a_designation, a_form
from tests.fakes.archive import OFFICER, MemoryArchive, a_message
from tests.fakes.export_target import MemoryExport
from tests.fakes.list_source import ListSource

ONE, TWO = a_message("Budget"), a_message("Travel")
NATIVE = Companion(CompanionKind.NATIVE, "msg", b"the native item")
ENVELOPE = Companion(CompanionKind.ENVELOPE, "json", b'{"said":"so"}')


def with_boundary(boundary: str, text: str = "Good day.") -> bytes:
    """One message as a server makes it anew at each fetch."""
    return (
        "From: ada@agency.example\r\nTo: ben@agency.example\r\nSubject: Plan\r\nDate: Thu, 2 Jan 2020 10:00:00 +0000\r\n"
        f'Message-ID: <plan@agency.example>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="{boundary}"\r\n\r\n'
        f"--{boundary}\r\nContent-Type: text/plain\r\n\r\n{text}\r\n--{boundary}--\r\n"
    ).encode()


def offered(raw: bytes, *companions: Companion, item_id: str = "1", folder: str = "Inbox", **seen: Any) -> OfferedMessage:
    seen |= dict.fromkeys(["envelope"] if ENVELOPE in companions else [], digest_of(ENVELOPE.raw))
    return OfferedMessage(Occurrence(Place("export", folder, item_id), **seen), raw, companions=companions)


def capture(archive: MemoryArchive, *items: OfferedItem, **more: Any) -> Any:
    archive.clock.move(minutes=1)
    return archive.capture(ListSource(*items, **more))


def key_of(companion: Companion) -> str:
    return companion_key(companion.kind, "director", digest_of(companion.raw), companion.suffix)


def locks(archive: MemoryArchive, keys: Iterable[str]) -> list[Lock]:
    from capstone.ports import ObjectRef

    states = archive.store.states([ObjectRef(key) for key in keys])
    return [state.lock for state in states]


# --- companions ------------------------------------------------------------------------------------


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
    """Permanent by a second place; then the same by a replay, in both directions."""
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


# --- what envelopes say ----------------------------------------------------------------------------


def envelope(*recipients: Recipient, **more: Any) -> Companion:
    return Companion(
        CompanionKind.ENVELOPE, "json", write_envelope(Envelope("ews", recipients=recipients, **more), digest_of(ONE))
    )


BLIND = Recipient("blind@agency.example", ReceivedAs.BCC)
LISTED = Recipient("listed@agency.example", ReceivedAs.TO, through="all@agency.example")
QUIET = Recipient("quiet@agency.example")


def found(archive: MemoryArchive, query: str) -> int:
    archive.index_pending()
    return search(archive.reading, OFFICER, query, 10).page.total


def test_who_received_it_is_found_by_the_envelope_also_when_that_comes_later() -> None:
    archive = MemoryArchive()
    capture(archive, offered(ONE))
    assert found(archive, "bcc:blind@agency.example") == 0
    members = (ListMembers("all@agency.example", "2026-03-02T15:00:00+00:00", ("member@agency.example",)),)
    capture(archive, offered(ONE, envelope(BLIND, LISTED, QUIET, lists=members, sender="clerk@agency.example"), item_id="2"))
    for query in ("bcc:blind@agency.example", "to:listed@agency.example", "bcc:quiet@agency.example", "to:member@agency.example"):
        assert found(archive, query) == 1, query
    assert found(archive, "from:clerk@agency.example") == 1


def test_a_recipient_whom_the_headers_name_is_not_called_blind() -> None:
    archive = MemoryArchive()
    [shown] = [address for address in read_facts(ONE).to][:1]
    capture(archive, offered(ONE, envelope(Recipient(shown.address.upper()), on_behalf_of="chief@agency.example")))
    assert found(archive, f"bcc:{shown.address}") == 0
    assert found(archive, f"to:{shown.address}") == 1
    assert found(archive, "from:chief@agency.example") == 1


def test_a_record_is_shown_with_what_all_its_envelopes_say() -> None:
    archive = MemoryArchive()
    capture(archive, offered(ONE, NATIVE, envelope(BLIND)), offered(ONE, envelope(QUIET), item_id="2"))
    record_id = f"director/{digest_of(ONE)}"
    shown = show(archive.reading, OFFICER, record_id)
    assert shown.envelope is not None
    assert {one.address for one in shown.envelope.recipients} == {BLIND.address, QUIET.address}
    assert [one.suffix for one in shown.beside] == ["msg", "json", "json"]
    assert show_beside(archive.reading, OFFICER, record_id, digest_of(NATIVE.raw)) == NATIVE.raw
    with pytest.raises(UnknownRecord):
        show_beside(archive.reading, OFFICER, record_id, "0" * 64)


def test_what_was_altered_beside_a_record_is_not_used() -> None:
    archive = MemoryArchive()
    said = envelope(BLIND)
    capture(archive, offered(ONE, NATIVE, said))
    archive.store.raw[key_of(NATIVE)] = archive.store.raw[key_of(said)] = b"{}"
    record_id = f"director/{digest_of(ONE)}"
    assert show(archive.reading, OFFICER, record_id).envelope is None
    with pytest.raises(FixityMismatch):
        show_beside(archive.reading, OFFICER, record_id, digest_of(NATIVE.raw))


class NotNow:
    """A store that does not give some objects for a while."""

    def __init__(self, inner: Any, key: str, error: CapstoneError) -> None:
        self._inner, self._key, self._error = inner, key, error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def get_all(self, wanted: Any) -> Any:
        for ref, found in zip(wanted, self._inner.get_all(wanted), strict=True):
            yield self._error if ref.key == self._key else found


@pytest.mark.parametrize(("error", "failed"), [(StoreUnavailable("slow"), 1), (ObjectMissing("gone"), 0)])
def test_a_document_is_not_called_done_while_an_envelope_may_yet_be_read(error: CapstoneError, failed: int) -> None:
    archive = MemoryArchive()
    said = envelope(BLIND)
    capture(archive, offered(ONE, said))
    whole = archive.store
    archive.store = NotNow(whole, key_of(said), error)
    report = archive.index_pending()
    assert (report.failed, report.indexed, report.pending) == (failed, 1 - failed, failed)
    shown = show(archive.reading, OFFICER, f"director/{digest_of(ONE)}")
    assert (shown.envelope, shown.envelopes_unread) == (None, 1)
    archive.store = whole
    archive.index_pending()
    assert found(archive, "bcc:blind@agency.example") == failed, "what is missing for good is named by verify"


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


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b'{"format":1}', b'{"format":2}', b"\xff", b'{"format":1,"said_by":"x","lists":[1]}']
)
def test_what_is_no_envelope_says_nothing(raw: bytes) -> None:
    assert read_envelope(raw) is None


def test_an_envelope_is_read_as_it_was_written() -> None:
    members = (ListMembers("all@agency.example", "2026-03-02T15:00:00+00:00", ("a@agency.example",), is_whole=False),)
    whole = Envelope(
        "graph",
        "s@agency.example",
        "o@agency.example",
        (BLIND, LISTED, QUIET),
        members,
        "<1@agency.example>",
        {"importance": "high"},
    )
    assert read_envelope(write_envelope(whole, "ab")) == whole
    assert read_envelope(write_envelope(Envelope("smtp"), "ab")) == Envelope("smtp")
    assert read_envelope(write_envelope(whole, "ab").replace(b'["a@agency.example"]', b'"a"')) is None


# --- bytes that differ from fetch to fetch ---------------------------------------------------------


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


# --- items that are not read again -----------------------------------------------------------------


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


# --- notes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_gap", [True, False])
def test_what_a_source_has_to_say_is_in_the_report_and_the_audit_chain(is_gap: bool) -> None:
    archive = MemoryArchive()
    source = ListSource(offered(ONE))
    source.noted = (SourceNote("container", "old.pst", "", {"expected": 3, "emitted": 2}, is_gap),)
    report = archive.capture(source)
    assert report.is_clean is not is_gap
    assert report.as_counts()["notes"] == [
        {"code": "container", "where": "old.pst", "reason": "", "counts": {"expected": 3, "emitted": 2}, "is_gap": is_gap}
    ]
    entry = [*archive.ledger.audit.entries()][-1]
    assert '"expected":3' in entry.details.replace(" ", "") if isinstance(entry.details, str) else entry.details["notes"]
