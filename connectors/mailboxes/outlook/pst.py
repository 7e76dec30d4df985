"""The items of a PST or OST, read by libpff in a process of its own.

An item is known by the digest of the file and its node id; those that the archive holds are not read again. An item that ends the
process, hangs it or has nothing that can be read is set aside with all that is known of it, and the rest is read on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from capstone.domain import folders
from capstone.domain.coverage import CONTAINER, MISSED
from capstone.domain.folders import FolderPolicy
from capstone.domain.generated import eml
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
    SourceNote,
)
from capstone.ports import HeldItems
from connectors.mailboxes.outlook.facts import occurrence_of
from connectors.mailboxes.outlook.pst_folders import ORPHANED
from connectors.mailboxes.outlook.pst_reading import PstNotOpened, PstReading
from connectors.mailboxes.outlook.reader_process import Message, ReaderEnded, ReaderProcess

_REASONS = {
    "pst_item_unreadable": "nothing of the item can be read, or reading it ended or hung the process that read it",
}
_ASKED_AT_ONCE = 500
_MOST_DEATHS = 50
"""How often one file may end its process before it counts as one that cannot be read on."""


@dataclass(frozen=True, slots=True)
class PstPlace:
    """Which file it is, and what its places are called."""

    path: bytes
    """Where the process that reads it opens it."""
    source: str
    folder: str
    """What comes before the folders in it."""
    item_id: str
    home: str
    """The name of the folder that a person named: mail in a named `Sent` is sent mail."""
    digest: str = ""


def nothing_to_assure() -> None:
    """For a file that nobody else can write."""


@dataclass(frozen=True, slots=True)
class _Folder:
    path: str
    ids: tuple[int, ...]


@dataclass(slots=True)
class _Counts:
    """What the file was expected to hold, and what came of it."""

    expected: int = 0
    emitted: int = 0
    lacking: int = 0
    """Of these, messages that lack something of their item, as they say themselves."""
    no_mail: int = 0
    """Of these, what is no mail by its class. Another program that counts mail counts none of it."""
    unrecovered: int = 0
    orphaned: int = 0
    """Of these, messages that no folder names: deleted, or of a folder that is damaged."""
    is_tree_whole: bool = True
    """Whether the tree could be read that lists what no folder names."""
    notes: list[str] = field(default_factory=list)


class PstItemsOffered:
    """Offers the items of one file; `note` tells what came of it once all were taken."""

    def __init__(
        self, place: PstPlace, held: HeldItems, excludes: FolderPolicy, readers: Sequence[ReaderProcess],
        assure: Callable[[], None] = nothing_to_assure, *, most_deaths: int = _MOST_DEATHS,
    ) -> None:  # fmt: skip
        """`readers` are for `pst_child.begin`; they may have read other files before. Several of them read in turns.

        `assure` raises OSError once the file has changed.
        """
        self._place, self._held, self._excludes, self._assure = place, held, excludes, assure
        self._reading = PstReading(place.path, readers, most_deaths)
        self._counts = _Counts()

    def items(self) -> Iterator[OfferedItem]:
        """Every item once, folder by folder as the file has them.

        Raises PstNotOpened, before the first unless it cannot be read on, and what `assure` raises.
        """
        is_done = False
        try:
            self._reading.open()
            if self._reading.has_password:
                self._counts.notes.append("it has a password, which keeps nothing from being read")
            listed = self._listed()
            if self._counts.unrecovered and not any(folder.ids for folder in listed):
                raise PstNotOpened
            for folder in listed:
                yield from self._items_of(folder)
            self._reading.close()
            is_done = True
        finally:
            if not is_done:
                self._reading.end()

    def note(self, witnessed: int | None) -> SourceNote:
        """The counts, with what another program counted: more mail than was read is a gap."""
        counts = {"expected": self._counts.expected, "emitted": self._counts.emitted, "unrecovered": self._counts.unrecovered}
        counts |= {"lacking": self._counts.lacking} if self._counts.lacking else {}
        counts |= {"orphaned": self._counts.orphaned} if self._counts.orphaned else {}
        counts |= {"second_witness": witnessed} if witnessed is not None else {}
        reasons = [*self._counts.notes, "items deleted from it were not looked for"]
        if self._counts.orphaned:
            reasons.append(
                f"{self._counts.orphaned} that no folder names, deleted or of a damaged folder, are offered as {ORPHANED}"
            )
        missed = (witnessed or 0) - (self._counts.emitted - self._counts.no_mail)
        if missed > 0:
            counts |= {MISSED: missed}
            reasons.append("another reader lists more mail than was read")
        return SourceNote(CONTAINER, self._place.item_id, "; ".join(reasons), counts)

    def note_unopened(self, witnessed: int | None) -> SourceNote | None:
        """Of a file that could not be opened, or not be read on: whether somebody else may find mail in it."""
        if not witnessed:
            return None
        reason = "it cannot be read here; another reader lists mail in it (readpst takes it out)"
        counts = {"emitted": self._counts.emitted, "second_witness": witnessed, MISSED: max(1, witnessed - self._counts.emitted)}
        return SourceNote(CONTAINER, self._place.item_id, reason, counts)

    def _listed(self) -> list[_Folder]:
        """All folders with the node ids in them. A step of the list that ends the process is passed over, and nothing else."""
        passed_over: list[Sequence[int | str]] = []
        while True:
            listed: list[_Folder] = []
            self._counts.expected = self._counts.orphaned = 0
            at = None
            try:
                for told in self._reading.listed(passed_over):
                    at = told.get("at", at)
                    self._take(told, listed)
            except ReaderEnded:
                passed_over += [at] if at is not None else []
                continue
            self._note_lost(listed, passed_over)
            return listed

    def _take(self, told: Mapping[str, Any], listed: list[_Folder]) -> None:
        if "ids" in told:
            self._counts.expected += told["expected"]
            self._counts.orphaned += len(told["ids"]) if told.get("is_orphaned") else 0
            self._counts.is_tree_whole = told.get("is_tree_whole", True)
            listed.append(_Folder("/".join(told["path"]), tuple(told["ids"])))

    def _note_lost(self, listed: Sequence[_Folder], passed_over: Sequence[object]) -> None:
        self._counts.unrecovered = self._counts.expected - sum(len(folder.ids) for folder in listed)
        if not self._counts.is_tree_whole:
            self._counts.notes.append("its list of nodes is damaged: that counts as one item, and may hide more")
        if passed_over:
            self._counts.notes.append(
                f"{len(passed_over)} of its parts ended the process that read them: each counts as one item, and may hold more"
            )

    def _items_of(self, folder: _Folder) -> Iterator[OfferedItem]:
        policy = self._excludes(folder.path)
        for start in range(0, len(folder.ids), _ASKED_AT_ONCE):
            ids = folder.ids[start : start + _ASKED_AT_ONCE]
            self._assure()
            if policy is not None:
                for identifier in ids:
                    place = self._place_of(folder, identifier)
                    yield self._excluded(place, policy, "its folder is one that the policy leaves out")
                continue
            held = self._held([self._identity(identifier) for identifier in ids])
            wanted = [identifier for identifier in ids if not held.get(self._identity(identifier))]
            read = self._reading.read(wanted, self._assure)
            for identifier in ids:
                digests = held.get(self._identity(identifier))
                yield self._held_item(folder, identifier, digests[0]) if digests else self._item(folder, identifier, next(read))

    def _item(self, folder: _Folder, identifier: int, answer: Message) -> OfferedItem:
        told, blobs = answer
        place = self._place_of(folder, identifier)
        if told["state"] == "message":
            self._counts.emitted += 1
            self._counts.lacking += bool(told.get("is_lacking"))
            is_sent = folders.is_sent(f"{self._place.home}/{place.folder}")
            occurrence = occurrence_of(told, place, self._identity(identifier), is_sent=is_sent)
            return OfferedMessage(occurrence, blobs[0], companions=(Companion(CompanionKind.NATIVE, "json", blobs[1]),))
        if told["state"] == "excluded":
            self._counts.no_mail += 1
            return self._excluded(place, told["policy"], "its class is that of an item that is no mail")
        self._counts.unrecovered += 1
        return RefusedItem(
            place, ItemState.QUARANTINED, "pst_item_unreadable", _REASONS["pst_item_unreadable"], self._known(place, identifier)
        )

    def _excluded(self, place: Place, policy: str, reason: str) -> RefusedItem:
        self._counts.emitted += 1
        return RefusedItem(place, ItemState.EXCLUDED, policy, reason)

    def _held_item(self, folder: _Folder, identifier: int, digest: str) -> HeldItem:
        self._counts.emitted += 1
        place = self._place_of(folder, identifier)
        is_sent = folders.is_sent(f"{self._place.home}/{place.folder}")
        return HeldItem(Occurrence(place, is_sent=is_sent, identity=self._identity(identifier)), digest)

    def _known(self, place: Place, identifier: int) -> bytes:
        """All that is known of an item that cannot be read, so that somebody can look for it in the file."""
        told = {"pst": self._place.digest, "node": identifier, "folder": place.folder, "generator": eml.VERSION}
        return json.dumps(told, sort_keys=True, ensure_ascii=True, separators=(",", ":")).encode()

    def _place_of(self, folder: _Folder, identifier: int) -> Place:
        path = "/".join(part for part in (self._place.folder, folder.path) if part)
        return Place(self._place.source, path, f"{self._place.item_id}#{identifier}")

    def _identity(self, identifier: int) -> str:
        return f"pst:{self._place.digest}:{identifier}"
