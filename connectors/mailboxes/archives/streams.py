"""Files packed by gzip, bzip2 or xz, which may hold several streams: each is driven by itself, as to the libraries a broken later
one is the end of the file, and a name without end in a header of gzip is read byte by byte."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Iterator
from io import FileIO
from typing import Protocol

from connectors.mailboxes.archives.members import CHUNK_BYTES, MemberDamaged
from connectors.mailboxes.files.content import Content

_GZIP = 16 + zlib.MAX_WBITS
"""With its header and its checksums."""


def streams(file: FileIO, content: Content) -> Iterator[bytes]:
    """What is packed from where the file stands to its end. Whatever follows a stream is a stream, or zeros.

    Raises MemberDamaged.
    """
    rest = file.read(CHUNK_BYTES)
    number = 0
    while rest:
        stream = _Stream(file, rest, content)
        yield from stream.chunks(is_first=not number)
        number += 1
        rest = stream.rest
        while not (rest := rest.lstrip(b"\0")) and (more := file.read(CHUNK_BYTES)):
            rest = more


class _Unpacker(Protocol):
    """As the libraries of bzip2 and xz have it."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _Gunzip:
    """The same of gzip."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(_GZIP)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return not self._inner.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail or data, max_length)


def _unpacker(content: Content) -> _Unpacker:
    if content is Content.GZIP:
        return _Gunzip()
    return bz2.BZ2Decompressor() if content is Content.BZIP2 else lzma.LZMADecompressor(lzma.FORMAT_XZ)


class _Stream:
    """One stream, which begins with `begin`, or with what the file gives behind it."""

    def __init__(self, file: FileIO, begin: bytes, content: Content) -> None:
        self._file, self._begin = file, begin
        self._unpacker = _unpacker(content)
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
        except (zlib.error, lzma.LZMAError, EOFError, ValueError) as exc:
            raise MemberDamaged(is_cut=is_cut) from exc
        except OSError as exc:
            if exc.errno is not None:
                raise
            raise MemberDamaged(is_cut=is_cut) from exc  # what bz2 says of bad data
