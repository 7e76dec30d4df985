"""Lists the messages of an open folder in windows, however many there are and however far apart their UIDs lie.

A SEARCH of a large folder answers in one line, which the client library refuses beyond a million bytes. A FETCH of a range
of UIDs answers in one line a message, and a range never leaves out a message in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from connectors.mailboxes.imap.session import Entry, FolderState

WINDOW = 1000
"""The messages of one listing at most, but for those that arrive meanwhile."""


class Listing(Protocol):
    """What listing needs of a session with an open folder; see `ImapSession`."""

    def entries(self, low: int, high: int) -> list[Entry]:
        """The messages whose UIDs lie between the two."""
        ...

    def uid_at(self, number: int) -> int:
        """The UID of the message with this number."""
        ...

    def refresh(self) -> FolderState:
        """The folder as it is now."""
        ...


def entries_after(session: Listing, state: FolderState, after: int, window: int = WINDOW) -> Iterator[Entry]:
    """Every message with a higher UID that was there when the folder was opened, by UID."""
    if not state.messages:
        return
    last = state.uid_next - 1 if state.uid_next else session.uid_at(state.messages)
    low, high = after + 1, min(after + window, last)
    while low <= last:
        found = session.entries(low, high)
        yield from found
        low = high + 1
        high = min(high + window, last)
        if len(found) <= window // 8 and low <= last:
            low, high = _next_window(session, low, last, window)


def _next_window(session: Listing, low: int, last: int, window: int) -> tuple[int, int]:
    """The UIDs of the next messages, found by their numbers, which have no gaps. Numbers move when messages are expunged,
    so the folder is opened anew for them; they stand still while they are asked for (RFC 9051 7.5.1)."""
    messages = session.refresh().messages
    first = _first_where(messages, lambda number: session.uid_at(number) >= low)
    if first > messages:
        return last + 1, last
    return session.uid_at(first), min(session.uid_at(min(first + window - 1, messages)), last)


def _first_where(count: int, holds: Callable[[int], bool]) -> int:
    """The first number from 1 on for which it holds, given that it then holds for all above; `count` + 1 for none."""
    low, high = 1, count + 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low
