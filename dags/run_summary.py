"""The counts of one capture run, account by account: what the last task prints and judges. Counts and codes only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

Row = Mapping[str, object]
COUNTS = ("offered", "archived", "already_held", "quarantined", "excluded", "failed")
_COLUMNS = ("account", "source", *COUNTS, "outcome")
HEADING = "Counts of this run"
"""The line before the table in the log of `summary`; an empty line ends it."""

_NO_REPORT = "no report: the task ended without one, see its log"


def groups_of(accounts: Sequence[str], most: int) -> list[list[str]]:
    """The accounts in at most `most` groups: one account each as long as there are not more than `most`.

    Airflow maps a task over `[core] max_map_length` values and no more.
    """
    if not accounts:
        return []
    size = -(-len(accounts) // most)
    return [list(accounts[start : start + size]) for start in range(0, len(accounts), size)]


def failed_row(account: str, error: str) -> dict[str, object]:
    """The row of an account that has no run to report."""
    return {"account": account, "source": "-", **dict.fromkeys(COUNTS, 0), "outcome": "failed", "error": error}


def with_unreported(expected: Iterable[str], rows: Iterable[Row]) -> list[Row]:
    """The rows by account and source, with a failed row for every expected account that has none."""
    known = list(rows)
    missing = sorted(set(expected) - {str(row["account"]) for row in known})
    return sorted(
        [*known, *(failed_row(account, _NO_REPORT) for account in missing)], key=lambda r: (str(r["account"]), str(r["source"]))
    )


def failed_accounts(rows: Iterable[Row]) -> list[str]:
    """Accounts with a source that failed, sorted, each once."""
    return sorted({str(row["account"]) for row in rows if row["outcome"] != "complete"})


def as_table(rows: Sequence[Row]) -> str:
    """The rows as text: columns, a line of sums, and below them why an account failed."""
    sums = {count: sum(_number(row[count]) for row in rows) for count in COUNTS}
    total = {"account": "all", "source": "", **sums, "outcome": f"{len(failed_accounts(rows))} failed"}
    cells = [_COLUMNS, *([str(row[column]) for column in _COLUMNS] for row in (*rows, total))]
    widths = [max(len(line[number]) for line in cells) for number in range(len(_COLUMNS))]
    lines = [
        "  ".join(_padded(text, width, name) for text, width, name in zip(line, widths, _COLUMNS, strict=True)).rstrip()
        for line in cells
    ]
    reasons = [f"{row['account']} ({row['source']}): {row['error']}" for row in rows if row.get("error")]
    return "\n".join([*lines, *reasons, *_gaps(rows)])


def _gaps(rows: Iterable[Row]) -> list[str]:
    """What a source could not reach, though nothing that it offered failed."""
    return [
        f"{row['account']} ({row['source']}): not covered: {note['where']}: {note['reason'] or note['code']}"
        for row in rows
        for note in _notes(row)
        if note["is_gap"]
    ]


def _notes(row: Row) -> list[Mapping[str, object]]:
    notes = row.get("notes")
    return notes if isinstance(notes, list) else []


def _padded(text: str, width: int, column: str) -> str:
    return text.rjust(width) if column in COUNTS else text.ljust(width)


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
