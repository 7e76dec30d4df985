"""An export in a folder of this machine: plain files, nothing packed (36 CFR 1235.50(a): no compression without approval)."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from capstone.domain.errors import OutputExists, StoreUnavailable
from connectors.flush import flush_files


class FolderExport:
    """ExportTarget on a new or empty folder. Raises StoreUnavailable where the disk is full or not writable."""

    def __init__(self, folder: Path) -> None:
        """`folder` is made by `begin`."""
        self._folder = folder
        self._written: dict[str, Path] = {}

    def begin(self) -> None:
        """See ExportTarget. A new folder is for its owner alone; one that is there stays as open as it is."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if any(self._folder.iterdir()):
                raise OutputExists(f"The folder {self._folder} is not empty; nothing was exported.")
        except OSError as exc:
            raise _unwritable(exc) from exc

    def create(self, name: str, raw: bytes) -> None:
        """See ExportTarget. A file that another program put there is not touched either."""
        try:
            if (self._folder / name).exists():
                raise OutputExists(f"The export already holds {name}; it was not changed.")
        except OSError as exc:
            raise _unwritable(exc) from exc
        self._write(name, raw, "xb")

    def append(self, name: str, raw: bytes) -> None:
        """See ExportTarget."""
        self._write(name, raw, "ab")

    def _write(self, name: str, raw: bytes, mode: Literal["xb", "ab"]) -> None:
        path = self._written.get(name) or self._folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open(mode) as file:
                file.write(raw)
        except OSError as exc:
            raise _unwritable(exc) from exc
        self._written[name] = path

    def finish(self) -> None:
        """See ExportTarget."""
        try:
            flush_files(list(self._written.values()), folders_too=True)
        except OSError as exc:
            raise _unwritable(exc) from exc


def _unwritable(exc: OSError) -> StoreUnavailable:
    return StoreUnavailable(f"The export cannot be written: {exc.strerror}.", "Check the folder and the free space on its disk.")
