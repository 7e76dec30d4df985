"""A letter as MAPI properties, and the message generated from an item as another reader reads it."""

from __future__ import annotations

import email
import email.policy
import re
from datetime import UTC, datetime
from email.message import EmailMessage

from capstone.domain.generated.eml import generate
from capstone.domain.generated.mapi import MapiItem
from tests.mapi_items import filetime, text

SENT = datetime(2020, 1, 2, 10, 0, 3, tzinfo=UTC)
LETTER = (
    text(0x0037, "Budget for 2021"),
    text(0x001A, "IPM.Note"),
    text(0x0042, "Ada Example"),
    text(0x0064, "SMTP"),
    text(0x0065, "ada@agency.example"),
    filetime(0x0039, SENT),
    text(0x1035, "<1@agency.example>"),
    text(0x1000, "Good day.\r\nAda"),
)
LINES = re.compile(rb"(?:[^\r\n]{0,998}\r\n)*")


def parsed(made_of: MapiItem) -> EmailMessage:
    message = email.message_from_bytes(generate(made_of, "pst").raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message
