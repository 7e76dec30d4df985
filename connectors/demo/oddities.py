"""Broken and strange mail, as real mailboxes hold it: written as raw bytes, because a mail library would mend it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

_DAY = datetime(2020, 6, 15, 14, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Oddity:
    """One strange item: `name` says what is wrong with it."""

    name: str
    account: str
    folder: str
    raw: bytes = field(repr=False)
    is_message: bool = True
    """False for a file that lies among mail without being mail."""
    filed_at: datetime = _DAY
    """Where it stands in the order of its mailbox; the message itself may say something else or nothing."""


def _mail(
    name: str, subject: str, body: bytes, *, date: str | None = "Mon, 15 Jun 2020 10:00:00 -0400", more: tuple[str, ...] = ()
) -> bytes:
    lines = ["From: Records Desk <records.desk@agency.example>", "To: Staff <staff@agency.example>", f"Subject: {subject}"]
    if date is not None:
        lines.append(f"Date: {date}")
    if not any(line.lower().startswith("message-id:") for line in more) and name != "no-message-id":
        lines.append(f"Message-ID: <oddity-{name}@mail.agency.example>")
    return "\n".join([*lines, *more, "", ""]).encode("latin-1") + body


def _dates() -> list[Oddity]:
    text = b"The shelf list of the basement store is due on Friday.\n"
    rows = (
        ("no-date", "director", None),
        ("date-1904", "priya-raman", "Fri, 1 Jan 1904 00:00:00 +0000"),
        ("date-2099", "amara-nkosi", "Thu, 31 Dec 2099 23:59:00 -0500"),
        ("impossible-date", "joy-bell", "Tue, 31 Feb 2021 25:61:00 -0400"),
    )
    return [Oddity(name, account, "Inbox", _mail(name, "Shelf list", text, date=date)) for name, account, date in rows]


def _identities() -> list[Oddity]:
    same = ("Message-ID: <parking-permits@mail.agency.example>",)
    twice = ("Message-ID: <first-of-two@mail.agency.example>", "Message-ID: <second-of-two@mail.agency.example>")
    return [
        Oddity("no-message-id", "director", "Inbox", _mail("no-message-id", "Parking", b"Permits are at the front desk.\n")),
        Oddity("two-message-ids", "deputy-director", "Inbox", _mail("two", "Parking", b"Permits were moved.\n", more=twice)),
        Oddity(
            "shared-id-1", "carl-jensen", "Inbox", _mail("s1", "Permits, level 1", b"Level 1 has forty permits.\n", more=same)
        ),
        Oddity("shared-id-2", "carl-jensen", "Inbox", _mail("s2", "Permits, level 2", b"Level 2 has none.\n", more=same)),
    ]


def _structures() -> list[Oddity]:
    mixed = ("MIME-Version: 1.0", 'Content-Type: multipart/mixed; boundary="edge"')
    cut = b'--edge\nContent-Type: text/plain\n\nThe attachment follows.\n--edge\nContent-Type: application/pdf; name="plan.pdf"\n'
    cut += b"Content-Transfer-Encoding: base64\n\nJVBERi0xLjQKMSAwIG9iago8PCAvVHlwZSAvQ2F0"
    quoted = (
        b"Two excerpts from the visitors' book:\n\nFrom the front desk we hear that the bell is broken.\n\nFrom now on, knock.\n"
    )
    empty = ("MIME-Version: 1.0", "Content-Type: multipart/mixed")
    return [
        Oddity("truncated-multipart", "lucia-moreno", "Inbox", _mail("truncated", "Floor plan", cut, more=mixed)),
        Oddity(
            "multipart-without-boundary", "ruth-abelson", "Inbox", _mail("boundary", "Floor plan", b"No parts.\n", more=empty)
        ),
        Oddity("from-lines-in-body", "carl-jensen", "Inbox", _mail("from-lines", "Visitors' book", quoted)),
        Oddity("headers-only", "deputy-director", "Inbox", _mail("headers-only", "Headers and nothing else", b"")),
    ]


def _bytes() -> list[Oddity]:
    unknown = ("MIME-Version: 1.0", "Content-Type: text/plain; charset=x-agency-7", "Content-Transfer-Encoding: 8bit")
    plain = ("MIME-Version: 1.0", "Content-Type: text/plain; charset=us-ascii")
    nul = _mail("nul-bytes", "Badge printer", b"The badge\x00printer prints\x00nothing.\n").replace(b"Badge p", b"Badge\x00p")
    mixed_ends = _mail("mixed-line-ends", "Scanner queue", b"One\r\nline\nends\r\notherwise.\n").replace(b"\nTo:", b"\r\nTo:")
    return [
        Oddity("nul-bytes", "director", "Inbox", nul),
        Oddity(
            "unknown-charset",
            "priya-raman",
            "Inbox",
            _mail("charset", "Caf\xe9 menu", b"Cr\xe8me br\xfbl\xe9e on Friday.\n", more=unknown),
        ),
        Oddity(
            "eight-bit-headers",
            "amara-nkosi",
            "Inbox",
            _mail("8bit", "R\xe9sum\xe9 of the M\xfcller case", b"\xc4nderung folgt.\n", more=plain),
        ),
        Oddity("mixed-line-ends", "lucia-moreno", "Inbox", mixed_ends),
    ]


def _files() -> list[Oddity]:
    return [
        Oddity("empty-file", "joy-bell", "Inbox", b"", is_message=False),
        Oddity("phone-list.csv", "joy-bell", "Inbox", b"office,extension\nmail room,114\ntravel desk,120\n", is_message=False),
        Oddity("scan-0001.png", "ruth-abelson", "Inbox", b"\x89PNG\r\n\x1a\n" + bytes(range(64)), is_message=False),
    ]


def oddities() -> list[Oddity]:
    """Every strange item of the demo; always the same."""
    return [*_dates(), *_identities(), *_structures(), *_bytes(), *_files()]
