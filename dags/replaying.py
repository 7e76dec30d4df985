"""Replay of several accounts, one after the other, and the counts that the last task prints and judges. Counts and codes only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from capstone.domain.errors import CapstoneError, RunFailed
from dags.run_errors import told

Row = Mapping[str, object]
COUNTS = ("checked", "changed", "longer", "shorter", "waiting_for_approval", "failed")
_COLUMNS = ("account", *COUNTS, "outcome")
_NO_REPORT = "no report: the task ended without one, see its log"


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
            rows.append(failed_row(account, told(error)))
            errors.append(error)
            continue
        row = {name: value for name, value in report.as_counts().items() if name in _COLUMNS}
        if not report.is_clean:
            errors.append(report.error or RunFailed(f"{row['failed']} records of {account} could not be changed."))
        rows.append(row | {"outcome": "complete", "error": ""} if report.is_clean else row | _failed(errors[-1]))
    return rows, next((error for error in errors if error.retryable), errors[0] if errors else None)


def failed_row(account: str, error: str) -> dict[str, object]:
    """The row of an account that has nothing to report."""
    return {"account": account, **dict.fromkeys(COUNTS, 0), "outcome": "failed", "error": error}


def with_unreported(expected: Iterable[str], rows: Iterable[Row]) -> list[Row]:
    """The rows by account, with a failed row for every expected account that has none."""
    known = list(rows)
    missing = sorted(set(expected) - {str(row["account"]) for row in known})
    return sorted([*known, *(failed_row(account, _NO_REPORT) for account in missing)], key=lambda row: str(row["account"]))


def failed_accounts(rows: Iterable[Row]) -> list[str]:
    """Accounts that failed, sorted."""
    return sorted(str(row["account"]) for row in rows if row["outcome"] != "complete")


def as_table(rows: Sequence[Row]) -> str:
    """The rows as text: columns, a line of sums, and below them why an account failed."""
    sums = {count: sum(value for row in rows if isinstance(value := row[count], int)) for count in COUNTS}
    total = {"account": "all", **sums, "outcome": f"{len(failed_accounts(rows))} failed"}
    cells = [_COLUMNS, *([str(row[column]) for column in _COLUMNS] for row in (*rows, total))]
    widths = [max(len(line[number]) for line in cells) for number in range(len(_COLUMNS))]
    lines = [
        "  ".join(
            text.rjust(width) if name in COUNTS else text.ljust(width)
            for text, width, name in zip(line, widths, _COLUMNS, strict=True)
        ).rstrip()
        for line in cells
    ]
    return "\n".join([*lines, *(f"{row['account']}: {row['error']}" for row in rows if row.get("error"))])


def _failed(error: CapstoneError) -> dict[str, object]:
    return {"outcome": "failed", "error": told(error)}
