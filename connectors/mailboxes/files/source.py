"""Mail in files: EML, MBOX, Maildir, folders and archives of them. Read only; the bytes are offered as they lie there."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from copy import copy
from io import FileIO
from pathlib import Path

from capstone.domain import folders
from capstone.domain.errors import NoMailFound, SourceMissing
from capstone.domain.fixity import Buffer
from capstone.domain.folders import FolderPolicy
from capstone.domain.mbox import HEAD_BYTES
from capstone.domain.message import ItemState, Occurrence, OfferedItem, OfferedMessage, Place, RefusedItem, SourceNote
from capstone.ports import HeldItems, SourceCheck, holds_nothing
from connectors.mailboxes.archives.limits import LIMITS, ArchiveLimits
from connectors.mailboxes.archives.reading import Unpacking
from connectors.mailboxes.checks import Tally
from connectors.mailboxes.files import maildir
from connectors.mailboxes.files.content import Content, content_of, is_named_as_container
from connectors.mailboxes.files.mbox import MboxFile, MboxRecord
from connectors.mailboxes.files.regular import mapped, open_regular
from connectors.mailboxes.files.tree import Found, Kind, root_at, text_of, walk
from connectors.mailboxes.outlook.pst import PstPlace
from connectors.mailboxes.outlook.pst_reading import PstNotOpened
from connectors.mailboxes.outlook.reader_process import Limits
from connectors.mailboxes.outlook.source import READING, OutlookFiles

_REASONS = {
    "symlink": "a link; what it points to is read where it lies",
    "not_a_file": "a socket, FIFO or device",
    "not_mail": "neither its name nor its first line is that of mail",
    "empty_item": "it holds no bytes",
    "container_unreadable": "by name or first bytes a PST, MSG, MBOX or archive; it cannot be read, or ended or hung who read it",
    "mbox_unsplittable": "its separators carry no date, so they cannot be told from text",
    "unreadable": "the system could not read it",
}


class FileSource:
    """A MailSource over files and folders that a person named. Same files, same bytes, same order; nothing is written."""

    gives_same_bytes = True

    def __init__(
        self,
        name: str,
        paths: Sequence[Path],
        excludes: FolderPolicy = folders.excluded_by,
        limits: ArchiveLimits = LIMITS,
        held: HeldItems = holds_nothing,
        reading: Limits = READING,
    ) -> None:
        """`name` stands in every place. `excludes` judges folders found below a path or in an archive, never the path itself.
        `held` is asked before an item of a PST or an MSG is read; `reading` is what the processes that read them may take."""
        self.name = name
        self._paths = tuple(paths)
        self._excludes = excludes
        self._limits = limits
        self._held, self._reading = held, reading
        self._notes: list[SourceNote] = []

    def items(self, cursors: Mapping[str, str]) -> Iterator[OfferedItem]:
        """Every item once, sorted by path. Files keep no cursor: each pass offers all. Raises SourceMissing before the first
        item, NoMailFound after the walk when there was nothing at all."""
        roots = self._roots()
        return self._items_below(roots)

    def places(self) -> Iterator[Place]:
        """The place of every message that `items` offers. Reads each file, keeps none. Raises as `items`."""
        return (item.occurrence.place for item in self.items({}) if not isinstance(item, RefusedItem))

    def notes(self) -> Sequence[SourceNote]:
        """See `MailSource`: of each PST its counts."""
        return tuple(self._notes)

    def check(self) -> SourceCheck:
        """Count what `items` offers; one file that is one message is not read, others are, as they must be cut to be counted.
        Raises SourceMissing."""
        tally, roots, notes = Tally(), self._roots(), list[SourceNote]()
        named = frozenset(root.path for root in roots)
        with closing(self._outlook(notes)) as outlook:
            for root in roots:
                for found in walk(root, named):
                    self._count(_FileCut(self.name, found, _home_of(root), self._limits, outlook), tally, is_named=found is root)
        return tally.result(notes)

    def _count(self, cut: _FileCut, tally: Tally, *, is_named: bool) -> None:
        found = cut.found
        if size := cut.size_if_whole():
            tally.message(found.folder, size, self._policy(found, found.folder, found.item_id, is_named=is_named))
            return
        for item in cut.items():
            place = _place_of(item)
            policy = self._policy(found, place.folder, place.item_id, is_named=is_named)
            if isinstance(item, RefusedItem):
                tally.refused(_excluded(item, place, policy) if policy else item)
            else:
                tally.message(place.folder, len(item.raw) if isinstance(item, OfferedMessage) else 0, policy)

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
        self._notes = []
        with closing(self._outlook(self._notes)) as outlook:
            for root in roots:
                home = _home_of(root)
                for found in outlook.foreseen(walk(root, named)):
                    cut = _FileCut(self.name, found, home, self._limits, outlook)
                    for item in self._offer(cut, is_named=found is root):
                        is_empty = False
                        yield item
        if is_empty:
            raise NoMailFound(f"Nothing at all was found under {', '.join(map(str, self._paths)) or 'no path'}.")

    def _outlook(self, notes: list[SourceNote]) -> OutlookFiles:
        return OutlookFiles(self._held, self._excludes, self._reading, notes)

    def _offer(self, cut: _FileCut, *, is_named: bool) -> Iterator[OfferedItem]:
        for item in cut.items():
            place = _place_of(item)
            policy = self._policy(cut.found, place.folder, place.item_id, is_named=is_named)
            yield _excluded(item, place, policy) if policy else item

    def _policy(self, found: Found, folder: str, item_id: str, *, is_named: bool) -> str | None:
        """What leaves the item out. A folder in an archive is judged also where the archive was named."""
        is_judged = not is_named or item_id.startswith(f"{found.item_id}!")
        return self._excludes(folder) if is_judged else None


class _FileCut:
    """Cuts one found thing into items (design.md 5)."""

    def __init__(self, source: str, found: Found, home: str, limits: ArchiveLimits, outlook: OutlookFiles) -> None:
        self._source = source
        self._unpacking = Unpacking(source, limits)
        self._outlook = outlook
        self._found = found
        self._home = home
        """The name of the folder that the person named: mail in a named `Sent` is sent mail."""

    @property
    def found(self) -> Found:
        """What is cut."""
        return self._found

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

    def size_if_whole(self) -> int:
        """The size of what is one message by its name or place; 0 where more must be known to tell what it is."""
        if self._found.kind not in (Kind.FILE, Kind.MAILDIR_MESSAGE) or not self._is_whole():
            return 0
        try:
            with open_regular(self._found.path) as file:
                return os.fstat(file.fileno()).st_size
        except OSError:
            return 0

    def _items_in(self, file: FileIO) -> Iterator[OfferedItem]:
        if self._is_whole():
            yield self._whole(file.readall())
            return
        head = os.pread(file.fileno(), HEAD_BYTES, 0)
        content = content_of(head)
        if content.is_archive:
            yield from self._unpacking.items(content, file, self._found, self._inside)
        elif content is Content.MBOX:
            yield from self._mbox_items(MboxFile(file.fileno()), file)
        elif content is Content.PST:
            yield from self._pst_items(file)
        elif content is Content.OLE2:
            yield self._msg_item(file)
        elif content is Content.NOT_MAIL and is_named_as_container(self._found.name, head):
            yield self._refused(ItemState.QUARANTINED, "container_unreadable", raw=mapped(file))
        elif content is Content.NOT_MAIL or (content is Content.EMPTY and self._found.name.startswith(b".")):
            yield self._refused(ItemState.EXCLUDED, "not_mail")
        else:
            yield self._whole(file.readall())

    def _inside(self, member: Found, unpacking: Unpacking) -> Iterator[OfferedItem]:
        """The items of a member of the archive that this is: cut as a file on disk is."""
        inner = copy(self)
        inner._found, inner._unpacking = member, unpacking
        return inner.items()

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
            yield self._refused(ItemState.QUARANTINED, "mbox_unsplittable", raw=mapped(file))
            return
        folder = self._folder_inside()
        for record in mbox.records():
            yield self._mbox_item(self._place(folder, f"{self._found.item_id}#{record.slice.separator_at}"), record)

    def _mbox_item(self, place: Place, record: MboxRecord) -> OfferedItem:
        if not record.raw:
            return _refusal(place, ItemState.QUARANTINED, "empty_item", raw=b"")
        occurrence = Occurrence(place, from_line_at=record.slice.from_line_at, is_sent=self._is_sent(place.folder))
        return OfferedMessage(occurrence, record.raw)

    def _pst_items(self, file: FileIO) -> Iterator[OfferedItem]:
        place = PstPlace(self._found.path, self._source, self._folder_inside(), self._found.item_id, self._home)
        try:
            yield from self._outlook.pst(file, place)
        except PstNotOpened:
            yield self._refused(ItemState.QUARANTINED, "container_unreadable", raw=mapped(file))

    def _msg_item(self, file: FileIO) -> OfferedItem:
        place = self._place(self._found.folder, self._found.item_id)
        item = self._outlook.msg(file, place, is_sent=self._is_sent(place.folder))
        if isinstance(item, RefusedItem) and item.code == "not_mail" and self._found.name.lower().endswith(b".msg"):
            item = None  # By its name it was one.
        return item or self._refused(ItemState.QUARANTINED, "container_unreadable", raw=mapped(file))

    def _folder_inside(self) -> str:
        """The folder that a file of many messages is."""
        name = self._found.name.decode("utf-8", "backslashreplace")
        return f"{self._found.folder}/{name}" if self._found.folder else name

    def _is_sent(self, folder: str) -> bool:
        return folders.is_sent(f"{self._home}/{folder}")

    def _place(self, folder: str, item_id: str) -> Place:
        return Place(self._source, folder, item_id)

    def _refused(self, state: ItemState, code: str, error: OSError | None = None, raw: Buffer | None = None) -> RefusedItem:
        return _refusal(self._place(self._found.folder, self._found.item_id), state, code, error, raw)


def _place_of(item: OfferedItem) -> Place:
    return item.place if isinstance(item, RefusedItem) else item.occurrence.place


def _home_of(root: Found) -> str:
    """The name of the folder named, or of the folder around a file named."""
    folder = root.path
    if root.kind is not Kind.FOLDER:
        folder = os.path.dirname(folder)  # noqa: PTH120
    if root.kind is Kind.MAILDIR_MESSAGE:
        folder = os.path.dirname(folder)  # noqa: PTH120
    return maildir.folder_path(text_of(os.path.basename(folder)))  # noqa: PTH119


def _excluded(item: OfferedItem, place: Place, policy: str) -> RefusedItem:
    """The same item, left out by the policy of its folder. What could not be read, or is no mail, stays what it is."""
    if isinstance(item, RefusedItem) and item.state is not ItemState.QUARANTINED:
        return item
    return RefusedItem(place, ItemState.EXCLUDED, policy, "its folder is one that the policy leaves out")


def _refusal(place: Place, state: ItemState, code: str, error: OSError | None = None, raw: Buffer | None = None) -> RefusedItem:
    because = f" ({errno.errorcode.get(error.errno or 0, 'cut short')})" if error else ""
    return RefusedItem(place, state, code, _REASONS[code] + because, raw)
