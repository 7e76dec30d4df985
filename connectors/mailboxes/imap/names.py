"""Folder names: as they travel (modified UTF-7, a separator of the server's choice) and as the archive tells them ("/").

The wire name is what a folder is asked for by, byte for byte. The path is for people and rules; two wire names never
have one path.
"""

from __future__ import annotations

import re
from urllib.parse import quote_from_bytes

from imapclient.imap_utf7 import decode, encode  # type: ignore[import-untyped]

_AMBIGUOUS = re.compile(r"%(?=[0-9A-F]{2})")
_ESCAPED = re.compile(r"[/\x00-\x1f\x7f-\x9f]")
_ESCAPED_RAW = re.compile(r"[/&\x00-\x1f\x7f-\xff]")


def path_of(wire: bytes, separator: bytes | None) -> str:
    """The path that a wire name stands for. A "/" inside one level, or a control character, is told as %XX."""
    return "/".join(_level(part) for part in (wire.split(separator) if separator else [wire]))


def wire_of(path: str, separator: bytes | None) -> bytes:
    """The wire name that a path most likely stands for, to ask for a folder that a person named."""
    return (separator or b"/").join(bytes(encode(part)) for part in path.split("/"))


def cursor_name(wire: bytes) -> str:
    """The name of a folder's cursor: plain ASCII, another for every wire name."""
    return quote_from_bytes(wire, safe="/ &+,.")


def _level(raw: bytes) -> str:
    """What is no right modified UTF-7 stays as it came, its odd bytes as %XX, so that it cannot look like another name."""
    text = _decoded(raw)
    escaped = _ESCAPED if text is not None else _ESCAPED_RAW
    plain = _AMBIGUOUS.sub("%25", raw.decode("latin-1") if text is None else text)
    return escaped.sub(lambda match: f"%{ord(match[0]):02X}", plain)


def _decoded(raw: bytes) -> str | None:
    try:
        text = str(decode(raw))
        return text if bytes(encode(text)) == raw else None
    except UnicodeError:
        return None
