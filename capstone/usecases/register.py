"""Take officials into the register: check, write the decision to the store, then the ledger. Nothing is overwritten."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

import structlog

from capstone.domain.errors import FixityMismatch
from capstone.domain.fixity import digest_of
from capstone.domain.layout import decision_key, decision_number
from capstone.domain.officials import Designation, designation_as_dict, designation_from_dict
from capstone.domain.officials_csv import read_officials
from capstone.domain.records import Lock
from capstone.domain.register import diff_register
from capstone.ports import AuditLog, Clock, PutRequest, RecordStore, RegisterLedger
from capstone.usecases.anchor import anchor

log = structlog.get_logger()

KIND = "register_import"


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import changed. `rows` is the number of rows in the file."""

    rows: int
    added: int
    unchanged: int
    superseded: int
    warnings: tuple[str, ...]

    def as_dict(self) -> dict[str, object]:
        """As `--json` prints it."""
        counts = {"rows": self.rows, "added": self.added, "unchanged": self.unchanged, "superseded": self.superseded}
        return {**counts, "warnings": list(self.warnings)}


@dataclass(frozen=True, slots=True)
class RegisterParts:
    """What the register works with."""

    store: RecordStore
    register: RegisterLedger
    audit: AuditLog
    clock: Clock
    zone: tzinfo
    """Agency local time."""


def import_officials(parts: RegisterParts, data: bytes, actor: str, internal_domains: frozenset[str]) -> ImportReport:
    """All rows or none. Raises BadOfficialsFile with every bad row. A row that is not in the file is left as it is."""
    adopt_decisions(parts)
    file = read_officials(data, internal_domains, parts.clock.now().astimezone(parts.zone).date())
    change = diff_register(parts.register.designations(), file.designations)
    warnings = tuple(str(notice) for notice in (*file.warnings, *change.warnings))
    report = ImportReport(file.rows, len(change.added), len(change.unchanged), len(change.superseded), warnings)
    if change.new_rows:
        decide(parts, actor, change.new_rows, change.superseded)
    details = {"rows": report.rows, "added": report.added, "superseded": report.superseded, "file": digest_of(data)}
    anchor(parts.store, parts.audit.append(parts.clock.now(), actor, KIND, details))
    log.info("officials_imported", rows=report.rows, added=report.added, superseded=report.superseded)
    return report


def decide(parts: RegisterParts, actor: str, added: Sequence[Designation], superseded: Mapping[str, str]) -> None:
    """Write the next decision to the store, locked, and then take it into the ledger."""
    number, now = parts.register.next_decision(), parts.clock.now()
    told = {
        "format": 1,
        "kind": KIND,
        "number": number,
        "at": now.isoformat(),
        "actor": actor,
        "added": [designation_as_dict(row) for row in added],
        "superseded": dict(superseded),
    }
    raw = json.dumps(told, sort_keys=True, indent=1).encode()
    parts.store.put_all([PutRequest(decision_key(number, now), raw, digest_of(raw), Lock(hold=True), {})])
    parts.register.apply_designations(number, now, actor, added, superseded)


def adopt_decisions(parts: RegisterParts) -> int:
    """Apply decisions that are in the store and not in the ledger: after a crash, or into a new ledger. Says how many.

    Raises FixityMismatch, with nothing applied from there on, where a decision is damaged or one before it is missing.
    """
    first = parts.register.next_decision()
    keys = sorted((key for key in parts.store.list_keys("decisions/") if decision_number(key) >= first), key=decision_number)
    for expected, key in enumerate(keys, first):
        if decision_number(key) != expected:
            raise FixityMismatch(f"Decision {expected} is missing from the store; {key} cannot follow without it.")
        number, at, actor, added, superseded = read_decision(parts.store.get(key), key)
        parts.register.apply_designations(number, at, actor, added, superseded)
        log.warning("decision_adopted", decision=number)
    return len(keys)


def read_decision(raw: bytes, key: str) -> tuple[int, datetime, str, list[Designation], dict[str, str]]:
    """(number, at, actor, added, superseded) of a decision object. Raises FixityMismatch where the bytes are no such decision."""
    try:
        told = json.loads(raw)
        if told["format"] != 1 or told["kind"] != KIND:
            raise FixityMismatch(f"The decision {key} is of a kind this version does not know.", "Use the version that wrote it.")
        if told["number"] != decision_number(key):
            raise FixityMismatch(f"The decision {key} bears another number than its key.")
        rows = [designation_from_dict(row) for row in told["added"]]
        return int(told["number"]), datetime.fromisoformat(told["at"]), str(told["actor"]), rows, dict(told["superseded"])
    except (ValueError, KeyError, TypeError) as exc:
        raise FixityMismatch(f"The decision {key} is damaged.") from exc
