"""What register and schedules lead to for mail of one account on one day (domain.md 6.1, rules 2 and 4 to 8)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from capstone.domain.evidence import Evidence
from capstone.domain.officials import NO_ROLE, SUPPORT, CutoffRule, Designation, Form
from capstone.domain.records import RecordClass
from capstone.domain.register_facts import AddressFact, SeriesAssignment
from capstone.domain.retention import NEVER_DESTROYED, cutoff_of, eligible_on, years_after
from capstone.domain.roster import Roster, Standing, holds
from capstone.domain.rules import Rules
from capstone.domain.schedule import ItemStatus, ScheduleItem, Trigger

CAPSTONE_ITEM, OTHERS_ITEM, SUPPORT_ITEM = "010", "011", "012"

_NEVER = date.max.toordinal() + 1
_RANK = {RecordClass.PERMANENT: 2, RecordClass.UNSCHEDULED: 1, RecordClass.TEMPORARY: 0}
_Dated = Designation | AddressFact | SeriesAssignment
_OF_ANOTHER_FORM = ("form_not_approved", "form_withdrawn")


class Outcome(NamedTuple):
    """What one designation or series leads to on one day. A tuple, as a preview makes millions of them."""

    record_class: RecordClass
    reason: str
    item: str | None = None
    authority: str | None = None
    designation: Designation | None = None
    cutoff: date | None = None
    eligible: date | None = None
    flags: tuple[str, ...] = ()
    years: int | None = None
    """Where the message's own day is what it counts from: how many years later it is eligible."""

    @property
    def keeping(self) -> tuple[int, int, int, bool, int, str]:
        """Greater: kept longer. The last three only make the choice independent of the order of rows."""
        row = self.designation
        return (
            _RANK[self.record_class],
            _ordinal(self.cutoff) if self.record_class is RecordClass.PERMANENT else 0,
            _ordinal(self.eligible),
            row is not None and row.is_capstone,
            0 if row is None else row.starts.toordinal(),
            "" if row is None else row.designation_id,
        )

    @property
    def is_never_destroyed(self) -> bool:
        """Whether it is under a floor."""
        return NEVER_DESTROYED in self.flags

    def due(self, day: date | None) -> Outcome:
        """The same, eligible on that day."""
        return Outcome._make((*self[:_ELIGIBLE], day, *self[_ELIGIBLE + 1 :]))

    def flagged(self, *flags: str) -> Outcome:
        """The same with these flags too."""
        return self._replace(flags=tuple(sorted({*self.flags, *flags})))

    def under_floor(self) -> Outcome:
        """The same item and authority, but never due (S2-7.4a: a policy, not an appraisal by the National Archives)."""
        return self.flagged(NEVER_DESTROYED)._replace(eligible=None, years=None)


_ELIGIBLE = Outcome._fields.index("eligible")


class Asked(NamedTuple):
    """What of a record's evidence its outcome on a given day depends on: many records ask the same."""

    account: str
    senders: tuple[str, ...] = ()
    """Marks of others' From addresses, where the account itself sent it: found in its Sent folder, or Sender is its address."""
    folders: tuple[str, ...] = ()
    """Where it was found, where that can matter."""


def asked_of(evidence: Evidence, standing: Standing, roster: Roster) -> Asked:
    """The question that the evidence puts to a registered account."""
    account = evidence.account
    senders: tuple[str, ...] = ()
    if evidence.is_sent or not standing.marks.isdisjoint(evidence.sender_marks):
        senders = tuple(mark for mark in evidence.from_marks if roster.is_address_of_another(mark, account))
    return Asked(account, senders, evidence.folders if standing.has_series else ())


def outcome_on(day: date, asked: Asked, rules: Rules) -> Outcome:
    """What a record comes to if its message is of that day."""
    return _with_series(_role_outcome(day, asked, rules), day, asked, rules)


def turns(asked: Asked, rules: Rules) -> list[int]:
    """The days, as ordinals, on which an answer can change for another reason than the calendar: in order, each once."""
    roster, rows = rules.roster, _rows_of(asked, rules)
    gifts = (fact for mark in asked.senders for _, fact in roster.holdings_of(mark) if fact is not None)
    intervals: tuple[_Dated, ...] = (*roster.assigned_series(asked.account), *gifts, *rows)
    found = {day for one in intervals for day in (one.starts.toordinal(), _ordinal(one.ends) + 1)}
    found |= {row.form.covers_from.toordinal() for row in rows if row.form.covers_from is not None}
    if CutoffRule.ADMINISTRATION in cutoffs(asked, rules):
        found |= {day.toordinal() for day in rules.administrations}
    return sorted(found)


