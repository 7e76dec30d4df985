"""Counts what a source on disk would give, for `capstone sources check`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from capstone.domain.message import ItemState, RefusedItem, SourceNote
from capstone.ports import FolderSeen, SourceCheck

_COULD_NOT = "{:,} files or folders could not be read: check that this user may read them."


class Tally:
    """Messages and bytes by folder, and how much is no message, by the reason."""

    def __init__(self) -> None:
        self._messages: Counter[tuple[str, str | None]] = Counter()
        self._bytes: Counter[tuple[str, str | None]] = Counter()
        self._refused: Counter[str] = Counter()
        self._first: dict[str, RefusedItem] = {}

    def message(self, folder: str, size_bytes: int, left_out_by: str | None) -> None:
        """A message was seen."""
        self._messages[folder, left_out_by] += 1
        self._bytes[folder, left_out_by] += size_bytes

    def refused(self, item: RefusedItem) -> None:
        """Something was seen that gives no message."""
        self._refused[item.code] += 1
        self._first.setdefault(item.code, item)

    def result(self, of_containers: Sequence[SourceNote] = ()) -> SourceCheck:
        """All of it, folders by their paths; with the notes of the containers that were opened."""
        folders = [
            FolderSeen(path, number, self._bytes[path, policy], policy)
            for (path, policy), number in sorted(self._messages.items(), key=str)
        ]
        failed = sum(number for code, number in self._refused.items() if self._first[code].state is ItemState.FAILED)
        notes = [self._note(code, number) for code, number in sorted(self._refused.items())]
        return SourceCheck(tuple(folders), (_COULD_NOT.format(failed),) if failed else (), (*notes, *of_containers))

    def _note(self, code: str, number: int) -> SourceNote:
        first = self._first[code]
        return SourceNote(code, first.place.item_id, first.reason, {"items": number}, first.state)
