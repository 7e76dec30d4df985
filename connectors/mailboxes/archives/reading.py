"""Mail in ZIP and TAR files, and in files packed by gzip, bzip2 or xz: each member is read as a file on disk is.

A member is unpacked to a private temporary file, one at a time, and never under its own name. Its id reads
`path/archive.zip!member/name.mbox#123`; archives within archives are read too, to a depth.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from io import FileIO
from itertools import count
from pathlib import Path

from capstone.domain.fixity import Buffer
from capstone.domain.mbox import HEAD_BYTES
from capstone.domain.message import ItemState, OfferedItem, Place, RefusedItem
from connectors.mailboxes.archives.documents import is_document
from connectors.mailboxes.archives.limits import ArchiveBomb, ArchiveLimits, Budget
from connectors.mailboxes.archives.members import Entry, MemberDamaged, Packed, Placed, arranged
from connectors.mailboxes.archives.streams import streams
from connectors.mailboxes.archives.tar import TarPacked
from connectors.mailboxes.archives.zip import ZipPacked
from connectors.mailboxes.files.content import Content, content_of, is_tar
from connectors.mailboxes.files.regular import mapped
from connectors.mailboxes.files.tree import Found, Kind
from connectors.scratch import scratch_folder

_REASONS = {
    "archive_bomb": "it is made to fill a disk, or far larger than mail is",
    "archive_damaged": "the archive is damaged, cut short, or holds more than it lists; what could be read of it was taken",
    "archive_encrypted": "it is encrypted; it can be read once it is unpacked with its password",
    "archive_member_damaged": "its bytes in the archive are damaged or cut short",
    "archive_not_supported": "it is packed in a way that this version cannot unpack",
    "archive_path_escape": "its name leads out of the archive",
    "archive_too_deep": "archives lie within archives deeper than is read",
    "not_a_file": "a device or FIFO",
    "not_mail": "an archive without members, a document or program in the form of one, or what a Mac keeps beside a file",
    "symlink": "a link; what it points to is read where it lies",
}
_ENDINGS = (b".gz", b".bz2", b".xz")
_SHORT_ENDINGS = (b".tgz", b".tbz2", b".txz")
_BEYOND_READING = (OverflowError, RecursionError, MemoryError, ValueError)
"""What an archive can be made to cause in a library: it ends the archive, and nothing else."""


@dataclass(frozen=True, slots=True)
class Member(Found):
    """A member while it lies unpacked at `path`: `called` as in the archive."""

    called: bytes = b""

    @property
    def name(self) -> bytes:
        """Its own name, not that of the temporary file."""
        return self.called


@dataclass(frozen=True)
class _Scratch:
    """Where members are unpacked, and what that has used up."""

    folder: Path
    numbers: Iterator[int]
    budget: Budget
    reserve_bytes: int

    @contextmanager
    def unpacked(self, chunks: Iterator[bytes], size_bytes: int) -> Iterator[tuple[Path, MemberDamaged | None]]:
        """The bytes in a file of their own, for as long as they are wanted, and what kept them from being whole. Raises
        ArchiveBomb, OSError."""
        self.budget.check_size(size_bytes)
        self._check_room(min(size_bytes, self.budget.left))
        path = self.folder / str(next(self.numbers))
        try:
            yield path, self._write(chunks, path)
        finally:
            path.unlink(missing_ok=True)

    def _write(self, chunks: Iterator[bytes], path: Path) -> MemberDamaged | None:
        written = 0
        with path.open("xb", buffering=0) as file:
            try:
                for chunk in chunks:
                    written += len(chunk)
                    self.budget.check_size(written)
                    self.budget.take(len(chunk))
                    self._check_room(len(chunk))
                    _write_all(file, chunk)
            except MemberDamaged as exc:
                return exc
        return None

    def _check_room(self, size_bytes: int) -> None:
        if size_bytes > shutil.disk_usage(self.folder).free - self.reserve_bytes:
            raise OSError(errno.ENOSPC, "no room to unpack")


class _Kept:
    """The bytes of an archive, for members that are kept as they lie in it; mapped once, as each mapping holds a descriptor."""

    def __init__(self, file: FileIO) -> None:
        self._file = file

    def bytes_of(self, entry: Entry) -> memoryview:
        """The member with its header: all that there is of it."""
        return self._whole[entry.at : entry.end]

    @cached_property
    def _whole(self) -> memoryview:
        return mapped(self._file)


Cut = Callable[[Found, "Unpacking"], Iterator[OfferedItem]]
"""Gives the items of a member; archives in it go by the `Unpacking`."""


class Unpacking:
    """Takes the members out of archives: the outermost one, with all inside it, has one budget."""

    def __init__(self, source: str, limits: ArchiveLimits) -> None:
        """`source` stands in every place."""
        self._source, self._limits = source, limits

    def items(self, content: Content, file: FileIO, found: Found, cut: Cut) -> Iterator[OfferedItem]:
        """The items of all members, by name. What is no file, damaged or encrypted is named; a bomb ends it. Raises OSError."""
        with scratch_folder() as folder:
            budget = Budget(self._limits, os.fstat(file.fileno()).st_size)
            scratch = _Scratch(folder, count(), budget, self._limits.reserve_bytes)
            try:
                yield from _Within(self._source, self._limits, scratch).items(content, file, found, cut)
            except ArchiveBomb as exc:
                yield self._refused(found, ItemState.QUARANTINED, "archive_bomb", mapped(file), str(exc))

    def _refused(self, found: Found, state: ItemState, code: str, raw: Buffer | None = None, more: str = "") -> RefusedItem:
        reason = _REASONS[code] + (f": {more}" if more else "")
        return RefusedItem(Place(self._source, found.folder, found.item_id), state, code, reason, raw)


class _Within(Unpacking):
    """The same at some depth, in the room of the outermost one."""

    def __init__(self, source: str, limits: ArchiveLimits, scratch: _Scratch, depth: int = 0) -> None:
        super().__init__(source, limits)
        self._scratch, self._depth = scratch, depth

    def items(self, content: Content, file: FileIO, found: Found, cut: Cut) -> Iterator[OfferedItem]:
        if content is Content.OTHER_ARCHIVE or self._depth >= self._limits.depth:
            code = "archive_not_supported" if content is Content.OTHER_ARCHIVE else "archive_too_deep"
            yield self._refused(found, ItemState.QUARANTINED, code, mapped(file))
            return
        yield from _Within(self._source, self._limits, self._scratch, self._depth + 1)._named(content, file, found, cut)

    def _named(self, content: Content, file: FileIO, found: Found, cut: Cut) -> Iterator[OfferedItem]:
        try:
            yield from self._unpacked(content, file, found, cut)
        except _BEYOND_READING:
            yield self._refused(found, ItemState.QUARANTINED, "archive_damaged", mapped(file))

    def _unpacked(self, content: Content, file: FileIO, found: Found, cut: Cut) -> Iterator[OfferedItem]:
        if content is Content.TAR:
            yield from self._members(TarPacked(file.fileno(), self._scratch.budget), file, file, found, cut)
        elif content is Content.ZIP:
            with closing(ZipPacked(file.fileno(), self._scratch.budget)) as packed:
                yield from self._members(packed, file, file, found, cut)
        else:
            yield from self._stream(content, file, found, cut)

    # --- members -------------------------------------------------------------------------------

    def _members(self, packed: Packed, lies_in: FileIO, archive: FileIO, found: Found, cut: Cut) -> Iterator[OfferedItem]:
        placed = arranged(packed.entries())
        if isinstance(packed, ZipPacked) and packed.is_whole and is_document(placed, packed.beginning):
            yield self._refused(found, ItemState.EXCLUDED, "not_mail")
            return
        kept = _Kept(lies_in)
        for one in placed:
            yield from self._member(packed, one, kept, found, cut)
        if not placed and packed.is_whole:
            yield self._refused(found, ItemState.EXCLUDED, "not_mail")
        if not packed.is_whole:
            yield self._refused(found, ItemState.QUARANTINED, "archive_damaged", mapped(archive))

    def _member(self, packed: Packed, placed: Placed, kept: _Kept, found: Found, cut: Cut) -> Iterator[OfferedItem]:
        member = _member_at(placed, found)
        if placed.entry.kind in (Kind.LINK, Kind.SPECIAL):
            yield self._refused(member, ItemState.EXCLUDED, placed.entry.kind.value)
            return
        if placed.trouble == "not_mail":
            yield self._refused(member, ItemState.EXCLUDED, placed.trouble)
            return
        if placed.trouble:
            yield self._refused(member, ItemState.QUARANTINED, placed.trouble, kept.bytes_of(placed.entry))
            return
        with self._scratch.unpacked(packed.chunks(placed.entry), placed.entry.size_bytes) as (path, damage):
            member = _member_at(placed, found, os.fsencode(path))
            if damage is None:
                yield from cut(member, self)
                return
            if damage.is_cut:
                yield from _but_the_last(cut(member, self), path)
            yield self._refused(member, ItemState.QUARANTINED, "archive_member_damaged", kept.bytes_of(placed.entry))

    # --- packed files that hold one stream ---------------------------------------------------------

    def _stream(self, content: Content, file: FileIO, found: Found, cut: Cut) -> Iterator[OfferedItem]:
        file.seek(0)
        with self._scratch.unpacked(streams(file, content), 0) as (path, damage):
            with FileIO(os.fsencode(path)) as inside:
                if is_tar(os.pread(inside.fileno(), HEAD_BYTES, 0)):
                    packed = TarPacked(inside.fileno(), self._scratch.budget, is_whole=damage is None)
                    yield from self._members(packed, inside, file, found, cut)
                    return
            yield from self._one(path, damage, file, found, cut)

    def _one(self, path: Path, damage: MemberDamaged | None, file: FileIO, found: Found, cut: Cut) -> Iterator[OfferedItem]:
        name = _without_ending(found.name)
        order = Entry(name, Kind.FILE, 0, 0, 0)
        placed = arranged([order])[0]
        member = _member_at(placed, found, os.fsencode(path))
        if damage is None:
            yield from cut(member, self)
            return
        if damage.is_cut:
            yield from _but_the_last(cut(member, self), path)
        yield self._refused(found, ItemState.QUARANTINED, "archive_damaged", mapped(file))


def _member_at(placed: Placed, found: Found, path: bytes = b"") -> Member:
    name = found.name.decode("utf-8", "backslashreplace")
    folders = [part for part in (found.folder, name, placed.folder) if part]
    return Member(placed.kind, path, "/".join(folders), f"{found.item_id}!{placed.item_id}", placed.name)


def _but_the_last(items: Iterator[OfferedItem], path: Path) -> Iterator[OfferedItem]:
    """The records of an MBOX that is cut short, which are whole but for the last; nothing of a member of another kind."""
    with path.open("rb") as file:
        if content_of(file.read(HEAD_BYTES)) is not Content.MBOX:
            return
    before: OfferedItem | None = None
    for item in items:
        if before is not None:
            yield before
        before = item


def _without_ending(name: bytes) -> bytes:
    small = name.lower()
    for ending in (*_ENDINGS, *_SHORT_ENDINGS):
        if small.endswith(ending) and len(name) > len(ending):
            return name[: -len(ending)]
    return name


def _write_all(file: FileIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]
