"""A generated message also of an item of which a body misleads the generator: it costs that body, not the item."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from capstone.domain.generated.eml import Generated
from capstone.domain.generated.mapi import MapiItem

Generate = Callable[[MapiItem, str], Generated]
_RTF, _HTML, _TEXT = 0x1009, 0x1013, 0x1000
_LEFT_OUT: tuple[tuple[int, ...], ...] = ((), (_RTF,), (_HTML,), (_RTF, _HTML), (_RTF, _HTML, _TEXT))


class NotGenerated(Exception):
    """No message can be made of the item."""


def generated(generate: Generate, item: MapiItem, made_from: str) -> Generated:
    """The message; the bodies that it could not be made with are named in it as unread. Raises NotGenerated."""
    for numbers in _LEFT_OUT:
        if all(number in item.properties for number in numbers):
            try:
                return generate(_without(item, numbers), made_from)
            except MemoryError:
                raise
            except Exception:  # noqa: BLE001, S112 whatever a hostile body does to it: the next attempt does without
                continue
    raise NotGenerated


def _without(item: MapiItem, numbers: tuple[int, ...]) -> MapiItem:
    if not numbers:
        return item
    left = {key: one for key, one in item.properties.items() if key not in numbers}
    return replace(item, properties=left, unread=(*item.unread, *(f"property 0x{number:04x}" for number in numbers)))
