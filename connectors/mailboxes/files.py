"""Mail in files: EML, MBOX, Maildir, and folders of them. Read only; the bytes are offered as they lie there."""

from __future__ import annotations

import errno
import mmap
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from io import FileIO
from pathlib import Path

from capstone.domain import folders
from capstone.domain.errors import NoMailFound, SourceMissing
from capstone.domain.fixity import Buffer
from capstone.domain.folders import FolderPolicy
from capstone.domain.mbox import HEAD_BYTES
from capstone.domain.message import ItemState, Occurrence, OfferedItem, OfferedMessage, Place, RefusedItem
from connectors.mailboxes import maildir
from connectors.mailboxes.content import Content, content_of
from connectors.mailboxes.mbox import MboxFile, MboxRecord
from connectors.mailboxes.tree import Found, Kind, root_at, text_of, walk

_REASONS = {
    "symlink": "a link; what it points to is read where it lies",
    "not_a_file": "a socket, FIFO or device",
    "not_mail": "neither its name nor its first line is that of mail",
    "empty_item": "it holds no bytes",
    "container_not_supported": "this version takes no messages out of such a file (PST, MSG or another OLE2 file)",
    "mbox_unsplittable": "its separators carry no date, so they cannot be told from text",
    "unreadable": "the system could not read it",
}
_READ_ONLY = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
"""Never through a link, and never waiting for a FIFO that took the place of a file."""


class FileSource:
    """A MailSource over files and folders that a person named. Same files, same bytes, same order; nothing is written."""

    gives_same_bytes = True

    def __init__(self, name: str, paths: Sequence[Path], excludes: FolderPolicy = folders.excluded_by) -> None:
        """`name` stands in every place. `excludes` judges folders found below a path, never the path itself."""
        self.name = name
        self._paths = tuple(paths)
        self._excludes = excludes

    def items(self, cursors: Mapping[str, str]) -> Iterator[OfferedItem]:
        """Every item once, sorted by path. Files keep no cursor: each pass offers all. Raises SourceMissing before the first
        item, NoMailFound after the walk when there was nothing at all."""
        roots = self._roots()
        return self._items_below(roots)

    def places(self) -> Iterator[Place]:
        """The place of every message that `items` offers. Reads each file, keeps none. Raises as `items`."""
        return (item.occurrence.place for item in self.items({}) if isinstance(item, OfferedMessage))

    def _roots(self) -> list[Found]:
        roots = {}
        for path in self._paths:
            try:
                root = root_at(os.fsencode(path))
            except (OSError, ValueError) as exc:
                raise SourceMissing(f"{path} does not exist or may not be read.") from exc
            roots[root.path] = root
        return [roots[path] for path in sorted(roots)]

    def _items_below(self, roots: Sequence[Found]) -> Iterator[OfferedItem]:
        is_empty = True
        named = frozenset(root.path for root in roots)
        for root in roots:
            home = _home_of(root)
            for found in walk(root, named):
                for item in self._offer(found, home, is_named=found is root):
                    is_empty = False
                    yield item
        if is_empty:
            raise NoMailFound(f"Nothing at all was found under {', '.join(map(str, self._paths)) or 'no path'}.")

    def _offer(self, found: Found, home: str, *, is_named: bool) -> Iterator[OfferedItem]:
        for item in _FileCut(self.name, found, home).items():
            place = item.occurrence.place if isinstance(item, OfferedMessage) else item.place
            policy = None if is_named else self._excludes(place.folder)
            yield _excluded(item, place, policy) if policy else item


