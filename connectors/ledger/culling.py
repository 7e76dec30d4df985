"""Proposals to cull and their reviews on a SQL database: rows are only ever added."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Engine, Select, and_, func, select

from capstone.domain.culling import Proposal
from capstone.domain.culling_reviews import KIND, CullingReview, Opinion, Reviewed, Verdict, review_as_dict
from capstone.domain.errors import LedgerDamaged
from connectors.ledger import tables as t
from connectors.ledger.engine import one_at_a_time, reading, writing
from connectors.ledger.rows import AnyRow, rows_read
from connectors.ledger.statements import Row, add_missing, add_rows, among


class SqlProposalLedger:
    """A ProposalLedger on a SQL database."""

    def __init__(self, engine: Engine) -> None:
        """Uses the engine of `open_engine`."""
        self._engine = engine

    def note(self, at: datetime, proposed: Sequence[Proposal], withdrawn: Sequence[Proposal]) -> None:
        """See ProposalLedger."""
        wanted = {one.proposal_id: (one, True) for one in proposed} | {one.proposal_id: (one, False) for one in withdrawn}
        if not wanted:
            return
        with writing(self._engine) as connection:
            one_at_a_time(connection, "culling")
            held = _newest(connection, sorted(wanted))
            rows = []
            for named, (proposal, stands) in sorted(wanted.items()):
                number, stood = held.get(named, (0, False))
                if stood != stands:
                    rows.append(_row(proposal, number + 1, at, stands))
            add_rows(connection, t.culling_proposals, rows)

    def take_in(self, review: CullingReview) -> None:
        """See ProposalLedger."""
        digest, number = _digest(review), review.number
        by_id = {one.proposal_id: one for one in review.proposals}
        with writing(self._engine) as connection:
            one_at_a_time(connection, "decisions")
            held = connection.scalar(select(t.decisions.c.digest).where(t.decisions.c.number == number))
            if held is not None and held != digest:
                raise LedgerDamaged(f"Decision {number} is in the ledger with another content; nothing was changed.")
            if held is not None:
                return
            head = {"number": number, "at": review.at, "actor": review.actor, "kind": KIND, "digest": digest}
            add_rows(connection, t.decisions, [{**head, "reason": review.reason, "approves": None}])
            # One that is not there comes from the store (a rebuild): it stands when the rules have seen it again.
            add_missing(connection, t.culling_proposals, [_row(one, 1, review.at, False) for _, one in sorted(by_id.items())])
            said = [{"decision": number, "proposal_id": one, "verdict": review.verdict.value} for one in sorted(by_id)]
            add_rows(connection, t.culling_reviews, said)

    def proposals(self, rule: str | None = None, account: str | None = None, page_size: int = 1000) -> Iterator[Reviewed]:
        """See ProposalLedger."""
        p = t.culling_proposals.c
        asked = [p.rule == rule] * (rule is not None) + [p.account == account] * (account is not None)
        after = ""
        while True:
            with reading(self._engine) as connection, rows_read():
                page = _reviewed(connection, _present().where(p.proposal_id > after, *asked).limit(page_size))
            yield from page
            if len(page) < page_size:
                return
            after = page[-1].proposal.proposal_id

    def find(self, proposal_ids: Sequence[str] = (), record_ids: Sequence[str] = (), keeps: Sequence[str] = ()) -> list[Reviewed]:
        """See ProposalLedger."""
        p = t.culling_proposals.c
        found: dict[str, Reviewed] = {}
        with reading(self._engine) as connection, rows_read():
            for column, values in ((p.proposal_id, proposal_ids), (p.record_id, record_ids), (p.keeps, keeps)):
                for of_them in among(connection, column, sorted(set(values))):
                    found |= {one.proposal.proposal_id: one for one in _reviewed(connection, _present().where(of_them))}
        return [found[named] for named in sorted(found)]

    def twins(self, account: str, page_size: int = 10_000) -> Iterator[tuple[str, str]]:
        """See ProposalLedger."""
        r = t.records.c
        earliest = func.first_value(r.digest).over(partition_by=r.content_key, order_by=(r.captured_at, r.digest))
        pairs = select(r.digest, earliest.label("kept")).where(r.account == account, r.content_key != "").subquery()
        after = ""
        while True:
            wanted = select(pairs).where(pairs.c.digest != pairs.c.kept, pairs.c.digest > after)
            with reading(self._engine) as connection:
                page = connection.execute(wanted.order_by(pairs.c.digest).limit(page_size)).all()
            yield from ((row.digest, row.kept) for row in page)
            if len(page) < page_size:
                return
            after = page[-1].digest


def _present() -> Select[tuple[object, ...]]:
    """The newest row of each proposal, by id. Numbers have no gap, so a next one is found by the key."""
    p, later = t.culling_proposals, t.culling_proposals.alias("later")
    is_later: ColumnElement[bool] = and_(later.c.proposal_id == p.c.proposal_id, later.c.number == p.c.number + 1)
    return select(p).where(~select(later.c.number).where(is_later).exists()).order_by(p.c.proposal_id)


def _newest(connection: Connection, proposal_ids: Sequence[str]) -> dict[str, tuple[int, bool]]:
    held: dict[str, tuple[int, bool]] = {}
    for of_them in among(connection, t.culling_proposals.c.proposal_id, proposal_ids):
        held |= {row.proposal_id: (row.number, row.stands) for row in connection.execute(_present().where(of_them))}
    return held


def _reviewed(connection: Connection, wanted: Select[tuple[object, ...]]) -> list[Reviewed]:
    rows = connection.execute(wanted).all()
    opinions: dict[str, list[Opinion]] = {row.proposal_id: [] for row in rows}
    c, d = t.culling_reviews.c, t.decisions.c
    for of_them in among(connection, c.proposal_id, sorted(opinions)):
        said = select(c.proposal_id, c.verdict, d.number, d.at, d.actor, d.reason).join(t.decisions).where(of_them)
        for row in connection.execute(said.order_by(d.number)):
            one = Opinion(row.number, row.at, row.actor, row.reason or "", Verdict(row.verdict))
            opinions[row.proposal_id].append(one)
    return [Reviewed(_proposal(row), row.at, row.stands, tuple(opinions[row.proposal_id])) for row in rows]


def _proposal(row: AnyRow) -> Proposal:
    return Proposal(row.record_id, row.rule, row.version, row.confidence, tuple(row.signs), row.keeps)


def _row(one: Proposal, number: int, at: datetime, stands: bool) -> Row:
    head: Row = {"proposal_id": one.proposal_id, "number": number, "at": at, "stands": stands, "account": one.account}
    told: Row = {"record_id": one.record_id, "rule": one.rule, "version": one.version, "confidence": one.confidence}
    return {**head, **told, "signs": list(one.signs), "keeps": one.keeps}


def _digest(review: CullingReview) -> str:
    return hashlib.sha256(json.dumps(review_as_dict(review), sort_keys=True).encode()).hexdigest()
