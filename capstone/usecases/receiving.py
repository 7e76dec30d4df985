"""Take in what is received rather than fetched: batch by batch, each in its account's turn, between the batches of captures.

A run an account and day, so that what was received is counted as what was captured is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date

import structlog

from capstone.domain.errors import AccountBusy, CapstoneError, UnknownAccount
from capstone.domain.layout import NO_ACCOUNT
from capstone.domain.message import ItemState, OfferedItem
from capstone.ports import Run
from capstone.usecases.anchor import anchor
from capstone.usecases.capture import CaptureParts, begin_facts, chain_of, take_in
from capstone.usecases.decide import Decided, Offered
from capstone.usecases.writing import Chain

log = structlog.get_logger()


@dataclass(slots=True)
class _Session:
    """One account's run."""

    chain: Chain
    day: date
    is_begun: bool = False
    """Whether the ledger knows of the run."""
    counts: Counter[str] = field(default_factory=Counter)


class Receiving:
    """What was received, account by account. Not for several threads at a time."""

    def __init__(self, parts: Callable[[], CaptureParts], source: str, actor: str) -> None:
        """`parts` gives what to work with by the register as it is now; `source` stands in every place; `actor` in the audit
        chain."""
        self._parts, self._source, self._actor = parts, source, actor
        self._sessions: dict[str, _Session] = {}

    def take_in(self, account: str, items: Sequence[OfferedItem]) -> Mapping[str, int]:
        """Durable in store, manifest and ledger when this returns; how many items ended in which state. The same items again
        are found held. `layout.NO_ACCOUNT` takes what names no registered account: refused items only.

        Raises UnknownAccount (nothing stored), AccountBusy where the account's turn could not be had in time, and what store
        and ledger raise; then items may be durable or not.
        """
        parts = self._parts()
        if account != NO_ACCOUNT and not parts.rules.roster.is_registered(account):
            raise UnknownAccount(f"The account {account!r} is not in the register of officials; nothing was stored.")
        session = self._session(parts, account)
        try:
            decided = self._taken_in(parts, session, Offered.of(list(items)))
        except AccountBusy:
            raise  # nothing of the batch is in a manifest: the run goes on
        except CapstoneError as exc:
            # What of this run became durable is adopted by whoever comes next, and ends it: the next batch begins another.
            self._end(account, exc.code)
            raise
        counts = Counter(line.state.value for line in decided.lines)
        session.counts.update(counts)
        return counts

    def _taken_in(self, parts: CaptureParts, session: _Session, offered: Offered) -> Decided:
        account = session.chain.account
        begun = begin_facts(parts, account, offered)
        with session.chain.turn():
            if not session.is_begun:
                parts.ledger.start_run(Run(session.chain.begin(), account, self._source, parts.clock.now()))
                session.is_begun = True
            return take_in(parts, session.chain, offered, begun)

    def close(self) -> None:
        """End every run, and note it in the audit chain."""
        for account in sorted(self._sessions):
            self._end(account)

    def _session(self, parts: CaptureParts, account: str) -> _Session:
        day = parts.clock.now().date()
        if account in self._sessions and self._sessions[account].day != day:
            self._end(account)
        if account not in self._sessions:
            chain = chain_of(parts, account, self._source, parts.holders.name())
            self._sessions[account] = _Session(chain, day)
        return self._sessions[account]

    def _end(self, account: str, error: str | None = None) -> None:
        session = self._sessions.pop(account)
        if not session.is_begun:
            return
        with suppress(CapstoneError):  # where it cannot be noted, the next run closes this one
            parts = self._parts()
            run = parts.ledger.finish_run(session.chain.run_id, parts.clock.now(), "failed" if error else "complete", error)
            details = {**run.counts, "run": run.run_id, "account": account, "source": self._source, "outcome": run.outcome}
            anchor(parts.store, parts.audit.append(parts.clock.now(), self._actor, "capture", details))
        offered = sum(session.counts.values())
        log.info("receiving_ended", run=session.chain.run_id, account=account, offered=offered, **_states(session.counts))


def _states(counts: Mapping[str, int]) -> dict[str, int]:
    return {state.value: counts.get(state.value, 0) for state in ItemState}
