"""Make ledger and index anew from the store alone."""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from capstone.domain.errors import FixityMismatch
from capstone.domain.layout import NO_ACCOUNT, is_manifest_key
from capstone.ports import AuditLog, CaptureLedger, Clock, Outbox, RecordStore, SearchIndex
from capstone.usecases.adopt import adopt_manifests
from capstone.usecases.anchor import anchor, anchors
from capstone.usecases.decisions import RegisterParts, adopt_decisions

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class RebuildReport:
    """What was made anew."""

    decisions: int = 0
    accounts: int = 0
    items: int = 0
    documents_due: int = 0

    def as_dict(self) -> dict[str, object]:
        """As `--json` prints it."""
        told: dict[str, object] = {"decisions": self.decisions, "accounts": self.accounts, "items": self.items}
        return {**told, "documents_due": self.documents_due}


@dataclass(frozen=True, slots=True)
class RebuildParts:
    """What rebuilding works with. The ledger is new and empty."""

    store: RecordStore
    capture: CaptureLedger
    register: RegisterParts
    audit: AuditLog
    clock: Clock


def rebuild_ledger(parts: RebuildParts, actor: str) -> RebuildReport:
    """Decisions first, then every account's manifests in their order. The new audit chain names the head of the old one.

    Raises FixityMismatch where decisions or manifests are missing or damaged.
    """
    last = max(anchors(parts.store), default=(0, "", None))
    entry = parts.audit.append(parts.clock.now(), actor, "rebuild", {"after_seq": last[0], "after_digest": last[1]})
    decisions = adopt_decisions(parts.register, is_rebuild=True)
    accounts = _accounts(parts.store)
    if set(accounts) - {NO_ACCOUNT} and not decisions:
        # Mail of accounts is captured for registered ones only, so a register that is not there was lost.
        raise FixityMismatch("The store holds manifests and no decision: the register of officials was lost with them.")
    items = sum(adopt_manifests(parts.store, parts.capture, account, parts.clock.now(), "rebuilt") for account in accounts)
    anchor(parts.store, entry)
    log.info("ledger_rebuilt", decisions=decisions, accounts=len(accounts), items=items)
    return RebuildReport(decisions, len(accounts), items)


def rebuild_index(index: SearchIndex, outbox: Outbox) -> RebuildReport:
    """Empty the index and make every record due; `index_pending` then reads them back from the store.

    They become due before, so that a crash leaves no empty index that counts as complete; and again after, as another
    process may have filled the old index meanwhile.
    """
    outbox.enqueue_all()
    index.reset()
    due = outbox.enqueue_all()
    log.info("index_reset", documents_due=due)
    return RebuildReport(documents_due=due)


def _accounts(store: RecordStore) -> list[str]:
    return sorted({key.split("/")[1] for key in store.list_keys("manifests/") if is_manifest_key(key)})
