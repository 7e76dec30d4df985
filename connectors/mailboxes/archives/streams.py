"""Files packed by bzip2 or xz, which may hold several streams: to the library a broken later one is the end of the file."""

from __future__ import annotations

import bz2
import lzma
from collections.abc import Iterator
from io import FileIO

from connectors.mailboxes.archives.members import CHUNK_BYTES, MemberDamaged


def streams(file: FileIO, *, is_bzip2: bool) -> Iterator[bytes]:
    """What is packed from where the file stands to its end. Whatever follows a stream is a stream, or zeros.

    Raises MemberDamaged.
    """
    rest = file.read(CHUNK_BYTES)
    number = 0
    while rest:
        stream = _Stream(file, rest, is_bzip2=is_bzip2)
        yield from stream.chunks(is_first=not number)
        number += 1
        rest = stream.rest
        while not (rest := rest.lstrip(b"\0")) and (more := file.read(CHUNK_BYTES)):
            rest = more


class _Stream:
    """One stream, which begins with `begin`, or with what the file gives behind it."""

    def __init__(self, file: FileIO, begin: bytes, *, is_bzip2: bool) -> None:
        self._file, self._begin = file, begin
        self._unpacker = bz2.BZ2Decompressor() if is_bzip2 else lzma.LZMADecompressor(lzma.FORMAT_XZ)
        self.rest = b""

    def chunks(self, *, is_first: bool) -> Iterator[bytes]:
        """Unpacked; then `rest` is what follows. A later stream that gave nothing spoils nothing of what came before it."""
        is_cut = not is_first
        packed = self._begin
        while not self._unpacker.eof:
            if self._unpacker.needs_input:
                packed = packed or self._file.read(CHUNK_BYTES)
                if not packed:
                    raise MemberDamaged(is_cut=True)
            chunk = self._unpacked(packed, is_cut=is_cut)
            packed = b""
            if chunk:
                is_cut = False
                yield chunk
        self.rest = self._unpacker.unused_data

    def _unpacked(self, packed: bytes, *, is_cut: bool) -> bytes:
        try:
            return self._unpacker.decompress(packed, CHUNK_BYTES)
        except (lzma.LZMAError, EOFError, ValueError) as exc:
            raise MemberDamaged(is_cut=is_cut) from exc
        except OSError as exc:
            if exc.errno is not None:
                raise
            raise MemberDamaged(is_cut=is_cut) from exc  # what bz2 says of bad data
