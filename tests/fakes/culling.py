"""Proposals and reviews in memory, beside the other ports of a ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime

from capstone.domain.culling import Proposal
from capstone.domain.culling_reviews import CullingReview, Opinion, Reviewed
from capstone.domain.errors import LedgerDamaged
from capstone.domain.records import RecordEntry


class FakeProposalLedger:
    """A ProposalLedger in memory. `taken` are the numbers of decisions of every kind; `entries` gives the records held."""

    def __init__(self, entries: Callable[[], Iterable[RecordEntry]], taken: set[int]) -> None:
        self._entries, self._taken = entries, taken
        self._proposals: dict[str, tuple[Proposal, datetime, bool]] = {}
        self._reviews: dict[int, CullingReview] = {}

    def note(self, at: datetime, proposed: Sequence[Proposal], withdrawn: Sequence[Proposal]) -> None:
        wanted = {one.proposal_id: (one, True) for one in proposed} | {one.proposal_id: (one, False) for one in withdrawn}
        for named, (one, stands) in wanted.items():
            held = self._proposals.get(named)
            if (held is not None and held[2]) != stands:
                self._proposals[named] = (one, at, stands)

    def take_in(self, review: CullingReview) -> None:
        held = self._reviews.get(review.number)
        if (held or review) != review or (held is None and review.number in self._taken):
            raise LedgerDamaged(f"Decision {review.number} is in the ledger with another content; nothing was changed.")
        self._reviews[review.number] = review
        self._taken.add(review.number)
        for one in review.proposals:
            self._proposals.setdefault(one.proposal_id, (one, review.at, False))

    def proposals(self, rule: str | None = None, account: str | None = None, page_size: int = 1000) -> Iterator[Reviewed]:
        for named in sorted(self._proposals):
            one = self._proposals[named][0]
            if rule in (None, one.rule) and account in (None, one.account):
                yield self._reviewed(named)

    def find(self, proposal_ids: Sequence[str] = (), record_ids: Sequence[str] = (), keeps: Sequence[str] = ()) -> list[Reviewed]:
        return [
            self._reviewed(named)
            for named, (one, _, _) in sorted(self._proposals.items())
            if named in proposal_ids or one.record_id in record_ids or one.keeps in keeps
        ]

    def twins(self, account: str, page_size: int = 10_000) -> Iterator[tuple[str, str]]:
        first: dict[str, str] = {}
        held = [one for one in self._entries() if one.account == account and one.content_key]
        for entry in sorted(held, key=lambda one: (one.captured_at, one.digest)):
            first.setdefault(entry.content_key, entry.digest)
        pairs = ((entry.digest, first[entry.content_key]) for entry in sorted(held, key=lambda one: one.digest))
        return (pair for pair in pairs if pair[0] != pair[1])

    def _reviewed(self, named: str) -> Reviewed:
        one, at, stands = self._proposals[named]
        said = tuple(
            Opinion(review.number, review.at, review.actor, review.reason, review.verdict)
            for _, review in sorted(self._reviews.items())
            if any(other.proposal_id == named for other in review.proposals)
        )
        return Reviewed(one, at, stands, said)
