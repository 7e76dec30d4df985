"""What is kept beside records follows their locks: as long as the record that is kept longest, and no class without it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from capstone.domain.fixity import digest_of
from capstone.domain.layout import companion_key, record_key
from capstone.domain.message import Companion, CompanionKind
from capstone.domain.records import Lock
from capstone.usecases.approvals import approve
from tests.fakes.archive import MemoryArchive, a_message
from tests.fakes.list_source import ListSource
from tests.unit.replays import ENDED, OFFICIAL, SUPPORT, again, change, classes


def test_what_is_kept_beside_a_record_follows_its_lock_in_both_directions() -> None:
    archive = MemoryArchive(OFFICIAL)
    raw = a_message("In 2020", "03 Feb 2020 10:00:00 +0000")
    native = Companion(CompanionKind.NATIVE, "msg", b"native")
    archive.capture(ListSource(replace(again(raw), companions=(native,))))
    key = companion_key(native.kind, "director", digest_of(native.raw), "msg")
    change(archive, ENDED, SUPPORT)
    approve(archive.registering, "sam", "compared with the form", archive.approved_rules, 2)
    assert archive.replay().shorter == 1
    assert archive.store.guard[key] == archive.store.guard[record_key("director", digest_of(raw))]
    assert not archive.store.guard[key][0].hold
    change(archive, OFFICIAL)
    assert archive.replay().longer == 1
    assert archive.store.guard[key] == archive.store.guard[record_key("director", digest_of(raw))]
    assert archive.store.guard[key][0].hold


def test_a_record_whose_companion_cannot_be_locked_anew_keeps_its_class() -> None:
    archive = MemoryArchive(OFFICIAL)
    raw = a_message("In 2020", "03 Feb 2020 10:00:00 +0000")
    native = Companion(CompanionKind.NATIVE, "msg", b"native")
    archive.capture(ListSource(replace(again(raw), companions=(native,))))
    del archive.store.raw[companion_key(native.kind, "director", digest_of(native.raw), "msg")]
    change(archive, ENDED, SUPPORT)
    approve(archive.registering, "sam", "compared with the form", archive.approved_rules, 2)
    report = archive.replay()
    assert (report.failed, report.changed, dict(report.failures)) == (1, 0, {"E202": 1})
    assert classes(archive) == ["p"]


def two_that_share(first_year: int, second_year: int) -> tuple[MemoryArchive, str, list[str]]:
    """Two records with the same native item, its key, and theirs."""
    archive = MemoryArchive(OFFICIAL)
    raws = [a_message(f"In {year}", f"03 Feb {year} 10:00:00 +0000") for year in (first_year, second_year)]
    native = Companion(CompanionKind.NATIVE, "msg", b"native")
    archive.capture(ListSource(*(replace(again(raw), companions=(native,)) for raw in raws)))
    keys = [record_key("director", digest_of(raw)) for raw in raws]
    return archive, companion_key(native.kind, "director", digest_of(native.raw), "msg"), keys


def mended(archive: MemoryArchive) -> list[tuple[str, str]]:
    return [(one.what, one.id) for one in archive.reconcile().mended if one.where == "store"]


@pytest.mark.parametrize("years", [(2017, 2020), (2020, 2017), (2016, 2017), (2020, 2021)])
def test_what_two_records_share_is_kept_as_long_as_the_one_that_is_kept_longest(years: tuple[int, int]) -> None:
    """The one of 2017 stays permanent, any later one becomes temporary."""
    archive, shared, keys = two_that_share(*years)
    change(archive, ENDED, SUPPORT)
    approve(archive.registering, "sam", "compared with the form", archive.approved_rules, 2)
    archive.replay()
    guards = [archive.store.guard[key] for key in keys]
    assert archive.store.guard[shared][0] == guards[0][0].at_least(guards[1][0])
    assert archive.store.guard[shared][1] in [
        tags for lock, tags in guards if lock.hold or not archive.store.guard[shared][0].hold
    ]
    assert mended(archive) == []
    change(archive, OFFICIAL)
    assert archive.replay().is_clean
    assert archive.store.guard[shared][0].hold
    assert mended(archive) == []


def test_a_shared_companion_that_cannot_be_locked_anew_leaves_all_their_classes() -> None:
    archive, shared, _ = two_that_share(2020, 2021)
    del archive.store.raw[shared]
    change(archive, ENDED, SUPPORT)
    approve(archive.registering, "sam", "compared with the form", archive.approved_rules, 2)
    report = archive.replay()
    assert (report.failed, report.changed, dict(report.failures)) == (2, 0, {"E202": 2})
    assert classes(archive) == list("pp")


def test_a_weak_lock_of_what_two_records_share_is_mended_once_as_the_stronger_one_asks() -> None:
    archive, shared, _ = two_that_share(2017, 2020)
    change(archive, ENDED, SUPPORT)
    approve(archive.registering, "sam", "compared with the form", archive.approved_rules, 2)
    archive.replay()
    right = archive.store.guard[shared]
    archive.store.guard[shared] = (Lock(), {})
    assert mended(archive) == [("lock", shared), ("tags", shared)]
    assert archive.store.guard[shared] == right
    assert mended(archive) == []
