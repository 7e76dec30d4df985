"""What can be asked of the archive about the register of officials: a part of `App`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta

from capstone.bootstrap.forms import Asking
from capstone.bootstrap.parts import Parts
from capstone.domain import proposals
from capstone.domain.access import Person, require_register_keeper
from capstone.domain.effects import state_after
from capstone.domain.officials import Designation
from capstone.domain.proposals import Proposal
from capstone.domain.register_facts import RegisterState
from capstone.usecases.preview import Preview, preview
from capstone.usecases.register import (
    ChangeReport,
    ImportReport,
    RegisterCheck,
    change_register,
    check_register,
    history,
    import_officials,
    plan_change,
    plan_officials,
)

Changed = tuple[ChangeReport, Preview | None]
"""What was changed; or, where it was only to be looked at, what would be and what that would do to the archive."""


class RegisterApp:
    """The part of `App` that is about officials, accounts, addresses and rights."""

    _parts: Parts

    def import_officials(self, data: bytes, actor: Person, reason: str = "") -> ImportReport:
        """See `usecases.register`."""
        require_register_keeper(actor)
        return import_officials(self._parts.registering, data, actor.name, self._internal, reason)

    def preview_officials(self, data: bytes) -> Preview:
        """The effect of importing a CSV of officials. Raises BadOfficialsFile, RegisterContradiction."""
        plan = plan_officials(self._parts.registering, data, self._internal)[2]
        return self._preview_of(ChangeReport(None, plan.change))

    def designate(self, told: Mapping[str, str], asking: Asking) -> Changed:
        """A new designation, by the column names of an officials file. Raises BadRegisterEntry, RegisterContradiction."""
        return self._change(proposals.designation(told, self._internal), asking)

    def end_fact(self, named: str, last_day: str, asking: Asking) -> Changed:
        """A designation, address, right or series ends. Raises UnknownFact, BadRegisterEntry, RegisterContradiction."""
        return self._change(proposals.end(named, last_day), asking)

    def correct_fact(self, named: str, told: Mapping[str, str], asking: Asking) -> Changed:
        """It was otherwise. Raises UnknownFact, BadRegisterEntry, RegisterContradiction."""
        return self._change(proposals.correction(named, told, self._internal), asking)

    def remove_fact(self, named: str, asking: Asking) -> Changed:
        """It was entered by mistake. Raises UnknownFact."""
        return self._change(proposals.removal(named), asking)

    def describe_account(self, account: str, kind: str, office: str, network: str, asking: Asking) -> Changed:
        """What is known of an account itself. Raises BadRegisterEntry."""
        return self._change(proposals.account(account, kind, office, network), asking)

    def give_address(self, address: str, account: str, starts: str, ends: str, asking: Asking) -> Changed:
        """An address belongs to an account. Raises BadRegisterEntry, RegisterContradiction."""
        return self._change(proposals.address(address, account, starts, ends, self._internal), asking)

    def give_right(self, account: str, on_behalf_of: str, starts: str, ends: str, asking: Asking) -> Changed:
        """An account may send on behalf of another's holder. Raises BadRegisterEntry, RegisterContradiction."""
        return self._change(proposals.right(account, on_behalf_of, starts, ends), asking)

    def assign_series(self, series: str, account: str, folder: str, days: tuple[str, str], asking: Asking) -> Changed:
        """Mail of an account belongs to a series as well, on some days. Raises BadRegisterEntry, RegisterContradiction."""
        return self._change(proposals.series(series, account, *days, folder), asking)

    def register(self, known_on: date | None = None) -> RegisterState:
        """All that is in force; with `known_on`, as the register had it at the end of that day in agency time."""
        return self._parts.ledger.register.state(self._end_of(known_on))

    def designations(self) -> list[Designation]:
        """The rows of the register in force."""
        return self._parts.ledger.register.designations()

    def check_register(self) -> RegisterCheck:
        """See `usecases.register`."""
        return check_register(self._parts.registering)

    def register_history(self, known_on: date | None = None) -> list[dict[str, object]]:
        """See `usecases.register.history`; with `known_on`, as it was at the end of that day in agency time."""
        return history(self._parts.registering, self._end_of(known_on))

    @property
    def _internal(self) -> frozenset[str]:
        return self._parts.settings.agency.internal_domains

    def _change(self, proposal: Proposal, asking: Asking) -> Changed:
        require_register_keeper(asking.actor)
        parts = self._parts.registering
        if not asking.is_preview:
            return change_register(parts, asking.actor.name, asking.reason, proposal), None
        plan = plan_change(parts, proposal)
        report = ChangeReport(None, plan.change, tuple(map(str, plan.warnings)))
        return report, self._preview_of(report)

    def _preview_of(self, report: ChangeReport) -> Preview:
        change = report.change
        state = self._parts.ledger.register.state()
        after = state_after(state, change.designations, change.facts, change.superseded)
        return preview(self._parts.previewing, after)

    def _end_of(self, day: date | None) -> datetime | None:
        if day is None or day == date.max:
            return None
        zone = self._parts.settings.agency.zone
        return datetime.combine(day + timedelta(days=1), time.min, zone) - timedelta(microseconds=1)
