"""Who sent an item and who received it: SMTP addresses where the properties have them, others in the form Exchange gives them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from capstone.domain.generated import header_text
from capstone.domain.generated.mapi import MapiItem, Properties, bytes_of, integer_of, text_of

_NAME, _TYPE, _EMAIL, _SMTP = 0x3001, 0x3002, 0x3003, 0x39FE
_RECIPIENT_NAME, _RECIPIENT_TYPE = 0x5FF6, 0x0C15
_REPLY_ENTRIES, _REPLY_NAMES = 0x004F, 0x0050
_FIELDS = {1: "To", 2: "Cc", 3: "Bcc"}
_DISPLAYED = {"To": 0x0E04, "Cc": 0x0E03, "Bcc": 0x0E02}
_ONE_OFF = bytes.fromhex("812b1fa4bea310199d6e00dd010f5402")
_KEPT = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789=-")


@dataclass(frozen=True, slots=True)
class Person:
    """A mailbox as properties name it; `address` can stand in a header, or is ""."""

    name: str
    address: str


def sender_of(item: MapiItem) -> Person | None:
    """The mailbox that it was sent from."""
    return _person(item, 0x0C1A, 0x0C1E, 0x0C1F, 0x5D01)


def author_of(item: MapiItem) -> Person | None:
    """The mailbox that it was sent for, or the one that it was sent from."""
    return _person(item, 0x0042, 0x0064, 0x0065, 0x5D02) or sender_of(item)


def recipients_of(item: MapiItem) -> dict[str, list[Person]]:
    """Field name: who stands in it, from the table of recipients; where that names nobody in a field, the displayed names.

    Who stands in the table as neither To nor Cc nor Bcc received it all the same, and stands in To, unless it is who sent it.
    """
    found: dict[str, list[Person]] = {name: [] for name in _FIELDS.values()}
    senders = {person.address.casefold() for person in (author_of(item), sender_of(item)) if person and person.address}
    for one in item.recipients:
        field, person = _FIELDS.get((integer_of(one, _RECIPIENT_TYPE) or 0) & 0xF), _recipient(one, item.codepage)
        if field is not None or person.address.casefold() not in senders:
            found[field or "To"].append(person)
    for field, key in _DISPLAYED.items():
        found[field] = found[field] or _named(text_of(item.properties, key, item.codepage))
    return found


def replies_to(item: MapiItem) -> list[Person]:
    """Whom to reply to: one-off entries with their addresses, else the names alone."""
    entries = bytes_of(item.properties, _REPLY_ENTRIES) or b""
    people = [person for entry in _flat_entries(entries) if (person := _one_off(entry, item.codepage))]
    if people:
        return people
    names = text_of(item.properties, _REPLY_NAMES, item.codepage)
    return [_known(name.strip(), "SMTP", name.strip()) for name in names.split(";") if name.strip()]


def _named(names: str) -> list[Person]:
    return [Person(name.strip(), "") for name in names.split(";") if name.strip()]


def boxes_of(people: list[Person]) -> list[list[str]]:
    """The words of a header field for each."""
    return [header_text.mailbox(person.name, person.address) for person in people]


def encapsulated(kind: str, address: str) -> str:
    """An address of another kind than SMTP as Exchange encapsulates it ([MS-OXCMAIL]), in a domain that never exists."""
    coded = "".join(_coded(byte) for byte in address.encode("utf-8", "replace"))
    label = "".join(letter for letter in kind.upper() if letter.isascii() and letter.isalnum()) or "INVALID"
    return f"IMCEA{label}-{coded}@{label.lower()}.invalid"


def _coded(byte: int) -> str:
    return chr(byte) if byte in _KEPT else "_" if byte == ord("/") else f"+{byte:02X}"


def _person(item: MapiItem, name: int, kind: int, email: int, smtp: int) -> Person | None:
    named = text_of(item.properties, name, item.codepage).strip()
    known = text_of(item.properties, smtp, item.codepage).strip()
    if header_text.is_address(known):
        return Person(named, known)
    address = text_of(item.properties, email, item.codepage).strip()
    if not (named or address):
        return None
    return _known(named, text_of(item.properties, kind, item.codepage), _smtp_among(item, address) or address)


def _smtp_among(item: MapiItem, address: str) -> str:
    """The SMTP address of the recipient who has this address of another kind: people write to themselves, and to all."""
    if "@" in address or not address:
        return ""
    same = (one for one in item.recipients if text_of(one, _EMAIL, item.codepage).casefold() == address.casefold())
    return next((known for one in same if (known := text_of(one, _SMTP, item.codepage)) and header_text.is_address(known)), "")


def _recipient(one: Properties, codepage: str) -> Person:
    name = (text_of(one, _NAME, codepage) or text_of(one, _RECIPIENT_NAME, codepage)).strip()
    known = text_of(one, _SMTP, codepage).strip()
    if header_text.is_address(known):
        return Person(name, known)
    return _known(name, text_of(one, _TYPE, codepage), text_of(one, _EMAIL, codepage).strip())


def _known(name: str, kind: str, address: str) -> Person:
    """With the address as it can stand in a header; a name that is an address is one."""
    for candidate in (address, name.strip("'\" <>")):
        if header_text.is_address(candidate):
            return Person(name, candidate)
    is_given = address and (kind.upper() != "SMTP" or "@" in address)
    return Person(name, encapsulated(kind, address) if is_given else "")


def _flat_entries(packed: bytes) -> Iterator[bytes]:
    """The entry ids in a FLATENTRYLIST."""
    count, at = int.from_bytes(packed[:4], "little"), 8
    for _ in range(min(count, 1000)):
        size = int.from_bytes(packed[at : at + 4], "little")
        if not size or at + 4 + size > len(packed):
            return
        yield packed[at + 4 : at + 4 + size]
        at += 4 + size + -size % 4


def _one_off(entry: bytes, codepage: str) -> Person | None:
    """The mailbox that a one-off entry id names: three texts behind its provider's id."""
    if entry[4:20] != _ONE_OFF:
        return None
    is_unicode = entry[23:24] >= b"\x80"
    if is_unicode:
        texts = entry[24:].decode("utf-16-le", "replace").split("\0")
    else:
        texts = entry[24:].decode(codepage, "replace").split("\0")
    return _known(texts[0].strip(), texts[1], texts[2].strip()) if len(texts) > 2 else None
