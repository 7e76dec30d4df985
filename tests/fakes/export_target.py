"""An export in memory."""

from __future__ import annotations

from capstone.domain.errors import OutputExists


class MemoryExport:
    """ExportTarget on a dictionary."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.is_finished = False

    def begin(self) -> None:
        if self.files:
            raise OutputExists("not empty")

    def create(self, name: str, raw: bytes) -> None:
        if name in self.files:
            raise OutputExists(name)
        self.files[name] = raw

    def append(self, name: str, raw: bytes) -> None:
        self.files[name] = self.files.get(name, b"") + raw

    def finish(self) -> None:
        self.is_finished = True
