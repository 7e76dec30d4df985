"""The ledger as capture writes it: leases, runs, and one transaction a batch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, and_, func, or_, select, update

from capstone.domain.errors import AccountBusy
from capstone.domain.message import ItemState, Occurrence
from capstone.domain.records import RecordEntry
from capstone.ports import NOTHING_NOTED, CaptureBatch, ManifestRef, Noted, Run
from connectors.ledger import tables as t
from connectors.ledger.batch import BatchWriter
from connectors.ledger.engine import reading, writing
from connectors.ledger.notes import keep_notes, notes_of
from connectors.ledger.rows import AnyRow, row_key, rows_read, to_occurrence, to_record, to_run
from connectors.ledger.statements import add_missing, among, insert_into


class SqlCaptureLedger:
    """A CaptureLedger on a SQL database."""

    def __init__(self, engine: Engine) -> None:
        """Uses the engine of `open_engine`."""
        self._engine = engine
        self._writer = BatchWriter(engine.dialect)

    def take_lease(self, account: str, holder: str, now: datetime, ttl_s: int) -> bool:
        """Become, or stay, the account's one writer; says whether whoever had it before gave it back. Raises AccountBusy,
        saying who writes and until when."""
        lease = {"account": account, "holder": holder, "until": now + timedelta(seconds=ttl_s)}
        is_free = or_(t.leases.c.holder == holder, t.leases.c.until <= now)
        with writing(self._engine) as connection:
            was_given_back = connection.execute(select(t.leases.c.holder).where(t.leases.c.account == account)).first() is None
            wanted = insert_into(connection.dialect, t.leases).values(lease)
            taken = wanted.on_conflict_do_update(
                index_elements=["account"], set_={"holder": holder, "until": lease["until"]}, where=is_free
            ).returning(t.leases.c.account)
            if connection.execute(taken).first() is None:
                other = connection.execute(select(t.leases).where(t.leases.c.account == account)).one()
                raise AccountBusy(
                    f"{other.holder} writes account {account.partition('#')[0]} until {other.until.isoformat()}.", other.holder
                )
            return was_given_back

    def give_back_lease(self, account: str, holder: str) -> None:
        """End the lease if `holder` has it."""
        mine = and_(t.leases.c.account == account, t.leases.c.holder == holder)
        with writing(self._engine) as connection:
            connection.execute(t.leases.delete().where(mine))

    def start_run(self, run: Run) -> None:
        """Note a run as begun; the same run again changes nothing."""
        row = {
            "run_id": run.run_id,
            "account": run.account,
            "source": run.source,
            "started_at": run.started_at,
            "ended_at": run.ended_at,
            "outcome": run.outcome,
            "error": run.error,
            "counts": None,
        }
        left = and_(t.RUNNING, t.runs.c.account == run.account, t.runs.c.source == run.source, t.runs.c.run_id != run.run_id)
        with writing(self._engine) as connection:
            for run_id in connection.scalars(select(t.runs.c.run_id).where(left)).all():
                _close_run(connection, run_id, run.started_at, "abandoned", None)
            add_missing(connection, t.runs, [row])

    def finish_run(self, run_id: str, ended_at: datetime, outcome: str, error: str | None, noted: Noted = NOTHING_NOTED) -> Run:
        """Close a run and keep its notes. Raises LookupError for one that never began."""
        with writing(self._engine) as connection:
            _close_run(connection, run_id, ended_at, outcome, error)
            row = connection.execute(select(t.runs).where(t.runs.c.run_id == run_id)).first()
            if row is None:
                raise LookupError(f"no run {run_id}")
            keep_notes(connection, row, noted)
            return to_run(row, row.counts, notes_of(connection, [run_id]).get(run_id, ()))

    def known(self, account: str, digests: Iterable[str]) -> dict[str, RecordEntry]:
        """Those of the digests that are records of the account, with all their occurrences."""
        wanted = sorted(set(digests))
        found: dict[str, RecordEntry] = {}
        with reading(self._engine) as connection, rows_read():
            for of_them in among(connection, t.records.c.digest, wanted):
                held = WITH_CLASS.where(t.records.c.account == account, of_them)
                entries = with_occurrences(connection, connection.execute(held).all())
                found.update((entry.digest, entry) for entry in entries)
        return found

    def held_items(self, account: str, identities: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Those of the identities that records of the account were captured under, with the records' digests.

        The account is compared here: asked for it, SQLite begins with all of the account's records, at every batch anew.
        """
        o, r = t.occurrences.c, t.records.c
        wanted = {row_key(identity): identity for identity in identities}
        found: dict[str, dict[str, None]] = {}
        if not wanted:
            return {}
        with reading(self._engine) as connection:
            for of_them in among(connection, o.identity_key, sorted(wanted)):
                held = select(o.identity_key, r.account, r.digest).join_from(t.occurrences, t.records, o.record_no == r.record_no)
                for key, of_account, digest in connection.execute(held.where(of_them).order_by(o.manifest_no, r.record_no)):
                    if of_account == account:
                        found.setdefault(wanted[key], {})[digest] = None
        return {identity: tuple(digests) for identity, digests in found.items()}

    def cursors(self, account: str, source: str) -> dict[str, str]:
        """The cursors as of the last committed batch."""
        wanted = and_(t.cursors.c.account == account, t.cursors.c.source == source)
        with reading(self._engine) as connection:
            return {row.name: row.value for row in connection.execute(select(t.cursors).where(wanted))}

    def last_manifest(self, account: str) -> ManifestRef | None:
        """The account's newest manifest that the ledger has taken in."""
        newest = select(t.manifests).where(t.manifests.c.account == account).order_by(t.manifests.c.manifest_no.desc()).limit(1)
        with reading(self._engine) as connection:
            row = connection.execute(newest).first()
        return None if row is None else ManifestRef(row.account, row.key, row.digest)

    def commit(self, batch: CaptureBatch) -> None:
        """All of the batch or nothing. A record that is known already stays as it is.

        Raises LedgerDamaged where the manifest is known with another digest, LookupError where an occurrence or a class
        belongs to no record or cursors come from a run that never began, ValueError where the batch is of several accounts.
        """
        prepared = self._writer.prepare(batch)
        with writing(self._engine) as connection:
            self._writer.write(connection, batch, prepared)


