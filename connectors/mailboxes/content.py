"""What a file is, judged by its first bytes (design.md 5)."""

from __future__ import annotations

import re
from enum import StrEnum

from capstone.domain.from_line import ends_in_date
from capstone.domain.mbox import HEADER_LINE, LEAD, first_line

_OLE2 = bytes.fromhex("d0cf11e0")
_PST = b"!BDN"
_LEAD = re.compile(LEAD)
_OTHER_FORMATS = (b"BEGIN:VCALENDAR", b"BEGIN:VCARD")
"""Calendar and contact files: their first line has the form of a header line, and they are no mail."""


class Content(StrEnum):
    """What the first bytes say."""

    EMPTY = "empty"
    MBOX = "mbox"
    MESSAGE = "message"
    CONTAINER = "container"
    """A PST or an OLE2 file (MSG): this version cannot take messages out of it."""
    NOT_MAIL = "not_mail"


def content_of(head: bytes) -> Content:
    """Judge a file by its first `mbox.HEAD_BYTES` bytes. What `mbox.LEAD` matches is passed over."""
    if not head:
        return Content.EMPTY
    if head.startswith((_OLE2, _PST)):
        return Content.CONTAINER
    start = head[_lead_length(head) :]
    if HEADER_LINE.match(start) and not start.startswith(_OTHER_FORMATS):
        # `From  : A` is a header with blanks before its colon; a separator can look like one only by its sender.
        line = first_line(head)
        return Content.MBOX if line is not None and ends_in_date(line) else Content.MESSAGE
    return Content.MBOX if first_line(head) is not None else Content.NOT_MAIL


def _lead_length(head: bytes) -> int:
    lead = _LEAD.match(head)
    return lead.end() if lead else 0
