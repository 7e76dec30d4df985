"""Mailboxes in memory for the Exchange server of the tests: folders, items, and what changed since a sync state."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

WELL_KNOWN = {
    "inbox": "Inbox",
    "drafts": "Drafts",
    "outbox": "Outbox",
    "sentitems": "Sent Items",
    "deleteditems": "Deleted Items",
    "junkemail": "Junk Email",
}
RECOVERABLE = {
    "recoverableitemsdeletions": "Deletions",
    "recoverableitemsversions": "Versions",
    "recoverableitemspurges": "Purges",
    "recoverableitemsdiscoveryholds": "DiscoveryHolds",
}
"""Distinguished folder ids as https://learn.microsoft.com/exchange/client-developer/web-service-reference/distinguishedfolderid
lists them, with the names that an English server shows."""

Box = tuple[str, str, str]
"""A mailbox in a header: name, address, MailboxType."""


@dataclass
class Item:
    """One item of a mailbox. `raw` may be made at the time of asking."""

    id: str
    raw: bytes | Callable[[], bytes]
    size: int
    kind: str = "Message"
    item_class: str = "IPM.Note"
    received_at: datetime = datetime(2020, 1, 2, 10, tzinfo=UTC)
    modified_at: datetime = datetime(2020, 1, 2, 10, tzinfo=UTC)
    is_read: bool = False
    is_draft: bool = False
    importance: str = "Normal"
    categories: tuple[str, ...] = ()
    flag_status: int = 0
    last_verb: int = 0
    """PidTagLastVerbExecuted: what was last done with it."""
    conversation_id: str = ""
    message_id: str = ""
    in_reply_to: str = ""
    original_message_id: str = ""
    sender: Box | None = None
    from_: Box | None = None
    to: tuple[Box, ...] = ()
    cc: tuple[Box, ...] = ()
    bcc: tuple[Box, ...] = ()
    created: int = 0
    changed: int = 0
    read_changed: int = 0
    error: str = ""
    """The ResponseCode that GetItem answers for it in place of the item."""

    @property
    def mime(self) -> bytes:
        return self.raw if isinstance(self.raw, bytes) else self.raw()

    @property
    def change_key(self) -> str:
        return base64.b64encode(f"CK{self.changed:06}".encode()).decode()


@dataclass
class Folder:
    """A folder. `refuses` is the ResponseCode that opening it gives."""

    id: str
    name: str
    parent: Folder | None
    distinguished: str = ""
    folder_class: str = "IPF.Note"
    refuses: str = ""
    kind: str = "Folder"
    items: dict[str, Item] = field(default_factory=dict)
    gone: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Item id: when it was made and when it went."""
    children: list[Folder] = field(default_factory=list)

    def below(self) -> Iterator[Folder]:
        for child in self.children:
            yield child
            yield from child.below()

    @property
    def size(self) -> int:
        return sum(item.size for item in self.items.values())


Change = tuple[int, str, str]
"""When, what (Create, Update, ReadFlagChange, Delete), which item."""


class Mailbox:
    """One user's mailbox, with an archive and public folders where asked for."""

    def __init__(self, address: str, *, has_archive: bool = False, has_public: bool = False) -> None:
        self.address = address
        self._numbers, self._clock = count(1), count(1)
        self.folders: dict[str, Folder] = {}
        self.roots: dict[str, Folder] = {}
        self._root("msgfolderroot", "Top of Information Store", WELL_KNOWN)
        self._root("recoverableitemsroot", "Recoverable Items", RECOVERABLE)
        if has_archive:
            self._root("archivemsgfolderroot", "Top of Information Store", {"archiveinbox": "Inbox"})
            archived = {f"archive{key}": name for key, name in RECOVERABLE.items()}
            self._root("archiverecoverableitemsroot", "Recoverable Items", archived)
        if has_public:
            self._root("publicfoldersroot", "IPM_SUBTREE", {})

    def distinguished(self, name: str) -> Folder | None:
        name = {"root": "msgfolderroot", "archiveroot": "archivemsgfolderroot"}.get(name, name)
        return next((one for one in self.folders.values() if one.distinguished == name), None)

    def folder(self, path: str, root: str = "msgfolderroot", folder_class: str = "IPF.Note") -> Folder:
        """The folder of that path, made where it is not there; a list of names in place of a path may hold slashes."""
        at = self.roots[root]
        for name in path.split("/"):
            at = next((one for one in at.children if one.name == name), None) or self._add_folder(name, at, "", folder_class)
        return at

    def put(self, folder: Folder | str, raw: bytes | Callable[[], bytes], **more: object) -> Item:
        """A new item at the end of a folder."""
        into = self.folder(folder) if isinstance(folder, str) else folder
        number = next(self._numbers)
        size = int(str(more.pop("size", 0))) or len(raw if isinstance(raw, bytes) else raw())
        item = Item(_id(f"{self.address}:item:{number}"), raw, size, **more)  # type: ignore[arg-type]
        item.created = item.changed = next(self._clock)
        into.items[item.id] = item
        return item

    def change(self, item: Item, **values: object) -> None:
        """Somebody else changes an item."""
        for name, value in values.items():
            setattr(item, name, value)
        item.modified_at += timedelta(hours=1)
        item.changed = next(self._clock)

    def mark_read(self, item: Item) -> None:
        """Somebody else reads it."""
        item.is_read, item.read_changed = True, next(self._clock)

    def remove(self, item: Item) -> None:
        """Somebody else deletes it for good."""
        for folder in self.folders.values():
            if folder.items.pop(item.id, None):
                folder.gone[item.id] = (item.created, next(self._clock))

    def drop(self, folder: Folder) -> None:
        """Somebody else deletes a folder for good."""
        del self.folders[folder.id]
        if folder.parent is not None:
            folder.parent.children.remove(folder)

    def item(self, item_id: str) -> Item | None:
        return next((folder.items[item_id] for folder in self.folders.values() if item_id in folder.items), None)

    def changes(self, folder: Folder, since: int) -> list[Change]:
        """What a client that stands at `since` does not know, oldest first, one change an item."""
        found: list[Change] = []
        for item in folder.items.values():
            if item.created > since:
                found.append((max(item.changed, item.read_changed), "Create", item.id))
            elif item.changed > since:
                found.append((item.changed, "Update", item.id))
            elif item.read_changed > since:
                found.append((item.read_changed, "ReadFlagChange", item.id))
        found += [(went, "Delete", key) for key, (made, went) in folder.gone.items() if made <= since < went]
        return sorted(found)

    def traces(self) -> object:
        """All that a client could have changed."""
        return [
            (folder.id, folder.name, [(one.id, one.changed, one.is_read, one.read_changed) for one in folder.items.values()])
            for folder in self.folders.values()
        ]

    def _root(self, distinguished: str, name: str, children: dict[str, str]) -> None:
        root = self.roots[distinguished] = self._add_folder(name, None, distinguished)
        for key, child in children.items():
            self._add_folder(child, root, key)

    def _add_folder(self, name: str, parent: Folder | None, distinguished: str, folder_class: str = "IPF.Note") -> Folder:
        folder = Folder(_id(f"{self.address}:folder:{next(self._numbers)}"), name, parent, distinguished, folder_class)
        self.folders[folder.id] = folder
        if parent is not None:
            parent.children.append(folder)
        return folder


def _id(text: str) -> str:
    """Ids look as those of a real server: long, in Base64, of no meaning to a client."""
    return "AAMk" + base64.b64encode(f"{text:<48}".encode()).decode()
