"""What the archive is offered of what was delivered to the journal: one message for each registered account concerned."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from capstone.domain.envelopes import Envelope, Recipient, read_envelope, write_envelope
from capstone.domain.facts.address_lists import read_addresses
from capstone.domain.facts.dates import read_date
from capstone.domain.facts.headers import Headers, read_headers
from capstone.domain.facts.identifiers import read_message_id
from capstone.domain.fixity import digest_of
from capstone.domain.journal import JournalReport, addresses_anywhere, read_report
from capstone.domain.journal_accounts import Addressees
from capstone.domain.layout import NO_ACCOUNT
from capstone.domain.message import (
    Companion,
    CompanionKind,
    ItemState,
    Occurrence,
    OfferedItem,
    OfferedMessage,
    Place,
    RefusedItem,
)
from capstone.domain.rules import Rules

SMTP = "smtp"
"""`Envelope.said_by` of a message that was delivered as itself."""
NOBODY_REGISTERED = "no_registered_account"
ENVELOPE_OF = ".envelope"
"""What the item id ends with under which the wire's envelope of quarantined mail lies beside it in quarantine."""
_REASON, _REASON_BESIDE = "it names no registered account", "the envelope of mail that names no registered account"
_AT = "received_at"
_DELIVERED = ("x-gm-original-to", "x-original-to", "delivered-to", "envelope-to", "x-envelope-to")
"""Fields in which servers say for whom they delivered a copy."""
_BY = ("from", "sender", "resent-from", "resent-sender")
_FROM = (*_BY, "return-path")
_TO = ("to", "cc", "bcc", "resent-to", "resent-cc", "resent-bcc", *_DELIVERED)


