"""A mail source in memory that keeps a cursor, as a server with stable ids would."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from capstone.domain import folders
from capstone.domain.errors import NoMailFound, SourceMissing
from capstone.domain.message import ItemState, Occurrence, OfferedItem, OfferedMessage, Place, RefusedItem, SourceNote
from capstone.ports import FolderSeen, SourceCheck


@dataclass(frozen=True, slots=True)
class Mail:
    """A message in a folder."""

    folder: str
    raw: bytes


class FakeMailSource:
    """Offers the given mail in order, one cursor for all; empty mail is quarantined, folders of the policy are left out."""

    gives_same_bytes = True

    def __init__(self, name: str, mails: Sequence[Mail], *, is_missing: bool = False) -> None:
        self.name = name
        self._mails = tuple(mails)
        self._is_missing = is_missing

    def items(self, cursors: Mapping[str, str]) -> Iterator[OfferedItem]:
        if self._is_missing:
            raise SourceMissing("The mailbox does not exist.")
        if not self._mails and not cursors:
            raise NoMailFound("The mailbox shows no mail at all.")
        return self._items_after(int(cursors.get("position", "0")))

    def places(self) -> Iterator[Place]:
        return (item.occurrence.place for item in self.items({}) if isinstance(item, OfferedMessage))

    def notes(self) -> Sequence[SourceNote]:
        return ()

    def check(self) -> SourceCheck:
        if self._is_missing:
            raise SourceMissing("The mailbox does not exist.")
        found = Counter(mail.folder for mail in self._mails)
        folders_seen = (FolderSeen(path, number, None, folders.excluded_by(path)) for path, number in sorted(found.items()))
        return SourceCheck(tuple(folders_seen))

    def _items_after(self, position: int) -> Iterator[OfferedItem]:
        for number, mail in enumerate(self._mails[position:], position + 1):
            yield self._item(number, mail)

    def _item(self, number: int, mail: Mail) -> OfferedItem:
        place, cursor = Place(self.name, mail.folder, str(number)), ("position", str(number))
        if policy := folders.excluded_by(mail.folder):
            return RefusedItem(place, ItemState.EXCLUDED, policy, "left out", cursor=cursor)
        if not mail.raw:
            return RefusedItem(place, ItemState.QUARANTINED, "empty_item", "it holds no bytes", b"", cursor)
        return OfferedMessage(Occurrence(place, is_sent=folders.is_sent(mail.folder)), mail.raw, cursor)
