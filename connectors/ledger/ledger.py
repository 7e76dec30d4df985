"""The whole ledger of one database, port by port."""

from __future__ import annotations

from sqlalchemy import Engine

from connectors.ledger import schema
from connectors.ledger.audit import SqlAuditLog
from connectors.ledger.capture import SqlCaptureLedger
from connectors.ledger.culling import SqlProposalLedger
from connectors.ledger.engine import WAIT_S, open_engine, role_of
from connectors.ledger.outbox import SqlOutbox
from connectors.ledger.records import SqlRecordLedger
from connectors.ledger.register import SqlRegisterLedger
from connectors.ledger.replaying import SqlReplayLedger
from connectors.ledger.slots import SqlServerSlots


class SqlLedger:
    """The ports on one engine: `capture`, `records`, `register`, `replaying`, `culling`, `outbox`, `audit`, `slots`."""

    def __init__(self, engine: Engine) -> None:
        """Uses the engine of `open_engine`; nothing is read yet."""
        self._engine = engine
        self.capture = SqlCaptureLedger(engine)
        self.records = SqlRecordLedger(engine)
        self.register = SqlRegisterLedger(engine)
        self.replaying = SqlReplayLedger(engine)
        self.culling = SqlProposalLedger(engine)
        self.outbox = SqlOutbox(engine)
        self.audit = SqlAuditLog(engine)
        self.slots = SqlServerSlots(engine)

    def check(self, *, every_page: bool = False) -> None:
        """Raise NotInitialised, LedgerDamaged, LedgerUnavailable or BadSettings unless the ledger can be used as it stands."""
        schema.check(self._engine, every_page=every_page)

    def is_empty(self) -> bool:
        """Whether the ledger keeps nothing yet; leases and slots do not count. Raises as `check`, but not for missing tables."""
        return schema.is_empty(self._engine)

    def close(self) -> None:
        """Close all connections; the next use opens new ones."""
        self._engine.dispose()


def create_ledger(
    url: str, *, owner_url: str | None = None, reading_role: str | None = None, wait_s: float = WAIT_S
) -> SqlLedger:
    """Make the ledger of this URL where it is not there yet, bring an older one to the present version, and open it.

    With `owner_url` (PostgreSQL) the tables belong to the user of that URL, and the user of `url` may read and add, but never
    rewrite history; that it gets in is checked. `reading_role` may only read. Safe to repeat. Raises as `check` does.
    """
    working_role = None if owner_url is None else role_of(url)
    schema.create(owner_url or url, working_role=working_role, reading_role=reading_role, wait_s=wait_s)
    opened = open_ledger(url, wait_s)
    if owner_url is not None:
        opened.check()  # two URLs may name two databases, or the working role may not get in
    return opened


def open_ledger(url: str, wait_s: float = WAIT_S) -> SqlLedger:
    """The ledger of this URL (sqlite:///file or postgresql://user@host/database); nothing is read yet.

    A missing one is found at its first use or by `check`: NotInitialised. No transaction waits longer than `wait_s` for another.
    """
    return SqlLedger(open_engine(url, wait_s))
