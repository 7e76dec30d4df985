"""Members of a ZIP file, read where they lie: nothing is extracted under its name."""

from __future__ import annotations

import lzma
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence

from connectors.mailboxes.archives.limits import Budget
from connectors.mailboxes.archives.members import CHUNK_BYTES, Entry, MemberDamaged, is_blank
from connectors.mailboxes.archives.salvage import MOST_OF_A_FOLDER, LocalFile, local_entries
from connectors.mailboxes.files.tree import Kind

_LOCAL = struct.Struct("<4s5H3L2H")
_MEMBER = b"PK\3\4"
_ENCRYPTED, _UTF8 = 0x1, 0x800
_DOS, _UNIX = 0, 3
_END, _END_SIZE, _MOST_COMMENT = b"PK\5\6", 22, 65_535
_END64, _END64_SIZE, _LOCATOR, _LOCATOR_SIZE = b"PK\6\6", 56, b"PK\6\7", 20
_LISTED = struct.Struct("<L4xH")
_MOST_BETWEEN = 24
"""What may lie between two members: the sizes of the first. A member is larger."""
_MOST_OF_NOTHING = 32
"""What a packed member of no bytes may take; behind a larger one lies something that the list denies."""
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA})
_UNREADABLE = (zipfile.BadZipFile, ValueError, LookupError, EOFError, OverflowError, NotImplementedError, struct.error)
_DAMAGE = (*_UNREADABLE, zlib.error, lzma.LZMAError, RuntimeError)
_OF_DOCUMENTS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})


class ZipPacked:
    """An open ZIP file. Where its list of members is damaged or cut off, they are found by the headers before each."""

    def __init__(self, descriptor: int, budget: Budget) -> None:
        """The file stays open and stays the caller's."""
        self.is_whole = True
        self._descriptor, self._budget = descriptor, budget
        self._size = os.fstat(descriptor).st_size
        self._file = os.fdopen(os.dup(descriptor), "rb")
        self._zip: zipfile.ZipFile

    def close(self) -> None:
        """End what it opened."""
        self._file.close()

    def entries(self) -> Iterator[Entry]:
        """See `Packed`."""
        listed, end = _listing(self._descriptor)
        self._budget.check_listing(listed)
        try:
            self._zip = zipfile.ZipFile(self._file)
        except (*_UNREADABLE, OSError):
            yield from self._salvaged()
            return
        infos = self._zip.infolist()
        if not self._are_there(infos):
            yield from self._salvaged()
            return
        covered = []
        for info in infos:
            self._budget.count()
            entry = self._entry(info)
            covered.append((entry.at, entry.end))
            yield entry
        self.is_whole = self._is_all_covered([*covered, (self._zip.start_dir, end)])

    def _are_there(self, infos: Sequence[zipfile.ZipInfo]) -> bool:
        """Whether the list tells of this file: a place in it for each, and a member's header at one of them at least."""
        if not all(0 <= info.header_offset < self._size for info in infos):
            return False
        return not infos or any(os.pread(self._descriptor, 4, info.header_offset) == _MEMBER for info in infos)

    def _is_all_covered(self, covered: list[tuple[int, int]]) -> bool:
        """Whether nothing but zeros lies outside of members and list, as a member that was left out of the list would, and none
        is said to lie over another, which would hide what it covers."""
        at = 0
        for start, end in (*sorted(covered), (self._size + _MOST_BETWEEN + 1, self._size)):
            gap = start - at
            if gap < 0 or (gap > _MOST_BETWEEN and not is_blank(self._descriptor, at, min(start, self._size))):
                return False
            at = max(at, end)
        return True

    def _salvaged(self) -> Iterator[Entry]:
        """One member that is the whole file is what quarantine keeps of an archive: nothing else was lost with the list."""
        number, end = 0, 0
        for entry in local_entries(self._descriptor):
            self._budget.count()
            number, end = number + 1, entry.end
            yield entry
        self.is_whole = number == 1 and end >= self._size

    def beginning(self, entry: Entry) -> bytes | None:
        """The first bytes of a member; None where they are damaged, or packed in a way that no document is."""
        if not isinstance(entry.handle, zipfile.ZipInfo) or entry.handle.compress_type not in _OF_DOCUMENTS:
            return None
        try:
            return next(self.chunks(entry), b"")
        except MemberDamaged:
            return None

    def chunks(self, entry: Entry) -> Iterator[bytes]:
        """See `Packed`."""
        if isinstance(entry.handle, LocalFile):
            yield from entry.handle.chunks(self._descriptor)
            return
        try:
            with self._zip.open(entry.handle) as opened:
                while chunk := opened.read(CHUNK_BYTES):
                    yield chunk
        except EOFError as exc:
            raise MemberDamaged(is_cut=True) from exc
        except _DAMAGE as exc:
            raise MemberDamaged from exc
        except OSError as exc:
            if exc.errno is not None:
                raise
            raise MemberDamaged from exc  # what bz2 says of bad data

    def _entry(self, info: zipfile.ZipInfo) -> Entry:
        name = _name(info)
        is_folder = name.endswith(b"/") and not info.file_size and info.compress_size <= MOST_OF_A_FOLDER
        kind = Kind.FOLDER if is_folder else _kind_of(info)
        end = info.header_offset + self._local_bytes(info) + info.compress_size
        return Entry(name, kind, info.file_size, info.header_offset, end, _trouble(info), info)

    def _local_bytes(self, info: zipfile.ZipInfo) -> int:
        head = os.pread(self._descriptor, _LOCAL.size, info.header_offset)
        return _LOCAL.size + sum(_LOCAL.unpack(head)[-2:]) if len(head) == _LOCAL.size else 0


