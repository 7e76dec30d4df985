"""What else a server would say of an item, and says too little of: read from the message itself, for its envelope."""

from __future__ import annotations

from capstone.domain.facts.ladder import read_parts
from capstone.domain.facts.reports import reported_message
from capstone.domain.facts.security import is_rights_protected

_PROTECTED_VOICE_MAIL = "ipm.note.rpmsg.microsoft"
"""Its class; other protected mail is IPM.Note, and says of itself what it is ([MS-OXORMMS] 2.2)."""
_SIGNS = (b"rpmsg", b"multipart/report")
_HOLDS_PARTS = (b"multipart/", b"message/")
_LOOKED_AT = 1024 * 1024
"""Whether there is anything to read shows so early: in the header, or in the part behind a short text."""


def envelope_properties(raw: bytes, item_class: str) -> dict[str, str]:
    """Of `Envelope.properties`: `of_message` and `rights_protected`. Never raises for what the bytes hold."""
    found = _read(raw)
    if item_class.lower().startswith(_PROTECTED_VOICE_MAIL):
        found["rights_protected"] = "true"
    return found


def _read(raw: bytes) -> dict[str, str]:
    begin = _looked_at(raw)
    if not any(sign in begin for sign in _SIGNS):
        return {}
    reading = read_parts(raw)
    found = {"rights_protected": "true"} if is_rights_protected(reading.headers, reading.parts) else {}
    about = reported_message(reading)
    return found | {"of_message": about} if about else found


def _looked_at(raw: bytes) -> bytes:
    """The header alone where it tells of no parts, as it does most quickly."""
    end = raw.find(b"\r\n\r\n")
    header = raw[: max(end, 0)].lower()
    return header if header and not any(sign in header for sign in _HOLDS_PARTS) else raw[:_LOOKED_AT].lower()
