"""Opens what is a file and nothing else, and has its bytes without holding them."""

from __future__ import annotations

import errno
import mmap
import os
import stat
from io import FileIO

_READ_ONLY = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
"""Never through a link, and never waiting for a FIFO that took the place of a file."""


def open_regular(path: bytes) -> FileIO:
    """Open a regular file for reading, unbuffered. Raises OSError, also for anything that is no regular file."""
    file = FileIO(os.open(path, _READ_ONLY))
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "not a regular file")
    return file


def mapped(file: FileIO) -> memoryview:
    """The bytes of a file that may be larger than memory; they stay on disk until they are read. Raises OSError."""
    try:
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except ValueError as exc:
        raise OSError(errno.EIO, "the file became empty while it was read") from exc
