"""The facts that capture decides on, and all header facts it shares with the full reading."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from capstone.domain.facts.address_lists import read_addresses
from capstone.domain.facts.dates import read_date, read_trace_date
from capstone.domain.facts.headers import Headers
from capstone.domain.facts.identifiers import read_message_id
from capstone.domain.facts.ladder import Reading
from capstone.domain.facts.words import unwrapped
from capstone.domain.message import Address

_MAILBOX_FIELDS = ("from", "sender", "to", "cc", "bcc")
_SINGLE = ("message-id", "date", "from", "subject")


@dataclass(slots=True)
class Envelope:
    """Who, when and which, as the header says."""

    message_id: str | None
    date: datetime | None
    trace_date: datetime | None
    subject: str
    mailboxes: dict[str, tuple[Address, ...]]
    """from, sender, to, cc, bcc."""


def read_envelope(reading: Reading) -> Envelope:
    """The header facts of the message; its problems go to the reading's list."""
    headers = reading.headers
    codes: list[str] = []
    message_id = _message_id(headers, codes)
    date = _date(headers, codes)
    trace_date = _trace_date(headers, codes)
    subject = unwrapped(headers.first("subject") or "", codes.append)
    mailboxes = read_mailboxes(headers, codes.append)
    _note_mailboxes(headers, mailboxes, codes)
    _note_single(headers, codes)
    reading.problems.extend((code, "") for code in dict.fromkeys(codes))
    return Envelope(message_id, date, trace_date, subject, mailboxes)


def read_mailboxes(headers: Headers, note: Callable[[str], None]) -> dict[str, tuple[Address, ...]]:
    """The mailboxes of from, sender, to, cc and bcc; what is wrong with them goes to `note`."""
    fields = headers.fields
    return {name: read_addresses(headers.all(name), note) if name in fields else () for name in _MAILBOX_FIELDS}


def _message_id(headers: Headers, codes: list[str]) -> str | None:
    value = headers.first("message-id")
    if value is None:
        codes.append("no_message_id")
        return None
    message_id, problem = read_message_id(value)
    if problem:
        codes.append(problem)
    return message_id


def _date(headers: Headers, codes: list[str]) -> datetime | None:
    value = headers.first("date")
    if value is None:
        codes.append("no_date")
        return None
    date, problem = read_date(value)
    if problem:
        codes.append(problem)
    return date


def _trace_date(headers: Headers, codes: list[str]) -> datetime | None:
    received = headers.first("received")
    if received is None:
        return None
    date = read_trace_date(received)
    if date is None:
        codes.append("malformed_trace_date")
    return date


def _note_mailboxes(headers: Headers, mailboxes: dict[str, tuple[Address, ...]], codes: list[str]) -> None:
    if not any(mailbox.address for mailbox in mailboxes["from"]):
        codes.append("malformed_from" if headers.first("from") is not None else "no_from")
    if headers.first("sender") and not any(mailbox.address for mailbox in mailboxes["sender"]):
        codes.append("malformed_sender")
    if not (mailboxes["to"] or mailboxes["cc"] or mailboxes["bcc"]):
        _note_no_recipients(headers, codes)


def _note_no_recipients(headers: Headers, codes: list[str]) -> None:
    named = [value for name in ("to", "cc", "bcc") for value in headers.all(name)]
    if not named:
        codes.append("no_recipients")
    elif any(named) and not any(_is_empty_group(value) for value in named):
        codes.append("malformed_recipients")


def _is_empty_group(value: str) -> bool:
    """Whether it is "undisclosed-recipients:;" or the like: well-formed, and names nobody."""
    name, colon, rest = value.partition(":")
    return bool(name and colon) and not rest.strip(" ;")


def _note_single(headers: Headers, codes: list[str]) -> None:
    if headers.first("subject") is None:
        codes.append("no_subject")
    codes.extend("doubled_" + name.replace("-", "_") for name in _SINGLE if len(headers.fields.get(name, ())) > 1)
