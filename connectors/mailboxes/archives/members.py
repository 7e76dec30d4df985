"""What the members of an archive are called, and which of them are mail folders: the same rules as for files on disk."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, Protocol

from connectors.mailboxes.files import maildir
from connectors.mailboxes.files.tree import Kind, text_of

CHUNK_BYTES = 1024 * 1024
"""What is unpacked at a time."""

_DRIVE = re.compile(rb"[A-Za-z]:")


class MemberDamaged(Exception):
    """The bytes of a member cannot be had whole. `is_cut`: what came before is as it was, and only the end is missing."""

    def __init__(self, is_cut: bool = False) -> None:
        """See the class."""
        super().__init__()
        self.is_cut = is_cut


class Entry(NamedTuple):
    """A member as the archive lists it. A tuple, as there may be hundreds of thousands."""

    name: bytes
    kind: Kind
    size_bytes: int
    at: int
    end: int
    """Where the member, with its own header, lies in the archive."""
    trouble: str = ""
    """Why it cannot be read: "archive_encrypted", "archive_not_supported"."""
    handle: Any = None
    """What the library needs to read it."""


class Packed(Protocol):
    """An open archive."""

    is_whole: bool
    """False once listing it met damage, so that there may be members that nobody can name."""

    def entries(self) -> Iterable[Entry]:
        """All members that can be named, in the order in which they lie there. Raises ArchiveBomb."""
        ...

    def chunks(self, entry: Entry) -> Iterator[bytes]:
        """The bytes of a member of kind FILE. Raises MemberDamaged."""
        ...


class Placed(NamedTuple):
    """A member with its place below the archive."""

    order: tuple[bytes, ...]
    entry: Entry
    kind: Kind
    folder: str
    item_id: str
    name: bytes
    trouble: str


def arranged(entries: Iterable[Entry]) -> list[Placed]:
    """All members but folders in the order of their names; each has an id of its own, also where two have one name.

    As on disk, what a Maildir keeps for its mail program, and what is still being delivered to it, is no member.
    """
    named = [(_parts(entry.name), entry) for entry in entries]
    boxes = _maildirs(named)
    placed = [one for parts, entry in named if (one := _placed(parts, entry, boxes)) is not None]
    placed.sort(key=lambda one: (one.order, one.entry.at))
    return list(_with_ids_of_their_own(placed))


def _parts(name: bytes) -> tuple[bytes, ...] | None:
    """The names on the way to the member; None for one that would lead out of a folder that it was unpacked to."""
    parts = tuple(part for part in name.split(b"/") if part not in (b"", b"."))
    if name.startswith(b"/") or _DRIVE.match(name) or b".." in parts or b"\0" in name or not parts:
        return None
    return parts


def _maildirs(named: Iterable[tuple[tuple[bytes, ...] | None, Entry]]) -> set[tuple[bytes, ...]]:
    inside: dict[tuple[bytes, ...], set[bytes]] = defaultdict(set)
    for parts, entry in named:
        folders = (parts or ())[: None if entry.kind is Kind.FOLDER else -1]
        for depth, part in enumerate(folders):
            if part in maildir.FOLDERS:
                inside[folders[:depth]].add(part)
    return {folder for folder, names in inside.items() if maildir.is_maildir(names)}


def _placed(parts: tuple[bytes, ...] | None, entry: Entry, boxes: set[tuple[bytes, ...]]) -> Placed | None:
    if parts is None:
        is_folder = entry.kind is Kind.FOLDER
        own = text_of(entry.name)
        return None if is_folder else Placed((entry.name,), entry, entry.kind, "", own, entry.name, "archive_path_escape")
    name = parts[-1]
    if entry.kind is Kind.FOLDER or _is_of_the_mail_program(parts, boxes):
        return None
    if parts[:-2] in boxes and len(parts) > 1 and parts[-2] in maildir.MESSAGE_FOLDERS and entry.kind is Kind.FILE:
        box, unique = parts[:-2], maildir.unique_name(name)
        own = text_of(b"/".join((*box, unique)))
        return Placed((*box, b"", unique), entry, Kind.MAILDIR_MESSAGE, _folder(box, boxes), own, name, entry.trouble)
    own, trouble = text_of(b"/".join(parts)), "not_mail" if _is_of_a_mac(parts) else entry.trouble
    return Placed(parts, entry, entry.kind, _folder(parts[:-1], boxes), own, name, trouble)


def _is_of_a_mac(parts: tuple[bytes, ...]) -> bool:
    """Where a Mac puts what belongs to a file and is not in it: `__MACOSX/Mail/._1.eml` is no letter."""
    return parts[0] == b"__MACOSX" and parts[-1].startswith(b"._")


def _is_of_the_mail_program(parts: tuple[bytes, ...], boxes: set[tuple[bytes, ...]]) -> bool:
    if parts[:-1] in boxes:
        return maildir.is_control_file(parts[-1])
    if len(parts) > 1 and parts[:-2] in boxes:
        return parts[-2] == b"tmp" or (parts[-2] in maildir.MESSAGE_FOLDERS and maildir.is_hidden(parts[-1]))
    return False


def _folder(parts: tuple[bytes, ...], boxes: set[tuple[bytes, ...]]) -> str:
    words = [part.decode("utf-8", "backslashreplace") for part in parts]
    return "/".join(maildir.folder_path(word) if parts[:depth] in boxes else word for depth, word in enumerate(words, 1))


def _with_ids_of_their_own(placed: list[Placed]) -> Iterator[Placed]:
    """The second of a name is `name~2`, or has the next number that makes no other member's name."""
    names = frozenset(one.item_id for one in placed)
    numbers: dict[str, int] = {}
    for one in placed:
        number = numbers.get(one.item_id, 0) + 1
        while number > 1 and f"{one.item_id}~{number}" in names:
            number += 1
        numbers[one.item_id] = number
        yield one if number == 1 else one._replace(item_id=f"{one.item_id}~{number}")


def is_blank(descriptor: int, start: int, end: int) -> bool:
    """Whether there are only zeros from `start` to `end`, or nothing at all."""
    while start < end and (chunk := os.pread(descriptor, min(CHUNK_BYTES, end - start), start)):
        if chunk.strip(b"\0"):
            return False
        start += len(chunk)
    return True
