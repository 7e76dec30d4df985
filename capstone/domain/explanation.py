"""Why a record has its class and its dates, in plain sentences for people (`capstone why`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo

from capstone.domain.classification import FLAGS, REASONS
from capstone.domain.message_dates import FROM_LINE, HEADER, RECEIVED, TRACE
from capstone.domain.officials import SUPPORT, CutoffRule, Designation, Form
from capstone.domain.records import Classification, Lock, RecordClass, RecordEntry
from capstone.domain.retention import age_alarm_of, block_end, destruction_obstacle
from capstone.domain.schedule import Schedule, ScheduleItem, Trigger
from capstone.domain.series import NO_SERIES, SeriesTable

_SOURCES = {
    HEADER: "from its Date header",
    RECEIVED: "from the mail server's received time",
    TRACE: "from its topmost Received header",
    FROM_LINE: "from the separator line of its mailbox file",
}
_CUTOFFS = {
    CutoffRule.CALENDAR: "at the end of the calendar year",
    CutoffRule.FISCAL: "at the end of the fiscal year",
    CutoffRule.TENURE: "at the end of the official's tenure",
    CutoffRule.ADMINISTRATION: "at the end of the administration",
    CutoffRule.OTHER: "by an event that the form names in words",
}
_MEANINGS = {
    RecordClass.PERMANENT: "It is permanent: it is kept until the National Archives takes it over.",
    RecordClass.TEMPORARY: "It is temporary: it may be destroyed when it is due and two people approve.",
    RecordClass.UNSCHEDULED: "It is unscheduled: it is kept as if permanent, and neither destroyed nor transferred.",
}


@dataclass(frozen=True, slots=True)
class Entered:
    """The decision that brought a row into the register."""

    number: int
    at: datetime
    actor: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Grounds:
    """What an explanation is made of. Holds no mail content."""

    entry: RecordEntry
    schedule: Schedule
    history: Sequence[tuple[datetime, Classification]] = ()
    """Every class it ever had, oldest first."""
    designation: Designation | None = None
    """The row of the register that decided."""
    form: Form | None = None
    """Its form as the register holds it today."""
    entered: Entered | None = None
    """How the row came into the register."""
    series: SeriesTable = NO_SERIES
    zone: tzinfo = UTC
    """The agency's."""
    today: date = date.min
    lock: Lock | None = None
    """What the store says guards it, if that was asked for."""
    by_rules_of_today: Classification | None = None
    """What the record would come to now, where that is something else."""


def sentences(grounds: Grounds) -> list[str]:
    """The chain of reasons, one sentence each, from the message's date to the history of its class."""
    decided, zone = grounds.entry.classification, grounds.zone
    return [
        _date_sentence(decided, zone),
        *_role_sentences(grounds),
        f"{REASONS.get(decided.reason, decided.reason)}.",
        _MEANINGS[decided.record_class],
        *_item_sentences(decided, grounds),
        *(_flag_sentence(flag) for flag in decided.flags),
        *_due_sentences(decided, grounds),
        *_alarm_sentences(decided, grounds),
        *_lock_sentences(decided, grounds.lock, zone),
        "No legal hold is open on it: this release knows none.",
        f"Decided by {decided.rule_version}.",
        *_history_sentences(grounds.history, zone),
        *_today_sentences(grounds.by_rules_of_today),
    ]


def _date_sentence(decided: Classification, zone: tzinfo) -> str:
    if decided.message_date is None or decided.date_source is None:
        return "No date of this message can be believed."
    return f"The message's date is {_moment(decided.message_date, zone)}, taken {_SOURCES[decided.date_source]}."


