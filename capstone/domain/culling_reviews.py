"""What became of proposals: two people accept, one refuses or takes back. Values and their state; nothing decides by itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from capstone.domain.access import Person
from capstone.domain.culling import Proposal
from capstone.domain.errors import NotAllowed
from capstone.domain.officials import Designation
from capstone.domain.query import Scope

KIND, FORMAT = "culling_review", 1
"""Of a review's object in the store."""

_REVIEW_ALL = "records_officer"
_REVIEW_OFFICE = "records_liaison_officer"


class Verdict(StrEnum):
    """What one person says of a proposal."""

    ACCEPT = "accept"
    REFUSE = "refuse"
    TAKE_BACK = "take_back"


class State(StrEnum):
    """What became of a proposal. Only `accepted` means non-record, and only a later disposition may act on it."""

    PROPOSED = "proposed"
    SECOND_NEEDED = "second_needed"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    """The rules no longer see what they saw; or people spoke of it, and no rule has looked since the ledger was rebuilt."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """One person's word on one proposal."""

    decision: int
    at: datetime
    actor: str
    reason: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A proposal with everything that was said of it, oldest first. `stands`: whether the rules still propose it."""

    proposal: Proposal
    at: datetime
    stands: bool = True
    opinions: tuple[Opinion, ...] = ()

    @property
    def state(self) -> State:
        """See `state_after`."""
        return state_after(self.opinions)[0] if self.stands else State.WITHDRAWN


@dataclass(frozen=True, slots=True)
class CullingReview:
    """One numbered decision: a person's verdict on proposals, each as it was seen. In the store before it is in the ledger."""

    number: int
    at: datetime
    actor: str
    reason: str
    verdict: Verdict
    proposals: tuple[Proposal, ...]


def state_after(opinions: Iterable[Opinion]) -> tuple[State, str]:
    """The state, and who accepted first where a second person is needed. What changes nothing is passed over.

    Accepted is only what two different people accepted since it was last taken back.
    """
    state, first = State.PROPOSED, ""
    for one in opinions:
        if one.verdict is Verdict.TAKE_BACK:
            state, first = State.PROPOSED, ""
        elif one.verdict is Verdict.REFUSE:
            state = State.REFUSED if state in (State.PROPOSED, State.SECOND_NEEDED) else state
        elif state is State.PROPOSED:
            state, first = State.SECOND_NEEDED, one.actor
        elif state is State.SECOND_NEEDED and one.actor != first:
            state = State.ACCEPTED
    return state, first


class Hindrance(StrEnum):
    """Why a verdict cannot be given on a proposal."""

    WITHDRAWN = "the rules no longer propose it, or have not looked since a rebuild"
    NOT_OPEN = "it was accepted or refused already; take that back first"
    NOT_REVIEWED = "nobody has reviewed it yet"
    SAME_PERSON = "you accepted it already; a second person must"
    CUTOFF_REACHED = "the cutoff of the record is reached"
    KEPT_FOR_ANOTHER = "of it and its duplicate one must stay"


def hindrance(one: Reviewed, verdict: Verdict, actor: str, cutoff: date | None, today: date) -> Hindrance | None:
    """Why this person cannot say this of the proposal today; None where they can.

    From the cutoff on nothing is accepted, as it could not be taken back; what waits for its second person always can.
    """
    state, first = state_after(one.opinions)
    is_cut_off = cutoff is not None and cutoff <= today
    if verdict is Verdict.TAKE_BACK:
        if state is State.PROPOSED:
            return Hindrance.NOT_REVIEWED
        return Hindrance.CUTOFF_REACHED if is_cut_off and state is not State.SECOND_NEEDED else None
    if verdict is Verdict.ACCEPT and is_cut_off:
        return Hindrance.CUTOFF_REACHED
    if not one.stands:
        return Hindrance.WITHDRAWN
    if state not in (State.PROPOSED, State.SECOND_NEEDED):
        return Hindrance.NOT_OPEN
    is_again = verdict is Verdict.ACCEPT and state is State.SECOND_NEEDED and first == actor
    return Hindrance.SAME_PERSON if is_again else None


def is_leaving(one: Reviewed) -> bool:
    """Whether somebody accepted that the record is none, even if the rules do not see it now: they may see it again."""
    return state_after(one.opinions)[0] in (State.SECOND_NEEDED, State.ACCEPTED)


def reviewing_scope(person: Person, register: Iterable[Designation]) -> Scope:
    """Whose mail the person may review: a records officer all, a liaison officer that of the office. Raises NotAllowed."""
    if _REVIEW_ALL in person.roles:
        return Scope(None)
    offices = {office for role, office in person.offices if role == _REVIEW_OFFICE}
    if not offices:
        raise NotAllowed(f"{person.name} may not review proposals: that is for records officers and records liaison officers.")
    return Scope(frozenset(row.account for row in register if row.office in offices))


def review_as_dict(review: CullingReview) -> dict[str, object]:
    """The review as JSON values; `review_from_dict` gives back an equal one."""
    head: dict[str, object] = {"format": FORMAT, "kind": KIND, "number": review.number, "at": review.at.isoformat()}
    head |= {"actor": review.actor, "reason": review.reason, "verdict": review.verdict.value}
    return {**head, "proposals": [proposal_as_dict(one) for one in review.proposals]}


def review_from_dict(told: Mapping[str, object]) -> CullingReview:
    """The review that `review_as_dict` wrote, of this format and kind. Raises ValueError, KeyError or TypeError for another."""
    proposals, number = told["proposals"], told["number"]
    if not isinstance(proposals, list) or type(number) is not int:
        raise TypeError("not a review as this program writes it")
    return CullingReview(
        number,
        datetime.fromisoformat(str(told["at"])),
        str(told["actor"]),
        str(told["reason"]),
        Verdict(str(told["verdict"])),
        tuple(map(_proposal, proposals)),
    )


def proposal_as_dict(one: Proposal) -> dict[str, object]:
    """A proposal as JSON values, with its id; codes only."""
    told: dict[str, object] = {"id": one.proposal_id, "record": one.record_id, "rule": one.rule, "version": one.version}
    return {**told, "confidence": one.confidence, "signs": list(one.signs), "keeps": one.keeps}


def _proposal(told: Mapping[str, object]) -> Proposal:
    signs, confidence, keeps = told["signs"], told["confidence"], told["keeps"]
    if not isinstance(signs, list) or type(confidence) is not int or not isinstance(keeps, str | None):
        raise TypeError("proposal expected")
    record, rule, version = str(told["record"]), str(told["rule"]), str(told["version"])
    found = Proposal(record, rule, version, confidence, tuple(map(str, signs)), keeps)
    if found.proposal_id != told["id"]:
        raise ValueError("a proposal bears another id than follows from it")
    return found
