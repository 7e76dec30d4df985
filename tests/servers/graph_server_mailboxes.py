"""What the Graph test server holds: mailboxes with folders, messages, three kinds of ids, and the changes since a moment.

Shapes follow the published resource pages: /graph/api/resources/message, /graph/api/resources/mailfolder,
/graph/outlook-immutable-id, /graph/delta-query-messages.
"""

from __future__ import annotations

import hashlib
import itertools
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

WELL_KNOWN = {
    "INBOX": "inbox",
    "Inbox": "inbox",
    "Sent": "sentitems",
    "Sent Items": "sentitems",
    "Drafts": "drafts",
    "Outbox": "outbox",
    "Junk": "junkemail",
    "Junk Email": "junkemail",
    "Deleted Items": "deleteditems",
    "Archive": "archive",
    "Sync Issues": "syncissues",
}
"""English names of the folders that Outlook makes (/graph/api/resources/mailfolder, 'Well-known folder names')."""

RECOVERABLE = {
    "Deletions": "recoverableitemsdeletions",
    "Versions": "recoverableitemsversions",
    "Purges": "recoverableitemspurges",
    "DiscoveryHolds": "recoverableitemsdiscoveryholds",
}

_FIRST = datetime(2020, 1, 2, 10, 0, tzinfo=UTC)


@dataclass
class GraphMessage:
    """A message. `id` is the immutable id; the others change when it moves to another folder."""

    id: str
    folder_id: str
    raw: bytes | Callable[[int], bytes]
    """The MIME, or what makes it for the so-manieth fetch."""
    received: datetime
    modified: datetime
    properties: dict[str, Any] = field(default_factory=dict)
    fetches: int = 0
    is_large: int = 0
    """Bytes to stream instead of `raw`, for items that no test holds in memory."""

    @property
    def rest_id(self) -> str:
        return "AQMk" + urlsafe_b64encode(_hash(self.id + self.folder_id)).decode()

    @property
    def ews_id(self) -> str:
        return "AAMk" + b64encode(_hash(self.id + self.folder_id)).decode()

    def mime(self) -> bytes:
        self.fetches += 1
        return self.raw if isinstance(self.raw, bytes) else self.raw(self.fetches)

    def as_json(self, select: Iterable[str] | None, extended: bool, immutable: bool) -> dict[str, Any]:
        """As /graph/api/resources/message shows it. `@odata.type` stands on derived types only, as in the examples there."""
        size = self.is_large or len(self.raw if isinstance(self.raw, bytes) else self.raw(0))
        told = {
            "createdDateTime": _text(self.received),
            "lastModifiedDateTime": _text(self.modified),
            "changeKey": b64encode(_hash(_text(self.modified))[:12]).decode(),
            "categories": [],
            "receivedDateTime": _text(self.received),
            "sentDateTime": _text(self.received),
            "importance": "normal",
            "isRead": False,
            "isDraft": False,
            "conversationId": "AAQk" + b64encode(_hash(self.id)[:9]).decode(),
            "internetMessageId": f"<{self.id[-8:]}@agency.example>",
            "parentFolderId": self.folder_id,
            "flag": {"flagStatus": "notFlagged"},
            "toRecipients": [],
            "ccRecipients": [],
            "bccRecipients": [],
        } | {key: value for key, value in self.properties.items() if key not in ("@odata.type", "item_class")}
        if select is not None:
            told = {key: value for key, value in told.items() if key in select}
        head: dict[str, Any] = {"@odata.etag": f'W/"{told.get("changeKey", "CQAA")}"'}
        if "@odata.type" in self.properties:
            head["@odata.type"] = self.properties["@odata.type"]
        told = head | {"id": self.id if immutable else self.rest_id} | told
        if extended:
            # /graph/api/singlevaluelegacyextendedproperty-get: ids come back in the server's own spelling.
            told["singleValueExtendedProperties"] = [
                {"id": "Long 0xe08", "value": str(size)},
                {"id": "String 0x1a", "value": self.properties.get("item_class", "IPM.Note")},
            ]
        return told


@dataclass
class GraphFolder:
    """A folder. Folder ids are constant (/graph/outlook-immutable-id: container types)."""

    id: str
    name: str
    parent: str
    well_known: str | None = None
    is_hidden: bool = False
    is_search: bool = False