def cutoffs(asked: Asked, rules: Rules) -> set[CutoffRule | None]:
    """Every rule of cutoff that an answer can go by."""
    others = (one.item for one in rules.series.series.values() if one.item is not None)
    items = {item.cutoff for item in (*rules.schedule.items.values(), *others)}
    return items.union(row.form.cutoff for row in _rows_of(asked, rules))


def _rows_of(asked: Asked, rules: Rules) -> list[Designation]:
    others = (row for mark in asked.senders for row, _ in rules.roster.holdings_of(mark))
    return [*rules.roster.of_account(asked.account), *others]


def undated(evidence: Evidence, rules: Rules) -> Outcome:
    """What a record comes to whose date nobody knows: a floor of its account and folder may be meant for it."""
    outcome = _without_role("no_usable_date", evidence.account, rules)
    assigned = _assigned(evidence.account, evidence.folders, rules)
    return outcome.under_floor() if any(_is_floor(one, rules) for one in assigned) else outcome


def unscheduled(reason: str, designation: Designation | None = None) -> Outcome:
    """Kept as if permanent (36 CFR 1225.12(c), S1-fn2e)."""
    return Outcome(RecordClass.UNSCHEDULED, reason, designation=designation)


def longest(outcomes: Sequence[Outcome]) -> Outcome:
    """The one that keeps longest, with the flags that say that there were others."""
    if len(outcomes) == 1:
        return outcomes[0]
    best = max(outcomes, key=lambda one: one.keeping)
    others = {one.reason for one in outcomes} - {best.reason}
    return best.flagged("roles_overlap", *others.intersection(_OF_ANOTHER_FORM))


def _ordinal(day: date | None) -> int:
    return _NEVER if day is None else day.toordinal()


# --- roles -------------------------------------------------------------------------------------------


def _role_outcome(day: date, asked: Asked, rules: Rules) -> Outcome:
    own = _own_outcomes(asked.account, day, rules)
    if any(one.record_class is RecordClass.PERMANENT for one in own):
        return longest(own)
    sent = [_judge(row, day, rules, is_sent_for=True) for row in _sent_for(day, asked, rules)]
    return longest(own + sent) if own or sent else _without_role("no_role_known", asked.account, rules)


def _own_outcomes(account: str, day: date, rules: Rules) -> list[Outcome]:
    """Of the rows that cover the day. Acting that is too short to count leaves the decision to the others; alone, to nobody."""
    rows = rules.roster.covering(account, day)
    passed_over = [row for row in rows if not _counts(row, rules)]
    if not passed_over:
        return [_judge(row, day, rules) for row in rows]
    counted = [_judge(row, day, rules).flagged("acting_not_counted") for row in rows if row not in passed_over]
    return counted or [unscheduled(_obstacle(row, CAPSTONE_ITEM, day, rules) or "acting_not_counted", row) for row in passed_over]


def _counts(row: Designation, rules: Rules) -> bool:
    if not (row.acting and row.is_capstone and rules.acting_days):
        return True
    return rules.roster.acting_days(row, rules.today) > rules.acting_days


def _sent_for(day: date, asked: Asked, rules: Rules) -> list[Designation]:
    """Rule 5: Capstone officials in whose name the account itself sent it. No right to send proves that it did."""
    found = {row.designation_id: row for mark in asked.senders for row in rules.roster.holders_of(mark, day)}
    others = (row for row in found.values() if row.is_capstone and row.account != asked.account)
    return [row for row in others if _counts(row, rules)]


def _without_role(reason: str, account: str, rules: Rules) -> Outcome:
    """Rule 2 comes first: while none of the account's forms is approved, that is the reason."""
    forms = [row.form for row in rules.roster.of_account(account)]
    if not forms or any(form.is_approved(rules.today) for form in forms):
        return unscheduled(reason)
    return unscheduled("form_withdrawn" if any(_is_withdrawn(form, rules.today) for form in forms) else "form_not_approved")


