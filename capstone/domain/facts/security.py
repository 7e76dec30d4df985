"""S/MIME, PGP and rights protection: whether a message is signed or encrypted, by its structure and first bytes. Nothing is
verified."""

from __future__ import annotations

from collections.abc import Sequence

from capstone.domain.facts.file_types import RIGHTS_MANAGED
from capstone.domain.facts.headers import Headers
from capstone.domain.facts.parts import Part

_SMIME_TYPES = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
_SMIME_SIGNATURES = frozenset({"application/pkcs7-signature", "application/x-pkcs7-signature"})
_SIGNED_OID = bytes.fromhex("06092a864886f70d010702")
_ENVELOPED_OIDS = (bytes.fromhex("06092a864886f70d010703"), bytes.fromhex("060b2a864886f70d0109100117"))
_OID_WITHIN = 64
_TYPE_NAMES = {"signed-data": "smime-signed", "enveloped-data": "smime-encrypted", "authenveloped-data": "smime-encrypted"}


def security_of(headers: Headers, parts: list[Part], text: str) -> tuple[str, ...]:
    """Of smime-signed, smime-encrypted, pgp-signed, pgp-encrypted, rms-encrypted those that apply, sorted."""
    found: set[str] = {"rms-encrypted"} if is_rights_protected(headers, parts) else set()
    for part in parts:
        if part.content_type.startswith(("application/", "multipart/")):
            found.update(_of_part(part))
    if "-----BEGIN PGP " in text:
        found.update(_of_text(text))
    return tuple(sorted(found))


def is_rights_protected(headers: Headers, parts: Sequence[Part]) -> bool:
    """Whether the message, or one inside it, is rights-managed ([MS-OXORMMS] 2.2): an attachment holds its text, encrypted."""
    return any(_is_protected(part) for part in parts) or _says_protected(headers)


def _is_protected(part: Part) -> bool:
    if part.message is not None and _says_protected(part.message):
        return True
    return part.content_type == RIGHTS_MANAGED or part.file_name.lower().endswith(".rpmsg")


def _says_protected(headers: Headers) -> bool:
    return (headers.first("content-class") or "").lower() == "rpmsg.message"


def _of_part(part: Part) -> set[str]:
    kind = part.content_type
    protocol = part.params.get("protocol", "").lower()
    if kind == "application/pgp-encrypted" or (kind == "multipart/encrypted" and "pgp" in protocol):
        return {"pgp-encrypted"}
    if kind == "application/pgp-signature" or (kind == "multipart/signed" and "pgp" in protocol):
        return {"pgp-signed"}
    if kind in _SMIME_SIGNATURES or (kind == "multipart/signed" and "pkcs7" in protocol):
        return {"smime-signed"}
    return {_of_cms(part)} if kind in _SMIME_TYPES else set()


def _of_cms(part: Part) -> str:
    """The content's own type first: the parameter is often missing and sometimes wrong."""
    head = part.content[:_OID_WITHIN]
    if _SIGNED_OID in head:
        return "smime-signed"
    if any(oid in head for oid in _ENVELOPED_OIDS):
        return "smime-encrypted"
    return _TYPE_NAMES.get(part.params.get("smime-type", "").lower(), "smime-encrypted")


def _of_text(text: str) -> set[str]:
    found = set()
    if text.startswith("-----BEGIN PGP MESSAGE-----") or "\n-----BEGIN PGP MESSAGE-----" in text:
        found.add("pgp-encrypted")
    if text.startswith("-----BEGIN PGP SIGNED MESSAGE-----") or "\n-----BEGIN PGP SIGNED MESSAGE-----" in text:
        found.add("pgp-signed")
    return found
