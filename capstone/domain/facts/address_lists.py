"""Address lists of headers. The usual forms are read by one expression, everything else by the standard library."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from email.utils import getaddresses
from functools import lru_cache

from capstone.domain.addresses import normal_form
from capstone.domain.facts.words import unwrapped
from capstone.domain.message import Address

MAX_ODD_LENGTH = 100_000
"""The standard library reads lists of any form, but slowly: a longer one in an odd form is cut at a comma."""
_USUAL = re.compile(
    r"""[ \t,;]*+(?:
        (?:"((?:[^"\\]|\\.)*+)"|([^\s"(),:;<>@\[\]\\][^"(),:;<>@\[\]\\]*+))?[ \t]*+<[ \t]*+((?!@)[^<>"()\\,;]*+)>
        |([^\s"(),:;<>@\[\]\\]++@[^\s"(),:;<>@\[\]\\]++)(?:[ ]\(([^()\\"]*+)\))?
        |([^\s"(),:;<>@\[\]\\][^"(),:;<>@\[\]\\]*+)
    )[ \t]*+(?:[,;]|$)""",
    re.VERBOSE,
)
"""A mailbox: name and angle address; bare address, perhaps with a comment; or a name alone, as gateways write it.

Nothing that was matched is given back: with blanks on both sides of a choice, a field of blanks took time by their cube."""
_ESCAPED = re.compile(r"\\(.)")
_EMPTY_GROUP = re.compile(r"[^:\"<>@,;]*:\s*;?")
_CODED_WORD = re.compile(r"=\?[^?\s]{1,64}\?[qQ]\?[^?]*\?=")
_BETWEEN = re.compile(r"[\s<>()\[\]\",;:\\]+")
_SPECIAL = re.compile(r"[,;:<>()@\[\]\"\\]")
_Note = Callable[[str], None]


def read_addresses(values: Iterable[str], note: _Note) -> tuple[Address, ...]:
    """The mailboxes of all values of a field, groups dissolved, names decoded, in order. Empty where none can be read."""
    found: tuple[Address, ...] = ()
    more: list[Address] = []
    for value in values:
        mailboxes, codes = _read_short(value) if len(value) < _SHORT else _read(value)
        for code in codes:
            note(code)
        if found:
            more.extend(mailboxes)
        else:
            found = mailboxes
    return (*found, *more) if more else found


def _read(value: str) -> tuple[tuple[Address, ...], tuple[str, ...]]:
    """The mailboxes of one value, and the codes of what is wrong with it."""
    codes: list[str] = []
    has_words = "=?" in value
    if has_words:
        value = _CODED_WORD.sub(_shielded, value)
    usual = _read_usual(value)
    pairs = _read_odd(value, codes.append) if usual is None else usual
    if has_words:
        pairs = [(unwrapped(name, codes.append), address) for name, address in pairs]
    return tuple([Address(name, address) for name, address in pairs]), tuple(codes)


_SHORT = 200
_read_short = lru_cache(maxsize=2_048)(_read)
"""The same few people write to each other. Long lists are not kept, so that the memory is bounded."""


def normal_addresses(addresses: Iterable[Address]) -> tuple[str, ...]:
    """The normal forms of the mailboxes that have an address, in order, each once."""
    return tuple(dict.fromkeys([_normal(mailbox.address) for mailbox in addresses if mailbox.address]))


_normal = lru_cache(maxsize=4_096)(normal_form)
"""Mailboxes repeat from message to message."""


def _shielded(word: re.Match[str]) -> str:
    """A coded word whose text cannot be taken for the list's own commas and brackets (RFC 2047 5, rule 3)."""
    start, charset, encoding, text, end = word.group().split("?")
    text = _SPECIAL.sub(lambda special: f"={ord(special.group()):02X}", text)
    return "?".join((start, charset, encoding, text, end))


def _read_usual(value: str) -> list[tuple[str, str]] | None:
    """The list where every mailbox has a usual form, else None."""
    pairs: list[tuple[str, str]] = []
    position, length = 0, len(value)
    while position < length:
        mailbox = _USUAL.match(value, position)
        if mailbox is None:
            rest = value[position:]
            return pairs if not rest.strip(" \t,;") or _EMPTY_GROUP.fullmatch(rest) else None
        quoted, plain, angled, bare, comment, alone = mailbox.groups()
        if quoted is not None:
            plain = _ESCAPED.sub(r"\1", quoted) if "\\" in quoted else quoted
        name = plain or comment or alone
        pairs.append((name.strip() if name else "", angled.rstrip(" \t") if angled else bare or ""))
        position = mailbox.end()
    return pairs


def _read_odd(value: str, note: _Note) -> list[tuple[str, str]]:
    if len(value) > MAX_ODD_LENGTH:
        note("address_list_cut_off")
        value = value[:MAX_ODD_LENGTH].rpartition(",")[0]
    try:
        pairs = getaddresses([value])
    # Comments are read by recursion, and what it raises on hostile lists is not documented.
    except (RecursionError, IndexError, ValueError, TypeError, AttributeError):
        pairs = []
    found = [pair for pair in pairs if pair[1]]
    if value.count("@") > sum(address.count("@") for _, address in found):
        found.extend(_overlooked(value, found))
    return found


def _overlooked(value: str, found: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """What looks like an address and stands in none that were found, nor in their names: one quote too many hides all others."""
    told = "\n".join([text for pair in found for text in pair])
    known = set(_BETWEEN.split(told))
    words = dict.fromkeys(word.strip("'.") for word in _BETWEEN.split(value))
    return [("", word) for word in words if 0 < word.find("@") < len(word) - 1 and word not in known]
