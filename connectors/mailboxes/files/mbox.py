"""Reads the records of an MBOX file one at a time, in bounded memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field

from capstone.domain.mbox import Slice, can_be_cut, slices


class CutShort(OSError):
    """The file became shorter while it was read."""


@dataclass(frozen=True, slots=True)
class MboxRecord:
    """A record and where it lies in its file."""

    slice: Slice
    raw: bytes = field(repr=False)


class MboxFile:
    """An open MBOX file, as long as it was when it was opened. It is read, not mapped: a mapped file that another program
    cuts short would end this process."""

    def __init__(self, descriptor: int) -> None:
        """Read from an open file, which stays open and stays the caller's."""
        self._descriptor = descriptor
        self._size = os.fstat(descriptor).st_size

    def can_be_cut(self) -> bool:
        """Whether its separators can be told from its text, see `domain.mbox`. Raises OSError."""
        return can_be_cut(self._read_at, self._size)

    def records(self) -> Iterator[MboxRecord]:
        """Each record, in order. Raises OSError, CutShort."""
        for piece in slices(self._read_at, self._size):
            yield MboxRecord(piece, self._read_at(piece.record_at, piece.record_end - piece.record_at))

    def _read_at(self, offset: int, length: int) -> bytes:
        wanted = min(length, self._size - offset)
        parts = []
        while wanted > 0:
            # One read gives at most 2 GiB.
            part = os.pread(self._descriptor, wanted, offset)
            if not part:
                raise CutShort("the file became shorter while it was read")
            parts.append(part)
            offset, wanted = offset + len(part), wanted - len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)
