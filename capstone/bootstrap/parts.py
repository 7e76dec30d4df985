"""What every use case is given: the ports behind the settings, opened where they are first used."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import cached_property
from uuid import uuid4

from capstone import settings as config
from capstone.bootstrap import places
from capstone.bootstrap.places import MadeIndex, MadeStore
from capstone.domain.classification import Rules
from capstone.domain.culling_policy import CullingPolicy, read_policy
from capstone.domain.errors import BadSchedule, BadSettings
from capstone.domain.fixity import digest_of
from capstone.domain.forms import FormRules, read_form_rules
from capstone.domain.roster import Roster
from capstone.domain.schedule import Schedule, read_administrations, read_schedule
from capstone.domain.series import NO_SERIES, SeriesTable, read_series
from capstone.settings import Settings
from capstone.usecases.capture import CaptureParts
from capstone.usecases.culling import CullingParts
from capstone.usecases.decide import Guarding
from capstone.usecases.decisions import RegisterParts
from capstone.usecases.index import IndexParts
from capstone.usecases.learning import LearningParts
from capstone.usecases.preview import PreviewParts
from capstone.usecases.replay import ReplayParts
from capstone.usecases.search import ReadingParts
from connectors.clock import SystemClock
from connectors.holders import ProcessHolders
from connectors.ledger.ledger import SqlLedger, open_ledger
from connectors.workers import ProcessWorkers

SCHEDULE, ADMINISTRATIONS, FORMS = "grs-6.1.toml", "administrations.toml", "na-1005.toml"
SERIES = "series.toml"
CULLING = "culling.toml"
CAPSTONE_OFFICIALS = "010"
"""The item whose transfer periods a form chooses from."""

_MARK_LENGTH = 12

_READERS = ("capstone.__main__", "capstone.domain.culling", "capstone.domain.facts", "capstone.domain.documents")
"""What the processes that read messages need."""

Progress = Callable[[int, int], None]


class Parts:
    """The archive's parts. Servers and files are opened when they are used."""

    def __init__(self, settings: Settings, progress: Progress) -> None:
        """`progress` is told how many things and bytes a batch had."""
        self.settings, self.progress = settings, progress
        self.clock, self.holders = SystemClock(), ProcessHolders()

    @cached_property
    def ledger(self) -> SqlLedger:
        """The ledger, found usable."""
        ledger = open_ledger(places.ledger_url(self.settings), self.settings.ledger.wait_s)
        ledger.check()
        return ledger

    @cached_property
    def store(self) -> MadeStore:
        """The store, found usable."""
        self.store_unchecked.check()
        return self.store_unchecked

    @cached_property
    def store_unchecked(self) -> MadeStore:
        """The store as the settings name it, whatever its state."""
        return places.new_store(self.settings)

    @cached_property
    def index(self) -> MadeIndex:
        """The index; use cases check it where it matters."""
        return places.new_index(self.settings)

    @cached_property
    def schedule(self) -> Schedule:
        """The retention schedule in force."""
        return read_schedule(_data(SCHEDULE), SCHEDULE)

    @cached_property
    def series(self) -> SeriesTable:
        """The series of other schedules; none where a folder of one's own schedules has no such file."""
        return read_series(_data(SERIES), SERIES) if (config.schedules_folder() / SERIES).exists() else NO_SERIES

    @property
    def form_rules(self) -> FormRules:
        """How a form NA-1005 is read: with the transfer periods that the schedule offers its officials."""
        return read_form_rules(_data(FORMS), self.schedule.items[CAPSTONE_OFFICIALS].transfer_years, FORMS)

    @property
    def rules(self) -> Rules:
        """What classes depend on, as of now."""
        agency, state = self.settings.agency, self.ledger.register.state()
        return Rules(
            roster=Roster(state.designations, state.facts),
            schedule=self.schedule,
            administrations=read_administrations(_data(ADMINISTRATIONS)),
            zone=agency.zone,
            today=self.clock.now().astimezone(agency.zone).date(),
            plausible_start=agency.mail_since,
            series=self.series,
            acting_days=self.settings.classification.acting_days,
        )

    @property
    def guarding(self) -> Guarding:
        """What locks depend on besides the class, as of now."""
        return Guarding(self.settings.agency.zone, self.settings.lock.minimum_days, self.clock.now())

    @property
    def capturing(self) -> CaptureParts:
        """For capture."""
        ledger = self.ledger
        return CaptureParts(
            self.store, ledger.capture, ledger.records, ledger.audit, self.clock, self.capture_workers, self.rules,
            self.guarding, self.holders, _new_id, progress=self.progress,
        )  # fmt: skip

    def indexing(self, progress: Progress) -> IndexParts:
        """For indexing."""
        ledger = self.ledger
        return IndexParts(
            self.store, ledger.records, ledger.outbox, self.index, self.clock, self.index_workers, self.guarding,
            self.holders, self.settings.index.text_limit, progress,
        )  # fmt: skip

    @property
    def registering(self) -> RegisterParts:
        """For the register of officials."""
        return self.registering_in(self.ledger)

    def registering_in(self, ledger: SqlLedger) -> RegisterParts:
        """For the register in that ledger."""
        zone = self.settings.agency.zone
        return RegisterParts(self.store, ledger.register, ledger.audit, self.clock, zone, ledger.culling)

    @property
    def previewing(self) -> PreviewParts:
        """For previews of a change."""
        decisions = self.ledger.register.decisions()  # before the rules: what may be approved must be known to them
        return PreviewParts(self._learning, decisions, self.rules, self.approved_rules, self.progress)

    @property
    def replaying(self) -> ReplayParts:
        """For replays of the register over the archive."""
        ledger = self.ledger
        following = ledger.register.next_decision()  # before the rules: these know all decisions below it, or more
        return ReplayParts(
            self._learning, ledger.capture, ledger.register, ledger.audit, self.clock, self.rules, following,
            self.approved_rules, self.guarding, self.holders, _new_id, progress=self.progress,
        )  # fmt: skip

    @property
    def approved_rules(self) -> str:
        """What an approval of the register must name to hold now: the rules, and all that schedules and settings decide."""
        files = [_data(name) for name in (SCHEDULE, ADMINISTRATIONS)]
        files += [_data(SERIES)] if (config.schedules_folder() / SERIES).exists() else []
        agency, acting = self.settings.agency, self.settings.classification.acting_days
        told = json.dumps([*files, agency.time_zone, agency.mail_since.isoformat(), acting])
        return f"{self.rules.version}, {digest_of(told.encode())[:_MARK_LENGTH]}"

    @property
    def culling(self) -> CullingParts:
        """For proposals to cull and their reviews."""
        ledger, domains = self.ledger, self.settings.agency.internal_domains
        return CullingParts(
            self.registering, ledger.records, ledger.replaying, self.capture_workers, _culling_policy(), domains, self.progress
        )

    @property
    def _learning(self) -> LearningParts:
        return LearningParts(self.store, self.ledger.records, self.ledger.replaying, self.capture_workers)

    @property
    def reading(self) -> ReadingParts:
        """For people who search and read."""
        ledger = self.ledger
        return ReadingParts(self.store, ledger.records, ledger.register, ledger.outbox, ledger.audit, self.index, self.clock)

    @cached_property
    def capture_workers(self) -> ProcessWorkers:
        """Processes that read messages for capture."""
        return self._new_workers()

    @cached_property
    def index_workers(self) -> ProcessWorkers:
        """Of its own, as a thread may index while another captures."""
        return self._new_workers()

    def _new_workers(self) -> ProcessWorkers:
        chosen = self.settings.workers
        return ProcessWorkers(chosen.processes or max(1, (os.cpu_count() or 1) // 2), chosen.limit_s, preload=_READERS)

    def close(self) -> None:
        """End processes and connections; what was never opened stays so."""
        for name in ("capture_workers", "index_workers", "store_unchecked", "index", "ledger"):
            if name in self.__dict__:
                self.__dict__.pop(name).close()
        self.__dict__.pop("store", None)


def _data(name: str) -> str:
    file = config.schedules_folder() / name
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError) as exc:
        raise BadSchedule(f"{file} cannot be read.") from exc


def _culling_policy() -> CullingPolicy:
    """The rules beside the settings file where they are there, else those that come with the program. Raises BadSettings."""
    settings = config.config_file()
    beside = settings.parent / CULLING if settings else None
    file = beside if beside and beside.is_file() else config.DATA / CULLING
    try:
        return read_policy(file.read_text("utf-8"), CULLING)
    except (OSError, UnicodeDecodeError) as exc:
        raise BadSettings(f"{file} cannot be read.") from exc


def _new_id() -> str:
    return uuid4().hex
