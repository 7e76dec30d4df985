"""Replay of several accounts, one after the other, so that a failure of one leaves the others done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from capstone.domain.errors import CapstoneError, RunFailed
from dags.run_errors import told
from dags.run_summary import Summary

REPLAYS = Summary(names=("account",), counts=("checked", "changed", "longer", "shorter", "waiting_for_approval", "failed"))
"""How a replay is told."""


class Report(Protocol):
    """What the archive says of one account."""

    @property
    def error(self) -> CapstoneError | None:
        """The named error that ended it, if any."""
        ...

    @property
    def is_clean(self) -> bool:
        """Whether nothing failed."""
        ...

    def as_counts(self) -> Mapping[str, object]:
        """Ids and counts."""
        ...


class Replays(Protocol):
    """The one thing that this needs of the archive."""

    def replay(self, account: str) -> Report:
        """Replay the account. Raises CapstoneError for what came before it began."""
        ...


def replay_accounts(archive: Replays, accounts: Sequence[str]) -> tuple[list[dict[str, object]], CapstoneError | None]:
    """Counts of every account, and the error to end the task with, if one failed.

    An error that a retry can mend is preferred: a repeated replay passes over what is done.
    """
    rows: list[dict[str, object]] = []
    errors: list[CapstoneError] = []
    for account in accounts:
        try:
            report = archive.replay(account)
        except CapstoneError as error:
            rows.append(REPLAYS.failed_row(account, told(error)))
            errors.append(error)
            continue
        row = {name: value for name, value in report.as_counts().items() if name in REPLAYS.columns}
        if not report.is_clean:
            errors.append(report.error or RunFailed(f"{row['failed']} records of {account} could not be changed."))
        rows.append(row | {"outcome": "complete", "error": ""} if report.is_clean else row | _failed(errors[-1]))
    return rows, next((error for error in errors if error.retryable), errors[0] if errors else None)


def _failed(error: CapstoneError) -> dict[str, object]:
    return {"outcome": "failed", "error": told(error)}
