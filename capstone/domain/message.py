"""What a source offers, and what is learned from a message's bytes. Values only; `facts` reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from capstone.domain import coverage
from capstone.domain.fixity import Buffer


@dataclass(frozen=True, slots=True)
class Place:
    """Where a source showed an item: its own name, a folder path joined by "/", and its id there."""

    source: str
    folder: str
    item_id: str


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One place where a source showed a message, with what the source (not the message) said of it."""

    place: Place
    flags: tuple[str, ...] = ()
    received_at: datetime | None = None
    """The server's own received time, aware; None where the source knows none. Never a file's time."""
    from_line_at: datetime | None = None
    """The date of the MBOX `From ` line, aware (UTC, as the line carries no zone)."""
    is_sent: bool = False
    """True when the folder is the account's Sent folder (by special use or well-known name)."""
    envelope: str | None = None
    """Digest of the envelope object kept beside the record, if any."""
    identity: str | None = None
    """What the source calls the item wherever it lies there, such as "graph:AAkAL...": given where the bytes of one item may
    differ from one fetch to the next, or are generated."""
    differs: str | None = None
    """Digest of the bytes that this fetch gave, where they are others than those that the archive holds for `identity`."""


class ItemState(StrEnum):
    """The one final state of an offered item; their sum is what the source offered."""

    ARCHIVED = "archived"
    ALREADY_HELD = "already_held"
    QUARANTINED = "quarantined"
    EXCLUDED = "excluded"
    FAILED = "failed"


class CompanionKind(StrEnum):
    """Why an object is kept beside a record. The value is the name of its part of the store."""

    NATIVE = "native"
    """The item itself, where the record's bytes were generated from it."""
    ENVELOPE = "envelopes"
    """Who really received it, and as what: a journal report, or what a server said."""


@dataclass(frozen=True, slots=True)
class Companion:
    """An object that is kept beside a record, under its lock, and ends with it."""

    kind: CompanionKind
    suffix: str
    """What it is: "eml", "json", "msg"."""
    raw: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class OfferedMessage:
    """A message as the source gave it. `raw` is the record: exact bytes, never repaired."""

    occurrence: Occurrence
    raw: bytes = field(repr=False)
    cursor: tuple[str, str] | None = None
    """(cursor name, new value) that may be kept once this item is durable."""
    companions: tuple[Companion, ...] = ()
    """What is to be kept beside it. `occurrence.envelope` is the digest of the envelope among them, if there is one."""
    digest: str | None = None
    """That of `raw`, where the source had to take it already; the store proves it again."""
    also: tuple[str, ...] = ()
    """Other identities under which the archive may hold the item: another source called it so. They are not noted with it."""

    @property
    def identities(self) -> tuple[str, ...]:
        """All that the archive may hold it under, its own first."""
        own = self.occurrence.identity
        return self.also if own is None else (own, *self.also)


@dataclass(frozen=True, slots=True)
class HeldItem:
    """An item that was not read again, as the archive holds what it was: `digest` names the record."""

    occurrence: Occurrence
    digest: str
    cursor: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class RefusedItem:
    """An item that is no message for the archive: excluded, quarantined or failed, with the reason."""

    place: Place
    state: ItemState
    code: str
    """A policy name for excluded items (`not_mail`, `folder_drafts`), a problem code otherwise."""
    reason: str
    raw: Buffer | None = field(default=None, repr=False)
    """The bytes to keep, when quarantined. A memoryview of a mapped file is fine."""
    cursor: tuple[str, str] | None = None


OfferedItem = OfferedMessage | HeldItem | RefusedItem