class GraphMailbox:
    """One mailbox: a tree below its root, another below its Recoverable Items, and a log of what changed."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.folders: dict[str, GraphFolder] = {}
        self.messages: dict[str, GraphMessage] = {}
        self.changes: list[tuple[str, str]] = []
        """(folder id, message id) of every change, oldest first; its length is the state that a delta token names."""
        self.generation = 0
        """Tokens of an older one are answered 410."""
        self.archive: GraphMailbox | None = None
        self.now = _FIRST
        self._numbers = itertools.count(1)
        self.root = self._folder_id("msgfolderroot")
        self.recoverable = self._folder_id("recoverableitemsroot")

    def _folder_id(self, name: str) -> str:
        return "AAMk" + urlsafe_b64encode(_hash(f"{self.address}/{name}/{next(self._numbers)}")[:21]).decode() + "AAA="

    def folder(
        self, path: str, *, well_known: str | None = None, is_hidden: bool = False, is_search: bool = False
    ) -> GraphFolder:
        """The folder of that path, made with those above it where it is not there."""
        parent, found = self.root, None
        for depth, name in enumerate(path.split("/")):
            if depth == 0 and name == "Recoverable Items":
                parent = self.recoverable
                continue
            found = next((one for one in self.folders.values() if one.parent == parent and one.name == name), None)
            if found is None:
                known = (RECOVERABLE if parent == self.recoverable else WELL_KNOWN if depth == 0 else {}).get(name)
                found = GraphFolder(self._folder_id(name), name, parent, known)
                self.folders[found.id] = found
            parent = found.id
        assert found is not None
        if well_known or is_hidden or is_search:
            found = self.folders[found.id] = replace(
                found, well_known=well_known or found.well_known, is_hidden=is_hidden, is_search=is_search
            )
        return found

    def add(
        self,
        path: str,
        raw: bytes | Callable[[int], bytes],
        properties: Mapping[str, Any] | None = None,
        *,
        received: datetime | None = None,
        is_large: int = 0,
    ) -> GraphMessage:
        """A new message in the folder of that path."""
        folder, number = self.folder(path), next(self._numbers)
        self.now += timedelta(seconds=1)
        message_id = "AAkA" + urlsafe_b64encode(_hash(f"{self.address}#{number}")).decode() + f"{number:08}"
        message = GraphMessage(
            message_id, folder.id, raw, received or self.now, self.now, dict(properties or {}), is_large=is_large
        )
        self.messages[message.id] = message
        self.changes.append((folder.id, message.id))
        return message

    def change(self, message: GraphMessage, raw: bytes | None = None, **properties: Any) -> None:
        """Change it where it lies, as a reader or a client does."""
        self.now += timedelta(seconds=1)
        message.modified = self.now
        message.properties.update(properties)
        if raw is not None:
            message.raw = raw
        self.changes.append((message.folder_id, message.id))

    def move(self, message: GraphMessage, path: str) -> None:
        """Into another folder: the immutable id stays, the others change."""
        before, message.folder_id = message.folder_id, self.folder(path).id
        self.changes += [(before, message.id), (message.folder_id, message.id)]

    def remove(self, message: GraphMessage) -> None:
        """Gone for good."""
        del self.messages[message.id]
        self.changes.append((message.folder_id, message.id))

    def in_folder(self, folder_id: str) -> list[GraphMessage]:
        return [one for one in self.messages.values() if one.folder_id == folder_id]

    def children(self, parent: str, *, with_hidden: bool) -> list[GraphFolder]:
        return [one for one in self.folders.values() if one.parent == parent and (with_hidden or not one.is_hidden)]

    def named(self, name: str) -> str | None:
        """The id that a folder id or a well-known name stands for."""
        small = name.lower()
        roots = {"msgfolderroot": self.root, "recoverableitemsroot": self.recoverable}
        if small in roots:
            return roots[small]
        known = next((one.id for one in self.folders.values() if one.well_known == small), None)
        return known or (name if name in self.folders else None)

    def message(self, given: str) -> GraphMessage | None:
        """By any of its ids."""
        return self.messages.get(given) or next((one for one in self.messages.values() if given == one.rest_id), None)

    def folder_json(self, folder: GraphFolder) -> dict[str, Any]:
        """As in the examples of /graph/api/user-list-mailfolders; `sizeInBytes` is what the service sends beside them."""
        inside = self.in_folder(folder.id)
        told: dict[str, Any] = {
            "id": folder.id,
            "displayName": folder.name,
            "parentFolderId": folder.parent,
            "childFolderCount": len(self.children(folder.id, with_hidden=False)),
            "unreadItemCount": len(inside),
            "totalItemCount": len(inside),
            "sizeInBytes": sum(one.is_large or len(one.raw) if isinstance(one.raw, bytes) else 1000 for one in inside),
            "isHidden": folder.is_hidden,
        }
        return {"@odata.type": "#microsoft.graph.mailSearchFolder", **told} if folder.is_search else told


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
