"""A preview: counts of what would become of the archive, and nothing changed but what is noted of the bytes."""

from __future__ import annotations

from datetime import date

import pytest

from capstone.domain.layout import record_key
from capstone.domain.register_facts import RegisterState
from capstone.usecases import learning, preview
from tests.builders import a_designation
from tests.fakes.archive import MemoryArchive, a_message
from tests.fakes.mail_source import FakeMailSource, Mail

OFFICIAL = a_designation("1", starts="2015-01-01")
ENDED = a_designation("1", starts="2015-01-01", ends="2018-12-31")
SUPPORT = a_designation("support", starts="2019-01-01")
UNTIL_2018 = RegisterState((ENDED, SUPPORT))


def filled(years: range = range(2016, 2022), account: str = "director") -> MemoryArchive:
    archive = MemoryArchive(OFFICIAL)
    mails = [Mail("Inbox", a_message(f"In {year}", f"03 Feb {year} 10:00:00 +0000")) for year in years]
    archive.capture(FakeMailSource("box", mails), account)
    return archive


def test_it_counts_who_changes_from_which_class_to_which_and_what_becomes_shorter() -> None:
    archive = filled()
    found = archive.preview(UNTIL_2018)
    assert found.as_dict() == {
        "checked": 6,
        "changed": 6,
        "longer": 0,
        "shorter": 3,
        "read_from_bytes": 0,
        "unreadable": 0,
        "under_hold": 0,
        "disposed": 0,
        "reclassified": 3,
        "waiting_decisions": [1],
        "newest_decision": None,
        "next": None,
        "reasons": {"capstone_official": 3, "support_role": 3},
        "accounts": [
            {
                "account": "director", "checked": 6, "changed": 6, "longer": 0, "shorter": 3, "read_from_bytes": 0,
                "unreadable": 0, "under_hold": 0, "disposed": 0,
            }
        ],
        "changes": [
            {
                "account": "director", "from": {"class": "permanent", "item": "010"}, "to": {"class": "permanent", "item": "010"},
                "reason": "capstone_official", "messages": 3,
            },
            {
                "account": "director", "from": {"class": "permanent", "item": "010"}, "to": {"class": "temporary", "item": "012"},
                "reason": "support_role", "messages": 3,
            },
        ],
    }  # fmt: skip


def test_it_changes_nothing() -> None:
    archive = filled()
    before = (dict(archive.store.guard), archive.ledger.outbox.pending(), list(archive.ledger.audit.entries()))
    archive.preview(UNTIL_2018)
    assert (dict(archive.store.guard), archive.ledger.outbox.pending(), list(archive.ledger.audit.entries())) == before


def test_without_a_change_it_says_what_a_replay_would_do_now() -> None:
    archive = filled()
    assert archive.preview().total("changed") == 0
    archive.designations = [OFFICIAL]
    assert MemoryArchive(OFFICIAL).preview().as_dict()["accounts"] == []


def test_bytes_are_read_only_where_the_ledger_has_not_noted_what_they_say() -> None:
    archive = filled()
    archive.ledger.capture._state.learned.clear()
    found = archive.preview(UNTIL_2018)
    assert (found.total("read_from_bytes"), found.total("changed"), found.total("unreadable")) == (6, 6, 0)
    assert archive.preview(UNTIL_2018).total("read_from_bytes") == 0


def test_a_record_whose_bytes_are_missing_or_damaged_is_counted_and_not_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "MOST_RECORDS", 2)
    archive = filled()
    archive.ledger.capture._state.learned.clear()
    digests = archive.ledger.replaying.unlearned("director", 100)
    del archive.store.raw[record_key("director", digests[0])]
    archive.store.raw[record_key("director", digests[1])] = b"other bytes"
    found = archive.preview(UNTIL_2018)
    assert (found.total("checked"), found.total("unreadable"), found.total("read_from_bytes")) == (6, 2, 4)
    assert archive.ledger.replaying.unlearned("director", 100) == digests[:2]


def test_progress_is_told_and_memory_holds_counts_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preview, "_TOLD_AT", 2)
    archive = filled()
    told: list[int] = []
    parts = preview.PreviewParts(
        archive.learning, archive.ledger.register.decisions(), archive.rules, "", lambda records, _bytes: told.append(records)
    )
    preview.preview(parts)
    assert told == [2, 2, 2]


def test_an_account_that_gets_its_first_record_meanwhile_is_counted_too() -> None:
    archive = filled()
    replaying = archive.ledger.replaying

    class Growing:
        def __getattr__(self, name: str) -> object:
            return getattr(replaying, name)

        def accounts_held(self) -> list[str]:
            return []

    archive.ledger.replaying = Growing()
    assert [one.account for one in archive.preview().accounts] == ["director"]


def test_changed_dates_alone_are_no_change_of_class() -> None:
    archive = filled()
    later = RegisterState((a_designation("1", starts="2014-01-01", ends="2024-12-31"),))
    found = archive.preview(later)
    assert (found.total("changed"), found.reclassified, found.total("shorter")) == (6, 0, 0)
    assert date(2024, 12, 31) not in {one.classification.cutoff for one in archive.ledger.records.records()}
