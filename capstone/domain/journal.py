"""Journal reports of Exchange and Exchange Online: what they say of a message, and the message itself, byte for byte.

A report is a message with a text part of lines such as `Recipient: ada@agency.example, Expanded: board@agency.example` and the
original as message/rfc822; two originals where one is an unprotected copy of the other. Read after "Understanding Journal
Reports" (bb331962) and the grammar of the report (bb738122) of Exchange. Nothing here ever raises for what bytes hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from capstone.domain.addresses import normal_form
from capstone.domain.envelopes import Envelope, ListMembers, ReceivedAs, Recipient, read_envelope
from capstone.domain.facts.address_lists import read_addresses
from capstone.domain.facts.charsets import decoded
from capstone.domain.facts.headers import Headers, read_headers
from capstone.domain.facts.identifiers import read_message_id
from capstone.domain.journal_parts import Leaf, leaves_of

EXCHANGE = "exchange-journal"
"""`Envelope.said_by` of a report."""
_MARK, _OLD_MARK = "x-ms-journal-report", "exjournalreport"
_OLD_MARK_IN = ("content-identifier", "content-identifer")
"""Exchange itself writes and reads the second one."""
_MOST_NESTED = 3
"""Reports that were returned stand inside the report of their return, perhaps more than once."""
_MOST_TEXT, _FIRST = 32 * 1024 * 1024, 256
"""A list of everybody in a department is some hundred thousand lines."""
_BOM = "\ufeff"
_LINE = re.compile(r"(sender|on-behalf-of|subject|message-id|recipient|to|cc|bcc):[ \t]*(.*)", re.IGNORECASE)
_BESIDE = re.compile(r"(label|mailbox|sentutc|receivedutc):", re.IGNORECASE)
"""Lines that Exchange may write too ([MS-XJRNL] 2.1). Whoever `Mailbox` names is found as in a line of an unknown form."""
_REDIRECTED = re.compile(r",[ \t]*(Expanded|Forwarded):[ \t]*", re.IGNORECASE)
_BARE = re.compile(r"[^\s<>\",;]+")
_BETWEEN = re.compile(r"[\s<>()\[\]\",;:]+")
_PREFIX = re.compile(r"smtp:", re.IGNORECASE)
_WRAPPED = re.compile(r"imcea[a-z]+-", re.IGNORECASE)
"""Begins an address that Exchange made of one of another kind, such as an X.500 name."""
_RECEIVED_AS = {one.value: one for one in ReceivedAs}


@dataclass(frozen=True, slots=True)
class JournalReport:
    """What a report says, and the messages that it holds; none where the report came without its original."""

    envelope: Envelope
    originals: tuple[bytes, ...] = field(repr=False)
    others: tuple[str, ...] = ()
    """Addresses in lines that the format does not know: older servers or other languages may name people so."""
    is_whole: bool = True
    """False where it may concern more people than its envelope says: it has such lines, is cut off, names no sender or no
    recipient, or one by what is no address of mail."""


def read_report(raw: bytes) -> JournalReport | None:
    """The report, also one that was returned as undeliverable; None where the bytes are none."""
    waiting = [raw]
    for _ in range(_MOST_NESTED):
        inner: list[bytes] = []
        for one in waiting:
            headers = read_headers(one)
            leaves = leaves_of(one, headers)
            if (report := _as_report(headers, leaves)) is not None:
                return report
            if _is_returned(headers):
                inner += [leaf.body() for leaf in leaves if leaf.is_message]
        waiting = inner
    return None


def addresses_anywhere(text: str) -> list[str]:
    """All that looks like an address, in a text of any form."""
    return [word for word in _BETWEEN.split(text) if 0 < word.find("@") < len(word) - 1]


def envelope_of(raw: bytes, suffix: str) -> Envelope | None:
    """The envelope in an object that was kept beside a record: "eml" is a report, "json" what `write_envelope` wrote."""
    if suffix == "json":
        return read_envelope(raw)
    report = read_report(raw)
    return None if report is None else report.envelope


def merged(envelopes: Iterable[Envelope]) -> Envelope | None:
    """The union of what several reports of one message say; None where there is none.

    Who is named as a plain recipient by one and as To, Cc or Bcc by another, through the same list, is named once.
    """
    every = list(envelopes)
    if not every:
        return None
    return Envelope(
        said_by=", ".join(sorted({who for one in every for who in one.said_by.split(", ")})),
        sender=next((one.sender for one in every if one.sender), None),
        on_behalf_of=next((one.on_behalf_of for one in every if one.on_behalf_of), None),
        recipients=_united(recipient for one in every for recipient in one.recipients),
        lists=_lists(members for one in every for members in one.lists),
        message_id=next((one.message_id for one in every if one.message_id), None),
        properties={key: value for one in reversed(every) for key, value in one.properties.items()},
    )


def _united(recipients: Iterable[Recipient]) -> tuple[Recipient, ...]:
    found: dict[tuple[str, ...], Recipient] = {}
    for one in recipients:
        found.setdefault(_key(one, with_role=True), one)
    told = {_key(one, with_role=False) for one in found.values() if one.received_as is not ReceivedAs.RECIPIENT}
    return tuple(
        one for one in found.values() if one.received_as is not ReceivedAs.RECIPIENT or _key(one, with_role=False) not in told
    )


def _key(one: Recipient, *, with_role: bool) -> tuple[str, ...]:
    role = one.received_as.value if with_role else ""
    return normal_form(one.address), normal_form(one.through or ""), normal_form(one.forwarded_by or ""), role


def _lists(lists: Iterable[ListMembers]) -> tuple[ListMembers, ...]:
    return tuple(dict.fromkeys(lists))


def _is_returned(headers: Headers) -> bool:
    return (headers.first("content-type") or "").lower().startswith("multipart/report")


def _as_report(headers: Headers, leaves: list[Leaf]) -> JournalReport | None:
    """By the field that says so, or by the form where a relay took the field away."""
    text = next((leaf for leaf in leaves if leaf.part.content_type == "text/plain"), None)
    is_marked = _MARK in headers.fields or any(_OLD_MARK in (headers.first(name) or "").lower() for name in _OLD_MARK_IN)
    if not is_marked and (text is None or text is not leaves[0] or not _begins_like_one(text)):
        return None
    lines = _lines_of(text) if text else []
    envelope = _envelope(lines)
    originals = tuple(body for leaf in leaves if leaf.is_message and (body := leaf.body()))
    if not (is_marked or _is_told_by_form(lines, envelope, originals)):
        return None
    others = tuple(addresses_anywhere("\n".join(line for line in lines if not _LINE.match(line))))
    is_cut = text is not None and text.end - text.start > _MOST_TEXT
    return JournalReport(envelope, originals, others, not (is_cut or others) and _names_everybody(envelope))


def _names_everybody(envelope: Envelope) -> bool:
    named = [address for one in envelope.recipients for address in (one.address, one.through, one.forwarded_by) if address]
    senders = [envelope.sender or "", *([envelope.on_behalf_of] if envelope.on_behalf_of else [])]
    return bool(named) and all("@" in one and not _WRAPPED.match(one) for one in (*senders, *named))


def _begins_like_one(text: Leaf) -> bool:
    return text.body(_FIRST).removeprefix(_BOM.encode()).lstrip().lower().startswith(b"sender:")


def _is_told_by_form(lines: list[str], envelope: Envelope, originals: tuple[bytes, ...]) -> bool:
    """Whether the text holds nothing but a report's lines, and the original has the Message-ID that they name."""
    if not (envelope.sender and envelope.recipients and envelope.message_id and originals):
        return False
    named = read_message_id(read_headers(originals[0]).first("message-id") or "")[0]
    return named == envelope.message_id and all(_LINE.match(line) or _BESIDE.match(line) for line in lines if line.strip())


