"""How values stand in the tables: text that SQLite and PostgreSQL keep, compare and sort alike."""

from __future__ import annotations

import json
import re
from abc import abstractmethod
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any, TypeVar

from sqlalchemy import Dialect, Text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.types import UserDefinedType

from capstone.domain.errors import LedgerDamaged

T = TypeVar("T")

Code = Text().with_variant(Text(collation="C"), "postgresql")
"""Text of our own: ids, codes, digests. As all text here it is sorted by code point on both databases, as Python sorts it."""

_FIRST = datetime.min.replace(tzinfo=UTC)
_LAST = datetime.max.replace(tzinfo=UTC)
_UNSAFE = re.compile("[\x00\x1a\ud800-\udfff]")
_ESCAPED = re.compile("\x1a([0-9a-f]{4})")


def as_utc(at: datetime) -> datetime:
    """The same instant in UTC; one outside the years 1 to 9999 in UTC becomes the nearest that is inside.

    Raises ValueError for an instant without a zone: guessing one would change what is on record.
    """
    if at.tzinfo is None:
        raise ValueError("the ledger takes aware instants only")
    try:
        return at.astimezone(UTC)
    except OverflowError:
        return _FIRST if at.year == 1 else _LAST


class _KeptAsText(UserDefinedType[T]):
    """A value kept as text. The functions are handed to SQLAlchemy as they are: a TypeDecorator calls two more for each value."""

    def get_col_spec(self, **_options: object) -> str:
        """The type in DDL."""
        return "TEXT"

    def bind_processor(self, dialect: Dialect) -> Callable[[T | None], str | None]:
        """Value to text."""
        return type(self).to_text

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[str | None], T | None]:
        """Text to value. The function raises LedgerDamaged where the text makes none."""
        return type(self).to_value

    @staticmethod
    @abstractmethod
    def to_text(value: T | None) -> str | None:
        """The text of a value."""

    @staticmethod
    @abstractmethod
    def to_value(text: str | None) -> T | None:
        """The value of a text."""


@compiles(_KeptAsText, "postgresql")
def _sorted_by_code_point(_kind: object, _compiler: object, **_options: object) -> str:
    """PostgreSQL sorts by the rules of a language, which change with the operating system; "C" is Python's own order."""
    return 'TEXT COLLATE "C"'


class UtcText(_KeptAsText[datetime]):
    """An aware instant as `2031-05-06T07:08:09.000000Z`: always UTC, always this long, so that text order is time order."""

    cache_ok = True

    @staticmethod
    def to_text(value: datetime | None) -> str | None:
        """The text of an aware instant; ValueError for one without a zone."""
        if value is None:
            return None
        return as_utc(value).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"

    @staticmethod
    def to_value(text: str | None) -> datetime | None:
        """The instant, in UTC."""
        try:
            return None if text is None else datetime.fromisoformat(text)
        except ValueError as exc:
            raise LedgerDamaged("The ledger holds an instant that cannot be read.") from exc


class DayText(_KeptAsText[date]):
    """A day as `2031-05-06`."""

    cache_ok = True

    @staticmethod
    def to_text(value: date | None) -> str | None:
        """The text of a day."""
        return None if value is None else value.isoformat()

    @staticmethod
    def to_value(text: str | None) -> date | None:
        """The day."""
        try:
            return None if text is None else date.fromisoformat(text)
        except ValueError as exc:
            raise LedgerDamaged("The ledger holds a day that cannot be read.") from exc


class ExactText(_KeptAsText[str]):
    """Text from outside, given back exactly.

    Folder names and item ids may hold what a database refuses: NUL, and the lone surrogates that stand for undecodable
    bytes of a file name. Each such character is kept as U+001A and four hex digits; all other text stands as it is.
    """

    cache_ok = True

    @staticmethod
    def to_text(value: str | None) -> str | None:
        """The text in a form that every database takes."""
        if value is None or _UNSAFE.search(value) is None:
            return value
        return _UNSAFE.sub(lambda found: f"\x1a{ord(found[0]):04x}", value)

    @staticmethod
    def to_value(text: str | None) -> str | None:
        """The text as it was given."""
        if text is None or "\x1a" not in text:
            return text
        return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)


class JsonText(_KeptAsText[Any]):
    """A list or mapping of plain values as JSON text in ASCII. Sequences come back as tuples."""

    cache_ok = True

    @staticmethod
    def to_text(value: Any) -> str | None:
        """The JSON text."""
        if value is None or value == ():
            return None if value is None else "[]"
        return json.dumps(value, sort_keys=True, separators=(",", ":"))

    @staticmethod
    def to_value(text: str | None) -> Any:
        """The value."""
        if text is None or text == "[]":
            return None if text is None else ()
        try:
            read = json.loads(text)
        except ValueError as exc:
            raise LedgerDamaged("The ledger holds a list that cannot be read.") from exc
        return tuple(read) if isinstance(read, list) else read
