"""What was received for nobody goes to whom it concerns once they are in the register."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from capstone.domain.errors import AccountBusy
from capstone.domain.fixity import digest_of
from capstone.domain.journal_accounts import Addressees
from capstone.domain.journal_sorting import ENVELOPE_OF, Delivered, Sorting, sorted_by_account
from capstone.domain.layout import NO_ACCOUNT, quarantine_key
from capstone.domain.message import ItemState, OfferedItem
from capstone.domain.officials import Designation
from capstone.ports import Quarantined
from capstone.usecases.capture import RunReport
from capstone.usecases.journal_retry import sort_again
from capstone.usecases.quarantine import list_quarantine, retry_quarantine
from capstone.usecases.receiving import Receiving
from tests.builders import a_designation, rules_for
from tests.fakes.archive import OFFICER, MemoryArchive
from tests.fakes.mail_source import FakeMailSource
from tests.journal_reports import lines_for, original, report

ANALYST = a_designation("2", account="analyst", official="Ann Lee", position="Analyst")
COPY = original("c@x.example", From="s@x.example", To="list@x.example")
LINES = lines_for("Bcc: analyst@agency.example", sender="s@x.example")
REPORT = report(LINES, original(From="s@x.example", To="x@x.example"), sender="s@x.example")
NOBODYS = original("n@x.example", From="s@x.example", To="x@x.example")


def sorting(*rows: Designation) -> Sorting:
    rules = rules_for(*rows)
    return Sorting("journal", rules, Addressees(rules.roster), ItemState.QUARANTINED)


def received_for_nobody() -> MemoryArchive:
    archive = MemoryArchive()
    receiving = Receiving(lambda: archive.capturing, "journal", "journal")
    for raw, recipient in ((COPY, "analyst@agency.example"), (REPORT, "journal@x.example"), (NOBODYS, "x@x.example")):
        items = sorted_by_account(Delivered(raw, "s@x.example", (recipient,), archive.clock.now()), sorting(a_designation()))
        receiving.take_in(NO_ACCOUNT, items[NO_ACCOUNT])
    receiving.close()
    archive.designations.append(ANALYST)
    return archive


def retried(archive: MemoryArchive) -> dict[str, RunReport]:
    def nothing(name: str, _item_id: str, _raw: bytes) -> FakeMailSource:
        return FakeMailSource(name, ())

    def again(kept: Sequence[Quarantined], bytes_of: Callable[[Quarantined], bytes]) -> list[RunReport]:
        receiving = Receiving(lambda: archive.capturing, "journal", "journal")
        found = sort_again(kept, bytes_of, sorting(*archive.designations), receiving, archive.clock.now())
        receiving.close()
        return found

    return {one.account: one for one in retry_quarantine(archive.reading, archive.capturing, OFFICER, nothing, again)}


def test_who_is_registered_by_now_has_the_mail_with_its_envelope_and_the_rest_counts_a_try() -> None:
    archive = received_for_nobody()
    arrived = archive.clock.now()
    archive.clock.move(hours=1)
    reports = retried(archive)
    assert reports["analyst"].counts == {"archived": 2}
    assert reports[NO_ACCOUNT].counts == {"quarantined": 2}
    assert not reports[NO_ACCOUNT].is_clean
    copy = archive.ledger.records.record(f"analyst/{digest_of(COPY)}")
    assert [(one.received_at, one.place.source) for one in copy.occurrences] == [(arrived, "journal")]
    (beside,) = archive.ledger.records.beside([copy.record_id])[copy.record_id]
    assert b"analyst@agency.example" in archive.store.raw[beside.key("analyst")]
    tries = {one.item_id: one.tries for one in list_quarantine(archive.reading, OFFICER)}
    mails = {digest_of(COPY): 1, digest_of(REPORT): 1, digest_of(NOBODYS): 2}
    assert tries == mails | {f"{digest}{ENVELOPE_OF}": number for digest, number in mails.items()}
    assert archive.verify().is_sound
    assert archive.reconcile().unexpected == []


def test_a_second_retry_finds_it_held() -> None:
    archive = received_for_nobody()
    retried(archive)
    archive.clock.move(hours=1)
    assert retried(archive)["analyst"].counts == {"already_held": 2}
    copy = archive.ledger.records.record(f"analyst/{digest_of(COPY)}")
    assert len(copy.occurrences) == 1


def test_a_report_that_was_kept_without_its_envelope_says_itself_whose_it_is() -> None:
    archive = received_for_nobody()
    kept = [one for one in archive.ledger.records.quarantine() if not one.item_id.endswith(ENVELOPE_OF)]
    receiving = Receiving(lambda: archive.capturing, "journal", "journal")
    reports = sort_again(
        kept, lambda one: archive.store.get(quarantine_key(one.source, one.digest)),
        sorting(*archive.designations), receiving, archive.clock.now(),
    )  # fmt: skip
    assert [(one.account, sum(one.counts.values())) for one in reports] == [(NO_ACCOUNT, 4), ("analyst", 1)]


def test_an_account_that_cannot_take_it_in_is_named() -> None:
    archive = received_for_nobody()

    class Closed:
        def take_in(self, account: str, items: Sequence[OfferedItem]) -> Mapping[str, int]:
            raise AccountBusy(f"{account} is busy")

    kept = archive.ledger.records.quarantine()
    reports = sort_again(
        kept, lambda one: archive.store.get(quarantine_key(one.source, one.digest)),
        sorting(*archive.designations), Closed(), archive.clock.now(),
    )  # fmt: skip
    assert {(one.account, one.outcome, one.error.code if one.error else "", one.is_clean) for one in reports} == {
        (NO_ACCOUNT, "failed", "E303", False), ("analyst", "failed", "E303", False),
    }  # fmt: skip


def kept_key(archive: MemoryArchive, item_id: str) -> str:
    (item,) = (one for one in archive.ledger.records.quarantine() if one.item_id == item_id)
    return quarantine_key(item.source, item.digest)


def test_mail_that_is_gone_or_whose_envelope_is_damaged_fails_alone() -> None:
    archive = received_for_nobody()
    del archive.store.raw[kept_key(archive, digest_of(NOBODYS))]
    archive.store.raw[kept_key(archive, f"{digest_of(COPY)}{ENVELOPE_OF}")] += b" "
    reports = retried(archive)
    assert reports["analyst"].counts == {"archived": 1}
    assert archive.ledger.records.record(f"analyst/{digest_of(COPY)}") is None
    assert (reports[NO_ACCOUNT].counts["failed"], reports[NO_ACCOUNT].outcome) == (2, "failed")
    assert not reports[NO_ACCOUNT].is_clean
