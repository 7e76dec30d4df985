"""Bring files to the disk: one call for a whole batch where the system offers it.

Measured on one ext4 disk with 8 kB files: fsync of each 3,000 to 4,400 files/s, one syncfs a batch 20,000 files/s.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

_FEW = 8
"""Up to so many files are flushed one by one: a flush of the file system would wait for others' writes too."""

_libc = ctypes.CDLL(None, use_errno=True)


def flush_files(paths: Sequence[str | Path], *, folders_too: bool = False, more_folders: Iterable[Path] = ()) -> None:
    """Return when the files' bytes (and with `folders_too` their names) are on the disk. Raises OSError.

    `more_folders` are folders made for these files on the same file system; their own names are flushed as well.
    """
    if len(paths) > _FEW and hasattr(_libc, "syncfs"):
        _flush_file_system(paths[0])
        return
    for path in paths:
        _flush(path, os.O_RDONLY)
    folders = {*more_folders, *(Path(path).parent for path in paths if folders_too)}
    for folder in folders | {folder.parent for folder in folders}:
        _flush(folder, os.O_RDONLY | os.O_DIRECTORY)


def flush_folder(folder: Path) -> None:
    """Return when the names in the folder, and its own name, are on the disk."""
    for place in (folder, folder.parent):
        _flush(place, os.O_RDONLY | os.O_DIRECTORY)


def _flush(path: str | Path, how: int) -> None:
    descriptor = os.open(path, how)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _flush_file_system(path: str | Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        if _libc.syncfs(descriptor) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
    finally:
        os.close(descriptor)
