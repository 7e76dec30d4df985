"""What can be asked of the archive about mail that may be non-record: a part of `App`."""

from __future__ import annotations

from collections.abc import Iterator

from capstone.bootstrap.parts import Parts
from capstone.domain.access import Person
from capstone.domain.culling_reviews import Reviewed, State, Verdict
from capstone.usecases.culling import ProposeReport, accounts_to_review, propose
from capstone.usecases.culling_reviews import ReviewReport, Wanted, count, culling_status, listed, review


class CullingApp:
    """The part of `App` that is about proposals to cull and their reviews."""

    _parts: Parts

    def accounts_to_review(self, actor: Person) -> list[str]:
        """See `usecases.culling`. Raises NotAllowed."""
        return accounts_to_review(self._parts.culling, actor)

    def propose_culling(self, actor: Person, account: str) -> ProposeReport:
        """See `usecases.culling`. Raises NotAllowed, UnknownAccount."""
        return propose(self._parts.culling, actor, account)

    def culling_proposals(self, viewer: Person, wanted: Wanted, state: State | None = None) -> Iterator[Reviewed]:
        """See `usecases.culling_reviews.listed`. Raises NotAllowed."""
        return listed(self._parts.culling, viewer, wanted, state)

    def count_culling(self, actor: Person, wanted: Wanted, verdict: Verdict) -> ReviewReport:
        """What a review would do; nothing is changed. Raises as `review_culling`."""
        return count(self._parts.culling, actor, wanted, verdict)

    def review_culling(self, actor: Person, wanted: Wanted, verdict: Verdict, reason: str) -> ReviewReport:
        """See `usecases.culling_reviews`. Raises NotAllowed, UnknownProposal, SecondPersonNeeded, CutoffReached, CannotReview."""
        return review(self._parts.culling, actor, wanted, verdict, reason)

    def culling_status(self, record_id: str) -> list[Reviewed]:
        """All that was ever proposed about the record and said of it."""
        return culling_status(self._parts.ledger.culling, record_id)
