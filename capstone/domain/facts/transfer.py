"""Content-Transfer-Encoding. Decodes what can be decoded and says when the part was broken. Never raises."""

from __future__ import annotations

import binascii
import re

_AS_IT_STANDS = frozenset({"", "7bit", "8bit", "binary", "7-bit", "8-bit", "none"})
_BLANKS_AT_END = re.compile(rb"(?<![ \t])[ \t]++(?=\r?\n)")
"""Added on the way and to be deleted (RFC 2045 6.7, rule 3)."""
_UU = frozenset({"x-uuencode", "uuencode", "uue", "x-uue"})
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/=\s]")
_BAD_ESCAPE = re.compile(rb"=(?![0-9A-Fa-f]{2}|[ \t]*(?:\r?\n|$))")
_UU_BEGIN = re.compile(rb"^begin [0-7]{3,4} [^\r\n]*\r?\n", re.MULTILINE)


def transfer_decoded(raw: bytes, encoding: str) -> tuple[bytes, str | None]:
    """(the decoded bytes, problem code). `encoding` in lower case, without comments."""
    if encoding in _AS_IT_STANDS:
        return raw, None
    if encoding == "base64":
        return _base64(raw)
    if encoding == "quoted-printable":
        raw = _BLANKS_AT_END.sub(b"", raw) if b" \n" in raw or b" \r" in raw or b"\t\n" in raw or b"\t\r" in raw else raw
        return binascii.a2b_qp(raw), "broken_transfer_encoding" if _BAD_ESCAPE.search(raw) else None
    if encoding in _UU:
        return _uu(raw)
    return raw, "unknown_transfer_encoding"


def _base64(raw: bytes) -> tuple[bytes, str | None]:
    try:
        decoded = binascii.a2b_base64(raw)
    except binascii.Error:
        return _mended_base64(raw), "broken_transfer_encoding"
    padding = raw.find(b"=")
    is_broken = _NOT_BASE64.search(raw) or (padding >= 0 and raw[padding:].strip(b"= \t\r\n"))
    return decoded, "broken_transfer_encoding" if is_broken else None


def _mended_base64(raw: bytes) -> bytes:
    """Decoded up to where the code ends or breaks."""
    code = b"".join(_NOT_BASE64.sub(b"", raw).split()).rstrip(b"=")
    code = code[: len(code) - 1] if len(code) % 4 == 1 else code
    try:
        return binascii.a2b_base64(code + b"=" * (-len(code) % 4))
    except binascii.Error:
        return b""


def _uu(raw: bytes) -> tuple[bytes, str | None]:
    begin = _UU_BEGIN.search(raw)
    if begin is None:
        return raw, "broken_transfer_encoding"
    out: list[bytes] = []
    problem: str | None = "broken_transfer_encoding"
    for line in raw[begin.end() :].splitlines():
        if line.strip() == b"end":
            problem = None
            break
        try:
            out.append(binascii.a2b_uu(line))
        except binascii.Error:
            break
    return b"".join(out), problem