def _trouble(info: zipfile.ZipInfo) -> str:
    if info.flag_bits & _ENCRYPTED:
        return "archive_encrypted"
    if not info.file_size and info.compress_size > _MOST_OF_NOTHING:
        return "archive_member_damaged"
    return "" if info.compress_type in _METHODS else "archive_not_supported"


def _name(info: zipfile.ZipInfo) -> bytes:
    """UTF-8 where it is that, said or not; levels are parted by backslashes in files that were made under DOS."""
    name = info.filename.encode("utf-8", "surrogateescape")
    if not info.flag_bits & _UTF8:
        name = _utf8_of(info.filename) or name
    return name.replace(b"\\", b"/") if info.create_system == _DOS else name


def _utf8_of(name: str) -> bytes | None:
    try:
        raw = name.encode("cp437")
        raw.decode("utf-8")
    except UnicodeError:
        return None
    return raw


def _kind_of(info: zipfile.ZipInfo) -> Kind:
    mode = stat.S_IFMT(info.external_attr >> 16) if info.create_system == _UNIX else 0
    if stat.S_ISLNK(mode):
        return Kind.LINK
    return Kind.FILE if mode in (0, stat.S_IFREG, stat.S_IFDIR) else Kind.SPECIAL


def _listing(descriptor: int) -> tuple[int, int]:
    """How many bytes of central directory the file claims, and where all that belongs to it ends; (0, 0) where there is none.

    Looked for as the library does, which would read as much into memory.
    """
    size = os.fstat(descriptor).st_size
    start = max(0, size - _END_SIZE - _MOST_COMMENT)
    tail = os.pread(descriptor, size - start, start)
    last = len(tail) - _END_SIZE
    found = last if last >= 0 and tail.startswith(_END, last) and tail.endswith(b"\0\0") else tail.rfind(_END)
    if found < 0 or len(tail) - found < _END_SIZE:
        return 0, 0
    listed, comment = _LISTED.unpack_from(tail, found + 12)
    at = start + found - _LOCATOR_SIZE
    if at >= _END64_SIZE and os.pread(descriptor, 4, at) == _LOCATOR:
        end64 = os.pread(descriptor, _END64_SIZE, at - _END64_SIZE)
        if end64.startswith(_END64):
            listed = struct.unpack_from("<Q", end64, 40)[0]
    return min(listed, size), min(start + found + _END_SIZE + comment, size)
