"""MIME bodies whose boundaries are digests of what they part, so that the same parts give the same bytes."""

from __future__ import annotations

import binascii
import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from capstone.domain.generated import header_text

_LINE_ENDS = re.compile(r"\r\n|\r|\n")
_LONG_LINE = re.compile(rb"[^\n]{900}")
_BASE64_LINE = 76


@dataclass(frozen=True, slots=True)
class Part:
    """A part: its header, without the empty line, and its body in pieces, which are joined once, at the very end."""

    head: bytes
    body: Sequence[bytes] = field(repr=False)
    is_seven_bit: bool = True

    def pieces(self) -> list[bytes]:
        """The whole part."""
        return [self.head, b"\r\n", *self.body]


def text_part(text: str, subtype: str = "plain") -> Part:
    """Unicode text as UTF-8. Line ends become CRLF, as MIME wants them."""
    raw = _LINE_ENDS.sub("\r\n", text).encode("utf-8", "replace")
    raw = raw if raw.endswith(b"\r\n") or not raw else raw + b"\r\n"
    head = header_text.with_parameters("Content-Type", f"text/{subtype}", [["charset=utf-8"]])
    return _encoded(head, raw)


def bytes_part(raw: bytes, head: bytes) -> Part:
    """Bytes that must come out as they went in."""
    return Part(head + b"Content-Transfer-Encoding: base64\r\n", [_base64(raw)])


def message_part(pieces: Sequence[bytes], head: bytes, *, is_seven_bit: bool) -> Part:
    """A message inside the message; no encoding but 7bit and 8bit is allowed for it."""
    encoding = b"7bit" if is_seven_bit else b"8bit"
    head = b"Content-Type: message/rfc822\r\n" + head + b"Content-Transfer-Encoding: " + encoding + b"\r\n"
    return Part(head, pieces, is_seven_bit)


def multipart(subtype: str, parts: Sequence[Part], parameters: Sequence[Sequence[str]] = ()) -> Part:
    """The parts in one. The boundary is their digest: no content can hold its own digest."""
    digest = sha256(subtype.encode())
    for part in parts:
        for piece in part.pieces():
            digest.update(piece)
    boundary = f"=_{digest.hexdigest()[:48]}"
    body: list[bytes] = []
    for part in parts:
        body += [f"\r\n--{boundary}\r\n".encode() if body else f"--{boundary}\r\n".encode(), *part.pieces()]
    body.append(f"\r\n--{boundary}--\r\n".encode())
    words = [[f'boundary="{boundary}"'], *parameters]
    head = header_text.with_parameters("Content-Type", f"multipart/{subtype}", words)
    return Part(head, body, all(part.is_seven_bit for part in parts))


def _encoded(head: bytes, raw: bytes) -> Part:
    """Text as it stands where mail carries it so, else quoted-printable, or base64 where little of it is ASCII."""
    if raw.isascii() and b"\0" not in raw and not _LONG_LINE.search(raw):
        return Part(head + b"Content-Transfer-Encoding: 7bit\r\n", [raw])
    if 3 * len(raw.translate(None, _ASCII)) > len(raw):
        return bytes_part(raw, head)
    quoted = binascii.b2a_qp(raw, istext=True)
    return Part(head + b"Content-Transfer-Encoding: quoted-printable\r\n", [quoted])


_ASCII = bytes(range(128))


def _base64(raw: bytes) -> bytes:
    coded = b64encode(raw)
    return b"".join([coded[at : at + _BASE64_LINE] + b"\r\n" for at in range(0, len(coded), _BASE64_LINE)])
