"""People review proposals to cull: one accepts, a second one accepts too; one refuses; one takes back. No record changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain

import structlog

from capstone.domain.access import Person, may_see
from capstone.domain.culling import kept_as
from capstone.domain.culling_reviews import (
    CullingReview,
    Hindrance,
    Reviewed,
    State,
    Verdict,
    hindrance,
    is_leaving,
    proposal_as_dict,
    review_as_dict,
    reviewing_scope,
)
from capstone.domain.errors import CannotReview, CapstoneError, CutoffReached, SecondPersonNeeded, UnknownProposal
from capstone.domain.query import Scope
from capstone.ports import ProposalLedger
from capstone.usecases.batches import batched_by_size
from capstone.usecases.culling import CullingParts
from capstone.usecases.decisions import adopt_decisions, keep_noted

log = structlog.get_logger()

EVENT, VIEW = "culling_review", "culling_view"
MOST_IN_A_DECISION = 1000


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which proposals: those of these ids, or all of a rule and an account (None: any)."""

    ids: tuple[str, ...] = ()
    rule: str | None = None
    account: str | None = None


@dataclass(frozen=True, slots=True)
class ReviewReport:
    """What a verdict did, or would do: `given` on how many proposals, by the state these then have; why not on others."""

    verdict: Verdict
    given: int = 0
    states: dict[str, int] = field(default_factory=dict)
    hindered: dict[str, int] = field(default_factory=dict)
    decisions: tuple[int, ...] = ()

    def as_dict(self) -> dict[str, object]:
        """As `--json` prints it."""
        told: dict[str, object] = {"verdict": self.verdict.value, "given": self.given, "states": dict(self.states)}
        return {**told, "hindered": dict(self.hindered), "decisions": list(self.decisions)}


@dataclass(slots=True)
class _Leaving:
    """Of a record and its duplicate one must stay: which records leave, and which stay in place of one that leaves."""

    records: set[str]
    keeps: set[str]

    def splits(self, one: Reviewed) -> bool:
        """Whether accepting it would leave no copy."""
        return one.proposal.record_id in self.keeps or one.proposal.keeps in self.records

    def take(self, one: Reviewed) -> None:
        """It leaves too."""
        self.records.add(one.proposal.record_id)
        self.keeps.update(kept for kept in (one.proposal.keeps,) if kept is not None)


def count(parts: CullingParts, actor: Person, wanted: Wanted, verdict: Verdict) -> ReviewReport:
    """What `review` would do; nothing is changed. Raises as `review`."""
    report = ReviewReport(verdict)
    for fit, hindered in _judged(parts, actor, wanted, verdict):
        report = _grown(report, fit, hindered, ())
    return _refused_if_empty(report)


def review(parts: CullingParts, actor: Person, wanted: Wanted, verdict: Verdict, reason: str) -> ReviewReport:
    """Give the verdict on every proposal on which it can be given, in decisions of bounded size, each in the store and in the
    audit chain before it is in the ledger.

    Raises NotAllowed; UnknownProposal where nothing is meant; SecondPersonNeeded, CutoffReached or CannotReview where it can be
    given on none.
    """
    adopt_decisions(parts.register)
    report = ReviewReport(verdict)
    for fit, hindered in _judged(parts, actor, wanted, verdict):
        made = [_decide(parts, actor, reason, verdict, fit)] if fit else []
        report = _grown(report, fit, hindered, made)
    return _refused_if_empty(report)


def listed(parts: CullingParts, actor: Person, wanted: Wanted, state: State | None = None) -> Iterator[Reviewed]:
    """Proposals that the person may review, in the order of their ids, streamed; the look is in the audit chain."""
    scope = reviewing_scope(actor, parts.register.register.designations())
    told: dict[str, object] = {"rule": wanted.rule, "account": wanted.account, "ids": list(wanted.ids)}
    parts.register.audit.append(parts.register.clock.now(), actor.name, VIEW, told)
    return (one for one in _meant(parts.register.culling, wanted, scope) if state in (None, one.state))


def culling_status(ledger: ProposalLedger, record_id: str) -> list[Reviewed]:
    """All that was ever proposed about the record and said of it. It is non-record where any of them is `accepted`."""
    return ledger.find(record_ids=[record_id])


def status_as_dict(one: Reviewed) -> dict[str, object]:
    """A proposal, its state, and who said what of it, as JSON values."""
    said = [
        {"decision": it.decision, "at": it.at.isoformat(), "actor": it.actor, "reason": it.reason, "verdict": it.verdict.value}
        for it in one.opinions
    ]
    return {**proposal_as_dict(one.proposal), "proposed_at": one.at.isoformat(), "state": one.state.value, "opinions": said}


def _meant(ledger: ProposalLedger, wanted: Wanted, scope: Scope) -> Iterator[Reviewed]:
    found: Iterable[Reviewed] = ledger.find(wanted.ids) if wanted.ids else ledger.proposals(wanted.rule, wanted.account)
    return (one for one in found if may_see(scope, one.proposal.account))


