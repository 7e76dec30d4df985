"""Facts from a message's bytes: all of them, those of the index, and the few of capture. None of the readers ever raises."""

from __future__ import annotations

from capstone.domain.addresses import normal_form
from capstone.domain.facts.address_lists import normal_addresses, read_addresses
from capstone.domain.facts.attachments import list_nested, note_attachment_problems, read_attachments, read_nested
from capstone.domain.facts.bodies import Body, body_of, note_text_problems
from capstone.domain.facts.content_key import content_key
from capstone.domain.facts.envelope import Envelope, read_envelope, read_mailboxes
from capstone.domain.facts.headers import Headers
from capstone.domain.facts.html_text import text_of_html
from capstone.domain.facts.identifiers import read_references, thread_key
from capstone.domain.facts.labels import auto_submitted_of, importance_of, list_id_of, sensitivity_of
from capstone.domain.facts.ladder import Reading, read_parts
from capstone.domain.facts.markings import markings_of
from capstone.domain.facts.reports import reported_message
from capstone.domain.facts.rtf_text import Wrapped
from capstone.domain.facts.rtf_text import unwrapped as text_of_rtf
from capstone.domain.facts.security import security_of
from capstone.domain.facts.words import unwrapped
from capstone.domain.message import Address, CaptureFacts, MessageFacts, Problem

_MOST_RTF = 4 * 1024 * 1024
"""What lies behind is not searched: it is read word by word."""


def capture_facts(raw: bytes) -> CaptureFacts:
    """The facts that capture decides on, equal to those of `read_facts`. Never raises for what the bytes hold."""
    reading, envelope, key = _examined(raw)
    return CaptureFacts(
        size_bytes=len(raw),
        header_date=envelope.date,
        trace_date=envelope.trace_date,
        from_addresses=normal_addresses(envelope.mailboxes["from"]),
        sender_addresses=normal_addresses(envelope.mailboxes["sender"]),
        message_id=envelope.message_id,
        content_key=key,
        problems=_problems(reading),
    )


def read_facts(raw: bytes) -> MessageFacts:
    """All that is learned from the bytes (36 CFR 1236.22(a)). Never raises for what they hold."""
    reading, envelope, key = _examined(raw)
    headers, boxes = reading.headers, envelope.mailboxes
    body = _body(reading)
    subject = envelope.subject
    references = _references(headers, "references")
    in_reply_to = _references(headers, "in-reply-to")
    return MessageFacts(
        message_id=envelope.message_id,
        date=envelope.date,
        trace_date=envelope.trace_date,
        from_=boxes["from"],
        sender=boxes["sender"],
        reply_to=_mailboxes(headers, "reply-to"),
        to=boxes["to"],
        cc=boxes["cc"],
        bcc=boxes["bcc"],
        resent_from=_mailboxes(headers, "resent-from"),
        resent_to=_mailboxes(headers, "resent-to"),
        resent_cc=_mailboxes(headers, "resent-cc"),
        on_behalf_of=_on_behalf_of(boxes["from"], boxes["sender"]),
        subject=subject,
        references=references,
        in_reply_to=in_reply_to,
        of_message=reported_message(reading),
        thread_key=thread_key(references, in_reply_to, envelope.message_id, subject),
        content_key=key,
        list_id=list_id_of(headers),
        auto_submitted=auto_submitted_of(headers),
        importance=importance_of(headers),
        sensitivity=sensitivity_of(headers),
        markings=markings_of(subject, body.text),
        charset=body.charset,
        body_text=body.text,
        body_from=body.source,
        attachments=read_attachments(reading.parts),
        nested=read_nested(reading.parts),
        security=security_of(headers, reading.parts, body.text),
        parser=reading.parser,
        problems=_problems(reading),
    )


def index_facts(raw: bytes) -> MessageFacts:
    """What an index document is made of: `document_of` makes the same of it as of `read_facts`. Never raises.

    Left empty are the identifier, dates, references, keys, labels and markings, problems of header fields, digests of
    attachments, types of attachments that are not shown in the text, and of messages inside all but subject, writer and text.
    """
    reading = read_parts(raw)
    headers = reading.headers
    boxes = read_mailboxes(headers, _ignored)
    note_text_problems(reading.parts, reading.problems)
    note_attachment_problems(reading.parts, reading.problems)
    body = _body(reading)
    return MessageFacts(
        from_=boxes["from"],
        sender=boxes["sender"],
        reply_to=_mailboxes(headers, "reply-to"),
        to=boxes["to"],
        cc=boxes["cc"],
        bcc=boxes["bcc"],
        resent_from=_mailboxes(headers, "resent-from"),
        resent_to=_mailboxes(headers, "resent-to"),
        resent_cc=_mailboxes(headers, "resent-cc"),
        on_behalf_of=_on_behalf_of(boxes["from"], boxes["sender"]),
        subject=unwrapped(headers.first("subject") or "", _ignored),
        charset=body.charset,
        body_text=body.text,
        body_from=body.source,
        attachments=read_attachments(reading.parts, for_index=True),
        nested=list_nested(reading.parts),
        security=security_of(headers, reading.parts, body.text),
        parser=reading.parser,
        problems=_problems(reading),
    )


def _examined(raw: bytes) -> tuple[Reading, Envelope, str]:
    reading = read_parts(raw)
    envelope = read_envelope(reading)
    note_text_problems(reading.parts, reading.problems)
    note_attachment_problems(reading.parts, reading.problems)
    key = content_key(reading, envelope)
    return reading, envelope, key


def _problems(reading: Reading) -> tuple[Problem, ...]:
    return tuple([Problem(code, detail) for code, detail in dict.fromkeys(reading.problems)])


def _body(reading: Reading) -> Body:
    body = body_of(reading.root)
    return body if body.text.strip() else _body_in_tnef(reading) or body


def _body_in_tnef(reading: Reading) -> Body | None:
    """What Outlook wrapped away, where the message has no text of its own."""
    found = next((part.tnef for part in reading.parts if part.tnef is not None), None)
    if found is None:
        return None
    if found.text.strip():
        return Body(found.text.replace("\r\n", "\n").rstrip("\n"), "plain")
    if found.html:
        return Body(text_of_html(found.html), "html")
    kind, text = text_of_rtf(found.rtf[:_MOST_RTF])
    text = text_of_html(text) if kind is Wrapped.HTML else text.replace("\r\n", "\n").strip()
    return Body(text, "rtf") if text else None


def _references(headers: Headers, name: str) -> tuple[str, ...]:
    return read_references(headers.first(name) or "") if name in headers.fields else ()


def _mailboxes(headers: Headers, name: str) -> tuple[Address, ...]:
    return read_addresses(headers.all(name), _ignored) if name in headers.fields else ()


def _on_behalf_of(from_: tuple[Address, ...], sender: tuple[Address, ...]) -> tuple[Address, ...]:
    if not sender:
        return ()
    senders = {normal_form(mailbox.address) for mailbox in sender}
    return tuple(mailbox for mailbox in from_ if normal_form(mailbox.address) not in senders)


def _ignored(_: str) -> None:
    """Broken words outside the addresses that capture reads are seen in the text itself."""
