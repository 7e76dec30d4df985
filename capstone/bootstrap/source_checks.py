"""What can be asked of the sources that the settings name, without capturing them: a part of `App`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from capstone.bootstrap.parts import Parts
from capstone.bootstrap.sources import open_source, server_of
from capstone.domain.errors import NotInitialised, SourceMissing, UnknownAccount
from capstone.ports import Run
from capstone.settings import FilesSource, Settings, Source, absolute
from capstone.usecases.source_checks import CheckedSource, ConfiguredSource, checked

_EARLIER_RUNS = 1000
"""How far back the speed of a source is looked for."""


class SourceChecksApp:
    """The part of `App` that looks at sources and changes nothing: no run, no audit entry, no lease, no slot."""

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
        return checked(_configured(source), partial(open_source, source), self._earlier_runs(source.account))

    def _earlier_runs(self, account: str) -> list[Run]:
        """None where there is no archive yet: sources may be checked before it is made."""
        try:
            return self._parts.ledger.records.runs(account, _EARLIER_RUNS)
        except NotInitialised:
            return []


def _configured(source: Source) -> ConfiguredSource:
    where = str(absolute(source.path)) if isinstance(source, FilesSource) else server_of(source)
    return ConfiguredSource(source.name, source.account, source.kind, where)
