"""An import of officials is a locked decision first, and one that was cut off is made good by the next."""

from __future__ import annotations

import pytest

from capstone.domain.errors import FixityMismatch
from capstone.domain.records import Lock
from capstone.ports import ObjectRef
from capstone.usecases.decisions import adopt_decisions
from capstone.usecases.register import import_officials
from capstone.usecases.stored import state_of
from tests.fakes.archive import OFFICER, Cut, PowerCut
from tests.unit.three_records import CSV, without_officials


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