@dataclass(frozen=True, slots=True)
class SourceNote:
    """What a source has to say beside its items: the counts of a container, a part of a mailbox that it could not reach."""

    code: str
    """"container" for the counts of a file, "msg_files" for those of MSG files together; else what is not covered, such as
    "archive_mailbox_not_offered"."""
    where: str
    """The file or folder, as in `Place`."""
    reason: str = ""
    """A plain sentence; never content."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """Of a container: `expected`, `emitted`, `unrecovered`; `orphaned` where no folder names some, `lacking` where messages
    lack something of their items, `second_witness` where another program counted too, `missed` where that counted more mail."""
    refused_as: ItemState | None = None
    """Of a check that counts items which no run would archive: what would become of them."""

    @property
    def is_gap(self) -> bool:
        """Whether something is not covered, so that the run may not call itself complete without saying so."""
        if self.refused_as is not None:
            return self.refused_as is not ItemState.EXCLUDED
        return coverage.is_gap(self.code, self.counts)

    def as_dict(self) -> dict[str, object]:
        """As `--json` prints it."""
        told = {"code": self.code, "where": self.where, "reason": self.reason}
        return {**told, "counts": dict(self.counts), "is_gap": self.is_gap}


@dataclass(frozen=True, slots=True)
class Address:
    """A mailbox as a header names it: display name (decoded) and address (as written; "" if there is none)."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Attachment:
    """One attachment: what it claims to be, what it looks like, and its digest."""

    part: str
    """Part number as IMAP counts, "2" or "2.1"; "2/1" for the first file inside a TNEF part "2"."""
    name: str
    declared_type: str
    detected_type: str | None
    size_bytes: int
    digest: str
    is_inline: bool
    is_encrypted: bool


@dataclass(frozen=True, slots=True)
class NestedMessage:
    """A message inside the message (message/rfc822): enough to show and link it."""

    part: str
    message_id: str | None
    subject: str
    from_: tuple[Address, ...]
    date: datetime | None
    body_text: str = field(default="", repr=False)
    """Its text, as `MessageFacts.body_text`."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong inside a message that does not stop its capture. `code` is one of `problems.CODES`."""

    code: str
    detail: str = ""
    """Where or how often; never content."""


@dataclass(frozen=True, slots=True)
class MessageFacts:
    """All that is learned from the bytes (36 CFR 1236.22(a)). Missing and malformed are told apart in `problems`."""

    message_id: str | None = None
    """Without angle brackets. An attribute, never an identity."""
    date: datetime | None = None
    """The Date header, aware (UTC when it names no zone)."""
    trace_date: datetime | None = None
    """The date of the topmost Received header, aware."""
    from_: tuple[Address, ...] = ()
    sender: tuple[Address, ...] = ()
    reply_to: tuple[Address, ...] = ()
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    bcc: tuple[Address, ...] = ()
    resent_from: tuple[Address, ...] = ()
    resent_to: tuple[Address, ...] = ()
    resent_cc: tuple[Address, ...] = ()
    on_behalf_of: tuple[Address, ...] = ()
    """The From addresses when Sender names another mailbox: who the mail was sent for."""
    subject: str = ""
    references: tuple[str, ...] = ()
    in_reply_to: tuple[str, ...] = ()
    of_message: str | None = None
    """Of a receipt or report: the Message-ID of the message that it is about, without brackets."""
    thread_key: str = ""
    """First Message-ID of References, else In-Reply-To, else its own, else the digest of the base subject."""
    content_key: str = ""
    """Groups likely twins; blind to boundaries, transfer encoding and header order. Nothing is dropped for it."""
    list_id: str | None = None
    auto_submitted: str | None = None
    importance: str | None = None
    sensitivity: str | None = None
    markings: tuple[str, ...] = ()
    """Control markings found: FOUO, LES, CUI, classification lines. Absence is no evidence (S2-5.0b)."""
    charset: str | None = None
    """The declared charset of the body text."""
    body_text: str = field(default="", repr=False)
    """text/plain, else the text of the HTML; decoded, line ends as \\n."""
    body_from: str = "none"
    """"plain", "html", "rtf" (Outlook's own form, inside TNEF) or "none"."""
    attachments: tuple[Attachment, ...] = ()
    nested: tuple[NestedMessage, ...] = ()
    security: tuple[str, ...] = ()
    """Of: smime-signed, smime-encrypted, pgp-signed, pgp-encrypted, rms-encrypted (rights protection)."""
    parser: str = "fast"
    """Which rung read it: "fast", "compat32" or "headers"."""
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class CaptureFacts:
    """The few facts that capture decides on: small, so that they travel cheaply between processes."""

    size_bytes: int
    header_date: datetime | None
    trace_date: datetime | None
    from_addresses: tuple[str, ...]
    """Normal forms, see `addresses.normal_form`."""
    sender_addresses: tuple[str, ...]
    message_id: str | None
    content_key: str
    problems: tuple[Problem, ...]
