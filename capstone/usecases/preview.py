"""What a change of the register would do to the archive, counted before anything is changed.

It reads the ledger record by record and keeps counts only: memory does not grow with the archive. All that it may write is
what the bytes of a record say, where the ledger has not noted that yet.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from capstone.domain.effects import Keeping, Shift, standing
from capstone.domain.register_facts import RegisterDecision, RegisterState
from capstone.domain.roster import Roster
from capstone.domain.rules import Rules
from capstone.domain.sketches import Change, Comparison
from capstone.usecases.learning import LearningParts, learn_missing

_TOLD_AT = 1000
"""Records between two signs of progress."""


@dataclass(frozen=True, slots=True)
class PreviewParts:
    """What a preview works with. `rules` are those of now; a preview changes their roster."""

    learning: LearningParts
    decisions: Sequence[RegisterDecision]
    """Read before `rules` were made: an approval of the newest of them is of nothing that the rules do not know."""
    rules: Rules
    approved_rules: str
    """What an approval must name to hold now: the version of the rules and of what the schedules say."""
    progress: Callable[[int, int], None] = lambda _records, _bytes: None


@dataclass(slots=True)
class AccountEffect:
    """Counts of one account. `unreadable` records have no class to compare: their bytes are missing or damaged."""

    account: str
    checked: int = 0
    changed: int = 0
    longer: int = 0
    shorter: int = 0
    read_from_bytes: int = 0
    unreadable: int = 0
    under_hold: int = 0
    disposed: int = 0

    def as_dict(self) -> dict[str, object]:
        """As `--json` prints it."""
        return {name: getattr(self, name) for name in COUNTED} | {"account": self.account}


COUNTED = ("checked", "changed", "longer", "shorter", "read_from_bytes", "unreadable", "under_hold", "disposed")


@dataclass(slots=True)
class Preview:
    """The effect of a change. `waiting` are the numbers of the decisions that no second person has approved yet."""

    accounts: list[AccountEffect] = field(default_factory=list)
    shifts: Counter[Shift] = field(default_factory=Counter)
    waiting: tuple[int, ...] = ()
    newest_decision: int | None = None
    """The change that an approval must name; None where a change is only proposed, or the register is empty."""

    @property
    def next_step(self) -> str | None:
        """The command that approves what was previewed; None where nothing is to be approved."""
        if self.newest_decision is None or not (self.waiting or self.total("shorter")):
            return None
        return f"capstone officials approve --decision {self.newest_decision} --reason TEXT"

    def total(self, name: str) -> int:
        """The sum over all accounts of one of `COUNTED`."""
        return sum(getattr(one, name) for one in self.accounts)

    @property
    def reclassified(self) -> int:
        """Records that get another class or item; of the other changed ones only dates or reasons are new."""
        return sum(number for shift, number in self.shifts.items() if shift.is_of_class)

    def sorted_shifts(self) -> list[tuple[Shift, int]]:
        """By account, the larger first."""
        return sorted(self.shifts.items(), key=lambda pair: (pair[0].account, -pair[1], str(pair[0])))

    def as_dict(self) -> dict[str, object]:
        """As `--json` prints it."""
        reasons: Counter[str] = Counter()
        for shift, number in self.shifts.items():
            reasons[shift.reason] += number
        told: dict[str, object] = {name: self.total(name) for name in COUNTED}
        told |= {"reclassified": self.reclassified, "waiting_decisions": list(self.waiting)}
        told |= {"newest_decision": self.newest_decision, "next": self.next_step}
        told |= {"reasons": dict(sorted(reasons.items())), "accounts": [one.as_dict() for one in self.accounts]}
        return {**told, "changes": [_shift_as_dict(shift, number) for shift, number in self.sorted_shifts()]}


def preview(parts: PreviewParts, proposed: RegisterState | None = None) -> Preview:
    """What a replay would do if the register were as proposed; None: as it is.

    Raises StoreUnavailable, StoreUnfit where bytes must be read and the store is away; LedgerDamaged.
    """
    stands = standing(parts.decisions, parts.approved_rules)
    newest = stands.newest if proposed is None else None
    found = Preview(waiting=tuple(one.number for one in stands.waiting), newest_decision=newest)
    rules = parts.rules if proposed is None else replace(parts.rules, roster=Roster(proposed.designations, proposed.facts))
    effects = {account: _effect_on(parts, account) for account in parts.learning.replays.accounts_held()}
    comparison = Comparison(rules)
    for checked, sketch in enumerate(parts.learning.replays.sketches(), start=1):
        effect = effects.get(sketch.account) or effects.setdefault(sketch.account, AccountEffect(sketch.account))
        effect.checked += 1
        if not checked % _TOLD_AT:
            parts.progress(_TOLD_AT, 0)
        if not sketch.is_learned:
            effect.unreadable += 1
        elif change := comparison.change(sketch):
            _count(effect, found.shifts, change)
    found.accounts += [effects[account] for account in sorted(effects)]
    return found


def _effect_on(parts: PreviewParts, account: str) -> AccountEffect:
    """Before anything is compared: what is not noted of the account's records is read from their bytes."""
    effect = AccountEffect(account, read_from_bytes=learn_missing(parts.learning, account))
    effect.under_hold, effect.disposed = held_and_disposed(account)
    return effect


def held_and_disposed(_account: str) -> tuple[int, int]:
    """How many of the account's changed records lie under a legal hold, and how many were disposed of already.

    Nothing can be held or disposed of yet: whatever brings that answers here.
    """
    return 0, 0


def _count(effect: AccountEffect, shifts: Counter[Shift], change: Change) -> None:
    effect.changed += 1
    shifts[change.shift] += 1
    effect.longer += change.keeping is Keeping.LONGER
    effect.shorter += change.keeping is Keeping.SHORTER


def _shift_as_dict(shift: Shift, number: int) -> dict[str, object]:
    return {
        "account": shift.account,
        "from": {"class": shift.old_class.value, "item": shift.old_item},
        "to": {"class": shift.new_class.value, "item": shift.new_item},
        "reason": shift.reason,
        "messages": number,
    }
