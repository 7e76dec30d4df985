"""A source of exactly these items, and the items that tests give it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from capstone.domain.message import ItemState, Occurrence, OfferedItem, OfferedMessage, Place, RefusedItem, SourceNote


class ListSource:
    """Offers exactly these items, then fails if it is told to."""

    gives_same_bytes = True

    def __init__(self, *items: OfferedItem, then: Exception | None = None, name: str = "export") -> None:
        self.name, self._items, self._then = name, items, then
        self.noted: tuple[SourceNote, ...] = ()

    def items(self, cursors: Mapping[str, str]) -> Iterator[OfferedItem]:
        yield from self._items
        if self._then is not None:
            raise self._then

    def places(self) -> Iterator[Place]:
        return (item.occurrence.place for item in self._items if isinstance(item, OfferedMessage) and item.raw)

    def notes(self) -> tuple[SourceNote, ...]:
        return self.noted


def offered(raw: bytes, item_id: str = "1", folder: str = "Inbox", **seen: Any) -> OfferedMessage:
    return OfferedMessage(Occurrence(Place("export", folder, item_id), **seen), raw)


def refused(state: ItemState, raw: bytes | None = None, code: str = "why") -> RefusedItem:
    return RefusedItem(Place("export", "", f"{state.value}.bin"), state, code, "because", raw)
