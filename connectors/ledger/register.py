"""The register of officials on a SQL database: rows are only ever added, each under the number of a decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, Engine, func, select

from capstone.domain.errors import LedgerDamaged
from capstone.domain.officials import Designation
from connectors.ledger import tables as t
from connectors.ledger.engine import one_at_a_time, reading, writing
from connectors.ledger.rows import AnyRow, decision_digest, designation_row, rows_read, to_designation
from connectors.ledger.statements import add_rows


class SqlRegisterLedger:
    """A RegisterLedger on a SQL database.

    A designation id is the digest of its content, so the same row may come into force again after it was superseded (a
    correction taken back): each taking in is ended by the next later decision that supersedes that id.
    """

    def __init__(self, engine: Engine) -> None:
        """Uses the engine of `open_engine`."""
        self._engine = engine

    def next_decision(self) -> int:
        """One more than the highest number taken in; the first is 1."""
        with reading(self._engine) as connection:
            return (connection.scalar(select(func.max(t.decisions.c.number))) or 0) + 1

    def apply_designations(
        self, decision: int, at: datetime, actor: str, added: Sequence[Designation], superseded: Mapping[str, str]
    ) -> None:
        """Take in new rows. The same decision again changes nothing; another one of that number raises LedgerDamaged."""
        digest = decision_digest(added, list(superseded.items()))
        head = {"number": decision, "at": at, "actor": actor, "kind": "designations", "digest": digest}
        rows = list({designation.designation_id: designation_row(decision, designation) for designation in added}.values())
        ends = [{"decision": decision, "old_id": old, "new_id": new} for old, new in superseded.items()]
        with writing(self._engine) as connection:
            one_at_a_time(connection, "decisions")
            held = connection.scalar(select(t.decisions.c.digest).where(t.decisions.c.number == decision))
            if held is not None and held != digest:
                raise LedgerDamaged(f"Decision {decision} is in the ledger with another content; nothing was changed.")
            if held is None:
                add_rows(connection, t.decisions, [head])
                add_rows(connection, t.designations, rows)
                add_rows(connection, t.supersessions, ends)

    def designations(self, known_on: datetime | None = None) -> list[Designation]:
        """The rows in force (as known at that instant), by account, start and id."""
        taken_in = [row for row in self.designation_history_on(known_on) if row[4] is None]
        in_force = {designation.designation_id: designation for _, _, _, designation, _ in taken_in}
        return sorted(in_force.values(), key=lambda one: (one.account, one.starts, one.designation_id))

    def designation_history(self) -> list[tuple[int, datetime, str, Designation, str | None]]:
        """(decision, at, actor, designation, superseded by) of every row ever taken in, by decision and id."""
        return self.designation_history_on(None)

    def designation_history_on(self, known_on: datetime | None) -> list[tuple[int, datetime, str, Designation, str | None]]:
        """The history as it was known at that instant; None: now."""
        with reading(self._engine) as connection, rows_read():
            ends = _ends(connection, known_on)
            return [
                (row.decision, row.at, row.actor, to_designation(row), _ended_by(ends.get(row.designation_id, []), row.decision))
                for row in _taken_in(connection, known_on)
            ]


def _taken_in(connection: Connection, known_on: datetime | None) -> Sequence[AnyRow]:
    wanted = select(t.designations, t.decisions.c.at, t.decisions.c.actor).join(t.decisions)
    if known_on is not None:
        wanted = wanted.where(t.decisions.c.at <= known_on)
    return connection.execute(wanted.order_by(t.designations.c.decision, t.designations.c.designation_id)).all()


def _ends(connection: Connection, known_on: datetime | None) -> dict[str, list[tuple[int, str]]]:
    """Old id: (decision, new id) of each time it was superseded, in order."""
    wanted = select(t.supersessions).join(t.decisions).order_by(t.supersessions.c.decision)
    if known_on is not None:
        wanted = wanted.where(t.decisions.c.at <= known_on)
    ends: dict[str, list[tuple[int, str]]] = {}
    for row in connection.execute(wanted):
        ends.setdefault(row.old_id, []).append((row.decision, row.new_id))
    return ends


def _ended_by(ends: list[tuple[int, str]], decision: int) -> str | None:
    return next((new_id for later, new_id in ends if later > decision), None)
