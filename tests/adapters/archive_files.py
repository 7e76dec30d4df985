"""Archives of mail for tests, and what a source makes of them."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from capstone.domain.message import OfferedItem, OfferedMessage, RefusedItem
from connectors.mailboxes.archives.limits import ArchiveLimits
from connectors.mailboxes.files.source import FileSource
from tests.contracts.mail_source import letter, place_of

SEP = b"From ada@agency.example Thu Jan  2 10:00:00 2020\r\n"
LETTER = letter(1)

Members = Sequence[tuple[str, bytes]]


def zip_at(path: Path, members: Members, method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, raw in members:
            archive.writestr(name, raw)
    return path


def tar_at(path: Path, members: Members, mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, raw in members:
            add(archive, name, raw)
    return path


def add(archive: tarfile.TarFile, name: str, raw: bytes = b"", **told: object) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(raw)
    for key, value in told.items():
        setattr(info, key, value)
    archive.addfile(info, io.BytesIO(raw))


def mbox(*raws: bytes) -> bytes:
    return b"".join(SEP + raw + b"\r\n" for raw in raws)


def items(*paths: Path, limits: ArchiveLimits | None = None) -> list[OfferedItem]:
    return list(FileSource("disk", paths, **({"limits": limits} if limits else {})).items({}))  # type: ignore[arg-type]


def ids(found: Sequence[OfferedItem], archive: Path) -> list[tuple[str, str]]:
    """(what became of it, id below the archive) of each item."""
    said = [(item.code if isinstance(item, RefusedItem) else "message", place_of(item).item_id) for item in found]
    return [(code, own.removeprefix(str(archive)).removeprefix("!")) for code, own in said]


def raws(found: Sequence[OfferedItem]) -> list[bytes]:
    return [item.raw for item in found if isinstance(item, OfferedMessage)]


class Pipe(io.BytesIO):
    """What a ZIP is streamed to: its headers cannot be mended afterwards, so sizes stand behind each member."""

    def seekable(self) -> bool:
        return False

    def tell(self) -> int:
        raise OSError


def encrypted(path: Path) -> Path:
    """Two members, the first said to be encrypted in both places where a ZIP says so."""
    raw = bytearray(zip_at(path, [("1.eml", LETTER), ("2.eml", letter(2))], zipfile.ZIP_STORED).read_bytes())
    raw[6] |= 1
    raw[raw.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(raw)
    return path
