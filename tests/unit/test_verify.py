"""Verify: what is damaged or missing is named, whatever else is, and what a capture does meanwhile is neither."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from capstone.domain.events import link
from capstone.domain.fixity import digest_of
from capstone.domain.layout import record_key
from capstone.domain.message import ItemState
from capstone.usecases import verify as verifying
from capstone.usecases.register import import_officials
from tests.builders import a_designation
from tests.fakes.archive import OFFICER, Cut, MemoryArchive, PowerCut, a_message
from tests.fakes.ledger import FakeLedger
from tests.fakes.list_source import ListSource, offered, refused
from tests.unit.three_records import CSV, KEY, ONE, RECORD, SOURCE, THREE, TWO, Unreadable, rebuilt, three_records


@pytest.fixture
def archive() -> MemoryArchive:
    return three_records()


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
