"""The header that a message came with (PR_TRANSPORT_MESSAGE_HEADERS), as far as it can head a message again.

Fields that tell how the body is built (`Content-*`, `MIME-Version`) are left out, as the body is built anew; so is what follows
the first empty line, where Outlook keeps the headers of parts. Everything else stays in its order and its folding.
"""

from __future__ import annotations

import re
from email.utils import getaddresses
from itertools import groupby

from capstone.domain.generated import header_text

_NAME = re.compile(r"([!-9;-~]{1,200})[ \t]*:[ \t]*")
_REPLACED = ("content-", "mime-version")
_OWN = "x-capstone-"
_LONGEST_LINE, _LONGEST_WORD = 998, 900
_BLANKS = re.compile(r"[ \t]+")
_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+/=^_`{|}~-]+")
_ENCODED = re.compile(r"=\?[!->@-~]{1,40}\?[A-Za-z]\?[!->@-~]{0,200}\?=")
_OF_ADDRESSES = frozenset(
    {"from", "sender", "reply-to", "to", "cc", "bcc", "resent-from", "resent-sender", "resent-reply-to", "resent-to", "resent-cc",
     "resent-bcc", "disposition-notification-to", "return-receipt-to", "errors-to", "apparently-to"}
)  # fmt: skip
_MOST_FIELDS = 2_000


def fields_of(text: str) -> list[tuple[str, bytes]]:
    """(name, field as it is to stand in a header) of all fields that are kept."""
    kept = []
    for lines in _unfolded(text)[:_MOST_FIELDS]:
        name, rest = _parted(lines[0])
        if name.casefold().startswith(_REPLACED):
            continue
        # What a sender calls so did not come from this archive.
        shown = f"X-Was-{name}" if name.casefold().startswith(_OWN) else name
        kept.append((shown, _field(shown, [rest, *lines[1:]])))
    return kept


def _unfolded(text: str) -> list[list[str]]:
    """The lines of each field; lines that belong to none are passed over."""
    fields: list[list[str]] = []
    for line in re.split(r"\r\n|\r|\n", text.lstrip("\r\n")):
        if not line:
            if fields:
                break
        elif line[0] in " \t":
            if fields and line.strip():
                fields[-1].append(line)
        elif _NAME.match(line):
            fields.append([line])
    return fields


def _parted(line: str) -> tuple[str, str]:
    found = _NAME.match(line)
    return (found[1], line[found.end() :]) if found else ("", line)


def _field(name: str, lines: list[str]) -> bytes:
    if all(_is_plain(line) for line in lines):
        return "\r\n".join([f"{name}: {lines[0]}".rstrip() if lines[0] else f"{name}:", *lines[1:]]).encode() + b"\r\n"
    words = [word for word in _BLANKS.split(" ".join(lines)) if word]
    if name.casefold() in _OF_ADDRESSES and not all(map(_can_stand, words)):
        return _of_addresses(name, " ".join(words))
    return header_text.field_of(name, _encoded(words))


def _encoded(words: list[str]) -> list[str]:
    """Words that came encoded stay as they are; what stands beside one brings the blank along, see `_run`."""
    groups = [list(group) for _, group in groupby(words, lambda word: word.startswith("=?") and _can_stand(word))]
    encoded: list[str] = []
    for number, group in enumerate(groups):
        encoded += _run(group, " " * (number > 0), " " * (number < len(groups) - 1))
    return encoded


def _run(words: list[str], before: str, after: str) -> list[str]:
    """From the first word that cannot stand as it is to the last as one text: blanks between encoded words count for nothing."""
    odd = [at for at, word in enumerate(words) if not _can_stand(word)]
    if not odd:
        return words
    first, end = odd[0], odd[-1] + 1
    text = before * (first == 0) + " ".join(words[first:end]) + after * (end == len(words))
    return [*words[:first], *header_text.words_of(text), *words[end:]]


def _of_addresses(name: str, text: str) -> bytes:
    """A field of mailboxes, whose names alone may be encoded. One whose addresses are not ASCII stands as it is (RFC 6532)."""
    boxes = [_box(shown, address) for shown, address in getaddresses([text])]
    if boxes and all(boxes):
        return header_text.mailboxes(name, boxes)
    words = header_text.cleaned(text).split()
    is_short = all(len(word.encode("utf-8", "replace")) <= _LONGEST_WORD for word in words)
    return header_text.field_of(name, words if is_short else header_text.words_of(text), "utf-8")


def _box(shown: str, address: str) -> list[str]:
    """The words of a mailbox; none where its address cannot stand in a header of ASCII."""
    if not header_text.is_address(address):
        return [] if "@" in address else header_text.mailbox(shown or address, "")
    words = shown.split()
    is_phrase = all(_ENCODED.fullmatch(word) or _ATOM.fullmatch(word) for word in words)
    came_encoded = is_phrase and any(map(_ENCODED.fullmatch, words))
    return [*words, f"<{address}>"] if came_encoded else header_text.mailbox(shown, address)


def _can_stand(word: str) -> bool:
    return _is_plain(word) and len(word) <= _LONGEST_WORD


def _is_plain(line: str) -> bool:
    return line.isascii() and len(line) < _LONGEST_LINE - 210 and line.replace("\t", " ").isprintable()
