"""Which ZIP files are an office document or a program, that only happen to be packed so. Where in doubt it is an archive.

A mark alone proves nothing: .NET writes `[Content_Types].xml` into every package, and exports of mail are made so too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from capstone.domain.mbox import HEAD_BYTES
from connectors.mailboxes.archives.members import Entry, Placed
from connectors.mailboxes.files.content import CONTAINER_ENDINGS, Content, content_of
from connectors.mailboxes.files.tree import Kind

Beginning = Callable[[Entry], bytes | None]
"""The first bytes of a member; None where they cannot be had."""

_NAMED_PART = re.compile(rb"\bPartName\s*=\s*[\"']/((?:word|xl|ppt|visio)/[^\"']+)[\"']")
_TYPES, _TYPE, _MANIFEST, _CLASS = b"[Content_Types].xml", b"mimetype", b"META-INF/MANIFEST.MF", b".class"
_KNOWN_TYPE = re.compile(rb"application/(?:vnd\.oasis\.opendocument\.[a-z-]+|vnd\.sun\.xml\.[a-z.]+|epub\+zip)\s*")
_OF_PROGRAMS = (b"Manifest-Version:", b"Signature-Version:", b"JarIndex-Version:")
"""What files in `META-INF/` begin with that look like a letter's header, and are none."""
_OF_MAIL = (b".eml", b".emlx", b".msg", *(ending.encode() for ending in CONTAINER_ENDINGS))


def is_document(placed: Sequence[Placed], beginning: Beginning) -> bool:
    """Whether its own marks say so, and no member looks like mail or like a file of mail, by its name, place or first bytes."""
    files = {one.entry.name: one.entry for one in placed}
    return _is_marked(files, beginning) and not any(_may_be_mail(one, beginning) for one in placed)


def _is_marked(files: Mapping[bytes, Entry], beginning: Beginning) -> bool:
    if _TYPES in files and not files.keys().isdisjoint(_NAMED_PART.findall(beginning(files[_TYPES]) or b"")):
        return True
    if _TYPE in files and _KNOWN_TYPE.fullmatch(beginning(files[_TYPE]) or b""):
        return True
    return _MANIFEST in files and any(name.endswith(_CLASS) for name in files)


def _may_be_mail(one: Placed, beginning: Beginning) -> bool:
    """Also where nobody can tell."""
    if one.trouble or one.kind is not Kind.FILE or one.name.lower().endswith(_OF_MAIL):
        return True
    head = beginning(one.entry)
    if head is None:
        return True
    if one.entry.name.startswith(b"META-INF/") and head.startswith(_OF_PROGRAMS):
        return False
    return content_of(head[:HEAD_BYTES]) not in (Content.NOT_MAIL, Content.EMPTY)
