"""Quarantine: bytes kept without being a record. Look at them, and offer them to the archive again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from capstone.domain.access import Person, may_see
from capstone.domain.errors import AccountBusy, CapstoneError, UnknownAccount, UnknownRecord
from capstone.domain.layout import NO_ACCOUNT
from capstone.domain.message import OfferedItem, OfferedMessage, Place, RefusedItem, SourceNote
from capstone.ports import MailSource, Quarantined
from capstone.usecases.capture import CaptureParts, RunReport, capture_source
from capstone.usecases.journal_retry import BytesOf
from capstone.usecases.search import ReadingParts
from capstone.usecases.stored import checked_quarantined

OpenSource = Callable[[str, str, bytes], MailSource]
"""(source name, item id, bytes) to a source that cuts these bytes as its kind does."""
SortAgain = Callable[[Sequence[Quarantined], BytesOf], list[RunReport]]
"""What was received for nobody, and what gives its bytes: sorted by the register of now. See `usecases.journal_retry`."""


def list_quarantine(parts: ReadingParts, viewer: Person) -> list[Quarantined]:
    """What lies in quarantine within the viewer's scope. Raises NotAllowed."""
    scope = parts.scope_of(viewer)
    return [one for one in parts.records.quarantine() if may_see(scope, one.account)]


def show_quarantined(parts: ReadingParts, viewer: Person, digest: str) -> tuple[Quarantined, bytes]:
    """One item and its bytes. Raises NotAllowed, UnknownRecord, ObjectMissing, FixityMismatch."""
    found = next((one for one in list_quarantine(parts, viewer) if one.digest == digest), None)
    if found is None:
        raise UnknownRecord(f"Nothing in quarantine has the digest {digest}.", "See 'capstone quarantine list'.")
    raw = checked_quarantined(parts.store, found)
    if isinstance(raw, CapstoneError):
        raise raw
    parts.note(viewer, "view_quarantined", {"digest": digest})
    return found, raw


def retry_quarantine(
    parts: ReadingParts, capture: CaptureParts, viewer: Person, open_source: OpenSource, sort_again: SortAgain
) -> list[RunReport]:
    """Offer every item again, as a later release may be able to read it, or a later register say whose it is. What is refused
    again counts a try and stays; one whose bytes are missing or damaged is not tried, and the others are."""
    kept, bytes_of = list_quarantine(parts, viewer), partial(checked_quarantined, parts.store)
    reports = [_offered_again(capture, item, open_source, bytes_of) for item in kept if item.account != NO_ACCOUNT]
    return reports + sort_again([item for item in kept if item.account == NO_ACCOUNT], bytes_of)


def _offered_again(capture: CaptureParts, item: Quarantined, open_source: OpenSource, bytes_of: BytesOf) -> RunReport:
    raw = bytes_of(item)
    try:
        if isinstance(raw, CapstoneError):
            return _failed(item, raw)
        source = OfferedAgain(open_source(item.source, item.item_id, raw), item)
        return capture_source(capture, item.account, source, is_whole=False)
    except (UnknownAccount, AccountBusy) as exc:  # the others are tried all the same
        return _failed(item, exc)


def _failed(item: Quarantined, error: CapstoneError) -> RunReport:
    return RunReport("", item.account, item.source, "failed", {}, error=error)


class OfferedAgain:
    """A source of the quarantined bytes that keeps the place where they were first met."""

    gives_same_bytes = True

    def __init__(self, inner: MailSource, item: Quarantined) -> None:
        self._inner, self._item = inner, item
        self.name = item.source

    def items(self, cursors: Mapping[str, str]) -> Iterator[OfferedItem]:
        for number, item in enumerate(self._inner.items({})):
            if isinstance(item, RefusedItem):
                yield replace(item, place=Place(self.name, item.place.folder, self._item.item_id))
            else:
                yield replace(item, occurrence=replace(item.occurrence, place=self._place(item.occurrence.place, number)))

    def places(self) -> Iterator[Place]:
        return (item.occurrence.place for item in self.items({}) if isinstance(item, OfferedMessage))

    def notes(self) -> Sequence[SourceNote]:
        return [replace(note, where=self._item.item_id) for note in self._inner.notes()]

    def _place(self, place: Place, number: int) -> Place:
        return Place(self.name, place.folder, f"{self._item.item_id}#{number}")
