"""Wiring: the only module that names a concrete adapter. One App for the command line, the DAGs and the tests."""

from __future__ import annotations

import getpass
import json
import os
import random
import tempfile
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from uuid import uuid4

from capstone import settings as config
from capstone.domain.access import Person, read_people, require_register_keeper
from capstone.domain.classification import Rules
from capstone.domain.errors import (
    BadSchedule,
    BadSettings,
    CapstoneError,
    NotAllowed,
    SourceMissing,
    StoreUnavailable,
    UnknownAccount,
)
from capstone.domain.explanation import sentences
from capstone.domain.layout import record_key
from capstone.domain.officials import Designation, Roster
from capstone.domain.schedule import Schedule, read_administrations, read_schedule
from capstone.ports import MailSource, Quarantined
from capstone.settings import Settings, Source, absolute
from capstone.usecases.capture import CaptureParts, RunReport, capture_source
from capstone.usecases.decide import Guarding
from capstone.usecases.export import ExportReport, export
from capstone.usecases.follow import index_while
from capstone.usecases.index import IndexParts, IndexReport, index_pending
from capstone.usecases.quarantine import list_quarantine, retry_quarantine, show_quarantined
from capstone.usecases.rebuild import RebuildParts, RebuildReport, rebuild_index, rebuild_ledger
from capstone.usecases.reconcile import ReconcileParts, ReconcileReport, reconcile
from capstone.usecases.register import ImportReport, RegisterParts, import_officials
from capstone.usecases.search import Answer, Explained, ReadingParts, Shown, explain, search, show
from capstone.usecases.status import Overview, Status, overview, status
from capstone.usecases.verify import VerifyParts, VerifyReport, verify
from connectors.clock import SystemClock
from connectors.exports.folder import FolderExport
from connectors.holders import ProcessHolders
from connectors.ledger.engine import file_url, ledger_file
from connectors.ledger.ledger import SqlLedger, create_ledger, open_ledger
from connectors.mailboxes.files import FileSource
from connectors.record_store.directory import DirectoryRecordStore
from connectors.workers import ProcessWorkers
from indexing.fts5 import Fts5Index

if TYPE_CHECKING:
    from connectors.demo.agency import DemoSummary

SCHEDULE, ADMINISTRATIONS = "grs-6.1.toml", "administrations.toml"
FILES = "files"
"""The source name of what people import by hand."""

_READERS = ("capstone.__main__", "capstone.domain.facts", "capstone.domain.documents")
"""What the processes that read messages need."""

T = TypeVar("T")
Progress = Callable[[int, int], None]


def build_app(progress: Progress | None = None) -> App:
    """The archive that the settings describe. Reads settings only; servers and files are opened when they are used."""
    return App(config.read_settings(), progress or _no_progress)


