"""The whole ledger of one database, port by port."""

from __future__ import annotations

from sqlalchemy import Engine

from connectors.ledger import schema
from connectors.ledger.audit import SqlAuditLog
from connectors.ledger.capture import SqlCaptureLedger
from connectors.ledger.engine import open_engine
from connectors.ledger.outbox import SqlOutbox
from connectors.ledger.records import SqlRecordLedger
from connectors.ledger.register import SqlRegisterLedger


class SqlLedger:
    """The five ports of the ledger on one engine: `capture`, `records`, `register`, `outbox`, `audit`."""

    def __init__(self, engine: Engine) -> None:
        """Uses the engine of `open_engine`; nothing is read yet."""
        self._engine = engine
        self.capture = SqlCaptureLedger(engine)
        self.records = SqlRecordLedger(engine)
        self.register = SqlRegisterLedger(engine)
        self.outbox = SqlOutbox(engine)
        self.audit = SqlAuditLog(engine)

    def check(self, *, every_page: bool = False) -> None:
        """Raise NotInitialised, LedgerDamaged or LedgerUnavailable unless the ledger can be used as it stands."""
        schema.check(self._engine, every_page=every_page)

    def close(self) -> None:
        """Close all connections; the next use opens new ones."""
        self._engine.dispose()


def create_ledger(url: str) -> SqlLedger:
    """Make the ledger of this URL (sqlite:///file or postgresql+driver://...) where it is not there yet, and open it."""
    schema.create(url)
    return open_ledger(url)


def open_ledger(url: str) -> SqlLedger:
    """The ledger of this URL. A missing one is found at its first use or by `check`: NotInitialised."""
    return SqlLedger(open_engine(url))
