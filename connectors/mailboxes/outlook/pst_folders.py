"""The folders of an open PST with the node ids of what lies in them: the whole tree, and the messages that no folder names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator, Mapping
from typing import Any

from capstone.domain.generated.mapi import integer_of
from connectors.mailboxes.outlook.pst_items import PstItems
from connectors.mailboxes.outlook.pst_library import Item, PstFile, PstUnreadable
from connectors.mailboxes.outlook.pst_nodes import NODE_TYPE, NodeTree

_CONTENT_COUNT = 0x3602
_SEARCH_FOLDER = 0x03
_NOWHERE = 0
"""For what was lost with a folder that cannot be read: no folder has this id."""
_MAX_DEPTH = 100
"""Folders inside folders."""
_CHUNK = 1_000
_PAGES_AT_ONCE = 1_000
"""Of the tree of nodes, before it is told that the search goes on."""
UNREADABLE, ORPHANED = "(unreadable)", "(orphaned)"
Told = Mapping[str, Any]
Step = tuple[int | str, ...]
"""What is taken from the file at once: one of these that ends the process can be passed over, and no other with it."""


class PstFolders:
    """Lists once. `top` is the node id of the folder that holds a user's folders, and has no name in their paths."""

    def __init__(self, file: PstFile, items: PstItems, top: int | None, passed_over: frozenset[Step], nodes: NodeTree) -> None:
        self._file, self._items, self._top, self._passed_over, self._nodes = file, items, top, passed_over, nodes
        self._seen: set[int] = set()
        self._lost_in: Counter[int] = Counter()
        """By folder, how many items were counted as expected and not found."""
        self._folders: set[int] = set()

    def told(self) -> Iterator[Told]:
        """`at` before each step; of a folder its `path`, how many messages are `expected`, and `ids`, in pieces, with
        `is_orphaned` and `is_tree_whole` for what no folder names; `done`."""
        with self._file.scope():
            root = None
            if (yield from self._is_wanted("root")):
                root = self._root()
            yield from self._folder(root, ()) if root is not None else [self._lost(())]
            if (yield from self._is_wanted("orphans")):
                yield from self._orphaned()
            else:
                yield self._lost((ORPHANED,))
        yield {"done": True}

    def _is_wanted(self, *step: int | str) -> Generator[Told, None, bool]:
        """False for a step that is to be passed over; any other is told before it is taken, should it be the last one."""
        if step in self._passed_over:
            return False
        yield {"at": step}
        return True

    def _root(self) -> Item | None:
        try:
            return self._file.root_folder()
        except PstUnreadable:
            return None

    def _folder(self, folder: Item, path: tuple[str, ...]) -> Iterator[Told]:
        identifier = folder.identifier
        if len(path) > _MAX_DEPTH:
            yield self._lost(path)
            return
        self._folders.add(identifier)
        if (yield from self._is_wanted(identifier, "messages")):
            yield from self._pieces(path, *(yield from self._messages_in(folder)))
        else:
            yield self._lost(path, identifier)
        inside = None
        if (yield from self._is_wanted(identifier, "folders")):
            inside = _count(folder, "sub_folders")
        if inside is None:
            yield self._lost(path)
        for index in range(inside or 0):
            if not (yield from self._is_wanted(identifier, "folders", index)):
                yield self._lost(path)
                continue
            with self._file.scope():
                try:
                    inner = folder.part("sub_folders", index)
                    name = inner.folder_name() or f"(folder {inner.identifier})"
                except PstUnreadable:
                    yield self._lost(path)
                    continue
                yield from self._folder(inner, () if inner.identifier == self._top else (*path, name.replace("/", "\\/")))

    def _pieces(self, path: tuple[str, ...], ids: list[int], expected: int) -> Iterator[Told]:
        for start in range(0, max(len(ids), 1), _CHUNK):
            yield {"path": path, "expected": 0 if start else expected, "ids": ids[start : start + _CHUNK]}

    def _messages_in(self, folder: Item) -> Generator[Told, None, tuple[list[int], int]]:
        """(node ids of the messages, how many it was to have, by its own count or by its table). Each id stands once only."""
        if folder.identifier & NODE_TYPE == _SEARCH_FOLDER:
            return [], 0  # What it shows lies in other folders.
        there = _count(folder, "sub_messages")
        said = self._said_of(folder)
        ids: list[int] = []
        for index in range(there or 0):
            if (yield from self._is_wanted(folder.identifier, "messages", index)):
                ids += self._message(folder, index)
        doubled = len(ids) - len(dict.fromkeys(ids))
        new = [one for one in dict.fromkeys(ids) if one not in self._seen]
        self._seen.update(new)
        expected = max(max(said, 1 if there is None else there) - doubled, len(new))
        self._lost_in[folder.identifier] += expected - len(new)
        return new, expected

    def _message(self, folder: Item, index: int) -> list[int]:
        try:
            with self._file.scope():
                return [folder.part("sub_messages", index).identifier]
        except PstUnreadable:
            return []

    def _said_of(self, folder: Item) -> int:
        try:
            return integer_of(self._items.properties(folder).properties, _CONTENT_COUNT) or 0
        except PstUnreadable:
            return 0

    def _orphaned(self) -> Iterator[Told]:
        """Messages that the tree of nodes has and no folder names. One that was lost in its folder was expected there already."""
        parents: dict[int, int] = {}
        for number, page in enumerate(self._nodes.pages(), 1):
            for node in page:
                if node.identifier not in self._seen and (node.is_sure or self._is_there(node.identifier)):
                    parents[node.identifier] = node.parent
            if not number % _PAGES_AT_ONCE:
                yield {"at": ("orphans",)}
        found = Counter(parent if parent in self._folders else _NOWHERE for parent in parents.values())
        expected = len(parents) - (found & self._lost_in).total() + (not self._nodes.is_whole)
        of_all = {"is_orphaned": True, "is_tree_whole": self._nodes.is_whole}
        yield from ({**piece, **of_all} for piece in self._pieces((ORPHANED,), list(parents), expected))

    def _is_there(self, identifier: int) -> bool:
        try:
            with self._file.scope():
                self._items.properties(self._file.item(identifier))
        except PstUnreadable:
            return False
        return True

    def _lost(self, path: tuple[str, ...], folder: int = _NOWHERE) -> Told:
        """At least one item, in a folder that cannot be read."""
        self._lost_in[folder] += 1
        return {"path": (*path, UNREADABLE), "expected": 1, "ids": []}


def _count(folder: Item, what: str) -> int | None:
    try:
        return folder.count(what)
    except PstUnreadable:
        return None
