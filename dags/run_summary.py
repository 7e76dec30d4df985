"""The counts of one run, account by account: what the last task prints and judges. Counts and codes only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from capstone.domain.snippets import safe_line

Row = Mapping[str, object]
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


def failed_accounts(rows: Iterable[Row]) -> list[str]:
    """Accounts with a row that failed, sorted, each once."""
    return sorted({str(row["account"]) for row in rows if row["outcome"] != "complete"})


@dataclass(frozen=True, slots=True)
class Summary:
    """How the rows of one kind of run are told. `names` say which row it is, the account first; `counts` are summed up."""

    names: tuple[str, ...]
    counts: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """Of the table."""
        return (*self.names, *self.counts, "outcome")

    def failed_row(self, account: str, error: str) -> dict[str, object]:
        """The row of an account that has nothing to report."""
        names = {"account": account, **dict.fromkeys(self.names[1:], "-")}
        return {**names, **dict.fromkeys(self.counts, 0), "outcome": "failed", "error": error}

    def with_unreported(self, expected: Iterable[str], rows: Iterable[Row]) -> list[Row]:
        """The rows by their names, with a failed row for every expected account that has none."""
        known = list(rows)
        missing = sorted(set(expected) - {str(row["account"]) for row in known})
        every = [*known, *(self.failed_row(account, _NO_REPORT) for account in missing)]
        return sorted(every, key=lambda row: [str(row[name]) for name in self.names])

    def as_table(self, rows: Sequence[Row]) -> str:
        """The rows as text: columns, a line of sums, and below them why an account failed and what was not covered."""
        sums = {count: sum(value for row in rows if isinstance(value := row[count], int)) for count in self.counts}
        names = {"account": "all", **dict.fromkeys(self.names[1:], "")}
        total = {**names, **sums, "outcome": f"{len(failed_accounts(rows))} failed"}
        cells = [self.columns, *([str(row[column]) for column in self.columns] for row in (*rows, total))]
        widths = [max(len(line[number]) for line in cells) for number in range(len(self.columns))]
        lines = [
            "  ".join(
                text.rjust(width) if name in self.counts else text.ljust(width)
                for text, width, name in zip(line, widths, self.columns, strict=True)
            ).rstrip()
            for line in cells
        ]
        return "\n".join([*lines, *map(safe_line, self._reasons(rows))])

    def _reasons(self, rows: Sequence[Row]) -> Iterator[str]:
        """Why a row failed; then what a source could not reach, though nothing that it offered failed."""
        for row in rows:
            if row.get("error"):
                yield f"{self._name(row)}: {row['error']}"
        for row in rows:
            for note in _notes(row):
                if note["is_gap"]:
                    yield f"{self._name(row)}: not covered: {note['where']}: {note['reason'] or note['code']}"

    def _name(self, row: Row) -> str:
        account, *others = (str(row[name]) for name in self.names)
        return f"{account} ({', '.join(others)})" if others else account


def _notes(row: Row) -> list[Mapping[str, object]]:
    notes = row.get("notes")
    return notes if isinstance(notes, list) else []
