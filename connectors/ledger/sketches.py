"""The ledger as a preview reads it: every record once, in the order in which the tables lie on the disk, as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import groupby
from json import loads
from operator import itemgetter
from typing import Any

from sqlalchemy import Column, ColumnElement, Engine, Integer, Text, and_, bindparam, func, select, type_coerce

from capstone.domain.message import Occurrence, Place
from capstone.domain.sketches import Decided, Sketch
from connectors.ledger import tables as t
from connectors.ledger.column_types import ExactText, UtcText
from connectors.ledger.engine import reading
from connectors.ledger.rows import rows_read


def sketches(engine: Engine, page_size: int) -> Iterator[Sketch]:
    """See ReplayLedger. Each page is a view of its own."""
    last = 0
    while True:
        with reading(engine) as connection, rows_read():
            top = connection.scalar(_TOP, {"last": last, "size": page_size})
            if top is None:
                return
            rows = connection.execute(_PAGE, {"last": last, "top": top}).all()
            page = [_sketch(row) if row[1] == 1 else None for row in rows]
            several = [row for row in rows if row[1] != 1]
            page += [_of_several(list(group)) for _, group in groupby(several, key=itemgetter(0))]
        yield from (sketch for sketch in page if sketch is not None)
        last = top
