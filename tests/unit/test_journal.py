"""Senders hear yes when all that they brought is durable, and only then."""

from __future__ import annotations

import threading
import tracemalloc
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future

import pytest
from structlog.testing import capture_logs

from capstone.domain.errors import AccountBusy, FixityMismatch, LedgerUnavailable, StoreUnavailable
from capstone.domain.journal_accounts import Addressees
from capstone.domain.journal_sorting import Delivered, Sorting, sorted_by_account
from capstone.domain.layout import NO_ACCOUNT
from capstone.domain.message import ItemState, OfferedItem, OfferedMessage
from capstone.usecases.journal import COUNTS, MOST_BYTES, Journal, JournalParts
from capstone.usecases.receiving import Receiving
from tests.builders import a_designation, at, rules_for
from tests.fakes.archive import MemoryArchive
from tests.journal_reports import lines_for, original, report

NOW = at("2026-03-04T12:00:00")
WAIT_S = 20


def message(message_id: str, size: int = 1) -> bytes:
    return original(message_id, body=b"x" * size, From="s@x.example", To="x@x.example")


def delivered(message_id: str, *lines: str, size: int = 1) -> Delivered:
    told = lines_for(*(lines or ("To: analyst@agency.example",)), sender="s@x.example", message_id=message_id)
    return Delivered(report(told, message(message_id, size), sender="s@x.example"), None, ("j@x.example",), NOW)


def sorting() -> Sorting:
    rules = rules_for(a_designation(), a_designation(account="analyst"))
    return Sorting("journal", rules, Addressees(rules.roster), ItemState.QUARANTINED)


