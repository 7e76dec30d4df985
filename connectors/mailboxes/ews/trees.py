"""Finds the folders that a choice stands for, and says what the user may not see."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from exchangelib import errors as ews

from capstone.domain.folders import BY_DEFAULT, LeftOut
from capstone.domain.message import SourceNote
from connectors.mailboxes.ews.errors import ABSENT, ASK_ACCESS, DENIED
from connectors.mailboxes.ews.folders import (
    ARCHIVE,
    BY_NAME,
    MEANINGS,
    PUBLIC,
    RECOVERABLE,
    Folder,
    Tree,
    chosen,
    folders_in,
    judged_below,
    level,
)
from connectors.mailboxes.ews.mailbox import EwsReader
from connectors.mailboxes.ews.values import FolderTold

_MOST_DEEP = 50


@dataclass(frozen=True, slots=True)
class EwsChoice:
    """What of a mailbox is read. `folders` narrows it to those paths and what lies below them; of what is `left_out` the items
    are only counted."""

    folders: tuple[str, ...] = ()
    archive: bool = True
    recoverable: bool = True
    public_folders: tuple[str, ...] = ()
    calendars: bool = False
    left_out: LeftOut = BY_DEFAULT


@dataclass(frozen=True, slots=True)
class Found:
    """The folders of a choice, in the order of their paths, and what is missing."""

    folders: tuple[Folder, ...]
    notes: tuple[SourceNote, ...]
    missing_rights: tuple[str, ...]
    absent: tuple[str, ...]
    """Paths that a person named and that are not there."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a mailbox beside its primary tree: its distinguished id, and what is said where it cannot be read."""

    root: str
    prefix: str
    gap: str
    names: frozenset[str] = frozenset()
    """As in Tree."""


_RECOVERABLE = _Part("recoverableitemsroot", RECOVERABLE, "recoverable_items_not_readable")
_ARCHIVE = _Part("archivemsgfolderroot", ARCHIVE, "archive_mailbox_not_readable", BY_NAME)
_ARCHIVE_RECOVERABLE = _Part("archiverecoverableitemsroot", f"{ARCHIVE}/{RECOVERABLE}", "archive_recoverable_items_not_readable")
_PUBLIC = _Part("publicfoldersroot", PUBLIC, "public_folders_not_readable")


@dataclass(slots=True)
class _Search:
    reader: EwsReader
    notes: list[SourceNote] = field(default_factory=list)
    rights: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)


def find_folders(reader: EwsReader, choice: EwsChoice) -> Found:
    """Lists every tree of the choice. Raises exchangelib's errors where the primary mailbox cannot be listed."""
    search = _Search(reader)
    root, *known = reader.distinguished(["msgfolderroot", *MEANINGS])
    if isinstance(root, Exception):
        raise root
    told = zip(MEANINGS.values(), known, strict=True)
    meanings = {one.folder_id: meaning for meaning, one in told if isinstance(one, FolderTold)}
    # A kind of which the server told the folder is not judged by a name, but sent mail: programs make folders for it too.
    names = BY_NAME - set(meanings.values()) | {"sent"}
    trees = [Tree(root, "", tuple(reader.folders_below(root.folder_id)), names)]
    trees += [tree for part in _parts(choice) if (tree := _tree(search, part)) is not None]
    folders = [folder for tree in trees for folder in folders_in(tree, meanings, choice.left_out)]
    if choice.folders:
        folders = _named(search, folders, choice)
    public = [folder for path in choice.public_folders for folder in _public(search, path, choice.left_out)]
    found = {folder.folder_id: folder for folder in [*folders, *public]}
    in_order = sorted(found.values(), key=lambda folder: folder.path)
    return Found(tuple(in_order), tuple(search.notes), tuple(search.rights), tuple(search.absent))


def _parts(choice: EwsChoice) -> Iterator[_Part]:
    parts = [_RECOVERABLE] if choice.recoverable else []
    parts += [_ARCHIVE] if choice.archive else []
    parts += [_ARCHIVE_RECOVERABLE] if choice.archive and choice.recoverable else []
    for part in parts:
        if not choice.folders or any(f"{path}/".startswith(f"{part.prefix}/") for path in choice.folders):
            yield part


def _tree(search: _Search, part: _Part) -> Tree | None:
    """A part with all that lies below; None where the user has none, or it cannot be read, which is noted."""
    try:
        (root,) = search.reader.distinguished([part.root])
        if isinstance(root, ABSENT):
            return None
        if isinstance(root, Exception):
            raise root
        below = tuple(search.reader.folders_below(root.folder_id))
    except ews.ResponseMessageError as exc:
        _note_gap(search, part, exc)
        return None
    return Tree(root, part.prefix, below, part.names)


def _note_gap(search: _Search, part: _Part, error: ews.ResponseMessageError) -> None:
    why = "access is denied" if isinstance(error, DENIED) else f"the server answered {type(error).__name__}"
    search.notes.append(SourceNote(part.gap, part.prefix, f"It could not be read: {why}."))
    if isinstance(error, DENIED):
        search.rights.append(f"{part.prefix}: access is denied. {ASK_ACCESS}")


def _named(search: _Search, folders: Sequence[Folder], choice: EwsChoice) -> list[Folder]:
    found = []
    for path, below in chosen(folders, choice.folders).items():
        search.absent += [] if below else [path]
        found += [judged_below(folder, path, choice.left_out) for folder in below]
    return found


# --- public folders: a server lists them one level at a time ---------------------------------------


def public_gap(path: str) -> SourceNote:
    """What is said where a public folder is listed and what it holds is not found: most often it lies in another mailbox."""
    why = "The server lists this public folder and did not find what it holds: it may lie in another public folder mailbox."
    return SourceNote(_PUBLIC.gap, path, why)


def _public(search: _Search, path: str, left_out: LeftOut) -> list[Folder]:
    try:
        named = _public_root(search.reader, path)
        if named is None:
            search.absent.append(f"{PUBLIC}/{path}")
            return []
        tree = Tree(named, f"{PUBLIC}/{path}", tuple(_all_below(search.reader, named, _MOST_DEEP)))
    except ews.ResponseMessageError as exc:
        _note_gap(search, _PUBLIC, exc)
        return []
    return list(folders_in(tree, {}, left_out))


def _public_root(reader: EwsReader, path: str) -> FolderTold | None:
    (at,) = reader.distinguished([_PUBLIC.root])
    for name in path.split("/"):
        if isinstance(at, Exception):
            raise at
        below = {level(one.name): one for one in reader.folders_below(at.folder_id, deep=False)}
        if name not in below:
            return None
        at = below[name]
    return at if isinstance(at, FolderTold) else None


def _all_below(reader: EwsReader, folder: FolderTold, deep: int) -> Iterator[FolderTold]:
    for one in reader.folders_below(folder.folder_id, deep=False) if deep else ():
        yield one
        yield from _all_below(reader, one, deep - 1)
