"""Look through an account's mail for what may be non-record, and note it as proposals. Nothing else changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

import structlog

from capstone.domain.access import Person, may_see
from capstone.domain.addresses import address_mark
from capstone.domain.culling import (
    AccountView,
    Candidate,
    Conversations,
    Proposal,
    Seen,
    Twin,
    account_view,
    is_sent_by_account,
    kept_as,
    proposals_for,
    see,
    unseen,
)
from capstone.domain.culling_policy import CullingPolicy
from capstone.domain.culling_reviews import reviewing_scope
from capstone.domain.errors import CapstoneError, UnknownAccount
from capstone.domain.records import RecordEntry
from capstone.ports import HeldRecord, RecordLedger, ReplayLedger, Workers
from capstone.usecases.anchor import anchor
from capstone.usecases.batches import batched_by_size, begun_ahead
from capstone.usecases.decisions import RegisterParts
from capstone.usecases.stored import checked_all

log = structlog.get_logger()

MOST_RECORDS, MOST_BYTES = 500, 32 * 1024 * 1024
EVENT = "culling_proposed"


@dataclass(frozen=True, slots=True)
class CullingParts:
    """What proposing and reviewing work with."""

    register: RegisterParts
    records: RecordLedger
    held: ReplayLedger
    workers: Workers
    policy: CullingPolicy
    domains: frozenset[str] = frozenset()
    """Domains of the agency besides those of the addresses in the register."""
    progress: Callable[[int, int], None] = lambda _records, _bytes: None


@dataclass(frozen=True, slots=True)
class ProposeReport:
    """What one look through an account found. `by_rule` counts what is proposed now, noted before or not."""

    account: str
    checked: int = 0
    proposed: int = 0
    """Proposals that were not noted before, or had been withdrawn."""
    withdrawn: int = 0
    unreadable: int = 0
    by_rule: dict[str, int] = field(default_factory=dict)

    def as_dict(self) -> dict[str, object]:
        """As `--json` prints it."""
        told: dict[str, object] = {"account": self.account, "checked": self.checked, "proposed": self.proposed}
        return {**told, "withdrawn": self.withdrawn, "unreadable": self.unreadable, "by_rule": dict(sorted(self.by_rule.items()))}


class _Record(NamedTuple):
    held: HeldRecord
    entry: RecordEntry
    kept: str | None
    """Digest of the earliest record with the same content, where it is another one."""


def accounts_to_review(parts: CullingParts, actor: Person) -> list[str]:
    """Every account that has records and that the person may review; no other is named. Raises NotAllowed."""
    scope = reviewing_scope(actor, parts.register.register.designations())
    return [account for account in parts.held.accounts_held() if may_see(scope, account)]


def propose(parts: CullingParts, actor: Person, account: str) -> ProposeReport:
    """Go through every record of the account and note what the rules propose, and what they no longer do.

    The same again changes nothing. A record whose object is missing, damaged or unreadable keeps what was proposed about it,
    unless its class is another one now.
    Raises NotAllowed, UnknownAccount; StoreUnavailable and StoreUnfit where the whole store cannot be used.
    """
    register = parts.register
    state = register.register.state()
    if account not in parts.held.accounts_held() or not may_see(reviewing_scope(actor, state.designations), account):
        raise UnknownAccount(f"The archive holds no records of an account {account!r} that {actor.name} may review.")
    view = account_view(account, state, parts.domains)
    talks = _conversations(parts, view)
    found: Counter[str] = Counter()
    rules: Counter[str] = Counter()
    every = _records(parts, account, _is_any, register.culling.twins(account))
    for records, read in begun_ahead(_batches(every), partial(_begin, parts, view)):
        looked = list(zip(records, read, strict=True))
        entries = [(one, seen) for one, seen in looked if seen is not None]
        made = _proposals(parts, view, talks, entries)
        rules.update(one.rule for one in made)
        unread = {one.entry.record_id: one for one, seen in looked if seen is None}
        new, gone = _note(parts, made, [one.entry.record_id for one in records], unread)
        found += Counter(checked=len(records), proposed=new, withdrawn=gone, unreadable=len(records) - len(entries))
        parts.progress(len(records), sum(one.entry.size_bytes for one in records))
    report = ProposeReport(account, found["checked"], found["proposed"], found["withdrawn"], found["unreadable"], dict(rules))
    details = {**report.as_dict(), "version": parts.policy.version}
    anchor(register.store, register.audit.append(register.clock.now(), actor.name, EVENT, details))
    log.info(EVENT, account=account, checked=report.checked, proposed=report.proposed, withdrawn=report.withdrawn)
    return report


def _conversations(parts: CullingParts, view: AccountView) -> Conversations:
    """What the account's own mail answers: only that is read here."""
    talks = Conversations()
    own = {address_mark(address) for address in view.own}
    sent = _batches(_records(parts, view.account, partial(_is_own, own), iter(())))
    for records, read in begun_ahead(sent, partial(_begin, parts, view)):
        for one, seen in zip(records, read, strict=True):
            if seen is None or not seen.is_read or seen.is_own or is_sent_by_account(one.held.occurrences):
                talks.take(seen or Seen())
    return talks


