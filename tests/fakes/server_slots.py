"""Slots of mail servers in memory."""

from __future__ import annotations

from datetime import datetime, timedelta

from capstone.domain.errors import ServerBusy


class FakeServerSlots:
    """ServerSlots in memory."""

    def __init__(self) -> None:
        self._until: dict[str, dict[str, datetime]] = {}

    def take_slot(self, server: str, holder: str, most: int, now: datetime, ttl_s: int) -> None:
        taken = self._until.setdefault(server, {})
        live = {one for one, until in taken.items() if until > now}
        if len(live - {holder}) >= most and holder not in live:
            raise ServerBusy(f"{len(live)} captures read from this mail server now.")
        self._until[server] = {one: until for one, until in taken.items() if one in live}
        self._until[server][holder] = now + timedelta(seconds=ttl_s)

    def give_back_slot(self, server: str, holder: str) -> None:
        self._until.get(server, {}).pop(holder, None)

    def slot_holders(self, server: str) -> list[str]:
        return sorted(self._until.get(server, {}))
