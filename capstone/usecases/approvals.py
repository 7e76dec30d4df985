"""A second person's approval of the register as it stands: without it no replay shortens a lock."""

from __future__ import annotations

from capstone.domain.effects import standing
from capstone.domain.errors import NothingToApprove, RegisterChanged, SecondPersonNeeded
from capstone.domain.register_facts import RegisterDecision
from capstone.usecases.decisions import RegisterParts, adopt_decisions, enact_noted


def approve(parts: RegisterParts, actor: str, reason: str, rules: str, newest: int) -> RegisterDecision:
    """Approve the register up to its newest change, which the approver names as the preview showed it; the decision.

    Where nothing waits, the approval is renewed: it then covers what was found of messages since the last one.
    Raises NothingToApprove for a register without changes, RegisterChanged where another change is the newest, and
    SecondPersonNeeded where the actor made any of the changes that the approval is of.
    """
    adopt_decisions(parts)
    found = standing(parts.register.decisions(), rules)
    if found.newest is None:
        raise NothingToApprove("The register of officials has no change that could be approved.")
    if found.newest != newest:
        raise RegisterChanged(f"The newest change of the register is decision {found.newest}, not {newest}.")
    own = [str(one.number) for one in found.judged if one.actor == actor]
    if own:
        raise SecondPersonNeeded(f"{actor} made decision {', '.join(own)} and cannot approve what stands on it.")
    number, now = parts.register.next_decision(), parts.clock.now()
    return enact_noted(parts, RegisterDecision(number, now, actor, reason, approves=newest, rules=rules))
