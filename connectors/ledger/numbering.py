"""Numbers of records and manifests.

On PostgreSQL they come from sequences, so that captures of different accounts do not wait for one another. A transaction that is
undone leaves a gap there, which means nothing: a number says who came later, of one account and one source, and no more.
"""

from __future__ import annotations

from collections.abc import Sequence as Numbers

from sqlalchemy import Column, Connection, Sequence, func, select

from connectors.ledger import tables as t

_SEQUENCES = {t.records.c.record_no: Sequence("record_numbers"), t.manifests.c.manifest_no: Sequence("manifest_numbers")}
SEQUENCES = tuple(sequence.name for sequence in _SEQUENCES.values())


def next_numbers(connection: Connection, column: Column[int], how_many: int) -> Numbers[int]:
    """That many numbers, rising, above all that are in the column. Nobody else is given them."""
    if connection.dialect.name == "postgresql":
        series = func.generate_series(1, how_many).table_valued("number")
        given = select(_SEQUENCES[column].next_value()).select_from(series)
        return sorted(connection.scalars(given).all())
    last = connection.scalar(select(func.max(column))) or 0
    return range(last + 1, last + how_many + 1)
