"""What is kept of proposals to cull, and of what people said of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Protocol

from capstone.domain.culling import Proposal
from capstone.domain.culling_reviews import CullingReview, Reviewed


class ProposalLedger(Protocol):
    """Proposals and reviews: rows are only ever added. No record, class or lock depends on them."""

    def note(self, at: datetime, proposed: Sequence[Proposal], withdrawn: Sequence[Proposal]) -> None:
        """Note what the rules propose now, and what they no longer do. What is so already stays as it is."""
        ...

    def take_in(self, review: CullingReview) -> None:
        """Take in a review under its decision number, in one transaction, with proposals that are not there: these stand when
        they are noted. The same one again changes nothing. Raises LedgerDamaged where that number has another decision."""
        ...

    def proposals(self, rule: str | None = None, account: str | None = None, page_size: int = 1000) -> Iterator[Reviewed]:
        """Every proposal of the rule and the account, by id, paged, each page a view of its own; withdrawn ones too."""
        ...

    def find(self, proposal_ids: Sequence[str] = (), record_ids: Sequence[str] = (), keeps: Sequence[str] = ()) -> list[Reviewed]:
        """The proposals that have one of these ids, are about one of these records, or keep one of these; by id, each once."""
        ...

    def twins(self, account: str, page_size: int = 10_000) -> Iterator[tuple[str, str]]:
        """(digest, digest of the earliest one) of every record of the account whose content an earlier one has too; by digest,
        paged, each page a view of its own."""
        ...
