"""How the archive stands: per account and in all, with the latest runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from capstone.domain.coverage import what_is_lacking
from capstone.domain.register_facts import AccountFact
from capstone.ports import AccountTotals, ItemOutcome, Outbox, RecordLedger, RegisterLedger, Run, SourceGap


@dataclass(frozen=True, slots=True)
class Status:
    """Every registered account, also one without mail; totals are the sums of the lines."""

    accounts: list[AccountTotals]
    runs: list[Run]
    pending: int
    twins: Mapping[str, int] = field(default_factory=dict)
    """By account, how many records have the content of another one: likely copies, which are all kept."""
    gaps: Sequence[SourceGap] = ()
    """What sources could not reach, as their newest runs know."""

    def as_dict(self) -> dict[str, object]:
        """As `--json` prints it."""
        totals = {name: sum(getattr(one, name) for one in self.accounts) for name in _SUMMED}
        totals["twins"] = sum(self.twins.values())
        return {
            "accounts": [{**_account_as_dict(one), "twins": self.twins.get(one.account, 0)} for one in self.accounts],
            "totals": totals,
            "not_yet_indexed": self.pending,
            "runs": [_run_as_dict(run) for run in self.runs],
            "gaps": [_gap_as_dict(gap) for gap in self.gaps],
        }


_SUMMED = ("messages", "bytes", "permanent", "temporary", "unscheduled", "quarantined")


def status(records: RecordLedger, register: RegisterLedger, outbox: Outbox, run_limit: int = 20) -> Status:
    """Read from the ledger alone."""
    found = {one.account: one for one in records.totals()}
    state = register.state()
    described = {fact.account for fact in state.facts if isinstance(fact, AccountFact)}
    for account in described | {row.account for row in state.designations}:
        found.setdefault(account, AccountTotals(account, 0, 0, 0, 0, 0, 0, None))
    accounts, runs = [found[account] for account in sorted(found)], records.runs(limit=run_limit)
    return Status(accounts, runs, outbox.pending(), records.twins(), records.gaps())


@dataclass(frozen=True, slots=True)
class ClassLine:
    """How many records of an account share class, item, cutoff and eligibility."""

    account: str
    record_class: str
    item: str | None
    cutoff: date | None
    eligible: date | None
    records: int


@dataclass(frozen=True, slots=True)
class Overview:
    """What a Records Officer wants to see: what was offered and what became of it, and by class."""

    status: Status
    latest: list[Run]
    """The newest run of every account and source."""
    refused: list[tuple[str, ItemOutcome]]
    """(account, item) of those runs that are not in the archive."""
    classes: list[ClassLine]


def overview(records: RecordLedger, register: RegisterLedger, outbox: Outbox) -> Overview:
    """Read from the ledger alone."""
    latest = _latest(records.runs(limit=10_000))
    account_of = {run.run_id: run.account for run in latest}
    refused = [(account_of[run_id], item) for run_id, item in records.refused(list(account_of))]
    return Overview(status(records, register, outbox), latest, refused, [ClassLine(*line) for line in records.breakdown()])


def _latest(runs: Iterable[Run]) -> list[Run]:
    newest: dict[tuple[str, str], Run] = {}
    for run in runs:
        newest.setdefault((run.account, run.source), run)
    return [newest[key] for key in sorted(newest)]


def _account_as_dict(one: AccountTotals) -> dict[str, object]:
    told: dict[str, object] = {name: getattr(one, name) for name in ("account", *_SUMMED)}
    return {**told, "last_capture": _iso(one.last_capture)}


def _run_as_dict(run: Run) -> dict[str, object]:
    told: dict[str, object] = {"run": run.run_id, "account": run.account, "source": run.source, "outcome": run.outcome}
    told["offered"] = sum(run.counts.values())
    return {**told, "error": run.error, "started_at": _iso(run.started_at), "ended_at": _iso(run.ended_at), **run.counts}


def _gap_as_dict(gap: SourceGap) -> dict[str, object]:
    told: dict[str, object] = {"account": gap.account, "source": gap.source, "run": gap.run_id}
    return {**told, "what": what_is_lacking(gap.note.code), **gap.note.as_dict()}


def _iso(instant: date | None) -> str | None:
    return None if instant is None else instant.isoformat()