def _role_sentences(grounds: Grounds) -> Iterator[str]:
    account, row = grounds.entry.account, grounds.designation
    if row is None:
        yield f"It was captured from account {account}; no row of the register decided about it."
        return
    yield f"It was captured from account {account}."
    acting = "acting " if row.acting else ""
    office = f", {row.office}" if row.office else ""
    time = f"from {row.starts}" + (" on, still in office" if row.ends is None else f" to {row.ends}")
    held = f"account {row.account}" if row.account != account else "this account"
    yield f"{row.official} held {held} as {acting}{row.position}{office}, {time} (register row {row.designation_id})."
    yield from _origin_sentences(row, grounds.entered, grounds.zone)
    yield f"The role stands in the register as {_category(row)}."
    yield from _form_sentences(grounds.form or row.form, grounds.today)


def _origin_sentences(row: Designation, entered: Entered | None, zone: tzinfo) -> Iterator[str]:
    """How the designation came about, and how it came into the register."""
    by = f" by {row.decided_by}" if row.decided_by else ""
    evidence = f"; evidence: {row.evidence}" if row.evidence else ""
    if row.decided or by:
        yield f"The designation was decided{by}{f' ({row.decided})' if row.decided else ''}{evidence}."
    else:
        yield f"The register does not say how the designation was decided{evidence}."
    if entered is not None:
        why = f": {entered.reason}" if entered.reason else ""
        yield f"{entered.actor} entered it {_moment(entered.at, zone)} with decision {entered.number} of the register{why}."


def _category(row: Designation) -> str:
    if row.is_capstone:
        return f"Capstone official, NA-1005 category {row.category}"
    return "support position" if row.category == SUPPORT else "no Capstone role"


def _form_sentences(form: Form, today: date) -> Iterator[str]:
    if not form.number:
        yield "The register names no form NA-1005 for it."
        return
    group = f" for record group {form.record_group}" if form.record_group else ""
    approval = f"approved {form.approved}" if form.approved else "not approved"
    events = (("withdrawn", form.withdrawn), ("superseded", form.superseded), ("expired", form.expires))
    past = [f"{what} {day}" for what, day in events if form.approved and day is not None and day <= today]
    yield f"Its form NA-1005 is {form.number}{group}, {', '.join([approval, *past])}."
    if form.is_approved(today) and not form.allows_destruction(today):
        yield (
            "The class stays what it is; destruction of items 011 and 012 on the authority of this form is blocked until a form "
            "in force takes its place."
        )


def _item_sentences(decided: Classification, grounds: Grounds) -> Iterator[str]:
    if decided.item is None:
        return
    schedule, item = grounds.schedule, _item_of(decided, grounds)
    title = f" ({item.title})" if item else ""
    is_series = decided.item in grounds.series.series
    place = f"series {decided.item}{title}" if is_series else f"item {decided.item}{title} of {schedule.version}"
    yield f"It falls under {place}."
    if decided.authority is not None:
        verified = (
            grounds.series.series[decided.item].is_verified if is_series else schedule.is_authority_verified(decided.authority)
        )
        doubt = "" if verified else "; this number was not verified against the published schedule"
        yield f"The disposition authority is {decided.authority}{doubt}."
    if item is not None:
        yield from _period_sentences(item)


def _item_of(decided: Classification, grounds: Grounds) -> ScheduleItem | None:
    series = grounds.series.series.get(decided.item or "")
    return grounds.schedule.items.get(decided.item or "") if series is None else series.item


def _period_sentences(item: ScheduleItem) -> Iterator[str]:
    datum = "retain_years" if item.retain_years is not None else "transfer_years"
    if item.retain_years is not None:
        start = "the message's date" if item.trigger is Trigger.MESSAGE_DATE else "cutoff"
        yield f"The item keeps it {item.retain_years} years from {start}."
    if datum not in item.verified:
        yield "The item's period was not verified against the published schedule."


def _flag_sentence(flag: str) -> str:
    return f"Note: {FLAGS.get(flag, flag)}."


