"""What is known of one record that its class can depend on: from its bytes, and from every place where it was found."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple

from capstone.domain.addresses import address_mark
from capstone.domain.message import CaptureFacts, Occurrence
from capstone.domain.records import Learned


class Evidence(NamedTuple):
    """What is known of one record of one account. Instants are aware. A tuple, as a preview makes millions of them."""

    account: str
    header_date: datetime | None = None
    trace_date: datetime | None = None
    received: tuple[datetime, ...] = ()
    from_lines: tuple[datetime, ...] = ()
    from_marks: tuple[str, ...] = ()
    """`addresses.address_mark` of each From address; the next are those of Sender."""
    sender_marks: tuple[str, ...] = ()
    is_sent: bool = False
    """Whether any occurrence lies in the account's Sent folder."""
    folders: tuple[str, ...] = ()
    """Every folder that it was found in."""


def learned_of(facts: CaptureFacts) -> Learned:
    """What of a message's facts a class can depend on, for the ledger: a replay then needs no stored bytes."""
    return Learned(facts.header_date, facts.trace_date, _marks(facts.from_addresses), _marks(facts.sender_addresses))


def evidence_of(account: str, facts: CaptureFacts | Learned, occurrences: Iterable[Occurrence]) -> Evidence:
    """The evidence of a record; the same whatever the order of the occurrences."""
    learned = learned_of(facts) if isinstance(facts, CaptureFacts) else facts
    seen = occurrences if isinstance(occurrences, (list, tuple)) else list(occurrences)
    if len(seen) == 1:
        one = seen[0]
        return Evidence(
            account,
            learned.header_date,
            learned.trace_date,
            _instant(one.received_at),
            _instant(one.from_line_at),
            learned.from_marks,
            learned.sender_marks,
            one.is_sent,
            (one.place.folder,),
        )
    return Evidence(
        account,
        learned.header_date,
        learned.trace_date,
        _instants(one.received_at for one in seen),
        _instants(one.from_line_at for one in seen),
        learned.from_marks,
        learned.sender_marks,
        any(one.is_sent for one in seen),
        tuple(sorted({one.place.folder for one in seen})),
    )


def _marks(addresses: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({address_mark(address) for address in addresses}))


def _instant(instant: datetime | None) -> tuple[datetime, ...]:
    """`_instants` of one: the short way for the most of all messages."""
    if instant is None:
        return ()
    return (instant,) if instant.tzinfo is UTC else _instants((instant,))


def _instants(found: Iterable[datetime | None]) -> tuple[datetime, ...]:
    """Each once, rising, in UTC, so that equal evidence is equal; what UTC has no day for is no date."""
    return tuple(sorted({moved for one in found if one is not None and (moved := _in_utc(one)) is not None}))


def _in_utc(instant: datetime) -> datetime | None:
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        return None
