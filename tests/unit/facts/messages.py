"""Invented messages: a sound one, and how to vary it."""

from __future__ import annotations

import base64

FIELDS = {
    "Message-ID": "<a@agency.example>",
    "Date": "Mon, 1 Jan 2024 10:00:00 -0500",
    "From": "Ann Archer <ann@agency.example>",
    "To": "bob@agency.example",
    "Subject": "Test",
}


def message(body: str | bytes = "Hello.\n", **fields: str | None) -> bytes:
    """A message with these fields beside or in place of the usual ones (None: left out); "_" stands for "-"."""
    wanted: dict[str, str | None] = dict(FIELDS)
    for name, value in fields.items():
        wanted[next((usual for usual in FIELDS if usual.replace("-", "_").lower() == name.lower()), name.replace("_", "-"))] = (
            value
        )
    head = "".join(f"{name}: {value}\n" for name, value in wanted.items() if value is not None)
    return head.encode() + b"\n" + (body.encode() if isinstance(body, str) else body)


def multipart(*parts: str | bytes, kind: str = "mixed", **fields: str | None) -> bytes:
    """A multipart of parts that are given whole, header and all."""
    pieces = [part.encode() if isinstance(part, str) else part for part in parts]
    body = b"".join(b"--b\n" + piece + b"\n" for piece in pieces) + b"--b--\n"
    return message(body, Content_Type=f'multipart/{kind}; boundary="b"', **fields)


def attached(content: bytes, name: str, kind: str = "application/octet-stream") -> str:
    """A part that is a file, in base64."""
    code = base64.encodebytes(content).decode()
    return (
        f'Content-Type: {kind}\nContent-Disposition: attachment; filename="{name}"\nContent-Transfer-Encoding: base64\n\n{code}'
    )
