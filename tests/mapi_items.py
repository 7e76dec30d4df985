"""Builds invented MAPI items."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from capstone.domain.generated.mapi import MapiAttachment, MapiItem, MapiProperty, Properties, properties_of

_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)


def text(key: int, value: str) -> MapiProperty:
    return MapiProperty(key, 0x1F, (value.encode("utf-16-le", "surrogatepass"),))


def binary(key: int, value: bytes) -> MapiProperty:
    return MapiProperty(key, 0x102, (value,))


def number(key: int, value: int) -> MapiProperty:
    return MapiProperty(key, 0x03, (value.to_bytes(4, "little", signed=True),))


def filetime(key: int, value: datetime) -> MapiProperty:
    ticks = round((value - _EPOCH).total_seconds()) * 10_000_000
    return MapiProperty(key, 0x40, (ticks.to_bytes(8, "little"),))


def several(key: int, values: Sequence[str | bytes], name: str = "", kind: int = 0x101F) -> MapiProperty:
    return MapiProperty(key, kind, tuple(one.encode("utf-16-le") if isinstance(one, str) else one for one in values), name)


def recipient(name: str, address: str, received_as: int = 1, *, smtp: str = "", kind: str = "SMTP") -> Properties:
    known = [text(0x39FE, smtp)] if smtp else []
    return properties_of([text(0x3001, name), text(0x3002, kind), text(0x3003, address), number(0x0C15, received_as), *known])


def attachment(data: bytes | None, *properties: MapiProperty, missing: str = "") -> MapiAttachment:
    return MapiAttachment(properties_of(properties), data, missing=missing)


def item(
    *properties: MapiProperty, recipients: Sequence[Properties] = (), attachments: Sequence[MapiAttachment] = ()
) -> MapiItem:
    return MapiItem(properties_of(properties), tuple(recipients), tuple(attachments))
