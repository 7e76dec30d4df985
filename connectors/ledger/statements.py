"""Inserts that meet a row which is there already, and inserts of many rows at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, Dialect, Table
from sqlalchemy.dialects import postgresql, sqlite

T = TypeVar("T")
Row = Mapping[str, object]
Values = tuple[Any, ...]

CHUNK = 900
"""Values in one IN list: below the 999 that old SQLite allows."""


def insert_into(dialect: Dialect, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT of this dialect (both know ON CONFLICT, each in a class of its own)."""
    return postgresql.insert(table) if dialect.name == "postgresql" else sqlite.insert(table)


def add_rows(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Add rows that must be new. All rows have the same keys."""
    if rows:
        connection.execute(table.insert(), rows)


def add_missing(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Add the rows whose key is not there yet; the first one stands."""
    if rows:
        connection.execute(insert_into(connection.dialect, table).on_conflict_do_nothing(), rows)


class Bulk:
    """Adds many rows to one table, each a list of all its columns in their order.

    Handing the driver finished tuples is twice as fast as SQLAlchemy's own way for many rows, and leaves less to do while the
    transaction keeps others waiting.
    """

    def __init__(self, dialect: Dialect, table: Table, *, keep_first: bool = False) -> None:
        """Compiles the statement once. With `keep_first`, a row whose key is there already is left out; else it is an error."""
        names = [column.name for column in table.columns]
        statement = insert_into(dialect, table)
        if keep_first:
            statement = statement.on_conflict_do_nothing()
        compiled = statement.compile(dialect=dialect, column_keys=names)
        self._sql = str(compiled)
        self._names = None if compiled.positional else names
        kinds = [column.type.dialect_impl(dialect).bind_processor(dialect) for column in table.columns]
        self._processors: list[tuple[int, Callable[[Any], Any]]] = [
            (place, process) for place, process in enumerate(kinds) if process is not None
        ]

    def finished(self, rows: Sequence[Sequence[object]]) -> list[list[object]]:
        """The rows as the database takes them."""
        done = [list(row) for row in rows]
        for place, process in self._processors:
            for row in done:
                row[place] = process(row[place])
        return done

    def add(self, connection: Connection, finished: Sequence[Sequence[object]]) -> None:
        """Add rows made by `finished`."""
        if not finished:
            return
        if self._names is None:
            connection.exec_driver_sql(self._sql, [tuple(row) for row in finished])
        else:
            connection.exec_driver_sql(self._sql, [dict(zip(self._names, row, strict=True)) for row in finished])


def chunked(values: Sequence[T], size: int = CHUNK) -> Iterator[Sequence[T]]:
    """The values in slices of at most `size`."""
    for start in range(0, len(values), size):
        yield values[start : start + size]
