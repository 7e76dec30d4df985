"""Capture of several accounts, one after the other, so that a failure of one leaves the others done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from capstone.domain.errors import CapstoneError, RunFailed
from dags.run_errors import told
from dags.run_summary import Summary

CAPTURES = Summary(
    names=("account", "source"), counts=("offered", "archived", "already_held", "quarantined", "excluded", "failed")
)
"""How a capture is told."""


class Report(Protocol):
    """What the archive says of one run."""

    @property
    def error(self) -> CapstoneError | None:
        """The named error that ended the run, if any."""
        ...

    def as_counts(self) -> Mapping[str, object]:
        """Ids and counts."""
        ...


class Captures(Protocol):
    """The one thing that this needs of the archive."""

    def capture(self, account: str) -> Sequence[Report]:
        """Capture every source of the account: one report each. Raises CapstoneError for what concerns the whole account."""
        ...


def capture_accounts(archive: Captures, accounts: Sequence[str]) -> tuple[list[dict[str, object]], CapstoneError | None]:
    """Counts of every source of every account, and the error to end the task with, if an account failed.

    An error that a retry can mend is preferred: a repeated capture stores nothing twice.
    """
    rows: list[dict[str, object]] = []
    errors: list[CapstoneError] = []
    for account in accounts:
        try:
            reports = archive.capture(account)
        except CapstoneError as error:
            rows.append(CAPTURES.failed_row(account, told(error)))
            errors.append(error)
            continue
        for report in reports:
            row = dict(report.as_counts())
            if row["outcome"] != "complete":
                errors.append(report.error or RunFailed(f"{row['failed']} items of {account} failed."))
            rows.append(row | {"error": told(errors[-1]) if row["outcome"] != "complete" else ""})
    return rows, next((error for error in errors if error.retryable), errors[0] if errors else None)