def _lines_of(text: Leaf) -> list[str]:
    body = decoded(text.body(_MOST_TEXT), text.part.params.get("charset") or "utf-8")[0]
    return [line.rstrip("\r") for line in body.removeprefix(_BOM).split("\n")]


def _envelope(lines: list[str]) -> Envelope:
    """The first of doubled lines counts; after the subject's line no other line is a subject."""
    told: dict[str, str] = {}
    recipients: list[Recipient] = []
    for line in lines:
        match = _LINE.match(line)
        if match is None:
            continue
        name, value = match[1].lower(), match[2].strip()
        if name in _RECEIVED_AS:
            recipients += _recipients(_RECEIVED_AS[name], value)
        else:
            told.setdefault(name, value)
    return Envelope(
        said_by=EXCHANGE,
        sender=_address(told.get("sender", "")),
        on_behalf_of=_address(told.get("on-behalf-of", "")),
        recipients=tuple(recipients),
        message_id=read_message_id(told["message-id"])[0] if told.get("message-id") else None,
    )


def _recipients(received_as: ReceivedAs, value: str) -> list[Recipient]:
    first, *redirections = _REDIRECTED.split(value)
    sources = dict(zip(map(str.lower, redirections[::2]), map(_address, redirections[1::2]), strict=True))
    through, forwarded_by = sources.get("expanded"), sources.get("forwarded")
    return [Recipient(address, received_as, name, through, forwarded_by) for name, address in _mailboxes(first)]


def _address(value: str) -> str | None:
    """The first of them."""
    return next((address for _, address in _mailboxes(value)), None)


def _mailboxes(value: str) -> list[tuple[str, str]]:
    """(name, address) as written; none of the empty address of reports. What has no usual form is the address as it stands."""
    value = _PREFIX.sub("", value.strip(), count=1)
    if not value.strip("<>"):
        return []
    if _BARE.fullmatch(value):
        return [("", value)]
    return [(one.name, one.address) for one in read_addresses([value], _ignored) if one.address] or [("", value)]


def _ignored(_: str) -> None:
    """What is wrong in a report's line is seen in the report, which is kept."""