class _FileCut:
    """Cuts one found thing into items (design.md 5)."""

    def __init__(self, source: str, found: Found, home: str) -> None:
        self._source = source
        self._found = found
        self._home = home
        """The name of the folder that the person named: mail in a named `Sent` is sent mail."""

    def items(self) -> Iterator[OfferedItem]:
        """The items in it; a failure to read becomes an item too."""
        kind = self._found.kind
        if kind in (Kind.LINK, Kind.SPECIAL):
            yield self._refused(ItemState.EXCLUDED, kind.value)
            return
        if kind is Kind.UNREADABLE:
            yield self._refused(ItemState.FAILED, "unreadable")
            return
        try:
            with open_regular(self._found.path) as file:
                yield from self._items_in(file)
        except OSError as exc:
            yield self._refused(ItemState.FAILED, "unreadable", exc)

    def _items_in(self, file: FileIO) -> Iterator[OfferedItem]:
        if self._is_whole():
            yield self._whole(file.readall())
            return
        content = content_of(os.pread(file.fileno(), HEAD_BYTES, 0))
        if content is Content.MBOX:
            yield from self._mbox_items(MboxFile(file.fileno()), file)
        elif content is Content.CONTAINER:
            yield self._refused(ItemState.QUARANTINED, "container_not_supported", raw=_mapped(file))
        elif content is Content.NOT_MAIL or (content is Content.EMPTY and self._found.name.startswith(b".")):
            yield self._refused(ItemState.EXCLUDED, "not_mail")
        else:
            yield self._whole(file.readall())

    def _is_whole(self) -> bool:
        return self._found.kind is Kind.MAILDIR_MESSAGE or self._found.name.lower().endswith(b".eml")

    def _whole(self, raw: bytes) -> OfferedItem:
        if not raw:
            return self._refused(ItemState.QUARANTINED, "empty_item", raw=b"")
        is_maildir = self._found.kind is Kind.MAILDIR_MESSAGE
        flags = maildir.flags_of(self._found.name) if is_maildir else ()
        place = self._place(self._found.folder, self._found.item_id)
        return OfferedMessage(Occurrence(place, flags, is_sent=self._is_sent(place.folder)), raw)

    def _mbox_items(self, mbox: MboxFile, file: FileIO) -> Iterator[OfferedItem]:
        if not mbox.can_be_cut():
            yield self._refused(ItemState.QUARANTINED, "mbox_unsplittable", raw=_mapped(file))
            return
        name = self._found.name.decode("utf-8", "backslashreplace")
        folder = f"{self._found.folder}/{name}" if self._found.folder else name
        for record in mbox.records():
            yield self._mbox_item(self._place(folder, f"{self._found.item_id}#{record.slice.separator_at}"), record)

    def _mbox_item(self, place: Place, record: MboxRecord) -> OfferedItem:
        if not record.raw:
            return _refusal(place, ItemState.QUARANTINED, "empty_item", raw=b"")
        occurrence = Occurrence(place, from_line_at=record.slice.from_line_at, is_sent=self._is_sent(place.folder))
        return OfferedMessage(occurrence, record.raw)

    def _is_sent(self, folder: str) -> bool:
        return folders.is_sent(f"{self._home}/{folder}")

    def _place(self, folder: str, item_id: str) -> Place:
        return Place(self._source, folder, item_id)

    def _refused(self, state: ItemState, code: str, error: OSError | None = None, raw: Buffer | None = None) -> RefusedItem:
        return _refusal(self._place(self._found.folder, self._found.item_id), state, code, error, raw)


def open_regular(path: bytes) -> FileIO:
    """Open a regular file for reading, unbuffered. Raises OSError, also for anything that is no regular file."""
    file = FileIO(os.open(path, _READ_ONLY))
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "not a regular file")
    return file


def _home_of(root: Found) -> str:
    """The name of the folder named, or of the folder around a file named."""
    folder = root.path
    if root.kind is not Kind.FOLDER:
        folder = os.path.dirname(folder)  # noqa: PTH120
    if root.kind is Kind.MAILDIR_MESSAGE:
        folder = os.path.dirname(folder)  # noqa: PTH120
    return maildir.folder_path(text_of(os.path.basename(folder)))  # noqa: PTH119


def _mapped(file: FileIO) -> memoryview:
    """The bytes of a file that may be larger than memory; they stay on disk until they are read."""
    try:
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except ValueError as exc:
        raise OSError(errno.EIO, "the file became empty while it was read") from exc


def _excluded(item: OfferedItem, place: Place, policy: str) -> RefusedItem:
    """The same item, left out by the policy of its folder. What could not be read, or is no mail, stays what it is."""
    if isinstance(item, RefusedItem) and item.state is not ItemState.QUARANTINED:
        return item
    return RefusedItem(place, ItemState.EXCLUDED, policy, "its folder is one that the policy leaves out")


def _refusal(place: Place, state: ItemState, code: str, error: OSError | None = None, raw: Buffer | None = None) -> RefusedItem:
    because = f" ({errno.errorcode.get(error.errno or 0, 'cut short')})" if error else ""
    return RefusedItem(place, state, code, _REASONS[code] + because, raw)