class Memory:
    """An archive that keeps lists, and fails as it is told."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, int]] = []
        self.kept: dict[str, set[bytes]] = {}
        self.failing: dict[str, Exception] = {}
        self.poison: bytes | None = None
        self.counts: dict[str, int] = {}

    def take_in(self, account: str, items: Sequence[OfferedItem]) -> Mapping[str, int]:
        self.calls.append((account, len(items)))
        if account in self.failing:
            raise self.failing[account]
        raws = [item.raw for item in items if isinstance(item, OfferedMessage)]
        if self.poison is not None and self.poison in raws:
            raise FixityMismatch("One of them is no good.")
        self.kept.setdefault(account, set()).update(raws)
        return self.counts or {"archived": len(items)}


class Seconds:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def run_through(memory: Memory, *deliveries: Delivered, batch: int = 200) -> tuple[list[bool], Journal]:
    """All of them waited before the writer began."""
    journal = Journal(JournalParts(memory, sorting, Seconds(), batch))
    answers = [journal.receive(one) for one in deliveries]
    journal.close()
    journal.run()
    return [answer.result(0) for answer in answers], journal


def test_what_waits_is_taken_in_together_once_for_each_account() -> None:
    memory = Memory()
    both = ("To: analyst@agency.example", "To: director@agency.example")
    answers, journal = run_through(memory, delivered("1", *both), delivered("2"), delivered("3", "To: nobody@x.example"))
    assert answers == [True, True, True]
    assert sorted(memory.calls) == [(NO_ACCOUNT, 2), ("analyst", 2), ("director", 1)]
    assert journal.counts() == dict.fromkeys(COUNTS, 0) | {"received": 3, "archived": 5}


def test_a_batch_is_bounded_in_number_and_in_bytes() -> None:
    memory = Memory()
    run_through(memory, *(delivered(str(number)) for number in range(5)), batch=2)
    assert memory.calls == [("analyst", 2), ("analyst", 2), ("analyst", 1)]
    memory = Memory()
    run_through(memory, delivered("1", size=MOST_BYTES), delivered("2"))
    assert memory.calls == [("analyst", 1), ("analyst", 1)]


@pytest.mark.parametrize("error", [LedgerUnavailable("down"), FixityMismatch("odd"), ValueError("a bug")])
def test_one_account_that_fails_defers_the_mail_that_concerns_it(error: Exception) -> None:
    memory = Memory()
    memory.failing["director"] = error
    answers, journal = run_through(
        memory, delivered("1"), delivered("2", "To: analyst@agency.example", "To: director@agency.example")
    )
    assert answers == [True, False]
    assert len(memory.kept["analyst"]) == 2
    assert journal.counts()["received"] == 2


def test_mail_that_meets_a_fault_in_the_program_does_not_hold_up_the_others() -> None:
    """It may be made to, and come again and again."""

    class Faulty(Memory):
        def take_in(self, account: str, items: Sequence[OfferedItem]) -> Mapping[str, int]:
            if any(isinstance(item, OfferedMessage) and item.raw == message("2") for item in items):
                raise RecursionError
            return super().take_in(account, items)

    memory = Faulty()
    answers, journal = run_through(memory, delivered("1"), delivered("2"), delivered("3", "To: nobody@x.example"))
    assert answers == [True, False, True]
    assert memory.kept["analyst"] == {message("1")}
    assert journal.counts()["received"] == 3


def test_one_item_that_cannot_be_taken_does_not_hold_up_the_others() -> None:
    memory = Memory()
    memory.poison = message("2")
    answers, _ = run_through(memory, delivered("1"), delivered("2"), delivered("3"))
    assert answers == [True, False, True]


def test_a_store_that_is_down_is_not_asked_again_for_each() -> None:
    memory = Memory()
    memory.failing["analyst"] = StoreUnavailable("down")
    answers, _ = run_through(memory, delivered("1"), delivered("2"))
    assert (answers, memory.calls) == ([False, False], [("analyst", 2)])


def test_items_that_failed_are_not_durable() -> None:
    memory = Memory()
    memory.counts = {"failed": 1}
    answers, journal = run_through(memory, delivered("1"))
    assert (answers, journal.counts()["failed"]) == ([False], 1)


def test_without_a_register_everybody_shall_come_again() -> None:
    def no_register() -> Sorting:
        raise LedgerUnavailable("down")

    journal = Journal(JournalParts(Memory(), no_register, Seconds()))
    answer = journal.receive(delivered("1"))
    journal.close()
    journal.run()
    assert answer.result(0) is False


def test_whoever_gave_up_is_not_begun() -> None:
    memory = Memory()
    journal = Journal(JournalParts(memory, sorting, Seconds()))
    gone, stays = journal.receive(delivered("1")), journal.receive(delivered("2"))
    assert gone.cancel()
    journal.close()
    journal.run()
    assert (stays.result(0), memory.calls) == (True, [("analyst", 1)])


def test_whoever_gave_up_leaves_no_bytes_behind() -> None:
    """The writer is stuck here."""
    journal = Journal(JournalParts(Memory(), sorting, Seconds()))
    size = 10_000_000
    tracemalloc.start()
    try:
        answers = [journal.receive(Delivered(bytes(size), None, ("j@x.example",), NOW)) for _ in range(3)]
        assert tracemalloc.get_traced_memory()[0] > 3 * size
        assert all(answer.cancel() for answer in answers)
        assert tracemalloc.get_traced_memory()[0] < size
    finally:
        tracemalloc.stop()


class Busy(Memory):
    """An archive whose accounts are busy; each waiting takes ten seconds."""

    def __init__(self, *accounts: str, seconds: Seconds | None = None) -> None:
        super().__init__()
        self.failing = {account: AccountBusy(f"{account} is busy") for account in accounts}
        self.seconds = seconds

    def take_in(self, account: str, items: Sequence[OfferedItem]) -> Mapping[str, int]:
        if self.seconds is not None:
            self.seconds.now += 10
        return super().take_in(account, items)


def run_beside(intake: Memory, patient: Memory | None, seconds: Seconds, *deliveries: Delivered) -> list[bool]:
    journal = Journal(JournalParts(intake, sorting, seconds, patient=patient))
    answers = [journal.receive(one) for one in deliveries]
    journal.close()
    journal.run()
    return [answer.result(0) for answer in answers]


def test_busy_accounts_are_waited_for_after_all_others_and_under_one_deadline() -> None:
    seconds = Seconds()
    for_both = delivered("1", "To: analyst@agency.example", "To: director@agency.example"), delivered("2", "To: x@x.example")
    hasty, patient = Busy("analyst", "director"), Busy(seconds=seconds)
    assert run_beside(hasty, patient, seconds, *for_both) == [False, True]
    assert (patient.calls, seconds.now) == ([("analyst", 1)], 10)
    assert [account for account, _ in hasty.calls] == ["analyst", "director", NO_ACCOUNT]


@pytest.mark.parametrize(("patient", "is_kept"), [(Memory(), True), (Busy("analyst"), False), (None, False)])
def test_a_busy_account_has_its_mail_once_its_turn_comes(patient: Memory | None, is_kept: bool) -> None:
    assert run_beside(Busy("analyst"), patient, Seconds(), delivered("1"), delivered("2")) == [is_kept, is_kept]


def test_two_receivers_of_one_journal_make_one_chain() -> None:
    archive = MemoryArchive()
    hasty, patient = (Receiving(lambda: archive.capturing, "journal", "journal") for _ in range(2))
    for number, one in enumerate((hasty, patient, hasty, patient)):
        came = delivered(str(number), "To: director@agency.example")
        rules = archive.capturing.rules
        items = sorted_by_account(came, Sorting("journal", rules, Addressees(rules.roster), ItemState.QUARANTINED))
        assert one.take_in("director", items["director"])["archived"] == 1
    hasty.close()
    patient.close()
    assert (archive.verify().is_sound, archive.reconcile().missing) == (True, [])
    assert sorted(run.counts["archived"] for run in archive.ledger.records.runs()) == [2, 2]


def test_after_the_close_everybody_shall_come_again() -> None:
    answers, journal = run_through(Memory())
    assert answers == []
    assert journal.receive(delivered("1")).result(0) is False


def test_a_change_of_the_register_counts_for_the_next_batch() -> None:
    registers: Iterator[Sorting] = iter(
        [sorting(), Sorting("journal", rules := rules_for(), Addressees(rules.roster), ItemState.EXCLUDED)]
    )
    memory = Memory()
    journal = Journal(JournalParts(memory, lambda: next(registers), Seconds(), batch=1))
    journal.receive(delivered("1"))
    journal.receive(delivered("2"))
    journal.close()
    journal.run()
    assert memory.calls == [("analyst", 1), (NO_ACCOUNT, 1)]


def test_counts_are_told_once_a_minute_where_they_changed() -> None:
    seconds = Seconds()

    class Slow(Memory):
        def take_in(self, account: str, items: Sequence[OfferedItem]) -> Mapping[str, int]:
            seconds.now += 40
            return super().take_in(account, items)

    journal = Journal(JournalParts(Slow(), sorting, seconds, batch=1))
    journal.count("refused_peer")
    for number in range(4):
        journal.receive(delivered(str(number)))
    journal.close()
    with capture_logs() as told:
        journal.run()
    counted = [(one["received"], one["refused_peer"]) for one in told if one["event"] == "journal_counts"]
    assert counted == [(2, 1), (4, 1)]
    assert [one["received"] for one in told if one["event"] == "journal_ended"] == [4]


def test_an_idle_minute_tells_nothing() -> None:
    class Hasty(Seconds):
        """Each look at the clock is a minute later, so that nobody waits."""

        def __call__(self) -> float:
            self.now += 61
            return self.now

    journal = Journal(JournalParts(Memory(), sorting, Hasty()))
    with capture_logs() as told:
        thread = threading.Thread(target=journal.run)
        thread.start()
        answer = journal.receive(delivered("1"))
        answer.result(WAIT_S)
        second: Future[bool] = journal.receive(delivered("2"))
        second.result(WAIT_S)
        journal.close()
        thread.join(WAIT_S)
    counted = [one["received"] for one in told if one["event"] == "journal_counts"]
    assert counted == sorted(set(counted))


def test_what_the_archive_has_is_found_held_when_it_comes_again() -> None:
    archive = MemoryArchive()
    rules = archive.capturing.rules
    receiving = Receiving(lambda: archive.capturing, "journal", "journal")
    journal = Journal(
        JournalParts(
            receiving, lambda: Sorting("journal", rules, Addressees(rules.roster), ItemState.QUARANTINED), Seconds(), batch=1
        )
    )
    one = delivered("1", "To: director@agency.example")
    answers = [journal.receive(each) for each in (one, one, delivered("2", "To: nobody@x.example"))]
    journal.close()
    journal.run()
    receiving.close()
    assert [answer.result(0) for answer in answers] == [True, True, True]
    counts = journal.counts()
    assert (counts["archived"], counts["already_held"], counts["quarantined"]) == (1, 1, 2)
    mail, beside = archive.ledger.records.quarantine()
    assert (mail.account, mail.code, beside.item_id) == (NO_ACCOUNT, "no_registered_account", f"{mail.item_id}.envelope")
    assert archive.verify().is_sound