def _judged(
    parts: CullingParts, actor: Person, wanted: Wanted, verdict: Verdict
) -> Iterator[tuple[list[Reviewed], list[Hindrance]]]:
    """By batches: the proposals on which the verdict can be given, and what hinders the others. Raises UnknownProposal."""
    scope = reviewing_scope(actor, parts.register.register.designations())
    meant = _meant(parts.register.culling, wanted, scope)
    if wanted.ids:
        named = list(meant)
        if len(named) < len(set(wanted.ids)):
            raise UnknownProposal("Not every proposal that was named is there.")
        meant = iter(named)
    batches = batched_by_size(meant, lambda _: 0, MOST_IN_A_DECISION, MOST_IN_A_DECISION)
    first = next(batches, None)
    if first is None:
        raise UnknownProposal("Nothing of that is proposed.")
    for batch in chain([first], batches):
        yield _sorted_out(parts, actor, verdict, batch)


def _sorted_out(
    parts: CullingParts, actor: Person, verdict: Verdict, batch: Sequence[Reviewed]
) -> tuple[list[Reviewed], list[Hindrance]]:
    register = parts.register
    today = register.clock.now().astimezone(register.zone).date()
    record_ids = sorted({one.proposal.record_id for one in batch})
    classes = {entry.record_id: entry.classification for entry in parts.records.entries(record_ids)}
    leaving = _leaving(register.culling, batch) if verdict is Verdict.ACCEPT else _Leaving(set(), set())
    fit: list[Reviewed] = []
    hindered: list[Hindrance] = []
    for one in batch:
        held = classes.get(one.proposal.record_id)
        found = hindrance(one, verdict, actor.name, held.cutoff if held else None, today)
        if found is None and verdict is Verdict.ACCEPT and (held is None or kept_as(held) not in one.proposal.signs):
            found = Hindrance.WITHDRAWN
        if found is None and leaving.splits(one):
            found = Hindrance.KEPT_FOR_ANOTHER
        if found is not None:
            hindered.append(found)
            continue
        fit.append(one)
        if verdict is Verdict.ACCEPT:
            leaving.take(one)
    return fit, hindered


def _leaving(ledger: ProposalLedger, batch: Sequence[Reviewed]) -> _Leaving:
    """What somebody accepted already among the records of the batch, their duplicates and what stays in their place."""
    record_ids = {one.proposal.record_id for one in batch}
    kept = {one.proposal.keeps for one in batch if one.proposal.keeps is not None}
    found = _Leaving(set(), set())
    for one in ledger.find(record_ids=sorted(kept), keeps=sorted(record_ids)):
        if is_leaving(one):
            found.take(one)
    return found


def _decide(parts: CullingParts, actor: Person, reason: str, verdict: Verdict, fit: Sequence[Reviewed]) -> int:
    """The next decision: in the store, locked; then in the audit chain; then in the ledger."""
    register = parts.register
    number, now = register.register.next_decision(), register.clock.now()
    made = CullingReview(number, now, actor.name, reason, verdict, tuple(one.proposal for one in fit))
    details = {"verdict": verdict.value, "reason": reason, "proposals": len(fit)}
    keep_noted(register, made, review_as_dict(made), EVENT, details)
    register.culling.take_in(made)
    log.info("culling_reviewed", decision=number, verdict=verdict.value, proposals=len(fit))
    return number


def _grown(report: ReviewReport, fit: Sequence[Reviewed], hindered: Sequence[Hindrance], made: Sequence[int]) -> ReviewReport:
    states = Counter(report.states)
    states.update(_next_state(one, report.verdict).value for one in fit)
    reasons = Counter(report.hindered)
    reasons.update(one.value for one in hindered)
    return ReviewReport(report.verdict, report.given + len(fit), dict(states), dict(reasons), (*report.decisions, *made))


def _next_state(one: Reviewed, verdict: Verdict) -> State:
    if verdict is Verdict.ACCEPT:
        return State.ACCEPTED if one.state is State.SECOND_NEEDED else State.SECOND_NEEDED
    return State.REFUSED if verdict is Verdict.REFUSE else State.PROPOSED


def _refused_if_empty(report: ReviewReport) -> ReviewReport:
    if report.given:
        return report
    told = "; ".join(f"{number:,}: {why}" for why, number in sorted(report.hindered.items()))
    kinds: dict[str, type[CapstoneError]] = {Hindrance.SAME_PERSON: SecondPersonNeeded, Hindrance.CUTOFF_REACHED: CutoffReached}
    only = next(iter(report.hindered)) if len(report.hindered) == 1 else ""
    kind = kinds.get(only, CannotReview)
    next_step = "Let another person run the same command with --as." if kind is SecondPersonNeeded else None
    raise kind(f"Nothing was changed. {told}.", next_step)
