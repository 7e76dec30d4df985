"""Members of a TAR file, read where they lie: nothing is extracted under its name."""

from __future__ import annotations

import io
import os
import re
import tarfile
from collections.abc import Iterator

from connectors.mailboxes.archives.limits import Budget
from connectors.mailboxes.archives.members import CHUNK_BYTES, Entry, MemberDamaged, is_blank
from connectors.mailboxes.files.tree import Kind

_MOST_HEADER_BYTES = 64 * 1024
"""One extended header: a long name, or attributes. The library reads it into memory whatever its size."""
_MOST_HEADERS_BYTES = 1024 * 1024
"""All headers of one member: long names, attributes, the map of a file with holes. Each could announce a further one."""
_MOST_PIECES = 200_000
"""Of all files with holes in one archive. Their maps stay in memory."""
_LISTS = (b"D", b"V")
"""What GNU tar writes beside members: the names in a folder, and the name of the volume."""
_MANY_DIGITS = re.compile(rb"\d{32}")
"""No header of ours holds such numbers; the library's search through them takes time that grows with the square."""
_DAMAGE = (tarfile.TarError, ValueError, OverflowError, LookupError, EOFError, TypeError, RecursionError)


class TarPacked:
    """An open TAR file. A hard link is another name of a member, and its bytes are that member's; links out are links."""

    def __init__(self, descriptor: int, budget: Budget, *, is_whole: bool = True) -> None:
        """`is_whole`: False where the file is known to be cut short."""
        self.is_whole = is_whole
        self._descriptor, self._budget = descriptor, budget
        self._size = os.fstat(descriptor).st_size
        self._file = _Headers(descriptor)

    def entries(self) -> list[Entry]:
        """See `Packed`."""
        listed: list[Entry] = []
        try:
            with tarfile.open(fileobj=self._file, mode="r:", encoding="utf-8", errors="surrogateescape") as tar:
                self._list(tar, listed)
                self.is_whole = self.is_whole and is_blank(self._descriptor, tar.offset, self._size)
        except _DAMAGE:
            self.is_whole = False
        finally:
            self._file.is_listing = False
        return _with_hard_links(listed)

    def _list(self, tar: tarfile.TarFile, listed: list[Entry]) -> None:
        pieces = 0
        while (info := tar.next()) is not None:
            tar.members.clear()  # type: ignore[attr-defined]  # it would keep them all
            self._file.spent = 0
            self._budget.count()
            pieces += len(info.sparse or ())
            if pieces > _MOST_PIECES or info.size < 0:
                raise tarfile.ReadError("more holes than any program makes, or fewer bytes than none")
            kind, trouble = _kind_of(info)
            end = info.offset_data + (info.size if kind is Kind.FILE and not info.issparse() else 0)
            kept = info if info.issparse() else info.linkname if info.islnk() else None
            listed.append(Entry(_bytes(info.name), kind, info.size, info.offset, end, trouble, kept))

    def chunks(self, entry: Entry) -> Iterator[bytes]:
        """See `Packed`."""
        if isinstance(entry.handle, tarfile.TarInfo):
            yield from self._sparse_chunks(entry.handle)
            return
        at, left = entry.end - entry.size_bytes, entry.size_bytes
        while left:
            chunk = os.pread(self._descriptor, min(left, CHUNK_BYTES), at)
            if not chunk:
                raise MemberDamaged(is_cut=True)
            yield chunk
            at, left = at + len(chunk), left - len(chunk)

    def _sparse_chunks(self, info: tarfile.TarInfo) -> Iterator[bytes]:
        """A file with holes: the library fills them with zeros."""
        self._file.seek(0)
        try:
            with tarfile.open(fileobj=self._file, mode="r:") as tar, tar.fileobject(tar, info) as opened:
                while chunk := opened.read(CHUNK_BYTES):
                    yield chunk
        except _DAMAGE as exc:
            raise MemberDamaged from exc


class _Headers(io.RawIOBase):
    """The file as the library sees it: no header larger than any that a person's program writes, and no chain of them."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor, self._at = descriptor, 0
        self._size = os.fstat(descriptor).st_size
        self.is_listing = True
        self.spent = 0
        """Bytes read since the last member."""

    def read(self, size: int = -1) -> bytes:
        if self.is_listing and not 0 <= size <= _MOST_HEADER_BYTES:
            raise tarfile.ReadError("a header that is too large")
        data = os.pread(self._descriptor, size, self._at)
        if self.is_listing and len(data) > tarfile.BLOCKSIZE and _MANY_DIGITS.search(data):
            raise tarfile.ReadError("a header that no program writes")
        self.spent += len(data)
        if self.is_listing and self.spent > _MOST_HEADERS_BYTES:
            raise tarfile.ReadError("headers that are too large")
        self._at += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        at = offset + (0, self._at, self._size)[whence]
        if at < 0:
            raise tarfile.ReadError("a place before the file")
        self._at = at
        return at

    def tell(self) -> int:
        return self._at


def _with_hard_links(listed: list[Entry]) -> list[Entry]:
    """A hard link to a member becomes a file like it; one to anything else stays a link."""
    if not any(isinstance(entry.handle, str) for entry in listed):
        return listed
    files = {entry.name: entry for entry in listed if entry.kind is Kind.FILE and not isinstance(entry.handle, str)}
    return [_linked(entry, files) if isinstance(entry.handle, str) else entry for entry in listed]


def _linked(entry: Entry, files: dict[bytes, Entry]) -> Entry:
    target = files.get(_bytes(entry.handle))
    return entry._replace(handle=None) if target is None else target._replace(name=entry.name)


def _kind_of(info: tarfile.TarInfo) -> tuple[Kind, str]:
    """What the member is, and why it cannot be read. Bytes of a kind that the library does not know may be mail, or half of
    it: a file that goes on from another volume has a kind of its own."""
    if info.isreg():
        return Kind.FILE, ""
    if info.isdir() or info.type in _LISTS:
        return Kind.FOLDER, ""
    if info.issym() or info.islnk():
        return Kind.LINK, ""
    return (Kind.SPECIAL, "") if info.isdev() else (Kind.FILE, "archive_not_supported")


def _bytes(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")
