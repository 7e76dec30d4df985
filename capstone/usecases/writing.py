"""Become the one writer of an account: whoever adds manifests for it holds its lease."""

from __future__ import annotations

import structlog

from capstone.domain.errors import AccountBusy
from capstone.ports import CaptureLedger, Clock, Holders

log = structlog.get_logger()


def become_writer(ledger: CaptureLedger, holders: Holders, clock: Clock, account: str, lease_s: int) -> str:
    """Take the account's lease, also from a process that died with it; who now holds it. Raises AccountBusy."""
    holder = holders.name()
    try:
        ledger.take_lease(account, holder, clock.now(), lease_s)
    except AccountBusy as busy:
        if not holders.is_gone(busy.holder):
            raise
        log.warning("lease_taken_over", account=account, holder=busy.holder)
        ledger.give_back_lease(account, busy.holder)
        ledger.take_lease(account, holder, clock.now(), lease_s)
    return holder
