"""Cutoff and due dates, the lock that follows from a class, and the tags beside it. In doubt the longer keeping wins."""

from __future__ import annotations

from bisect import bisect_right
from calendar import isleap
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum

from capstone.domain.message_dates import day_of
from capstone.domain.officials import CutoffRule, Form
from capstone.domain.records import Classification, Lock, RecordClass
from capstone.domain.schedule import Schedule, ScheduleItem

NEVER_DESTROYED = "never_destroyed"
"""The flag of a record under a floor (S2-7.4a)."""

_DECEMBER_31 = (12, 31)
FISCAL_YEAR_END = (9, 30)
"""Last day of the federal fiscal year (31 U.S.C. 1102)."""


def years_after(day: date, years: int) -> date | None:
    """The same day that many years later; 29 February becomes 1 March, the later of its neighbours. None past year 9999."""
    year = day.year + years
    if year > date.max.year:
        return None
    if (day.month, day.day) == (2, 29):
        return date(year, 3, 1) if not isleap(year) else date(year, 2, 29)
    return day.replace(year=year)


def cutoff_of(
    rule: CutoffRule | None, message_day: date, tenure_end: date | None, administrations: Sequence[date]
) -> date | None:
    """The day on which the record is cut off; None while it is not known (no rule, still in office, administration lasts, other).

    `tenure_end` is the last day of the official's whole tenure (`Roster.tenure_end`). `administrations` are the first days of new
    administrations, rising. A message of such a day counts to the new one. The answer is never before the message day.
    """
    if rule is CutoffRule.CALENDAR:
        return message_day.replace(month=_DECEMBER_31[0], day=_DECEMBER_31[1])
    if rule is CutoffRule.FISCAL:
        return _fiscal_year_end(message_day)
    if rule is CutoffRule.TENURE:
        return None if tenure_end is None else max(tenure_end, message_day)
    if rule is CutoffRule.ADMINISTRATION:
        later = bisect_right(administrations, message_day)
        return administrations[later] if later < len(administrations) else None
    return None


def eligible_on(item: ScheduleItem, start: date | None, form: Form, rule: CutoffRule | None = None) -> date | None:
    """The first day on which disposition may be proposed; None while it is not known.

    `start` is what the item counts from: the cutoff, or the message day. A permanent item takes the period that the form chose,
    and only one that the schedule allows; the anniversary itself is the first day. `rule` is how the cutoff was found.
    """
    if start is None:
        return None
    if item.disposition is RecordClass.TEMPORARY:
        return None if item.retain_years is None else years_after(start, item.retain_years)
    if form.after_declassification_review or form.transfer_years is None or form.transfer_years not in item.transfer_years:
        return None
    end = block_end(start, form.block_years, form.block_start, rule)
    return None if end is None else years_after(end, form.transfer_years)


def block_end(cutoff: date, block_years: int | None, block_start: int | None, rule: CutoffRule | None) -> date | None:
    """The last day of the block that a cutoff falls into: its own day where there are no blocks. None past year 9999.

    A block of fiscal years ends with the last one of them, any other with the calendar year.
    """
    if not block_years:
        return cutoff
    last_year = cutoff.year + block_years - 1 - (cutoff.year - (block_start or 0)) % block_years
    if last_year > date.max.year:
        return None
    return max(cutoff, date(last_year, *(FISCAL_YEAR_END if rule is CutoffRule.FISCAL else _DECEMBER_31)))


def age_alarm_on(message_day: date, schedule: Schedule) -> date | None:
    """The day from which a permanent record is overdue for transfer whatever its cutoff (36 CFR 1235.12)."""
    return years_after(message_day, schedule.age_alarm_years)


def age_alarm_of(classification: Classification, schedule: Schedule, zone: tzinfo) -> date | None:
    """`age_alarm_on` of a record; None where it is not permanent or its date is not known."""
    if classification.record_class is not RecordClass.PERMANENT or classification.message_date is None:
        return None
    day = day_of(classification.message_date, zone)
    return None if day is None else age_alarm_on(day, schedule)


