"""The audit chain on a SQL database."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime

from sqlalchemy import Engine, select

from capstone.domain.events import GENESIS, AuditEntry, link
from connectors.ledger import tables as t
from connectors.ledger.column_types import as_utc
from connectors.ledger.engine import one_at_a_time, reading, writing
from connectors.ledger.rows import AnyRow, rows_read
from connectors.ledger.statements import add_rows

_PAGE = 1000


class SqlAuditLog:
    """An AuditLog on a SQL database."""

    def __init__(self, engine: Engine) -> None:
        """Uses the engine of `open_engine`."""
        self._engine = engine

    def append(self, at: datetime, actor: str, event: str, details: Mapping[str, object]) -> AuditEntry:
        """Add a link; the last one is read and the new one written in one transaction. `at` is kept in UTC.

        Raises TypeError where `details` hold what JSON cannot say.
        """
        kept = _as_json(details)
        last = select(t.audit.c.seq, t.audit.c.digest).order_by(t.audit.c.seq.desc()).limit(1)
        with writing(self._engine) as connection:
            one_at_a_time(connection, "audit")
            row = connection.execute(last).first()
            seq, previous = (1, GENESIS) if row is None else (row.seq + 1, row.digest)
            entry = link(seq, as_utc(at), actor, event, json.loads(kept), previous)
            add_rows(connection, t.audit, [_row(entry, kept)])
        return entry

    def entries(self, from_seq: int = 1) -> Iterator[AuditEntry]:
        """The chain in order; each page is a view of its own."""
        while page := self._page(from_seq):
            yield from page
            from_seq = page[-1].seq + 1

    def _page(self, from_seq: int) -> list[AuditEntry]:
        page = select(t.audit).where(t.audit.c.seq >= from_seq).order_by(t.audit.c.seq).limit(_PAGE)
        with reading(self._engine) as connection, rows_read():
            return [_entry(row) for row in connection.execute(page)]


def _as_json(details: Mapping[str, object]) -> str:
    """The text that is kept. Read back, it gives what the digest is taken over: string keys, lists for tuples."""
    plain = json.loads(json.dumps(dict(details)))
    return json.dumps(plain, sort_keys=True, separators=(",", ":"))


def _row(entry: AuditEntry, details: str) -> dict[str, object]:
    return {
        "seq": entry.seq,
        "at": entry.at,
        "actor": entry.actor,
        "event": entry.event,
        "details": details,
        "previous": entry.previous,
        "digest": entry.digest,
    }


def _entry(row: AnyRow) -> AuditEntry:
    return AuditEntry(row.seq, row.at, row.actor, row.event, json.loads(row.details), row.previous, row.digest)
