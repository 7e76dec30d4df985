"""Inserts that meet a row which is there already, and inserts of many rows at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Column, ColumnElement, Connection, Dialect, Integer, Table, Text, any_, bindparam, type_coerce
from sqlalchemy.dialects import postgresql, sqlite

T = TypeVar("T")
Row = Mapping[str, object]
Values = tuple[Any, ...]

_IN_LIST = 900
"""Values in one IN list: below the 999 that old SQLite allows."""
_IN_ARRAY = 20_000
"""Values in one array: PostgreSQL takes more, the memory of both sides does not grow with them."""


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
    """Adds many new rows to one table, each a list of all its columns in their order.

    Handing the driver finished values is twice as fast as SQLAlchemy's own way for many rows, and leaves less to do while the
    transaction keeps others waiting. PostgreSQL takes them by COPY (`postgres` sees to that).
    """

    def __init__(self, dialect: Dialect, table: Table) -> None:
        """Writes the statement once."""
        names = ", ".join(column.name for column in table.columns)
        marks = ", ".join("?" * len(table.columns))
        by_row = f"INSERT INTO {table.name} ({names}) VALUES ({marks})"  # noqa: S608 - names of ours
        self._sql = f"COPY {table.name} ({names}) FROM STDIN" if dialect.name == "postgresql" else by_row
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
        if finished:
            connection.exec_driver_sql(self._sql, [tuple(row) for row in finished])


def among(connection: Connection, column: Column[T], values: Sequence[T]) -> Iterator[ColumnElement[bool]]:
    """Conditions, to be asked one by one, that the column has one of the values; each names as many as a statement bears.

    PostgreSQL is handed an array: the statement is then the same for any number, and is prepared once. An IN list of 900 took
    some 90 milliseconds.
    """
    if connection.dialect.name != "postgresql":
        yield from (column.in_(some) for some in chunked(values, _IN_LIST))
        return
    process = column.type.dialect_impl(connection.dialect).bind_processor(connection.dialect) or (lambda value: value)
    kind = postgresql.ARRAY(column.type if isinstance(column.type, Integer) else Text())
    for some in chunked(values, _IN_ARRAY):
        yield column == any_(bindparam(None, [process(value) for value in some], type_=kind))


def plain(column: Column[Any]) -> ColumnElement[Any]:
    """A column of text as the database holds it, without what its type would make of it."""
    return column if isinstance(column.type, Integer) else type_coerce(column, Text()).label(f"{column.table.name}_{column.name}")


def chunked(values: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """The values in slices of at most `size`."""
    for start in range(0, len(values), size):
        yield values[start : start + size]
