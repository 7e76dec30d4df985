"""The ledger as everyone reads it: records, runs, quarantine, totals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, datetime

from sqlalchemy import Connection, Engine, func, or_, select

from capstone.domain.message import Place
from capstone.domain.records import Classification, KeptBeside, RecordEntry
from capstone.ports import REPLAY, AccountTotals, ItemOutcome, Quarantined, Run, SourceGap
from connectors.ledger import tables as t
from connectors.ledger.capture import CLASS_COLUMNS, WITH_CLASS, counts_of, with_occurrences
from connectors.ledger.engine import reading
from connectors.ledger.notes import notes_of, standing_gaps
from connectors.ledger.rows import (
    by_account,
    rows_read,
    to_classification,
    to_kept_beside,
    to_outcome,
    to_quarantined,
    to_record,
    to_run,
)
from connectors.ledger.statements import among


class SqlRecordLedger:
    """A RecordLedger on a SQL database."""

    def __init__(self, engine: Engine) -> None:
        """Uses the engine of `open_engine`."""
        self._engine = engine

    def record(self, record_id: str) -> RecordEntry | None:
        """One record with its present class and all occurrences."""
        account, _, digest = record_id.partition("/")
        wanted = WITH_CLASS.where(t.records.c.account == account, t.records.c.digest == digest)
        with reading(self._engine) as connection, rows_read():
            entries = with_occurrences(connection, connection.execute(wanted).all())
        return next(iter(entries), None)

    def records(self, account: str | None = None, page_size: int = 1000) -> Iterator[RecordEntry]:
        """All records, in the order of their ids, without occurrences. Each page is a view of its own."""
        accounts = [account] if account is not None else self._accounts()
        for one in accounts:
            last = ""
            while page := self._page(one, last, page_size):
                yield from page
                last = page[-1].digest

    def entries(self, record_ids: Sequence[str]) -> list[RecordEntry]:
        """Those of the ids that exist, in the order asked for, without occurrences."""
        found: dict[str, RecordEntry] = {}
        with reading(self._engine) as connection, rows_read():
            for account, digests in by_account(record_ids).items():
                found.update((entry.record_id, entry) for entry in _of_account(connection, account, digests))
        return [found[record_id] for record_id in dict.fromkeys(record_ids) if record_id in found]

    def beside(self, record_ids: Sequence[str]) -> dict[str, tuple[KeptBeside, ...]]:
        """What is kept beside each of these records, in the order in which it came."""
        c, r = t.companions.c, t.records.c
        found: dict[str, list[KeptBeside]] = {}
        with reading(self._engine) as connection, rows_read():
            for account, digests in by_account(record_ids).items():
                for of_them in among(connection, r.digest, digests):
                    kept = select(r.digest.label("of_digest"), t.companions).join(t.records, c.record_no == r.record_no)
                    wanted = kept.where(r.account == account, of_them).order_by(c.record_no, c.manifest_no, c.kind, c.digest)
                    for row in connection.execute(wanted):
                        found.setdefault(f"{account}/{row.of_digest}", []).append(to_kept_beside(row))
        return {record_id: tuple(kept) for record_id, kept in found.items()}

    def records_beside(self, account: str, digests: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """See RecordLedger. The account is compared here: asked for it, SQLite begins with all of the account's records."""
        c, r = t.companions.c, t.records.c
        found: dict[str, set[str]] = {}
        with reading(self._engine) as connection:
            for of_them in among(connection, c.digest, sorted(set(digests))):
                known = select(c.digest, r.account, r.digest).join_from(t.companions, t.records, c.record_no == r.record_no)
                for kept, of_account, record in connection.execute(known.where(of_them)):
                    if of_account == account:
                        found.setdefault(kept, set()).add(record)
        return {kept: tuple(sorted(records)) for kept, records in found.items()}

    def class_history(self, record_id: str) -> list[tuple[datetime, Classification]]:
        """Every class it ever had, oldest first."""
        account, _, digest = record_id.partition("/")
        c, r = t.classifications.c, t.records.c
        every = select(t.manifests.c.taken_at, *CLASS_COLUMNS).join(t.records, c.record_no == r.record_no).join(t.manifests)
        wanted = every.where(r.account == account, r.digest == digest).order_by(c.number)
        with reading(self._engine) as connection, rows_read():
            return [(taken_at, to_classification(values)) for taken_at, *values in connection.execute(wanted)]

    def totals(self) -> list[AccountTotals]:
        """Per account, in order of account. `last_capture` is when the last batch was taken in or the last complete run
        ended, whichever is later; quarantined bytes that belong to no account stand under account ""."""
        with reading(self._engine) as connection:
            held = _held(connection)
            quarantined = _quarantined_by_account(connection)
            last = _last_captures(connection)
        nothing = (0, 0, 0, 0, 0)
        return [
            AccountTotals(account, *held.get(account, nothing), quarantined.get(account, 0), last.get(account))
            for account in sorted(held.keys() | quarantined.keys() | last.keys())
        ]

    def twins(self) -> dict[str, int]:
        """By account, how many records share their content key with another record of the account."""
        r = t.records.c
        same = select(r.account, func.count().label("number")).where(r.content_key != "")
        shared = same.group_by(r.account, r.content_key).having(func.count() > 1).subquery()
        counted = select(shared.c.account, func.sum(shared.c.number)).group_by(shared.c.account).order_by(shared.c.account)
        with reading(self._engine) as connection:
            return {account: int(number) for account, number in connection.execute(counted)}

    def twins_of(self, record_id: str, limit: int = 100) -> list[RecordEntry]:
        """The other records of the account with the same content key. Reads through all records of the account."""
        account, _, digest = record_id.partition("/")
        r = t.records.c
        key = select(r.content_key).where(r.account == account, r.digest == digest, r.content_key != "").scalar_subquery()
        others = WITH_CLASS.where(r.account == account, r.digest != digest, r.content_key == key)
        with reading(self._engine) as connection, rows_read():
            return [to_record(row) for row in connection.execute(others.order_by(r.digest).limit(limit))]

    def runs(self, account: str | None = None, limit: int = 100) -> list[Run]:
        """The newest runs first; the counts of one that is under way are those of its batches so far."""
        newest = select(t.runs).order_by(t.runs.c.started_at.desc(), t.runs.c.run_id.desc()).limit(limit)
        if account is not None:
            newest = newest.where(t.runs.c.account == account)
        with reading(self._engine) as connection:
            rows = connection.execute(newest).all()
            open_counts = counts_of(connection, [row.run_id for row in rows if row.counts is None])
            notes = notes_of(connection, [row.run_id for row in rows])
        counts = (open_counts[row.run_id] if row.counts is None else row.counts for row in rows)
        return [to_run(row, counted, notes.get(row.run_id, ())) for row, counted in zip(rows, counts, strict=True)]

    def gaps(self) -> list[SourceGap]:
        """Those that stand, from an index of them alone."""
        with reading(self._engine) as connection, rows_read():
            return standing_gaps(connection)

    def refused(self, run_ids: Sequence[str]) -> list[tuple[str, ItemOutcome]]:
        """(run id, item) of those runs' items that are excluded, quarantined or failed, by run id, as they were offered."""
        found: list[tuple[str, ItemOutcome]] = []
        with reading(self._engine) as connection, rows_read():
            for of_them in among(connection, t.items.c.run_id, sorted(set(run_ids))):
                wanted = select(t.items).where(of_them, t.REFUSED)
                rows = connection.execute(wanted.order_by(t.items.c.run_id, t.items.c.seq))
                found.extend((row.run_id, to_outcome(row)) for row in rows)
        return found

    def places(self, account: str, source: str) -> set[Place]:
        """Where the source showed what the account holds."""
        o = t.occurrences.c
        wanted = select(o.folder, o.item_id).join_from(t.records, t.occurrences).where(t.records.c.account == account)
        with reading(self._engine) as connection:
            return {Place(source, folder, item_id) for folder, item_id in connection.execute(wanted.where(o.source == source))}

    def quarantine(self) -> list[Quarantined]:
        """All that lies in quarantine, by source, account, item id and digest."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(t.quarantine)).all()
        return sorted(map(to_quarantined, rows), key=lambda kept: (kept.source, kept.account, kept.item_id, kept.digest))

    def breakdown(self) -> list[tuple[str, str, str | None, date | None, date | None, int]]:
        """(account, class, item, cutoff, eligible, number of records); what is not known sorts first."""
        c = t.classifications.c
        # Not the account first: SQLite would follow its index and fetch the records one by one, out of order.
        columns = (c.record_class, c.item, c.cutoff, c.eligible, t.records.c.account)
        counted = WITH_CLASS.with_only_columns(*columns, func.count()).group_by(*columns)
        with reading(self._engine) as connection:
            rows = [(row[4], *row[:4], row[5]) for row in connection.execute(counted)]
        return sorted(rows, key=lambda row: [(part is not None, part) for part in row])

    def _accounts(self) -> list[str]:
        """Accounts that have records, in the order of their record ids: "a-b/..." comes before "a/..."."""
        accounts: list[str] = []
        last = ""
        with reading(self._engine) as connection:
            while last is not None:
                last = connection.scalar(select(func.min(t.records.c.account)).where(t.records.c.account > last))
                accounts.append(last)
        return sorted(accounts[:-1], key=lambda account: f"{account}/")

    def _page(self, account: str, after: str, size: int) -> list[RecordEntry]:
        r = t.records.c
        page = WITH_CLASS.where(r.account == account, r.digest > after).order_by(r.digest).limit(size)
        with reading(self._engine) as connection, rows_read():
            return [to_record(row) for row in connection.execute(page).all()]


def _of_account(connection: Connection, account: str, digests: Sequence[str]) -> Iterator[RecordEntry]:
    for of_them in among(connection, t.records.c.digest, digests):
        wanted = WITH_CLASS.where(t.records.c.account == account, of_them)
        yield from map(to_record, connection.execute(wanted).all())


def _held(connection: Connection) -> dict[str, tuple[int, int, int, int, int]]:
    """account: (messages, bytes, permanent, temporary, unscheduled)."""
    columns = (t.classifications.c.record_class, t.records.c.account)
    grouped = WITH_CLASS.with_only_columns(*columns, func.count(), func.sum(t.records.c.size_bytes)).group_by(*columns)
    numbers: dict[str, Counter[str]] = {}
    for record_class, account, messages, size in connection.execute(grouped):
        numbers.setdefault(account, Counter()).update({"messages": messages, "bytes": int(size), record_class: messages})
    return {
        account: (found["messages"], found["bytes"], found["permanent"], found["temporary"], found["unscheduled"])
        for account, found in numbers.items()
    }


def _quarantined_by_account(connection: Connection) -> dict[str, int]:
    q = t.quarantine.c
    return {row[0]: row[1] for row in connection.execute(select(q.account, func.count()).group_by(q.account))}


def _last_captures(connection: Connection) -> dict[str, datetime]:
    m, r = t.manifests.c, t.runs.c
    is_capture = or_(r.source.is_(None), r.source != REPLAY)
    batches = select(m.account, func.max(m.taken_at)).outerjoin(t.runs, m.run_id == r.run_id).where(is_capture)
    batches = batches.group_by(m.account)
    complete = select(r.account, func.max(r.ended_at)).where(r.outcome == "complete", is_capture).group_by(r.account)
    last: dict[str, datetime] = {}
    for account, at in (*connection.execute(batches), *connection.execute(complete)):
        last[account] = max(at, last.get(account, at))
    return last
