"""How commands answer: tables for people, one JSON object for machines, progress only on a terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

_WIDTH_OF_A_FILE = 200


def console() -> Console:
    """Standard output; as wide as the terminal, or wide enough for a file."""
    return Console(width=None if sys.stdout.isatty() else _WIDTH_OF_A_FILE, highlight=False, soft_wrap=not sys.stdout.isatty())


def print_json(value: Mapping[str, object]) -> None:
    """The one JSON object of a command on standard output."""
    sys.stdout.write(json.dumps(value) + "\n")


def say(text: str = "", style: str = "") -> None:
    """A line for people, with whatever a message wrote into it made harmless."""
    console().print(Text(printable(text), style=style))


def printable(text: str) -> str:
    """Without control characters: mail must not steer a terminal."""
    return "".join(char if char.isprintable() else " " for char in text)


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], *, empty: str = "none") -> None:
    """A table; numbers to the right. Without rows it says so."""
    if not rows:
        say(f"{title}: {empty}")
        return
    table = Table(title=title, title_justify="left", title_style="bold", header_style="bold", pad_edge=False)
    for number, column in enumerate(columns):
        is_number = all(isinstance(row[number], int) for row in rows)
        table.add_column(column, justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(value)) for value in row))
    console().print(table)


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else printable(str(value))


def size_text(size: int) -> str:
    """Bytes in the unit that people read."""
    amount, unit = float(size), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if amount < 1000:
            break
        amount, unit = amount / 1000, larger
    return f"{size} bytes" if unit == "bytes" else f"{amount:.1f} {unit}"


@contextmanager
def progress_bar(label: str, *, is_quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """A function to tell (how many more, how many more bytes); shown on standard error when that is a terminal."""
    if is_quiet or not sys.stderr.isatty():
        yield lambda _count, _bytes: None
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TextColumn("{task.fields[told]}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task, done, size = bar.add_task(label, told=""), 0, 0

        def tell(count: int, more_bytes: int) -> None:
            nonlocal done, size
            done, size = done + count, size + more_bytes
            bar.update(task, told=f"{done:,} · {size_text(size)}")

        yield tell