@dataclass(frozen=True, slots=True)
class Delivered:
    """What one delivery brought: the bytes, and the envelope that it had on the wire."""

    raw: bytes = field(repr=False)
    sender: str | None
    """None: the empty sender of reports."""
    recipients: tuple[str, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class Sorting:
    """What sorts deliveries: the source's name, the rules in force, and what becomes of mail that concerns nobody registered."""

    source: str
    rules: Rules
    addressees: Addressees
    unregistered: ItemState
    """QUARANTINED or EXCLUDED."""
    reads_reports: bool = True
    """False where only copies of mail come: then nothing is read as a report, whatever it looks like."""


def sorted_by_account(delivered: Delivered, sorting: Sorting) -> dict[str, list[OfferedItem]]:
    """The items by account; those of NO_ACCOUNT where nobody registered is concerned. Never raises for what the bytes hold.

    What was delivered to an account's own address is a copy of its mail whatever it looks like, and so is what its own header
    addresses to an account of which the report inside knows nothing. Where the wire names nobody but the journal and strangers
    may write to it, that is no proof against a report whose inside was made to fit: there `reads_reports` must be False.
    A report that says to be from such an account is both, as a relay may have put that address there: its copy, and the
    originals of whom the report names.
    """
    headers = read_headers(delivered.raw)
    report, authors = _report_in(delivered, headers, sorting)
    found = {} if report is None else _of_report(delivered, headers, report, sorting)
    if report is None or not authors <= found.keys():
        copies = _of_copy(delivered, headers, sorting)
        found |= copies if report is None else {account: copies[account] for account in sorted(authors - found.keys())}
    return found or {NO_ACCOUNT: _refused(delivered, sorting)}


def _report_in(delivered: Delivered, headers: Headers, sorting: Sorting) -> tuple[JournalReport | None, frozenset[str]]:
    """The report, None where it is a copy; the accounts that its own header says it is from and of which its inside knows
    nothing."""
    own = (*delivered.recipients, *_named(headers, _DELIVERED))
    if not sorting.reads_reports or _accounts(sorting, own, headers, delivered.at):
        return None, frozenset()
    report = read_report(delivered.raw)
    if report is None or not report.originals:
        return report, frozenset()
    # Exchange gives a report the addresses of its original, or those of the system and of the journal.
    within = [address for raw in report.originals for address in _named(read_headers(raw), _FROM + _TO)]
    told = _accounts(sorting, (*_said(report.envelope.sender), *_concerned_by(report), *within), headers, delivered.at)
    if not _accounts(sorting, _named(headers, _TO), headers, delivered.at) <= told:
        return None, frozenset()
    return report, _accounts(sorting, _named(headers, _BY), headers, delivered.at) - told


def _of_copy(delivered: Delivered, headers: Headers, sorting: Sorting) -> dict[str, list[OfferedItem]]:
    """A message that was delivered as itself. Its header counts too: the envelope may name nobody but the journal."""
    envelope = smtp_envelope(delivered, headers)
    others = [*(one.address for one in envelope.recipients), *_named(headers, _FROM + _TO)]
    sent = _accounts(sorting, [*_said(envelope.sender), *_senders(headers)], headers, delivered.at)
    concerned = sent | _accounts(sorting, others, headers, delivered.at)
    beside = Companion(CompanionKind.ENVELOPE, "json", write_envelope(envelope, digest_of(delivered.raw)))
    return {account: [_item(delivered, sorting, delivered.raw, beside, is_sent=account in sent)] for account in sorted(concerned)}


def smtp_envelope(delivered: Delivered, headers: Headers) -> Envelope:
    """The envelope on the wire, and the recipients that servers on the way noted in the header."""
    named = dict.fromkeys((*delivered.recipients, *_named(headers, _DELIVERED)))
    return Envelope(
        SMTP,
        sender=delivered.sender,
        recipients=tuple(map(Recipient, named)),
        message_id=read_message_id(headers.first("message-id") or "")[0],
    )


def _of_report(delivered: Delivered, headers: Headers, report: JournalReport, sorting: Sorting) -> dict[str, list[OfferedItem]]:
    """The originals of a report; the report itself, which then goes by its own header too, where it came without.

    What is kept beside a record is of that record only: of several originals the first one has the report, the others what it
    says.
    """
    inside = [read_headers(raw) for raw in report.originals] or [headers]
    told = report.envelope
    sent = _accounts(sorting, _said(told.sender), inside[0], delivered.at)
    concerned = sent | _accounts(sorting, _concerned_by(report), inside[0], delivered.at)
    if not (concerned and report.originals and report.is_whole):  # what it says may be damaged, or say less than the mail itself
        sent |= _accounts(sorting, _senders(inside[0]), inside[0], delivered.at)
        named = [address for each in (headers, *inside) for address in _named(each, _FROM + _TO)]
        concerned |= sent | _accounts(sorting, named, inside[0], delivered.at)
    raws = report.originals or (delivered.raw,)
    beside = [Companion(CompanionKind.ENVELOPE, "json", write_envelope(told, digest_of(raw))) for raw in raws]
    if report.originals:
        beside[0] = Companion(CompanionKind.ENVELOPE, "eml", delivered.raw)
    each = list(enumerate(zip(raws, beside, strict=True), 1))
    return {
        account: [_item(delivered, sorting, raw, one, number, is_sent=account in sent) for number, (raw, one) in each]
        for account in sorted(concerned)
    }


def _concerned_by(report: JournalReport) -> list[str]:
    """For whom it was sent, who received it, and the lists and mailboxes that led it there: an account may be one of these."""
    told = report.envelope
    received = [address for one in told.recipients for address in (one.address, one.through, one.forwarded_by) if address]
    return [*_said(told.on_behalf_of), *received, *report.others]


def _senders(headers: Headers) -> list[str]:
    """Who sent it by its header: the Sender where it names one, as From then says for whom."""
    return _named(headers, ("sender",)) or _named(headers, ("from",))


def _item(
    delivered: Delivered, sorting: Sorting, raw: bytes, beside: Companion, number: int = 1, *, is_sent: bool
) -> OfferedMessage:
    digest = digest_of(delivered.raw)
    place = Place(sorting.source, "", digest if number == 1 else f"{digest}#{number}")
    seen = Occurrence(place, received_at=delivered.at, is_sent=is_sent, envelope=digest_of(beside.raw))
    return OfferedMessage(seen, raw, companions=(beside,))


def _refused(delivered: Delivered, sorting: Sorting) -> list[OfferedItem]:
    """In quarantine the envelope lies beside the mail, so that it can be sorted anew by a later register."""
    digest = digest_of(delivered.raw)
    if sorting.unregistered is not ItemState.QUARANTINED:
        return [RefusedItem(Place(sorting.source, "", digest), sorting.unregistered, NOBODY_REGISTERED, _REASON, None)]
    wire = Envelope(
        SMTP, delivered.sender, recipients=tuple(map(Recipient, delivered.recipients)), properties={_AT: delivered.at.isoformat()}
    )
    return [
        RefusedItem(Place(sorting.source, "", item_id), sorting.unregistered, NOBODY_REGISTERED, reason, raw)
        for item_id, reason, raw in (
            (digest, _REASON, delivered.raw), (f"{digest}{ENVELOPE_OF}", _REASON_BESIDE, write_envelope(wire, digest)),
        )
    ]  # fmt: skip


def delivered_again(raw: bytes, envelopes: Iterable[bytes], now: datetime) -> list[Delivered]:
    """The deliveries of quarantined mail by the envelopes that lie beside it; one of now to nobody where none can be read."""
    wires = [wire for one in envelopes if (wire := read_envelope(one)) is not None]
    found = [Delivered(raw, one.sender, tuple(to.address for to in one.recipients), _time_of(one) or now) for one in wires]
    return found or [Delivered(raw, None, (), now)]


def _time_of(wire: Envelope) -> datetime | None:
    try:
        at = datetime.fromisoformat(wire.properties[_AT])
    except (KeyError, ValueError):
        return None
    return at if at.tzinfo else None


def _accounts(sorting: Sorting, addresses: Iterable[str], headers: Headers, at: datetime) -> frozenset[str]:
    """On the day of the message or of its arrival."""
    written = read_date(headers.first("date") or "")[0]
    zone = sorting.rules.zone
    return sorting.addressees.accounts_of(addresses, [one.astimezone(zone).date() for one in (written, at) if one])


def _named(headers: Headers, names: Iterable[str]) -> list[str]:
    return [address for name in names if name in headers.fields for value in headers.all(name) for address in _mailboxes(value)]


def _mailboxes(value: str) -> list[str]:
    """The addresses of a field; where it is broken or too long to be read as a list, whatever looks like one."""
    problems: list[str] = []
    found = [one.address for one in read_addresses([value], problems.append) if one.address]
    is_read = found and not problems and all(addresses_anywhere(one) == [one] for one in found)
    return found if is_read else list(dict.fromkeys([*found, *addresses_anywhere(value)]))


def _said(address: str | None) -> tuple[str, ...]:
    return (address,) if address else ()
