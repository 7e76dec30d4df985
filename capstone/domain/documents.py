"""A record and the facts of its message become the document that an index holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, tzinfo
from functools import lru_cache

from capstone.domain.addresses import normal_form
from capstone.domain.envelopes import Envelope, ReceivedAs
from capstone.domain.message import Address, Attachment, MessageFacts
from capstone.domain.query import IndexDocument
from capstone.domain.records import RecordEntry
from capstone.domain.snippets import safe_line
from capstone.domain.tokens import folded

TEXT_LIMIT_CHARS = 1_000_000
SHOWN_LINE_CHARS = 500

ENCRYPTED, CUT_OFF, HEADERS_ONLY, ATTACHMENT_TEXT = "encrypted", "cut_off", "headers_only", "attachment_text"
_LEFT_UNREAD = frozenset({"nested_too_deep", "parts_cut_off", "text_cut_off"})
"""Problems of messages that were read in part."""


def document_of(
    entry: RecordEntry,
    facts: MessageFacts,
    zone: tzinfo,
    text_limit: int = TEXT_LIMIT_CHARS,
    envelope: Envelope | None = None,
) -> IndexDocument:
    """The index document of one record. `zone` is agency time; more than `text_limit` characters of body are not searched.

    `from` finds everyone who wrote, sent, sent on or is to get the answer: From, Sender, Reply-To, on whose behalf,
    Resent-From; `to` and `cc` find Resent-To and Resent-Cc too. Who received it by its envelope is found as what they
    received it as: through a list by `to`, and where neither headers nor envelope say as what, by `bcc`.
    Never raises for what the message holds.
    """
    people = _with_envelope(_people(facts), envelope) if envelope is not None else _people(facts)
    classification = entry.classification
    text = facts.body_text[:text_limit]
    return IndexDocument(
        record_id=entry.record_id,
        account=entry.account,
        digest=entry.digest,
        message_date=classification.message_date,
        day=_day(classification.message_date, zone),
        record_class=classification.record_class.value,
        schedule_item=classification.item,
        subject=folded(facts.subject[:text_limit]),
        body=_joined([folded(text), *_nested_texts(facts, text_limit)]),
        from_=_words_of_people(people["from"]),
        to=_words_of_people(people["to"]),
        cc=_words_of_people(people["cc"]),
        bcc=_words_of_people(people["bcc"]),
        attachment=_joined(folded(attachment.name) for attachment in facts.attachments),
        addresses=_whole_addresses(people),
        has_attachment=any(map(_is_attached, facts.attachments)) or bool(facts.nested),
        shown_from=_shown(facts.from_),
        shown_to=_shown(facts.to),
        shown_subject=safe_line(facts.subject, SHOWN_LINE_CHARS),
        shown_text=text,
        unsearchable=_unsearchable(facts, text_limit),
    )


def _people(facts: MessageFacts) -> dict[str, tuple[Address, ...]]:
    """Who is found by which field; each once."""
    found = {
        "from": (*facts.from_, *facts.sender, *facts.reply_to, *facts.on_behalf_of, *facts.resent_from),
        "to": (*facts.to, *facts.resent_to),
        "cc": (*facts.cc, *facts.resent_cc),
        "bcc": facts.bcc,
    }
    return {field: tuple(dict.fromkeys(addresses)) for field, addresses in found.items()}


def _with_envelope(people: dict[str, tuple[Address, ...]], envelope: Envelope) -> dict[str, tuple[Address, ...]]:
    """36 CFR 1236.22(a)(2) and (3): blind recipients, and the people behind a list, are known from the envelope alone."""
    found = {field: dict.fromkeys(addresses) for field, addresses in people.items()}
    for said in (envelope.sender, envelope.on_behalf_of):
        if said:
            found["from"].setdefault(Address("", said))
    for one in envelope.recipients:
        person = Address(one.name, one.address)
        field = "to" if one.through else one.received_as.value
        if one.received_as is ReceivedAs.RECIPIENT and not one.through:
            field = "" if any(normal_form(one.address) == normal_form(other.address) for other in _named(people)) else "bcc"
        if field:
            found[field].setdefault(person)
    for several in envelope.lists:
        found["to"].update(dict.fromkeys(Address("", member) for member in several.members))
    return {field: tuple(addresses) for field, addresses in found.items()}


def _named(people: dict[str, tuple[Address, ...]]) -> Iterator[Address]:
    return (person for field in ("to", "cc", "bcc") for person in people[field])


def _day(at: datetime | None, zone: tzinfo) -> date | None:
    if at is None:
        return None
    try:
        return at.astimezone(zone).date()
    except OverflowError:  # the first and the last day of the calendar have no neighbour
        return at.date()


def _words_of_people(addresses: Iterable[Address]) -> str:
    return _joined([_person(person)[0] for person in addresses])


def _whole_addresses(people: dict[str, tuple[Address, ...]]) -> tuple[tuple[str, str], ...]:
    whole = [(field, _person(person)[1]) for field, addresses in people.items() for person in addresses]
    return tuple(dict.fromkeys([pair for pair in whole if pair[1]]))


def _person(person: Address) -> tuple[str, str]:
    """(words, address in normal form)."""
    return _known_person(person) if len(person.name) + len(person.address) < _SHORT else _met_person(person)


def _met_person(person: Address) -> tuple[str, str]:
    return folded(f"{person.name} {person.address}"), normal_form(person.address)


_SHORT = 200
_known_person = lru_cache(maxsize=4_096)(_met_person)
"""The same people write again and again. Long names are not kept, so that the memory is bounded."""


def _nested_texts(facts: MessageFacts, text_limit: int) -> Iterator[str]:
    """Subject, writer and text of each message inside the message; of all their texts no more than the limit."""
    left = text_limit
    for inner in facts.nested:
        yield _joined([folded(inner.subject), _words_of_people(inner.from_), folded(inner.body_text[:left])])
        left = max(0, left - len(inner.body_text))


def _joined(texts: Iterable[str]) -> str:
    return " ".join(filter(None, texts))


def _shown(addresses: Iterable[Address]) -> str:
    shown = (
        f"{person.name} <{person.address}>" if person.name and person.address else person.name or person.address
        for person in addresses
    )
    return safe_line(", ".join(shown), SHOWN_LINE_CHARS)


def _is_attached(attachment: Attachment) -> bool:
    """An image shown inside the text, such as the logo of a signature, is part of the text."""
    kind = attachment.detected_type or attachment.declared_type
    return not (attachment.is_inline and kind.lower().startswith("image/"))


def _unsearchable(facts: MessageFacts, text_limit: int) -> tuple[str, ...]:
    """Why part of the message is not found by its words. The text of attachments is not in the index yet."""
    is_encrypted = any(kind.endswith("-encrypted") for kind in facts.security) or any(a.is_encrypted for a in facts.attachments)
    is_headers_only = facts.parser == "headers"
    lengths = (len(facts.body_text), len(facts.subject), sum([len(inner.body_text) for inner in facts.nested]))
    is_read_in_part = not is_headers_only and any(problem.code in _LEFT_UNREAD for problem in facts.problems)
    reasons = {
        ENCRYPTED: is_encrypted,
        CUT_OFF: is_read_in_part or max(lengths) > text_limit,
        HEADERS_ONLY: is_headers_only,
        ATTACHMENT_TEXT: any(_is_attached(attachment) and attachment.size_bytes for attachment in facts.attachments),
    }
    return tuple(code for code, holds in reasons.items() if holds)
