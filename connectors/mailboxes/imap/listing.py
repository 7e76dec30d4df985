"""Lists the messages of an open folder in windows, however many there are and however far apart their UIDs lie.

A SEARCH of a large folder answers in one line, which the client library refuses beyond a million bytes. A FETCH of a range
of UIDs answers in one line a message. A server may leave out a line, as of a message that it cannot read itself: the numbers
of the others, which have no gaps, betray it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Protocol

from connectors.mailboxes.imap.session import Entry, FolderState

WINDOW = 1000
"""The messages of one listing at most, but for those that arrive meanwhile."""


class Listing(Protocol):
    """What listing needs of a session with an open folder; see `ImapSession`."""

    def entries(self, low: int, high: int) -> list[Entry]:
        """The messages whose UIDs lie between the two."""
        ...

    def uids(self, first: int, last: int) -> list[int]:
        """The UIDs of the messages with these numbers, all of them."""
        ...

    def refresh(self) -> FolderState:
        """The folder as it is now."""
        ...


def entries_after(session: Listing, state: FolderState, after: int, window: int = WINDOW) -> Iterator[Entry]:
    """Every message with a higher UID that was there when the folder was opened, by UID."""
    if not state.messages:
        return
    last = _uid_at(session, state.messages)
    low, high = after + 1, min(after + window, last)
    before = None if after else 0
    while low <= last:
        found = session.entries(low, high)
        behind = state.messages if high == last else found[-1].number if found else 0
        next_low, next_high = high + 1, min(high + window, last)
        if len(found) <= window // 8 and high < last:
            next_low, next_high, behind = _next_window(session, next_low, last, window)
        if not _follow(session, after, before, [*(entry.number for entry in found), behind + 1]):
            found = _with_those_left_out(session, after + 1, high, found)
        yield from found
        after = found[-1].uid if found else after
        low, high, before = next_low, next_high, behind


def is_there(session: Listing, uid: int) -> bool:
    """Whether the folder holds the message still, on a fresh look."""
    messages, number = _first_from(session, uid)
    return bool(session.entries(uid, uid)) or (number <= messages and _uid_at(session, number) == uid)


def _follow(session: Listing, after: int, before: int | None, numbers: Sequence[int]) -> bool:
    """Whether no number is left out behind `before`; where that is not known, behind what the position covers. Expunged
    messages make later numbers smaller, never larger."""
    if before is None:
        before = numbers[0] - 1
        if before and not (session.refresh().messages >= before and _uid_at(session, before) <= after):
            return False
    return all(later - earlier <= 1 for earlier, later in pairwise([before, *numbers]))


def _with_those_left_out(session: Listing, low: int, high: int, found: Sequence[Entry]) -> list[Entry]:
    """With the messages that only their numbers tell of; the size of these is not known, and is not 0."""
    messages, first = _first_from(session, low)
    end = _first_where(messages, lambda number: _uid_at(session, number) > high)
    there = session.uids(first, end - 1) if first < end else []
    by_uid = {uid: Entry(uid, 1, (), None, number) for number, uid in enumerate(there, first)}
    by_uid |= {entry.uid: entry for entry in found}
    return [by_uid[uid] for uid in sorted(by_uid)]


def _next_window(session: Listing, low: int, last: int, window: int) -> tuple[int, int, int]:
    """The UIDs of the next messages, found by their numbers, and the number before them. Numbers move when messages are
    expunged, so the folder is opened anew for them; they stand still while they are asked for (RFC 9051 7.5.1)."""
    messages, first = _first_from(session, low)
    if first > messages:
        return last + 1, last, messages
    return _uid_at(session, first), min(_uid_at(session, min(first + window - 1, messages)), last), first - 1


def _first_from(session: Listing, uid: int) -> tuple[int, int]:
    """(how many messages there are now, the number of the first with this UID or a higher one)."""
    messages = session.refresh().messages
    return messages, _first_where(messages, lambda number: _uid_at(session, number) >= uid)


def _uid_at(session: Listing, number: int) -> int:
    return session.uids(number, number)[0]


def _first_where(count: int, holds: Callable[[int], bool]) -> int:
    """The first number from 1 on for which it holds, given that it then holds for all above; `count` + 1 for none."""
    low, high = 1, count + 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low
