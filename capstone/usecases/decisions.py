"""Decisions on the register: each is an object in the store before it is in the ledger, so that the store can rebuild both."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from itertools import pairwise

import structlog

from capstone.domain.culling_reviews import FORMAT as REVIEW_FORMAT
from capstone.domain.culling_reviews import KIND as CULLING_REVIEW
from capstone.domain.culling_reviews import CullingReview, review_from_dict
from capstone.domain.errors import DecidedMeanwhile, FixityMismatch
from capstone.domain.fixity import digest_of
from capstone.domain.layout import decided_in, decision_key, decision_number
from capstone.domain.officials import Designation, designation_as_dict, designation_from_dict
from capstone.domain.records import Lock
from capstone.domain.register_facts import RegisterDecision, RegisterFact, fact_as_dict, fact_from_dict
from capstone.ports import AuditLog, Clock, ProposalLedger, PutRequest, RecordStore, RegisterLedger
from capstone.usecases.anchor import anchor

log = structlog.get_logger()

_ONE_OF_TWO = "Ask both authors which one was carried out, move the other out of decisions/, and decide it anew if it holds."
EVENT, ADOPTED = "register_change", "decision_adopted"
_FORMAT, _KIND = 2, "register"
_FIRST_FORMAT, _FIRST_KIND = 1, "register_import"
"""As the first release wrote them: designations only, and no reason."""


@dataclass(frozen=True, slots=True)
class RegisterParts:
    """What the register works with."""

    store: RecordStore
    register: RegisterLedger
    audit: AuditLog
    clock: Clock
    zone: tzinfo
    """Agency local time."""
    culling: ProposalLedger
    """Takes in reviews of proposals to cull: they are numbered among the decisions on the register."""


def decide(  # noqa: PLR0913 - the parts of one decision
    parts: RegisterParts,
    actor: str,
    reason: str,
    designations: Sequence[Designation] = (),
    facts: Sequence[RegisterFact] = (),
    superseded: Mapping[str, str] | None = None,
    approves: int | None = None,
    *,
    expected: int | None = None,
) -> RegisterDecision:
    """The next decision, under a name and a reason: in the store, locked; then in the audit chain; then in the ledger.

    Whether it may be is for the caller to say (`register_change.planned`); `expected` is the number of the next decision, read
    before the state that was planned on. A decision that a crash left in the store alone is taken in before.
    Raises DecidedMeanwhile where another decision was taken meanwhile.
    """
    adopt_decisions(parts)
    number, now = parts.register.next_decision(), parts.clock.now()
    if expected is not None and number != expected:
        raise DecidedMeanwhile("The register changed meanwhile; nothing was changed.")
    decision = RegisterDecision(number, now, actor, reason, tuple(designations), tuple(facts), dict(superseded or {}), approves)
    return enact_noted(parts, decision)


def enact_noted(parts: RegisterParts, decision: RegisterDecision) -> RegisterDecision:
    """A decision that has its number: written, noted, taken in."""
    counts = {name: len(getattr(decision, name)) for name in ("designations", "facts", "superseded")}
    details = {"reason": decision.reason, **counts, "approves": decision.approves}
    keep_noted(parts, decision, as_told(decision), EVENT, details)
    parts.register.apply(decision)
    log.info("register_changed", decision=decision.number, **counts)
    return decision


def keep_noted(
    parts: RegisterParts,
    made: RegisterDecision | CullingReview,
    told: Mapping[str, object],
    event: str,
    details: Mapping[str, object],
) -> None:
    """Write a decision to the store, locked, and note it in the audit chain: whenever the power fails, each one is noted.

    The ledger takes it in afterwards. Safe to repeat but for a second note.
    """
    keep(parts.store, made, told)
    anchor(parts.store, parts.audit.append(made.at, made.actor, event, {"decision": made.number, **details}))


def keep(store: RecordStore, made: RegisterDecision | CullingReview, told: Mapping[str, object]) -> None:
    """Write a decision to the store, locked. Raises DecidedMeanwhile where another one has its number."""
    raw, key = json.dumps(told, sort_keys=True, indent=1).encode(), decision_key(made.number, _month_of(store, made))
    try:
        store.put_all([PutRequest(key, raw, digest_of(raw), Lock(hold=True), {})])
    except FixityMismatch as exc:
        there = store.get(key)
        if there == raw:
            raise
        read_any_decision(there, key)  # raises where it is none
        raise DecidedMeanwhile(f"Another decision became number {made.number}; nothing was changed.") from exc


def _month_of(store: RecordStore, made: RegisterDecision | CullingReview) -> datetime:
    """That of the decision before it, which is the same for all: two who decide over a month's end meet at one key."""
    before = (key for key in store.list_keys("decisions/") if decision_number(key) == made.number - 1)
    key = min(before, default=None)
    if key is None:
        return made.at
    try:
        return read_any_decision(store.get(key), key).at
    except FixityMismatch:
        return decided_in(key)


