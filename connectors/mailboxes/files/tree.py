"""Walks folders of mail in a stable order. It opens no file, follows no link, and keeps one folder's names a level in memory."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from connectors.mailboxes.files import maildir


class Kind(StrEnum):
    """What was found at a path."""

    FOLDER = "folder"
    FILE = "file"
    MAILDIR_MESSAGE = "maildir_message"
    LINK = "symlink"
    SPECIAL = "not_a_file"
    """A socket, FIFO or device: opening one may wait forever or do something."""
    UNREADABLE = "unreadable"
    """A folder that cannot be listed, or a thing that the file system will not describe."""


@dataclass(frozen=True, slots=True)
class Found:
    """One thing in the tree. `path` is absolute; `folder` names the folder that it is in, below the root; "" at the top."""

    kind: Kind
    path: bytes
    folder: str
    item_id: str

    @property
    def name(self) -> bytes:
        """The last part of the path."""
        return os.path.basename(self.path)  # noqa: PTH119 names may be any bytes, pathlib takes text only


def text_of(path: bytes) -> str:
    """A path as text that UTF-8 can hold, different for different paths: other bytes as `\\xNN`, a backslash doubled."""
    return path.replace(b"\\", b"\\\\").decode("utf-8", "backslashreplace")


def root_at(path: bytes) -> Found:
    """What lies at a path that a person named; links are followed. Raises OSError."""
    real = os.path.realpath(path)
    mode = os.stat(real).st_mode  # noqa: PTH116
    if stat.S_ISDIR(mode):
        # Naming `cur` or `new` names their Maildir: they are halves of one folder.
        whole = os.path.dirname(real) if _is_maildir_part(real) else real  # noqa: PTH120
        return Found(Kind.FOLDER, whole, "", text_of(whole))
    if not stat.S_ISREG(mode):
        return Found(Kind.SPECIAL, real, "", text_of(real))
    folder, name = os.path.split(real)
    if _is_maildir_part(folder):
        return Found(Kind.MAILDIR_MESSAGE, real, "", _maildir_id(os.path.dirname(folder), name))  # noqa: PTH120
    return Found(Kind.FILE, real, "", text_of(real))


def walk(root: Found, others: frozenset[bytes] = frozenset()) -> Iterator[Found]:
    """Everything below the root but folders, in the order of names as bytes; what is in `others` is left to its own walk."""
    levels = [iter([root])]
    while levels:
        for found in levels[-1]:
            if found.path in others and found is not root:
                continue
            if found.kind is Kind.FOLDER:
                levels.append(iter(_listing(found, is_root=found is root)))
                break
            yield found
        else:
            levels.pop()


def _listing(folder: Found, *, is_root: bool) -> Iterable[Found]:
    entries = _entries(folder.path)
    if entries is None:
        return [Found(Kind.UNREADABLE, folder.path, folder.folder, folder.item_id)]
    kinds = [(entry, _kind_of(entry)) for entry in entries]
    is_maildir = maildir.is_maildir([entry.name for entry, kind in kinds if kind is Kind.FOLDER])
    words = folder.name.decode("utf-8", "backslashreplace")
    name = maildir.folder_path(words) if is_maildir else words
    inside = "" if is_root else f"{folder.folder}/{name}" if folder.folder else name
    if is_maildir:
        return _maildir_listing(folder.path, inside, kinds)
    return [_found(entry, kind, inside) for entry, kind in kinds]


def _maildir_listing(box: bytes, inside: str, kinds: list[tuple[os.DirEntry[bytes], Kind]]) -> Iterator[Found]:
    parts = [entry.path for entry, kind in kinds if kind is Kind.FOLDER and entry.name in maildir.MESSAGE_FOLDERS]
    beside = [(entry, kind) for entry, kind in kinds if not _is_of_the_mail_program(entry.name, kind)]
    names, taken = {entry.name for entry, _ in beside}, set[bytes]()
    for found in _maildir_messages(box, inside, parts):
        taken |= names & {maildir.unique_name(found.name)}
        yield found
    for entry, kind in beside:
        found = _found(entry, kind, inside)
        # The id of a message lies where a file beside `cur` may lie: that one's own is a path that no other thing has.
        yield replace(found, item_id=text_of(os.path.join(box, b".", entry.name))) if entry.name in taken else found  # noqa: PTH118


def _is_of_the_mail_program(name: bytes, kind: Kind) -> bool:
    return name in maildir.FOLDERS if kind is Kind.FOLDER else maildir.is_control_file(name)


def _maildir_messages(box: bytes, inside: str, parts: list[bytes]) -> Iterator[Found]:
    """Only names are kept of a large box, which may hold hundreds of thousands; what was found is made one by one."""
    names: list[tuple[bytes, bytes, Kind]] = []
    for part in parts:
        entries = _entries(part)
        if entries is None:
            yield Found(Kind.UNREADABLE, part, inside, text_of(part))
        for entry in entries or []:
            if not maildir.is_hidden(entry.name):
                names.append((maildir.unique_name(entry.name), entry.path, _kind_of(entry)))
    names.sort(key=lambda name: name[:2])
    before = ""
    for _, path, kind in names:
        found = _in_maildir(box, inside, path, kind, before)
        before = _maildir_id(box, os.path.basename(path))  # noqa: PTH119
        yield found


def _in_maildir(box: bytes, inside: str, path: bytes, kind: Kind, before: str) -> Found:
    """Two files with one unique name are a fault that must not cost a message: the second gets its whole path as its id."""
    if kind is not Kind.FILE:
        return Found(kind, path, inside, text_of(path))
    own = _maildir_id(box, os.path.basename(path))  # noqa: PTH119
    return Found(Kind.MAILDIR_MESSAGE, path, inside, own if own != before else text_of(path))


def _found(entry: os.DirEntry[bytes], kind: Kind, inside: str) -> Found:
    return Found(kind, entry.path, inside, text_of(entry.path))


def _kind_of(entry: os.DirEntry[bytes]) -> Kind:
    try:
        if entry.is_symlink():
            return Kind.LINK
        if entry.is_dir(follow_symlinks=False):
            return Kind.FOLDER
        return Kind.FILE if entry.is_file(follow_symlinks=False) else Kind.SPECIAL
    except OSError:
        return Kind.UNREADABLE


def _entries(path: bytes) -> list[os.DirEntry[bytes]] | None:
    """What the folder holds, in the order of names; None where it cannot be listed."""
    try:
        with os.scandir(path) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return None


def _is_maildir_part(path: bytes) -> bool:
    """Whether the folder is `cur` or `new` of a Maildir."""
    box, name = os.path.split(path)
    if name not in maildir.MESSAGE_FOLDERS:
        return False
    siblings = [entry.name for entry in _entries(box) or [] if _kind_of(entry) is Kind.FOLDER]
    return maildir.is_maildir(siblings)


def _maildir_id(box: bytes, name: bytes) -> str:
    """The same for a message whatever its flags, read or unread."""
    return text_of(os.path.join(box, maildir.unique_name(name)))  # noqa: PTH118
