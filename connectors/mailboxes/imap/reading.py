"""Reads one open folder: batches bounded in bytes, large messages in parts, every listed message offered in one state."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from io import BytesIO

from capstone.domain.message import ItemState, Occurrence, OfferedItem, OfferedMessage, Place, RefusedItem
from connectors.mailboxes.imap.cursors import Position
from connectors.mailboxes.imap.errors import NO_ANSWER
from connectors.mailboxes.imap.folders import Folder
from connectors.mailboxes.imap.listing import entries_after, is_there
from connectors.mailboxes.imap.session import Entry, FolderState, ImapSession
from connectors.mailboxes.losses import Losses

BATCH_MESSAGES, BATCH_BYTES = 200, 4 * 1024 * 1024
"""What one FETCH asks for at most."""

PART_BYTES = 1024 * 1024
"""A larger message is asked for in parts, so that a lost line costs one part."""

_PROBED = 5
"""So many of those behind lost messages tell whether it is the server, which gives none, or only these."""

_REASONS = {
    "gone_at_source": "it was deleted or moved at the server between being listed and being read",
    "unreadable": "the mail server lists it and does not give its bytes",
    "empty_item": "it holds no bytes",
}


class FolderReader:
    """One folder from a UID on, in the state that it was opened in."""

    def __init__(self, session: ImapSession, source: str, folder: Folder, state: FolderState, losses: Losses) -> None:
        """The folder is the one that the session has open; `losses` are those of the whole pass."""
        self._session, self._source, self._folder, self._state = session, source, folder, state
        self._has_failed = False
        self._losses = losses

    def batches(self, after: int, room_for: Callable[[int], None]) -> Iterator[list[OfferedItem]]:
        """The messages above the UID, a batch at a time; before one is asked for, `room_for` is told its size and may wait."""
        pending: list[Entry] | None = None
        for batch in _batched(entries_after(self._session, self._state, after)):
            if pending is not None:
                yield self._offer(pending, room_for, is_last=False)
            pending = batch
        if pending is not None:
            yield self._offer(pending, room_for, is_last=True)

    def places(self) -> Iterator[Place]:
        """The places of all messages of the folder that hold any bytes."""
        return (self._place(entry) for entry in entries_after(self._session, self._state, 0) if entry.size_bytes)

    def _offer(self, batch: list[Entry], room_for: Callable[[int], None], *, is_last: bool) -> list[OfferedItem]:
        if self._folder.policy is None:
            room_for(sum(entry.size_bytes for entry in batch))
            items = self._read(batch)
        else:
            items = [self._left_out(entry, self._folder.policy) for entry in batch]
        return [
            self._with_cursor(item, entry.uid, is_whole=is_last and entry is batch[-1])
            for entry, item in zip(batch, items, strict=True)
        ]

    def _with_cursor(self, item: OfferedItem, uid: int, *, is_whole: bool) -> OfferedItem:
        """Behind an item that failed no cursor moves, so that the next run offers it again."""
        if isinstance(item, RefusedItem) and item.state is ItemState.FAILED:
            self._has_failed = True
        if self._has_failed or not self._state.validity:
            return item
        position = Position(self._state.validity, uid, self._state if is_whole else None)
        return replace(item, cursor=(self._folder.cursor, position.as_text()))

    # --- bytes ---------------------------------------------------------------------------------

    def _read(self, batch: list[Entry]) -> list[OfferedItem]:
        """One answer for all; where the line does not survive it, each message alone, as one may be the cause."""
        if len(batch) == 1:
            return [self._read_alone(batch[0])]
        try:
            bodies = self._session.bodies([entry.uid for entry in batch])
        except NO_ANSWER:
            return [self._read_alone(entry, batch[number + 1 :]) for number, entry in enumerate(batch)]
        if given := [entry for entry in batch if bodies.get(entry.uid)]:
            self._note_given(min(given, key=lambda entry: entry.size_bytes))
        return [self._message(entry, bodies.pop(entry.uid, None)) for entry in batch]

    def _read_alone(self, entry: Entry, behind: Sequence[Entry] = ()) -> OfferedItem:
        try:
            body = self._whole(entry)
        except NO_ANSWER as exc:
            self._session.refresh()
            self._losses.lost(exc, (partial(self._is_given, other) for other in behind[:_PROBED]))
            return self._refused(entry, ItemState.FAILED, "unreadable")
        if body:
            self._note_given(entry)
        return self._message(entry, body)

    def _note_given(self, entry: Entry) -> None:
        self._losses.given(entry.size_bytes, partial(self._is_given, entry))

    def _is_given(self, entry: Entry) -> bool:
        """Whether the server gives the beginning of a message."""
        try:
            return bool(self._session.part(entry.uid, 0, 1024))
        except NO_ANSWER:
            self._session.refresh()
            return False

    def _whole(self, entry: Entry) -> bytes | None:
        if entry.size_bytes <= PART_BYTES:
            return self._session.bodies([entry.uid]).get(entry.uid)
        gathered = BytesIO()
        while part := self._session.part(entry.uid, gathered.tell(), PART_BYTES):
            gathered.write(part)
        # The end is an empty part, whatever the listed size. Also a message that goes meanwhile has no more parts.
        is_end = part is not None and gathered.tell() >= entry.size_bytes
        return gathered.getvalue() if is_end or is_there(self._session, entry.uid) else None

    def _message(self, entry: Entry, body: bytes | None) -> OfferedItem:
        if not body and not (body is not None and entry.size_bytes == 0):
            if not is_there(self._session, entry.uid):
                return self._refused(entry, ItemState.EXCLUDED, "gone_at_source")
            body = self._session.bodies([entry.uid]).get(entry.uid)
        if body is None:
            return self._refused(entry, ItemState.FAILED, "unreadable")
        if not body:
            return self._refused(entry, ItemState.QUARANTINED, "empty_item", raw=b"")
        return OfferedMessage(
            Occurrence(self._place(entry), entry.flags, entry.received_at, is_sent=self._folder.is_sent),
            body,
        )

    # --- values --------------------------------------------------------------------------------

    def _left_out(self, entry: Entry, policy: str) -> RefusedItem:
        reason = "its folder is one that the policy leaves out"
        return RefusedItem(self._place(entry), ItemState.EXCLUDED, policy, reason)

    def _refused(self, entry: Entry, state: ItemState, code: str, raw: bytes | None = None) -> RefusedItem:
        return RefusedItem(self._place(entry), state, code, _REASONS[code], raw)

    def _place(self, entry: Entry) -> Place:
        return Place(self._source, self._folder.path, f"{self._state.validity}:{entry.uid}")


def _batched(entries: Iterator[Entry]) -> Iterator[list[Entry]]:
    """As many as one FETCH asks for; a large message alone."""
    batch: list[Entry] = []
    size = 0
    for entry in entries:
        is_full = len(batch) >= BATCH_MESSAGES or size + entry.size_bytes > BATCH_BYTES
        if batch and (is_full or max(entry.size_bytes, batch[-1].size_bytes) > PART_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(entry)
        size += entry.size_bytes
    if batch:
        yield batch
