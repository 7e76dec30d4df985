"""Why a record has its class and its dates, in plain sentences for people (`capstone why`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, tzinfo

from capstone.domain.classification import FLAGS, REASONS
from capstone.domain.message_dates import FROM_LINE, HEADER, RECEIVED, TRACE
from capstone.domain.officials import SUPPORT, CutoffRule, Designation
from capstone.domain.records import Classification, Lock, RecordClass, RecordEntry
from capstone.domain.schedule import Schedule, ScheduleItem, Trigger

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
}
_MEANINGS = {
    RecordClass.PERMANENT: "It is permanent: it is kept until the National Archives takes it over.",
    RecordClass.TEMPORARY: "It is temporary: it may be destroyed when it is due and two people approve.",
    RecordClass.UNSCHEDULED: "It is unscheduled: it is kept as if permanent, and neither destroyed nor transferred.",
}


def sentences(
    entry: RecordEntry,
    history: Sequence[tuple[datetime, Classification]],
    designation: Designation | None,
    schedule: Schedule,
    zone: tzinfo = UTC,
    lock: Lock | None = None,
) -> list[str]:
    """The chain of reasons, one sentence each, from the message's date to the history of its class.

    `history` is every class it ever had, oldest first; `designation` the row of the register that decided; `zone` the agency's;
    `lock` what the store says guards it, if that was asked for. Holds no mail content.
    """
    decided = entry.classification
    return [
        _date_sentence(decided, zone),
        *_role_sentences(entry.account, designation),
        f"{REASONS.get(decided.reason, decided.reason)}.",
        _MEANINGS[decided.record_class],
        *_item_sentences(decided, schedule),
        *(_flag_sentence(flag) for flag in decided.flags),
        *_due_sentences(decided, designation, schedule),
        *_lock_sentences(decided, lock, zone),
        f"Decided by {decided.rule_version}.",
        *_history_sentences(history, zone),
    ]


def _date_sentence(decided: Classification, zone: tzinfo) -> str:
    if decided.message_date is None or decided.date_source is None:
        return "No date of this message can be believed."
    return f"The message's date is {_moment(decided.message_date, zone)}, taken {_SOURCES[decided.date_source]}."


def _role_sentences(account: str, row: Designation | None) -> Iterator[str]:
    if row is None:
        yield f"It was captured from account {account}; no row of the register decided about it."
        return
    yield f"It was captured from account {account}."
    acting = "acting " if row.acting else ""
    office = f", {row.office}" if row.office else ""
    time = f"from {row.starts}" + (" on, still in office" if row.ends is None else f" to {row.ends}")
    held = f"account {row.account}" if row.account != account else "this account"
    yield f"{row.official} held {held} as {acting}{row.position}{office}, {time} (register row {row.designation_id})."
    yield f"The role stands in the register as {_category(row)}."
    yield _form_sentence(row)


def _category(row: Designation) -> str:
    if row.is_capstone:
        return f"Capstone official, NA-1005 category {row.category}"
    return "support position" if row.category == SUPPORT else "no Capstone role"


def _form_sentence(row: Designation) -> str:
    form = row.form
    if not form.number:
        return "The register names no form NA-1005 for it."
    group = f" for record group {form.record_group}" if form.record_group else ""
    approval = f"approved {form.approved}" if form.approved else "not approved"
    return f"Its form NA-1005 is {form.number}{group}, {approval}."


def _item_sentences(decided: Classification, schedule: Schedule) -> Iterator[str]:
    if decided.item is None:
        return
    item = schedule.items.get(decided.item)
    title = f" ({item.title})" if item else ""
    yield f"It falls under item {decided.item}{title} of {schedule.version}."
    if decided.authority is not None:
        verified = schedule.is_authority_verified(decided.authority)
        doubt = "" if verified else "; this number was not verified against the published schedule"
        yield f"The disposition authority is {decided.authority}{doubt}."
    if item is not None:
        yield from _period_sentences(item)


def _period_sentences(item: ScheduleItem) -> Iterator[str]:
    datum = "retain_years" if item.retain_years is not None else "transfer_years"
    if item.retain_years is not None:
        start = "the message's date" if item.trigger is Trigger.MESSAGE_DATE else "cutoff"
        yield f"The item keeps it {item.retain_years} years from {start}."
    if datum not in item.verified:
        yield "The item's period was not verified against the published schedule."


def _flag_sentence(flag: str) -> str:
    return f"Note: {FLAGS.get(flag, flag)}."


def _due_sentences(decided: Classification, row: Designation | None, schedule: Schedule) -> Iterator[str]:
    item = None if decided.item is None else schedule.items.get(decided.item)
    if item is not None and item.trigger is Trigger.CUTOFF:
        rule = item.cutoff or (row.form.cutoff if row else None)
        how = f", {_CUTOFFS[rule]}" if rule else ""
        yield f"It is cut off on {decided.cutoff}{how}." if decided.cutoff else f"Its cutoff is not known yet{how}."
    action = {RecordClass.PERMANENT: "Transfer", RecordClass.TEMPORARY: "Destruction"}.get(decided.record_class)
    if action is not None and decided.eligible is not None:
        yield f"{action} may be proposed from {decided.eligible} on, unless a hold is open."
    elif action is not None:
        yield f"{action} cannot be proposed: the day is not known."


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
