"""What can be asked of the sources that the settings name, without capturing them: a part of `App`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial

from capstone.bootstrap.parts import Parts
from capstone.bootstrap.sources import open_source, server_of, slot_of
from capstone.domain.errors import NotInitialised, ServerBusy, SourceMissing, UnknownAccount
from capstone.ports import Run
from capstone.settings import FilesSource, Settings, Source, absolute
from capstone.usecases.source_checks import CheckedSource, ConfiguredSource, checked

_EARLIER_RUNS = 1000
"""How far back the speed of a source is looked for."""


class SourceChecksApp:
    """The part of `App` that looks at sources and changes nothing: no run, no audit entry, no lease. While it looks it has a slot
    of the mail server, as a capture does."""

    settings: Settings
    _parts: Parts

    def configured_sources(self) -> list[ConfiguredSource]:
        """As the settings name them; nothing is connected."""
        return [_configured(source) for source in self.settings.sources]

    def check_sources(self, accounts: Sequence[str] = (), names: Sequence[str] = ()) -> Iterator[CheckedSource]:
        """Each in turn, as `usecases.source_checks`; all where none is named. Raises UnknownAccount, SourceMissing at once."""
        sources = self._named(accounts, names)
        return (self._checked(source) for source in sources)

    def _named(self, accounts: Sequence[str], names: Sequence[str]) -> list[Source]:
        everything = self.settings.sources
        for account in set(accounts) - {source.account for source in everything}:
            raise UnknownAccount(f"The settings name no source for the account {account!r}.", "Add one under [[sources]].")
        for name in set(names) - {source.name for source in everything}:
            raise SourceMissing(f"The settings name no source {name!r}.", "See 'capstone sources list'.")
        return [
            source
            for source in everything
            if (not accounts or source.account in accounts) and (not names or source.name in names)
        ]

    def _checked(self, source: Source) -> CheckedSource:
        configured, runs = _configured(source), self._earlier_runs(source.account)
        try:
            with self._slot_of(source):
                return checked(configured, partial(open_source, source), runs)
        except ServerBusy as exc:
            return CheckedSource(configured, None, error=exc)

    def _slot_of(self, source: Source) -> AbstractContextManager[object]:
        """Nobody else can be reading where there is no archive yet."""
        parts = self._parts
        try:
            return slot_of(source, parts.ledger.slots, parts.clock, parts.holders)
        except NotInitialised:
            return nullcontext()

    def _earlier_runs(self, account: str) -> list[Run]:
        """None where there is no archive yet: sources may be checked before it is made."""
        try:
            return self._parts.ledger.records.runs(account, _EARLIER_RUNS)
        except NotInitialised:
            return []


def _configured(source: Source) -> ConfiguredSource:
    where = str(absolute(source.path)) if isinstance(source, FilesSource) else server_of(source)
    return ConfiguredSource(source.name, source.account, source.kind, where)
