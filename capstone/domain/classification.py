"""The class of a record: a function of its dates, its account's roles in time and the schedule (domain.md 6.1, rules 2 to 7).

It never depends on the order of capture, and it can be replayed years later: all it reads is in its two arguments.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo

from capstone.domain.message import CaptureFacts, Occurrence
from capstone.domain.message_dates import HEADER, MessageDate, Plausible, usable_dates
from capstone.domain.officials import NO_ROLE, SUPPORT, Designation, Roster
from capstone.domain.records import Classification, RecordClass
from capstone.domain.retention import cutoff_of, eligible_on
from capstone.domain.schedule import ItemStatus, Schedule, Trigger

RULES_VERSION = "1"
"""Raised with every change of this module, `message_dates` or `retention` that can change an answer."""

CAPSTONE_ITEM, OTHERS_ITEM, SUPPORT_ITEM = "010", "011", "012"

REASONS: dict[str, str] = {
    "capstone_official": "The account's holder was a Capstone official on the message's date",
    "sent_for_official": "The account sent it on behalf of a Capstone official then in office",
    "no_capstone_role": "The register says that the account's holder had no Capstone role on the message's date",
    "support_role": "The account's holder was in a support position on the message's date",
    "account_not_registered": "The register of officials does not know the account",
    "form_not_approved": "No form NA-1005 that covers it is approved today, so the schedule may not be used",
    "before_form_scope": "The message is older than what the form NA-1005 covers",
    "item_not_used": "The form NA-1005 does not use the schedule item that would apply",
    "item_not_in_force": "The schedule item that would apply is not in the schedule, not approved or withdrawn",
    "no_usable_date": "No date of the message can be believed",
    "no_role_known": "The register names no role of the account's holder for the message's date",
}
"""Reason codes and what they mean, without the full stop."""

FLAGS: dict[str, str] = {
    "dates_disagree": "its dates lead to different classes; the longest keeping was taken",
    "dates_apart": "its dates lie further apart than delivery takes; the one that keeps it longest was taken",
    "header_date_not_usable": "its Date header cannot be believed",
    "roles_overlap": "more than one role covers its date; the longest keeping was taken",
    "form_not_approved": "another role that covers it stands on a form that is not approved",
    "cutoff_unknown": "the form names no cutoff",
    "cutoff_open": "the cutoff is not reached: the tenure or administration lasts",
    "transfer_unknown": "the form names no transfer period that the schedule allows",
}
"""Flag codes and what they mean."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of one record of one account, from its bytes and all its occurrences. Instants are aware."""

    account: str
    header_date: datetime | None = None
    trace_date: datetime | None = None
    received: tuple[datetime, ...] = ()
    from_lines: tuple[datetime, ...] = ()
    from_addresses: tuple[str, ...] = ()
    """Normal forms, like the next."""
    sender_addresses: tuple[str, ...] = ()
    is_sent: bool = False
    """Whether any occurrence lies in the account's Sent folder."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything besides the evidence that a decision may use."""

    roster: Roster
    schedule: Schedule
    administrations: tuple[date, ...]
    zone: tzinfo
    today: date
    plausible_start: date
    """No mail of this agency is older than this day."""
    tolerance: timedelta = timedelta(days=1)
    """How long after its receipt a message may claim to be sent: clocks and zones are wrong by hours, not by days."""
    version: str = field(init=False)
    own_outcomes: dict[tuple[str, date], list[_Outcome]] = field(init=False, repr=False, compare=False)
    """What an account's own rows lead to on a day: mail of one day asks the same again and again."""
    plausible: Plausible = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Prepare what every decision needs."""
        object.__setattr__(self, "own_outcomes", {})
        object.__setattr__(self, "version", f"rules {RULES_VERSION}, {self.schedule.version}")
        plausible = Plausible(self.zone, self.plausible_start, self.today, self.tolerance)
        object.__setattr__(self, "plausible", plausible)


def evidence_of(account: str, facts: CaptureFacts, occurrences: Iterable[Occurrence]) -> Evidence:
    """The evidence of a record; the same whatever the order of the occurrences."""
    seen = list(occurrences)
    return Evidence(
        account=account,
        header_date=facts.header_date,
        trace_date=facts.trace_date,
        received=_instants(one.received_at for one in seen),
        from_lines=_instants(one.from_line_at for one in seen),
        from_addresses=tuple(sorted(set(facts.from_addresses))),
        sender_addresses=tuple(sorted(set(facts.sender_addresses))),
        is_sent=any(one.is_sent for one in seen),
    )


def classify(evidence: Evidence, rules: Rules) -> Classification:
    """The class of the record with its reasons. Never raises; in doubt the longer keeping wins."""
    dates = usable_dates(evidence.header_date, evidence.received, evidence.trace_date, evidence.from_lines, rules.plausible)
    chosen = dates[0] if dates else None
    flags = _date_flags(evidence, dates, rules)
    if not rules.roster.is_registered(evidence.account):
        return _classification(_unscheduled("account_not_registered"), chosen, flags, rules)
    if chosen is None:
        return _classification(_without_role("no_usable_date", evidence.account, rules), None, flags, rules)
    outcomes = {day: _outcome_on(day, evidence, rules) for day in {one.day for one in dates}}
    disagree = len({(one.record_class, one.item) for one in outcomes.values()}) > 1
    if disagree or "dates_apart" in flags:
        # Within one class too: of two dates that lie years apart the earlier one must not free a record early.
        chosen = max(dates, key=lambda one: outcomes[one.day].keeping[:3])
    if disagree:
        flags = (*flags, "dates_disagree")
    return _classification(outcomes[chosen.day], chosen, flags, rules)


_MOST_DAYS_KEPT = 20_000
_NEVER = date.max.toordinal() + 1
_RANK = {RecordClass.PERMANENT: 2, RecordClass.UNSCHEDULED: 1, RecordClass.TEMPORARY: 0}


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What one designation leads to on one day."""

    record_class: RecordClass
    reason: str
    item: str | None = None
    designation: Designation | None = None
    cutoff: date | None = None
    eligible: date | None = None
    flags: tuple[str, ...] = ()

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


