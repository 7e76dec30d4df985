"""Take in what is delivered to the journal: many deliveries are made durable together, and each is answered once it is.

Deliveries wait in a queue. One writer takes as many as wait, sorts them by account, and has each account take in all of its
items at once; a sender hears yes only when every account that its mail concerns has them in store and ledger. Everything else
is "try again": what an account took in before is found held when the sender does.
"""

from __future__ import annotations

import queue
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Protocol

import structlog

from capstone.domain.errors import AccountBusy, CapstoneError, RunFailed
from capstone.domain.journal_sorting import Delivered, Sorting, sorted_by_account
from capstone.domain.message import ItemState, OfferedItem

log = structlog.get_logger()

MOST_BYTES = 32 * 1024 * 1024
"""Of a batch, one larger delivery excepted: what is taken in at once stays in memory until it is durable."""
TOLD_EVERY_S = 60
COUNTS = ("received", *(state.value for state in ItemState), "deferred", "refused_peer", "refused_size", "refused_sessions")
"""What is counted. `received` are deliveries; then items by their final state; then answers other than yes."""


class Intake(Protocol):
    """The archive as the journal needs it."""

    def take_in(self, account: str, items: Sequence[OfferedItem]) -> Mapping[str, int]:
        """Make the items durable in store and ledger before it returns; says how many ended in which state.

        `account` is NO_ACCOUNT for what concerns nobody registered. Raises CapstoneError, AccountBusy among them.
        """
        ...


@dataclass(frozen=True, slots=True)
class JournalParts:
    """What the journal works with."""

    intake: Intake
    sorting: Callable[[], Sorting]
    """Asked for each batch, so that a change of the register is seen."""
    monotonic: Callable[[], float]
    """Seconds that only go on."""
    batch: int = 200
    patient: Intake | None = None
    """Takes in for an account whose turn others had when `intake` asked for it without waiting; None: its senders come again."""
    patience_s: float = 5
    """So long after a batch's first pass nobody more is waited for."""


_Concerned = list[tuple["_Waiting", list[OfferedItem]]]


@dataclass(slots=True)
class _Waiting:
    """A delivery whose sender waits."""

    delivered: Delivered
    answer: Future[bool]
    error: CapstoneError | None = None

    def forget(self, _: Future[bool]) -> None:
        """Whatever the answer is, or once its sender gave up: its bytes are held no longer."""
        self.delivered = replace(self.delivered, raw=b"")