def destruction_obstacle(classification: Classification, form: Form | None, today: date) -> str | None:
    """Why a record may not be destroyed today, whatever else is true of it; None where class, form and day allow it.

    `form` is the one that its designation stands on, as the register holds it today. Holds and approvals are not looked at.
    """
    if classification.record_class is not RecordClass.TEMPORARY:
        return f"it is {classification.record_class}"
    if NEVER_DESTROYED in classification.flags:
        return "it belongs to a series that is never destroyed"
    if classification.form is not None and (said := _form_obstacle(form, today)) is not None:
        return said
    if classification.eligible is None:
        return "the day on which it is due is not known"
    return f"it is not due before {classification.eligible}" if today < classification.eligible else None


def _form_obstacle(form: Form | None, today: date) -> str | None:
    """REG-30: a class outlives its form, the right to destroy does not."""
    if form is None:
        return "the register no longer holds the form NA-1005 that it stands on"
    if form.allows_destruction(today):
        return None
    events = (("was withdrawn", form.withdrawn), ("was superseded", form.superseded), ("expired", form.expires))
    past = [f"{what} on {day}" for what, day in events if form.approved and day is not None and day <= today]
    return f"its form NA-1005 {form.number} {past[0] if past else 'is not approved'}"


def lock_for(classification: Classification, stored_at: datetime, zone: tzinfo, minimum_days: int, is_held: bool = False) -> Lock:
    """The lock a record must have (design.md 2.7). The hold flag is derived here and nowhere else.

    Permanent and unscheduled records are held without end. A temporary one is retained to the start of the day after it
    becomes eligible, in agency time, and at least `minimum_days` after `stored_at`; without such an instant it is held.
    """
    if classification.record_class is not RecordClass.TEMPORARY:
        return Lock(None, hold=True)
    until = None if classification.eligible is None else _retain_until(classification.eligible, stored_at, zone, minimum_days)
    return Lock(until, hold=is_held or until is None)


def tags_for(classification: Classification, account: str) -> dict[str, str]:
    """Labels for operators and lifecycle tools; what has no value is left out. The ledger is the authority, not these."""
    values = {
        "record-class": classification.record_class.value,
        "schedule-item": classification.item,
        "cutoff": None if classification.cutoff is None else classification.cutoff.isoformat(),
        "eligible": None if classification.eligible is None else classification.eligible.isoformat(),
        "account": account,
        "na1005-category": classification.category,
    }
    return {key: value for key, value in values.items() if value is not None}


class LockStep(StrEnum):
    """What is done to an object's guard, one call to the store each."""

    HOLD_ON = "hold_on"
    RETENTION = "retention"
    TAGS = "tags"
    HOLD_OFF = "hold_off"


@dataclass(frozen=True, slots=True)
class LockChange:
    """From one lock to another: whether that guards less (two people), and the steps, so that a crash never guards less."""

    is_shorter: bool
    steps: tuple[LockStep, ...]


def lock_change(old: Lock, new: Lock) -> LockChange:
    """How to get from `old` to `new`: the flag goes on first and off last; tags are always written again.

    Where the new lock is a hold alone, a retention that the object has is left standing: the hold outlasts it.
    """
    drops_hold = old.hold and not new.hold
    is_hold_alone = new.hold and new.retain_until is None
    is_earlier = old.retain_until is not None and (new.retain_until is None or new.retain_until < old.retain_until)
    wanted = (
        (LockStep.HOLD_ON, new.hold and not old.hold),
        (LockStep.RETENTION, new.retain_until != old.retain_until and not is_hold_alone),
        (LockStep.TAGS, True),
        (LockStep.HOLD_OFF, drops_hold),
    )
    is_shorter = drops_hold or (is_earlier and not is_hold_alone)
    return LockChange(is_shorter, tuple(step for step, is_due in wanted if is_due))


def _retain_until(eligible: date, stored_at: datetime, zone: tzinfo, minimum_days: int) -> datetime | None:
    try:
        day_after = eligible + timedelta(days=1)
        due = datetime.combine(day_after, time.min, tzinfo=zone).astimezone(UTC)
        return max(due, stored_at.astimezone(UTC) + timedelta(days=minimum_days))
    except OverflowError:
        return None


def _fiscal_year_end(day: date) -> date | None:
    year = day.year if (day.month, day.day) <= FISCAL_YEAR_END else day.year + 1
    return date(year, *FISCAL_YEAR_END) if year <= date.max.year else None
