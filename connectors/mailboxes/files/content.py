"""What a file is, judged by its first bytes (design.md 5)."""

from __future__ import annotations

import os
import re
import tarfile
from enum import StrEnum

from capstone.domain.from_line import ends_in_date
from capstone.domain.mbox import HEADER_LINE, LEAD, first_line

_OLE2 = bytes.fromhex("d0cf11e0")
_PST = b"!BDN"
_ZIP = (b"PK\3\4", b"PK\5\6", b"PK\7\10", b"PK00PK\3\4")
"""The last of one that was to be split, and fitted in one piece."""
_LEAD = re.compile(LEAD)
_OTHER_FORMATS = (b"BEGIN:VCALENDAR", b"BEGIN:VCARD")
"""Calendar and contact files: their first line has the form of a header line, and they are no mail."""

CONTAINER_ENDINGS = (
    ".pst", ".ost", ".mbox", ".mbx", ".zip", ".tar", ".gz", ".tgz", ".bz2", ".tbz", ".tbz2", ".xz", ".txz", ".7z", ".rar", ".zst",
)  # fmt: skip
"""Names of files that hold mail, or files of mail. One whose first bytes say otherwise is damaged."""


class Content(StrEnum):
    """What the first bytes say."""

    EMPTY = "empty"
    MBOX = "mbox"
    MESSAGE = "message"
    PST = "pst"
    """A PST or OST: a whole mailbox."""
    OLE2 = "ole2"
    """An MSG, which is one message, or a document."""
    ZIP = "zip"
    TAR = "tar"
    GZIP = "gzip"
    BZIP2 = "bzip2"
    XZ = "xz"
    OTHER_ARCHIVE = "other_archive"
    """7-Zip, RAR, Zstandard or compress: named and kept, not unpacked."""
    NOT_MAIL = "not_mail"

    @property
    def is_archive(self) -> bool:
        """Whether there may be files of mail inside."""
        return self in _ARCHIVES


_ARCHIVES = frozenset({Content.ZIP, Content.TAR, Content.GZIP, Content.BZIP2, Content.XZ, Content.OTHER_ARCHIVE})
_PACKED = {b"\x1f\x8b\x08": Content.GZIP, b"BZh": Content.BZIP2, b"\xfd7zXZ\0": Content.XZ}
_OTHER_ARCHIVES = (b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07", b"\x28\xb5\x2f\xfd", b"\x1f\x9d")
_BZIP2 = re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)")


def content_of(head: bytes) -> Content:
    """Judge a file by its first `mbox.HEAD_BYTES` bytes. What `mbox.LEAD` matches is passed over."""
    if not head:
        return Content.EMPTY
    if head.startswith((_OLE2, _PST)):
        return Content.PST if head.startswith(_PST) else Content.OLE2
    if (archive := _archive(head)) is not None:
        return archive
    start = head[_lead_length(head) :]
    if HEADER_LINE.match(start) and not start.startswith(_OTHER_FORMATS):
        # `From  : A` is a header with blanks before its colon; a separator can look like one only by its sender.
        line = first_line(head)
        return Content.MBOX if line is not None and ends_in_date(line) else Content.MESSAGE
    return Content.MBOX if first_line(head) is not None else Content.NOT_MAIL


def is_named_as_container(name: bytes, head: bytes) -> bool:
    """Whether a file's name says that it holds mail, or files of mail; an MSG does where it is no text, as other programs call
    texts so. What a Mac keeps beside a file has a name like it."""
    small = name.lower()
    is_named = small.endswith(tuple(map(os.fsencode, CONTAINER_ENDINGS))) or (small.endswith(b".msg") and b"\0" in head)
    return is_named and not name.startswith(b".")


def is_tar(head: bytes) -> bool:
    """Whether a file begins with the header of a TAR member: its checksum says so, whatever its flavour."""
    try:
        tarfile.TarInfo.frombuf(head[: tarfile.BLOCKSIZE], "utf-8", "surrogateescape")
    except (tarfile.TarError, ValueError):
        return False
    return True


def _archive(head: bytes) -> Content | None:
    if head.startswith(_ZIP):
        return Content.ZIP
    if head.startswith(_OTHER_ARCHIVES):
        return Content.OTHER_ARCHIVE
    packed = next((content for mark, content in _PACKED.items() if head.startswith(mark)), None)
    if packed is Content.BZIP2 and not _BZIP2.match(head):
        packed = None
    return packed or (Content.TAR if is_tar(head) else None)


def _lead_length(head: bytes) -> int:
    lead = _LEAD.match(head)
    return lead.end() if lead else 0