class App:
    """The archive: one method for each thing that a command, a task or a page can ask of it."""

    def __init__(self, settings: Settings, progress: Progress) -> None:
        """See `build_app`."""
        self.settings, self._progress = settings, progress
        self._clock, self._holders = SystemClock(), ProcessHolders()

    # --- setting up ---

    def init(self) -> dict[str, object]:
        """Create ledger, store, index and, for the embedded default, the roles of the person who calls. Safe to repeat."""
        self._store_unchecked.create()
        create_ledger(file_url(self._ledger_file)).close()
        if not self._index_path.exists():
            self.rebuild_index()  # a new index beside a ledger that has records lacks them all
        self._index.check()
        made_roles = self._make_roles()
        told = {"store": str(self._store_path), "ledger": str(self._ledger_file), "index": str(self._index_path)}
        return {**told, "roles": str(config.roles_file()), "roles_made": made_roles, "worm": self._store_unchecked.is_worm}

    def _make_roles(self) -> bool:
        file = config.roles_file()
        if file.exists():
            return False
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f'[people]\n{json.dumps(getpass.getuser())} = ["records_officer"]\n')
        return True

    def person(self, name: str | None) -> Person:
        """The person, or the operating system's user. Raises NotAllowed where roles.toml does not name them."""
        wanted, file = name or getpass.getuser(), config.roles_file()
        try:
            people = read_people(tomllib.loads(file.read_text()), str(file))
        except FileNotFoundError as exc:
            raise NotAllowed(f"There is no {file}, so nobody may read.", "Run 'capstone init'.") from exc
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
            raise BadSettings(f"{file} is no TOML: {exc}") from exc
        if wanted not in people:
            raise NotAllowed(f"{file} does not name {wanted}.")
        return people[wanted]

    # --- register ---

    def import_officials(self, data: bytes, actor: Person) -> ImportReport:
        """See `usecases.register`."""
        require_register_keeper(actor)
        return import_officials(self._register_parts, data, actor.name, self.settings.agency.internal_domains)

    def designations(self) -> list[Designation]:
        """The rows of the register in force."""
        return self._ledger.register.designations()

    def designation_history(self) -> list[dict[str, object]]:
        """Every row ever taken in: when, by whom, by which decision, superseded by which."""
        return [
            {"decision": number, "at": at.isoformat(), "actor": actor, "designation": row, "superseded_by": later}
            for number, at, actor, row, later in self._ledger.register.designation_history()
        ]

    # --- capture ---

    def accounts_with_source(self) -> list[str]:
        """Every account that the settings name a source for; one that is not registered fails by its name when it is captured."""
        self._ledger.check()
        return sorted({source.account for source in self.settings.sources})

    def import_files(self, paths: Sequence[Path], account: str) -> RunReport:
        """Everything below the paths into one account. Raises UnknownAccount and SourceMissing before anything is stored."""
        for path in paths:
            if not path.exists():
                raise SourceMissing(f"{path} does not exist; nothing was stored.")
        return capture_source(self._capturing, account, FileSource(FILES, paths))

    def capture(self, account: str) -> list[RunReport]:
        """Every configured source of the account, one run each. Raises UnknownAccount, AccountBusy and what concerns all."""
        sources = [source for source in self.settings.sources if source.account == account]
        if not sources:
            raise UnknownAccount(f"The settings name no source for the account {account!r}.", "Add one under [[sources]].")
        parts = self._capturing
        return [capture_source(parts, account, _open_source(source)) for source in sources]

    def indexing_while(self, work: Callable[[], T]) -> tuple[T, IndexReport | CapstoneError]:
        """See `usecases.follow`."""
        _ = self._ledger, self._store  # opened here, before two threads use them
        return index_while(work, partial(self.index_pending, is_quiet=True))

    def index_pending(self, *, is_quiet: bool = False) -> IndexReport:
        """See `usecases.index`. `is_quiet`: without progress, where something else shows its own."""
        ledger, progress = self._ledger, _no_progress if is_quiet else self._progress
        return index_pending(
            IndexParts(
                self._store, ledger.records, ledger.outbox, self._index, self._clock, self._index_workers, self._guarding,
                self._holders, self.settings.index.text_limit, progress,
            )
        )  # fmt: skip

    # --- reading ---

    def search(self, viewer: Person, query: str, limit: int, offset: int = 0) -> Answer:
        """See `usecases.search`."""
        return search(self._reading_parts, viewer, query, limit, offset)

    def show(self, viewer: Person, record_id: str) -> Shown:
        """See `usecases.search`."""
        return show(self._reading_parts, viewer, record_id)

    def explain(self, viewer: Person, record_id: str) -> tuple[Explained, list[str]]:
        """The reasons behind a record's class, as values and as plain sentences."""
        found = explain(self._reading_parts, viewer, record_id)
        lock = self._store.state(record_key(found.entry.account, found.entry.digest), found.entry.version_id).lock
        zone = self.settings.agency.zone
        return found, sentences(found.entry, found.history, found.designation, self.schedule, zone, lock)

    def export(self, viewer: Person, query: str, folder: Path, file_format: str) -> ExportReport:
        """See `usecases.export`."""
        return export(self._reading_parts, viewer, query, FolderExport(folder), file_format, self._progress)

    def status(self) -> Status:
        """See `usecases.status`."""
        return status(self._ledger.records, self._ledger.register, self._ledger.outbox)

    def overview(self) -> Overview:
        """See `usecases.status`."""
        return overview(self._ledger.records, self._ledger.register, self._ledger.outbox)

    def quarantine(self, viewer: Person) -> list[Quarantined]:
        """See `usecases.quarantine`."""
        return list_quarantine(self._reading_parts, viewer)

    def quarantined(self, viewer: Person, digest: str) -> tuple[Quarantined, bytes]:
        """See `usecases.quarantine`."""
        return show_quarantined(self._reading_parts, viewer, digest)

    def retry_quarantine(self, viewer: Person) -> list[RunReport]:
        """See `usecases.quarantine`."""
        with tempfile.TemporaryDirectory(prefix="capstone-") as scratch:

            def reopened(name: str, item_id: str, raw: bytes) -> MailSource:
                suffix = Path(item_id.partition("#")[0]).suffix
                path = Path(scratch) / f"{uuid4().hex}{suffix}"
                path.write_bytes(raw)
                return FileSource(name, [path])

            return retry_quarantine(self._reading_parts, self._capturing, viewer, reopened)

    # --- care ---

    def reconcile(self) -> ReconcileReport:
        """See `usecases.reconcile`."""
        sources = tuple((source.account, _open_source(source)) for source in self.settings.sources)
        ledger = self._ledger
        return reconcile(ReconcileParts(self._capturing, ledger.records, ledger.outbox, self._index, sources))

    def verify(self, sample: int | None = None) -> VerifyReport:
        """See `usecases.verify`. `sample`: about so many records, chosen by chance."""
        ledger = self._ledger
        parts = VerifyParts(self._store, ledger.records, ledger.audit, ledger.capture, ledger.register, self._clock)
        parts = replace(parts, progress=self._progress)
        if sample is not None:
            total = sum(one.messages for one in ledger.records.totals())
            share = sample / total if total else 1.0
            parts = replace(parts, choose=lambda _record_id: random.random() < share)  # noqa: S311  (no secret hangs on it)
        return verify(parts)

    def rebuild_ledger(self, actor: Person) -> RebuildReport:
        """A new ledger from the store; an embedded one that is there is moved aside, never deleted."""
        self._store.check()
        self._move_ledger_aside()
        create_ledger(file_url(self._ledger_file)).close()
        ledger = self._ledger
        parts = RebuildParts(self._store, ledger.capture, self._register_parts, ledger.audit, self._clock)
        return rebuild_ledger(parts, actor.name)

    def rebuild_index(self) -> RebuildReport:
        """An empty index with every record due; `index_pending` fills it."""
        return rebuild_index(self._index, self._ledger.outbox)

    def _move_ledger_aside(self) -> None:
        file = self._ledger_file
        stamp = self._clock.now().strftime("%Y%m%dT%H%M%SZ")
        for end in ("", "-wal", "-shm"):  # so named, SQLite finds them when somebody opens the old ledger
            path = file.with_name(file.name + end)
            if path.exists():
                path.rename(path.with_name(f"{file.name}.{stamp}.old{end}"))

    # --- parts ---

    @cached_property
    def schedule(self) -> Schedule:
        """The retention schedule in force."""
        return read_schedule(_data(SCHEDULE), SCHEDULE)

    @property
    def _rules(self) -> Rules:
        agency = self.settings.agency
        return Rules(
            roster=Roster(self.designations()),
            schedule=self.schedule,
            administrations=read_administrations(_data(ADMINISTRATIONS)),
            zone=agency.zone,
            today=self._clock.now().astimezone(agency.zone).date(),
            plausible_start=agency.mail_since,
        )

    @property
    def _guarding(self) -> Guarding:
        return Guarding(self.settings.agency.zone, self.settings.lock.minimum_days, self._clock.now())

    @property
    def _capturing(self) -> CaptureParts:
        ledger = self._ledger
        return CaptureParts(
            self._store, ledger.capture, ledger.audit, self._clock, self._capture_workers, self._rules, self._guarding,
            self._holders, _new_id, progress=self._progress,
        )  # fmt: skip

    def close(self) -> None:
        """End the processes that read messages."""
        self._capture_workers.close()
        self._index_workers.close()

    @cached_property
    def _capture_workers(self) -> ProcessWorkers:
        return self._new_workers()

    @cached_property
    def _index_workers(self) -> ProcessWorkers:
        """Of its own, as a thread may index while another captures."""
        return self._new_workers()

    def _new_workers(self) -> ProcessWorkers:
        chosen = self.settings.workers
        return ProcessWorkers(chosen.processes or max(1, (os.cpu_count() or 1) // 2), chosen.limit_s, preload=_READERS)

    @property
    def _register_parts(self) -> RegisterParts:
        ledger = self._ledger
        return RegisterParts(self._store, ledger.register, ledger.audit, self._clock, self.settings.agency.zone)

    @property
    def _reading_parts(self) -> ReadingParts:
        ledger = self._ledger
        return ReadingParts(self._store, ledger.records, ledger.register, ledger.outbox, ledger.audit, self._index, self._clock)

    @cached_property
    def _ledger(self) -> SqlLedger:
        ledger = open_ledger(file_url(self._ledger_file))
        ledger.check()
        return ledger

    @cached_property
    def _store(self) -> DirectoryRecordStore:
        self._store_unchecked.check()
        return self._store_unchecked

    @cached_property
    def _store_unchecked(self) -> DirectoryRecordStore:
        return DirectoryRecordStore(self._store_path)

    @cached_property
    def _index(self) -> Fts5Index:
        return Fts5Index(self._index_path)

    @property
    def _store_path(self) -> Path:
        return absolute(self.settings.store.path) if self.settings.store.path else config.home() / "store"

    @property
    def _index_path(self) -> Path:
        return absolute(self.settings.index.path) if self.settings.index.path else config.home() / "index.sqlite"

    @property
    def _ledger_url(self) -> str:
        chosen = self.settings.ledger
        hidden = config.secret("ledger", "url", chosen.url_file, chosen.url_env)
        return hidden or chosen.url or file_url(config.home() / "ledger.sqlite")

    @property
    def _ledger_file(self) -> Path:
        return ledger_file(self._ledger_url)


def _open_source(source: Source) -> MailSource:
    return FileSource(source.name, [absolute(source.path)])


def _data(name: str) -> str:
    file = config.schedules_folder() / name
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError) as exc:
        raise BadSchedule(f"{file} cannot be read.") from exc


def _no_progress(_count: int, _bytes: int) -> None:
    """Nobody is watching."""


def _new_id() -> str:
    return uuid4().hex


# --- demonstration ---------------------------------------------------------------------------------


def generate_demo(folder: Path, seed: int) -> DemoSummary:
    """Write an invented agency's mailboxes, register and settings. Raises OutputExists, StoreUnavailable."""
    from connectors.demo.agency import generate

    try:
        return generate(folder, seed)
    except OSError as exc:
        raise StoreUnavailable(f"The demonstration cannot be written: {exc.strerror}.", "Name another folder with --in.") from exc


def demo_summary(folder: Path) -> DemoSummary:
    """What `generate_demo` wrote there. Raises SourceMissing."""
    from connectors.demo.agency import load_summary

    try:
        return load_summary(folder)
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise SourceMissing(f"There is no demonstration in {folder}.", "Run 'make demo' or 'capstone demo generate'.") from exc
