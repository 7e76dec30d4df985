"""The register of officials on a SQL database: rows are only ever added, each under the number of a decision."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, Engine, Table, func, select

from capstone.domain.culling_reviews import KIND as CULLING_REVIEW
from capstone.domain.errors import LedgerDamaged
from capstone.domain.officials import Designation
from capstone.domain.register_facts import RegisterDecision, RegisterFact, RegisterState, fact_from_dict, subject_of
from connectors.ledger import tables as t
from connectors.ledger.engine import one_at_a_time, reading, writing
from connectors.ledger.rows import AnyRow, decision_digest, designation_row, fact_row, rows_read, to_designation
from connectors.ledger.statements import Row, add_rows

_KIND = "register"

_Ends = dict[str, list[tuple[int, str]]]


class SqlRegisterLedger:
    """A RegisterLedger on a SQL database.

    An id is the digest of its content, so the same designation or fact may come into force again after it was superseded (a
    correction taken back): each taking in is ended by the next later decision that supersedes that id.
    """

    def __init__(self, engine: Engine) -> None:
        """Uses the engine of `open_engine`."""
        self._engine = engine

    def next_decision(self) -> int:
        """One more than the highest number taken in; the first is 1."""
        with reading(self._engine) as connection:
            return (connection.scalar(select(func.max(t.decisions.c.number))) or 0) + 1

    def apply(self, decision: RegisterDecision) -> None:
        """Take in a decision. The same one again changes nothing; another one of that number raises LedgerDamaged."""
        number, digest = decision.number, decision_digest(decision)
        rows = [designation_row(number, one) for one in decision.designations]
        facts = [fact_row(number, one) for one in decision.facts]
        ends: list[Row] = [{"decision": number, "old_id": old, "new_id": new} for old, new in decision.superseded.items()]
        with writing(self._engine) as connection:
            one_at_a_time(connection, "decisions")
            held = connection.scalar(select(t.decisions.c.digest).where(t.decisions.c.number == number))
            if held is not None and held != digest:
                raise LedgerDamaged(f"Decision {number} is in the ledger with another content; nothing was changed.")
            if held is None:
                add_rows(connection, t.decisions, [_head(decision, digest)])
                add_rows(connection, t.designations, _each_once(rows, "designation_id"))
                add_rows(connection, t.register_facts, _each_once(facts, "fact_id"))
                add_rows(connection, t.supersessions, ends)

    def state(self, known_on: datetime | None = None) -> RegisterState:
        """All that is in force, as the register knew it at that instant; None: now. One view of the ledger."""
        with reading(self._engine) as connection, rows_read():
            ends = _ends(connection, known_on)
            rows = [
                to_designation(row)
                for row in _taken_in(connection, t.designations, known_on)
                if _ended_by(ends.get(row.designation_id, []), row.decision) is None
            ]
            facts = [
                fact_from_dict(row.body)
                for row in _taken_in(connection, t.register_facts, known_on)
                if _ended_by(ends.get(row.fact_id, []), row.decision) is None
            ]
        return RegisterState(_in_order(rows), tuple(sorted(dict.fromkeys(facts), key=subject_of)))

    def decisions(self) -> list[RegisterDecision]:
        """Every decision ever taken in, by number; its designations and facts by id."""
        with reading(self._engine) as connection, rows_read():
            ours = select(t.decisions).where(t.decisions.c.kind != CULLING_REVIEW)
            heads = connection.execute(ours.order_by(t.decisions.c.number)).all()
            rows: dict[int, list[Designation]] = {head.number: [] for head in heads}
            facts: dict[int, list[RegisterFact]] = {head.number: [] for head in heads}
            superseded: dict[int, dict[str, str]] = {head.number: {} for head in heads}
            for row in _taken_in(connection, t.designations, None):
                rows[row.decision].append(to_designation(row))
            for row in _taken_in(connection, t.register_facts, None):
                facts[row.decision].append(fact_from_dict(row.body))
            for old, ended in _ends(connection, None).items():
                for number, new in ended:
                    superseded[number][old] = new
        return [
            RegisterDecision(
                head.number, head.at, head.actor, head.reason or "", tuple(rows[head.number]), tuple(facts[head.number]),
                superseded[head.number], head.approves, head.rules or "",
            )
            for head in heads
        ]  # fmt: skip

    def designations(self, known_on: datetime | None = None) -> list[Designation]:
        """The rows in force (as known at that instant), by account, start and id."""
        return list(self.state(known_on).designations)

    def designation_history(self) -> list[tuple[int, datetime, str, Designation, str | None]]:
        """(decision, at, actor, designation, superseded by) of every row ever taken in, by decision and id."""
        with reading(self._engine) as connection, rows_read():
            ends = _ends(connection, None)
            return [
                (row.decision, row.at, row.actor, to_designation(row), _ended_by(ends.get(row.designation_id, []), row.decision))
                for row in _taken_in(connection, t.designations, None)
            ]


def _head(decision: RegisterDecision, digest: str) -> Row:
    told = {"number": decision.number, "at": decision.at, "actor": decision.actor, "kind": _KIND, "digest": digest}
    return {**told, "reason": decision.reason, "approves": decision.approves, "rules": decision.rules}


def _each_once(rows: Sequence[Row], key: str) -> list[Row]:
    return list({row[key]: row for row in rows}.values())


def _in_order(rows: Sequence[Designation]) -> tuple[Designation, ...]:
    in_force = {row.designation_id: row for row in rows}
    return tuple(sorted(in_force.values(), key=lambda one: (one.account, one.starts, one.designation_id)))


def _taken_in(connection: Connection, table: Table, known_on: datetime | None) -> Sequence[AnyRow]:
    """Rows of `designations` or `register_facts` with their decision's time and actor, by decision and id."""
    wanted = select(table, t.decisions.c.at, t.decisions.c.actor).join(t.decisions)
    if known_on is not None:
        wanted = wanted.where(t.decisions.c.at <= known_on)
    return connection.execute(wanted.order_by(*table.primary_key)).all()


def _ends(connection: Connection, known_on: datetime | None) -> _Ends:
    """Old id: (decision, new id) of each time it was superseded, in order."""
    wanted = select(t.supersessions).join(t.decisions).order_by(t.supersessions.c.decision, t.supersessions.c.old_id)
    if known_on is not None:
        wanted = wanted.where(t.decisions.c.at <= known_on)
    ends: _Ends = {}
    for row in connection.execute(wanted):
        ends.setdefault(row.old_id, []).append((row.decision, row.new_id))
    return ends


def _ended_by(ends: list[tuple[int, str]], decision: int) -> str | None:
    return next((new_id for later, new_id in ends if later > decision), None)
