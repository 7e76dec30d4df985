"""What the core needs from the outside, and what it may rely on. One contract suite per port, in tests/contracts."""

from capstone.ports.capturing import (
    NOTHING_NOTED,
    CaptureBatch,
    CaptureLedger,
    ItemOutcome,
    ManifestRef,
    Noted,
    Quarantined,
    Reclassification,
    Run,
    ServerSlots,
)
from capstone.ports.culling import ProposalLedger
from capstone.ports.index import SearchIndex
from capstone.ports.ledger import AccountTotals, AuditLog, Outbox, RecordLedger, RegisterLedger, SourceGap
from capstone.ports.mail import CheckableSource, FolderSeen, HeldItems, MailSource, SourceCheck, holds_nothing
from capstone.ports.replaying import REPLAY, HeldRecord, ReplayLedger
from capstone.ports.store import ExportTarget, GuardChange, ObjectRef, PutRequest, RecordStore, VersionSeen
from capstone.ports.work import Clock, Holders, Workers

__all__ = [
    "NOTHING_NOTED", "REPLAY", "AccountTotals", "AuditLog", "CaptureBatch", "CaptureLedger", "CheckableSource", "Clock",
    "ExportTarget", "FolderSeen", "GuardChange", "HeldItems", "HeldRecord", "Holders", "ItemOutcome", "MailSource",
    "ManifestRef", "Noted", "ObjectRef", "Outbox", "ProposalLedger", "PutRequest", "Quarantined", "Reclassification",
    "RecordLedger", "RecordStore", "RegisterLedger", "ReplayLedger", "Run", "SearchIndex", "ServerSlots", "SourceCheck",
    "SourceGap", "VersionSeen", "Workers", "holds_nothing",
]  # fmt: skip
