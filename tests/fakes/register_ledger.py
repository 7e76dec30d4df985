"""The register of officials in memory: every decision ever taken in, and what follows from them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from capstone.domain.errors import LedgerDamaged
from capstone.domain.officials import Designation
from capstone.domain.register_facts import RegisterDecision, RegisterState, fact_id, subject_of


class FakeRegisterLedger:
    """A RegisterLedger in memory."""

    def __init__(self) -> None:
        self._decisions: dict[int, RegisterDecision] = {}
        self.taken: set[int] = set()

    def next_decision(self) -> int:
        return max(self.taken, default=0) + 1

    def apply(self, decision: RegisterDecision) -> None:
        rows = {one.designation_id: one for one in decision.designations}
        facts = {fact_id(one): one for one in decision.facts}
        taken = replace(
            decision,
            designations=tuple(rows[one] for one in sorted(rows)),
            facts=tuple(facts[one] for one in sorted(facts)),
            superseded=dict(decision.superseded),
        )
        held = self._decisions.setdefault(decision.number, taken)
        self.taken.add(decision.number)
        if held != replace(taken, at=held.at, actor=held.actor):
            raise LedgerDamaged(f"Decision {decision.number} is in the ledger with another content; nothing was changed.")

    def state(self, known_on: datetime | None = None) -> RegisterState:
        known = self._known(known_on)
        rows = {row.designation_id: row for one in known for row in one.designations}
        facts = {fact_id(fact): fact for one in known for fact in one.facts}
        ended: dict[str, bool] = {}
        for one in known:
            ended |= dict.fromkeys(one.superseded, True)
            ended |= dict.fromkeys([*(row.designation_id for row in one.designations), *map(fact_id, one.facts)], False)
        in_force = [row for name, row in rows.items() if not ended[name]]
        return RegisterState(
            tuple(sorted(in_force, key=lambda one: (one.account, one.starts, one.designation_id))),
            tuple(sorted((fact for name, fact in facts.items() if not ended[name]), key=subject_of)),
        )

    def decisions(self) -> list[RegisterDecision]:
        return self._known(None)

    def designations(self, known_on: datetime | None = None) -> list[Designation]:
        return list(self.state(known_on).designations)

    def designation_history(self) -> list[tuple[int, datetime, str, Designation, str | None]]:
        known = self._known(None)
        rows = []
        for one in known:
            for row in one.designations:
                later = (other.superseded for other in known if other.number > one.number)
                ended_by = next((ends[row.designation_id] for ends in later if row.designation_id in ends), None)
                rows.append((one.number, one.at, one.actor, row, ended_by))
        return rows

    def _known(self, known_on: datetime | None) -> list[RegisterDecision]:
        return [one for _, one in sorted(self._decisions.items()) if known_on is None or one.at <= known_on]
