"""A whole archive in memory: the use cases with fakes behind every port, and a switch that cuts the power at a chosen call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from itertools import count
from typing import Any

from capstone.domain.access import Person
from capstone.domain.classification import Rules
from capstone.domain.fixity import digest_of
from capstone.domain.officials import Designation
from capstone.domain.register_facts import RegisterDecision, RegisterState
from capstone.domain.roster import Roster
from capstone.ports import MailSource
from capstone.usecases.capture import CaptureParts, RunReport, capture_source
from capstone.usecases.decide import Guarding
from capstone.usecases.decisions import RegisterParts, as_told, keep
from capstone.usecases.index import IndexParts, IndexReport, index_pending
from capstone.usecases.learning import LearningParts
from capstone.usecases.preview import Preview, PreviewParts, preview
from capstone.usecases.reconcile import ReconcileParts, ReconcileReport, reconcile
from capstone.usecases.replay import AccountReplay, ReplayParts, replay_account
from capstone.usecases.search import ReadingParts
from capstone.usecases.verify import VerifyParts, VerifyReport, verify
from connectors.workers import InlineWorkers
from tests.builders import ZONE, a_designation, the_schedule
from tests.fakes.clock import SetClock
from tests.fakes.ledger import FakeLedger
from tests.fakes.record_store import MemoryRecordStore
from tests.fakes.search_index import FakeSearchIndex

OFFICER = Person("rosa", frozenset({"records_officer"}))


class PowerCut(BaseException):
    """The machine stops here: no handler of the program may see it."""


class Wrapped:
    """Any port as it is, but for what a subclass says itself."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class Cut:
    """Any port, with the power cut before or after the nth call of one method."""

    def __init__(self, inner: Any, method: str, nth: int = 1, *, after: bool = False) -> None:
        self._inner, self._method, self._left, self._after = inner, method, nth, after

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        return self._counted(found) if name == self._method else found

    def _counted(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            self._left -= 1
            if self._left == 0 and not self._after:
                raise PowerCut
            answer = method(*args, **kwargs)
            if self._left == 0:
                raise PowerCut
            return answer

        return call


class NamedHolders:
    """Holders that are gone when a test says so."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self.gone: set[str] = set()

    def name(self) -> str:
        return f"worker-{next(self._numbers)}"

    def is_gone(self, holder: str) -> bool:
        return holder in self.gone


def enact(parts: RegisterParts, decision: RegisterDecision) -> None:
    """A decision in store and ledger, without its note in the audit chain."""
    keep(parts.store, decision, as_told(decision))
    parts.register.apply(decision)


class MemoryArchive:
    """Use cases over fakes. Attributes are public so that a test can look at, damage or replace any part."""

    def __init__(self, *designations: Designation) -> None:
        self.store: Any = MemoryRecordStore()
        self.ledger: Any = FakeLedger()
        self.index: Any = FakeSearchIndex()
        self.clock = SetClock()
        self.holders = NamedHolders()
        self.designations = list(designations or [a_designation()])
        self.approved_rules = "rules, schedules"
        self._ids = count(1)
        enact(self.registering, RegisterDecision(1, self.clock.now(), "rosa", designations=tuple(self.designations)))

    def new_id(self) -> str:
        return f"{next(self._ids):032x}"[::-1]

    @property
    def guarding(self) -> Guarding:
        return Guarding(ZONE, 1, self.clock.now())

    @property
    def capturing(self) -> CaptureParts:
        rules = Rules(Roster(self.designations), the_schedule(), (), ZONE, self.clock.now().date(), date(1990, 1, 1))
        ledger = self.ledger
        return CaptureParts(
            self.store, ledger.capture, ledger.records, ledger.audit, self.clock, InlineWorkers(), rules, self.guarding,
            self.holders, self.new_id, turn_wait_s=0,
        )  # fmt: skip

    @property
    def rules(self) -> Rules:
        """By the register of the ledger, as the program makes them; `capturing` goes by `designations`."""
        state = self.ledger.register.state()
        roster = Roster(state.designations, state.facts)
        return Rules(roster, the_schedule(), (), ZONE, self.clock.now().date(), date(1990, 1, 1))

    @property
    def learning(self) -> LearningParts:
        return LearningParts(self.store, self.ledger.records, self.ledger.replaying, InlineWorkers())

    def preview(self, proposed: RegisterState | None = None) -> Preview:
        return preview(PreviewParts(self.learning, self.ledger.register.decisions(), self.rules, self.approved_rules), proposed)

    @property
    def replaying(self) -> ReplayParts:
        ledger = self.ledger
        return ReplayParts(
            self.learning, ledger.capture, ledger.register, ledger.audit, self.clock, self.rules,
            ledger.register.next_decision(), self.approved_rules, self.guarding, self.holders, self.new_id,
            turn_wait_s=0,
        )  # fmt: skip

    def replay(self, account: str = "director", actor: str = "replay") -> AccountReplay:
        self.clock.move(minutes=1)
        return replay_account(self.replaying, account, actor)

    @property
    def reading(self) -> ReadingParts:
        ledger = self.ledger
        return ReadingParts(self.store, ledger.records, ledger.register, ledger.outbox, ledger.audit, self.index, self.clock)

    @property
    def registering(self) -> RegisterParts:
        return RegisterParts(self.store, self.ledger.register, self.ledger.audit, self.clock, ZONE, self.ledger.culling)

    def capture(self, source: MailSource, account: str = "director") -> RunReport:
        self.clock.move(minutes=1)
        return capture_source(self.capturing, account, source)

    def index_pending(self) -> IndexReport:
        ledger = self.ledger
        return index_pending(
            IndexParts(
                self.store, ledger.records, ledger.outbox, self.index, self.clock, InlineWorkers(), self.guarding,
                self.holders, 10_000,
            )
        )  # fmt: skip

    def verify(self, **changes: Any) -> VerifyReport:
        ledger = self.ledger
        return verify(
            VerifyParts(self.store, ledger.records, ledger.audit, ledger.capture, ledger.register, self.clock, **changes)
        )

    def reconcile(self, *sources: tuple[str, MailSource]) -> ReconcileReport:
        ledger = self.ledger
        shown = tuple((account, source.name, source.places) for account, source in sources)
        return reconcile(ReconcileParts(self.capturing, ledger.records, ledger.outbox, self.index, shown))

    def record_ids(self) -> list[str]:
        return [entry.record_id for entry in self.ledger.records.records()]


def a_message(subject: str = "Budget", date_text: str = "Mon, 03 Feb 2020 10:00:00 -0500", **headers: str) -> bytes:
    """A plain message; `headers` by name, "From_" style endings are cut."""
    told = {"From": "Ada Brook <director@agency.example>", "To": "staff@agency.example", "Subject": subject, "Date": date_text}
    told |= {name.rstrip("_").replace("_", "-"): value for name, value in headers.items()}
    told.setdefault("Message-ID", f"<{digest_of(subject.encode())[:12]}@agency.example>")
    lines = [f"{name}: {value}" for name, value in told.items() if value]
    return "\r\n".join([*lines, "", f"About {subject.lower()}.", ""]).encode()


def in_inbox(*raws: bytes) -> Sequence[Any]:
    from tests.fakes.mail_source import Mail

    return [Mail("Inbox", raw) for raw in raws]
