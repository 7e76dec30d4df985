"""Take officials into the register: check, write the decision to the store, then the ledger. Nothing is overwritten."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import structlog

from capstone.domain.fixity import digest_of
from capstone.domain.officials import designation_as_dict
from capstone.domain.officials_csv import OfficialsFile, read_officials
from capstone.domain.register import Notice, RegisterChange, diff_register
from capstone.domain.register_change import Change, Planned, planned
from capstone.domain.register_checks import errors_in, warnings_in
from capstone.domain.register_facts import RegisterState, fact_as_dict, fact_id
from capstone.usecases.anchor import anchor
from capstone.usecases.decisions import RegisterParts, adopt_decisions, decide

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
class ChangeReport:
    """What became of a change: the number of its decision, None where it would change nothing, and what is worth a look."""

    decision: int | None
    change: Change
    warnings: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, object]:
        """As `--json` prints it."""
        rows = [designation_as_dict(row) for row in self.change.designations]
        facts = [{"fact_id": fact_id(fact), **fact_as_dict(fact)} for fact in self.change.facts]
        told = {"decision": self.decision, "designations": rows, "facts": facts}
        return {**told, "superseded": dict(self.change.superseded), "warnings": list(self.warnings)}


def plan_officials(
    parts: RegisterParts, data: bytes, internal_domains: frozenset[str]
) -> tuple[OfficialsFile, RegisterChange, Planned]:
    """What taking in a CSV of officials would change; nothing is changed. A row that is not in the file is left as it is.

    Raises BadOfficialsFile with every bad row, RegisterContradiction where file and register exclude each other.
    """
    today = _today(parts)
    file = read_officials(data, internal_domains, today)
    state = parts.register.state()
    change = diff_register(state.designations, file.designations)
    return file, change, planned(state, Change(change.new_rows, superseded=change.superseded), today)


def import_officials(
    parts: RegisterParts, data: bytes, actor: str, internal_domains: frozenset[str], reason: str = ""
) -> ImportReport:
    """All rows or none, as `plan_officials` says. The same file again changes nothing. Raises DecidedMeanwhile too."""
    adopt_decisions(parts)
    expected = parts.register.next_decision()
    file, change, plan = plan_officials(parts, data, internal_domains)
    known = {notice.message for notice in (*file.warnings, *change.warnings)}
    beside = [notice for notice in plan.warnings if notice.message not in known]
    warnings = tuple(str(notice) for notice in (*file.warnings, *change.warnings, *beside))
    report = ImportReport(file.rows, len(change.added), len(change.unchanged), len(change.superseded), warnings)
    if plan.change:
        decide(parts, actor, reason, plan.change.designations, (), plan.change.superseded, expected=expected)
    details = {"rows": report.rows, "added": report.added, "superseded": report.superseded, "file": digest_of(data)}
    anchor(parts.store, parts.audit.append(parts.clock.now(), actor, KIND, details))
    log.info("officials_imported", rows=report.rows, added=report.added, superseded=report.superseded)
    return report


def plan_change(parts: RegisterParts, proposal: Callable[[RegisterState], Change]) -> Planned:
    """What a proposal would change in the register as it stands; nothing is changed. Raises as `planned` and the proposal do."""
    state = parts.register.state()
    return planned(state, proposal(state), _today(parts))


def change_register(parts: RegisterParts, actor: str, reason: str, proposal: Callable[[RegisterState], Change]) -> ChangeReport:
    """Decide on a proposal, under a name and a reason; one that changes nothing makes no decision.

    Raises as `plan_change`, and DecidedMeanwhile where another decision came between plan and decision.
    """
    adopt_decisions(parts)
    expected = parts.register.next_decision()
    plan = plan_change(parts, proposal)
    warnings = tuple(map(str, plan.warnings))
    if not plan.change:
        return ChangeReport(None, plan.change, warnings)
    change = plan.change
    made = decide(parts, actor, reason, change.designations, change.facts, change.superseded, expected=expected)
    return ChangeReport(made.number, change, warnings)


@dataclass(frozen=True, slots=True)
class RegisterCheck:
    """What is wrong with the register as a whole, and what is worth a look."""

    errors: tuple[Notice, ...]
    warnings: tuple[Notice, ...]

    def as_dict(self) -> dict[str, object]:
        """As `--json` prints it."""
        return {
            name: [{"message": one.message, "ids": list(one.ids)} for one in notices]
            for name, notices in (("errors", self.errors), ("warnings", self.warnings))
        }


def check_register(parts: RegisterParts) -> RegisterCheck:
    """Judge all that is in force together, whatever was pointed out when it was taken in."""
    state = parts.register.state()
    return RegisterCheck(tuple(errors_in(state)), tuple(warnings_in(state, _today(parts))))


def history(parts: RegisterParts, known_on: datetime | None = None) -> list[dict[str, object]]:
    """Every designation and fact ever taken in and every approval, by decision: when, by whom, why, and what superseded it.

    With `known_on`, as it was at that instant.
    """
    decisions = [one for one in parts.register.decisions() if known_on is None or one.at <= known_on]
    ends: dict[str, list[tuple[int, str]]] = {}
    for made in decisions:
        for old, new in made.superseded.items():
            ends.setdefault(old, []).append((made.number, new))
    told: list[dict[str, object]] = []
    for made in decisions:
        head = {"decision": made.number, "at": made.at.isoformat(), "actor": made.actor, "reason": made.reason}
        for row in made.designations:
            later = _superseded_by(ends.get(row.designation_id, ()), made.number)
            told.append({**head, "designation": designation_as_dict(row), "superseded_by": later})
        for fact in made.facts:
            later = _superseded_by(ends.get(fact_id(fact), ()), made.number)
            told.append({**head, "fact_id": fact_id(fact), "fact": fact_as_dict(fact), "superseded_by": later})
        if made.approves is not None:
            told.append({**head, "approves": made.approves})
        told += [{**head, "removed": old} for old, new in sorted(made.superseded.items()) if not new]
    return told


def _superseded_by(ends: Sequence[tuple[int, str]], decision: int) -> str | None:
    return next((new for later, new in ends if later > decision), None)


def _today(parts: RegisterParts) -> date:
    return parts.clock.now().astimezone(parts.zone).date()