def _judge(row: Designation, day: date, rules: Rules, is_sent_for: bool = False) -> Outcome:
    item_number, reason = _item_and_reason(row, is_sent_for)
    obstacle = _obstacle(row, item_number, day, rules)
    if obstacle is not None:
        return unscheduled(obstacle, row)
    item, form = rules.schedule.items[item_number], row.form
    rule = item.cutoff or form.cutoff
    is_cut_off = item.trigger is Trigger.CUTOFF
    cutoff = cutoff_of(rule, day, rules.roster.tenure_end(row), rules.administrations) if is_cut_off else None
    eligible = eligible_on(item, cutoff if is_cut_off else day, form, rule)
    flags = _cutoff_flags(item, rule, cutoff)
    if item.disposition is RecordClass.PERMANENT:
        flags += ("transfer_unknown",) if form.transfer_years not in item.transfer_years else ()
        flags += ("awaits_declassification_review",) if form.after_declassification_review else ()
    authority = item.authority_on(rules.today).number
    years = None if is_cut_off else item.retain_years
    return Outcome(item.disposition, reason, item_number, authority, row, cutoff, eligible, tuple(sorted(flags)), years)


def _item_and_reason(row: Designation, is_sent_for: bool) -> tuple[str, str]:
    if row.category == SUPPORT:
        return SUPPORT_ITEM, "support_role"
    if row.category == NO_ROLE:
        return OTHERS_ITEM, "no_capstone_role"
    return CAPSTONE_ITEM, "sent_for_official" if is_sent_for else "capstone_official"


def _obstacle(row: Designation, item_number: str, day: date, rules: Rules) -> str | None:
    """Why the item may not be used for this row's mail of that day (rule 2); None when it may."""
    form, item = row.form, rules.schedule.items.get(item_number)
    if not form.is_approved(rules.today):
        return "form_withdrawn" if _is_withdrawn(form, rules.today) else "form_not_approved"
    if form.covers_from is not None and day < form.covers_from:
        return "before_form_scope"
    if item_number not in form.items:
        return "item_not_used"
    if item is None or item.status is ItemStatus.NOT_APPROVED:
        return "item_not_in_force"
    return "item_withdrawn" if item.status is ItemStatus.WITHDRAWN else None


def _is_withdrawn(form: Form, today: date) -> bool:
    return form.approved is not None and form.withdrawn is not None and form.withdrawn <= today


def _cutoff_flags(item: ScheduleItem, rule: CutoffRule | None, cutoff: date | None) -> tuple[str, ...]:
    if item.trigger is not Trigger.CUTOFF or cutoff is not None:
        return ()
    if rule is None:
        return ("cutoff_unknown",)
    return ("cutoff_other",) if rule is CutoffRule.OTHER else ("cutoff_open",)


# --- series of other schedules -----------------------------------------------------------------------


def _with_series(role: Outcome, day: date, asked: Asked, rules: Rules) -> Outcome:
    """Rule 8: the longest keeping wins; a floor changes no class, only that the record is never due."""
    assigned = [one for one in _assigned(asked.account, asked.folders, rules) if holds(one, day)]
    if not assigned:
        return role
    names = sorted({one.series for one in assigned if not _is_floor(one, rules)})
    best = max([role, *(_series_outcome(name, day, rules) for name in names)], key=lambda one: one.keeping[:3])
    return best.under_floor() if any(_is_floor(one, rules) for one in assigned) else best


def _assigned(account: str, folders: Sequence[str], rules: Rules) -> list[SeriesAssignment]:
    return [one for one in rules.roster.assigned_series(account) if any(_lies_below(folder, one.folder) for folder in folders)]


def _lies_below(folder: str, top: str) -> bool:
    """Upper and lower case do not matter: mail systems disagree about them, and in doubt the longer keeping wins."""
    folder, top = folder.casefold(), top.casefold().strip("/")
    return not top or folder == top or folder.startswith(f"{top}/")


def _is_floor(assigned: SeriesAssignment, rules: Rules) -> bool:
    found = rules.series.series.get(assigned.series)
    return found is not None and found.item is None


def _series_outcome(name: str, day: date, rules: Rules) -> Outcome:
    found = rules.series.series.get(name)
    if found is None or found.item is None:
        return unscheduled("series_unknown")
    item, is_cut_off = found.item, found.item.trigger is Trigger.CUTOFF
    cutoff = cutoff_of(item.cutoff, day, None, ()) if is_cut_off else None
    flags = _cutoff_flags(item, item.cutoff, cutoff)
    years = item.transfer_years[0] if item.transfer_years else item.retain_years
    start = cutoff if is_cut_off else day
    eligible = None if start is None or years is None else years_after(start, years)
    if years is None:
        flags += ("transfer_unknown",)
    counted = None if is_cut_off else years
    return Outcome(item.disposition, "longer_series", name, found.authority, None, cutoff, eligible, flags, counted)
