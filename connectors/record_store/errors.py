"""What an operating system's error means for the archive."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from capstone.domain.errors import StoreUnavailable

_MEANING = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "permission was denied",
    errno.EPERM: "the operation was not permitted",
    errno.EIO: "the disk gave an input/output error",
    errno.EMFILE: "too many files are open",
    errno.ENOTDIR: "a folder of the store is not a folder",
}


@contextmanager
def vendor_errors() -> Iterator[None]:
    """Turn an OSError into StoreUnavailable; named errors and bugs pass through."""
    try:
        yield
    except OSError as exc:
        meaning = _MEANING.get(exc.errno or 0, f"the operating system said: {exc.strerror}")
        raise StoreUnavailable(f"The record store cannot be used: {meaning}.") from exc