def _ordinal(day: date | None) -> int:
    return _NEVER if day is None else day.toordinal()


def _unscheduled(reason: str, designation: Designation | None = None) -> _Outcome:
    return _Outcome(RecordClass.UNSCHEDULED, reason, designation=designation)


def _without_role(reason: str, account: str, rules: Rules) -> _Outcome:
    """Rule 2 comes first: while none of the account's forms is approved, that is the reason."""
    has_form = any(row.form.is_approved(rules.today) for row in rules.roster.of_account(account))
    return _unscheduled(reason if has_form else "form_not_approved")


def _outcome_on(day: date, evidence: Evidence, rules: Rules) -> _Outcome:
    own = _own_outcomes(evidence.account, day, rules)
    if any(one.record_class is RecordClass.PERMANENT for one in own):
        return _longest(own)
    every = own + [_judge(row, day, rules, is_sent_for=True) for row in _officials_sent_for(evidence, day, rules)]
    return _longest(every) if every else _without_role("no_role_known", evidence.account, rules)


def _own_outcomes(account: str, day: date, rules: Rules) -> list[_Outcome]:
    known = rules.own_outcomes.get((account, day))
    if known is None:
        if len(rules.own_outcomes) >= _MOST_DAYS_KEPT:
            rules.own_outcomes.clear()
        known = rules.own_outcomes[account, day] = [_judge(row, day, rules) for row in rules.roster.covering(account, day)]
    return known


