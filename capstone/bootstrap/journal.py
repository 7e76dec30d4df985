"""The receiver of SMTP journals, put together and run until it is told to stop: a part of `App`."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from capstone.bootstrap.parts import Parts
from capstone.domain.journal_accounts import Addressees
from capstone.domain.journal_sorting import Sorting
from capstone.domain.message import ItemState
from capstone.ports import Quarantined
from capstone.settings import Settings, absolute
from capstone.settings.sections import Journal as JournalSettings
from capstone.usecases.capture import CaptureParts, RunReport
from capstone.usecases.journal import Journal, JournalParts
from capstone.usecases.journal_retry import BytesOf, sort_again
from capstone.usecases.receiving import Receiving

if TYPE_CHECKING:
    from connectors.journal.receiver import Receiver
    from connectors.journal.session import Line

ACTOR = "journal"
"""Who the audit chain names for what was received."""
_STATES = {"quarantine": ItemState.QUARANTINED, "exclude": ItemState.EXCLUDED}
_MOST_HELD = 512 * 1024 * 1024
"""Bytes of mail that has arrived and is not answered."""
_LONGEST_TURN_S = 10
"""How long busy accounts, all together, may keep the mail of all others waiting."""


class JournalApp:
    """The part of `App` that receives."""

    settings: Settings
    _parts: Parts

    def receive_journal(self, listening: Callable[[str, int], None]) -> dict[str, int]:
        """Receive until SIGTERM or SIGINT; who waits then is answered. The counts of `usecases.journal`.

        `listening` is told where, once mail is taken. Raises BadSettings, and what store and ledger raise at the start.
        """
        from connectors.journal.receiver import Receiver  # no other command needs what it loads

        settings = self.settings.journal
        following = _Following(self._parts, settings)
        following.capturing()  # what is missing shows at the start, not with the first mail
        # A batch has two passes over its accounts, and who receives keeps how long it waits for a turn: so there are two.
        receiving = Receiving(lambda: replace(following.capturing(), turn_wait_s=0), settings.name, ACTOR)
        # Half of the time to begin to wait for an account, and as much for the last one that is waited for.
        patience_s = min(_LONGEST_TURN_S, settings.wait_s / 2) / 2
        patient = Receiving(lambda: replace(following.capturing(), turn_wait_s=patience_s), settings.name, ACTOR)
        journal = Journal(JournalParts(receiving, following.sorting, time.monotonic, settings.batch, patient, patience_s))
        receiver = Receiver(_line(self.settings), journal.receive, journal.count, self._parts.clock)
        try:
            asyncio.run(_serve(receiver, journal, listening))
        finally:
            receiving.close()
            patient.close()
        return journal.counts()

    def sort_again(self, kept: Sequence[Quarantined], bytes_of: BytesOf) -> list[RunReport]:
        """See `usecases.journal_retry`."""
        reports: list[RunReport] = []
        for source in sorted({item.source for item in kept}):
            following = _Following(self._parts, self.settings.journal)
            sorting = replace(following.sorting(), source=source, unregistered=ItemState.QUARANTINED)
            receiving = Receiving(following.capturing, source, ACTOR)
            of_it = [item for item in kept if item.source == source]
            try:
                reports += sort_again(of_it, bytes_of, sorting, receiving, self._parts.clock.now())
            finally:
                receiving.close()
        return reports


async def _serve(receiver: Receiver, journal: Journal, listening: Callable[[str, int], None]) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await receiver.start()
    with ThreadPoolExecutor(1, "journal") as threads:
        writing = loop.run_in_executor(threads, journal.run)
        writing.add_done_callback(lambda _: stop.set())  # without its writer the receiver must not go on
        try:
            listening(receiver.host, receiver.port)
            await stop.wait()
            await receiver.stop()
        finally:
            journal.close()
            await writing


class _Following:
    """Rules and roster as the register has them now, made anew only where it changed or a day began."""

    def __init__(self, parts: Parts, journal: JournalSettings) -> None:
        self._parts, self._journal = parts, journal
        self._known: tuple[int, date] | None = None
        self._capturing: CaptureParts
        self._sorting: Sorting

    def capturing(self) -> CaptureParts:
        """For one account's items."""
        self._follow()
        return self._capturing

    def sorting(self) -> Sorting:
        """For one batch."""
        self._follow()
        return self._sorting

    def _follow(self) -> None:
        today = self._parts.clock.now().astimezone(self._parts.settings.agency.zone).date()
        known = (self._parts.ledger.register.next_decision(), today)
        if known == self._known:
            return
        self._capturing, journal = self._parts.capturing, self._journal
        rules, unregistered = self._capturing.rules, _STATES[journal.unregistered]
        self._sorting = Sorting(journal.name, rules, Addressees(rules.roster), unregistered, journal.form == "reports")
        self._known = known


def _line(settings: Settings) -> Line:
    from connectors.journal.receiver import tls_context
    from connectors.journal.session import Line

    journal = settings.journal
    tls = None
    if journal.certificate_file and journal.key_file:
        tls = tls_context(absolute(journal.certificate_file), absolute(journal.key_file))
    return Line(
        journal.host, journal.port, journal.protocol == "lmtp", journal.allowed_peers, tls, journal.require_tls,
        journal.size_limit_bytes, journal.sessions, journal.wait_s,
        most_held_bytes=max(_MOST_HELD, 2 * journal.size_limit_bytes),
    )  # fmt: skip
