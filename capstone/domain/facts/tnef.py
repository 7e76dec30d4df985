"""TNEF (winmail.dat): the attachments and bodies that Outlook wraps. Reads by offset, bounded; never raises.

Format: [MS-OXTNEF]. Nothing found here changes the record; it names what the record holds.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from capstone.domain.facts.charsets import decoded
from capstone.domain.facts.mapi_properties import MapiProperty, read_properties, text_of
from capstone.domain.facts.rtf_compressed import RtfDamaged, decompressed

SIGNATURE = b"\x78\x9f\x3e\x22"
MAX_DEPTH = 5
MAX_MEMBERS = 1_000
UNNAMED = "Untitled Attachment"
_ATTRIBUTE_HEADER, _CHECKSUM = 9, 2
_BODY, _RENDERING, _TITLE, _DATA, _MESSAGE_PROPERTIES, _ATTACHMENT_PROPERTIES, _CODEPAGE = (
    0x800C,
    0x9002,
    0x8010,
    0x800F,
    0x9003,
    0x9005,
    0x9007,
)
_PR_BODY, _PR_RTF, _PR_HTML = 0x1000, 0x1009, 0x1013
_PR_NAMES = (0x3707, 0x3704, 0x370C, 0x3001)
"""Long name, short name, transport name, display name: the first that says anything is the name."""
_PR_DATA, _PR_METHOD = 0x3701, 0x3705
_METHOD_EMBEDDED_MESSAGE = 5
_OBJECT_ID = 16


@dataclass(slots=True)
class Member:
    """One attachment inside TNEF."""

    name: str = ""
    content: bytes = b""
    is_body: bool = False
    """Whether it is the message's own body in a rich form (message.rtf, message.html)."""


@dataclass(slots=True)
class Tnef:
    """What was found, and whether the stream broke off."""

    members: list[Member] = field(default_factory=list)
    text: str = ""
    html: str = ""
    rtf: bytes = field(default=b"", repr=False)
    """The message's own body as RTF, where it has one."""
    is_damaged: bool = False


def read_tnef(content: bytes) -> Tnef:
    """The contents of a TNEF stream as far as it can be read. Never raises."""
    found = Tnef()
    _Reader(found, 0).read(content)
    return found


class _Reader:
    def __init__(self, found: Tnef, depth: int) -> None:
        self._found = found
        self._depth = depth
        self._codepage = "cp1252"
        self._member: Member | None = None
        self._bodies: list[Member] = []

    def read(self, content: bytes) -> None:
        if not content.startswith(SIGNATURE):
            self._found.is_damaged = True
            return
        at, end = 6, len(content)
        while at < end and len(self._found.members) < MAX_MEMBERS:
            start = at + _ATTRIBUTE_HEADER
            length = int.from_bytes(content[at + 5 : start], "little")
            if start > end or start + length > end:
                self._found.is_damaged = True
            self._take(int.from_bytes(content[at + 1 : at + 3], "little"), content[start : start + length])
            at = start + length + _CHECKSUM
        self._close()

    def _take(self, attribute: int, value: bytes) -> None:
        if attribute == _RENDERING:
            self._close_member()
            self._member = Member()
        elif attribute == _CODEPAGE:
            self._codepage = f"cp{int.from_bytes(value[:4], 'little')}"
        elif attribute == _BODY and self._depth == 0:
            self._found.text = self._found.text or decoded(value, self._codepage)[0]
        elif attribute == _MESSAGE_PROPERTIES:
            self._take_message(self._properties(value))
        elif self._member is not None:
            self._take_attachment(self._member, attribute, value)

    def _take_attachment(self, member: Member, attribute: int, value: bytes) -> None:
        if attribute == _TITLE:
            member.name = member.name or decoded(value, self._codepage)[0].strip()
        elif attribute == _DATA:
            member.content = value
        elif attribute == _ATTACHMENT_PROPERTIES:
            self._take_attachment_properties(member, self._properties(value))

    def _take_attachment_properties(self, member: Member, properties: dict[int, MapiProperty]) -> None:
        for number in _PR_NAMES:
            name = text_of(properties.get(number), self._codepage).strip()
            if name and (number != _PR_NAMES[-1] or not member.name):
                member.name = name
                break
        data = properties.get(_PR_DATA)
        if data is None:
            return
        method = properties.get(_PR_METHOD)
        is_message = method is not None and int.from_bytes(method.value[:4], "little") == _METHOD_EMBEDDED_MESSAGE
        member.content = data.value[_OBJECT_ID:] if data.is_object else data.value
        if is_message and self._depth < MAX_DEPTH:
            _Reader(self._found, self._depth + 1).read(member.content)

    def _take_message(self, properties: dict[int, MapiProperty]) -> None:
        html = properties.get(_PR_HTML)
        if html is not None:
            raw = html.value if not html.is_unicode else text_of(html, self._codepage).encode("utf-8")
            self._bodies.append(Member("message.html", raw.rstrip(b"\0"), is_body=True))
            if self._depth == 0:
                self._found.html = decoded(raw, "utf-8" if html.is_unicode else self._codepage)[0]
        if self._depth == 0:
            self._found.text = self._found.text or text_of(properties.get(_PR_BODY), self._codepage)
        rtf = properties.get(_PR_RTF)
        if rtf is not None:
            self._take_rtf(rtf.value)

    def _take_rtf(self, packed: bytes) -> None:
        try:
            rtf = decompressed(packed)
        except RtfDamaged:
            self._found.is_damaged = True
            return
        self._bodies.append(Member("message.rtf", rtf, is_body=True))
        if self._depth == 0:
            self._found.rtf = rtf

    def _properties(self, value: bytes) -> dict[int, MapiProperty]:
        properties, is_whole = read_properties(value)
        if not is_whole:
            self._found.is_damaged = True
        return properties

    def _close_member(self) -> None:
        if self._member is not None:
            self._member.name = self._member.name or UNNAMED
            self._found.members.append(self._member)
            self._member = None

    def _close(self) -> None:
        self._close_member()
        self._found.members.extend(self._bodies)