def _longest(outcomes: Sequence[_Outcome]) -> _Outcome:
    if len(outcomes) == 1:
        return outcomes[0]
    best = max(outcomes, key=lambda one: one.keeping)
    flags = {*best.flags, "roles_overlap"}
    if best.reason != "form_not_approved" and any(one.reason == "form_not_approved" for one in outcomes):
        flags.add("form_not_approved")
    return _Outcome(best.record_class, best.reason, best.item, best.designation, best.cutoff, best.eligible, tuple(sorted(flags)))


def _officials_sent_for(evidence: Evidence, day: date, rules: Rules) -> list[Designation]:
    """Rule 5: Capstone officials in whose name the account itself sent it. From alone proves nothing."""
    if not evidence.is_sent and rules.roster.addresses_of(evidence.account).isdisjoint(evidence.sender_addresses):
        return []
    found = [row for address in evidence.from_addresses for row in rules.roster.holders_of_address(address, day)]
    return [row for row in found if row.is_capstone and row.account != evidence.account]


def _judge(row: Designation, day: date, rules: Rules, is_sent_for: bool = False) -> _Outcome:
    item_number, reason = _item_and_reason(row, is_sent_for)
    obstacle = _obstacle(row, item_number, day, rules)
    if obstacle is not None:
        return _unscheduled(obstacle, row)
    item, form = rules.schedule.items[item_number], row.form
    flags: tuple[str, ...] = ()
    cutoff = None
    if item.trigger is Trigger.CUTOFF:
        rule = item.cutoff or form.cutoff
        cutoff = cutoff_of(rule, day, row, rules.administrations)
        if cutoff is None:
            flags = ("cutoff_unknown" if rule is None else "cutoff_open",)
    start = cutoff if item.trigger is Trigger.CUTOFF else day
    eligible = eligible_on(item, start, form.transfer_years)
    if item.disposition is RecordClass.PERMANENT and form.transfer_years not in item.transfer_years:
        flags = (*flags, "transfer_unknown")
    return _Outcome(item.disposition, reason, item_number, row, cutoff, eligible, flags)


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
        return "form_not_approved"
    if form.covers_from is not None and day < form.covers_from:
        return "before_form_scope"
    if item_number not in form.items:
        return "item_not_used"
    if item is None or item.status is not ItemStatus.APPROVED:
        return "item_not_in_force"
    return None


def _date_flags(evidence: Evidence, dates: Sequence[MessageDate], rules: Rules) -> tuple[str, ...]:
    flags: tuple[str, ...] = ()
    if evidence.header_date is not None and (not dates or dates[0].source != HEADER):
        flags = ("header_date_not_usable",)
    if len(dates) > 1:
        instants = [one.instant for one in dates]
        if max(instants) - min(instants) > rules.tolerance:
            flags = ("dates_apart", *flags)
    return flags


def _classification(outcome: _Outcome, chosen: MessageDate | None, flags: tuple[str, ...], rules: Rules) -> Classification:
    row = outcome.designation
    item = None if outcome.item is None else rules.schedule.items[outcome.item]
    return Classification(
        record_class=outcome.record_class,
        reason=outcome.reason,
        rule_version=rules.version,
        item=outcome.item,
        authority=None if item is None else item.authority_on(rules.today).number,
        designation_id=None if row is None else row.designation_id,
        form=None if row is None else row.form.number or None,
        category=None if row is None else row.category,
        message_date=None if chosen is None else chosen.instant,
        date_source=None if chosen is None else chosen.source,
        cutoff=outcome.cutoff,
        eligible=outcome.eligible,
        flags=tuple(sorted({*outcome.flags, *flags})),
    )


def _instants(found: Iterable[datetime | None]) -> tuple[datetime, ...]:
    """Each once, rising, in UTC, so that equal evidence is equal; what UTC has no day for is no date."""
    return tuple(sorted({moved for one in found if one is not None and (moved := _in_utc(one)) is not None}))


def _in_utc(instant: datetime) -> datetime | None:
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        return None
