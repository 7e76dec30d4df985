"""What a change of the register means for records that are there: from class to class, and whether their locks become shorter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, tzinfo
from enum import StrEnum

from capstone.domain.officials import Designation
from capstone.domain.records import Classification, Lock, RecordClass
from capstone.domain.register_facts import RegisterDecision, RegisterFact, RegisterState, fact_id
from capstone.domain.retention import LockStep, lock_change, lock_for


class Keeping(StrEnum):
    """What a new class does to how long a record is kept locked."""

    SAME = "same"
    LONGER = "longer"
    SHORTER = "shorter"
    """Never done without a second person's approval."""


@dataclass(frozen=True, slots=True)
class Shift:
    """From which class and item of an account to which, and for which reason."""

    account: str
    old_class: RecordClass
    old_item: str | None
    new_class: RecordClass
    new_item: str | None
    reason: str
    """A code of `classification.REASONS`: why the record has the new class."""

    @property
    def is_of_class(self) -> bool:
        """Whether class or item change; otherwise dates or reasons do."""
        return (self.old_class, self.old_item) != (self.new_class, self.new_item)


def is_changed(old: Classification, new: Classification) -> bool:
    """Whether a record's class must be noted anew. Another version of the rules that gives the same answer is no change."""
    return old != new and replace(old, rule_version=new.rule_version) != new


def shift_of(account: str, old: Classification, new: Classification) -> Shift:
    """The change as it is counted."""
    return Shift(account, old.record_class, old.item, new.record_class, new.item, new.reason)


def keeping_change(old: Classification, new: Classification) -> Keeping:
    """Whether the record is kept locked for longer or shorter. It follows from the classes alone, whatever the day.

    Permanent and unscheduled records are held without end: between those two nothing becomes shorter, and from either to
    temporary everything does. So does an earlier end of a temporary record.
    """
    before, after = _kept_until(old), _kept_until(new)
    if before == after:
        return Keeping.SAME
    return Keeping.SHORTER if after is not None and (before is None or after < before) else Keeping.LONGER


def longest_kept(classes: Iterable[Classification]) -> Classification:
    """The class under which something is kept longest; the first of those that keep equally long."""
    return max(classes, key=lambda one: _kept_until(one) or date.max)


def lock_now(classification: Classification, captured_at: datetime, now: datetime, zone: tzinfo, minimum_days: int) -> Lock:
    """The lock that a record must have now: what `lock_for` asks, and where that is over, a fresh one until it is disposed of."""
    lock = lock_for(classification, captured_at, zone, minimum_days)
    if lock.hold or lock.retain_until is None or lock.retain_until > now:
        return lock
    return lock_for(classification, now, zone, minimum_days)


def guarded(actual: Lock, before: Lock, wanted: Lock, *, allow_shorter: bool) -> Lock:
    """The lock that an object has after `lock_change(before, wanted)` was done to it, whatever lock it really had.

    `before` is what the caller knows of. A hold that the caller knows nothing of stays; without `allow_shorter` nothing is lost.
    """
    steps = lock_change(before, wanted).steps
    until = wanted.retain_until if LockStep.RETENTION in steps else actual.retain_until
    hold = LockStep.HOLD_OFF not in steps and (actual.hold or LockStep.HOLD_ON in steps)
    changed = Lock(until, hold)
    return changed if allow_shorter else changed.at_least(actual)


def state_after(
    state: RegisterState,
    designations: Iterable[Designation] = (),
    facts: Iterable[RegisterFact] = (),
    superseded: Mapping[str, str] | None = None,
) -> RegisterState:
    """The register as it would be once these are added and those superseded."""
    gone = frozenset(superseded or ())
    rows = {row.designation_id: row for row in state.designations if row.designation_id not in gone}
    known = {number: fact for fact in state.facts if (number := fact_id(fact)) not in gone}
    rows |= {row.designation_id: row for row in designations}
    known |= {fact_id(fact): fact for fact in facts}
    return RegisterState(tuple(rows.values()), tuple(known.values()))


@dataclass(frozen=True, slots=True)
class Standing:
    """Which changes of the register wait for a second person, and what an approval given now would be of."""

    waiting: tuple[RegisterDecision, ...]
    judged: tuple[RegisterDecision, ...]
    """Those that wait; where none does, those approved last: an approval may be renewed by who made none of them."""
    approved_at: datetime | None
    """When what stands was approved last; None while anything waits, and where the register is empty."""

    @property
    def newest(self) -> int | None:
        """The number of the newest change, which an approval must name; None where the register has none."""
        return self.judged[-1].number if self.judged else None


def standing(decisions: Sequence[RegisterDecision], rules: str) -> Standing:
    """How changes and approvals stand under these rules.

    An approval counts for all changes before it, and only where it names the newest of them and its author made none of those
    that it is of: the changes since the last approval. Given under other rules or schedules than the one before, it is of every
    change that the register ever had.
    """
    every: list[RegisterDecision] = []
    waiting: list[RegisterDecision] = []
    approved: list[RegisterDecision] = []
    under: str | None = None
    at: datetime | None = None
    for decision in sorted(decisions, key=lambda one: one.number):
        if decision.approves is None:
            every.append(decision)
            waiting.append(decision)
            continue
        judged = (waiting or approved) if decision.rules == under else every
        if _is_approval_of(decision, judged):
            waiting, approved, under, at = [], list(judged), decision.rules, decision.at
    left = waiting if rules == under else every
    return Standing(tuple(left), tuple(left or approved), None if left else at)


def awaiting_approval(decisions: Sequence[RegisterDecision], rules: str) -> tuple[RegisterDecision, ...]:
    """The changes of the register that no second person has approved under these rules, by number. See `standing`."""
    return standing(decisions, rules).waiting


def _is_approval_of(decision: RegisterDecision, changes: Sequence[RegisterDecision]) -> bool:
    is_of_newest = bool(changes) and decision.approves == changes[-1].number
    return is_of_newest and all(one.actor != decision.actor for one in changes)


def _kept_until(classification: Classification) -> date | None:
    """None: without end."""
    return classification.eligible if classification.record_class is RecordClass.TEMPORARY else None