def _due_sentences(decided: Classification, grounds: Grounds) -> Iterator[str]:
    item, row = _item_of(decided, grounds), grounds.designation
    form = grounds.form or (row.form if row else None)
    rule = None if item is None else item.cutoff or (form.cutoff if form else None)
    if item is not None and item.trigger is Trigger.CUTOFF:
        how = f", {_CUTOFFS[rule]}" if rule else ""
        yield f"It is cut off on {decided.cutoff}{how}." if decided.cutoff else f"Its cutoff is not known yet{how}."
    yield from _transfer_sentences(decided, form, rule)
    action = {RecordClass.PERMANENT: "Transfer", RecordClass.TEMPORARY: "Destruction"}.get(decided.record_class)
    if action is not None and decided.eligible is not None:
        yield f"{action} may be proposed from {decided.eligible} on, unless a hold is open."
    elif action is not None:
        yield f"{action} cannot be proposed: the day is not known."
    obstacle = destruction_obstacle(decided, form, grounds.today)
    if decided.record_class is RecordClass.TEMPORARY and obstacle is not None:
        yield f"It may not be destroyed today: {obstacle}."


def _transfer_sentences(decided: Classification, form: Form | None, rule: CutoffRule | None) -> Iterator[str]:
    """What the form chose besides the years."""
    if decided.record_class is not RecordClass.PERMANENT or form is None or decided.designation_id is None:
        return
    if form.block_years and decided.cutoff is not None:
        end = block_end(decided.cutoff, form.block_years, form.block_start, rule)
        yield f"It is transferred in blocks of {form.block_years} years; its block ends on {end}."
    if form.after_declassification_review:
        yield "Transfer waits for the declassification review as well, whichever is later."


def _alarm_sentences(decided: Classification, grounds: Grounds) -> Iterator[str]:
    """REG-39: older than so many years, it is due for transfer whatever its cutoff."""
    alarm, years = age_alarm_of(decided, grounds.schedule, grounds.zone), grounds.schedule.age_alarm_years
    if alarm is not None and alarm <= grounds.today:
        yield f"It is overdue for transfer, whatever its cutoff: {years} years old since {alarm} (36 CFR 1235.12)."
    elif alarm is not None:
        yield f"Whatever its cutoff, it is overdue for transfer from {alarm} on, when it is {years} years old (36 CFR 1235.12)."


def _lock_sentences(decided: Classification, lock: Lock | None, zone: tzinfo) -> Iterator[str]:
    if lock is None:
        if decided.record_class is RecordClass.TEMPORARY and decided.eligible is not None:
            yield f"The store must keep it locked at least to the end of {decided.eligible}."
        else:
            yield "The store must keep it under its hold flag, without an end."
        return
    if lock.hold:
        yield "The store keeps it under its hold flag, without an end."
    if lock.retain_until is not None:
        yield f"The store keeps it locked until {_moment(lock.retain_until, zone)}."
    if lock == Lock():
        yield "The store does not lock it."


def _history_sentences(history: Sequence[tuple[datetime, Classification]], zone: tzinfo) -> Iterator[str]:
    for number, (at, was) in enumerate(history):
        verb = "Classified" if number == 0 else "Class changed"
        item = f", item {was.item}" if was.item else ""
        yield f"{verb} {_moment(at, zone)}: {was.record_class}{item} ({REASONS.get(was.reason, was.reason)})."


def _moment(instant: datetime, zone: tzinfo) -> str:
    """The instant in the agency's zone to the minute, with its offset; as it is where that zone has no such day."""
    with suppress(OverflowError):
        instant = instant.astimezone(zone)
    return instant.isoformat(" ", "minutes")


def _today_sentences(now: Classification | None) -> Iterator[str]:
    if now is not None:
        item = f", item {now.item}" if now.item else ""
        due = f", due {now.eligible}" if now.eligible else ""
        reason = REASONS.get(now.reason, now.reason)
        yield f"By the register and the rules of today it would be {now.record_class}{item}{due} ({reason}): a replay is due."