def _is_any(_: HeldRecord) -> bool:
    return True


def _is_own(own: set[str], held: HeldRecord) -> bool:
    """Whether the account sent it, or may have: where it is not noted what the bytes say, they are read."""
    learned = held.learned
    return (
        learned is None
        or is_sent_by_account(held.occurrences)
        or not own.isdisjoint((*learned.from_marks, *learned.sender_marks))
    )


def _batches(records: Iterator[_Record]) -> Iterator[list[_Record]]:
    return batched_by_size(records, lambda one: one.entry.size_bytes, MOST_RECORDS, MOST_BYTES)


def _records(
    parts: CullingParts, account: str, is_wanted: Callable[[HeldRecord], bool], twins: Iterator[tuple[str, str]]
) -> Iterator[_Record]:
    """By digest, as both the records and the twins come."""
    twin = next(twins, None)
    for page in batched_by_size(filter(is_wanted, parts.held.held(account)), lambda _: 0, MOST_RECORDS, MOST_BYTES):
        entries = {entry.digest: entry for entry in parts.records.entries([held.record_id for held in page])}
        for held in page:
            while twin is not None and twin[0] < held.digest:
                twin = next(twins, None)
            kept = twin[1] if twin is not None and twin[0] == held.digest else None
            yield _Record(held, entries[held.digest], kept)


def _begin(parts: CullingParts, view: AccountView, records: list[_Record]) -> Iterator[Seen | None]:
    """What each says, in order; None where its bytes cannot be had. The work has begun when this returns."""
    raws: list[bytes | None] = []
    for one, found in zip(records, checked_all(parts.register.store, [record.entry for record in records]), strict=True):
        if isinstance(found, CapstoneError):
            log.error("record_unreadable_in_store", record_id=one.entry.record_id, code=found.code)
        raws.append(None if isinstance(found, CapstoneError) else found)
    seen = parts.workers.map(partial(see, view, parts.policy), [raw for raw in raws if raw is not None], unseen)
    return (None if raw is None else next(seen) for raw in raws)


def _proposals(
    parts: CullingParts, view: AccountView, talks: Conversations, records: Sequence[tuple[_Record, Seen]]
) -> list[Proposal]:
    kept_ids = sorted({f"{view.account}/{one.kept}" for one, _ in records if one.kept is not None})
    kept = {entry.digest: Twin(entry.record_id, entry.classification) for entry in parts.records.entries(kept_ids)}
    return [
        proposal
        for one, seen in records
        for proposal in proposals_for(
            Candidate(
                one.entry.record_id, one.held.classification, one.held.occurrences, seen,
                None if one.kept is None else kept.get(one.kept),
            ),
            view, talks, parts.policy,
        )
    ]  # fmt: skip


def _note(
    parts: CullingParts, made: Sequence[Proposal], record_ids: Sequence[str], unread: Mapping[str, _Record]
) -> tuple[int, int]:
    """Note what is new and what is no longer proposed about these records; how many of each."""
    ledger = parts.register.culling
    standing = {one.proposal.proposal_id: one.proposal for one in ledger.find(record_ids=record_ids) if one.stands}
    now = {one.proposal_id: one for one in made}
    new = [one for named, one in now.items() if named not in standing]
    gone = [one for named, one in standing.items() if named not in now and not _stays(one, unread.get(one.record_id))]
    if new or gone:
        ledger.note(parts.register.clock.now(), new, gone)
    return len(new), len(gone)


def _stays(one: Proposal, unread: _Record | None) -> bool:
    """Whether it is about a record that could not be read, and that is kept as it was."""
    return unread is not None and kept_as(unread.held.classification) in one.signs
