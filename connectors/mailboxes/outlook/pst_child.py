"""What the process does that reads a PST: open it, list its folders, read items by their node ids. See `pst` for who asks.

| told | answers |
|---|---|
| do "open", path | opened, has_password |
| do "list", passed_over: steps | as `pst_folders` tells |
| do "read", ids | for each: id, state and, for a message, what an occurrence needs, with EML and native JSON |
| do "close" | closed |
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any

from capstone.domain.facts.codepages import charset_of
from capstone.domain.generated import eml, native_json
from capstone.domain.generated.item_class import excluded_class
from capstone.domain.generated.mapi import Properties, bytes_of, integer_of, text_of
from connectors.mailboxes.outlook.facts import facts_of
from connectors.mailboxes.outlook.generating import Generate, NotGenerated, generated
from connectors.mailboxes.outlook.pst_folders import PstFolders, Step
from connectors.mailboxes.outlook.pst_items import PstItems
from connectors.mailboxes.outlook.pst_library import PstFile, PstUnreadable
from connectors.mailboxes.outlook.pst_nodes import NodeTree
from connectors.mailboxes.outlook.reader_process import Answers, Message

_CLASS, _PASSWORD, _IPM_SUBTREE = 0x001A, 0x67FF, 0x35E0


def begin(generate: Generate = eml.generate) -> Answers:
    """For `ReaderProcess`."""
    return _Child(generate).answers


class _Child:
    """Has one PST open at a time."""

    def __init__(self, generate: Generate) -> None:
        self._generate = generate
        self._pst: _Pst | None = None

    def answers(self, told: Mapping[str, Any], _blobs: list[bytes]) -> Iterator[Message]:
        if told["do"] == "open":
            yield self._open(told["path"].encode("utf-8", "surrogateescape")), []
        elif told["do"] == "close":
            self._close()
            yield {"closed": True}, []
        elif self._pst is not None and told["do"] == "list":
            yield from self._pst.folders(frozenset(map(tuple, told["passed_over"])))
        elif self._pst is not None and told["do"] == "read":
            yield from (self._pst.read(identifier) for identifier in told["ids"])

    def _close(self) -> None:
        before, self._pst = self._pst, None
        if before is not None:
            before.close()

    def _open(self, path: bytes) -> Mapping[str, Any]:
        self._close()
        try:
            self._pst = _Pst(path, self._generate)
        except PstUnreadable:
            return {"opened": False}
        return {"opened": True, "has_password": self._pst.has_password}


class _Pst:
    """One open PST."""

    def __init__(self, path: bytes, generate: Generate) -> None:
        """Raises PstUnreadable."""
        self._path, self._generate = path, generate
        self._file = file = PstFile(path)
        self._items = PstItems(file, charset_of(file.codepage) or "windows-1252")
        store = self._store()
        self.has_password = bool(integer_of(store, _PASSWORD))
        self._top = int.from_bytes((bytes_of(store, _IPM_SUBTREE) or b"")[-4:], "little") or None
        """The node id of the folder that holds a user's folders: an entry id ends in the node id of what it names."""

    def close(self) -> None:
        self._file.close()

    def _store(self) -> Properties:
        """What the PST says of itself; one that says nothing can still have folders."""
        try:
            with self._file.scope():
                store = self._file.message_store()
                return self._items.properties(store).properties if store else {}
        except PstUnreadable:
            return {}

    def folders(self, passed_over: frozenset[Step]) -> Iterator[Message]:
        listing = PstFolders(self._file, self._items, self._top, passed_over, NodeTree(self._path))
        return ((told, []) for told in listing.told())

    def read(self, identifier: int) -> Message:
        try:
            with self._file.scope():
                item = self._file.item(identifier)
                bare = self._items.properties(item)
                policy = excluded_class(text_of(bare.properties, _CLASS, bare.codepage))
                if policy is not None:
                    return {"id": identifier, "state": "excluded", "policy": policy}, []
                whole = self._items.whole(item, bare)
            made = generated(self._generate, whole, "pst")
        except (PstUnreadable, NotGenerated):
            return {"id": identifier, "state": "unreadable"}, []
        native = native_json.write_native(whole, of=sha256(made.raw).hexdigest(), carried=made.carried)
        return {"id": identifier, "state": "message", "is_lacking": bool(made.notes), **facts_of(whole)}, [made.raw, native]
