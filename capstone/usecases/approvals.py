"""A second person's approval of the register as it stands: without it no replay shortens a lock."""

from __future__ import annotations

from capstone.domain.effects import awaiting_approval
from capstone.domain.errors import NothingToApprove, SecondPersonNeeded
from capstone.domain.register_facts import RegisterDecision
from capstone.usecases.decisions import RegisterParts, adopt_decisions, enact_noted


def approve(parts: RegisterParts, actor: str, reason: str, rules: str) -> RegisterDecision:
    """Approve every change of the register that nobody has approved under these rules yet; the decision that says so.

    Raises NothingToApprove, and SecondPersonNeeded where the actor made any of them.
    """
    adopt_decisions(parts)
    waiting = awaiting_approval(parts.register.decisions(), rules)
    if not waiting:
        raise NothingToApprove("Every change of the register is approved already.")
    own = [str(one.number) for one in waiting if one.actor == actor]
    if own:
        raise SecondPersonNeeded(f"{actor} made decision {', '.join(own)} and cannot approve what stands on it.")
    number, now = parts.register.next_decision(), parts.clock.now()
    return enact_noted(parts, RegisterDecision(number, now, actor, reason, approves=waiting[-1].number, rules=rules))
