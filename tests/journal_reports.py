"""Journal reports by the published grammar, made for tests. `report` follows "Journal report format" of Exchange (bb738122)."""

from __future__ import annotations

import binascii
from collections.abc import Sequence

_BOUNDARY = "_5f1c9d5e-0000-4c1e-9d51-6a2b2f0a7c11_"
_CODED = {
    "": lambda raw: raw,
    "7bit": lambda raw: raw,
    "8bit": lambda raw: raw,
    "base64": lambda raw: b"\r\n".join(binascii.b2a_base64(raw[at : at + 57], newline=False) for at in range(0, len(raw), 57)),
    "quoted-printable": lambda raw: binascii.b2a_qp(raw, istext=False),
}


def original(
    message_id: str = "m1@agency.example", line_end: bytes = b"\r\n", body: bytes = b"As agreed.", **fields: str
) -> bytes:
    """A small message."""
    named = {
        "From": "Ada Brook <director@agency.example>",
        "To": "Ben Ode <analyst@agency.example>",
        "Subject": "Budget",
        "Date": "Wed, 04 Mar 2015 10:00:00 -0500",
        "Message-ID": f"<{message_id}>",
    } | {name.replace("_", "-"): value for name, value in fields.items()}
    lines = [f"{name}: {value}".encode() for name, value in named.items() if value]
    return line_end.join([*lines, b"", body, b""])


def report(
    lines: Sequence[str],
    *originals: bytes,
    encoding: str = "",
    text_encoding: str = "7bit",
    charset: str = "us-ascii",
    line_end: bytes = b"\r\n",
    mark: bytes | None = b"X-MS-Journal-Report:",
    sender: str = "director@agency.example",
) -> bytes:
    """A report whose text has these lines."""
    text = line_end.join([*(line.encode(charset) for line in lines), b""])
    head = [
        f"From: {sender}".encode(),
        b"To: journal@archive.agency.example",
        b"Message-ID: <26fac470@journal.report.generator>",
        b"Date: Wed, 04 Mar 2015 15:00:01 +0000",
        b"MIME-Version: 1.0",
        *([mark] if mark else []),
        f'Content-Type: multipart/mixed; boundary="{_BOUNDARY}"'.encode(),
    ]
    parts = [
        line_end.join([
            f'Content-Type: text/plain; charset="{charset}"'.encode(),
            f"Content-Transfer-Encoding: {text_encoding}".encode(), b"", _CODED[text_encoding](text),
        ]),
    ]  # fmt: skip
    for raw in originals:
        coded = [f"Content-Transfer-Encoding: {encoding}".encode()] if encoding else []
        parts.append(line_end.join([b"Content-Type: message/rfc822", *coded, b"", _CODED[encoding](raw)]))
    line = line_end + b"--" + _BOUNDARY.encode()
    return line_end.join(head) + line_end + b"".join(line + line_end + part for part in parts) + line + b"--" + line_end


def lines_for(
    *recipients: str, sender: str = "director@agency.example", subject: str = "Budget", message_id: str = "m1@agency.example"
) -> list[str]:
    """The text of a report; `recipients` are whole lines such as "To: ben@agency.example"."""
    return [f"Sender: {sender}", f"Subject: {subject}", f"Message-Id: <{message_id}>", *recipients]
