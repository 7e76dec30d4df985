"""Who is behind the distribution lists among the recipients, as the directory says at the time of capture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from exchangelib import errors as ews

from capstone.domain.envelopes import ListMembers
from connectors.mailboxes.ews.errors import BUSY, PASSING
from connectors.mailboxes.ews.mailbox import EwsReader
from connectors.mailboxes.ews.values import Person

MOST_DEEP, MOST_LISTS, MOST_MEMBERS = 6, 200, 20_000
"""Of one message: lists within lists, lists in all, members of one list."""


class Lists:
    """Expands lists, each once a run."""

    def __init__(self, reader: EwsReader, now: Callable[[], datetime]) -> None:
        """`now` dates the answers."""
        self._reader, self._now = reader, now
        self._known: dict[str, tuple[ListMembers, tuple[Person, ...]]] = {}

    def behind(self, people: Sequence[Person]) -> tuple[ListMembers, ...]:
        """The members of these lists and of the lists among them, each list once. What cannot be told is told as not whole."""
        found: dict[str, ListMembers] = {}
        level = list(people)
        for _ in range(MOST_DEEP):
            below: list[Person] = []
            for one in level:
                if _key(one) not in found and len(found) < MOST_LISTS:
                    found[_key(one)], inner = self._expanded(one)
                    below += inner
            level = below
        for one in level:
            if _key(one) not in found and len(found) < MOST_LISTS:
                found[_key(one)] = self._unknown(one)
        return tuple(found.values())

    def _expanded(self, of: Person) -> tuple[ListMembers, tuple[Person, ...]]:
        if _key(of) not in self._known:
            self._known[_key(of)] = self._asked(of)
        return self._known[_key(of)]

    def _asked(self, of: Person) -> tuple[ListMembers, tuple[Person, ...]]:
        try:
            people, is_whole = self._reader.members(of)
        except (*BUSY, *PASSING):
            raise
        except (ews.ResponseMessageError, ews.MalformedResponseError):
            return self._unknown(of), ()
        addresses = sorted({one.address or one.name for one in people})
        is_whole = is_whole and len(addresses) <= MOST_MEMBERS
        members = ListMembers(of.address or of.name, self._on(), tuple(addresses[:MOST_MEMBERS]), is_whole)
        return members, tuple(one for one in people if one.is_list)

    def _unknown(self, of: Person) -> ListMembers:
        return ListMembers(of.address or of.name, self._on(), (), is_whole=False)

    def _on(self) -> str:
        return self._now().isoformat()


def _key(of: Person) -> str:
    return of.address.casefold() or of.item_id or of.name