class Journal:
    """The queue and its one writer. `receive` and `count` may be called by any thread."""

    def __init__(self, parts: JournalParts) -> None:
        """Nothing is taken in before `run`."""
        self._parts = parts
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._gate = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._is_closed = False

    def receive(self, delivered: Delivered) -> Future[bool]:
        """Queue a delivery. True: it is durable wherever it belongs; False: the sender shall try again.

        Cancelled, it is not begun any more; what is begun may become durable all the same.
        """
        answer: Future[bool] = Future()
        waiting = _Waiting(delivered, answer)
        with self._gate:
            if self._is_closed:
                answer.set_result(False)
            else:
                self._queue.put(waiting)
        answer.add_done_callback(waiting.forget)
        return answer

    def count(self, name: str, number: int = 1) -> None:
        """Add to one of COUNTS."""
        with self._gate:
            self._counts[name] += number

    def counts(self) -> dict[str, int]:
        """All of COUNTS since the start."""
        with self._gate:
            return {name: self._counts[name] for name in COUNTS}

    def close(self) -> None:
        """Take no more; `run` ends once the queue is empty."""
        with self._gate:
            self._is_closed = True
        self._queue.put(None)

    def run(self) -> None:
        """Take in until closed. For one thread only; never raises for what a delivery or the archive does."""
        rhythm = _Rhythm(self._parts.monotonic, self.counts)
        is_open = True
        while is_open:
            batch, is_open = self._next_batch(rhythm.remaining_s())
            if batch:
                self._answer(batch)
            rhythm.tell()
        log.info("journal_ended", **self.counts())

    def _next_batch(self, wait_s: float) -> tuple[list[_Waiting], bool]:
        """(what waits now, up to a batch; whether more may come). Waits for the first delivery for so long at most."""
        batch: list[_Waiting] = []
        size = 0
        while len(batch) < self._parts.batch and size < MOST_BYTES:
            try:
                waiting = self._queue.get(timeout=wait_s) if not batch else self._queue.get_nowait()
            except queue.Empty:
                break
            if waiting is None:
                return batch, False
            if waiting.answer.set_running_or_notify_cancel():
                batch.append(waiting)
                size += len(waiting.delivered.raw)
        return batch, True

    def _answer(self, batch: list[_Waiting]) -> None:
        """Where a delivery meets a fault in the program, the others of its batch do not."""
        self.count("received", len(batch))
        if not self._is_through(batch) and len(batch) > 1:
            for waiting in batch:
                waiting.error = None
                self._is_through([waiting])
        for waiting in batch:
            waiting.answer.set_result(waiting.error is None)

    def _is_through(self, batch: list[_Waiting]) -> bool:
        try:
            self._take_in(batch)
        # A worker boundary: whatever went wrong, every sender gets its answer, and the next batch its turn.
        except Exception as exc:  # noqa: BLE001
            log.critical("journal_fault", error=type(exc).__name__)
            for waiting in batch:
                waiting.error = RunFailed("A fault in the program.")
            return False
        return True

    def _take_in(self, batch: list[_Waiting]) -> None:
        try:
            sorting = self._parts.sorting()
        except CapstoneError as exc:
            log.warning("journal_deferred", code=exc.code, deliveries=len(batch))
            for waiting in batch:
                waiting.error = exc
            return
        by_account: dict[str, _Concerned] = {}
        for waiting in batch:
            for account, items in sorted_by_account(waiting.delivered, sorting).items():
                by_account.setdefault(account, []).append((waiting, items))
        self._take_in_all(by_account)

    def _take_in_all(self, by_account: Mapping[str, _Concerned]) -> None:
        """First those whose turn is free; then the busy ones, all under one deadline, so that few never stall the others."""
        parts, busy = self._parts, dict[str, AccountBusy]()
        for account, concerned in by_account.items():
            error = self._take_in_account(parts.intake, account, concerned)
            if isinstance(error, AccountBusy):
                busy[account] = error
        until = parts.monotonic() + parts.patience_s
        for account, error in busy.items():
            last: AccountBusy | None = error
            if parts.patient is not None and parts.monotonic() < until:
                last = self._take_in_account(parts.patient, account, by_account[account])
            for waiting, _ in by_account[account]:
                waiting.error = waiting.error or last

    def _take_in_account(self, intake: Intake, account: str, concerned: _Concerned) -> AccountBusy | None:
        """Together; one by one where that fails for a reason that may lie in one of them. Where the account is busy, nothing is
        said to the senders yet."""
        error = self._offered(intake, account, [item for _, items in concerned for item in items])
        if error is None or isinstance(error, AccountBusy):
            return error
        for waiting, items in concerned:
            alone = error if error.retryable or len(concerned) == 1 else self._offered(intake, account, items)
            waiting.error = waiting.error or alone
        return None

    def _offered(self, intake: Intake, account: str, items: Sequence[OfferedItem]) -> CapstoneError | None:
        """Why the items are not in the archive; None where they are."""
        try:
            counts = intake.take_in(account, items)
        except CapstoneError as exc:
            log.warning("journal_deferred", account=account, code=exc.code, items=len(items))
            return exc
        for state in ItemState:
            self.count(state.value, counts.get(state.value, 0))
        if counts.get(ItemState.FAILED.value):
            return RunFailed(f"Items of account {account} failed.")
        return None


@dataclass(slots=True)
class _Rhythm:
    """Tells the counts once a minute, if there is anything new."""

    monotonic: Callable[[], float]
    counts: Callable[[], dict[str, int]]
    told: dict[str, int] = field(default_factory=dict)
    due: float = field(init=False)

    def __post_init__(self) -> None:
        self.due = self.monotonic() + TOLD_EVERY_S

    def remaining_s(self) -> float:
        return max(0.0, self.due - self.monotonic())

    def tell(self) -> None:
        if self.monotonic() < self.due:
            return
        self.due = self.monotonic() + TOLD_EVERY_S
        counts = self.counts()
        if counts != self.told:
            self.told = counts
            log.info("journal_counts", **counts)
