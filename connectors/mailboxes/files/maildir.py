"""What the names in a Maildir say: folders (Maildir++), unique names, flags. Shape: a folder with `cur`, `new` and `tmp`."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Collection

MESSAGE_FOLDERS = (b"cur", b"new")
"""Where delivered messages lie. What is in `tmp` is still being delivered and is not there yet."""

FOLDERS = frozenset((*MESSAGE_FOLDERS, b"tmp"))
"""What makes a folder a Maildir."""

_CONTROL_FILES = re.compile(
    rb"(?:dovecot[.-](?:index|list|mailbox|uidlist|uidvalidity|keywords|acl|attributes|quota|sieve)|courierimap).*"
    rb"|maildirfolder|maildirsize|subscriptions",
    re.DOTALL,
)
_INFO = re.compile(rb"[:;!][12],([^/]*)\Z")
"""The suffix that mail programs change. `:` is the standard; `;` and `!` are used where a file system forbids it."""
_FLAGS = {"D": "\\Draft", "F": "\\Flagged", "P": "$Forwarded", "R": "\\Answered", "S": "\\Seen", "T": "\\Deleted"}
_SHIFTED = re.compile(r"&([A-Za-z0-9+,]*)-")


def is_maildir(folder_names: Collection[bytes]) -> bool:
    """Whether a folder with these subfolders is a Maildir. Copies often lack one of the three, as empty folders get lost."""
    return len(FOLDERS.intersection(folder_names)) > 1


def is_control_file(name: bytes) -> bool:
    """Whether a thing beside the folders of messages serves the mail program only."""
    return is_hidden(name) or _CONTROL_FILES.fullmatch(name) is not None


def is_hidden(name: bytes) -> bool:
    """Whether the name says that a file in a Maildir is no message: readers pass over names that begin with a dot."""
    return name.startswith(b".")


def unique_name(name: bytes) -> bytes:
    """The part of a message's file name that stays the same when it is read, flagged, or moved from `new` to `cur`."""
    return _INFO.sub(b"", name)


def flags_of(name: bytes) -> tuple[str, ...]:
    """The flags in a message's file name, by their IMAP names, in the order of their letters."""
    info = _INFO.search(name)
    letters = set(info[1].decode("latin-1")) if info else set()
    return tuple(_FLAGS[letter] for letter in sorted(letters & _FLAGS.keys()))


def folder_path(name: str) -> str:
    """The folder path that the name of a folder in a Maildir stands for: `.A.B` (Maildir++) is "A/B", `A` is "A"."""
    parts = name.split(".") if name.startswith(".") else [name]
    return "/".join(_decoded(part) for part in parts if part)


def _decoded(name: str) -> str:
    """The name out of modified UTF-7 (RFC 3501 5.1.3); as it is where it is no such text."""
    if "&" not in name or not name.isascii() or "&" in _SHIFTED.sub("", name):
        return name
    try:
        return _SHIFTED.sub(lambda match: _unshifted(match[1]) if match[1] else "&", name)
    except (binascii.Error, UnicodeDecodeError):
        return name


def _unshifted(text: str) -> str:
    padded = text.replace(",", "/") + "=" * (-len(text) % 4)
    return base64.b64decode(padded, validate=True).decode("utf-16-be")
