"""Take in manifests that are in the store and not in the ledger: after a crash, and when a ledger is made anew."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import structlog

from capstone.domain.errors import FixityMismatch
from capstone.domain.fixity import digest_of
from capstone.domain.layout import is_manifest_key, manifest_months
from capstone.domain.manifest import read_manifest
from capstone.ports import CaptureLedger, ManifestRef, RecordStore, Run
from capstone.usecases.decide import batch_of

log = structlog.get_logger()


def adopt_manifests(store: RecordStore, ledger: CaptureLedger, account: str, now: datetime, outcome: str = "abandoned") -> int:
    """Commit every manifest of the account that is newer than the ledger's last one. Says how many items that were.

    Raises FixityMismatch where the chain does not hold: a manifest is damaged, missing or from another chain.
    """
    last, items, runs = ledger.last_manifest(account), 0, set()
    for key in _newer(store, account, last, now):
        raw = store.get(key)
        head, lines = read_manifest(raw)
        manifest = ManifestRef(account, key, digest_of(raw))
        if head.account != account or head.previous != (last.digest if last else None):
            raise FixityMismatch(f"The manifest {key} does not follow the one before it.")
        if head.run_id not in runs and head.number == 0:
            ledger.start_run(Run(head.run_id, account, head.source, head.at))
        ledger.commit(batch_of(head.run_id, head.at, manifest, lines))
        runs.add(head.run_id)
        last, items = manifest, items + len(lines)
    for run_id in sorted(runs):
        ledger.finish_run(run_id, now, outcome, None)
        log.warning("manifests_adopted", account=account, run=run_id)
    return items


def _newer(store: RecordStore, account: str, last: ManifestRef | None, now: datetime) -> Iterator[str]:
    for prefix in manifest_months(account, last.key if last else None, now):
        yield from (key for key in store.list_keys(prefix) if is_manifest_key(key) and (last is None or key > last.key))
