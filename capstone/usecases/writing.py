"""Who may write an account's chain of manifests, and when.

A capture and a replay hold the account's lease for as long as they run, so that two of them never work on one account. Each
batch is then taken in under the account's *turn*, which lasts for that batch only: so the receiver of journals writes between
the batches of a capture that runs for hours, and the chain of manifests never forks.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime

import structlog
import tenacity

from capstone.domain.errors import AccountBusy, CapstoneError
from capstone.domain.fixity import digest_of
from capstone.domain.layout import manifest_key, run_id_at, run_in_manifest_key
from capstone.domain.manifest import Line, ManifestHead, write_manifest
from capstone.domain.records import Lock
from capstone.ports import CaptureLedger, Clock, Holders, ManifestRef, PutRequest, RecordStore
from capstone.usecases.adopt import adopt_manifests

log = structlog.get_logger()

TURN_S = 900
"""How long a turn lasts unless it is given back: longer than any batch takes."""
_SHORTEST_PAUSE_S, _LONGEST_PAUSE_S = 0.01, 0.5


def become_writer(ledger: CaptureLedger, holders: Holders, clock: Clock, account: str, lease_s: int) -> str:
    """Take the account's lease, also from a process that died with it; who now holds it. Raises AccountBusy."""
    holder = holders.name()
    _take(ledger, holders, clock, account, holder, lease_s)
    return holder


def _take(ledger: CaptureLedger, holders: Holders, clock: Clock, lease: str, holder: str, lease_s: int) -> bool:
    """Whether who had it before gave it back. Raises AccountBusy."""
    try:
        return ledger.take_lease(lease, holder, clock.now(), lease_s)
    except AccountBusy as busy:
        if not holders.is_gone(busy.holder):
            raise
        log.warning("lease_taken_over", account=lease, holder=busy.holder)
        # Ended, not given back: whoever is quicker to take it must see as well that it was left.
        ledger.take_lease(lease, busy.holder, clock.now(), 0)
        return ledger.take_lease(lease, holder, clock.now(), lease_s)


@dataclass(slots=True)
class Chain:
    """The chain of one account's manifests, as one run adds to it. `holder` is who holds the run's lease, or the receiver."""

    store: RecordStore
    ledger: CaptureLedger
    clock: Clock
    holders: Holders
    account: str
    source: str
    holder: str
    salt: str
    """Four hex digits, for ids of runs."""
    wait_s: float = 60
    """How long a batch waits for its turn."""
    run_id: str = ""
    _number: int = 0
    _segment: str = ""
    _last: ManifestRef | None = None
    _is_adopted: bool = False
    _is_unfinished: bool = False

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Be the one who writes the account, for one batch. What others left unfinished is adopted first.

        Raises AccountBusy where others had the turn for all of `wait_s`.
        """
        # Until what lies in the store is known to be taken in, a turn that ends early is one that was left.
        self._is_unfinished = not (self._wait_for_turn() and self._is_adopted)
        try:
            if self._is_unfinished:
                adopt_manifests(self.store, self.ledger, self.account, self.clock.now())
            self._is_adopted, self._is_unfinished = True, False
            self._last = self.ledger.last_manifest(self.account)
            yield
        finally:
            self._end_turn()

    def begin(self) -> str:
        """The id of the run, made in its first turn: it sorts after every manifest that is there."""
        if not self.run_id:
            self.run_id = self._segment = self._next_id()
        return self.run_id

    def require(self) -> None:
        """Before the manifest: a writer that was stopped for longer than its turn must not fork the chain. Raises AccountBusy."""
        self.ledger.take_lease(_turn_of(self.account), self.holder, self.clock.now(), TURN_S)
        if self.ledger.last_manifest(self.account) != self._last:
            raise AccountBusy(f"Another run wrote account {self.account} while this one was stopped.")

    def add(self, lines: list[Line], now: datetime) -> tuple[ManifestHead, ManifestRef]:
        """Store the manifest of one batch, linked to the newest one, whoever wrote that. `now` is the instant that the locks of
        its records were counted from: it becomes that of their capture."""
        run_id, last = self.begin(), self._last
        if last is not None and manifest_key(self.account, self._segment, self._number) <= last.key:
            self._segment = self._next_id()  # others wrote since: keys of an account sort as its chain goes
        head = ManifestHead(self.account, run_id, self._number, self.source, now, last.digest if last else None)
        raw = write_manifest(head, lines)
        manifest = ManifestRef(self.account, manifest_key(self.account, self._segment, self._number), digest_of(raw))
        tags = {"account": self.account}
        self._is_unfinished = True
        self.store.put_all([PutRequest(manifest.key, raw, manifest.digest, Lock(hold=True), tags)])
        return head, manifest

    def added(self, manifest: ManifestRef) -> None:
        """The ledger has taken it in."""
        self._last = manifest
        self._number += 1
        self._is_unfinished = False

    def _end_turn(self) -> None:
        """A turn that ends with a manifest that the ledger does not know is left, not given back: whoever comes next sees it."""
        turn = _turn_of(self.account)
        with suppress(CapstoneError):  # it ends by itself
            if self._is_unfinished:
                self.ledger.take_lease(turn, self.holder, self.clock.now(), 0)
            else:
                self.ledger.give_back_lease(turn, self.holder)

    def _next_id(self) -> str:
        return run_id_at(self.clock.now(), self.salt, run_in_manifest_key(self._last.key) if self._last else None)

    def _wait_for_turn(self) -> bool:
        waiting = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(AccountBusy),
            wait=tenacity.wait_random_exponential(_SHORTEST_PAUSE_S, _LONGEST_PAUSE_S),
            stop=tenacity.stop_after_delay(self.wait_s),
            reraise=True,
        )
        return bool(waiting(_take, self.ledger, self.holders, self.clock, _turn_of(self.account), self.holder, TURN_S))


def _turn_of(account: str) -> str:
    """The name of the turn's lease: no account is called so."""
    return f"{account}#turn"