def adopt_decisions(parts: RegisterParts, *, is_rebuild: bool = False) -> int:
    """Apply decisions that are in the store and not in the ledger: after a crash, or into a new ledger. Says how many.

    One that a crash left behind is noted in the audit chain under the name of who made it; a rebuild notes itself.
    Raises FixityMismatch, with nothing applied from there on, where a decision is damaged or one before it is missing.
    """
    first = parts.register.next_decision()
    numbered = ((decision_number(key), key) for key in parts.store.list_keys("decisions/"))
    newer = sorted((number, key) for number, key in numbered if number is not None and number >= first)
    for (number, key), (following, other) in pairwise(newer):
        if number == following:
            raise FixityMismatch(f"Two decisions bear the number {number}: {key} and {other}.", _ONE_OF_TWO)
    for expected, (number, key) in enumerate(newer, first):
        if number != expected:
            raise FixityMismatch(f"Decision {expected} is missing from the store; {key} cannot follow without it.")
        made = read_any_decision(parts.store.get(key), key)
        if isinstance(made, CullingReview):
            parts.culling.take_in(made)
        else:
            parts.register.apply(made)
        if not is_rebuild:
            anchor(parts.store, parts.audit.append(parts.clock.now(), made.actor, ADOPTED, {"decision": expected}))
        log.warning("decision_adopted", decision=expected)
    return len(newer)


def as_told(decision: RegisterDecision) -> dict[str, object]:
    """A decision as JSON values: what its object in the store holds."""
    return {
        "format": _FORMAT,
        "kind": _KIND,
        "number": decision.number,
        "at": decision.at.isoformat(),
        "actor": decision.actor,
        "reason": decision.reason,
        "designations": [designation_as_dict(row) for row in decision.designations],
        "facts": [fact_as_dict(fact) for fact in decision.facts],
        "superseded": dict(decision.superseded),
        "approves": decision.approves,
        **({"rules": decision.rules} if decision.rules else {}),
    }


def read_any_decision(raw: bytes, key: str) -> RegisterDecision | CullingReview:
    """The decision of an object of any kind. Raises FixityMismatch where the bytes are none."""
    try:
        told = json.loads(raw)
        if (told["format"], told["kind"]) != (REVIEW_FORMAT, CULLING_REVIEW):
            return read_decision(raw, key)
        review = review_from_dict(told)
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise FixityMismatch(f"The decision {key} is damaged.") from exc
    if review.number != decision_number(key):
        raise FixityMismatch(f"The decision {key} bears another number than its key.")
    return review


def read_decision(raw: bytes, key: str) -> RegisterDecision:
    """The decision of an object of any format so far. Raises FixityMismatch where the bytes are no such decision."""
    try:
        told = json.loads(raw)
        version, kind = told["format"], told["kind"]
        if (version, kind) not in ((_FORMAT, _KIND), (_FIRST_FORMAT, _FIRST_KIND)):
            raise FixityMismatch(f"The decision {key} is of a kind this version does not know.", "Use the version that wrote it.")
        if told["number"] != decision_number(key):
            raise FixityMismatch(f"The decision {key} bears another number than its key.")
        return _decision(told) if version == _FORMAT else _first_decision(told)
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise FixityMismatch(f"The decision {key} is damaged.") from exc


def _decision(told: Mapping[str, object]) -> RegisterDecision:
    approves = told["approves"]
    return RegisterDecision(
        _number(told["number"]),
        datetime.fromisoformat(str(told["at"])),
        str(told["actor"]),
        str(told["reason"]),
        tuple(designation_from_dict(row) for row in _mappings(told["designations"])),
        tuple(fact_from_dict(fact) for fact in _mappings(told["facts"])),
        _texts(told["superseded"]),
        None if approves is None else _number(approves),
        str(told.get("rules", "")),
    )


def _first_decision(told: Mapping[str, object]) -> RegisterDecision:
    return _decision({**told, "reason": "", "designations": told["added"], "facts": [], "approves": None})


def _number(value: object) -> int:
    if type(value) is not int:
        raise TypeError("number expected")
    return value


def _mappings(value: object) -> list[Mapping[str, object]]:
    if not isinstance(value, list) or not all(isinstance(one, Mapping) for one in value):
        raise TypeError("list expected")
    return value


def _texts(value: object) -> dict[str, str]:
    if not isinstance(value, Mapping) or not all(isinstance(one, str) for one in value.values()):
        raise TypeError("ids expected")
    return dict(value)
