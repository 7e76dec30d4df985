"""Reads one folder: several messages at a time, in the order of the listing, bounded in bytes, each in one state."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from functools import partial

from capstone.domain.message import HeldItem, ItemState, Occurrence, OfferedItem, Place, RefusedItem, SourceNote
from capstone.ports import HeldItems, holds_nothing
from connectors.mailboxes.failed import MOST_FAILED
from connectors.mailboxes.graph.connection import GraphSession, part
from connectors.mailboxes.graph.cursors import Position
from connectors.mailboxes.graph.errors import GONE, NO_ANSWER, GraphError
from connectors.mailboxes.graph.folders import Folder, is_there
from connectors.mailboxes.graph.items import Entry, message_of, occurrence_of
from connectors.mailboxes.graph.pages import Page
from connectors.mailboxes.losses import Losses

WINDOW_MESSAGES, WINDOW_BYTES = 32, 8 * 1024 * 1024
"""What is asked for at most before the first of it is given on; a larger message is asked for alone."""

_NOT_TRANSLATED = (
    "The server does not translate ids, so what Exchange Web Services captured before was read once more, and what the server "
    "gave in other bytes is kept twice"
)

_REASONS = {
    "gone_at_source": "it was deleted or moved at the server between being listed and being read",
    "unreadable": "the mail server lists it and does not give its bytes",
    "empty_item": "it holds no bytes",
}


@dataclass(slots=True)
class _Due:
    """An item of the listing on its way."""

    entry: Entry
    mailbox: str
    is_again: bool
    occurrence: Occurrence
    also: tuple[str, ...] = ()
    """What else the archive may know it by."""
    ready: OfferedItem | None = None
    fetch: Future[bytes] | None = None
    position: Position | None = None
    """Where a later run may go on once this one is durable."""

    @property
    def is_here(self) -> bool:
        return self.fetch is None or self.fetch.done()

    @property
    def size_bytes(self) -> int:
        return self.entry.size_bytes if self.fetch is not None else 0

    @property
    def address(self) -> str:
        """Below the user only, not below a folder, is MIME given (/graph/outlook-get-mime-message)."""
        return f"/users/{self.mailbox}/messages/{part(self.entry.id)}"


@dataclass(frozen=True, slots=True)
class Recognised:
    """What the archive holds of the entries of a page, by their ids."""

    digests: Mapping[str, str]
    """Of those that need not be read again: the record."""
    also: Mapping[str, str]
    """Of others: the identity under which Exchange Web Services captured them, maybe otherwise."""


class Known:
    """What the archive holds of listed items already, also under the id that Exchange Web Services gave them."""

    def __init__(
        self,
        session: GraphSession,
        held: HeldItems,
        unchanged_before: float,
        unsure: Container[str],
        note: Callable[[SourceNote], None],
    ) -> None:
        """An item that the archive holds is as it was held where it was last changed before `unchanged_before` and is not among
        the ids that are `unsure`. `note` is told of a mailbox whose ids are not translated."""
        self._session, self._held, self._unchanged_before, self._note = session, held, unchanged_before, note
        self._unsure, self._translates = unsure, held is not holds_nothing
        self._untranslated: set[str] = set()

    def among(self, mailbox: str, entries: Sequence[Entry]) -> Recognised:
        """Which of those entries the archive holds."""
        held = self._held([entry.identity for entry in entries]) if entries else {}
        digests = {
            entry.id: held[entry.identity][-1]
            for entry in entries
            if held.get(entry.identity) and entry.modified < self._unchanged_before and entry.id not in self._unsure
        }
        also: dict[str, str] = {}
        strangers = [entry for entry in entries if not held.get(entry.identity)]
        from_ews = self._from_ews(mailbox, [entry.id for entry in strangers])
        # When Exchange Web Services read an item is not told, so only one that nobody changed is sure to be as it was read. Most
        # others were only read or flagged: their content tells.
        for entry in strangers:
            if entry.id in from_ews:
                identity, digest = from_ews[entry.id]
                if entry.is_untouched:
                    digests[entry.id] = digest
                else:
                    also[entry.id] = identity
        return Recognised(digests, also)

    def _from_ews(self, mailbox: str, ids: Sequence[str]) -> dict[str, tuple[str, str]]:
        """Identity and newest record by id. Nothing where the server does not translate: such items are read, and twins are
        grouped by their content."""
        if not self._translates or not ids or mailbox in self._untranslated:
            return {}
        try:
            translated = self._session.translated(mailbox, ids)
        except GraphError as exc:
            if exc.status not in (400, 403, 404, 405, 501):
                raise
            self._untranslated.add(mailbox)
            self._note(SourceNote("ids_not_translated", "", f"{_NOT_TRANSLATED} ({exc.told})."))
            return {}
        named = {one: f"ews:{ews_id}" for one, ews_id in translated.items()}
        held = self._held([*named.values()])
        return {one: (identity, digests[-1]) for one, identity in named.items() if (digests := held.get(identity))}


class FolderReader:
    """One folder, from its pages."""

    def __init__(self, session: GraphSession, pool: Executor, source: str, folder: Folder, known: Known, losses: Losses) -> None:
        """The pool's threads ask for the messages; `losses` are those of the whole pass."""
        self._session, self._pool, self._source, self._folder, self._known = session, pool, source, folder, known
        self._losses = losses
        self._window: deque[_Due] = deque()
        self._failed: dict[str, None] = {}

    def batches(self, pages: Iterator[Page], room_for: Callable[[int], None]) -> Iterator[list[OfferedItem]]:
        """The items of the pages; before a message is asked for, `room_for` is told its size and may wait.

        The last item of a page waits for the next page: where that is empty, the item carries its position too.
        """
        for page in pages:
            for due in self._begun(page):
                yield from self._made_room(due.entry.size_bytes)
                if due.ready is None:
                    room_for(due.entry.size_bytes)
                    due.fetch = self._asked(due)
                self._window.append(due)
            if self._window:
                self._window[-1].position = page.position
        while self._window:
            yield [self._taken()]

    # --- the window ----------------------------------------------------------------------------

    def _begun(self, page: Page) -> Iterator[_Due]:
        policy, entries = self._folder.policy, page.entries
        held = Recognised({}, {}) if policy else self._known.among(page.mailbox, entries)
        for entry in entries:
            occurrence = occurrence_of(entry, self._place(entry), is_sent=self._folder.is_sent)
            ready: OfferedItem | None = None
            if policy is not None:
                reason = "its folder is one that the policy leaves out"
                ready = RefusedItem(occurrence.place, ItemState.EXCLUDED, policy, reason)
            elif entry.id in held.digests:
                ready = HeldItem(occurrence, held.digests[entry.id])
            also = (held.also[entry.id],) if entry.id in held.also else ()
            yield _Due(entry, page.mailbox, page.is_again, occurrence, also, ready)

    def _made_room(self, size: int) -> Iterator[list[OfferedItem]]:
        """Where the window is full, give on its older half or more: together, as each hand-over has its cost."""
        if not self._is_full(size):
            return
        most_left, taken = len(self._window) // 2, []
        while self._window and (len(self._window) > most_left or self._window[0].is_here or self._is_full(size)):
            taken.append(self._taken())
        yield taken

    def _is_full(self, size: int) -> bool:
        waiting = sum(due.size_bytes for due in self._window)
        return len(self._window) >= WINDOW_MESSAGES or (waiting > 0 and waiting + size > WINDOW_BYTES)

    def _taken(self) -> OfferedItem:
        due = self._window.popleft()
        item = due.ready if due.ready is not None else self._fetched(due, due.fetch or self._asked(due))
        if isinstance(item, RefusedItem) and item.state is ItemState.FAILED:
            self._failed[due.entry.id] = None
        else:
            self._failed.pop(due.entry.id, None)
        # A cursor names those before it that failed, so that the next run offers them again; behind too many it stays.
        if due.position is None or len(self._failed) > MOST_FAILED:
            return item
        return replace(item, cursor=(self._folder.cursor, replace(due.position, failed=tuple(self._failed)).as_text()))

    # --- one message ---------------------------------------------------------------------------

    def _asked(self, due: _Due) -> Future[bytes]:
        return self._pool.submit(self._session.content, f"{due.address}/$value")

    def _fetched(self, due: _Due, fetch: Future[bytes]) -> OfferedItem:
        try:
            raw = fetch.result()
        except GraphError as exc:
            if exc.status == 404 and exc.code in GONE:
                return self._not_found(due)
            return self._lost(due, exc)
        except NO_ANSWER as exc:
            return self._lost(due, exc)
        self._losses.given(due.entry.size_bytes, partial(self._is_given, due.address))
        if not raw:
            return self._refused(due, ItemState.QUARANTINED, "empty_item", raw=b"")
        return replace(message_of(due.entry, due.occurrence, raw), also=due.also)

    def _not_found(self, due: _Due) -> OfferedItem:
        """Mostly it went after it was listed; one that is still there is not given."""
        try:
            is_gone = not is_there(self._session, due.address)
        except (GraphError, *NO_ANSWER) as exc:
            return self._lost(due, exc)
        if is_gone:
            return self._refused(due, ItemState.EXCLUDED, "gone_at_source")
        return self._refused(due, ItemState.FAILED, "unreadable")

    def _lost(self, due: _Due, error: Exception) -> OfferedItem:
        if isinstance(error, GraphError) and error.status in (401, 429):
            raise error
        # Those that failed before stand in a row here and nowhere else.
        if not due.is_again:
            self._losses.lost(error, [partial(_came, one.fetch) for one in self._window if one.fetch is not None])
        return self._refused(due, ItemState.FAILED, "unreadable")

    def _is_given(self, address: str) -> bool:
        try:
            self._session.content(f"{address}/$value")
        except (GraphError, *NO_ANSWER):
            return False
        return True

    def _refused(self, due: _Due, state: ItemState, code: str, raw: bytes | None = None) -> RefusedItem:
        return RefusedItem(due.occurrence.place, state, code, _REASONS[code], raw)

    def _place(self, entry: Entry) -> Place:
        return Place(self._source, self._folder.path, entry.id)


def _came(fetch: Future[bytes]) -> bool:
    """Whether a message is given that was asked for already. Waits for it."""
    return fetch.exception() is None
