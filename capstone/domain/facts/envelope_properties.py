"""What else a server would say of an item, and says too little of: read from the message itself, for its envelope."""

from __future__ import annotations

from capstone.domain.facts.ladder import read_parts
from capstone.domain.facts.security import is_rights_protected

_PROTECTED_VOICE_MAIL = "ipm.note.rpmsg.microsoft"
"""Its class; other protected mail is IPM.Note, and says of itself what it is ([MS-OXORMMS] 2.2)."""
_LOOKED_AT = 1024 * 1024
"""Whether there is anything to read shows so early: in the header, or in the part behind a short text."""


def envelope_properties(raw: bytes, item_class: str) -> dict[str, str]:
    """Of `Envelope.properties`: `rights_protected`. Never raises for what the bytes hold."""
    is_protected = item_class.lower().startswith(_PROTECTED_VOICE_MAIL) or _is_protected(raw)
    return {"rights_protected": "true"} if is_protected else {}


def _is_protected(raw: bytes) -> bool:
    if b"rpmsg" not in raw[:_LOOKED_AT].lower():
        return False
    reading = read_parts(raw)
    return is_rights_protected(reading.headers, reading.parts)