CLASS_COLUMNS = list(t.classifications.columns)[list(t.classifications.columns.keys()).index("record_class") :]
_SEEN = list(t.occurrences.columns)[list(t.occurrences.columns.keys()).index("source") :]
_RECORD = [column for column in t.records.columns if column.name != "class_number"]
WITH_CLASS = select(*_RECORD, *CLASS_COLUMNS).join(
    t.classifications,
    and_(t.classifications.c.record_no == t.records.c.record_no, t.classifications.c.number == t.records.c.class_number),
)
"""Records with their present class, for `rows.to_record`."""


def counts_of(connection: Connection, run_ids: Sequence[str]) -> dict[str, dict[str, int]]:
    """How many items of each run ended in each state; every state is named."""
    counts = {run_id: {state.value: 0 for state in ItemState} for run_id in run_ids}
    for of_them in among(connection, t.items.c.run_id, run_ids):
        grouped = select(t.items.c.run_id, t.items.c.state, func.count().label("number")).where(of_them)
        for row in connection.execute(grouped.group_by(t.items.c.run_id, t.items.c.state)):
            counts[row.run_id][row.state] = row.number
    return counts


def with_occurrences(connection: Connection, rows: Sequence[AnyRow]) -> list[RecordEntry]:
    """The records of rows of `WITH_CLASS`, with all their occurrences in the order in which they were first seen."""
    o = t.occurrences.c
    seen: dict[int, list[Occurrence]] = {}
    for of_them in among(connection, o.record_no, [row[0] for row in rows]):
        seen_at = select(o.record_no, *_SEEN).where(of_them)
        for record_no, *values in connection.execute(seen_at.order_by(o.record_no, o.manifest_no, o.variant)):
            seen.setdefault(record_no, []).append(to_occurrence(values))
    return [to_record(row, tuple(seen.get(row[0], ()))) for row in rows]


def _close_run(connection: Connection, run_id: str, ended_at: datetime, outcome: str, error: str | None) -> None:
    values = {"ended_at": ended_at, "outcome": outcome, "error": error, "counts": counts_of(connection, [run_id])[run_id]}
    connection.execute(update(t.runs).where(t.runs.c.run_id == run_id).values(values))
