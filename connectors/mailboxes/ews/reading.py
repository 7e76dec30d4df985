"""Reads one folder by its sync states: batches bounded in bytes, a large item alone, every listed item offered in one state."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial

from exchangelib import errors as ews

from capstone.domain.envelopes import ListMembers, write_envelope
from capstone.domain.fixity import digest_of
from capstone.domain.message import (
    Companion,
    CompanionKind,
    HeldItem,
    ItemState,
    Occurrence,
    OfferedItem,
    OfferedMessage,
    Place,
    RefusedItem,
)
from capstone.ports import HeldItems
from connectors.mailboxes.ews.cursors import Position, position_in
from connectors.mailboxes.ews.errors import ABSENT, NO_ANSWER
from connectors.mailboxes.ews.folders import Folder
from connectors.mailboxes.ews.items import envelope_of, left_out_by, lists_among
from connectors.mailboxes.ews.lists import Lists
from connectors.mailboxes.ews.mailbox import Answer, EwsReader
from connectors.mailboxes.ews.unlisted import listing
from connectors.mailboxes.ews.values import Entry, Got, ItemTold, Page
from connectors.mailboxes.failed import MOST_FAILED
from connectors.mailboxes.losses import Losses, Probe

BATCH_ITEMS, BATCH_BYTES = 100, 4 * 1024 * 1024
"""What one GetItem asks for at most."""

LARGE_BYTES = 1024 * 1024
"""A larger item is asked for alone."""

_MOST_RESYNCS = 3
"""So often a folder is read from its beginning in one run."""

_MOST_PROBED = 5
"""So many others are asked for where items in a row get no answer: where none does, it is the server, not the items."""

_REASONS = {
    "gone_at_source": "it was deleted or moved at the server between being listed and being read",
    "unreadable": "the mail server lists it and does not give its bytes",
    "empty_item": "it holds no bytes",
}

_NO_MIME = "the mail server gives no MIME of items of this class ({}): leave that class out, or take it by a PST"


@dataclass(frozen=True, slots=True)
class Reading:
    """What all folders of a run share."""

    source: str
    reader: EwsReader
    lists: Lists
    held: HeldItems
    calendars: bool
    room_for: Callable[[int], None]
    """Told the bytes of a batch before it is asked for; may wait."""
    losses: Losses = field(default_factory=Losses)


class FolderReader:
    """One folder from a sync state on."""

    def __init__(self, reading: Reading, folder: Folder) -> None:
        """Nothing is asked yet."""
        self._reading, self._folder = reading, folder
        self._failed: dict[str, None] = {}
        self._is_again = False
        self._page: tuple[Entry, ...] = ()
        self._lost_ids: set[str] = set()
        self._unfound = Losses()
        self.has_unfound = False
        """Whether the server did not find an item that nobody says is gone."""

    def batches(self, cursor: str) -> Iterator[list[OfferedItem]]:
        """The items since a cursor, in the order of the server, behind those that an earlier run was not given. The last item
        of a page carries where it stands and what of it failed; behind too many that failed the cursor stays. Raises
        NotListed."""
        position = position_in(cursor)
        given: set[bytes] = set()
        if position.failed:
            self._is_again = True
            yield from self._offered(self._again(position, given))
            self._is_again = False
        pages = self.pages(position.state, given)
        while (page := _next_of(pages)) is not None:
            yield from self._offered(page)

    def _offered(self, page: Page) -> Iterator[list[OfferedItem]]:
        self._page, held = page.entries, self._held(page)
        chunks = list(_batched(page.entries, self._policy))
        for number, chunk in enumerate(chunks, 1):
            items = self._offer(chunk, held)
            if number == len(chunks) and len(self._failed) <= MOST_FAILED:
                text = Position(page.state, tuple(self._failed)).as_text()
                items[-1] = replace(items[-1], cursor=(self._folder.cursor, text))
            yield items

    def _again(self, position: Position, given: set[bytes]) -> Page:
        """What an earlier run was not given, as it is now."""
        entries = self._reading.reader.entries(position.failed)
        return Page(tuple(one for one in entries if not _is_among(given, one)), position.state, is_last=False)

    def places(self) -> Iterator[Place]:
        """The places of all that is not left out."""
        for page in self.pages("", set()):
            yield from (self._place(entry) for entry in page.entries if self._policy(entry) is None)

    def pages(self, state: str, given: set[bytes]) -> Iterator[Page]:
        """The pages since a state; from the beginning where the server does not know the state any more, without what was
        `given` before and has not changed. Raises ErrorInvalidSyncStateData where it knows no state for long."""
        followed = {_mark(state)}
        resyncs = 0
        while True:
            try:
                page = self._reading.reader.page(self._folder.folder_id, state)
            except ews.ErrorInvalidSyncStateData:
                if not state or resyncs == _MOST_RESYNCS:
                    raise
                state, resyncs = "", resyncs + 1
                followed.clear()
                continue
            yield replace(page, entries=tuple(one for one in page.entries if not _is_among(given, one)))
            if page.is_last:
                return
            if _mark(page.state) in followed:
                raise ews.MalformedResponseError("a sync that does not go on")
            state = page.state
            followed.add(_mark(state))

    # --- one batch -----------------------------------------------------------------------------

    def _held(self, page: Page) -> dict[str, tuple[str, ...]]:
        """Of those that nobody changed since they were made, those that the archive holds."""
        asked = [_identity(one.item_id) for one in page.entries if one.is_original and self._policy(one) is None]
        return dict(self._reading.held(asked)) if asked else {}

    def _offer(self, chunk: list[Entry], held: dict[str, tuple[str, ...]]) -> list[OfferedItem]:
        wanted = [one for one in chunk if self._policy(one) is None and _identity(one.item_id) not in held]
        read = dict(zip([one.item_id for one in wanted], self._read(wanted), strict=True))
        items: list[OfferedItem] = []
        for entry in chunk:
            item = read.pop(entry.item_id, None) or self._not_read(entry, held)
            if isinstance(item, RefusedItem) and item.state is ItemState.FAILED:
                self._failed[entry.item_id] = None
            else:
                self._failed.pop(entry.item_id, None)
            items.append(item)
        return items

    def _not_read(self, entry: Entry, held: dict[str, tuple[str, ...]]) -> OfferedItem:
        if digests := held.get(_identity(entry.item_id)):
            return HeldItem(self._occurrence(entry, None), digests[-1])
        policy = self._policy(entry) or ""
        by = "folder" if policy == self._folder.policy else "class"
        return RefusedItem(self._place(entry), ItemState.EXCLUDED, policy, f"its {by} is one that the policy leaves out")

    def _read(self, entries: list[Entry]) -> list[OfferedItem]:
        """One answer for all; where none comes, each item alone, as one may be the cause."""
        if len(entries) < 2:
            return [self._read_alone(entry) for entry in entries]
        self._reading.room_for(sum(entry.size_bytes for entry in entries))
        try:
            answers = self._reading.reader.items([entry.item_id for entry in entries])
        except NO_ANSWER:
            return [self._read_alone(entry) for entry in entries]
        return self._items(entries, answers)

    def _read_alone(self, entry: Entry) -> OfferedItem:
        self._reading.room_for(entry.size_bytes)
        try:
            answers = [self._reading.reader.large_item(entry.item_id)]
        except NO_ANSWER as exc:
            return self._lost(entry, exc, self._reading.losses)
        (item,) = self._items([entry], answers)
        return item

    def _items(self, entries: list[Entry], answers: list[Answer]) -> list[OfferedItem]:
        """Empties `answers`, so that their bytes are held by the items only."""
        gone = self._gone([entry for entry, answer in zip(entries, answers, strict=True) if isinstance(answer, ABSENT)])
        answers.reverse()
        return [self._item(entry, answers.pop(), is_gone=entry.item_id in gone) for entry in entries]

    def _gone(self, unfound: list[Entry]) -> set[str]:
        """Those that are no more. Of public folders nobody can tell: their content may lie in another mailbox."""
        if not unfound or self._folder.is_public:
            return set()
        try:
            return self._reading.reader.gone([entry.item_id for entry in unfound])
        except NO_ANSWER:
            return set()

    # --- one item ------------------------------------------------------------------------------

    def _lost(self, entry: Entry, error: Exception, among: Losses) -> RefusedItem:
        """Raises the error where it is the server's, or the folder's, rather than this item's."""
        self._lost_ids.add(entry.item_id)
        # Those that failed before stand in a row here and nowhere else.
        if not self._is_again:
            among.lost(error, self._others())
        return self._refused(entry, ItemState.FAILED, "unreadable")

    def _others(self) -> list[Probe]:
        """Some other items of the page, from all parts of it."""
        others = [
            one
            for one in self._page
            if one.item_id not in self._lost_ids and one.size_bytes <= LARGE_BYTES and self._policy(one) is None
        ]
        return [partial(self._is_given, one) for one in others[:: -(-len(others) // _MOST_PROBED) or 1]]

    def _is_given(self, entry: Entry) -> bool:
        self._reading.room_for(entry.size_bytes)
        try:
            answer = self._reading.reader.large_item(entry.item_id)
        except NO_ANSWER:
            return False
        return isinstance(answer, Got) and answer.raw is not None

    def _item(self, entry: Entry, answer: Answer, *, is_gone: bool) -> OfferedItem:
        if isinstance(answer, ABSENT) and not is_gone:
            self.has_unfound = True
            item = self._lost(entry, answer, self._unfound)
            self._unfound.end()  # Where the folder shows nothing else, it is the folder that is not found.
            return item
        for losses in (self._reading.losses, self._unfound):
            losses.answered()
        if is_gone:
            return self._refused(entry, ItemState.EXCLUDED, "gone_at_source")
        if isinstance(answer, ews.ErrorUnsupportedMimeConversion):
            why = _NO_MIME.format(entry.item_class or "not told")
            return RefusedItem(self._place(entry), ItemState.FAILED, "unreadable", why)
        if not isinstance(answer, Got) or answer.raw is None:
            return self._refused(entry, ItemState.FAILED, "unreadable")
        for losses in (self._reading.losses, self._unfound):
            losses.given(entry.size_bytes, partial(self._is_given, entry))
        if not answer.raw:
            return self._refused(entry, ItemState.QUARANTINED, "empty_item", b"")
        return self._message(entry, answer.told, answer.raw)

    def _message(self, entry: Entry, told: ItemTold, raw: bytes) -> OfferedMessage:
        digest = digest_of(raw)
        envelope = write_envelope(envelope_of(told, raw, self._lists(entry, told, digest)), digest)
        companion = Companion(CompanionKind.ENVELOPE, "json", envelope)
        return OfferedMessage(self._occurrence(entry, digest_of(envelope)), raw, companions=(companion,), digest=digest)

    def _lists(self, entry: Entry, told: ItemTold, digest: str) -> tuple[ListMembers, ...]:
        """The members of its lists when these bytes are captured first: beside the record they stay, and an answer of another
        instant would make another envelope at each fetch."""
        lists, identity = lists_among(told), _identity(entry.item_id)
        if not lists or digest in self._reading.held([identity]).get(identity, ()):
            return ()
        return self._reading.lists.behind(lists)

    def _occurrence(self, entry: Entry, envelope: str | None) -> Occurrence:
        return Occurrence(
            self._place(entry),
            entry.flags,
            entry.received_at,
            is_sent=self._folder.is_sent,
            envelope=envelope,
            identity=_identity(entry.item_id),
        )

    def _refused(self, entry: Entry, state: ItemState, code: str, raw: bytes | None = None) -> RefusedItem:
        return RefusedItem(self._place(entry), state, code, _REASONS[code], raw)

    def _place(self, entry: Entry) -> Place:
        return Place(self._reading.source, self._folder.path, entry.item_id)

    def _policy(self, entry: Entry) -> str | None:
        return self._folder.policy or left_out_by(entry.item_class, calendars=self._reading.calendars)


def _next_of(pages: Iterator[Page]) -> Page | None:
    with listing():
        return next(pages, None)


def _is_among(given: set[bytes], entry: Entry) -> bool:
    """Whether this version of the item was given before; remembers it. Without a version, it may be another."""
    mark = _mark(f"{entry.item_id} {entry.version}")
    is_known = bool(entry.version) and mark in given
    given.add(mark)
    return is_known


def _mark(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=12).digest()


def _identity(item_id: str) -> str:
    return f"ews:{item_id}"


def _batched(entries: tuple[Entry, ...], policy: Callable[[Entry], str | None]) -> Iterator[list[Entry]]:
    """As many as one GetItem asks for; a large item alone. What is left out weighs nothing."""
    batch: list[Entry] = []
    size = largest = 0
    for entry in entries:
        weight = 0 if policy(entry) else entry.size_bytes
        is_full = len(batch) >= BATCH_ITEMS or size + weight > BATCH_BYTES
        if batch and (is_full or max(weight, largest) > LARGE_BYTES):
            yield batch
            batch, size, largest = [], 0, 0
        batch.append(entry)
        size, largest = size + weight, max(largest, weight)
    if batch:
        yield batch
