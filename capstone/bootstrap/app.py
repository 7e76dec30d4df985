"""One App for the command line, the DAGs and the tests: one method for each thing that can be asked of the archive."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from capstone import settings as config
from capstone.bootstrap import places
from capstone.bootstrap.culling import CullingApp
from capstone.bootstrap.forms import FormsApp
from capstone.bootstrap.journal import JournalApp
from capstone.bootstrap.parts import Parts, Progress
from capstone.bootstrap.people import make_roles, named_person
from capstone.bootstrap.register import RegisterApp
from capstone.bootstrap.reopening import POINTER, reopening
from capstone.bootstrap.source_checks import SourceChecksApp
from capstone.bootstrap.sources import open_files, open_source, places_of, slot_of
from capstone.domain.access import Person, require_register_keeper
from capstone.domain.effects import state_after
from capstone.domain.errors import CapstoneError, MissingSecret, ServerBusy, SourceMissing, UnknownAccount
from capstone.domain.explanation import Grounds, sentences
from capstone.domain.positions_csv import is_pdf, is_positions_table
from capstone.domain.register_facts import RegisterDecision
from capstone.ports import REPLAY, HeldItems, Quarantined
from capstone.settings import Settings, Source
from capstone.usecases.approvals import approve
from capstone.usecases.capture import RunReport, capture_source
from capstone.usecases.differences import ReconcileReport
from capstone.usecases.export import ExportReport, export
from capstone.usecases.follow import index_while
from capstone.usecases.index import IndexReport, index_pending
from capstone.usecases.preview import Preview, preview
from capstone.usecases.quarantine import list_quarantine, retry_quarantine, show_quarantined
from capstone.usecases.rebuild import RebuildParts, RebuildReport, rebuild_index, rebuild_ledger
from capstone.usecases.reconcile import ReconcileParts, reconcile
from capstone.usecases.replay import AccountReplay, replay_account
from capstone.usecases.search import Answer, Explained, Shown, explain, search, show, show_beside
from capstone.usecases.status import Overview, Status, overview, status
from capstone.usecases.stored import ref_of, state_of
from capstone.usecases.verify import VerifyParts, VerifyReport, verify
from connectors.exports.folder import FolderExport
from connectors.scratch import scratch_folder

FILES = "files"
"""The source name of what people import by hand."""

T = TypeVar("T")


def build_app(progress: Progress | None = None) -> App:
    """The archive that the settings describe. Reads settings only; servers and files are opened when they are used."""
    return App(config.read_settings(), progress or _no_progress)


class App(CullingApp, FormsApp, JournalApp, RegisterApp, SourceChecksApp):
    """The archive: one method for each thing that a command, a task or a page can ask of it."""

    def __init__(self, settings: Settings, progress: Progress) -> None:
        """See `build_app`."""
        self.settings = settings
        self._parts = Parts(settings, progress)

    # --- setting up ---

    def init(self) -> dict[str, object]:
        """Create ledger, store, index and, for the embedded default, the roles of the person who calls. Safe to repeat."""
        parts, settings = self._parts, self.settings
        parts.store_unchecked.create()
        places.make_ledger(settings)
        if not parts.index.exists():
            self.rebuild_index()  # a new index beside a ledger that has records lacks them all
        parts.index.check()
        made_roles = make_roles()
        told = {
            "store": places.store_name(settings),
            "ledger": places.ledger_name(settings),
            "index": places.index_name(settings),
        }
        return {**told, "roles": str(config.roles_file()), "roles_made": made_roles, "worm": parts.store_unchecked.is_worm}

    def person(self, name: str | None) -> Person:
        """The person, or the operating system's user. Raises NotAllowed where roles.toml does not name them."""
        return named_person(name)

    # --- capture ---

    def accounts_with_source(self) -> list[str]:
        """Every account that the settings name a source for; one that is not registered fails by its name when it is captured."""
        self._parts.ledger.check()
        return sorted({source.account for source in self.settings.sources})

    def import_files(self, paths: Sequence[Path], account: str) -> RunReport:
        """Everything below the paths into one account. Raises UnknownAccount and SourceMissing before anything is stored."""
        for path in paths:
            if not path.exists():
                raise SourceMissing(f"{path} does not exist; nothing was stored.")
        files = open_files(FILES, paths, self._held_by(account))
        return capture_source(self._parts.capturing, account, files, is_whole=False)

    def capture(self, account: str) -> list[RunReport]:
        """Every configured source of the account, one run each. Raises UnknownAccount, AccountBusy and what concerns all; once a
        source was read, that is in the reports, so that what was done is told."""
        sources = [source for source in self.settings.sources if source.account == account]
        if not sources:
            raise UnknownAccount(f"The settings name no source for the account {account!r}.", "Add one under [[sources]].")
        reports: list[RunReport] = []
        for source in sources:
            try:
                reports.append(self._captured(source))
            except CapstoneError as exc:
                if not reports:
                    raise
                reports.append(_not_begun(source, exc))
        return reports

    def _captured(self, source: Source) -> RunReport:
        """One run; an error that came before it began is in the report too, so that the account's other sources are read."""
        parts = self._parts
        try:
            with slot_of(source, parts.ledger.slots, parts.clock, parts.holders) as keep:
                return capture_source(
                    replace(parts.capturing, keep=keep), source.account, open_source(source, self._held_by(source.account))
                )
        except (MissingSecret, ServerBusy) as exc:
            return _not_begun(source, exc)

    def _held_by(self, account: str) -> HeldItems:
        return partial(self._parts.ledger.capture.held_items, account)

    def indexing_while(self, work: Callable[[], T]) -> tuple[T, IndexReport | CapstoneError]:
        """See `usecases.follow`."""
        _ = self._parts.ledger, self._parts.store  # opened here, before two threads use them
        return index_while(work, partial(self.index_pending, is_quiet=True))

    def index_pending(self, *, is_quiet: bool = False) -> IndexReport:
        """See `usecases.index`. `is_quiet`: without progress, where something else shows its own."""
        return index_pending(self._parts.indexing(_no_progress if is_quiet else self._parts.progress))

    # --- preview and replay ---

    def preview_change(self, change: RegisterDecision | None = None) -> Preview:
        """What a replay would do if the register had this change, whose number counts for nothing; None: as it is."""
        if change is None:
            return preview(self._parts.previewing)
        state = self._parts.ledger.register.state()
        return preview(self._parts.previewing, state_after(state, change.designations, change.facts, change.superseded))

    def preview_file(self, data: bytes) -> Preview:
        """The effect of importing a form NA-1005, a CSV of its positions, or of officials. Raises BadForm, BadOfficialsFile."""
        if is_pdf(data) or is_positions_table(data):
            return self.preview_forms(data)
        return self.preview_officials(data)

    def approve_register(self, actor: Person, reason: str, newest: int) -> RegisterDecision:
        """See `usecases.approvals`."""
        require_register_keeper(actor)
        return approve(self._parts.registering, actor.name, reason, self._parts.approved_rules, newest)

    def accounts_to_replay(self) -> list[str]:
        """Every account that has records."""
        return list(self._parts.ledger.replaying.accounts_held())

    def replay(self, account: str, actor: Person | None = None) -> AccountReplay:
        """See `usecases.replay`. Without an actor the program itself is named. Raises AccountBusy, UnknownAccount."""
        if actor is not None:
            require_register_keeper(actor)
        if account not in self.accounts_to_replay():
            raise UnknownAccount(f"The archive holds no records of an account {account!r}.")
        return replay_account(self._parts.replaying, account, actor.name if actor else REPLAY)

    # --- reading ---

    def search(self, viewer: Person, query: str, limit: int, offset: int = 0) -> Answer:
        """See `usecases.search`."""
        return search(self._parts.reading, viewer, query, limit, offset)

    def show(self, viewer: Person, record_id: str) -> Shown:
        """See `usecases.search`."""
        return show(self._parts.reading, viewer, record_id)

    def show_beside(self, viewer: Person, record_id: str, digest: str) -> bytes:
        """See `usecases.search`."""
        return show_beside(self._parts.reading, viewer, record_id, digest)

    def explain(self, viewer: Person, record_id: str) -> tuple[Explained, list[str]]:
        """The reasons behind a record's class, as values and as plain sentences."""
        parts, rules = self._parts, self._parts.rules
        found = explain(parts.reading, viewer, record_id, rules)
        grounds = Grounds(
            found.entry, rules.schedule, found.history, found.designation, found.form, found.entered, rules.series, rules.zone,
            rules.today, state_of(parts.store, ref_of(found.entry)).lock, found.now,
        )  # fmt: skip
        return found, sentences(grounds)

    def export(self, viewer: Person, query: str, folder: Path, file_format: str) -> ExportReport:
        """See `usecases.export`."""
        return export(self._parts.reading, viewer, query, FolderExport(folder), file_format, self._parts.progress)

    def status(self) -> Status:
        """See `usecases.status`."""
        return status(self._parts.ledger.records, self._parts.ledger.register, self._parts.ledger.outbox)

    def overview(self) -> Overview:
        """See `usecases.status`."""
        return overview(self._parts.ledger.records, self._parts.ledger.register, self._parts.ledger.outbox)

    def quarantine(self, viewer: Person) -> list[Quarantined]:
        """See `usecases.quarantine`."""
        return list_quarantine(self._parts.reading, viewer)

    def quarantined(self, viewer: Person, digest: str) -> tuple[Quarantined, bytes]:
        """See `usecases.quarantine`."""
        return show_quarantined(self._parts.reading, viewer, digest)

    def retry_quarantine(self, viewer: Person) -> list[RunReport]:
        """See `usecases.quarantine`."""
        pointers = {one.digest for one in self.quarantine(viewer) if one.code == POINTER}
        with scratch_folder() as scratch:
            reopened = reopening(pointers, scratch)
            return retry_quarantine(self._parts.reading, self._parts.capturing, viewer, reopened, self.sort_again)

    # --- care ---

    def reconcile(self) -> ReconcileReport:
        """See `usecases.reconcile`."""
        parts, ledger = self._parts, self._parts.ledger
        slots = (ledger.slots, parts.clock, parts.holders)
        sources = tuple((source.account, source.name, partial(places_of, source, *slots)) for source in self.settings.sources)
        return reconcile(ReconcileParts(parts.capturing, ledger.records, ledger.outbox, parts.index, sources))

    def verify(self, sample: int | None = None) -> VerifyReport:
        """See `usecases.verify`. `sample`: about so many records, chosen by chance."""
        ledger = self._parts.ledger
        parts = VerifyParts(self._parts.store, ledger.records, ledger.audit, ledger.capture, ledger.register, self._parts.clock)
        parts = replace(parts, progress=self._parts.progress)
        if sample is not None:
            total = sum(one.messages for one in ledger.records.totals())
            share = sample / total if total else 1.0
            parts = replace(parts, choose=lambda _record_id: random.random() < share)  # noqa: S311  (no secret hangs on it)
        return verify(parts)

    def rebuild_ledger(self, actor: Person) -> RebuildReport:
        """A new ledger from the store, see `places.ledger_made_anew`; nothing is changed where it cannot be made whole."""
        parts = self._parts
        parts.close()  # nothing goes on with the ledger that is moved aside
        parts.store.check()
        with places.ledger_made_anew(self.settings, parts.clock.now()) as ledger:
            registering = parts.registering_in(ledger)
            return rebuild_ledger(RebuildParts(parts.store, ledger.capture, registering, ledger.audit, parts.clock), actor.name)

    def rebuild_index(self) -> RebuildReport:
        """An empty index with every record due; `index_pending` fills it."""
        return rebuild_index(self._parts.index, self._parts.ledger.outbox)

    def close(self) -> None:
        """End processes and connections."""
        self._parts.close()


def _not_begun(source: Source, error: CapstoneError) -> RunReport:
    return RunReport("", source.account, source.name, "failed", {}, error=error)


def _no_progress(_count: int, _bytes: int) -> None:
    """Nobody is watching."""
