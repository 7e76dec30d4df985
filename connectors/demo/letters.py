"""A letter of the invented agency, and the RFC 5322 bytes it becomes. The same letter gives the same bytes."""

from __future__ import annotations

import hashlib
import html
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime

from connectors.demo.attachments import attachment
from connectors.demo.people import Person

POLICY = policy.EmailPolicy(linesep="\n", max_line_length=78)


@dataclass(frozen=True, slots=True)
class Letter:
    """One message to be written. `sender` is set where an assistant sends for `from_`; `forwarded` are bytes of another."""

    message_id: str
    from_: Person
    to: tuple[Person, ...]
    subject: str
    sent_at: datetime
    text: str = field(repr=False)
    sender: Person | None = None
    cc: tuple[Person, ...] = ()
    references: tuple[str, ...] = ()
    attach: str = ""
    html: bool = False
    invite: str = ""
    marking: str = ""
    signed: bool = False
    encrypted: bool = False
    list_id: str = ""
    forwarded: bytes = field(default=b"", repr=False)


def write(letter: Letter, bcc: tuple[Person, ...] = ()) -> bytes:
    """The letter's bytes, lines ending in \\n. With `bcc`: the copy that stays in the sender's Sent folder."""
    message = EmailMessage(policy=POLICY)
    _write_headers(message, letter, bcc)
    steps: tuple[tuple[bool, Callable[[EmailMessage, Letter], None]], ...] = (
        (not letter.encrypted, _write_text),
        (letter.html, _write_html),
        (bool(letter.invite), _write_invitation),
        (bool(letter.attach), _write_attachment),
        (bool(letter.forwarded), _write_forwarded),
        (letter.signed, _write_signature),
        (letter.encrypted, _write_envelope),
    )
    for wanted, step in steps:
        if wanted:
            step(message, letter)
    for number, part in enumerate(message.walk()):
        if part.is_multipart() and part.get_content_maintype() == "multipart":
            part.set_boundary(f"=_{_digest(letter.message_id)[:16]}_{number}")
    return message.as_bytes()


def as_addresses(people: tuple[Person, ...]) -> tuple[Address, ...]:
    """People as header values."""
    return tuple(Address(person.name, addr_spec=person.address) for person in people)


def _write_headers(message: EmailMessage, letter: Letter, bcc: tuple[Person, ...]) -> None:
    message["Date"] = format_datetime(letter.sent_at)
    message["From"] = as_addresses((letter.from_,))
    if letter.sender:
        message["Sender"] = as_addresses((letter.sender,))
    for name, people in (("To", letter.to), ("Cc", letter.cc), ("Bcc", bcc)):
        if people:
            message[name] = as_addresses(people)
    message["Subject"] = letter.subject
    message["Message-ID"] = f"<{letter.message_id}>"
    if letter.references:
        message["In-Reply-To"] = f"<{letter.references[-1]}>"
        message["References"] = " ".join(f"<{reference}>" for reference in letter.references)
    if letter.list_id:
        message["List-Id"] = f"All staff <{letter.list_id}>"
        message["Precedence"] = "list"
    message["MIME-Version"] = "1.0"


def _write_text(message: EmailMessage, letter: Letter) -> None:
    text = f"{letter.marking}\n\n{letter.text}" if letter.marking else letter.text
    message.set_content(text)


def _write_html(message: EmailMessage, letter: Letter) -> None:
    paragraphs = "".join(f"<p>{html.escape(part)}</p>\n" for part in letter.text.split("\n\n"))
    message.add_alternative(f"<html><body>\n{paragraphs}</body></html>\n", subtype="html")


def _write_invitation(message: EmailMessage, letter: Letter) -> None:
    start = (letter.sent_at + timedelta(days=14)).replace(hour=9, minute=0, second=0)
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Agency for Example Affairs//Calendar//EN",
        "METHOD:REQUEST",
        "BEGIN:VEVENT",
        f"UID:{letter.message_id}",
        f"DTSTAMP:{letter.sent_at:%Y%m%dT%H%M%S}",
        f"DTSTART:{start:%Y%m%dT%H%M%S}",
        f"DTEND:{start + timedelta(hours=6):%Y%m%dT%H%M%S}",
        f"SUMMARY:{letter.invite}",
        f"ORGANIZER:mailto:{letter.from_.address}",
        *(f"ATTENDEE:mailto:{person.address}" for person in letter.to),
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    ]
    message.add_alternative("\n".join(lines), subtype="calendar", params={"method": "REQUEST"})


def _write_attachment(message: EmailMessage, letter: Letter) -> None:
    media_type, data = attachment(letter.attach, letter.subject)
    maintype, subtype = media_type.split("/", 1)
    message.add_attachment(data, maintype=maintype, subtype=subtype, filename=letter.attach)


def _write_forwarded(message: EmailMessage, letter: Letter) -> None:
    message.add_attachment(message_from_bytes(letter.forwarded, policy=POLICY))


def _write_signature(message: EmailMessage, letter: Letter) -> None:
    """A part that looks like an S/MIME signature. It signs nothing: the demo has no keys."""
    message.add_attachment(_noise(letter), maintype="application", subtype="pkcs7-signature", filename="smime.p7s")
    message.set_type("multipart/signed")
    message.set_param("protocol", "application/pkcs7-signature")
    message.set_param("micalg", "sha-256")


def _write_envelope(message: EmailMessage, letter: Letter) -> None:
    """A body that looks like S/MIME encryption. Nobody can read it: the demo has no keys."""
    message.set_content(_noise(letter) * 8, maintype="application", subtype="pkcs7-mime", filename="smime.p7m")
    message.set_param("smime-type", "enveloped-data")


def _noise(letter: Letter) -> bytes:
    return bytes.fromhex("3080") + hashlib.sha512(letter.message_id.encode()).digest()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
