"""A MAPI item as values: properties, recipients, attachments. What is generated is made from these alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from capstone.domain.facts.charsets import codec_of, decoded
from capstone.domain.facts.codepages import charset_of

SHORT, LONG, BOOLEAN, OBJECT, INT64, TEXT8, UNICODE, TIME, GUID, BINARY = (
    0x02, 0x03, 0x0B, 0x0D, 0x14, 0x1E, 0x1F, 0x40, 0x48, 0x102,
)  # fmt: skip
MULTIPLE = 0x1000
MAX_DEPTH = 10
"""How many messages inside messages are read; the next one inside becomes an attachment that says it was not read."""
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class MapiProperty:
    """A property as it is stored: the bytes of its one value, or of each of several."""

    number: int
    kind: int
    """The type, with `MULTIPLE` where it has several values."""
    values: tuple[bytes, ...] = field(repr=False)
    name: str = ""
    """Of a named property: "<guid>/<name>" or "<guid>/0x<number>", in small letters but for the name."""


Properties = Mapping[int | str, MapiProperty]
"""By number; a named one by its name, as its number is another one in each file."""


@dataclass(frozen=True, slots=True)
class MapiAttachment:
    """An attachment: bytes, an item, or neither with the reason why."""

    properties: Properties
    data: bytes | None = field(default=None, repr=False)
    item: MapiItem | None = None
    missing: str = ""
    """Why there is neither: "by-reference", "web-reference", "no-data", "too-deep", "unreadable", "ole-storage"."""


@dataclass(frozen=True, slots=True)
class MapiItem:
    """A message, meeting request, report, contact ..."""

    properties: Properties
    recipients: tuple[Properties, ...] = ()
    attachments: tuple[MapiAttachment, ...] = ()
    codepage: str = "cp1252"
    """Python's codec of texts that are not Unicode."""
    unread: tuple[str, ...] = ()
    """What the file says is there and could not be read: "recipients", "attachments", "property 0x1000"."""


def properties_of(found: Iterable[MapiProperty]) -> Properties:
    """The first of each."""
    by_key: dict[int | str, MapiProperty] = {}
    for one in found:
        by_key.setdefault(one.name or one.number, one)
    return by_key


def text_of(properties: Properties, key: int | str, codepage: str = "cp1252") -> str:
    """The text of a property, up to its NUL; "" where there is none or it is no text."""
    found = properties.get(key)
    return _text(found.kind, found.values[0], codepage) if found and found.values else ""


def texts_of(properties: Properties, key: int | str, codepage: str = "cp1252") -> tuple[str, ...]:
    """All texts of a property of several values."""
    found = properties.get(key)
    return tuple(_text(found.kind & ~MULTIPLE, value, codepage) for value in found.values) if found else ()


def integer_of(properties: Properties, key: int | str) -> int | None:
    """The number that a property holds; None where there is none."""
    found = properties.get(key)
    if found is None or not found.values or found.kind not in (SHORT, LONG, BOOLEAN, INT64):
        return None
    return int.from_bytes(found.values[0], "little", signed=found.kind != BOOLEAN)


def time_of(properties: Properties, key: int | str) -> datetime | None:
    """The instant that a property holds, to the microsecond; None where there is none or no calendar knows it."""
    found = properties.get(key)
    if found is None or not found.values or found.kind != TIME:
        return None
    ticks = int.from_bytes(found.values[0], "little")
    try:
        return _EPOCH + timedelta(microseconds=ticks // 10) if ticks else None
    except OverflowError:
        return None


def bytes_of(properties: Properties, key: int | str) -> bytes | None:
    """The bytes of a binary property, None where there is none."""
    found = properties.get(key)
    return found.values[0] if found and found.values and found.kind in (BINARY, OBJECT) else None


def codec_of_item(properties: Properties, otherwise: str = "cp1252") -> str:
    """The codec of the texts of an item that are not Unicode, by what it says of itself."""
    for key in (0x3FFD, 0x3FDE):
        charset = charset_of(integer_of(properties, key))
        codec = codec_of(charset) if charset else None
        if codec is not None and not codec.startswith("utf-16"):
            return codec
    return otherwise


def _text(kind: int, value: bytes, codepage: str) -> str:
    if kind == UNICODE:
        return value.decode("utf-16-le", "replace").partition("\0")[0]
    return decoded(value, codepage)[0].partition("\0")[0] if kind == TEXT8 else ""
