"""What an occurrence says of an item of Outlook beside its message: told as JSON by the reading process, taken up here again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from capstone.domain.generated.mapi import MapiItem, integer_of, time_of
from capstone.domain.message import Occurrence, Place

_FLAGS, _DELIVERED = 0x0E07, 0x0E06
_READ, _UNSENT = 0x1, 0x8


def facts_of(item: MapiItem) -> dict[str, Any]:
    """Its flags in the words of IMAP, and when the server received it."""
    bits = integer_of(item.properties, _FLAGS) or 0
    flags = [name for bit, name in ((_READ, "\\Seen"), (_UNSENT, "\\Draft")) if bits & bit]
    received_at = time_of(item.properties, _DELIVERED)
    return {"flags": flags, "received_at": received_at.isoformat() if received_at else None}


def occurrence_of(told: Mapping[str, Any], place: Place, identity: str, *, is_sent: bool) -> Occurrence:
    """The occurrence of an item that was read."""
    received_at = datetime.fromisoformat(told["received_at"]) if told.get("received_at") else None
    return Occurrence(place, tuple(told.get("flags", ())), received_at, is_sent=is_sent, identity=identity)
