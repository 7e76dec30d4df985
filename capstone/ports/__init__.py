"""What the core needs from the outside, and what it may rely on. One contract suite per port, in tests/contracts."""

from capstone.ports.capturing import (
    CaptureBatch,
    CaptureLedger,
    ItemOutcome,
    ManifestRef,
    Quarantined,
    Reclassification,
    Run,
    ServerSlots,
)
from capstone.ports.culling import ProposalLedger
from capstone.ports.index import SearchIndex
from capstone.ports.ledger import AccountTotals, AuditLog, Outbox, RecordLedger, RegisterLedger
from capstone.ports.mail import CheckableSource, FolderSeen, HeldItems, MailSource, SourceCheck, holds_nothing
from capstone.ports.replaying import REPLAY, HeldRecord, ReplayLedger
from capstone.ports.store import ExportTarget, GuardChange, ObjectRef, PutRequest, RecordStore, VersionSeen
from capstone.ports.work import Clock, Holders, Workers

__all__ = [
    "REPLAY", "AccountTotals", "AuditLog", "CaptureBatch", "CaptureLedger", "CheckableSource", "Clock", "ExportTarget",
    "FolderSeen", "GuardChange", "HeldItems", "HeldRecord", "Holders", "ItemOutcome", "MailSource", "ManifestRef",
    "ObjectRef", "Outbox", "ProposalLedger", "PutRequest", "Quarantined", "Reclassification", "RecordLedger", "RecordStore",
    "RegisterLedger", "ReplayLedger", "Run", "SearchIndex", "ServerSlots", "SourceCheck", "VersionSeen", "Workers",
    "holds_nothing",
]  # fmt: skip
