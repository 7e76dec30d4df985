"""Header fields as RFC 5322, 2047 and 2231 want them: ASCII, folded, CRLF. Everything that comes in may be hostile."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

_LINE, _LONGEST_WORD = 76, 200
_WORD_BYTES = 42
"""UTF-8 bytes of one encoded word: with its frame it stays below the 75 characters of RFC 2047."""
_LATER_BITS, _LATER = 0xC0, 0x80
"""How each byte of a character but its first one begins in UTF-8."""
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_PLAIN = re.compile(r"[!-~]+(?: [!-~]+)*")
_IDENTIFIER = re.compile(r"<[!-;=?-~]{1,500}>")
_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,256}@(?:[A-Za-z0-9._-]{1,255}|\[[0-9A-Za-z.:]{1,64}\])")
_ATTRIBUTE_CHARS = re.compile(r"[^A-Za-z0-9!#$&+.^_`{|}~-]")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def field_of(name: str, words: Sequence[str], charset: str = "ascii") -> bytes:
    """A field of words that may not be parted, folded between them. Words are ASCII already, but for addresses in UTF-8."""
    lines, line = [], f"{name}:"
    for word in words:
        if len(line) + 1 + len(word) > _LINE and line != f"{name}:":
            lines.append(line)
            line = ""
        line += f" {word}"
    return "\r\n".join([*lines, line]).encode(charset, "replace") + b"\r\n"


def cleaned(text: str) -> str:
    """With a blank for what no header may hold."""
    return _CONTROLS.sub(" ", text)


def unstructured(name: str, text: str) -> bytes:
    """A field of free text. Control characters become blanks."""
    return field_of(name, words_of(text))


def words_of(text: str) -> list[str]:
    """The text as words of a header; encoded as a whole where it is not plain ASCII."""
    clean = _CONTROLS.sub(" ", text)
    is_plain = _PLAIN.fullmatch(clean) and "=?" not in clean
    words = clean.split(" ")
    return words if is_plain and max(map(len, words)) <= _LONGEST_WORD else encoded_words(clean)


def encoded_words(text: str) -> list[str]:
    """RFC 2047 words, each of whole characters."""
    raw, words, start = text.encode("utf-8", "replace"), [], 0
    while start < len(raw):
        end = start + _WORD_BYTES
        while end < len(raw) and raw[end] & _LATER_BITS == _LATER:
            end -= 1
        words.append(f"=?utf-8?b?{b64encode(raw[start:end]).decode()}?=")
        start = end
    return words


def mailbox(name: str, address: str) -> list[str]:
    """The words of one mailbox. `address` is one that `is_address` takes, or "" where none is known."""
    clean = _CONTROLS.sub(" ", name).strip()
    if not clean or clean == address:
        return [f"<{address}>"] if clean or address else ['""', "<>"]
    if not clean.isascii() or "=?" in clean or len(clean) > _LONGEST_WORD:
        return [*encoded_words(clean), f"<{address}>"]
    escaped = clean.replace("\\", "\\\\").replace('"', '\\"')
    return [f'"{escaped}"', f"<{address}>"]


def mailboxes(name: str, boxes: Iterable[Sequence[str]]) -> bytes:
    """A field of mailboxes, each given as its words; b"" where there are none."""
    words: list[str] = []
    for box in boxes:
        if words:
            words[-1] += ","
        words += box
    return field_of(name, words) if words else b""


def is_address(text: str) -> bool:
    """Whether it can stand in angle brackets as it is."""
    return _ADDRESS.fullmatch(text) is not None


def identifiers(name: str, text: str) -> bytes:
    """A field of message ids; one that holds none of the right form is free text, "" none at all."""
    found = _IDENTIFIER.findall(text)
    if found:
        return field_of(name, found)
    return unstructured(name, text.strip()) if text.strip() else b""


def parameter(name: str, value: str) -> list[str]:
    """A MIME parameter: quoted where it is plain and short, else in the form and the pieces of RFC 2231."""
    clean = _CONTROLS.sub(" ", value)
    if clean.isascii() and len(clean) <= 60 and "=?" not in clean:
        escaped = clean.replace("\\", "\\\\").replace('"', '\\"')
        return [f'{name}="{escaped}"']
    pieces, piece = [], "utf-8''"
    for character in clean:
        coded = "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "replace"))
        coded = coded if _ATTRIBUTE_CHARS.match(character) or not character.isascii() else character
        if len(piece) + len(coded) > 50:
            pieces.append(piece)
            piece = ""
        piece += coded
    pieces.append(piece)
    if len(pieces) == 1:
        return [f"{name}*={pieces[0]}"]
    return [f"{name}*{number}*={piece}" for number, piece in enumerate(pieces)]


def with_parameters(name: str, value: str, parameters: Iterable[Sequence[str]]) -> bytes:
    """A MIME field: its value and its parameters."""
    words = [value, *(word for one in parameters for word in one)]
    return field_of(name, [f"{word};" for word in words[:-1]] + words[-1:])


def date_of(instant: datetime) -> str:
    """RFC 5322 in UTC; the names are English wherever it runs."""
    at = instant.astimezone(UTC)
    return f"{_DAYS[at.weekday()]}, {at.day} {_MONTHS[at.month - 1]} {at.year:04} {at:%H:%M:%S} +0000"
