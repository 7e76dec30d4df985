"""What can be asked of the archive about forms NA-1005 in the register: a part of `App`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from capstone.bootstrap.parts import Parts
from capstone.domain.access import Person, require_register_keeper
from capstone.domain.effects import state_after
from capstone.domain.forms import Form, read_form
from capstone.domain.forms.listing import ListedPosition
from capstone.domain.forms.registering import FormChange
from capstone.domain.gaps import Gap
from capstone.domain.positions_csv import is_pdf
from capstone.domain.register_facts import RegisteredForm
from capstone.usecases.decisions import adopt_decisions
from capstone.usecases.forms import (
    FormLine,
    FormParts,
    FormPlan,
    apply_change,
    export_positions,
    list_forms,
    plan_form,
    plan_positions,
    plan_resubmission,
    plan_withdrawal,
    take_in,
)
from capstone.usecases.gaps import GapParts, find_gaps
from capstone.usecases.preview import Preview, preview


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks for a change of forms, why, and whether it is only to be looked at."""

    actor: Person
    reason: str
    is_preview: bool = False


class FormsApp:
    """The part of `App` that is about forms."""

    _parts: Parts

    def read_form(self, data: bytes) -> Form:
        """What a form NA-1005 says, in the words of the schedule in force. Raises BadForm."""
        from connectors.forms import PdfForms

        return read_form(PdfForms().open(data), self._parts.form_rules)

    def import_forms(
        self, data: bytes, name: str, asking: Asking, *, accepts: bool = False, covers_from: date | None = None
    ) -> tuple[FormPlan, Preview | None]:
        """A form's PDF, or a CSV of positions, into the register; with `is_preview` only what that would do to the archive.

        Raises BadForm, BadOfficialsFile; then the register is as it was.
        """
        form = self.read_form(data) if is_pdf(data, name) else None
        parts = self._for_change(asking)
        plan = _plan(parts, form, data, covers_from, accepts=accepts)
        if asking.is_preview:
            return plan, self._effect_of(plan.change)
        return take_in(parts, plan, asking.actor.name, asking.reason), None

    def preview_forms(self, data: bytes) -> Preview:
        """What a form's PDF, or a CSV of positions, would do to the archive, whatever its findings."""
        form = self.read_form(data) if is_pdf(data) else None
        return self._effect_of(_plan(self._form_parts, form, data, None, accepts=True).change)

    def withdraw_form(self, number: str, day: date | None, asking: Asking) -> tuple[FormChange, int | None, Preview | None]:
        """The National Archives take the approval back (None: never did): the change, the decision's number, or the preview.

        Raises UnknownForm.
        """
        return self._applied(asking, lambda parts: plan_withdrawal(parts, number, day))

    def resubmit_form(
        self, number: str, day: date, asking: Asking, *, is_undone: bool = False
    ) -> tuple[FormChange, int | None, Preview | None]:
        """The agency sent the form in anew, or did not: the change, the decision's number, or the preview. Raises UnknownForm."""
        return self._applied(asking, lambda parts: plan_resubmission(parts, number, day, is_undone=is_undone))

    def forms(self, known_on: date | None = None) -> list[FormLine]:
        """Every form in the register as it stands today, or as the register had it at the end of a past day."""
        return list_forms(self._form_parts, known_on)

    def positions(self, number: str | None) -> list[tuple[RegisteredForm, list[ListedPosition]]]:
        """The lists of positions for the next submission. Raises UnknownForm."""
        return export_positions(self._form_parts, number)

    def gaps(self) -> list[Gap]:
        """What the register lacks, see `domain.gaps`."""
        ledger, settings = self._parts.ledger, self._parts.settings.gaps
        parts = GapParts(self._form_parts, ledger.records)
        return find_gaps(parts, settings.ending_days, settings.capture_days, settings.due_days)

    @property
    def _form_parts(self) -> FormParts:
        return FormParts(self._parts.registering, self._parts.form_rules)

    def _for_change(self, asking: Asking) -> FormParts:
        """For a change of forms. What a crash left in the store alone is taken in first; a preview leaves that alone too."""
        require_register_keeper(asking.actor)
        if not asking.is_preview:
            adopt_decisions(self._parts.registering)
        return self._form_parts

    def _applied(
        self, asking: Asking, planned: Callable[[FormParts], FormChange]
    ) -> tuple[FormChange, int | None, Preview | None]:
        parts = self._for_change(asking)
        expected = parts.next_decision
        change = planned(parts)
        if asking.is_preview:
            return change, None, self._effect_of(change)
        return change, apply_change(parts, change, asking.actor.name, asking.reason, expected), None

    def _effect_of(self, change: FormChange) -> Preview:
        state = self._parts.ledger.register.state()
        return preview(self._parts.previewing, state_after(state, facts=change.facts, superseded=change.superseded))


def _plan(parts: FormParts, form: Form | None, data: bytes, covers_from: date | None, *, accepts: bool) -> FormPlan:
    if form is None:
        return plan_positions(parts, data, accepts=accepts)
    return plan_form(parts, form, data, covers_from, accepts=accepts)
